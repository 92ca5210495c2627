"""Breakpoints: kinks declared or not, steep places, tails."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from symlimits.reading.panels import WIDEST, panels
from symlimits.reading.resolution import Floats


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


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.log(1 + x * x),
        lambda x: np.sqrt(1 + x * x) - 1,
        lambda x: x - np.tanh(x),
        lambda x: 1 - np.cos(x) * np.exp(-(x**4) / 1000),
        lambda x: np.tanh(1000 * x - 3300),
    ],
    ids=["log", "root", "tanh", "cos", "a rounded place"],
)
def test_rounding_is_no_structure(function: Callable[[Floats], Floats]) -> None:
    found = panels(function, [])
    assert found.radius == WIDEST
    assert len(found.sharp) < 40


def test_the_noise_is_that_of_the_values() -> None:
    """Against long doubles: above what is seen at a thousand points, and not by a factor of thirty."""

    def cancelling(x: Floats) -> Floats:
        return np.sqrt(1 + x * x) - 1

    found = panels(cancelling, [])
    for low, high, bound in zip(found.places, found.places[1:], found.noise, strict=False):
        x = np.linspace(low, high, 1000)
        seen = np.abs(cancelling(x) - cancelling(x.astype(np.longdouble))).max()
        assert seen <= bound <= 30 * max(seen, 2.0**-53)


def test_noise_holds_the_rounding_of_arguments() -> None:
    steep = panels(lambda x: np.tanh(1e6 * (x - 3.3)), [])
    place = next(k for k, end in enumerate(steep.places) if end > 3.3)
    assert 1e6 * 3.3 * 2.0**-53 < steep.noise[place - 1] < 1e6 * 3.3 * 2.0**-48


@pytest.mark.parametrize("scale", [1.0, 20.0, 1e3, 1e6])
def test_grades_close_in_on_steep_places(scale: float) -> None:
    """No panel is much wider than its distance from the steep place, nor than its neighbours."""
    found = panels(lambda x: np.tanh(scale * (x - 0.3)), [])
    ends = np.array([end for end in found.graded if abs(end) < 300])  # the last panels end where knowledge does
    widths = np.diff(ends)
    distance = np.minimum(np.abs(ends[1:] - 0.3), np.abs(ends[:-1] - 0.3))
    assert (widths <= 2 * distance + 4 / scale).all()
    assert (widths[1:] <= 4 * widths[:-1]).all()
    assert (widths[:-1] <= 4 * widths[1:]).all()
    assert len(ends) < 60 + 4 * math.log2(scale)
    sharp = np.diff(found.sharp)  # a control: the breakpoints of the function itself do not
    assert scale == 1.0 or len(found.sharp) < len(ends) / 2 or (sharp[1:] > 4 * sharp[:-1]).any()


def test_too_many_steep_places_end_what_is_known() -> None:
    found = panels(lambda x: np.sin(x * x), [])
    assert 30 < found.radius < WIDEST
    assert found.places[-1] == found.radius > max(found.sharp)
    nowhere = panels(lambda x: np.sin(1e9 * x), [])
    assert nowhere.radius < 0.02
