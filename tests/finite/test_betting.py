"""Bets against the mean of bounded draws: exact, however skew they are and however often one looks."""

from __future__ import annotations

from dataclasses import astuple
from itertools import count, product
from math import log, log1p, sqrt

import numpy as np
import pytest

from symlimits.errors import DataError, DomainError
from symlimits.finite.betting import BettingProcess
from symlimits.finite.sequential import follow
from symlimits.finite.statistics import seed
from tests.binomial import more_than


def coins(probability: float, root: int, size: int = 200):
    return lambda chunk: (seed("coin", 1, chunk, root).random(size) < probability).astype(float)


def test_fair_bets_exactly():
    """Over all 2^10 outcomes of a coin of 0.3 the evidence has mean 1, and is seldom large at any look."""
    mean = ever = 0.0
    for outcome in product((0.0, 1.0), repeat=10):
        process = BettingProcess(0.3, 0.1, aim=0.1).update(outcome)
        probability = 0.3 ** sum(outcome) * 0.7 ** (10 - sum(outcome))
        mean += probability * process.e_value
        ever += probability * process.test(0.1).rejected
    assert mean == pytest.approx(1.0, rel=1e-12)
    assert 0 < ever <= 0.1


def test_against_the_definition():
    draws, value, aim = np.random.default_rng(0).beta(2, 5, 300), 0.35, 0.01
    up = down = peak = 0.0
    total, squares = 0.5, 0.25
    for i, x in enumerate(draws, start=1):
        bet = min(0.75, sqrt(2 * log(2 / aim) / (squares / i * i * log(1 + i))))
        up, down = up + log1p(bet * (x - value)), down + log1p(-bet * (x - value))
        peak = max(peak, float(np.logaddexp(up, down)) - log(2))
        total += x
        squares += (x - total / (i + 1)) ** 2
    process = BettingProcess(value, 0.1, aim=aim).update(draws)
    assert process.peaks[1] == pytest.approx(peak, rel=1e-10)
    assert log(process.e_value) == pytest.approx(float(np.logaddexp(up, down)) - log(2), rel=1e-10)


def test_chunks_and_units_do_not_matter():
    draws = np.random.default_rng(1).random(100)
    whole = BettingProcess(0.4, 0.1).update(draws)
    parts = BettingProcess(-1 + 0.4 * 4, 0.4, low=-1, high=3)
    for part in np.split(draws, [1, 1, 30]):
        parts = parts.update(-1 + 4 * part)
    for a, b in zip(astuple(whole)[5:], astuple(parts)[5:], strict=True):
        assert a == pytest.approx(b, rel=1e-9, abs=1e-12)


def test_rare_events_do_not_alarm():
    """A coin of 1/200: the z-test of such draws alarms far too often, bets do not."""
    alarms = sum(
        BettingProcess(0.005, 0.01, aim=0.05).update(coins(0.005, k, 500)(0)).test(0.05).rejected for k in range(400)
    )
    assert not more_than(alarms, 400, 0.05)


def test_run_until_decided():
    alpha, decided = 0.05, {0.5: [0, 0], 0.6: [0, 0]}
    for probability, counts in decided.items():
        for root in range(60):
            start = BettingProcess(0.5, resolution=0.1, aim=alpha)
            end = follow(start, map(coins(probability, root), count()), alpha, most=10**5)
            counts[0] += end.test(alpha).rejected
            counts[1] += end.accepted(alpha)
    assert sum(decided[0.5]) == sum(decided[0.6]) == 60, "all are decided"
    assert not more_than(decided[0.5][0], 60, alpha)
    assert not more_than(decided[0.6][1], 60, alpha)


def test_control():
    draws = coins(0.02, 0, 5000)(0)
    process = BettingProcess(0.02, resolution=0.03).update(draws)
    assert process.accepted(1e-6), "below 0 there is nothing to exclude"
    assert process.wrong().value == pytest.approx(0.065)
    assert process.wrong().update(draws).test(1e-6).rejected


def test_refusals():
    with pytest.raises(DataError, match="out of bounds"):
        BettingProcess(0.5, 0.1).update([0.5, 1.2])
    with pytest.raises(DataError, match="out of bounds"):
        BettingProcess(0.5, 0.1).update([np.nan])
    for arguments in ((2.0, 0.1), (0.5, 0.1, 1.0, 0.0), (0.5, 0.0), (0.5, 0.1, 0.0, 1.0, 0.0)):
        with pytest.raises(DomainError, match="wanted"):
            BettingProcess(*arguments)
    assert BettingProcess(0.5, 0.1).update([]) == BettingProcess(0.5, 0.1)
