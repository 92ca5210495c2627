"""The triangular sampler has the law of the product of the weights; moments, and special cases known exactly."""

from __future__ import annotations

import pickle
from dataclasses import replace
from math import prod

import numpy as np
import pytest
import sympy as sp
from scipy.stats import chi2, kstest
from two_samples import ALPHA, FAMILY, agree, generator

from symlimits.errors import DataError, DomainError
from symlimits.finite.deep_linear import DeepLinear, input_root, triangular_factors
from symlimits.finite.network import empirical_outputs
from symlimits.finite.statistics import mean_test, moments
from symlimits.language.activation import Activation, x
from symlimits.language.architecture import mlp

COUNT = 20_000
MANY = 500_000  # of the longer test
DRAWS = 200_000  # for moments
MOMENT_ALPHA = 1e-8  # of one mean
WIDTHS = [(1,), (2,), (5,), (17,), (3, 3), (1, 17), (5, 2), (2, 5), (4, 5, 3), (3, 1, 3), (17, 2, 5, 3), (5, 5, 5, 5)]
K0 = {
    1: np.array([[1.5]]),
    2: np.array([[1.0, -0.6], [-0.6, 0.8]]),
    3: np.array([[2.0, 0.5, 0.0], [0.5, 1.0, -0.3], [0.0, -0.3, 0.7]]),
}


def functionals(S: np.ndarray) -> dict[str, np.ndarray]:
    """Entries, cross products, norms and determinants of outputs (count, D, P)."""
    _, D, P = S.shape
    found = {
        "first": S[:, 0, 0],
        "last": S[:, -1, -1],
        "log |S|": np.log(1e-3 + np.linalg.norm(S, axis=(1, 2))),
        "first last": S[:, 0, 0] * S[:, -1, -1],
        "log det(I + S S')": np.linalg.slogdet(np.eye(D) + S @ S.swapaxes(1, 2))[1],
        "log(1 + a S' S a)": np.log1p(np.square(S @ (np.arange(P) - 0.5)).sum(axis=1)),
        "largest singular value": np.linalg.norm(S, 2, axis=(1, 2)),
    }
    if D > 1:
        found["s_1^2 s_2^2"] = np.square(S[:, 0, 0] * S[:, 1, 0])
        found["s_1 . s_2"] = (S[:, 0] * S[:, 1]).sum(axis=1)
    if D > 1 and P > 1:
        found["minor"] = S[:, 0, 0] * S[:, 1, 1] - S[:, 0, 1] * S[:, 1, 0]
    return found


def same(net: DeepLinear, exact: DeepLinear | None = None, count: int = COUNT) -> bool:
    naive = replace(net, sampler="naive").draws(count, generator(1))
    return agree(functionals(naive), functionals((exact or net).draws(count, generator(2))))


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
@pytest.mark.parametrize(("D", "P"), [(1, 1), (2, 3), (3, 2), (3, 1), (3, 3)])
def test_law_of_the_outputs(widths, D, P):
    assert same(DeepLinear(widths, D, K0[P]))


@pytest.mark.slow
@pytest.mark.parametrize("widths", [(4, 5, 3), (3, 1, 3), (2, 5)], ids=str)
@pytest.mark.parametrize(("D", "P"), [(3, 3), (2, 3), (3, 2)])
def test_law_at_many_draws(widths, D, P):
    assert same(DeepLinear(widths, D, K0[P]), count=MANY)


@pytest.mark.parametrize("D", [1, 2, 4])
@pytest.mark.parametrize(
    "covariance",
    [[[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]], [[1.0, 1e-9], [1e-9, 1e-18]], [[0.0]]],
    ids=["equal and vanishing", "parallel", "nothing"],
)
def test_singular_inputs(D, covariance):
    assert same(DeepLinear((3, 2), D, covariance))


@pytest.mark.parametrize(("widths", "wrong"), [((5, 5), (5, 8)), ((2, 5), (3, 5)), ((17, 17, 17), (17, 17))], ids=str)
def test_other_widths_are_rejected(widths, wrong):
    net = DeepLinear(widths, 3, K0[3])
    assert not same(net, replace(net, widths=wrong))


def test_wrong_factors_are_rejected(monkeypatch):
    """Chi variates that do not lose a degree of freedom from row to row; a covariance 1.1 times as large."""
    net = DeepLinear((5, 5), 3, K0[3])
    assert not same(net, replace(net, covariance=1.1 * K0[3]))

    def square_factors(widths, dimension, count, rng):
        M = np.eye(dimension)
        for N in widths:
            T = np.tril(rng.standard_normal((count, dimension, dimension)), -1)
            T += np.eye(dimension) * np.sqrt(rng.chisquare(N, (count, dimension, 1)))
            M = M @ T / np.sqrt(N)
        return M

    monkeypatch.setattr("symlimits.finite.deep_linear.triangular_factors", square_factors)
    assert not same(net)


