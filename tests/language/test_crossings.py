"""Crossings of smooth functions: exact where algebra says them, else right to any number of digits."""

from __future__ import annotations

import mpmath as mp
import pytest
import sympy as sp

from symlimits.errors import NoRule, SymlimitsError
from symlimits.language.activation import activation
from symlimits.language.crossings import Crossing, crossings, variable
from symlimits.language.tree import from_tree, to_tree

x = sp.Symbol("x", real=True)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (sp.exp(x) - 1, [0]),
        (x * sp.exp(x), [0]),
        (sp.tanh(x) - sp.Rational(1, 2), [sp.atanh(sp.Rational(1, 2))]),
        (3 - 2 * sp.exp(2 * x + 1), [sp.log(sp.Rational(3, 2)) / 2 - sp.Rational(1, 2)]),
        (sp.tanh(x) - x, [0]),  # of third order
        (sp.exp(x) - x - 1, []),  # it touches zero
        (sp.tanh(x) - 1, []),  # zero to all digits far out
        ((x - sp.Rational(1, 1000)) * sp.exp(x), [sp.Rational(1, 1000)]),
        ((x**2 - sp.Rational(1, 10**4)) * sp.cosh(x), [-sp.Rational(1, 100), sp.Rational(1, 100)]),  # in one cell
        (sp.exp(-x) - sp.Rational(1, 10**9), [9 * sp.log(10)]),
    ],
)
def test_exact_crossings(function: sp.Expr, expected: list[sp.Expr]) -> None:
    found = crossings(function, x)
    assert len(found) == len(expected)
    assert all(sp.expand_log(a - b, force=True) == 0 or a == b for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("digits", [15, 60, 200])
def test_a_crossing_has_all_its_digits(digits: int) -> None:
    """exp(x) = x + 2 at x = -2 - W(-exp(-2)), on both branches of W."""
    low, high = crossings(sp.exp(x) - x - 2, x)
    with mp.workdps(digits):
        for at, branch in ((low, 0), (high, -1)):
            assert isinstance(at, Crossing)
            truth = -2 - mp.lambertw(-mp.exp(-2), branch).real
            assert abs(mp.mpf(at.evalf(digits)._mpf_) - truth) <= abs(truth) * mp.mpf(10) ** (1 - digits)
    assert low < 0 < high
    assert (low.is_negative, high.is_positive) == (True, True)


def test_a_crossing_is_a_number_everywhere() -> None:
    at = crossings(sp.erf(x) - sp.Rational(1, 2), x)[0]
    assert from_tree(to_tree(at)) == at
    assert not at.free_symbols
    assert (x - at).subs(x, 1).evalf(20) == (1 - at).evalf(20)
    assert float(sp.lambdify(x, x - at, "mpmath")(1)) == pytest.approx(float(1 - at), rel=1e-15)
    assert sp.latex(at).startswith("0.476936276")
    assert at.diff(x) == 0


@pytest.mark.parametrize("function", [sp.sin(x), sp.exp(x) * sp.cos(x), sp.tan(x)])
def test_without_end(function: sp.Expr) -> None:
    with pytest.raises(NoRule, match="without end"):
        crossings(function, x)


def test_what_is_no_crossing() -> None:
    for wrong in ((variable, 1, 0), (variable * sp.Symbol("a"), 0, 1), (variable, sp.pi, 4)):
        with pytest.raises(SymlimitsError):
            Crossing(*wrong)
    with pytest.raises(NoRule, match="x alone"):
        crossings(sp.tanh(x) - sp.Symbol("a", positive=True), x)


def test_activations_with_kinks_that_no_polynomial_gives() -> None:
    elu = activation("max(x, 0) + min(exp(x) - 1, 0)")
    assert (elu.kinks, elu.discontinuities) == ((0,), ())
    assert elu.branches.pieces == (sp.exp(x) - 1, x)
    assert activation("abs(tanh(x) - 1/2)").kinks == (sp.atanh(sp.Rational(1, 2)),)
    jumps = activation("step(exp(x) - x - 2)")
    assert jumps.discontinuities == jumps.kinks != ()
    assert len(activation("max(exp(x), x + 2)").derivative().kinks) == 2
