"""Breakpoints: kinks declared or not, steep places, tails."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from symlimits.errors import NoRule
from symlimits.reading.panels import Floats, panels


def gauss(function: object, low: float, high: float, cuts: tuple[float, ...]) -> float:
    """The integral by 16 nodes between the breakpoints inside, at most a unit apart: what the rules do."""
    ends = sorted({low, high, *np.arange(low, high), *(c for c in cuts if low < c < high)})
    x, w = np.polynomial.legendre.leggauss(16)
    total = 0.0
    for a, b in pairwise(ends):
        total += (b - a) / 2 * float(w @ function((a + b) / 2 + (b - a) / 2 * x))  # type: ignore[operator]
    return total


@pytest.mark.parametrize(
    ("function", "value"),
    [
        (lambda x: np.abs(x - 0.3), (1.7**2 + 2.3**2) / 2),
        (lambda x: np.clip(x, -1, 1 / 3), -(1 / 2 - 1 / 18) - 1 + 5 / 9),
        (lambda x: np.tanh(60 * (x - 1.23)), (math.log(math.cosh(60 * 0.77)) - math.log(math.cosh(60 * 3.23))) / 60),
        (lambda x: 1e-3 / (1e-6 + x * x), 2 * math.atan(2e3)),
        (lambda x: np.where(x > 0.7, 1.0, 0.0), 1.3),
    ],
    ids=["kink", "two kinks", "steep", "narrow", "jump"],
)
def test_what_is_not_declared_is_found(function: object, value: float) -> None:
    found = panels(function, []).sharp  # type: ignore[arg-type]
    assert gauss(function, -2.0, 2.0, found) == pytest.approx(value, rel=1e-11)
    assert gauss(function, -2.0, 2.0, ()) != pytest.approx(value, rel=1e-11)  # a control: without them it is wrong


def test_declared_kinks_are_ends() -> None:
    found = panels(lambda x: np.maximum(x, 0.0), [0.0])
    assert found.sharp == (0.0,)
    assert {1.0, 2.0**-40, -(2.0**-40)} <= set(found.graded)


def test_smooth_functions_have_no_grades() -> None:
    for function in (np.tanh, lambda x: np.exp(-x * x), np.arctan):
        found = panels(function, [])
        assert len(found.sharp) < 30
        assert len(found.graded) < 60


def test_small_tails_need_no_panels() -> None:
    def logistic(x: Floats) -> Floats:
        return x * (1 + np.tanh(x / 2)) / 2  # rounding noise on the left

    assert len(panels(logistic, []).sharp) < 20


def test_too_many_steep_places() -> None:
    with pytest.raises(NoRule, match="steep places"):
        panels(lambda x: np.sin(x * x), [])
