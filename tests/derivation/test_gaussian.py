"""Closed Gaussian integrals against numerical integration."""

from __future__ import annotations

import pytest
import sympy as sp
from mpmath import mp, mpf

from symlimits.derivation.gaussian import density, mean, pair_mean
from symlimits.derivation.terms import terms
from symlimits.errors import NoRule

x, c = sp.symbols("x c", real=True)
p, q = sp.symbols("p q", positive=True)
HALF = sp.Rational(1, 2)
VALUES = {p: sp.Rational(3, 2), q: sp.Rational(2, 5), c: -HALF}
TOLERANCE = mpf("1e-18")  # 25 digits of working precision

ONE = [
    *(sp.S(2), x**6 + x, x**3 * sp.exp(x / 2 - x**2), sp.sin(2 * x + 1), x * sp.sinh(x), x**4 * sp.cos(x)),
    *(
        sp.Heaviside(x - HALF, HALF),
        x**3 * sp.Heaviside(x + 1, HALF),
        sp.exp(x) * sp.Heaviside(x, HALF),
        sp.Abs(x) ** 3,
    ),
    *(sp.erf(x), sp.erf(2 * x - 1), x**3 * sp.erf(x), x**2 * sp.exp(-(x**2) + x) * sp.erf(1 - x)),
    sp.Piecewise((sp.exp(x) - 1, x < 0), (x, True)),
]


@pytest.mark.parametrize("f", ONE, ids=str)
@pytest.mark.parametrize("mu", [0, sp.Rational(-2, 3)])
def test_one_variable(f: sp.Expr, mu: sp.Expr) -> None:
    closed = mean(terms(f, x), p, sp.S(mu))
    assert sp.im(closed.subs(VALUES).evalf(20)) == 0
    with mp.workdps(25):
        number = sp.lambdify(x, sp.Piecewise((f.subs(x, x), True)), "mpmath") if not f.has(sp.Heaviside) else None
        value = number or (lambda t: mp.mpmathify(sp.N(f.subs(x, sp.Float(str(t), 30)), 25)))
        center, spread = mp.mpmathify(mu), mp.sqrt("1.5")
        kinks = sorted({mpf(-1), mpf(0), mpf("0.5"), center, center - 6 * spread, center + 6 * spread})
        numeric = mp.quad(
            lambda t: value(t) * mp.npdf(t, center, spread), [center - 15 * spread, *kinks, center + 15 * spread]
        )
        assert abs(mp.mpmathify(closed.subs(VALUES).evalf(25)) - numeric) < TOLERANCE * (1 + abs(numeric))


def test_masses_in_one_variable() -> None:
    """E d^(j)(x - a) f(x) is (-1)^j (f density)^(j)(a)."""
    for order in range(4):
        delta = sp.DiracDelta(x - 1, order) if order else sp.DiracDelta(x - 1)
        expected = (-1) ** order * (x**2 * density(x, sp.S.Zero, p)).diff(x, order).subs(x, 1)
        assert sp.simplify(mean(terms(sp.expand(x**2 * delta), x), p) - expected) == 0


PAIRS = [
    *(
        (x**3 + 1, x**2 - x),
        (sp.exp(-(x**2)), x * sp.exp(-(x**2) / 2)),
        (sp.sin(2 * x + 1), sp.exp(-(x**2)) * sp.cos(x)),
    ),
    *((x**2 * sp.exp(x), x * sp.exp(-x)), (sp.cos(x), sp.cos(x)), (x**2 * sp.sin(x), x**3)),
]


