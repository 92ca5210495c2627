"""Proved balls: they hold the true value, however narrow, and refuse what they cannot enclose."""

from __future__ import annotations

import sys

import pytest
import sympy as sp
from mpmath import mp

import symlimits as sl
from symlimits import activations as act
from symlimits.paper.statements import named_activation
from symlimits.reading.ball import ball, proved
from symlimits.reading.reference import reference
from symlimits.theory.deep_linear.polynomial import path_polynomial

x, c = sp.symbols("x c", real=True)
CLOSED = ("step", "relu", "leaky_relu(1/10)", "erf", "gelu", "gabor", "rbf", "exp", "relu_power(5)", "x*erf(x)")
POINTS = (("1", "2", "1/2"), ("3/7", "2/3", sp.sqrt(sp.Rational(2, 7))), ("5", "5", "-5"), ("1e-3", "1e3", "1/7"))


@pytest.mark.parametrize("name", CLOSED)
def test_duals_at_points_and_ends(name: str) -> None:
    T = sl.dual(named_activation(name))
    for point in POINTS:
        values = dict(zip(T.arguments, point, strict=True))
        found = ball(T.expr, values, digits=30)
        truth = reference(T.expr, values, digits=60)
        with mp.workdps(70):
            assert abs(found.midpoint - truth) <= found.radius + mp.mpf(10) ** -55 * (1 + abs(truth))
            assert found.radius <= mp.mpf(10) ** -30 * max(1, abs(truth))


@pytest.mark.parametrize("gap", ["0", "1e-14", *(pytest.param(gap, marks=pytest.mark.slow) for gap in ("1/3", "2"))])
def test_a_deep_recursion(gap: str) -> None:
    """Fifty layers, each of which halves the digits near rho = 1; the exact end stays exact."""
    Theta = sl.ntk(sl.mlp(50, act.relu, 2, 0))
    values = dict(zip(Theta.arguments, (1, 1, 1 - sp.Rational(gap)), strict=True))
    found = ball(Theta.expr, values, digits=30)
    assert abs(found.midpoint - reference(Theta.expr, values, digits=30)) <= found.radius + mp.mpf(10) ** -28
    assert found.radius <= mp.mpf(10) ** -28


@pytest.mark.parametrize(("rate", "size"), [("0", "1"), ("1/10", "2"), (sp.pi / 4, "9/10")])
def test_a_straight_line(rate: object, size: str) -> None:
    """Its definitions as balls: the polynomial that it multiplies out to lies within."""
    path = path_polynomial(2, 3)
    values = dict(zip(path.arguments, (rate, size), strict=True))
    found, truth = ball(path.definition, values, digits=30), ball(path.expr, values, digits=40)
    assert abs(found.midpoint - truth.midpoint) <= found.radius + truth.radius
    assert found.radius <= mp.mpf(10) ** -30 * abs(found.midpoint)
    with pytest.raises(sl.errors.NoRule, match="matrix"):
        ball(path.definition.func(path.definition.statements, path.definition.output.args[0]), values)


def test_an_integral_has_proved_bounds() -> None:
    """A branch cut beside the path, and an integrand that oscillates; the primitives are known."""
    s = sp.Symbol("s", real=True)
    for integrand, primitive in (
        (1 / sp.sqrt(1 - s**2), sp.asin(s)),
        (sp.log(1 + s), (1 + s) * sp.log(1 + s) - s),
        (sp.cos(200 * s), sp.sin(200 * s) / 200),
        (sp.asin(s), s * sp.asin(s) + sp.sqrt(1 - s**2) - 1),
    ):
        found = ball(sp.Integral(integrand, (s, 0, c)), {c: "9/10"}, digits=25)
        truth = ball(primitive.subs(s, c), {c: "9/10"}, digits=40)
        assert abs(found.midpoint - truth.midpoint) <= found.radius + truth.radius
        assert found.radius < 1e-25


def test_a_ball_excludes_what_is_wrong() -> None:
    """Negative control: the twenty-fifth digit changed lies outside."""
    found = ball(sp.erf(x), {x: 1}, digits=30)
    with mp.workdps(60):
        assert abs(found.midpoint - mp.erf(1)) <= found.radius
        assert abs(found.midpoint - mp.erf(1) * (1 + mp.mpf(10) ** -25)) > found.radius


def test_refusals() -> None:
    with pytest.raises(sl.errors.DomainError, match="exceeds one"):
        ball(sp.asin(x), {x: "3/2"})
    with pytest.raises(sl.errors.DomainError, match="negative"):
        ball(sp.sqrt(x), {x: "-1"})
    with pytest.raises(sl.errors.UnboundSymbol, match="c without a value"):
        ball(x + c, {x: 1})
    with pytest.raises(sl.errors.NoRule, match="zeta"):
        ball(sp.zeta(x), {x: 2})
    with pytest.raises(sl.errors.NoRule, match="radius"):
        ball(sp.log(x), {x: 0})
    assert proved(sl.dual(act.tanh).expr, {}, 10) is None


def test_without_flint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "flint", None)
    with pytest.raises(sl.errors.NoRule, match="rigorous"):
        ball(sp.erf(x), {x: 1})
    assert proved(sp.erf(x), {x: 1}, 10) is None
