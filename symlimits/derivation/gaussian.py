r"""Gaussian integrals of terms, in closed form.

One variable: multiply the density by $e^{\alpha x^2+\beta x}$ (a tilt: again a Gaussian, with its own
mass, mean and variance), then lower the power by Stein's identity
$\mathbb E[(x-\mu)g(x)] = \varsigma\,\mathbb E g'(x)$. Two variables: the same with two tilts.
A Dirac mass at a is the density at a times a conditional expectation (Stein 1972; Isserlis 1918).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import sympy as sp

from symlimits.derivation.terms import Delta, Erf, Step, Term, Terms
from symlimits.errors import NoRule


def mean(sum_of: Terms, variance: sp.Expr, mu: sp.Expr = sp.S.Zero) -> sp.Expr:
    r"""$\mathbb E f(x)$ for $x \sim N(\mu, \varsigma)$, f a sum of terms."""
    return sp.Add(*(_real(term.coefficient * _mean(term, mu, variance)) for term in sum_of))


def pair_mean(f: Terms, g: Terms, p: sp.Expr, q: sp.Expr, c: sp.Expr) -> sp.Expr:
    r"""$\mathbb E f(u) g(v)$, variances p and q, covariance c; no steps or erfs in f and g."""
    moments: dict[sp.Expr, sp.Expr] = {}
    for a in f:
        for b in g:
            mass, moment = _pair_mean(a, b, p, q, c)
            moments[mass] = moments.get(mass, sp.S.Zero) + a.coefficient * b.coefficient * moment
    return _real(sp.Add(*(mass * _together(moment) for mass, moment in moments.items())))


def _together(moment: sp.Expr) -> sp.Expr:
    """One fraction where waves meet: the imaginary parts of conjugate pairs cancel before anything else is expanded."""
    return sp.factor(sp.expand(sp.together(moment))) if moment.has(sp.I) else moment


def density(at: sp.Expr, mu: sp.Expr, variance: sp.Expr) -> sp.Expr:
    """The normal density."""
    return sp.exp(-((at - mu) ** 2) / (2 * variance)) / sp.sqrt(2 * sp.pi * variance)


def _mean(term: Term, mu: sp.Expr, variance: sp.Expr) -> sp.Expr:
    if isinstance(term.factor, Delta):
        return _at_point(lambda at: density(at, mu, variance), term.factor)
    mass, mu, variance = _tilt(term, mu, variance)
    return mass * _stein(term.power, term.factor, mu, variance)


def _tilt(term: Term, mu: sp.Expr, variance: sp.Expr) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    r"""Mass, mean and variance of the density times $e^{\alpha x^2+\beta x}$."""
    if not term.is_exponential:
        return sp.S.One, mu, variance
    alpha, beta = term.quadratic, term.linear
    shrink = 1 - 2 * alpha * variance
    shift = beta + 2 * alpha * mu
    exponent = alpha * mu**2 + beta * mu + shift**2 * variance / (2 * shrink)
    return sp.exp(exponent) / sp.sqrt(shrink), mu + shift * variance / shrink, variance / shrink


def _stein(power: int, factor: Step | Erf | None, mu: sp.Expr, variance: sp.Expr) -> sp.Expr:
    r"""$[m] = \mathbb E x^m h(x)$ by $[m] = \mu\,[m-1] + (m-1)\varsigma\,[m-2] + \varsigma\,\mathbb E x^{m-1}h'(x)$."""
    if power < 0:
        return sp.S.Zero
    if power == 0:
        return _start(factor, mu, variance)
    lower = mu * _stein(power - 1, factor, mu, variance)
    lower += (power - 1) * variance * _stein(power - 2, factor, mu, variance)
    match factor:
        case Step(at):
            lower += variance * at ** (power - 1) * density(at, mu, variance)
        case Erf(b, s):
            bump = Term(sp.S.One, power - 1, -(b**2), -2 * b * s)
            lower += variance * 2 * b / sp.sqrt(sp.pi) * sp.exp(-(s**2)) * _mean(bump, mu, variance)
    return lower


def _start(factor: Step | Erf | None, mu: sp.Expr, variance: sp.Expr) -> sp.Expr:
    match factor:
        case Step(at):
            return (1 + sp.erf((mu - at) / sp.sqrt(2 * variance))) / 2
        case Erf(b, s):
            return sp.erf((b * mu + s) / sp.sqrt(1 + 2 * b**2 * variance))
    return sp.S.One


