"""Evidence may be looked at after every draw; a z-test may not."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import nct, t

from symlimits.errors import DomainError
from symlimits.finite.sequential import START, MeanProcess, follow
from symlimits.finite.statistics import moments, seed
from tests.binomial import more_than


def chunks(mean: float, root: int, size: int = 50):
    return lambda chunk: seed("gaussian", 1, chunk, root).normal(mean, 2.0, size)


def test_a_hundred_looks():
    """A z-test of 1 % alarms in 12 % of true claims when looked at 100 times, the e-process in fewer than 1 %."""
    runs = np.random.default_rng(0).normal(0.0, 3.0, (2000, 100, 20))
    peeking = int(sum((np.abs(ratios(run)) > 2.5758).any() for run in runs))
    evident = 0
    for run in runs[:300]:
        process = MeanProcess(0.0, resolution=0.1)
        for draws in run:
            process = process.update(draws)
        evident += process.test(0.01).rejected
    assert more_than(peeking, 2000, 0.05)
    assert not more_than(evident, 300, 0.01)


def ratios(run: np.ndarray) -> np.ndarray:
    """Student's ratio after each chunk of a run."""
    n = run.shape[1] * np.arange(1, run.shape[0] + 1)
    mean = run.sum(axis=1).cumsum() / n
    return mean * np.sqrt((n - 1) / ((run**2).sum(axis=1).cumsum() / n - mean**2))


def test_the_e_value_is_a_ratio_of_likelihoods():
    """Of Student's ratio: its noncentral density, averaged over the effects of the prior, over the central one."""
    draws = np.random.default_rng(1).normal(0.3, 2.0, START)
    n, process = draws.size, MeanProcess(0.0, resolution=0.1, prior=20.0).update(draws)
    ratio = draws.mean() / (draws.std(ddof=1) / np.sqrt(n))

    def weighted(effect: float) -> float:
        prior = np.sqrt(20 / (2 * np.pi)) * np.exp(-10 * effect**2)
        return float(nct.pdf(ratio, n - 1, np.sqrt(n) * effect) * prior)

    mixture, error = quad(weighted, -2, 2, epsabs=1e-12, epsrel=1e-10)
    assert error < 1e-9
    assert process.e_value == pytest.approx(mixture / t.pdf(ratio, n - 1), rel=1e-7)  # nct.pdf has 8 digits


def test_evidence_has_mean_at_most_one():
    draws = np.random.default_rng(2).standard_normal((4000, START))
    values = np.array([MeanProcess(0.0, 0.1).update(row).e_value for row in draws])
    part = moments(np.minimum(values, 20.0))  # capped, for the sake of the test's own tails
    assert part.mean < 1 + 5 * part.standard_error
    assert part.mean > 0.8, "no idle evidence"


def test_run_until_decided():
    alpha, resolution = 0.05, 0.4
    wrong_rejected = wrong_accepted = right_rejected = right_accepted = 0
    for root in range(150):
        right = follow(MeanProcess(1.0, resolution), map(chunks(1.0, root), count()), alpha, most=10**5)
        wrong = follow(MeanProcess(1.0, resolution), map(chunks(1.0 + resolution, root), count()), alpha, most=10**5)
        right_rejected += right.test(alpha).rejected
        right_accepted += right.accepted(alpha)
        wrong_rejected += wrong.test(alpha).rejected
        wrong_accepted += wrong.accepted(alpha)
    assert right_rejected + right_accepted == wrong_rejected + wrong_accepted == 150, "all are decided"
    assert not more_than(right_rejected, 150, alpha)
    assert not more_than(wrong_accepted, 150, alpha)


def test_control_of_an_accepted_claim():
    end = follow(MeanProcess(1.0, 0.4), map(chunks(1.0, 7), count()), 1e-6, most=10**5)
    assert end.accepted(1e-6)
    assert end.test(1e-6).detectable == 0.4
    same = (chunks(1.0, 7)(k) for k in range(end.count // 50))
    control = follow(end.wrong(), same, 1e-6, most=end.count)
    assert (control.value, control.test(1e-6).rejected) == (1.6, True)


def test_what_was_rejected_stays_rejected():
    process = MeanProcess(0.0, 0.1).update(np.random.default_rng(0).normal(1.0, 1.0, 200))
    assert process.test(1e-6).rejected
    later = process.update(np.random.default_rng(1).normal(0.0, 1.0, 10**5))
    assert later.e_value < process.e_value
    assert later.test(1e-6).rejected
    assert later.test(1e-6).p_value == process.test(1e-6).p_value
    assert not later.accepted(1e-6)


def test_no_decision_before_the_draws_end():
    end = follow(MeanProcess(1.0, 1e-3), map(chunks(1.0, 0), count()), 1e-6, most=120)
    assert (end.count, end.test(1e-6).rejected, end.accepted(1e-6)) == (150, False, False)
    early = MeanProcess(0.0, 1.0).update(np.full(START - 1, 5.0))
    assert early.e_value == 1.0
    assert not early.accepted(0.05)


def test_draws_that_do_not_fluctuate():
    same = MeanProcess(0.1, 1e-3).update(np.full(100, 0.1))
    assert not same.test(1e-6).rejected
    assert same.accepted(1e-6)
    assert MeanProcess(0.1 + 1e-9, 1e-3).update(np.full(100, 0.1)).test(1e-6).rejected


def test_refusals():
    def heavy(chunk: int) -> np.ndarray:
        return np.prod(seed("heavy", 1, chunk, 0).standard_normal((6, 500)), axis=0) ** 2

    with pytest.raises(DomainError, match="heavy tails"):
        follow(MeanProcess(1.0, 0.01), map(heavy, count()), 0.01, most=4000).check(0.01)
    with pytest.raises(DomainError, match="no draws in chunk 0"):
        follow(MeanProcess(1.0, 0.01), (np.empty(0) for _ in count()), 0.01, most=10)
    with pytest.raises(DomainError, match="resolution"):
        MeanProcess(1.0, 0.0)
    with pytest.raises(DomainError, match="alpha"):
        MeanProcess(1.0, 0.1).test(0)
