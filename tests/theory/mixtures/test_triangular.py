"""Draws of the limit's mixing matrix: order of the scheme, moments, McKean's law, finite widths."""

import numpy as np
import pytest
import sympy as sp
from scipy.stats import kstest, norm

from symlimits.errors import DomainError
from symlimits.finite.deep_linear import triangular_factors
from symlimits.theory.mixtures.mehler_fock import Distance
from symlimits.theory.mixtures.moments import mixing_moment
from symlimits.theory.mixtures.triangular import bias, hyperbolic_distance, limit_factors, scheme
from tests.finite.two_samples import agree, generator, of_matrices

ALPHA = 1e-9  # a thousand comparisons in this file at most, 1e-6 over all
DEVIATIONS = 6.5  # standard errors: p = 8e-11, for means of variables with light tails (small a)


def mean_errors(Q: np.ndarray, a: float) -> dict[str, float]:
    """Means of Q and of products, off by how many standard errors."""
    symbol = sp.Symbol("a", positive=True)
    pairs = {"11": [(0, 0)], "12": [(0, 1)], "11 22": [(0, 0), (1, 1)], "12 12": [(0, 1)] * 2, "22 22": [(1, 1)] * 2}
    found = {}
    for name, indices in pairs.items():
        drawn = np.prod([Q[:, i, j] for i, j in indices], axis=0)
        truth = float(mixing_moment(indices, ratio="a").subs(symbol, a))
        found[name] = abs(drawn.mean() - truth) / (drawn.std() / np.sqrt(len(drawn)))
    return found


@pytest.mark.parametrize("dimension", [2, 3, 4])
def test_the_scheme_is_of_order_two(dimension):
    errors = [bias(dimension, 1.0, steps) for steps in (8, 16, 32)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert ((orders > 1.9) & (orders < 2.15)).all(), orders
    assert bias(dimension, 1.0) < 6e-4  # as STEP says


@pytest.mark.parametrize("dimension", [2, 3])
def test_moments_of_draws(dimension):
    M = limit_factors(dimension, 0.1, 100_000, generator(1))
    errors = mean_errors(M @ M.swapaxes(1, 2), 0.1)
    assert max(errors.values()) < DEVIATIONS, errors


def test_a_sampler_with_a_wrong_drift_is_rejected():
    """Diagonals of mean -a each, where the j-th has -ja: as if the layers' factors were square chi of N."""
    M = limit_factors(2, 0.1, 100_000, generator(1))
    M[:, 1, 1] *= np.exp(0.05)
    assert max(mean_errors(M @ M.swapaxes(1, 2), 0.1).values()) > DEVIATIONS


@pytest.mark.parametrize(("dimension", "a"), [(2, 1.0), (3, 0.5)])
def test_diagonals_are_independent_and_log_normal(dimension, a):
    M = limit_factors(dimension, a, 50_000, generator(2))
    logs = 2 * np.log(np.diagonal(M, axis1=1, axis2=2))
    for j in range(dimension):
        assert kstest(logs[:, j], norm(-(j + 1) * a, np.sqrt(2 * a)).cdf).pvalue > ALPHA
        assert kstest(logs[:, j], norm(-(j + 1.2) * a, np.sqrt(2 * a)).cdf).pvalue < ALPHA
    correlations = np.corrcoef(logs.T) - np.eye(dimension)
    assert np.abs(correlations).max() < DEVIATIONS / np.sqrt(len(logs))


def mckean(a: float):
    """The distribution function, by panels of the trapezoid rule: errors far below the distances asked for."""
    x = np.linspace(0, 10 * np.sqrt(a) + 4 * a, 8001)
    p = Distance(None, sp.nsimplify(a)).pdf(x)
    whole = np.concatenate([[0], np.cumsum(0.5 * (p[1:] + p[:-1])) * x[1]])
    assert abs(whole[-1] - 1) < 1e-6
    return lambda r: np.interp(r, x, whole)


def check_distances(a: float, count: int) -> None:
    cdf = mckean(a)
    rho = hyperbolic_distance(a, count, generator(3))
    assert kstest(rho, cdf).pvalue > ALPHA
    # a wrong sampler: no drift on the three-dimensional vector
    z = generator(4).standard_normal((count, 3)) * np.sqrt(a)
    u, y = np.linalg.norm(z, axis=1), generator(5).random(count)
    assert kstest(np.arccosh(1 + (np.cosh(u) - 1) * (1 - y**2)), cdf).pvalue < ALPHA
    rooted = limit_factors(2, a, count, generator(6))
    trace = np.square(rooted).sum(axis=(1, 2)) / (2 * rooted[:, 0, 0] * rooted[:, 1, 1])
    assert kstest(np.arccosh(np.maximum(trace, 1)), cdf).pvalue > ALPHA


def test_distances_follow_mckeans_law():
    check_distances(1.0, 100_000)


@pytest.mark.slow
@pytest.mark.parametrize("a", [0.25, 1.0, 3.0])
def test_distances_follow_mckeans_law_in_a_million_draws(a):
    check_distances(a, 1_000_000)


def of_factors(M: np.ndarray) -> dict[str, np.ndarray]:
    return of_matrices("Q", M @ M.swapaxes(1, 2))


def test_the_scheme_agrees_with_the_exact_draws_of_two_outputs():
    exact = of_factors(limit_factors(2, 1.0, 50_000, generator(7)))
    assert agree(exact, of_factors(scheme(2, 1.0, 50_000, generator(8), 32)))
    assert not agree(exact, of_factors(scheme(2, 1.3, 50_000, generator(8), 32)))


def test_three_outputs_agree_with_wide_networks():
    """Width 400, depth 200: the bias of order 1/N is below the distance that 10,000 draws tell."""
    finite = of_factors(triangular_factors((400,) * 200, 3, 10_000, generator(9)))
    assert agree(finite, of_factors(limit_factors(3, 0.5, 10_000, generator(10))))
    assert not agree(finite, of_factors(limit_factors(3, 0.8, 10_000, generator(10))))


@pytest.mark.parametrize("ratio", [0, -1.0, float("inf"), float("nan")])
def test_ratios_out_of_range_are_refused(ratio):
    with pytest.raises(DomainError, match="ratio"):
        limit_factors(3, ratio, 10, generator(0))
