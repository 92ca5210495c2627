"""Series in the gap: against SymPy's own series, exact limits and the closed forms themselves."""

from __future__ import annotations

import pytest
import sympy as sp

from symlimits import activations as act
from symlimits.derivation.price import derive
from symlimits.derivation.series import series_at_one
from symlimits.errors import NoRule
from symlimits.language.activation import Activation, x
from symlimits.language.expectation import GaussianExpectation, pair_expectation

q = sp.Symbol("q", positive=True)
rho, u, v = sp.symbols("rho u v", real=True)
half = sp.Rational(1, 2)


def expectation(phi: Activation) -> sp.Expr:
    return pair_expectation(phi(u) * phi(v), u, v, q, q, q * rho)


SMOOTH = {
    "exponential": sp.exp(2 * rho - 3),
    "waves": sp.sin(rho) * sp.cosh(rho**2),
    "fraction": (1 + rho) / (3 - rho) ** 2,
    "root": sp.sqrt(2 - rho) / rho ** sp.Rational(3, 2),
    "error function": sp.erf(rho) + sp.erfc(rho / 2),
    "logarithm": sp.log(1 + rho**2),
    "inside the arcsine": sp.asin(rho / 2) + sp.atan(rho),
    "composed": sp.exp(sp.sin(rho)),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_taylor_coefficients_are_derivatives(name: str) -> None:
    line = SMOOTH[name]
    kept, omitted = series_at_one(line, rho, sp.Integer(3))
    assert omitted is not None
    known = dict((*kept, omitted))
    for k in range(5):
        exact = (-1) ** k * line.diff(rho, k).subs(rho, 1) / sp.factorial(k)
        assert abs(sp.N(known.get(sp.Integer(k), 0) - exact, 30)) < 1e-28, k


@pytest.mark.parametrize(
    ("line", "power", "coefficient"),
    [
        (sp.acos(rho), half, sp.sqrt(2)),
        (sp.asin(rho), half, -sp.sqrt(2)),
        (sp.asin(-rho), half, sp.sqrt(2)),
        (sp.sqrt(1 - rho**2), half, sp.sqrt(2)),
        (sp.sqrt(q**2 - q**2 * rho**2), half, sp.sqrt(2) * q),
        (sp.acos(rho) ** 2, sp.Integer(1), 2),
        (sp.sqrt(1 - rho**2) - sp.acos(rho), 3 * half, -sp.sqrt(2) / 3),
        (sp.exp(sp.acos(rho)), half, sp.sqrt(2)),
        (sp.acos(rho) / sp.sqrt(1 - rho**2), sp.Integer(1), sp.Rational(1, 3)),
        ((1 - rho**2) ** 2 / (1 - rho), sp.Integer(1), 4),
    ],
)
def test_leading_terms_at_branch_points(line: sp.Expr, power: sp.Rational, coefficient: sp.Expr) -> None:
    kept, _ = series_at_one(line, rho, power)
    assert kept[-1][0] == power
    assert sp.simplify(kept[-1][1] - coefficient) == 0


def test_polynomials_end() -> None:
    assert series_at_one(q * rho**2, rho, sp.Integer(2)) == (((0, q), (1, -2 * q), (2, q)), None)
    assert series_at_one(q * rho**2, rho, sp.Integer(1)) == (((0, q), (1, -2 * q)), (2, q))
    assert series_at_one(q, rho, sp.Integer(1)) == (((0, q),), None)
    assert series_at_one(sp.S.Zero, rho, sp.Integer(1)) == ((), None)


@pytest.mark.parametrize("line", [1 / (1 - rho), sp.log(1 - rho), (1 - rho) ** sp.Rational(1, 3), sp.gamma(rho)])
def test_lines_without_such_a_series_are_refused(line: sp.Expr) -> None:
    with pytest.raises(NoRule):
        series_at_one(line, rho, sp.Integer(1))


@pytest.mark.parametrize("phi", [act.relu, act.absolute, act.step, act.sign, act.relu_power(2)], ids=str)
def test_crossings_agree_with_the_closed_form(phi: Activation) -> None:
    """The half-integer power from the jumps alone is the one of the closed form."""
    line = derive(expectation(phi))[-1].expr
    closed = dict(_all(line))
    power, coefficient = _all(expectation(phi))[-1]
    assert not power.is_Integer
    assert sp.simplify(coefficient - closed[power]) == 0


def _all(line: sp.Expr) -> tuple[tuple[sp.Rational, sp.Expr], ...]:
    for order in range(4):
        kept, omitted = series_at_one(line, rho, sp.Integer(order))
        if omitted is not None and not omitted[0].is_Integer:
            return (*kept, omitted)
    raise AssertionError


def test_unequal_jumps_away_from_zero() -> None:
    """sign(u - a): the mass of the jump at a is that of the density there."""
    a = sp.Rational(3, 2)
    kept, omitted = series_at_one(expectation(Activation(sp.sign(x - a))), rho, sp.S.Zero)
    assert omitted is not None
    assert omitted[0] == half
    assert sp.simplify(omitted[1] + 2 * sp.sqrt(2) / sp.pi * sp.exp(-(a**2) / (2 * q))) == 0
    assert [power for power, _ in kept] == [0]


def test_expectations_by_price() -> None:
    kept, omitted = series_at_one(expectation(act.tanh), rho, sp.Integer(1))
    slope = GaussianExpectation((1 - sp.tanh(u) ** 2) ** 2, (u,), [[q]])
    assert kept[1] == (1, -q * slope)
    assert omitted is not None
    assert omitted[0] == 2


def test_beyond_a_jump_nothing_is_claimed() -> None:
    assert series_at_one(expectation(act.elu), rho, sp.Integer(2))[1] == (
        5 * half,
        -2 * sp.sqrt(2) * q**2 / (15 * sp.pi),
    )
    with pytest.raises(NoRule, match="at most"):
        series_at_one(expectation(act.elu), rho, sp.Integer(3))


def test_unequal_variances_are_refused() -> None:
    head = pair_expectation(sp.tanh(u) * sp.tanh(v), u, v, q, 2 * q, q * rho)
    with pytest.raises(NoRule, match="equal variances"):
        series_at_one(head, rho, sp.Integer(1))
