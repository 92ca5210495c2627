"""Orders of biases: covered as promised, and wrong ones refused."""

from __future__ import annotations

import numpy as np
import pytest

from symlimits.errors import DomainError
from symlimits.finite.orders import order_test
from tests.binomial import binomial_agrees

SIZES = (16, 32, 64, 128, 256)
N = np.array(SIZES, dtype=float)
ERRORS = np.array([6e-4, 3e-4, 3e-4, 3e-4, 3e-4])
REPETITIONS = 1000


def means(order: float, seed: int = 0, repetitions: int = REPETITIONS) -> np.ndarray:
    """Means with the bias N^-order (2 + 3/N), or of powers of N^-order below order 1: (repetitions, sizes)."""
    noise = np.random.default_rng(seed).standard_normal((repetitions, N.size))
    return 0.7 + N**-order * (2 + 3 * N ** -min(order, 1)) + ERRORS * noise


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
    assert order_test(SIZES, half, ERRORS, 0.7, 1, 1e-6).verdict == "refuted"
    # a bias of order 2 is also one of order 1 whose first coefficient is 0, as is one of order 1 of order 1/2
    for row, claimed in ((two, 1), (one, 0.5)):
        assert order_test(SIZES, row, ERRORS, 0.7, claimed, 1e-6).verdict == "undecided"
        assert order_test(SIZES, row, ERRORS, 0.7, claimed, 1e-6, corrections=0).verdict == "refuted"
    blurred = order_test(SIZES, one, 300 * ERRORS, 0.7, 1, 1e-6)
    assert blurred.verdict == "undecided"
    assert all(p > 1e-6 for _, p in blurred.alternatives)
    assert order_test(SIZES, one, ERRORS, 0.8, 1, 1e-6).verdict == "refuted", "another limit"


def test_order_control():
    accepted = [row for row in means(1)[:200] if not order_test(SIZES, row, ERRORS, 0.7, 1, 1e-6).test.rejected]
    assert len(accepted) == 200
    assert all(order_test(SIZES, row, ERRORS, 0.7, 1, 1e-6).control.rejected for row in accepted)


def test_refusals():
    with pytest.raises(DomainError, match="positive orders"):
        order_test(SIZES, means(1)[0], ERRORS, 0.7, -1, 0.05)
    with pytest.raises(DomainError, match="two sizes more"):
        order_test((16, 32), [1, 1], [0.1, 0.1], 0.7, 1, 0.05)