@pytest.mark.parametrize(("f", "g"), PAIRS, ids=str)
def test_two_variables(f: sp.Expr, g: sp.Expr) -> None:
    closed = pair_mean(terms(f, x), terms(g, x), p, q, c)
    assert not closed.has(sp.I)
    with mp.workdps(25):
        P, Q, C = (mp.mpmathify(VALUES[s]) for s in (p, q, c))
        first, second = (sp.lambdify(x, h, "mpmath") for h in (f, g))
        root, slope, spread = mp.sqrt(P), C / P, mp.sqrt(Q - C * C / P)
        # the trapezoid rule on the line: exact to all digits for entire functions
        grid = [mpf(k) / 5 for k in range(-80, 81)]
        law = [(z, mp.npdf(z) / 5) for z in grid]
        numeric = mp.fsum(
            w * first(root * z) * r * second(slope * root * z + spread * t) for z, w in law for t, r in law
        )
        assert abs(mp.mpmathify(closed.subs(VALUES).evalf(25)) - numeric) < TOLERANCE * (1 + abs(numeric))


@pytest.mark.parametrize(
    ("f", "g"), [*PAIRS, (sp.DiracDelta(x), x**2 + 1), (sp.DiracDelta(x), sp.DiracDelta(x - 1))], ids=str
)
def test_exchanging_the_factors(f: sp.Expr, g: sp.Expr) -> None:
    one = pair_mean(terms(f, x), terms(g, x), p, q, c)
    other = pair_mean(terms(g, x), terms(f, x), q, p, c)
    assert abs(sp.N((one - other).subs(VALUES), 30)) < 1e-25


def test_masses_in_two_variables() -> None:
    """Both masses: the joint density; one: the conditional mean."""
    joint = pair_mean(terms(sp.DiracDelta(x - 1), x), terms(sp.DiracDelta(x + 2), x), p, q, c)
    C = sp.Matrix([[p, c], [c, q]])
    at = sp.Matrix([1, -2])
    expected = sp.exp(-(at.T * C.inv() * at)[0] / 2) / (2 * sp.pi * sp.sqrt(C.det()))
    assert abs(sp.N((joint - expected).subs(VALUES), 30)) < 1e-25
    one = pair_mean(terms(sp.DiracDelta(x), x), terms(x**2, x), p, q, c)
    assert sp.simplify(one - (q - c**2 / p) / sp.sqrt(2 * sp.pi * p)) == 0
    # d/dc of E d(u) d(v) is E d'(u) d'(v)
    slope = pair_mean(terms(sp.DiracDelta(x, 1), x), terms(sp.DiracDelta(x, 1), x), p, q, c)
    both = pair_mean(terms(sp.DiracDelta(x), x), terms(sp.DiracDelta(x), x), p, q, c)
    assert sp.simplify(both.diff(c) - slope) == 0


def test_steps_are_refused_in_two_variables() -> None:
    for f in (sp.Heaviside(x, HALF), sp.erf(x)):
        with pytest.raises(NoRule, match="price"):
            pair_mean(terms(f, x), terms(f, x), p, q, c)


@pytest.mark.parametrize(
    ("f", "g"), [(3 * sp.exp(x), 5 * sp.Heaviside(x - 1, HALF)), (2 * x * sp.exp(-(x**2)), x * sp.erf(x))]
)
def test_one_step_or_erf_is_averaged_over_the_other_factor(f: sp.Expr, g: sp.Expr) -> None:
    closed = pair_mean(terms(f, x), terms(g, x), p, q, c)
    swapped = pair_mean(terms(g, x), terms(f, x), q, p, c)
    slope = pair_mean(terms(sp.diff(f, x), x), terms(sp.diff(g, x), x), p, q, c)
    assert abs(sp.N((closed - swapped).subs(VALUES), 30)) < 1e-25
    assert abs(sp.N((closed.diff(c) - slope).subs(VALUES), 30)) < 1e-25
    assert abs(sp.N((closed.subs(c, 0) - mean(terms(f, x), p) * mean(terms(g, x), q)).subs(VALUES), 30)) < 1e-25


def test_waves_do_not_swell() -> None:
    """The imaginary parts cancel before anything is expanded (the derivative of a Gabor function)."""
    f = terms(sp.diff(sp.exp(-(x**2)) * sp.sin(x), x), x)
    assert sp.count_ops(pair_mean(f, f, p, q, c)) < 300