def test_the_same_law_as_a_network_with_the_identity_for_activation():
    X = np.array([[1.0, 0.3], [-0.4, 0.8]])
    net = mlp(3, Activation(x), 1, 0, "standard", widths=(2, 1, 3))
    outputs = empirical_outputs(net, X, 2, COUNT, generator(1), sampler="naive")
    ours = DeepLinear((4, 2, 6), 1, X @ X.T / 2).draws(COUNT, generator(2))
    assert agree(functionals(outputs[:, None]), functionals(ours))
    assert isinstance(net.layers[1].layers[0].expr, sp.Symbol)


# ------------------------------------------------------------------------------------------- moments


@pytest.mark.parametrize(("widths", "D"), [((4,), 2), ((6, 9), 3), ((8, 2, 8), 2), ((2, 6), 3)], ids=str)
def test_moments_of_the_mixing_matrix(widths, D):
    """E Q = I; E Q_ij Q_kl from p = prod(1 + 2/N) and m = prod(1 - 1/N), rank-deficient factors included."""
    M = triangular_factors(widths, D, DRAWS, generator(5))
    assert M.shape == (DRAWS, D, min(D, *widths))
    np.testing.assert_array_equal(M, np.tril(M))
    Q = M @ M.swapaxes(1, 2)
    p, m = (prod(1 + k / N for N in widths) for k in (2, -1))
    wrong = prod(1 + 2 / (N + 1) for N in widths)
    expected = {
        "mean": (Q[:, 0, 0], 1.0, 1.1),
        "last mean": (Q[:, -1, -1], 1.0, 1.1),
        "off the diagonal": (Q[:, 0, 1], 0.0, 0.1),
        "square": (Q[:, 0, 0] ** 2, p, wrong),
        "last square": (Q[:, -1, -1] ** 2, p, wrong),
        "product": (Q[:, 0, 0] * Q[:, 1, 1], (p + 2 * m) / 3, (wrong + 2 * m) / 3),
        "cross": (Q[:, 0, 1] ** 2, (p - m) / 3, (wrong - m) / 3),
    }
    for name, (values, mean, false) in expected.items():
        sample = moments(values)
        assert not mean_test(sample.mean, sample.standard_error, mean, MOMENT_ALPHA).rejected, name
        assert mean_test(sample.mean, sample.standard_error, false, MOMENT_ALPHA).rejected, name


def test_one_layer_and_one_output_is_chi_square():
    """M^2 N is chi-square of N degrees of freedom."""
    for N in (1, 2, 7):
        M = triangular_factors((N,), 1, COUNT, generator(N))[:, 0, 0]
        assert kstest(N * M**2, chi2(N).cdf).pvalue > ALPHA / FAMILY
        assert kstest(N * M**2, chi2(N + 0.5).cdf).pvalue < ALPHA / FAMILY


@pytest.mark.parametrize(("N", "L"), [(40, 10), (100, 50)])
def test_log_moments_of_deep_networks(N, L):
    """log of the mixing variable: mean and variance are sums of digammas and trigammas."""
    logs = 2 * np.log(triangular_factors((N,) * L, 1, 40_000, generator(9))[:, 0, 0])
    mean = L * float(sp.digamma(sp.Rational(N, 2)) - sp.log(sp.Rational(N, 2)))
    variance = L * float(sp.trigamma(sp.Rational(N, 2)))
    assert abs(logs.mean() - mean) < 5.5 * np.sqrt(variance / 40_000)
    assert abs(logs.mean()) > 5.5 * np.sqrt(variance / 40_000)
    assert abs(logs.var() / variance - 1) < 5.5 * np.sqrt(2.2 / 40_000)  # nearly Gaussian: kurtosis near 3


# ----------------------------------------------------------------------------------------- interface


def test_draws_follow_the_generator_alone():
    for sampler in ("exact", "naive"):
        net = DeepLinear((5, 3), 2, K0[2], sampler)
        again = pickle.loads(pickle.dumps(net))
        assert again == net
        assert hash(again) == hash(net)
        np.testing.assert_array_equal(net.draws(7, generator(1)), again.draws(7, generator(1)))
        assert (net.draws(7, generator(1)) != net.draws(7, generator(2))).all()
        assert net.draws(0, generator(1)).shape == (0, 2, 2)


def test_inputs_from_their_products():
    for P, K in K0.items():
        A = input_root(K)
        assert A.shape == (P, P)
        np.testing.assert_allclose(A.T @ A, K, atol=1e-15)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (((0,),), DomainError, "width = 0"),
        (((2.5,),), DomainError, "width = 2.5"),
        ((3,), DomainError, "a sequence of hidden widths"),
        (((3,), 0), DomainError, "outputs = 0"),
        (((3,), 1, [[1.0, 2.0], [2.0, 1.0]]), DomainError, "an eigenvalue -1"),
        (((3,), 1, [[1.0, 2.0]]), DataError, "symmetric"),
        (((3,), 1, [[np.nan]]), DataError, "finite"),
        (((3,), 1, [[1.0]], "fast"), DomainError, "'exact' or 'naive'"),
    ],
)
def test_what_is_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        DeepLinear(*arguments)
