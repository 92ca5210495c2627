"""Statistics about the statistics: the rates that a test promises are the rates it has."""

from __future__ import annotations

import numpy as np
import pytest

from symlimits.errors import DataError, DomainError
from symlimits.finite.statistics import (
    EMPTY,
    Moments,
    degrees_of_freedom,
    mean_test,
    merge,
    moments,
    negative_control,
    seed,
)
from tests.binomial import binomial_agrees


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


@pytest.mark.parametrize("side", [-1, 1])
def test_negative_control_of_a_rejected_value_moves_away_from_the_estimate(side):
    for z in np.linspace(5.0, 15.0, 21):
        assert mean_test(side * z, 1.0, 0.0, 1e-6).rejected
        assert negative_control(side * z, 1.0, 0.0, 1e-6).rejected


def test_known_values_of_the_test():
    result = mean_test(1.96, 1.0, 0.0, 0.05)
    assert (result.statistic, result.alpha) == (1.96, 0.05)
    assert result.p_value == pytest.approx(0.0499957902964, rel=1e-11)
    assert result.detectable == pytest.approx(1.959963984540 + 1.644853626951, rel=1e-11)
    assert result.rejected
    assert not mean_test(1.9599, 1.0, 0.0, 0.05).rejected


def test_few_draws_are_tested_by_student():
    """Ten draws: a normal test alarms twice as often as promised, Student's as often."""
    rng, offset = np.random.default_rng(12), mean_test(0.0, 10**-0.5, 0.0, 0.05, dof=9).detectable
    samples = [moments(row) for row in rng.standard_normal((4000, 10))]

    def rejected(dof: float, value: float = 0.0) -> int:
        return sum(mean_test(m.mean, m.standard_error, value, 0.05, dof).rejected for m in samples)

    assert binomial_agrees(rejected(9), 4000, 0.05)
    assert not binomial_agrees(rejected(np.inf), 4000, 0.05)
    # the noncentral t says 0.955: the formula of `detectable` is a little large for few draws
    assert binomial_agrees(rejected(9, offset), 4000, 0.955)


def test_degrees_of_freedom_of_a_sum():
    """The variance of the squared error is 2 over the degrees of freedom."""
    rng = np.random.default_rng(13)
    small, large = rng.normal(0, 1.0, (20_000, 8)), rng.normal(0, 4.0, (20_000, 32))
    squares = small.var(axis=1, ddof=1) / 8 + large.var(axis=1, ddof=1) / 32
    total = 1 / 8 + 16 / 32
    dof = degrees_of_freedom([8, 32], [(1 / 8 / total) ** 0.5, (16 / 32 / total) ** 0.5])
    assert squares.var() / total**2 == pytest.approx(2 / dof, rel=0.07)  # 6 standard errors of a variance
    assert degrees_of_freedom([8, 32], [0.0, 0.0]) == np.inf


@pytest.mark.parametrize("value", [0.0, 1e-30, -3.7, 2e40])
def test_without_noise_equality_within_rounding_decides(value):
    rounded = value * (1 + 4e-16)
    assert mean_test(value, 0.0, value, 1e-6).statistic == 0.0
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
    whole, merged = moments(values), EMPTY
    for part in np.split(values, [1, 10, 10, 500]):
        merged = merge(merged, moments(part))
    exact = np.longdouble(values)
    variance = float(((exact - exact.mean()) ** 2).sum() / 999)
    for result in (whole, merged):
        assert result.count == 1000
        assert result.mean == pytest.approx(float(exact.mean()), rel=1e-15)
        assert result.variance == pytest.approx(variance, rel=1e-6)  # the means round at 1e-10, 1e-8 of the spread
        assert result.standard_error == pytest.approx((variance / 1000) ** 0.5, rel=1e-6)


@pytest.mark.parametrize("unit", [1.0, 1e-120, 1e120])
def test_the_shape_of_tails_merges_at_any_scale(unit):
    """Fourth powers of such draws are no floats."""
    values = np.random.default_rng(2).gamma(0.7, size=5000) + np.repeat([0.0, 3.0], [4000, 1000])
    standard = (values - values.mean()) / values.std()
    merged = EMPTY
    for part in np.split(values * unit, [1, 3, 3, 700, 4000]):
        merged = merge(merged, moments(part))
    for result in (moments(values * unit), merged, merge(merged, EMPTY)):
        assert result.skewness == pytest.approx(float((standard**3).mean()), rel=1e-12)
        assert result.kurtosis == pytest.approx(float((standard**4).mean()), rel=1e-12)
    assert merge(moments([unit] * 3), moments([unit] * 2)) == Moments(5, unit, 0.0, 0.0, 1.0)


def test_moments_at_the_ends():
    assert moments([0.1] * 7) == Moments(7, 0.1, 0.0, 0.0, 1.0)
    assert moments([]).standard_error == moments([1.0]).standard_error == np.inf
    with pytest.raises(DataError, match="not finite"):
        moments([1.0, np.nan])


def test_seeds_are_functions_of_their_key():
    keys = [("relu", 32, 0, 0), ("erf", 32, 0, 0), ("relu", 33, 0, 0), ("relu", 32, 1, 0), ("relu", 32, 0, 1)]
    draws = [seed(*key).standard_normal(4).tolist() for key in keys]
    assert len({tuple(draw) for draw in draws}) == len(keys)
    assert draws == [seed(*key).standard_normal(4).tolist() for key in reversed(keys)][::-1]


def test_seeds_are_the_same_in_every_session():
    """Python's own hash changes from one process to the next; this number may not."""
    assert seed("relu", 32, 0, 0).integers(2**63) == 5473993934439830770
