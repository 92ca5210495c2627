r"""Far tails of line integrals: Stirling's formula far up the real axis, and the stationary point of what it leaves.

For $\frac1{2\pi i}\int g(w)dw$ whose saddle moves to infinity, $\log\int g \sim \log g(w^*)$, and there
$\log\Gamma(w + b) \sim w\log w - w$: what is left is $n(w\log w - w) + Aw^2 + Bw$, n Gamma functions, stationary at
$w^* = e^{-B/n}$ for A = 0, at one of Lambert's W else. Method of steepest descent: Debye 1909; Stirling 1730.
"""

from __future__ import annotations

from typing import NamedTuple

import sympy as sp

from symlimits.errors import NoRule
from symlimits.language.integral import LineIntegral


class Exponent(NamedTuple):
    r"""$n(w\log w - w) + Aw^2 + Bw$; the largest b of a $\Gamma(w + b)$ left out says how far out w must be."""

    n: sp.Expr
    A: sp.Expr
    B: sp.Expr
    w: sp.Symbol
    offset: sp.Expr = sp.S.Zero

    @property
    def expr(self) -> sp.Expr:
        """As a formula in w."""
        n, A, B, w, _ = self
        return n * (w * sp.log(w) - w) + A * w**2 + B * w

    @property
    def stationary(self) -> sp.Expr:
        """The w where the slope vanishes, from SymPy.

        >>> w, Z = sp.symbols("w Z", positive=True)
        >>> Exponent(sp.Integer(2), sp.S.Zero, -sp.log(Z), w).stationary
        sqrt(Z)
        """
        (found,) = sp.solve(self._general.expr.diff(self.w), self.w)
        rate = sp.exp(sp.logcombine(sp.expand(-self.B / self.n), force=True))
        return found.subs(sp.exp(-_B / _n), rate).subs({_n: self.n, _A: self.A, _B: self.B})

    @property
    def value(self) -> sp.Expr:
        """At the stationary point, where the logarithm of w is what the slope says: B drops out."""
        general, level = self._general, sp.Symbol("level")
        (logarithm,) = sp.solve(general.expr.diff(self.w).subs(sp.log(self.w), level), level)
        left = sp.expand(general.expr.subs(sp.log(self.w), logarithm))
        return left.subs({_n: self.n, _A: self.A, _B: self.B}).subs(self.w, self.stationary)

    @property
    def _general(self) -> Exponent:
        """With symbols for the coefficients that are not zero."""
        return Exponent(_n, _A if self.A else sp.S.Zero, _B, self.w)


_n, _A, _B = sp.symbols("n A B", positive=True)


def stirling(head: LineIntegral) -> Exponent:
    """The leading terms of the logarithm of the integrand far up the real axis; `NoRule` for factors of other kinds.

    >>> w, s = sp.symbols("w s", positive=True)
    >>> stirling(LineIntegral(sp.gamma(w + 1) ** 2 * (s / 2) ** -w, w, (0, sp.oo))).expr
    w*log(2/s) + 2*w*log(w) - 2*w
    """
    w, n, quadratic, offset = head.variable, sp.S.Zero, sp.S.Zero, sp.S.Zero
    if head.strip[1] != sp.oo:
        raise NoRule(f"a far tail of {head}", "a line that may go to the right without end", "a density")
    for factor in sp.Mul.make_args(sp.expand_power_base(head.integrand)):
        base, power = (sp.E, factor.exp) if isinstance(factor, sp.exp) else factor.as_base_exp()
        if not base.has(w):
            quadratic += sp.expand(power * sp.log(base))
        elif (b := _offset(base, w)) is not None and not power.has(w):
            n, offset = n + power, sp.Max(offset, abs(b))
        else:
            raise NoRule(f"{factor} far up the real axis", "Gamma functions, powers and Gaussians", "a linear network")
    terms = sp.Poly(quadratic, w)
    if terms.degree() > 2:
        raise NoRule(f"the exponent {quadratic}", "a quadratic one", "a linear network")
    linear = sp.logcombine(terms.coeff_monomial(w), force=True)
    return Exponent(n, terms.coeff_monomial(w**2), linear, w, offset)


def _offset(base: sp.Expr, w: sp.Symbol) -> sp.Expr | None:
    """b where the factor is Gamma(w + b), or that over a constant."""
    if isinstance(base, sp.RisingFactorial) and not base.args[0].has(w):
        rest = sp.expand(sp.Add(*base.args) - w)
    elif isinstance(base, sp.gamma | sp.factorial):
        rest = sp.expand(base.args[0] - w) + int(base.func is sp.factorial)
    else:
        return None
    return None if rest.has(w) else rest
