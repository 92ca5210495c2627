r"""The lines of a posterior without noise: the evidence, the scale of its covariance, and both as the ratio vanishes.

With $r = y^\top K^{-1}y$ the evidence is $|K|^{-1/2}$ times $E_P(r) = \mathbb E(2\pi q)^{-P/2}e^{-r/2q}$; the posterior
mean does not depend on q, and the covariance is that of the NNGP times
$\mathbb E[q|y] = \mathbb E q^{1-P/2}e^{-r/2q}/\mathbb E q^{-P/2}e^{-r/2q}$. In the limit $M(u) = e^{au(u-1)}$: at a = 0
the line integrals are those of $e^{-r/2}$, the NNGP, and their slopes in a are polynomials times it, so that the
posterior differs from the NNGP's in proportion to a.
"""

from __future__ import annotations

import sympy as sp

from symlimits.chain import Derivation
from symlimits.derivation.mellin import derive, w
from symlimits.derivation.trace import Rule, Trace
from symlimits.language.domain import POSITIVE, Domain
from symlimits.language.integral import LineIntegral
from symlimits.theory.mixtures.lines import mean_lines, q
from symlimits.theory.mixtures.mixing import MixingLaw

r, z = sp.symbols("r z", positive=True)
a = sp.Symbol("a", positive=True)
SOURCE = "Bassetti et al., arXiv 2406.03260; Hanin and Zlokapa, arXiv 2212.14457; lines: derived here"


def evidence(mixing: MixingLaw, points: int) -> Derivation:
    r"""$E_P(r)$, from the mixture over q to a line integral of Gamma functions.

    >>> evidence(MixingLaw(None, sp.Integer(1)), 2).expr
    line integral(E*exp((w - 1)**2)*gamma(w)/(2*pi*(E*r/2)**w); 0 < re w < oo)
    """
    return Derivation(_mean(mixing, points, 0, 2 * sp.pi), Domain({r: POSITIVE}), (r,), f"E_{{{points}}}(r)", SOURCE)


def scale(mixing: MixingLaw, points: int) -> Derivation:
    r"""$\mathbb E[q|y]$ of P points, what multiplies the covariance of the NNGP's posterior, as a quotient of lines."""
    above, below = _mean(mixing, points, 1, sp.S.One), _mean(mixing, points, 0, sp.S.One)
    lines = tuple(
        type(top)(top.expr / bottom.expr, top.rule, top.source) for top, bottom in zip(above, below, strict=True)
    )
    return Derivation(lines, Domain({r: POSITIVE}), (r,), r"\mathbb{E}[q|y]", SOURCE)


def _mean(mixing: MixingLaw, points: int, power: int, unit: sp.Expr) -> Trace:
    r"""$\mathbb E q^k(uq)^{-P/2}e^{-r/2q}$ in lines, u the `unit`."""
    half = sp.Rational(points, 2)
    return mean_lines(unit**-half * q ** (power - half) * sp.exp(-r / (2 * q)), mixing)


def at_zero(points: int, order: int = 0, power: int = 0) -> Derivation:
    r"""The `order`-th derivative in a, at a = 0, of $\mathbb E q^{k - P/2}e^{-r/2q}$ in the limit: k is `power`.

    >>> at_zero(3).expr
    exp(-r/2)
    """
    u = w + power - sp.Rational(points, 2)
    transform = MixingLaw(None, a).mellin(u)
    slope = sp.expand(sp.simplify(sp.diff(transform, a, order).subs(a, 0)))
    head = LineIntegral(sp.gamma(w) * (r / 2) ** -w * slope, w, (0, sp.oo))
    trace = derive(head, (gamma_lines,), SOURCE)
    return Derivation(trace, Domain({r: POSITIVE}), (r,), f"E^{{({order})}}(r)", SOURCE)


def first_order(points: int) -> tuple[sp.Expr, sp.Expr]:
    r"""What a adds, to first order, to the log evidence and to $\mathbb E[q|y]$: polynomials in r.

    >>> first_order(1)
    (r**2/4 - 3*r/2 + 3/4, r - 1)
    """
    base, slope, tilted = at_zero(points), at_zero(points, 1), at_zero(points, 1, 1)
    level = sp.expand(sp.simplify(slope.expr / base.expr))
    return level, sp.expand(sp.simplify(tilted.expr / base.expr) - level)


def _gamma_line(head: LineIntegral) -> sp.Expr:
    r"""$\frac1{2\pi i}\int\Gamma(w)p(w)x^{-w}dw = p(-x\,d/dx)\,e^{-x}$ for a polynomial p."""
    x, polynomial = sp.S.One, sp.S.One
    for factor in sp.Mul.make_args(sp.expand_power_base(head.integrand / sp.gamma(head.variable), force=True)):
        base, power = factor.as_base_exp()
        if factor.is_polynomial(head.variable):
            polynomial *= factor
        elif not base.has(head.variable) and not (power / head.variable).has(head.variable):
            x *= base ** (-power / head.variable)
        else:
            return head
    found, term = sp.S.Zero, sp.exp(-z)
    for coefficient in sp.Poly(polynomial, head.variable).all_coeffs()[::-1]:
        found, term = found + coefficient * term, -z * sp.diff(term, z)
    return sp.factor(found.subs(z, x))


gamma_lines = Rule(
    "Gamma line integrals",
    "Mellin 1896; derived here",
    "The line integral of a Gamma function is an exponential, and a polynomial beside it a differential operator.",
    lambda expr: expr.replace(lambda node: isinstance(node, LineIntegral), _gamma_line),
)
