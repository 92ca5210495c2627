"""Several bounded means at a time: the average of their evidence is evidence, however they depend."""

from __future__ import annotations

from itertools import product
from math import log

import numpy as np
import pytest

from symlimits.errors import DataError, DomainError
from symlimits.finite.betting import BettingProcess
from symlimits.finite.joint import JointProcess
from symlimits.finite.sequential import MeanProcess, follow
from tests.binomial import more_than

VALUES = (0.3, 0.7, 0.5)


def begun(resolution: float = 0.1, aim: float = 0.1) -> JointProcess:
    return JointProcess(tuple(BettingProcess(value, resolution, aim=aim) for value in VALUES))


def rows(tosses: np.ndarray) -> np.ndarray:
    """Three functionals of the same draws: a coin, its other side, and a half."""
    return np.stack([tosses, 1 - tosses, np.full(len(tosses), 0.5)], axis=1)


def test_fair_exactly():
    """Over all 2^10 outcomes of a coin of 0.3 the averaged evidence has mean 1, and is seldom large at any look."""
    mean = ever = 0.0
    for outcome in product((0.0, 1.0), repeat=10):
        process = begun().update(rows(np.array(outcome)))
        probability = 0.3 ** sum(outcome) * 0.7 ** (10 - sum(outcome))
        mean += probability * process.e_value
        ever += probability * process.test(0.1).rejected
    assert mean == pytest.approx(1.0, rel=1e-12)
    assert ever <= 0.1


def test_the_peak_is_that_of_the_average():
    draws = rows((np.random.default_rng(0).random(200) < 0.4).astype(float))
    singly, peak = begun(), 0.0
    for row in draws:
        singly = singly.update(row[None])
        peak = max(peak, singly.log_e)
    whole = begun().update(draws)
    assert whole.log_peak == pytest.approx(peak, rel=1e-9)
    parts = [BettingProcess(v, 0.1, aim=0.1).update(c).e_value for v, c in zip(VALUES, draws.T, strict=True)]
    assert whole.e_value == pytest.approx(np.mean(parts), rel=1e-12)
    assert whole.update(np.empty((0, 3))) == whole


def test_one_wrong_value_is_enough():
    draws = rows((np.random.default_rng(1).random(3000) < 0.3).astype(float))
    true = begun().update(draws)
    assert true.accepted(0.01)
    for k in range(3):
        parts = list(begun().parts)
        parts[k] = parts[k].wrong()
        assert JointProcess(tuple(parts)).update(draws).test(0.01).rejected
    control = true.wrong()
    assert (control.count, control.parts[0].value) == (0, pytest.approx(0.45))
    assert follow(control, [draws], 0.01, 10**6).test(0.01).rejected


def test_intervals_are_what_the_bets_leave():
    """The ends of an interval have the capital 2/level on one side; inside, both sides have less."""
    draws, level = np.random.default_rng(2).beta(2, 5, 400), 0.05
    low, high = BettingProcess(0.3, 0.1, low=-1, high=2).interval(draws, level)
    for mean, up in ((low, True), (high, False)):
        process = BettingProcess(mean, 0.1, low=-1, high=2).update(draws)
        assert (process.up if up else process.down)[1] == pytest.approx(log(2 / level), abs=1e-6)
        assert process.log_e > log(1 / level)
    assert low < draws.mean() < high
    assert BettingProcess(0.5, 0.1).interval([1.0], level) == (0.0, 1.0)


def test_intervals_hold_at_any_time():
    """At least 95 % of runs have every mean in its interval at all looks together."""
    misses = 0
    for root in range(200):
        draws = rows((np.random.default_rng(root).random(120) < 0.3).astype(float))
        looks = [begun(aim=0.05).intervals(draws[:n], 0.05) for n in (10, 30, 60, 120)]
        misses += not all(low <= v <= high for look in looks for v, (low, high) in zip(VALUES, look, strict=True))
    assert not more_than(misses, 200, 0.05)


def test_the_confidence_sequence_of_a_mean():
    """Its ends have the e-value 1/level, and it misses the mean, at any of twenty looks, in 5 % of runs at most."""
    process = MeanProcess(0.0, 0.1).update(np.random.default_rng(3).normal(1.0, 2.0, 500))
    for end in process.interval(0.05):
        assert MeanProcess(end, 0.1, moments=process.moments).e_value == pytest.approx(20, rel=1e-6)
    assert MeanProcess(0.0, 0.1).interval(0.05) == (-np.inf, np.inf)
    misses = peeking = 0
    for root in range(400):
        looked, draws = MeanProcess(0.0, 0.1), np.random.default_rng([3, root]).standard_normal((20, 50))
        outside = once = False
        for part in draws:
            looked = looked.update(part)
            low, high = looked.interval(0.05)
            outside |= not low <= 0 <= high
            once |= abs(looked.moments.mean) > 1.96 * looked.moments.standard_error
        misses, peeking = misses + outside, peeking + once
    assert not more_than(misses, 400, 0.05)
    assert more_than(peeking, 400, 0.05), "a normal interval does not bear twenty looks"


def test_refusals():
    with pytest.raises(DataError, match="a row a draw"):
        begun().update(np.zeros(3))
    with pytest.raises(DomainError, match="between the bounds"):
        begun(resolution=0.6).wrong()


def test_the_control_of_a_rejected_claim_moves_away_from_the_draws() -> None:
    """Where the value is wrong by as much as a control moves it, one that moves inwards may meet the truth."""
    draws = np.random.default_rng(3).random((2000, 1)) < 0.5
    for value in (0.35, 0.65, 0.95):
        wrong = JointProcess((BettingProcess(value, 0.1),)).update(draws)
        assert wrong.test(1e-6).rejected
        assert wrong.wrong(away=True).update(draws).test(1e-6).rejected
    towards = JointProcess((BettingProcess(0.35, 0.1),)).update(draws).wrong()
    assert not towards.update(draws).test(1e-6).rejected
