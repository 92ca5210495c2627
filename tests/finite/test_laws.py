"""Tests of laws: alarms at most as promised, power at least as promised, atoms included."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pytest
from scipy.special import ndtr

from symlimits.errors import DataError, DomainError
from symlimits.finite.laws import _critical_steps, _exceedance, law_control, law_test, samples_control, samples_test
from tests.binomial import binomial_agrees, fewer_than, more_than

REPETITIONS = 1000


def dice(values: np.ndarray) -> np.ndarray:
    return np.clip(np.floor(values), 0, 6) / 6


def shifted_mixture(rng: np.random.Generator, shape: tuple[int, int], weight: float) -> np.ndarray:
    """Uniform draws of which a fraction lies at 2: at the distance `weight` from uniform ones."""
    values = rng.random(shape)
    values[rng.random(shape) < weight] = 2.0
    return values


def uniform(values: np.ndarray) -> np.ndarray:
    return np.clip(values, 0, 1)


def test_false_alarms_and_power():
    rng, n = np.random.default_rng(0), 400
    detectable = law_test(rng.random(n), uniform, 0.05).detectable
    alarms = sum(law_test(row, uniform, 0.05).rejected for row in rng.random((REPETITIONS, n)))
    found = sum(law_test(r, uniform, 0.05).rejected for r in shifted_mixture(rng, (REPETITIONS, n), detectable))
    assert not more_than(alarms, REPETITIONS, 0.05)
    assert more_than(alarms, REPETITIONS, 0.01), "the bound is nearly attained: it is no idle one"
    assert not fewer_than(found, REPETITIONS, 0.95)


def test_the_distance_of_a_law_with_atoms():
    draws = np.array([1, 1, 2, 3, 3, 3, 6, 6, 6, 6.0])
    result = law_test(draws, dice, 0.05)
    assert result.statistic == pytest.approx(5 / 6 - 0.6)  # at 5, just before 6
    assert not law_test(np.repeat(np.arange(1.0, 7.0), 50), dice, 1e-6).statistic > 1e-12
    # without the left limits the atom of all draws would be a distance of 1
    assert law_test(np.zeros(1000), lambda x: np.where(x < 0, 0.0, 1.0), 1e-6).statistic == 0.0


def test_the_statistic_is_the_supremum():
    rng = np.random.default_rng(2)
    draws = np.round(rng.standard_normal(50), 1)  # with ties
    grid = np.linspace(-5, 5, 200_001)
    seen = np.searchsorted(np.sort(draws), grid, side="right") / draws.size
    gap = float(np.abs(seen - ndtr(grid)).max())
    assert gap <= law_test(draws, ndtr, 0.05).statistic <= gap + 1e-4  # the grid is as fine as 5e-5


@pytest.mark.parametrize(("draw", "cdf"), [("random", uniform), ("standard_normal", ndtr)])
def test_the_control_is_as_far_away_as_it_says_and_rejected(draw, cdf):
    draws = getattr(np.random.default_rng(1), draw)(1000)
    honest, control = law_test(draws, cdf, 1e-6), law_control(draws, cdf, 1e-6)
    assert not honest.rejected
    assert control.rejected
    assert control.statistic == pytest.approx(1.5 * honest.detectable, abs=honest.statistic + 1e-9)
    atoms = np.random.default_rng(1).integers(1, 7, 1000).astype(float)
    assert not law_test(atoms, dice, 1e-6).rejected
    assert law_control(atoms, dice, 1e-6).rejected


def test_known_values():
    result = law_test([0.5], uniform, 0.5)
    assert (result.statistic, result.rejected) == (0.5, False)
    n = 200
    assert law_test(np.full(n, 0.5), uniform, 0.05).p_value == pytest.approx(2 * np.exp(-2 * n * 0.25))


@pytest.mark.parametrize("n", [1, 3, 5])
def test_two_samples_against_all_arrangements(n):
    """All ways in which two samples of n can lie among each other are equally likely."""
    counts = np.zeros(n + 1, dtype=int)
    for places in combinations(range(2 * n), n):
        steps = np.full(2 * n, -1)
        steps[list(places)] = 1
        counts[np.abs(steps.cumsum()).max()] += 1
    for k in range(n + 1):
        assert _exceedance(k, n) == pytest.approx(counts[k:].sum() / comb(2 * n, n), rel=1e-12)


def test_two_samples_false_alarms_and_power():
    rng, n = np.random.default_rng(3), 300
    pairs = rng.standard_normal((REPETITIONS, 2, n))
    detectable = samples_test(*pairs[0], 0.05).detectable
    alarms = sum(samples_test(a, b, 0.05).rejected for a, b in pairs)
    wrong = shifted_mixture(rng, (REPETITIONS, n), detectable)
    found = sum(samples_test(rng.random(n), row, 0.05).rejected for row in wrong)
    assert binomial_agrees(alarms, REPETITIONS, _exceedance(_critical_steps(n, 0.05), n)), "the distribution is exact"
    assert _exceedance(_critical_steps(n, 0.05), n) <= 0.05
    assert not fewer_than(found, REPETITIONS, 0.95)


def test_two_samples_threshold_and_control():
    rng = np.random.default_rng(4)
    a, b = rng.standard_normal((2, 2000))
    critical = _critical_steps(2000, 1e-6)
    assert _exceedance(critical, 2000) <= 1e-6 < _exceedance(critical - 1, 2000)
    assert not samples_test(a, b, 1e-6).rejected
    assert samples_control(a, b, 1e-6).rejected
    assert samples_test(np.round(a), np.round(b), 1e-6).p_value > 1e-6, "ties"
    assert not samples_test(np.zeros(3), np.ones(3), 0.01).rejected, "three draws decide nothing at 1 %"


def test_refusals():
    with pytest.raises(DataError, match="rise from 0 to 1"):
        law_test([0.0, 1.0], lambda x: 2 * x, 0.05)
    with pytest.raises(DataError, match="draws of shape"):
        law_test([], uniform, 0.05)
    with pytest.raises(DataError, match="equally many"):
        samples_test([1.0], [1.0, 2.0], 0.05)
    with pytest.raises(DomainError, match="alpha = 2"):
        law_test([0.5], uniform, 2)
    with pytest.raises(DomainError, match="more draws"):
        law_control([0.1, 0.5, 0.7], uniform, 1e-6)
    with pytest.raises(DomainError, match="more draws"):
        samples_control([0.1, 0.5], [0.3, 0.4], 1e-6)
