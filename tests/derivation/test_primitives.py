"""Repeated integrals inside the closed class, against numerical integration."""

from __future__ import annotations

import pytest
import sympy as sp
from mpmath import mp, mpf

from symlimits.derivation.primitives import collect_radicals, integrate_repeatedly, monomials
from symlimits.errors import NoRule

s, c = sp.symbols("s c", real=True)
A, B, k = sp.symbols("A B k", positive=True)
VALUES = {A: sp.Rational(7, 3), B: sp.Rational(5, 4), k: sp.Rational(-3, 2), c: sp.Rational(4, 5)}
TOLERANCE = mpf("1e-20")  # at 25 digits
S = sp.sqrt(A - B * s**2)


def folded(g: sp.Expr, times: int) -> mpf:
    """The integral of (c-s)^(k-1)/(k-1)! g(s) from 0 to c."""
    weighted = sp.lambdify(s, ((c - s) ** (times - 1) / sp.factorial(times - 1) * g).subs(VALUES), "mpmath")
    return mp.quad(weighted, [0, mp.mpmathify(VALUES[c])])


def agrees(g: sp.Expr, times: int) -> bool:
    closed = integrate_repeatedly(g, s, c, times).subs(VALUES)
    with mp.workdps(25):
        numeric = folded(g, times)
        return abs(mp.mpmathify(closed.evalf(25)) - numeric) < TOLERANCE * (1 + abs(numeric))


@pytest.mark.parametrize("times", [1, 2, 3, 4])
def test_powers_times_odd_powers_of_the_root(times: int) -> None:
    for m in range(5):
        for n in (-7, -5, -3, -1, 1, 3, 5):
            assert agrees(s**m * S**n, times), (m, n)


@pytest.mark.parametrize("times", [1, 2, 3, 5])
@pytest.mark.parametrize(
    "g", [sp.S(2), s**3 - s, s**2 * sp.exp(k * s + 1), (1 + s) * sp.exp(s) + s + S, sp.cosh(s).rewrite(sp.exp)]
)
def test_polynomials_and_exponentials(g: sp.Expr, times: int) -> None:
    assert agrees(g, times)


def test_several_radicands() -> None:
    assert agrees(1 / S + s**2 / sp.sqrt(4 - s**2) + k * sp.sqrt(9 - B * s**2), 2)


def test_from_zero() -> None:
    """An integral from 0 to 0 vanishes, also repeatedly."""
    for g in (S, 1 / S, s / S**3, sp.exp(k * s), s**2):
        assert integrate_repeatedly(g, s, sp.S.Zero, 2) == 0


def test_derivative_undoes_integral() -> None:
    for g in (S, 1 / S, s**2 / S**3):
        twice = integrate_repeatedly(g, s, c, 2).diff(c, 2)
        assert abs(sp.N((twice - g.subs(s, c)).subs(VALUES), 30)) < 1e-25


def test_monomials_name_their_parts() -> None:
    (one,) = monomials(3 * s**2 / sp.sqrt(A - B * s**2) ** 3, s)
    assert (one.coefficient, one.power, one.radicand, one.half, one.rate) == (3, 2, (A, B), -3, 0)
    (two,) = monomials(s * sp.exp(k * s + 1), s)
    assert (two.coefficient, two.power, two.radicand, two.rate) == (sp.E, 1, None, k)


def test_collecting_keeps_the_value() -> None:
    g = s / S + S**3 + B * s**2 / S + sp.exp(k * s) * (1 + s) + s
    collected = collect_radicals(g, s)
    for point in ("1/3", "-2/3", "1"):
        assert abs(sp.N((g - collected).subs(VALUES | {s: sp.Rational(point)}), 30)) < 1e-25
    assert sp.count_ops(collect_radicals(sp.expand(S**3), s)) <= sp.count_ops(S**3)


@pytest.mark.parametrize(
    "g",
    [
        1 / (1 + s),
        sp.sqrt(A - B * s),
        sp.sqrt(s),
        sp.tanh(s),
        sp.exp(s**2),
        sp.exp(s) / S,
        1 / (A - B * s**2),
        S / sp.sqrt(4 - s**2),
    ],
)
def test_outside_the_class(g: sp.Expr) -> None:
    with pytest.raises(NoRule, match="powers of s"):
        monomials(g, s)
