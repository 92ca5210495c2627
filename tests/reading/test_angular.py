"""The Fourier series in the angle against sums over the plane, and its bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from symlimits import activations as act
from symlimits.reading.angular import angular_sums
from symlimits.reading.angular_table import AngularTable, _circle, _table, angular_table
from symlimits.reading.gram_sampled import GOAL
from symlimits.reading.resolution import Floats

# LEFT_OUT twice and RESOLVED, and the rounding of sums over a thousand terms
TOLERANCE = 3e-13
GAPS = (0.0, 1e-15, 1e-4, 0.03, 0.7, 1.0, -1e-3, -0.0)
SYMBOL = sp.Symbol("x", real=True)
SLOW = pytest.mark.slow


def tanh(x: Floats) -> tuple[Floats, Floats]:
    return np.tanh(x), 1 / np.cosh(np.clip(x, -300, 300)) ** 2


def sigmoid(x: Floats) -> tuple[Floats, Floats]:
    return (1 + np.tanh(x / 2)) / 2, tanh(x / 2)[1] / 4


def softplus(x: Floats) -> tuple[Floats, Floats]:
    return np.logaddexp(0, x), sigmoid(x)[0]


def silu(x: Floats) -> tuple[Floats, Floats]:
    value, slope = sigmoid(x)
    return x * value, value + x * slope


FUNCTIONS = {"tanh": tanh, "sigmoid": sigmoid, "softplus": softplus, "silu": silu}


def table_of(name: str, low: float, high: float) -> AngularTable:
    formula = getattr(act, name).expr
    found = angular_table(formula, next(iter(formula.free_symbols)), low, high)
    assert found is not None
    return found


def by_plane(function: Callable[[Floats], tuple[Floats, Floats]], p: float, q: float, gap: float) -> Floats:
    """E f(u) f(v) and E f'(u) f'(v) by the trapezoid rule, whose error is exp(-2 pi d/h), d to a pole."""
    h = 0.2 / np.sqrt(max(p, q, 4.0))
    x = np.arange(-9.5, 9.5, h)
    density = h / np.sqrt(2 * np.pi) * np.exp(-x * x / 2)
    rho, s = np.copysign(1 - abs(gap), gap), np.sqrt(abs(gap) * (2 - abs(gap)))
    f, slope = function(np.sqrt(p) * x)
    g, slope_g = function(np.sqrt(q) * (rho * x[:, None] + s * x))
    return np.array([(density * f) @ (g @ density), (density * slope) @ (slope_g @ density)])


def errors(name: str, table: AngularTable, variances: tuple[float, ...]) -> Floats:
    """Errors of value and slope, relative to what Cauchy and Schwarz allow, for all pairs of variances and all gaps."""
    squares, slopes = np.array([by_plane(FUNCTIONS[name], p, p, 0.0) for p in variances]).T
    rows = table.at(np.array(variances), squares)
    found = []
    for i, p in enumerate(variances):
        for j, q in enumerate(variances[: i + 1]):
            sizes = np.sqrt([squares[i] * squares[j], slopes[i] * slopes[j]])
            scale = np.sqrt(squares[i] * squares[j]) * np.array([1.0, 1.0 / np.sqrt(p * q)])
            for gap in GAPS:
                value = angular_sums(rows[i], rows[j], table.ranks, gap)
                found.append(np.abs(scale * value - by_plane(FUNCTIONS[name], p, q, gap)) / sizes)
    return np.array(found)


@pytest.mark.parametrize(
    "name", ["tanh", "silu", *(pytest.param(name, marks=SLOW) for name in ("sigmoid", "softplus"))]
)
def test_against_the_plane(name: str) -> None:
    assert errors(name, table_of(name, 16.0, 64.0), (17.3, 58.0)).max() <= TOLERANCE


@SLOW
@pytest.mark.parametrize("name", FUNCTIONS)
def test_six_decades(name: str) -> None:
    assert errors(name, table_of(name, 1e-3, 1e3), (0.00123, 987.0)).max() <= GOAL  # what a series may leave out


def test_sums_are_symmetric_and_equal_variances_have_equal_rows() -> None:
    table = table_of("tanh", 16.0, 64.0)
    p = np.array([17.0, 40.0, 17.0, 63.0, 17.0])
    rows = table.at(p, np.linspace(0.5, 0.5, 5))
    np.testing.assert_array_equal(rows[0], rows[2])
    np.testing.assert_array_equal(rows[1:2], table.at(p[1:2], np.array([0.5])))
    for gap in GAPS:
        a, b = (angular_sums(*pair, table.ranks, gap) for pair in ((rows[0], rows[1]), (rows[1], rows[0])))
        assert a == b


def test_fewer_terms_leave_out_more_than_they_err() -> None:
    """The negative control of the bound: of a table that is too short it must exceed the error, and any goal."""
    full = table_of("tanh", 16.0, 64.0)
    ranks = full.ranks[: len(full.ranks) // 6]
    short = replace(full, ranks=ranks, entries=np.ascontiguousarray(full.entries[:, : ranks.sum()]))
    p, q = 17.3, 58.0
    squares = np.array([by_plane(tanh, p, p, 0.0)[0], by_plane(tanh, q, q, 0.0)[0]])
    rows = short.at(np.array([p, q]), squares)
    left_out = 1.0 - (rows * rows).sum(axis=1)
    error = abs(np.sqrt(squares.prod()) * angular_sums(*rows, ranks, 0.0)[0] - by_plane(tanh, p, q, 0.0)[0])
    assert 1e-10 < error / np.sqrt(squares.prod()) < np.sqrt(left_out.prod())


def test_too_few_points_are_not_enough() -> None:
    circle = _circle(np.tanh, 64.0)
    assert circle is not None
    assert _table(circle, 5, 16.0, 64.0) is None
    assert _table(circle, 20, 16.0, 64.0) is not None


@pytest.mark.parametrize("formula", [sp.Abs(SYMBOL), sp.Max(SYMBOL - 1, sp.tanh(SYMBOL)), sp.exp(SYMBOL**2)])
def test_kinks_and_fast_growth_have_no_table(formula: sp.Expr) -> None:
    assert angular_table(formula, SYMBOL, 16.0, 64.0) is None
