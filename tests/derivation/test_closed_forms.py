"""Which activations have a closed form, how long it is, and that it is the expectation."""

from __future__ import annotations

import random

import pytest
import sympy as sp
from mpmath import mp, mpf

from symlimits import activations as act
from symlimits.derivation.price import c, derive, p, q
from symlimits.language.activation import Activation, activation
from symlimits.language.expectation import GaussianExpectation, pair_expectation
from symlimits.reading.reference import reference

u, v = sp.symbols("u v", real=True)
S = sp.sqrt(p * q - c**2)
ARC = sp.asin(c / sp.sqrt(p * q))

# Operations as SymPy counts them, in the closed form that a paper is to print.
LIMITS = {
    **{"x*erf(x)": 45, "gelu": 45, "gabor": 45, "relu": 20, "erf": 14, "exp(-x**2)*cos(x)": 45},
    **{"erf(x) + x/10": 36, "exp(x) + erf(x)": 40, "2*exp(x) - 3*max(x, 0)": 100, "max(x, 0) + exp(-x**2)": 70},
    **{
        "x*sin(x)": 16,
        "exp(x)*sin(x)": 11,
        "x**2*exp(x)": 40,
        "2*erf(x/3)": 14,
        "x*exp(-x**2/2)": 8,
        "(1 - x**2)*exp(-x**2/2)": 15,
    },
}
POWERS = range(1, 7)
DIGITS = 25
TOLERANCE = mpf("1e-22")  # 25 digits asked for on both sides, a sum of a few terms


def phi_of(name: str) -> Activation:
    return getattr(act, name) if name.isidentifier() else activation(name)


def closed_form(phi: Activation) -> sp.Expr:
    trace = derive(pair_expectation(phi(u) * phi(v), u, v, p, q, c))
    assert len(trace) > 1
    return trace[-1].expr


def at(p_value: object, q_value: object, rho: object) -> dict[sp.Symbol, sp.Expr]:
    P, Q, r = map(sp.Rational, (p_value, q_value, rho))
    return {p: P, q: Q, c: r * sp.sqrt(P * Q)}


def agrees(phi: Activation, point: dict[sp.Symbol, sp.Expr]) -> bool:
    """Against quadrature of the definition; relative to sqrt(T(p,p,p) T(q,q,q)), or to 1."""
    definition = pair_expectation(phi(u) * phi(v), u, v, p, q, c)
    with mp.workdps(DIGITS):
        truth, value = (reference(expr, point, DIGITS) for expr in (definition, closed_form(phi)))
        return abs(value - truth) <= TOLERANCE * (1 + abs(truth))


@pytest.mark.parametrize("name", LIMITS)
def test_short_enough_to_print(name: str) -> None:
    assert sp.count_ops(closed_form(phi_of(name))) <= LIMITS[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in LIMITS if n not in ("relu", "gabor", "x*exp(-x**2/2)")])
def test_the_value_is_the_expectation(name: str) -> None:
    rng = random.Random(name)
    phi = phi_of(name)
    point = at(*(sp.Rational(rng.randint(1, 30), 10) for _ in "pq"), sp.Rational(rng.randint(-9, 9), 10))
    assert agrees(phi, point)


@pytest.mark.parametrize("name", ["x*erf(x)", "gelu", "exp(x) + erf(x)", "2*exp(x) - 3*max(x, 0)"])
@pytest.mark.parametrize("point", [at(2, "1/2", 1), at(2, "1/2", -1)], ids=str)
def test_the_value_at_the_ends(name: str, point: dict[sp.Symbol, sp.Expr]) -> None:
    assert agrees(phi_of(name), point)


@pytest.mark.parametrize("name", ["x*erf(x)", "exp(x) + erf(x)"])
def test_one_variance_much_larger(name: str) -> None:
    assert agrees(phi_of(name), at(20, "1/100", "1/2"))


@pytest.mark.parametrize("name", ["x*erf(x)", "gelu", "gabor", "exp(x) + erf(x)", "relu"])
def test_variance_zero(name: str) -> None:
    """T(p, q, 0) tends to phi(0) E phi(v) as p tends to 0."""
    phi = phi_of(name)
    mean = phi(sp.S.Zero) * reference(GaussianExpectation(phi(v), (v,), [[2]]), {}, 20)
    assert abs(reference(closed_form(phi), at("1e-30", 2, 0), 20) - mean) < mpf("1e-14")


@pytest.mark.parametrize("name", LIMITS)
def test_swapping_p_and_q(name: str) -> None:
    last = closed_form(phi_of(name))
    swapped = last.subs({p: q, q: p}, simultaneous=True)
    assert abs(reference(swapped - last, at("3/2", "2/5", "-3/5"), 30)) < mpf("1e-28")


@pytest.mark.parametrize("k", POWERS)
def test_powers_of_relu_are_arc_cosine_kernels(k: int) -> None:
    r"""$J(\arcsin\rho + \pi/2) + \sqrt{pq - c^2}\,I$ with polynomials J and I, all over $2\pi$ (Cho and Saul 2009)."""
    arc, root = sp.symbols("arc root", positive=True)
    whole = closed_form(act.relu_power(k))
    numerator = sp.together(whole.xreplace({ARC: arc - sp.pi / 2, S: root}) * 2 * sp.pi)
    polynomial = sp.Poly(sp.expand(numerator), arc, root)
    assert set(polynomial.as_dict()) == {(1, 0), (0, 1)}
    assert all(part.is_polynomial(p, q, c) and not part.has(sp.pi) for part in polynomial.coeffs())
    assert sum(1 for node in sp.preorder_traversal(whole) if node == ARC) == 1
    diagonal = whole.subs({q: p, c: p}, simultaneous=True)
    assert sp.simplify(diagonal - sp.factorial2(2 * k - 1) * p**k / 2) == 0


def test_hermite_polynomials_keep_their_products() -> None:
    closed = closed_form(act.hermite(5))
    assert sp.count_ops(closed) <= 18
    assert closed.subs({p: 1, q: 1}) == c**5


def test_waves_beside_kinks_are_refused() -> None:
    phi = activation("max(x, 0)**2 + sin(x)")
    assert len(derive(pair_expectation(phi(u) * phi(v), u, v, p, q, c))) == 1
