"""Differential equations as a head: its value, its letters, and the rules that lead to closed forms."""

from __future__ import annotations

import pytest
import sympy as sp
from mpmath import mp, mpf

from symlimits.derivation.initial_value import along, conserved, factors, in_polynomials, riccati, substituted, without
from symlimits.errors import DomainError, FalseLine, NoRule
from symlimits.language.initial_value import InitialValue
from symlimits.language.tree import from_tree, to_tree
from symlimits.reading.initial_value import solved
from symlimits.reading.latex import latex
from symlimits.reading.reference import reference

x, y, r, w = sp.symbols("x y r w", real=True)
t, k, u, rho, c = sp.symbols("t k u rho c", positive=True)
TURNS = InitialValue(x, [x, y], [-k * y, k * x], [1, 0], t)  # cos kt
LOGISTIC = InitialValue(u, [u], [k * u * (1 - u)], [sp.Rational(1, 10)], t)


@pytest.mark.parametrize("digits", [15, 30])
def test_values_to_many_digits(digits: int) -> None:
    for at in (sp.Rational(1, 3), sp.Integer(7)):
        assert abs(reference(TURNS, {k: 2, t: at}, digits) - sp.cos(2 * at).evalf(40)) < 10.0**-digits
        known = 1 / (1 + 9 * sp.exp(-2 * at))
        assert abs(reference(LOGISTIC, {k: 2, t: at}, digits) - known.evalf(40)) < 10.0**-digits
    assert abs(reference(TURNS, {k: 2, t: 1}, 15) - sp.cos(sp.Rational(21, 10)).evalf(40)) > 0.05  # the control


def test_steps_that_leave_the_domain_are_taken_again() -> None:
    """A square root that ends at zero, and a solution that is infinite before the time."""
    falls = InitialValue(u, [u], [-sp.sqrt(u)], [1], t)
    assert abs(reference(falls, {t: 1}, 15) - mpf("0.25")) < 1e-15
    with pytest.raises(NoRule, match="steps"):
        solved(lambda v: [v[0] ** 2], [mpf(1)], mpf(2), 8)


def test_bound_letters() -> None:
    assert TURNS.free_symbols == {k, t}
    assert TURNS.subs(k, 2).subs(t, 1) == InitialValue(x, [x, y], [-2 * y, 2 * x], [1, 0], 1)
    assert TURNS.subs(x, 5) == TURNS
    captured = TURNS.subs(k, y)
    assert captured.free_symbols == {y, t}
    assert abs(reference(captured, {y: 2, t: 1}, 15) - mp.cos(2)) < 1e-15
    assert from_tree(to_tree(TURNS)) == TURNS
    assert r"x(t), \quad \text{where}" in latex(TURNS)
    assert r"\dot{y} &= k x" in latex(TURNS)
    with pytest.raises(DomainError, match="velocities"):
        InitialValue(x, [x, y], [x], [1], t)


def test_other_variables() -> None:
    spiral = InitialValue(x**2 + y**2, [x, y], [-x - y, x - y], [1, 0], t)
    radius = in_polynomials(spiral, {r: x**2 + y**2})
    assert radius == InitialValue(r, [r], [-2 * r], [1], t)
    with pytest.raises(NoRule, match="close"):
        in_polynomials(spiral, {r: x**2})
    assert substituted(radius, w, sp.exp(w), sp.S.Zero).velocities == (-2,)
    with pytest.raises(FalseLine):
        substituted(radius, w, sp.exp(w), sp.S.One)
    assert factors(x * y - y**2 * x) == x * y * (1 - y)


def test_what_is_conserved() -> None:
    assert conserved(TURNS) == [x**2 + y**2]
    assert along(TURNS, x**2 + y**2).expand() == 0
    assert conserved(LOGISTIC) == []
    hyperbola = InitialValue(x, [x, y], [y, x], [0, 1], t)  # sinh t
    assert without(hyperbola, [y]) == InitialValue(x, [x], [sp.sqrt(x**2 + 1)], [0], t)
    with pytest.raises(NoRule, match="tell"):
        without(InitialValue(x, [x, y], [-x, -2 * y], [1, 1], t), [y])


def test_riccati() -> None:
    """The logistic function, at 20 digits, and one whose velocity has no constant term."""
    for start in (sp.Rational(1, 10), sp.Integer(3)):
        head = InitialValue(u, [u], [k * u * (1 - u)], [start], t)
        line = riccati(head, rho, c)
        for point in ({k: 2, t: sp.Rational(1, 3)}, {k: sp.Rational(1, 2), t: 5}):
            assert abs(reference(line, point, 20) / reference(head, point, 20) - 1) < 1e-18
