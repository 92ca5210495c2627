"""Bounds of bounded means: never exceeded more often than they say, and inverted exactly."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import bdtr, bdtrc

from symlimits.finite.bounded import (
    bernstein_quantile,
    binomial_detectable,
    binomial_interval,
    binomial_p_value,
    largest_variance,
)
from tests.binomial import more_than

ROUNDING = 1e-9  # of incomplete beta functions and their inverses


@pytest.mark.parametrize("probability", [0.02, 0.3])
def test_bounds_hold(probability: float) -> None:
    runs, n, level = 4000, 200, 0.05
    draws = np.random.default_rng(0).random((runs, n)) < probability
    variance = probability * (1 - probability)
    limit = bernstein_quantile(variance / n, 1 / n, level)
    exceeded = int((draws.mean(axis=1) - probability >= limit).sum())
    assert not more_than(exceeded, runs, level)
    assert more_than(int((draws.mean(axis=1) - probability >= limit / 2).sum()), runs, level), "no idle bound"
    below = sum(largest_variance(row.var(ddof=1), n, 1.0, level) < variance for row in draws)
    assert not more_than(below, runs, level)


@pytest.mark.parametrize("probability", [0.001, 0.2, 0.5, 0.9])
def test_the_detectable_difference_is_found_with_the_power_and_no_less_is(probability: float) -> None:
    n, level, power = 500, 1e-3, 0.95
    counts = np.arange(n + 1)
    rejected = np.array([binomial_p_value(k, n, probability) <= level for k in counts.tolist()])
    distance = binomial_detectable(n, probability, level, power)

    def found(true: float) -> float:
        steps = np.diff(np.concatenate([[0.0], bdtr(counts, n, true)]))
        return float(steps[rejected].sum())

    ends = [p for p in (probability - distance, probability + distance) if 0 <= p <= 1]
    assert min(map(found, ends)) >= power - ROUNDING
    assert found(probability) <= level
    nearer = [probability - 0.9 * distance, probability + 0.9 * distance]
    assert min(found(p) for p in nearer if 0 <= p <= 1) < power


def test_the_interval_is_what_the_test_accepts() -> None:
    low, high = binomial_interval(7, 40, 0.05)
    assert bdtrc(6, 40, low) == pytest.approx(0.025, rel=ROUNDING)
    assert bdtr(7, 40, high) == pytest.approx(0.025, rel=ROUNDING)
