"""Waves at every variance: no factor overflows where another underflows, and no digits cancel."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

import symlimits as sl
from symlimits.reading.ball import narrow
from symlimits.reading.reference import reference
from symlimits.reading.waves import GAP, c, p, q, separate_waves, spread, without_overflow

# Of the kernel's size. Exponents are known to a few ulps of what is left of them, some tens where p and q differ.
ROUNDING = 1e-14
WAVES = [
    "sin(3*x+1)",
    "sin((1+sqrt(2))*x)+sin(sqrt(3+2*sqrt(2))*x+1)",
    "cos(x)+cos(3*x)",
    "x*sin(x)",
    "x**2*sin(3*x)",
    "sin(2*x)+x*cos(x)",
    "sin(x)",
]
POINTS = [
    (a, a * r, float(rho * np.sqrt(r) * a))
    for a in (1e-3, 1.0, 30.0, 160.0, 400.0, 1e3)
    for r in (1, 1.3, 9)
    for rho in (1.0, 1 - 1e-8, 0.9, 0.0, -0.7, -1 + 1e-8)
]


def true_value(T: sl.Limit, *point: float) -> float:
    a, b, d = map(sp.Rational, point)
    d = sp.sign(d) * sp.sqrt(a * b) if d**2 > a * b else d
    values = dict(zip(T.arguments, (a, b, d), strict=True))
    found = narrow(T.expr, values, 20)
    return float(reference(T.expr, values, 20) if found is None else found.midpoint)


@pytest.mark.parametrize("formula", WAVES)
def test_waves_at_all_variances(formula: str) -> None:
    T = sl.dual(formula)
    values = T(*np.transpose(POINTS))
    for value, point in zip(values, POINTS, strict=True):
        size = np.sqrt(true_value(T, *point[:1] * 3) * true_value(T, *point[1:2] * 3))
        assert abs(value - true_value(T, *point)) <= ROUNDING * size, point


def test_a_phase_at_large_variance() -> None:
    point = 160.0, 160.0, 160.0
    assert sl.dual("sin(3*x+1)")(*point) == pytest.approx(0.5, rel=1e-15)
    with np.errstate(all="ignore"):  # the formula as it is printed: what was wrong before
        a, b, d = map(np.float64, point)
        plain = ((np.cos(2) + 1) * np.sinh(9 * d) + (1 - np.cos(2)) * np.cosh(9 * d)) * np.exp(-9 * (a + b) / 2) / 2
    assert np.isnan(plain)


@pytest.mark.slow
def test_gram_of_a_wave_with_a_phase_on_large_data() -> None:
    X = np.array([[30.0, 1.0], [30.0, 1.1], [-30.0, 5.0]])
    K = sl.nngp(sl.mlp(depth=1, activation="sin(3*x+1)", w_var=1, b_var=0))
    norms = np.diag(X @ X.T) / 2
    expected = sl.dual("sin(3*x+1)")(norms[:, None], norms[None, :], X @ X.T / 2)
    np.testing.assert_allclose(K(X), expected, rtol=1e-12, atol=1e-14)  # of 450, rounded: three digits


x = sp.Symbol("x", real=True)
PRODUCTS = [
    sp.exp(-x) * (sp.sinh(x) + x * sp.cosh(2 * x)),
    sp.exp(-3 * x) * sp.sinh(x) ** 2 * sp.cosh(x),
    sp.exp(-3 * x) * sp.cosh(x) * sp.sinh(2 * x),
    sp.exp(-2 * x) * (sp.exp(x) + sp.cosh(x)) ** 2 / (1 + x**2),
    (1 + sp.exp(-2 * x) * (sp.cosh(2 * x) - sp.exp(x))) ** 3,
]


@pytest.mark.parametrize("expr", PRODUCTS)
def test_spread_is_an_identity_without_products_of_waves(expr: sp.Expr) -> None:
    apart = spread(expr)
    for at in ("-7/3", "2/9", "4"):
        assert _agree(apart, expr, {x: sp.Rational(at)})
    for term in (node for node in sp.preorder_traversal(apart) if node.is_Mul):
        assert sum(isinstance(factor, sp.sinh | sp.cosh) for factor in term.args) <= 1
        assert not any(factor.is_Add and factor.has(sp.exp, sp.sinh, sp.cosh) for factor in term.args)


def _agree(a: sp.Expr, b: sp.Expr, point: dict[sp.Symbol, sp.Expr]) -> bool:
    """In 25 digits at a point; functions of ours by their meaning."""
    with mp.workdps(40):
        values = [
            sp.lambdify(list(point), e, [MEANING, "mpmath"])(*(mp.mpmathify(v) for v in point.values())) for e in (a, b)
        ]
        return bool(abs(values[0] - values[1]) <= mp.mpf(10) ** -25 * abs(values[1]))


MEANING = {
    "top_sinh": lambda a, b: mp.exp(a - abs(b)) * mp.sinh(b),
    "top_cosh": lambda a, b: mp.exp(a - abs(b)) * mp.cosh(b),
    "less": lambda a, b: a - b,
    "toward": lambda at, here, there: here if at >= 0 else there,
}


def test_what_is_no_wave_is_left_alone() -> None:
    growing = sp.exp(p / 2 + q / 2) * sp.sinh(c)
    assert separate_waves(growing) == (growing, {})
    mixed = sp.exp(-p / 2 - q / 2 + 5 * c)  # rises beyond the bound c^2 <= p q: no wave has this exponent
    assert separate_waves(mixed) == (mixed, {})
    assert without_overflow(x**2 + 1) == x**2 + 1


def test_separated_waves_are_the_same_function() -> None:
    bracket = (c**2 + p) * sp.sinh(3 * c) + (q - c) * sp.cosh(3 * c) + 2
    for constant in (sp.S.Zero, sp.S.One):
        expr = sp.exp(constant - p / 2 - 9 * q / 2) * bracket + sp.exp(-2 * p - 2 * q - 4 * c) * p
        rest, waves = separate_waves(expr)
        assert len(waves) == 2
        for d in (sp.Rational(2, 7), sp.Rational(-2, 7)):
            point = {p: sp.Rational(1, 3), q: sp.Rational(5, 7), c: d}
            apart = rest.xreplace(waves).subs(GAP, sp.sqrt(p * q) - sp.Abs(c))
            assert _agree(apart, expr, point)
