"""Statistics about the statistics: the rates that a test promises are the rates it has."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import bdtr, bdtrc

from symlimits.errors import DataError, DomainError
from symlimits.finite.statistics import Moments, extrapolate, mean_test, merge, moments, negative_control, seed

ALPHA = 1e-6  # false alarms of each random test of this file; seeds are fixed


def binomial_agrees(successes: int, trials: int, probability: float) -> bool:
    """Whether the count lies inside its two-sided binomial interval at level ALPHA."""
    below, above = bdtr(successes, trials, probability), bdtrc(successes - 1, trials, probability)
    return bool(min(below, above) > ALPHA / 2)


def estimates(repetitions: int, offset: float = 0.0) -> list[tuple[float, float]]:
    rng = np.random.default_rng(11)
    results = [moments(values) for values in rng.normal(offset, 2.0, size=(repetitions, 1000))]
    return [(result.mean, result.standard_error) for result in results]


def test_false_alarms_are_as_frequent_as_promised():
    alarms = sum(mean_test(mean, error, 0.0, 0.05).rejected for mean, error in estimates(2000))
    assert binomial_agrees(alarms, 2000, 0.05)
    assert not binomial_agrees(alarms, 2000, 0.1), "a test with twice the rate would be noticed"


@pytest.mark.parametrize("alpha", [0.05, 1e-6])
def test_the_detectable_discrepancy_is_detected(alpha):
    error = 2.0 / np.sqrt(1000)
    offset = mean_test(0.0, error, 0.0, alpha).detectable
    found = sum(mean_test(mean, error, 0.0, alpha).rejected for mean, _ in estimates(2000, offset))
    assert binomial_agrees(found, 2000, 0.95)
    assert not binomial_agrees(found, 2000, 0.9)


def test_negative_control_is_rejected_whenever_the_value_is_accepted():
    accepted = [(m, e) for m, e in estimates(500) if not mean_test(m, e, 0.0, 1e-6).rejected]
    assert len(accepted) == 500
    assert all(negative_control(m, e, 0.0, 1e-6).rejected for m, e in accepted)


def test_known_values_of_the_test():
    result = mean_test(1.96, 1.0, 0.0, 0.05)
    assert (result.z, result.alpha, result.degenerate) == (1.96, 0.05, False)
    assert result.p_value == pytest.approx(0.0499957902964, rel=1e-11)
    assert result.detectable == pytest.approx(1.959963984540 + 1.644853626951, rel=1e-11)
    assert result.rejected
    assert not mean_test(1.9599, 1.0, 0.0, 0.05).rejected


@pytest.mark.parametrize("value", [0.0, 1e-30, -3.7, 2e40])
def test_without_noise_equality_within_rounding_decides(value):
    rounded = value * (1 + 4e-16)
    assert mean_test(value, 0.0, value, 1e-6).z == 0.0
    assert mean_test(value, 0.0, rounded, 1e-6).degenerate
    assert not mean_test(value, 0.0, rounded, 1e-6).rejected
    assert not mean_test(value, 1e-17 * abs(value), rounded, 1e-6).rejected
    assert mean_test(value, 0.0, value + 1e-9 * max(1.0, abs(value)), 1e-6).rejected
    assert negative_control(value, 0.0, rounded, 1e-6).rejected


@pytest.mark.parametrize(
    "arguments", [(0, 1, 0, 0), (0, 1, 0, 1), (0, -1, 0, 0.1), (np.nan, 1, 0, 0.1), (0, np.inf, 0, 0.1)]
)
def test_a_test_without_meaning_is_refused(arguments):
    with pytest.raises(DomainError, match="alpha"):
        mean_test(*arguments)


def test_moments_merge_to_the_whole():
    values = np.random.default_rng(0).normal(1e6, 1e-2, size=1000)
    whole, merged = moments(values), Moments(0, 0.0, 0.0)
    for part in np.split(values, [1, 10, 10, 500]):
        merged = merge(merged, moments(part))
    exact = np.longdouble(values)
    variance = float(((exact - exact.mean()) ** 2).sum() / 999)
    for result in (whole, merged):
        assert result.count == 1000
        assert result.mean == pytest.approx(float(exact.mean()), rel=1e-15)
        assert result.variance == pytest.approx(variance, rel=1e-6)  # the means round at 1e-10, 1e-8 of the spread
        assert result.standard_error == pytest.approx((variance / 1000) ** 0.5, rel=1e-6)


def test_moments_at_the_ends():
    assert moments([0.1] * 7) == Moments(7, 0.1, 0.0)
    assert moments([]).standard_error == moments([1.0]).standard_error == np.inf
    with pytest.raises(DataError, match="not finite"):
        moments([1.0, np.nan])


@pytest.mark.parametrize("order", [0.5, 1, 2])
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_extrapolation_recovers_coefficients(order, degree):
    sizes, coefficients = (16, 32, 100, 512, 1000), (0.75, -3.0, 20.0, 5.0)[: degree + 1]
    means = [sum(c * n ** (-order * j) for j, c in enumerate(coefficients)) for n in sizes]
    fit = extrapolate(sizes, means, [1e-3, 2e-3, 1e-4, 1e-4, 3e-4], order, degree)
    # 1e-15 is the rounding of the means; the higher coefficients are seen through smallest^(order*degree)
    np.testing.assert_allclose(fit.coefficients, coefficients, rtol=1e-12 * 16 ** (order * degree))
    assert fit.limit == pytest.approx(0.75, rel=1e-12)
    assert fit.dof == 4 - degree
    assert fit.chi_square < 1e-15


def test_extrapolation_has_the_error_of_least_squares():
    sizes, errors = np.array([20, 40, 80, 160]), np.array([0.1, 0.2, 0.1, 0.3])
    design = (1.0 / sizes)[:, None] ** np.arange(3) / errors[:, None]
    expected = np.sqrt(np.linalg.inv(design.T @ design)[0, 0])
    assert extrapolate(sizes.tolist(), np.ones(4), errors, 1).standard_error == pytest.approx(expected, rel=1e-9)


def test_extrapolation_covers_the_limit():
    rng, sizes, repetitions = np.random.default_rng(4), (32, 64, 128, 512), 1000
    errors = np.array([0.02, 0.01, 0.02, 0.01])
    means = 2.0 - 3.0 / np.array(sizes) + 10.0 / np.square(sizes) + errors * rng.standard_normal((repetitions, 4))
    fits = [extrapolate(sizes, row, errors, 1) for row in means]
    covered = sum(not mean_test(fit.limit, fit.standard_error, 2.0, 0.05).rejected for fit in fits)
    assert binomial_agrees(covered, repetitions, 0.95)
    assert not binomial_agrees(covered, repetitions, 0.9)
    # chi-square has mean dof = 1 and variance 2: seven standard deviations of the average
    assert np.mean([fit.chi_square for fit in fits]) == pytest.approx(1.0, abs=7 * np.sqrt(2 / repetitions))


def test_extrapolation_of_exact_means():
    fit = extrapolate((32, 128, 512), [0.5, 0.5, 0.5], [0.0, 0.0, 0.0], 1)
    assert not mean_test(fit.limit, fit.standard_error, 0.5, 1e-6).rejected
    assert mean_test(fit.limit, fit.standard_error, 0.5 + 1e-9, 1e-6).rejected
    assert extrapolate((32, 128), [0.0, 0.0], [0.0, 0.0], 1).limit == 0.0
    assert extrapolate((32,), [0.25], [0.1], 1).standard_error == pytest.approx(0.1)


def test_extrapolation_refuses():
    with pytest.raises(DataError, match="one for each of 3 sizes"):
        extrapolate((1, 2, 3), [1, 2], [1, 2], 1)
    with pytest.raises(DataError, match="not finite"):
        extrapolate((1, 2), [1, 2], [1, np.inf], 1)
    with pytest.raises(DomainError, match="more sizes than the degree"):
        extrapolate((8, 8, 16), [1, 1, 2], [1, 1, 1], 1)
    with pytest.raises(DomainError, match="positive sizes"):
        extrapolate((0, 8), [1, 1], [1, 1], 1)


def test_seeds_are_functions_of_their_key():
    keys = [("relu", 32, 0, 0), ("erf", 32, 0, 0), ("relu", 33, 0, 0), ("relu", 32, 1, 0), ("relu", 32, 0, 1)]
    draws = [seed(*key).standard_normal(4).tolist() for key in keys]
    assert len({tuple(draw) for draw in draws}) == len(keys)
    assert draws == [seed(*key).standard_normal(4).tolist() for key in reversed(keys)][::-1]


def test_seeds_are_the_same_in_every_session():
    """Python's own hash changes from one process to the next; this number may not."""
    assert seed("relu", 32, 0, 0).integers(2**63) == 5473993934439830770
