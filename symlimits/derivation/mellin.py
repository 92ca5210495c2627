r"""Mellin transforms of laws: from one layer's factor to a line integral for a product of layers.

A mixture $\mathbb E\,k(zq)$ over $q = \prod_l q_l$ is
$\frac{1}{2\pi i}\int \hat k(w)\,z^{-w}\prod_l \mathbb E q_l^{-w}\,dw$
(Mellin 1896; products: Springer and Thompson 1966). The kernels k are written by formulas, and their transforms
$\hat k(w) = \int_0^\infty x^{w-1}k(x)\,dx$ come from SymPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import sympy as sp

from symlimits.derivation.gaussian import mean
from symlimits.derivation.terms import Term
from symlimits.derivation.trace import Rule, Step, Trace
from symlimits.errors import NoRule
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.integral import LineIntegral
from symlimits.language.product import ProductExpectation

w, k = sp.Symbol("w"), sp.Symbol("k", integer=True, positive=True)
x, y = sp.symbols("x y", positive=True)
v = sp.Symbol("v", real=True)
MELLIN = "Mellin 1896; Springer and Thompson 1966"

KERNELS = {"exp": sp.exp(-x), "erfc": sp.erfc(sp.sqrt(x))}  # of a characteristic function or density; of a tail


@lru_cache(maxsize=8)
def transform(kernel: str) -> tuple[sp.Expr, tuple[sp.Expr, sp.Expr]]:
    """The Mellin transform of a kernel and its strip, from SymPy.

    >>> transform("exp")
    (gamma(w), (0, oo))
    """
    found, strip, _ = sp.mellin_transform(KERNELS[kernel], x, w)
    return found, strip


def chi_square_factor(N: sp.Expr, u: sp.Expr, scale: sp.Expr | None = None) -> sp.Expr:
    r"""$\mathbb E(s\chi^2_N)^u$ as the integral over the density of $\chi^2_N$; the scale s is 1/N if left out.

    >>> chi_square_factor(sp.Integer(2), sp.Symbol("u"))
    Integral((y/2)**u*exp(-y/2)/2, (y, 0, oo))
    """
    scale = 1 / N if scale is None else scale
    density = y ** (N / 2 - 1) * sp.exp(-y / 2) / (2 ** (N / 2) * sp.gamma(N / 2))
    return sp.Integral((scale * y) ** u * density, (y, 0, sp.oo))


def binomial_factor(N: sp.Expr, u: sp.Expr) -> sp.Expr:
    r"""$\mathbb E[(2\chi^2_k/N)^u; k > 0]$, k binomial (N, 1/2): the units of a ReLU layer that are positive."""
    return sp.Sum(sp.binomial(N, k) / 2**N * chi_square_factor(k, u, 2 / N), (k, 1, N))


def layer_factor(N: sp.Integer, p: sp.Rational, u: sp.Expr) -> sp.Expr:
    r"""$\mathbb E q_l^u$ of a layer of a `ProductExpectation`; `NoRule` where p is neither 1 nor 1/2."""
    if p not in (1, sp.S.Half):
        raise NoRule(f"a layer whose units are positive with probability {p}", "1 or 1/2", "linear or relu layers")
    return chi_square_factor(N, u) if p == 1 else binomial_factor(N, u)


def _gamma_integral(integral: sp.Integral) -> sp.Expr:
    r"""$\int_0^\infty C (sy)^u y^a e^{-by}dy = C\,\Gamma(a + 1)\,b^{-a-1}(s/b)^u\,\Gamma(a + 1 + u)/\Gamma(a + 1)$."""
    constant, power, rate, u, scale = sp.S.One, sp.S.Zero, sp.S.Zero, sp.S.Zero, sp.S.One
    for factor in sp.Mul.make_args(integral.function):
        base, exponent = (sp.E, factor.exp) if isinstance(factor, sp.exp) else factor.as_base_exp()
        if not factor.has(y):
            constant *= factor
        elif base == y:
            power += exponent
        elif exponent.has(w) and not (base / y).has(y):
            scale, u = base / y, exponent
        elif base == sp.E and not (exponent / y).has(y):
            rate = -exponent / y
        else:
            return integral
    if u == 0:  # s = 1: both powers of y are one
        u, power = _apart(power)
    mass = sp.simplify(constant * sp.gamma(power + 1) * rate ** -(power + 1))
    return mass * (scale / rate) ** u * sp.RisingFactorial(power + 1, u)


def _apart(exponent: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """(u, a) with a + 1 > 0 and their sum the exponent: what holds w, and halves moved to it from the rest."""
    free, a = sp.expand(exponent).as_independent(w)[::-1]
    while not (a + 1).is_positive:
        free, a = free - sp.S.Half, a + sp.S.Half
    return free, a


gamma_integrals = Rule(
    "Gamma integrals",
    "Euler",
    "An integral of powers and exponentials over the half-line is a Gamma function.",
    lambda expr: expr.replace(
        lambda node: isinstance(node, sp.Integral) and node.limits[0] == sp.Tuple(y, 0, sp.oo), _gamma_integral
    ),
)


def _inverted(expr: sp.Expr) -> sp.Expr:
    """Every expectation of a kernel, over a Gaussian or over a product of layers, as a line integral."""
    gaussian = expr.replace(lambda node: isinstance(node, GaussianExpectation), _inverted_expectation)
    return gaussian.replace(lambda node: isinstance(node, ProductExpectation), _inverted_product)


def _inverted_product(head: ProductExpectation) -> sp.Expr:
    r"""$\mathbb E\,C q^\alpha k(A q^\beta)$, beta = 1 or -1: the moments of the layers are finite on a half-plane."""
    q, alpha, inside = head.variable, sp.S.Zero, None
    constant, powers = sp.expand(head.integrand, power_exp=True).as_independent(q, as_Add=False)
    for factor in sp.Mul.make_args(sp.powdenest(powers)):
        base, power = (sp.E, factor.exp) if isinstance(factor, sp.exp) else factor.as_base_exp()
        if base == q and not power.has(q):
            alpha += power
        elif isinstance(factor, sp.exp) and inside is None:
            inside = "exp", -power
        elif isinstance(factor, sp.erfc) and inside is None:
            inside = "erfc", factor.args[0] ** 2
        else:
            return head
    if inside is None:
        raise NoRule(f"Mellin inversion of {head}", "an exponential or erfc of a power of q", "a kernel beside")
    A, rest = inside[1].as_independent(q, as_Add=False)
    base, beta = rest.as_base_exp()
    if base != q or beta not in (1, -1):
        return head
    found, (low, high) = transform(inside[0])
    end = beta * (alpha - max(_lowest(N, p) for N, p, _ in head.layers))
    strip = (low, sp.Min(high, end)) if beta > 0 else (sp.Max(low, end), high)
    moments = (layer_factor(N, p, alpha - beta * w) ** count for N, p, count in head.layers)
    return LineIntegral(constant * found * A**-w * sp.Mul(*moments), w, strip)


def _lowest(N: sp.Integer, p: sp.Rational) -> sp.Expr:
    """The u down to which the moment of a layer is finite: there may be a single positive unit where p < 1."""
    return -N / 2 if p == 1 else -sp.S.Half


def _inverted_expectation(head: GaussianExpectation) -> sp.Expr:
    if len(head.variables) != 1:
        return head
    u, variance = head.variables[0], head.covariance[0, 0]
    constant, alpha, inside = sp.S.One, sp.S.Zero, None
    for factor in sp.Mul.make_args(sp.expand(head.integrand, power_exp=True)):
        exponent = sp.expand(factor.exp) if isinstance(factor, sp.exp) else None
        if not factor.has(u):
            constant *= factor
        elif isinstance(factor, sp.erfc):
            inside = ("erfc", factor.args[0] ** 2)
        elif exponent is not None and exponent.is_polynomial(u) and sp.degree(exponent, u) == 1:
            alpha, constant = alpha + exponent.coeff(u), constant * sp.exp(exponent.coeff(u, 0))
        elif exponent is not None:
            inside = ("exp", -exponent)
        else:
            return head
    if inside is None:
        raise NoRule(f"Mellin inversion of {head}", "an exponential or erfc of an exponential of v", "rules.price")
    kernel, z = inside
    logarithm = sp.expand(sp.expand_log(sp.log(z), force=True))
    beta, level = logarithm.coeff(u), logarithm.coeff(u, 0)
    if sp.simplify(logarithm - beta * u - level) != 0:
        return head
    tilted = mean((Term(sp.S.One, 0, sp.S.Zero, alpha - beta * w),), variance)
    found, strip = transform(kernel)
    return LineIntegral(constant * found * sp.powsimp(sp.exp(level)) ** -w * tilted, w, strip)


def _exponential_mean(head: GaussianExpectation) -> sp.Expr:
    r"""$\mathbb E e^{\alpha v + c}$ over a Gaussian v."""
    exponent = head.integrand.exp if isinstance(head.integrand, sp.exp) else sp.S.NaN
    if len(head.variables) != 1 or not exponent.is_polynomial(head.variables[0]):
        return head
    terms = sp.Poly(exponent, head.variables[0])
    if terms.degree() > 1:
        return head
    tilt = mean((Term(sp.S.One, 0, sp.S.Zero, terms.coeff_monomial(head.variables[0])),), head.covariance[0, 0])
    return sp.exp(sp.expand(terms.coeff_monomial(1) + sp.expand_log(sp.log(tilt), force=True)))


exponential_means = Rule(
    "the Gaussian mean of an exponential",
    "derived here",
    "Completing the square, the mean of an exponential of a Gaussian variable is that of half its variance.",
    lambda expr: expr.replace(lambda node: isinstance(node, GaussianExpectation), _exponential_mean),
)


def _gaussian_line(head: LineIntegral) -> sp.Expr:
    r"""$\frac1{2\pi i}\int C e^{Aw^2 + Bw}dw = C e^{-B^2/4A}/2\sqrt{\pi A}$ for A > 0."""
    found = gaussian(head.integrand, head.variable)
    if found is None:
        return head
    A, B, level = found
    return sp.exp(sp.expand(level)) * sp.exp(-sp.factor(B**2 / (4 * A))) / (2 * sp.sqrt(sp.pi * A))


def gaussian(integrand: sp.Expr, variable: sp.Symbol) -> tuple[sp.Expr, sp.Expr, sp.Expr] | None:
    """A, B and C of an integrand exp(A w^2 + B w + C) with A > 0, None for another."""
    exponent = sp.expand(sp.expand_log(sp.log(integrand), force=True))
    if not exponent.is_polynomial(variable):
        return None
    terms = sp.Poly(exponent, variable)
    if terms.degree() != 2 or not terms.nth(2).is_positive:
        return None
    return terms.nth(2), terms.nth(1), terms.nth(0)


gaussian_lines = Rule(
    "Gaussian line integrals",
    "derived here",
    "On a vertical line the exponential of a quadratic is a Gaussian.",
    lambda expr: expr.replace(lambda node: isinstance(node, LineIntegral), _gaussian_line),
)

mellin_inversion = Rule(
    "Mellin inversion",
    MELLIN,
    "A function of a positive variable is the line integral of its Mellin transform; the mean of the power that is left"
    " is a tilt of a Gaussian, or one integral for each layer.",
    _inverted,
)


def derive(line: sp.Expr, rules: Sequence[Rule], source: str) -> Trace:
    """The lines from a definition by rules in turn, each of which must apply."""
    trace = [Step(line, "definition", source)]
    for rule in rules:
        trace.append(rule.step(trace[-1].expr))
    return tuple(trace)
