"""The reference reading: known values, Dirac masses, recursions, integrals, and its errors."""

from __future__ import annotations

import pytest
import sympy as sp
from mpmath import mp, mpf

from symlimits.errors import DomainError, NoRule, UnboundSymbol
from symlimits.language.expectation import GaussianExpectation, pair_expectation
from symlimits.language.recursion import Recursion
from symlimits.reading.dirac import without_masses
from symlimits.reading.reference import reference

u, v, s, c = sp.symbols("u v s c", real=True)
p, q = sp.symbols("p q", positive=True)
L = sp.Symbol("L", integer=True, positive=True)
HALF = sp.Rational(1, 2)


def is_(value: mpf, exact: sp.Expr, digits: int = 28) -> bool:
    with mp.workdps(digits + 10):
        expected = mp.mpmathify(sp.sympify(exact).evalf(digits + 10))
        return abs(value - expected) <= mpf(10) ** -digits * max(abs(expected), mpf("1e-10"))


def test_plain_expressions() -> None:
    assert is_(reference(sp.asin(c) + p, {c: HALF, p: 2}), sp.pi / 6 + 2)
    assert is_(reference(sp.sqrt(2) * p, {p: sp.sqrt(2)}, 50), 2, 48)
    assert is_(reference(sp.sqrt(p * q - c**2), {p: 2, q: 3, c: sp.sqrt(6)}), 0)


def test_floats_count_as_decimals() -> None:
    assert is_(reference(p + c, {p: 0.1, c: 0.2}), sp.Rational(3, 10))


@pytest.mark.parametrize("digits", [5, 15, 40])
def test_tanh(digits: int) -> None:
    """theory: T(4, 2, 0.9 sqrt 8) = 0.496238793154857."""
    if digits == 40:
        head = GaussianExpectation(sp.tanh(u) ** 2, (u,), [[p]])
        one, two = (reference(head, {p: 4}, d) for d in (30, 40))
        with mp.workdps(40):
            assert abs(one - two) < mpf("1e-30")
        return
    head = pair_expectation(sp.tanh(u) * sp.tanh(v), u, v, p, q, c)
    value = reference(head, {p: 4, q: 2, c: sp.Rational(9, 10) * sp.sqrt(8)}, digits)
    assert abs(value - mpf("0.496238793154857")) < mpf(10) ** -digits * 2


def test_correlation_one() -> None:
    """Exactly one, and one by an exact square root, give the diagonal to all digits, also for a step."""
    for phi in (sp.Heaviside(u, HALF), sp.Max(u, 0), sp.Abs(u)):
        head = pair_expectation(phi * phi.subs(u, v), u, v, p, q, c)
        one = reference(head, {p: 2, q: 3, c: sp.sqrt(6)})
        moment = {sp.Heaviside(u, HALF): HALF, sp.Max(u, 0): sp.sqrt(6) / 2, sp.Abs(u): sp.sqrt(6)}[phi]
        assert is_(one, moment)


@pytest.mark.parametrize("power", [10, 20, 30])
def test_correlation_near_one(power: int) -> None:
    """A step sees the square root of the gap: 1/2 - arccos(rho)/(2 pi)."""
    step = sp.Heaviside(u, HALF)
    rho = 1 - sp.Rational(1, 10**power)
    value = reference(pair_expectation(step * step.subs(u, v), u, v, 1, 1, c), {c: rho})
    assert is_(value, HALF - sp.acos(rho) / (2 * sp.pi), 25)


def test_masses() -> None:
    delta = sp.DiracDelta(u)
    assert is_(reference(GaussianExpectation(delta, (u,), [[p]]), {p: 4}), 1 / sp.sqrt(8 * sp.pi))
    assert is_(
        reference(GaussianExpectation(sp.DiracDelta(2 * u - 1), (u,), [[p]]), {p: 4}),
        sp.exp(-sp.Rational(1, 32)) / sp.sqrt(32 * sp.pi),
    )
    joint = pair_expectation(delta * sp.DiracDelta(v), u, v, p, q, c)
    assert is_(reference(joint, {p: 2, q: 3, c: 1}), 1 / (2 * sp.pi * sp.sqrt(5)))
    # E d''(u) v^2 = d^2/dp^2-like: by parts, from the law of u given v
    second = pair_expectation(sp.DiracDelta(u, 2) * v**2, u, v, p, q, c)
    a = sp.Symbol("a", real=True)
    density = sp.exp(-(a**2) / 4) / sp.sqrt(4 * sp.pi) * (sp.Rational(5, 2) + a**2 / 4)
    assert is_(reference(second, {p: 2, q: 3, c: 1}), density.diff(a, 2).subs(a, 0))
    mixed = pair_expectation((1 + delta) * sp.Max(v, 0), u, v, p, q, c)
    assert is_(reference(mixed, {p: 1, q: 1, c: HALF}), (1 + sp.sqrt(3) / 2 / sp.sqrt(2 * sp.pi)) / sp.sqrt(2 * sp.pi))


