r"""The eigenvalues $e^{G \pm \rho}$ of the mixing matrix of two outputs, jointly, and the density of two outputs.

The spherical transform of one layer, with $\alpha + \beta = v$ and $\alpha - \beta = w$, is a product:
$$\mathbb E e^{vG}P_{-1/2+w}(\cosh\rho) = \mathbb E(T_{11}^2)^{\alpha-1/4}\,\mathbb E(T_{22}^2)^{\beta+1/4}
  = h_1(\alpha)\,h_2(\beta),\qquad h_2 \propto h_1,$$
and so it stays over layers, and in the limit, where it is Gaussian. Both line integrals of its inversion part: with
$\varphi_j(x) = \frac1{2\pi i}\int h_j(\alpha)e^{-\alpha x}d\alpha$ and $u^2 = \rho^2 + s^2$,
$$\frac{p(G, \rho)}{\sinh\rho} = 4\int_0^\infty
  \frac{\varphi_1'(G - u)\varphi_2(G + u) - \varphi_1(G - u)\varphi_2'(G + u)}
  {u\,\sqrt{2(\cosh u - \cosh\rho)/s^2}}\,ds,$$
positive since $\log\varphi$ is concave. Outputs on n inputs are one layer more: given Q, $A = SK^{-1}S^\top$ is a
Wishart matrix of n degrees of freedom, and with $A$'s own $(G, \rho)$
$p(S) = |K|^{-1}\,\Gamma(\tfrac n2)\Gamma(\tfrac{n-1}2)\,e^{-nG}\,p_A(G, \rho)/(4\pi^{n+1/2}\sinh\rho)$.
The same with Q in place of its inverse gives the characteristic function at T, with $(G, \rho)$ of $TKT^\top$: the
factors are
$2^\gamma\Gamma(\gamma - \tfrac14)\,\mathbb E(T_{jj}^2)^{-\gamma\mp1/4}$, the front $1/4\sqrt\pi$. Derived here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp
from scipy.special import gammaln

from symlimits.derivation.mellin import chi_square_factor, gamma_integrals, w
from symlimits.errors import DomainError
from symlimits.language.integral import LineIntegral
from symlimits.reading.line_kernel import Contour, contour, lowered
from symlimits.theory.mixtures.mehler_fock import Distance, log_sinhc

Array = npt.NDArray[np.float64]
FIRST_STEP, HALVINGS = 0.4, 4  # of s, in widths of the law
AGREEMENT = 1e-11  # of two steps: the next is far nearer
LAST_TERM = 36.0  # below the first term, in the logarithm
NEAR = 1e-4  # u below which the difference is a derivative


@dataclass(frozen=True)
class Eigenvalues:
    r"""The joint law of $(G, \rho)$ for hidden `widths`, all at least 2, or in the limit with `ratio`.

    With `inputs` n not zero: of $A = SK^{-1}S^\top$ instead of Q. With `wave`, the characteristic function of S.

    >>> law = Eigenvalues(None, sp.Integer(1))
    >>> G = np.linspace(-10, 7, 86)
    >>> marginal = np.exp(law.log_kernel(G, np.full(86, 1.0))).sum() * 0.2 * np.sinh(1.0)
    >>> bool(abs(marginal - Distance(None, sp.Integer(1)).pdf(1.0)) < 1e-10)
    True
    """

    widths: tuple[int, ...] | None
    ratio: sp.Expr | None
    inputs: int = 0
    wave: bool = False

    def __post_init__(self) -> None:
        if self.widths != () or not (self.inputs or self.wave):
            Distance(self.widths, self.ratio)  # refuses layers of one unit
        if self.inputs == 1:
            raise DomainError("A of one input, which is singular", "two inputs or more", "the scalar law of one input")

    def first(self, alpha: sp.Expr) -> sp.Expr:
        r"""$h_1 = \prod_l\mathbb E(T_{11}^2)^{\alpha - 1/4}$; in the limit $e^{a\alpha^2 - 3a\alpha/2 + 5a/16}$."""
        return self._product(sp.Rational(-1, 4), 0).subs(w, alpha)

    def second(self, beta: sp.Expr) -> sp.Expr:
        r"""$h_2 = \prod_l\mathbb E(T_{22}^2)^{\beta + 1/4}$."""
        return self._product(sp.Rational(1, 4), 1).subs(w, beta)

    def _product(self, shift: sp.Expr, lost: int) -> sp.Expr:
        """Of E of chi squares with `lost` degrees of freedom less, over N; that of A is not divided by n."""
        power, found = (shift - w if self.wave else shift + w), sp.S.One
        for N, count in sorted(Counter(self.widths or ()).items()):
            found *= (self._chi(N - lost, power) * (sp.Integer(N - lost) / N) ** power) ** count
        if self.inputs:
            found *= self._chi(self.inputs - lost, power) * sp.Integer(self.inputs - lost) ** power
        if self.wave:
            found *= 2 ** (w + shift) * sp.gamma(w - sp.Rational(1, 4))
        if self.ratio is not None:  # log T_jj^2 from N(-j a, 2 a)
            found *= sp.exp(self.ratio * (power**2 - (1 + lost) * power))
        return found

    def _chi(self, N: int, power: sp.Expr) -> sp.Expr:
        return gamma_integrals.rewrite(chi_square_factor(sp.Integer(N), power))

    @cached_property
    def _contours(self) -> tuple[Contour, Contour, Contour]:
        """phi, phi' and phi'' of the first factor, as functions of -x."""
        narrowest = min([*(self.widths or ()), *([self.inputs] if self.inputs else [])], default=None)
        end = sp.oo if narrowest is None else sp.Rational(narrowest, 2) - sp.Rational(1, 4)
        strip = (sp.Rational(1, 4), end) if self.wave else (-end, sp.oo)
        heads = [LineIntegral(p * self.first(w), w, strip) for p in (sp.S.One, -w, w**2)]
        return tuple(contour(lowered(head), head) for head in heads)  # type: ignore[return-value]

    @cached_property
    def _constant(self) -> float:
        """log h_2 - log h_1, which does not depend on the argument."""
        at = sp.Rational(1, 2)  # inside every strip
        return float(sp.log(self.second(at).doit() / self.first(at).doit()).evalf(30))

    @cached_property
    def _width(self) -> float:
        layers = [*(self.widths or ()), *([self.inputs] if self.inputs else [])]
        spread = sum(1 / (N - 0.5) for N in layers) + self.wave + (0.0 if self.ratio is None else float(self.ratio))
        return float(np.sqrt(spread))

    def log_kernel(self, G: Array, rho: Array) -> Array:
        r"""log of $p(G, \rho)/\sinh\rho$ at arrays (m,)."""
        step = min(FIRST_STEP * self._width, FIRST_STEP)
        before = self._trapezoid(G, rho, step)
        for _ in range(HALVINGS):
            step *= 0.5
            found = self._trapezoid(G, rho, step)
            if (np.abs(found - before) <= AGREEMENT).all():
                break
            before = found
        return np.log(4.0) + self._constant + found

    def _trapezoid(self, G: Array, rho: Array, step: float) -> Array:
        terms = [self._term(G, rho, np.zeros(G.shape)) - np.log(2.0)]
        while (terms[-1] > terms[0] - LAST_TERM).any():
            terms.append(self._term(G, rho, np.full(G.shape, step * len(terms))))
        return np.asarray(np.log(step) + np.logaddexp.reduce(terms, axis=0))

    def _term(self, G: Array, rho: Array, s: Array) -> Array:
        u = np.hypot(rho, s)
        near = u < NEAR * self._width
        (left, left_slope), (right, right_slope) = self._phi(G - u), self._phi(G + u)
        fall = np.where(near, 1.0, left_slope - right_slope) / np.where(near, 1.0, u)
        if near.any():
            fall[near] = -2 * self._curvature(G[near])
        root = 0.5 * (log_sinhc(0.5 * (u + rho)) + log_sinhc(0.5 * s**2 / np.maximum(u + rho, 1e-300)))
        return np.asarray(left + right + np.log(fall) - root)

    def _phi(self, x: Array) -> tuple[Array, Array]:
        """log phi, and its derivative."""
        value, slope = self._contours[0](-x), self._contours[1](-x)
        return value.log, slope.sign * np.exp(slope.log - value.log)

    def _curvature(self, x: Array) -> Array:
        """(log phi)''."""
        (log, slope), second = self._phi(x), self._contours[2](-x)
        return np.asarray(second.sign * np.exp(second.log - log) - slope**2)


def log_density(law: Eigenvalues, high: Array, low: Array) -> Any:
    r"""log p(S) for K = I at the eigenvalues $x_1 \ge x_2 > 0$ of $A = SS^\top$ (m,), for a law with `inputs`."""
    if (low <= 0).any():
        raise DomainError("outputs S of rank one", "S of full rank", "the limit, whose density is finite there")
    n = law.inputs
    G, rho = 0.5 * np.log(high * low), 0.5 * np.log(high / low)
    volume = gammaln(n / 2) + gammaln((n - 1) / 2) - np.log(4.0) - (n + 0.5) * np.log(np.pi)
    return law.log_kernel(G, rho) + volume - n * G


def log_wave(law: Eigenvalues, high: Array, low: Array) -> Array:
    r"""log of $\mathbb E e^{i\operatorname{tr}T^\top S}$ at the eigenvalues > 0 of $TKT^\top$ (m,)."""
    if (low <= 0).any():
        raise DomainError("an argument T of rank one", "full rank", "the scalar law: one output on one input")
    G, rho = 0.5 * np.log(high * low), 0.5 * np.log(high / low)
    return law.log_kernel(G, rho) - np.log(4.0) - 0.5 * np.log(np.pi)
