"""Activations as sums of terms: the same function, the right derivative, and what is refused."""

from __future__ import annotations

import pytest
import sympy as sp
from mpmath import mp, mpf

from symlimits.derivation.terms import Delta, Erf, Step, Term, as_expr, derivative, order_of_closure, terms
from symlimits.errors import NoRule

x = sp.Symbol("x", real=True)
a = sp.Symbol("a", positive=True)
HALF = sp.Rational(1, 2)
POINTS = [sp.Rational(k, 7) for k in (-30, -9, -5, 1, 4, 13, 40)]  # no kink of the functions below

FUNCTIONS = [
    *(sp.S(3), x, (1 + x) ** 3, x**2 * sp.exp(-((x - 1) ** 2) / 2), sp.exp(2) ** x, sp.sin(2 * x + 1), sp.sin(x) ** 2),
    *(sp.sinh(x) * sp.exp(-(x**2)), sp.cos(x) * x**2, sp.erf(2 * x + 1), sp.erf(-x), x * sp.erfc(x / 2), sp.cosh(x)),
    *(
        sp.Max(x, 0),
        sp.Abs(x - 1),
        sp.sign(x),
        sp.Heaviside(2 * x - 1, HALF),
        sp.Max(-1, sp.Min(1, x)),
        sp.Max(x, 0) ** 3,
    ),
    *(sp.Abs(x) * sp.exp(x), sp.Max(x, 0) + sp.sin(x), sp.Abs(sp.Abs(x) - 2), sp.erf(x) + sp.Max(x, 0)),
    sp.Piecewise((sp.exp(x) - 1, x < 0), (x, True)),
    sp.Piecewise((0, x < -1), (x + 1, x < 1), (2, True)),
]


@pytest.mark.parametrize("f", FUNCTIONS, ids=str)
def test_the_sum_is_the_function(f: sp.Expr) -> None:
    found = terms(f, x)
    for again in (as_expr(found, x), sp.Add(*(term.expr(x) for term in found))):
        assert all(
            abs(sp.N((again - f).subs(x, point), 20)) < 1e-15 * (1 + abs(sp.N(f.subs(x, point)))) for point in POINTS
        )


@pytest.mark.parametrize("f", FUNCTIONS, ids=str)
def test_the_derivative_is_the_slope(f: sp.Expr) -> None:
    """Between the kinks: central differences, whose error falls like h^2."""
    slope = sp.lambdify(
        x, as_expr(tuple(t for t in derivative(terms(f, x)) if not isinstance(t.factor, Delta)), x), "mpmath"
    )
    with mp.workdps(40):
        h = mpf("1e-12")
        values = {k: [sp.N(f.subs(x, point + k * sp.Rational(1, 10**12)), 40) for point in POINTS] for k in (-1, 1)}
        for point, left, right in zip(POINTS, values[-1], values[1], strict=True):
            numeric = mp.mpmathify(right - left) / (2 * h)
            assert abs(mp.re(slope(mp.mpmathify(point))) - numeric) < mpf("1e-18") * (1 + abs(numeric))


def test_steps_differentiate_to_masses() -> None:
    assert derivative(terms(sp.Max(x, 0), x)) == (Term(sp.S.One, factor=Step(sp.S.Zero)),)
    assert derivative(terms(sp.Max(x, 0), x), 2) == (Term(sp.S.One, factor=Delta(sp.S.Zero, 0)),)
    assert derivative(terms(sp.Max(x, 0), x), 3) == (Term(sp.S.One, factor=Delta(sp.S.Zero, 1)),)
    jump = derivative(terms(sp.exp(x) * sp.Heaviside(x - 1, HALF), x))
    assert Term(sp.E, factor=Delta(sp.S.One, 0)) in jump
    assert derivative(terms(sp.S(2), x)) == ()


@pytest.mark.parametrize(
    ("f", "order"),
    [
        (x**3, 0),
        (sp.Max(x, 0), 2),
        (sp.Max(x, 0) ** 3, 4),
        (sp.sign(x), 1),
        (sp.erf(x), 1),
        (x * sp.erf(x), 2),
        (sp.sin(x) + sp.Max(x, 0), 2),
        (sp.exp(x) * sp.erf(x), None),
        (sp.Abs(x) * sp.exp(x), None),
    ],
    ids=str,
)
def test_order_of_closure(f: sp.Expr, order: int | None) -> None:
    assert order_of_closure(terms(f, x)) == order
    if order is not None:
        assert all(term.is_gaussian for term in derivative(terms(f, x), order))
        assert order == 0 or not all(term.is_gaussian for term in derivative(terms(f, x), order - 1))


@pytest.mark.parametrize(
    ("f", "simple"),
    [
        (x * sp.DiracDelta(x), 0),
        (sp.exp(x) * sp.DiracDelta(x - 1), sp.E * sp.DiracDelta(x - 1)),
        (sp.DiracDelta(2 * x - 1), sp.DiracDelta(x - HALF) / 2),
        (sp.DiracDelta(1 - 2 * x, 1), -sp.DiracDelta(x - HALF, 1) / 4),
        (x * sp.DiracDelta(x, 1), -sp.DiracDelta(x)),
        (x**2 * sp.DiracDelta(x, 2), 2 * sp.DiracDelta(x)),
        (sp.Heaviside(x, HALF) * sp.DiracDelta(x - 1), sp.DiracDelta(x - 1)),
        (a * sp.DiracDelta(x) + 2 * sp.DiracDelta(x), (a + 2) * sp.DiracDelta(x)),
    ],
    ids=str,
)
def test_factors_of_a_mass_are_taken_at_the_mass(f: sp.Expr, simple: sp.Expr) -> None:
    """Derived by hand: SymPy's own integral of DiracDelta(1 - 2*x, 1) has a wrong factor."""
    assert sp.expand(as_expr(terms(f, x), x) - simple) == 0


def test_erf_keeps_its_affine_argument() -> None:
    assert terms(sp.erf(a * x - 3), x) == (Term(sp.S.One, factor=Erf(a, sp.S(-3))),)


@pytest.mark.parametrize(
    "f",
    [
        sp.tanh(x),
        1 / (1 + x),
        sp.sqrt(x**2 + 1),
        sp.exp(x**3),
        2**x,
        sp.erf(x) ** 2,
        sp.erf(x**2),
        sp.log(1 + sp.exp(x)),
        sp.exp(sp.sin(x)),
        sp.DiracDelta(x) ** 2,
        sp.DiracDelta(x) * sp.sign(x),
        sp.DiracDelta(x**2 - 1),
        sp.Max(x, 0) * sp.erf(x),
    ],
    ids=str,
)
def test_what_is_not_a_term_is_refused(f: sp.Expr) -> None:
    with pytest.raises(NoRule):
        terms(f, x)
