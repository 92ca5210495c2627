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

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.chain import Derivation
from symlimits.derivation.mellin import (
    chi_square_factor,
    derive,
    exponential_means,
    gamma_integrals,
    gaussian_lines,
    v,
    w,
    y,
)
from symlimits.derivation.trace import Rule, Trace
from symlimits.errors import NoRule
from symlimits.language.domain import POSITIVE, Domain, Range
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.integral import LineIntegral
from symlimits.language.spherical import SphericalIntegral
from symlimits.limits import Limit
from symlimits.theory.mixtures.matrix_networks import Directions, PlaneExperiment
from symlimits.theory.mixtures.mixing import MixingLaw

FINITE = "Bassetti et al., arXiv 2406.03260; inversion: derived here"
LIMIT = "Bassetti, Ladelli and Rotondo, arXiv 2411.15267; inversion: derived here"
q, r, s, t, x = sp.symbols("q r s t x", positive=True)
QUARTER = sp.Rational(1, 4)


@dataclass(frozen=True)
class Spherical:
    r"""A product over layers of hidden `widths`, or in the limit with `ratio`; with `inputs` of A, else of Q.

    With `wave` the transform of the characteristic function.

    >>> Spherical((5,), None).line(sp.Symbol("x"), sp.Symbol("y")).second
    Integral(y*(y/5)**(w + 1/4)*exp(-y/2)/4, (y, 0, oo))
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
    E[exp(w*(-2*a + v)); var v = 2*a]
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


def characteristic(mixing: MixingLaw, outputs: int, kernel: npt.NDArray[np.float64]) -> Limit:
    r"""$\mathbb E e^{i\operatorname{tr}T^\top S}$ for singular values t and rt of $TK^{1/2}$; exact at finite widths.

    Rotations of outputs and of whitened inputs leave the law, so that singular values are all it depends on.
    """
    law = Spherical(mixing.widths, mixing.ratio, wave=True)
    trace = law.trace(t**2, r**2 * t**2, sp.sqrt(2 * sp.pi) / (4 * sp.pi))
    name = r"\varphi(t, r)"
    observable = r"$\operatorname{tr} T^\top S$, $T K^{1/2}$ of singular values $1$ and $r$ (rotations leave the law)"
    directions = Directions(outputs, kernel)
    if mixing.widths is None:
        twin = PlaneExperiment(directions, None, mixing.ratio)
        regime = "width $n$ and depth $L$ to infinity, $L/n$ to $a$, by triangular factors exact in law at every width"
        return Limit(trace, _domain(t), (t, r), name, LIMIT, twin, observable, regime, "cf", 1)
    twin = PlaneExperiment(directions, mixing.widths, None)
    return Limit(trace, _domain(t), (t, r), name, FINITE, twin, observable, "any input dimension", "cf", 0)


def density(mixing: MixingLaw, outputs: int, inputs: int, determinant: sp.Expr) -> Derivation:
    """The density of S where $K^{-1/2}$ times S has the singular values s and rs; `determinant` is that of K."""
    n, D = max(outputs, inputs), sp.Integer(outputs)
    law = Spherical(mixing.widths, mixing.ratio, inputs=n)
    volume = sp.gamma(sp.Rational(n, 2)) * sp.gamma(sp.Rational(n - 1, 2)) / (4 * sp.pi ** (n + sp.S.Half))
    trace = law.trace(s**2, r**2 * s**2, volume * determinant ** (-D / 2) * (r * s**2) ** -n)
    return Derivation(trace, _domain(s), (s, r), "p(s, r)", LIMIT if mixing.widths is None else FINITE)


def eigenvalue_density(mixing: MixingLaw) -> Derivation:
    r"""The density of $(G, \rho)$ over $\sinh\rho$, where $x = e^{G+\rho}$ and rx with $r = e^{-2\rho}$ are Q's
    eigenvalues."""
    law = Spherical(mixing.widths, mixing.ratio)
    source = LIMIT if mixing.widths is None else FINITE
    return Derivation(law.trace(x, r * x), _domain(x), (x, r), r"\frac{p(G, \rho)}{\sinh \rho}", source)


def log_determinant(mixing: MixingLaw, dimension: int) -> Derivation:
    r"""The density of $\log\det Q$ at $\log q$; $\det Q$ is the product over layers and j of $\chi^2_{N_l-j+1}/N_l$."""
    if mixing.widths is None:
        rules: tuple[Rule, ...] = (exponential_means, gaussian_lines)
        factors, low = [limit_factor(lost, w, mixing.spread) for lost in range(dimension)], -sp.oo
    else:
        rules, layers = (gamma_integrals,), sorted(Counter(mixing.widths).items())
        factors = [
            chi_square_factor(sp.Integer(N - lost), w, sp.Rational(1, N)) ** count
            for N, count in layers
            for lost in range(dimension)
        ]
        low = sp.Rational(dimension - 1 - min(mixing.widths), 2)
    source = LIMIT if mixing.widths is None else FINITE
    line = LineIntegral(q**-w * sp.Mul(*factors), w, (low, sp.oo))
    return Derivation(derive(line, rules, source), Domain({q: POSITIVE}), (q,), r"p(\log q)", source)


def _domain(size: sp.Symbol) -> Domain:
    return Domain({size: POSITIVE, r: Range(0, 1, (False, False), (sp.S.Half,))})
