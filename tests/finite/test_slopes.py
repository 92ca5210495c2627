"""Slopes of logarithms: exact on power laws, error rates as promised, and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symlimits.errors import DataError
from symlimits.finite.slopes import slope

WIDTHS = (64, 128, 256, 512)
ALPHA = 0.01
TABLES = 1000
# 10 false alarms expected, of standard deviation 3.2: five of them more, and 2 for the degrees of freedom, which are an
# approximation.
MOST_ALARMS = 10 + 16 + 2


def draws(rng: np.random.Generator, exponent: float, count: int) -> dict[int, np.ndarray]:
    """Log-normal sizes, spread as the rms of a few logits is, and less at large widths."""
    return {n: n**exponent * np.exp(0.3 * (64 / n) ** 0.25 * rng.standard_normal(count)) for n in WIDTHS}


def test_a_power_law_is_exact() -> None:
    found = slope({n: [3 * n**-1.5, 3 * n**-1.5] for n in WIDTHS})
    assert found.exponent == pytest.approx(-1.5, abs=1e-12)
    assert np.exp(found.intercept) == pytest.approx(3, rel=1e-10)


def test_the_slope_is_that_of_polyfit_when_counts_are_equal() -> None:
    samples = draws(np.random.default_rng(0), 0.5, 7)
    fitted = np.polyfit(np.log(WIDTHS), [np.log(values).mean() for values in samples.values()], 1)
    assert slope(samples).exponent == pytest.approx(fitted[0], rel=1e-12)


@pytest.mark.parametrize("count", [4, 10])
def test_false_alarms_and_power(count: int) -> None:
    rng = np.random.default_rng(count)
    alarms = missed = 0
    for _ in range(TABLES):
        found = slope(draws(rng, -0.5, count))
        alarms += found.test(-0.5, -0.5, ALPHA).rejected
        missed += not found.test(1.0, 1.0, ALPHA).rejected
    assert alarms <= MOST_ALARMS
    assert missed == 0  # the negative control: an exponent wrong by 1.5, seven standard errors for the fewest networks


def test_the_interval_is_the_test() -> None:
    found = slope(draws(np.random.default_rng(1), 0.0, 5))
    low, high = found.interval(1e-3)
    for edge, inside in ((low, 1e-9), (high, -1e-9)):
        assert not found.test(edge + inside, edge + inside, 1e-3).rejected
        assert found.test(edge - inside, edge - inside, 1e-3).rejected
    assert not found.test(-1, 1, 1e-3).rejected


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        ({64: [1.0, 2.0], 128: [1.0, 2.0]}, "sizes 64, 128"),
        ({64: [1.0, 2.0], 128: [1.0, 2.0], 256: [1.0]}, "shape"),
        ({64: [1.0, 2.0], 128: [1.0, 2.0], 256: [[1.0, 2.0]]}, "shape"),
        ({64: [1.0, 2.0], 128: [1.0, 2.0], 256: [1.0, 0.0]}, "value 0.0"),
        ({64: [1.0, 2.0], 128: [1.0, 2.0], 256: [1.0, np.nan]}, "value nan"),
        ({64: [1.0, 2.0], 128: [1.0, 2.0], 256: "no"}, "shape"),
        ({0: [1.0, 2.0], 128: [1.0, 2.0], 256: [1.0, 2.0]}, "sizes 0"),
        ({}, "none"),
    ],
)
def test_doors(samples: Any, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        slope(samples, "dh1")