def test_masses_leave_densities() -> None:
    head = pair_expectation(sp.DiracDelta(u) * sp.DiracDelta(v - 1), u, v, p, q, c)
    assert not without_masses(head).has(GaussianExpectation)
    with pytest.raises(NoRule, match="a mass at a point"):
        without_masses(GaussianExpectation(sp.DiracDelta(u**2 - 1), (u,), [[p]]))
    with pytest.raises(DomainError, match="finite number"):
        reference(head.subs({c: 1, p: 1, q: 1}), {})


def test_integrals() -> None:
    assert is_(reference(sp.Integral(1 / sp.sqrt(1 - s**2), (s, 0, c)), {c: 1}), sp.pi / 2, 25)
    assert is_(reference(sp.Integral(p * s, (s, 0, c)), {c: 2, p: 3}), 6)
    assert reference(sp.Integral(1 / s, (s, c, c)), {c: 2}) == 0
    head = pair_expectation(sp.exp(-(u**2)) * sp.exp(-(v**2)), u, v, p, q, s)
    value = reference(4 / sp.pi * sp.Integral(head, (s, 0, c)), {p: 1, q: 1, c: HALF}, 12)
    assert is_(value, 2 / sp.pi * sp.asin(sp.Rational(1, 3)), 11)


def test_recursions() -> None:
    y, z = sp.symbols("y z", positive=True)
    newton = Recursion((y,), (1,), [((y / 2 + 1 / y,), 6)], y)
    assert is_(reference(newton, {}), sp.sqrt(2))
    layer = pair_expectation(sp.Max(u, 0) * sp.Max(v, 0), u, v, y, y, z)
    kernel = Recursion((y, z), (p, c), [((y, 2 * layer), L)], z)
    theta = sp.acos(HALF)
    once = (sp.sin(theta) + (sp.pi - theta) * sp.cos(theta)) / sp.pi
    assert is_(reference(kernel, {p: 1, c: HALF, L: 1}, 20), once, 18)
    assert is_(reference(kernel, {p: 1, c: 1, L: 2}, 20), 1, 18)
    with pytest.raises(DomainError, match="repeated"):
        reference(kernel, {p: 1, c: HALF, L: HALF}, 10)


def test_names_that_are_bound_elsewhere() -> None:
    """Values for symbols that are also bound inside touch only what is free."""
    assert is_(reference(u + GaussianExpectation(u**2, (u,), [[p]]), {u: 5, p: 2}), 7)
    assert is_(reference(s + sp.Integral(s, (s, 0, 1)), {s: 5}), sp.Rational(11, 2))
    y = sp.Symbol("y", positive=True)
    assert is_(reference(y + Recursion((y,), (y,), [((2 * y,), 3)], y), {y: 1}), 9)


def test_unbound_symbols() -> None:
    with pytest.raises(UnboundSymbol, match="c, p without a value"):
        reference(p + c, {})
    with pytest.raises(UnboundSymbol, match="q without a value"):
        reference(p, {p: q})
    with pytest.raises(UnboundSymbol, match="p without a value"):
        reference(GaussianExpectation(u, (u,), [[p]]), {u: 1})


@pytest.mark.parametrize(
    ("expr", "value"), [(1 / c, 0), (sp.log(c), 0), (sp.asin(c), 2), (sp.sqrt(c), -1), (sp.sqrt(p * q - c**2), 5)]
)
def test_outside_the_domain(expr: sp.Expr, value: int) -> None:
    with pytest.raises(DomainError, match="whose value is"):
        reference(expr, {c: value, p: 1, q: 1})


def test_two_precisions_agree() -> None:
    head = pair_expectation(sp.Max(u, 0) * sp.sin(v), u, v, p, q, c)
    point = {p: 2, q: HALF, c: -HALF}
    low, high = reference(head, point, 12), reference(head, point, 24)
    assert abs(low - high) < mpf("1e-12")
    with mp.workdps(24):
        assert str(high)[:20] == str(+high)[:20]


def test_roots_that_sympy_cannot_take_apart() -> None:
    """sympy.sqrt of a rational of 24 digits: 'is not a prime factor'."""
    p, q, c = sp.symbols("p q c", positive=True)
    expr = 4 / (sp.pi * sp.sqrt((1 + 2 * p) * (1 + 2 * q) - 4 * c**2))
    value = reference(expr, {p: sp.Integer(10) ** 12, q: sp.Integer(10) ** 12, c: sp.Integer(1000)}, 30)
    with mp.workdps(40):
        truth = 4 / (mp.pi * mp.sqrt((1 + 2 * mp.mpf(10) ** 12) ** 2 - 4000000))
    assert abs(value / truth - 1) < mp.mpf(10) ** -29
