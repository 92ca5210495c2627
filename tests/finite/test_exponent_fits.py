"""Exponents of convergence: covered as promised, whatever is neglected; wrong ones refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from symlimits.errors import DomainError
from symlimits.finite.exponents import exponent_fit
from tests.binomial import fewer_than, more_than

SIZES = (16, 32, 64, 128, 256)
N = np.array(SIZES, dtype=float)
REPETITIONS = 1000


def values(exponent: float, correction: float, repetitions: int = REPETITIONS) -> np.ndarray:
    noise = np.random.default_rng(1).standard_normal((repetitions, N.size))
    return N**exponent * (3 + correction / N) * (1 + 0.01 * noise)


@pytest.mark.parametrize("correction", [0.0, 5.0])
def test_exponents_are_covered(correction):
    drawn = values(-0.5, correction)
    fits = [exponent_fit(SIZES, row, 0.01 * row) for row in drawn]
    missed = sum(not low <= -0.5 <= high for low, high in (fit.interval(0.05) for fit in fits))
    assert missed == sum(fit.test(-0.5, 0.05).rejected for fit in fits)
    for alarms in (missed, sum(fit.lack(0.05).rejected for fit in fits)):
        assert not more_than(alarms, REPETITIONS, 0.05)
        assert alarms, "an interval that always covers tells nothing"


def test_a_wrong_exponent_is_rejected():
    row = values(-0.5, 5.0, 1)[0]
    fit = exponent_fit(SIZES, row, 0.01 * row)
    honest = fit.test(-0.5, 1e-6)
    assert not honest.rejected
    assert fit.test(-0.5 + 1.5 * honest.detectable, 1e-6).rejected
    for claimed in (-0.5, fit.exponent - 1.5 * honest.detectable, fit.exponent + 1.5 * honest.detectable):
        assert fit.control(claimed, 1e-6).rejected


def test_the_correction_matters():
    """A plain slope over all sizes is wrong; sizes above 64 or a correction cure it."""
    drawn = values(-0.5, 5.0)

    def coverage(**options: object) -> int:
        fits = [exponent_fit(SIZES, row, 0.01 * row, **options) for row in drawn]
        return sum(not fit.test(-0.5, 0.05).rejected for fit in fits)

    assert fewer_than(coverage(correction=None), REPETITIONS, 0.5)
    assert not fewer_than(coverage(correction=None, smallest=128), REPETITIONS, 0.93)
    assert not fewer_than(coverage(), REPETITIONS, 0.95)
    sharp, honest = (exponent_fit(SIZES, drawn[0], 0.01 * drawn[0], correction=c) for c in (None, 1.0))
    assert sharp.standard_error < honest.standard_error


def test_ranges():
    exact = [n**-0.5 for n in SIZES]

    def verdict(error: float, low: float, high: float) -> str:
        return exponent_fit(SIZES, exact, [error * v for v in exact]).within(low, high, 1e-6)

    assert verdict(1e-3, -0.56, -0.44) == "confirmed"
    assert verdict(1e-3, -1.06, -0.94) == "refuted"
    assert verdict(0.1, -0.56, -0.44) == "undecided"


@pytest.mark.parametrize("law", [lambda x: 1 + x, np.exp, lambda x: 1 / (1 - x)], ids=["1+x", "exp", "1/(1-x)"])
@pytest.mark.parametrize("first", [-0.1, 0.1])
def test_second_order_terms_are_allowed_for(law: Callable[[np.ndarray], np.ndarray], first: float) -> None:
    """Almost without noise the estimate is shifted by what is neglected: by the allowance at most, and not by more."""
    fit = exponent_fit(SIZES, N**0.5 * law(first * 16 / N), 1e-4 * N**0.5)
    allowed = abs(fit.slope.second) * fit.neglected(1e-6)
    assert abs(fit.exponent - 0.5) <= allowed
    assert not fit.test(0.5, 1e-6).rejected
    assert not fit.lack(1e-6).rejected
    detectable = fit.test(0.5, 1e-6).detectable
    assert all(fit.test(claimed, 1e-6).rejected for claimed in (0.5 - detectable, 0.5 + detectable))
    assert detectable < 0.01


def test_refusals():
    with pytest.raises(DomainError, match="one sign"):
        exponent_fit(SIZES, [1, 0.5, -0.2, 0.1, 0.05], [1e-3] * 5)
    with pytest.raises(DomainError, match="known to a fifth"):
        exponent_fit(SIZES, [1, 0.5, 0.2, 0.1, 0.05], [0.02] * 5)
    with pytest.raises(DomainError, match="3 sizes"):
        exponent_fit((16, 16, 32), [1, 1, 0.5], [1e-3] * 3)
