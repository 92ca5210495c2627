"""Orders of biases and exponents: covered as promised, and wrong ones refused."""

from __future__ import annotations

import numpy as np
import pytest

from symlimits.errors import DomainError
from symlimits.finite.orders import exponent_fit, order_test
from symlimits.finite.statistics import negative_control
from tests.binomial import binomial_agrees, fewer_than

SIZES = (16, 32, 64, 128, 256)
N = np.array(SIZES, dtype=float)
ERRORS = np.array([6e-4, 3e-4, 3e-4, 3e-4, 3e-4])
REPETITIONS = 1000


def means(order: float, seed: int = 0, repetitions: int = REPETITIONS) -> np.ndarray:
    """Means with the bias N^-order (2 + 3/N): (repetitions, sizes)."""
    noise = np.random.default_rng(seed).standard_normal((repetitions, N.size))
    return 0.7 + N**-order * (2 + 3 / N) + ERRORS * noise


@pytest.mark.parametrize("order", [0.5, 1, 2])
def test_a_true_order_is_refuted_as_rarely_as_promised(order):
    results = [order_test(SIZES, row, ERRORS, 0.7, order, 0.05) for row in means(order)]
    refuted = sum(result.verdict == "refuted" for result in results)
    assert binomial_agrees(refuted, REPETITIONS, 0.05)
    assert refuted == sum(result.test.rejected for result in results)


def test_a_bias_of_another_order_is_found_with_the_promised_power():
    detectable = order_test(SIZES, means(1)[0], ERRORS, 0.7, 1, 0.05).test.detectable
    wrong = means(1) + detectable * N**-0.5
    found = sum(order_test(SIZES, row, ERRORS, 0.7, 1, 0.05).test.rejected for row in wrong)
    assert binomial_agrees(found, REPETITIONS, 0.95)
    assert not binomial_agrees(found, REPETITIONS, 0.9)


def test_verdicts():
    one, half, two = (means(order, repetitions=1)[0] for order in (1, 0.5, 2))
    assert order_test(SIZES, one, ERRORS, 0.7, 1, 1e-6).verdict == "confirmed"
    assert order_test(SIZES, half, ERRORS, 0.7, 0.5, 1e-6).verdict == "confirmed"
    assert order_test(SIZES, one, ERRORS, 0.7, 0.5, 1e-6).verdict == "refuted"
    assert order_test(SIZES, half, ERRORS, 0.7, 1, 1e-6).verdict == "refuted"
    # a bias of order 2 is also one of order 1 whose first coefficient is 0: it is never refuted
    assert order_test(SIZES, two, ERRORS, 0.7, 1, 1e-6).verdict == "undecided"
    assert order_test(SIZES, two, ERRORS, 0.7, 1, 1e-6, corrections=0).verdict == "refuted"
    blurred = order_test(SIZES, one, 300 * ERRORS, 0.7, 1, 1e-6)
    assert blurred.verdict == "undecided"
    assert all(p > 1e-6 for _, p in blurred.alternatives)
    assert order_test(SIZES, one, ERRORS, 0.8, 1, 1e-6).verdict == "refuted", "another limit"


def test_order_control():
    accepted = [row for row in means(1)[:200] if not order_test(SIZES, row, ERRORS, 0.7, 1, 1e-6).test.rejected]
    assert len(accepted) == 200
    assert all(order_test(SIZES, row, ERRORS, 0.7, 1, 1e-6).control.rejected for row in accepted)


def values(exponent: float, correction: float, repetitions: int = REPETITIONS) -> np.ndarray:
    noise = np.random.default_rng(1).standard_normal((repetitions, N.size))
    return N**exponent * (3 + correction / N) * (1 + 0.01 * noise)


@pytest.mark.parametrize("correction", [0.0, 5.0])
def test_exponents_are_covered(correction):
    drawn = values(-0.5, correction)
    fits = [exponent_fit(SIZES, row, 0.01 * row) for row in drawn]
    covered = sum(low <= -0.5 <= high for low, high in (fit.interval(0.05) for fit in fits))
    assert binomial_agrees(covered, REPETITIONS, 0.95)
    assert not binomial_agrees(covered, REPETITIONS, 0.9)
    assert binomial_agrees(sum(fit.p_value < 0.05 for fit in fits), REPETITIONS, 0.05)


def test_a_wrong_exponent_is_rejected():
    row = values(-0.5, 5.0, 1)[0]
    fit = exponent_fit(SIZES, row, 0.01 * row)
    honest = fit.test(-0.5, 1e-6)
    assert not honest.rejected
    assert fit.test(-0.5 + 1.5 * honest.detectable, 1e-6).rejected
    assert negative_control(fit.exponent, fit.standard_error, -0.5, 1e-6).rejected


def test_the_correction_matters():
    """A plain slope over all sizes is wrong; sizes above 64 or a correction cure it."""
    drawn = values(-0.5, 5.0)

    def coverage(**options: object) -> int:
        fits = [exponent_fit(SIZES, row, 0.01 * row, **options) for row in drawn]
        return sum(not fit.test(-0.5, 0.05).rejected for fit in fits)

    assert fewer_than(coverage(correction=None), REPETITIONS, 0.5)
    assert not fewer_than(coverage(correction=None, smallest=128), REPETITIONS, 0.93)
    assert binomial_agrees(coverage(), REPETITIONS, 0.95)
    sharp, honest = (exponent_fit(SIZES, drawn[0], 0.01 * drawn[0], correction=c) for c in (None, 1.0))
    assert sharp.standard_error < honest.standard_error


def test_ranges():
    exact = [n**-0.5 for n in SIZES]

    def verdict(error: float, low: float, high: float) -> str:
        return exponent_fit(SIZES, exact, [error * v for v in exact]).within(low, high, 1e-6)

    assert verdict(1e-3, -0.56, -0.44) == "confirmed"
    assert verdict(1e-3, -1.06, -0.94) == "refuted"
    assert verdict(0.1, -0.56, -0.44) == "undecided"


def test_refusals():
    with pytest.raises(DomainError, match="one sign"):
        exponent_fit(SIZES, [1, 0.5, -0.2, 0.1, 0.05], [1e-3] * 5)
    with pytest.raises(DomainError, match="known to a fifth"):
        exponent_fit(SIZES, [1, 0.5, 0.2, 0.1, 0.05], [0.02] * 5)
    with pytest.raises(DomainError, match="3 sizes"):
        exponent_fit((16, 16, 32), [1, 1, 0.5], [1e-3] * 3)
    with pytest.raises(DomainError, match="positive orders"):
        order_test(SIZES, means(1)[0], ERRORS, 0.7, -1, 0.05)
    with pytest.raises(DomainError, match="two sizes more"):
        order_test((16, 32), [1, 1], [0.1, 0.1], 0.7, 1, 0.05)