def _pair_mean(a: Term, b: Term, p: sp.Expr, q: sp.Expr, c: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """The mass of the tilted density, and the moment under it (a Dirac mass leaves one number: moment 1)."""
    if not a.is_gaussian and not b.is_gaussian:
        raise NoRule(f"a pair with {a.factor} and {b.factor}", "one term without step or erf", "rules.price first")
    if not b.is_gaussian:
        return _pair_mean(b, a, q, p, c)
    if not a.is_gaussian and not isinstance(b.factor, Delta):
        return sp.S.One, _conditioned(a, b, p, q, c)
    if isinstance(a.factor, Delta):
        given = (p * q - c**2) / p
        return _at_point(lambda at: density(at, sp.S.Zero, p) * _mean(b, c * at / p, given), a.factor), sp.S.One
    if isinstance(b.factor, Delta):
        return _pair_mean(b, a, q, p, c)
    return _tilted_pair(a, b, p, q, c)


def _conditioned(a: Term, b: Term, p: sp.Expr, q: sp.Expr, c: sp.Expr) -> sp.Expr:
    """E a(u) b(v), both without coefficient, a step or erf in a alone: the mean of b given u is a sum of terms in u."""
    products = (_product(a, term) for term in _given(b, p, q, c))
    value = sp.Add(*(term.coefficient * _mean(term, sp.S.Zero, p) for term in products))
    if value.has(sp.I, sp.erfi):
        raise NoRule(f"the mean of {a.factor} with a wave", "real exponentials beside steps and erfs", "quadrature")
    return value


def _given(b: Term, p: sp.Expr, q: sp.Expr, c: sp.Expr) -> list[Term]:
    """E(b(v) | u), a polynomial in u times an exponential, as terms in u."""
    u = sp.Dummy("u", real=True)
    mass, mu, variance = _tilt(b, c * u / p, (p * q - c**2) / p)
    exponents = [factor.args[0] for factor in sp.Mul.make_args(mass) if isinstance(factor, sp.exp)]
    exponent = sp.Poly(sp.Add(*exponents), u)
    linear, quadratic, constant = (sp.factor(exponent.coeff_monomial(u**k)) for k in (1, 2, 0))
    front = sp.exp(constant) * mass / sp.exp(sp.Add(*exponents))
    moment = sp.Poly(_stein(b.power, None, mu, variance), u)
    return [Term(front * sp.factor(k), power, quadratic, linear) for (power,), k in moment.terms()]


def _product(open_term: Term, smooth: Term) -> Term:
    return replace(
        open_term,
        coefficient=smooth.coefficient,
        power=open_term.power + smooth.power,
        quadratic=sp.factor(open_term.quadratic + smooth.quadratic),
        linear=sp.factor(open_term.linear + smooth.linear),
    )


def _tilted_pair(a: Term, b: Term, p: sp.Expr, q: sp.Expr, c: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    alpha, beta, s, t = a.quadratic, b.quadratic, a.linear, b.linear
    determinant = (1 - 2 * alpha * p) * (1 - 2 * beta * q) - 4 * alpha * beta * c**2
    gap = p * q - c**2
    top_p, top_q = p - 2 * beta * gap, q - 2 * alpha * gap
    exponent = sp.expand(s**2 * top_p + t**2 * top_q + 2 * s * t * c) / (2 * determinant)
    P, Q, C = top_p / determinant, top_q / determinant, c / determinant
    moment = _pair_moment(a.power, b.power, s * P + t * C, s * C + t * Q, P, Q, C)
    return sp.exp(exponent) / sp.sqrt(determinant), moment


@lru_cache(maxsize=4096)
def _pair_moment(m: int, n: int, mu: sp.Expr, nu: sp.Expr, P: sp.Expr, Q: sp.Expr, C: sp.Expr) -> sp.Expr:
    r"""$\mathbb E\,u^m v^n$ by Stein's identity in u (Isserlis' theorem, with means)."""
    if m < 0 or n < 0:
        return sp.S.Zero
    if m == 0:
        return _stein(n, None, nu, Q)
    if mu == nu == 0:
        return _isserlis(m, n, P, Q, C)
    lower = mu * _pair_moment(m - 1, n, mu, nu, P, Q, C)
    lower += (m - 1) * P * _pair_moment(m - 2, n, mu, nu, P, Q, C)
    return lower + n * C * _pair_moment(m - 1, n - 1, mu, nu, P, Q, C)


def _isserlis(m: int, n: int, P: sp.Expr, Q: sp.Expr, C: sp.Expr) -> sp.Expr:
    r"""The same for means zero, by the number j of pairs (u, v): a sum of min(m, n)/2 + 1 terms."""
    shared = range(m % 2, min(m, n) + 1, 2) if (m - n) % 2 == 0 else ()
    pairings = ((j, (m - j) // 2, (n - j) // 2) for j in shared)
    f = math.factorial
    return sp.Add(*(
        sp.Integer(f(m) * f(n)) / (f(j) * f(k) * f(i) * 2 ** (k + i)) * C**j * P**k * Q**i for j, k, i in pairings
    ))  # fmt: skip


def _at_point(f: Callable[[sp.Expr], sp.Expr], delta: Delta) -> sp.Expr:
    r"""$\int\delta^{(j)}(x-a)f(x)dx = (-1)^j f^{(j)}(a)$."""
    at = sp.Dummy("a", real=True)
    return sp.S.NegativeOne**delta.order * f(at).diff(at, delta.order).subs(at, delta.at)


def _real(expr: sp.Expr) -> sp.Expr:
    """The real part: waves entered as complex exponentials in conjugate pairs, and what comes out is real."""
    if not expr.has(sp.I):
        return expr
    return sp.Add(*(_real_part(term) for term in sp.Add.make_args(sp.expand(expr, power_exp=False))))


def _real_part(term: sp.Expr) -> sp.Expr:
    r"""$\mathrm{Re}\,(k + il)e^{a + ib} = e^a(k\cos b - l\sin b)$."""
    waves = [factor for factor in sp.Mul.make_args(term) if isinstance(factor, sp.exp)]
    k, l = _real_and_imaginary(term / sp.Mul(*waves))
    a, b = _real_and_imaginary(sp.Add(*(wave.args[0] for wave in waves)))
    return sp.exp(a) * (k * sp.cos(b) - l * sp.sin(b))


def _real_and_imaginary(expr: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    if not expr.has(sp.I):
        return expr, sp.S.Zero
    top, bottom = sp.fraction(sp.together(expr))
    top = sp.expand(top)
    imaginary = top.coeff(sp.I)
    real = sp.expand(top - sp.I * imaginary)
    if any(part.has(sp.I) for part in (real, imaginary, bottom)):  # inside a root or an erf, of a wave such as sin(x^2)
        raise NoRule(f"the real part of {expr}", "waves of what is linear, without steps", "quadrature")
    return real / bottom, sp.factor(imaginary / bottom)
