"""Row-Gaussian propagation has the law of whole networks: the kernel and the outputs, at every width."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from two_samples import agree, generator, of_matrices

from symlimits.errors import NoRule
from symlimits.finite.network import Draw, Sampler, _chain, _observe, empirical_outputs, shapes, whole_weights
from symlimits.finite.rows import covariance_root, gaussian_rows, row_gaussian
from symlimits.language.activation import Activation, x
from symlimits.language.architecture import Dense, Serial, mlp, serial

RELU = Activation(sp.Max(x, 0))
ERF = Activation(sp.erf(x))
STEP = Activation(sp.Heaviside(x, sp.Rational(1, 2)))
ELU = Activation(sp.Piecewise((x, x > 0), (sp.exp(x) - 1, True)))
X = np.array([[1.0, 0.3], [-0.4, 0.8], [0.5, -1.2]])  # three points in the plane: a singular first layer
COUNT = 12_000
MANY = 300_000  # of the longer test

CASES = [
    (width, depth, (RELU, ERF, STEP, ELU)[(width + depth) % 4], (None, 0, "3/10")[(width + 2 * depth) % 3])
    for width in (1, 2, 3, 5, 17)
    for depth in (1, 2, 3, 4)
]


def functionals(
    net: Serial, data: np.ndarray, size: int, sampler: Sampler, seed: int, count: int = COUNT
) -> dict[str, np.ndarray]:
    draw = Draw(generator(seed), count, net.parameterization, iter(shapes(net, data.shape[1], size)), sampler)
    K, outputs = _observe(_chain(net.layers, data.T[None], draw), count, ("nngp", "output"))
    f = outputs[:, 0]
    solved = np.linalg.solve(np.eye(len(data)) + K, f[:, :, None])[:, :, 0]
    of_outputs = {"f_0": f[:, 0], "f_0 f_1": f[:, 0] * f[:, 1], "log |f|": np.log(1e-3 + np.linalg.norm(f, axis=1))}
    return of_matrices("K", K) | of_outputs | {"f (I + K)^-1 f": (f * solved).sum(axis=1)}


def same(net: Serial, data: np.ndarray, size: int, sampler: Sampler = row_gaussian, count: int = COUNT) -> bool:
    naive, ours = (functionals(net, data, size, s, k, count) for k, s in enumerate((whole_weights, sampler)))
    return agree(naive, ours)


@pytest.mark.parametrize(("width", "depth", "phi", "b_var"), CASES)
def test_law_of_the_kernel_and_the_outputs(width, depth, phi, b_var):
    assert same(mlp(depth, phi, "17/10", b_var), X, width)


@pytest.mark.slow
@pytest.mark.parametrize("width", [2, 4, 6])
def test_law_at_many_draws(width):
    assert same(mlp(3, ELU, 2, "3/10"), X, width, count=MANY)


@pytest.mark.parametrize("widths", [(2, 1), (1, 3), (3, 2, 1)])
def test_standard_parameterization_with_unequal_widths(widths):
    assert same(mlp(len(widths), RELU, 2, "3/10", "standard", widths=widths), X, 2)


@pytest.mark.parametrize(
    "data",
    [
        [[1.0, 2.0], [1.0, 2.0], [0.5, -1.0]],
        [[1.0, 2.0], [0.0, 0.0], [-2.0, -4.0]],
        [[1.0, 2.0], [1.0, 2.0 + 1e-9], [1e-6, 0.0]],
        [[0.0], [0.0]],
    ],
    ids=["equal", "vanishing and parallel", "nearly equal", "nothing"],
)
def test_singular_inputs(data):
    assert same(mlp(2, ERF, 2, None), np.array(data), 4)


def test_layers_that_are_not_alike():
    net = serial(Dense(2), ERF, Dense(1, "1/2"), Dense("1/3"), RELU, ERF, Dense(3, 1))
    assert same(net, X, 3)


# ---------------------------------------------------------------------- samplers made wrong on purpose


def with_more_variance(h, outputs, batch, rng):
    """Weights of variance 1.1."""
    return row_gaussian(h * np.sqrt(1.1), outputs, batch, rng)


def with_independent_inputs(h, outputs, batch, rng):
    """The diagonal of the covariance only."""
    norms = np.linalg.norm(h, axis=1, keepdims=True)
    return norms * rng.standard_normal((batch, outputs, h.shape[2])), None


def with_the_mean_covariance(h, outputs, batch, rng):
    """The limit in place of the network: the fluctuation of the layer below is lost."""
    K = (h.swapaxes(1, 2) @ h).mean(axis=0, keepdims=True)
    return gaussian_rows(K, outputs, batch, rng), None


@pytest.mark.parametrize("wrong", [with_more_variance, with_independent_inputs, with_the_mean_covariance])
@pytest.mark.parametrize("width", [5, 17])
def test_wrong_samplers_are_rejected(wrong, width):
    assert not same(mlp(3, RELU, "17/10", "3/10"), X, width, wrong)


# ------------------------------------------------------------------------------------ exact identities


@pytest.mark.parametrize("scale", [1.0, 1e-150, 1e150])
def test_the_root_is_as_accurate_for_small_variances_as_for_large_ones(scale):
    rng = generator(3)
    h = rng.standard_normal((50, 6, 4)) * np.array([1e-9, 1.0, 1e6, 1e-3])
    h[:, :, 3] = h[:, :, 0] * 1e6  # parallel inputs
    h[::2, :, 1] = 0.0
    K = (h.swapaxes(1, 2) @ h) * scale
    R = covariance_root(K)
    bound = np.sqrt(np.einsum("nii,njj->nij", K / scale, K / scale))
    assert (np.abs(R.swapaxes(1, 2) @ R / scale - K / scale) <= 1e-14 * bound).all()  # some 40 roundings
    assert (R[::2, :, 1] == 0).all()


def test_an_overflow_stays_one():
    assert np.isnan(covariance_root(np.array([[np.inf, 1.0], [1.0, 2.0]]))).all()


def test_rows_have_no_way_back():
    with pytest.raises(NoRule, match="sampler='exact'"):
        row_gaussian(X.T[None], 3, 1, generator(0))[1](X)


def test_outputs_of_both_samplers():
    """E f f' is the mean of the kernel; here f at one point is N(0, 2 p) given the data, without hidden layer."""
    for sampler in ("naive", "exact"):
        f = empirical_outputs(serial(Dense(2)), X, 8, 20_000, generator(1), sampler)
        assert f.shape == (20_000, 3)
        error = np.sqrt(2 / 20_000)  # of a sample variance, in units of it
        ratio = f.var(axis=0) / np.square(X).sum(axis=1)
        assert (np.abs(ratio - 1) < 5 * error).all()
        assert (np.abs(1.2 * ratio - 1) > 5 * error).all()
