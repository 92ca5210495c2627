r"""The lines of a law of two outputs: from one layer's chi squares to line integrals of Gamma functions.

The mixing matrix of one layer is $TT^\top/N$ with independent $T_{11}^2 \sim \chi^2_N$, $T_{22}^2 \sim \chi^2_{N-1}$
(Bartlett 1933). Its spherical transform is a product, with $\alpha + \beta = v$ and $\alpha - \beta = w$
$$\mathbb E\,e^{vG}P_{w-1/2}(\cosh\rho) = \mathbb E\,(T_{11}^2)^{\alpha-1/4}\;\mathbb E\,(T_{22}^2)^{\beta+1/4},$$
and transforms of products of invariant matrices are products. So line 0 is the inversion of one product over layers,
and a rule for each kind of factor leads on. Outputs S on n inputs are one layer more, $A = SK^{-1}S^\top$ of n degrees
of freedom, and $p(S) = |K|^{-1}\Gamma(\frac n2)\Gamma(\frac{n-1}2)\,e^{-nG}p_A(G, \rho)/(4\pi^{n+1/2}\sinh\rho)$. A
characteristic function is one too, of the transform of $e^{-\operatorname{tr} Q/2}$: integrals over $T_{11}$ and
$T_{22}$, and $\sqrt{2\pi}/4\pi$ from $T_{21}$ and from the angles. In the limit $\log T_{jj}^2$ is Gaussian: the
first order in 1/N of a layer's factor is a polynomial of degree two in its power. Spherical functions: Helgason,
Groups and Geometric Analysis (1984), chapter IV; laws: Bassetti et al., arXiv 2406.03260, and Bassetti, Ladelli and
Rotondo, arXiv 2411.15267; lines: derived here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache

import sympy as sp

from symlimits.derivation.mellin import chi_square_factor, derive, exponential_means, gamma_integrals, v, w, y
from symlimits.derivation.trace import Rule, Trace
from symlimits.errors import NoRule
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.spherical import SphericalIntegral

FINITE = "Bassetti et al., arXiv 2406.03260; spherical inversion: derived here"
LIMIT = "Bassetti, Ladelli and Rotondo, arXiv 2411.15267; spherical inversion: derived here"
QUARTER = sp.Rational(1, 4)


@dataclass(frozen=True)
class Spherical:
    r"""A product over layers of hidden `widths`, or in the limit with `ratio`; with `inputs` of A, else of Q.

    With `wave` the transform of the characteristic function.

    >>> Spherical((5,), None).line(sp.Symbol("x"), sp.Symbol("y"))
    spherical integral(Integral((y/5)**(w - 1/4)*y**(3/2)*exp(-y/2)/(3*sqrt(2)*sqrt(pi)), (y, 0, oo)), ...
    """

    widths: tuple[int, ...] | None
    ratio: sp.Expr | None
    inputs: int = 0
    wave: bool = False

    def line(self, high: sp.Expr, low: sp.Expr) -> SphericalIntegral:
        """Line 0: the inversion at two eigenvalues."""
        return SphericalIntegral(self._product(0), self._product(1), w, self.strip, high, low)

    def trace(self, high: sp.Expr, low: sp.Expr, front: sp.Expr = sp.S.One) -> Trace:
        """Line 0 times `front`, and what the rules make of it."""
        return derive(front * self.line(high, low), self.rules, LIMIT if self.widths is None else FINITE)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """One for every kind of factor."""
        integrals = bool(self.widths or self.inputs or self.wave)
        return (gamma_integrals,) * integrals + (exponential_means,) * (self.ratio is not None)

    @property
    def strip(self) -> tuple[sp.Expr, sp.Expr]:
        """Where both transforms are finite."""
        narrowest = min([*(self.widths or ()), *([self.inputs] if self.inputs else [])], default=None)
        end = sp.oo if narrowest is None else sp.Rational(narrowest, 2) - QUARTER
        return (QUARTER, end) if self.wave else (-end, sp.oo)

    def _product(self, lost: int) -> sp.Expr:
        """The factors of T_11 (0 lost) or T_22 (1 lost), which has as many degrees of freedom less."""
        shift = QUARTER if lost else -QUARTER
        power, found = (shift - w if self.wave else shift + w), sp.S.One
        for N, count in sorted(Counter(self.widths or ()).items()):
            found *= chi_square_factor(sp.Integer(N - lost), power, sp.Rational(1, N)) ** count
        if self.inputs:
            found *= chi_square_factor(sp.Integer(self.inputs - lost), power, sp.S.One)
        if self.wave:
            found *= sp.Integral(y ** (w - QUARTER - 1) * sp.exp(-y / 2), (y, 0, sp.oo))
        if self.ratio is not None:
            found *= limit_factor(lost, power, self.ratio)
        return found


def limit_factor(lost: int, power: sp.Expr, ratio: sp.Expr) -> sp.Expr:
    r"""$\mathbb E(T_{jj}^2)^p$ in the limit, j = 1 + `lost`: a mean over a Gaussian logarithm.

    >>> limit_factor(1, w, sp.Symbol("a", positive=True))
    E[exp(w*(-2*a + v)); v ~ N(0, 2*a)]
    """
    u = sp.Symbol("u")
    first = sp.Poly(first_order(lost), u)
    if first.degree() > 2 or first.nth(0) != 0:
        raise NoRule(f"a first order {first.as_expr()}", "one of degree two, as of a Gaussian logarithm", "chi squares")
    drift, variance = first.nth(1) * ratio, 2 * first.nth(2) * ratio
    return GaussianExpectation(sp.exp(power * (drift + v)), (v,), [[variance]])


@cache
def first_order(lost: int) -> sp.Expr:
    r"""The polynomial $c_1(u)$ in $\mathbb E(\chi^2_{N-j}/N)^u = 1 + c_1(u)/N + O(N^{-2})$, j = `lost`.

    At integer u the moment is a polynomial in 1/N; one of degree two is fixed by three of them, and a fourth agrees.

    >>> first_order(0), first_order(1)
    (u**2 - u, u**2 - 2*u)
    """
    N, h, u = sp.Symbol("N", positive=True), sp.Symbol("h"), sp.Symbol("u")
    degrees = sp.Symbol("m", positive=True)
    factor = gamma_integrals(chi_square_factor(degrees, -w, 1 / N))
    orders = []
    for power in range(4):
        moment = sp.expand_func(factor.subs(w, -power)).subs(degrees, N - lost)
        orders.append((power, sp.expand(sp.expand(moment).subs(N, 1 / h)).coeff(h, 1)))
    return sp.expand(sp.interpolate(orders, u))
