r"""The eigenvalues $e^{G \pm \rho}$ of the mixing matrix of two outputs, jointly, and the density of two outputs.

With $x = e^{G+\rho}$ and $y = e^{G-\rho}$ the law of both is one `SphericalIntegral`, whose lines `matrix_lines`
derives from the chi squares of one layer; its last line, in Gamma functions or a Gaussian, is what is computed here.
Outputs on n inputs are one layer more, and so is the characteristic function. Derived here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp
from scipy.special import gammaln

from symlimits.derivation.mellin import w
from symlimits.errors import DomainError
from symlimits.language.integral import LineIntegral
from symlimits.language.spherical import SphericalIntegral
from symlimits.reading.line_kernel import contour, lowered
from symlimits.reading.spherical_kernel import SphericalSum
from symlimits.theory.mixtures.matrix_lines import Spherical
from symlimits.theory.mixtures.mehler_fock import Distance

Array = npt.NDArray[np.float64]


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

    @cached_property
    def line(self) -> SphericalIntegral:
        """The last line of the derivation, at eigenvalues x > y."""
        law = Spherical(self.widths, self.ratio, self.inputs, self.wave)
        return law.trace(*sp.symbols("x y", positive=True))[-1].expr

    def first(self, alpha: sp.Expr) -> sp.Expr:
        r"""$h_1 = \prod_l\mathbb E(T_{11}^2)^{\alpha - 1/4}$; in the limit $e^{a\alpha^2 - 3a\alpha/2 + 5a/16}$."""
        return self.line.first.subs(w, alpha)

    def second(self, beta: sp.Expr) -> sp.Expr:
        r"""$h_2 = \prod_l\mathbb E(T_{22}^2)^{\beta + 1/4}$."""
        return self.line.second.subs(w, beta)

    @cached_property
    def sum(self) -> SphericalSum:
        """The trapezoid rules that give its values."""
        return SphericalSum(self.line)

    def log_kernel(self, G: Array, rho: Array) -> Array:
        r"""log of $p(G, \rho)/\sinh\rho$ at arrays (m,)."""
        return self.sum.log(G, rho)[0]


def log_density(law: Eigenvalues, high: Array, low: Array) -> Any:
    r"""log p(S) for K = I at the eigenvalues $x_1 \ge x_2 > 0$ of $A = SS^\top$ (m,), for a law with `inputs`."""
    if (low <= 0).any():
        raise DomainError("outputs S of rank one", "S of full rank", "`log_density_of_rank_one`")
    n = law.inputs
    G, rho = 0.5 * np.log(high * low), 0.5 * np.log(high / low)
    return law.log_kernel(G, rho) + _log_volume(n) - n * G


def log_density_of_rank_one(law: Eigenvalues, high: Array) -> Array:
    r"""log p(S) for K = I where the smaller eigenvalue is zero and the larger is $x > 0$ (m,).

    Moved left, the line of beta meets its first pole at $\beta_0 = \frac14 - \frac n2$, if every hidden layer is wider
    than n: there the power of y is $y^0$, and what is left is a line integral over alpha. Else the density is infinite.
    """
    n = law.inputs
    if law.widths and min(law.widths) <= n:
        return np.full(high.shape, np.inf)
    pole, w_ = sp.Rational(1, 4) - sp.Rational(n, 2), law.line.variable
    alone = Eigenvalues((), None, n).second(w_)  # the one factor that has the pole
    residue = sp.gammasimp((w_ - pole) * alone.rewrite(sp.gamma)).subs(w_, pole) * (law.second(w_) / alone).subs(
        w_, pole
    )
    legendre = 4 * sp.sqrt(sp.pi) * sp.gamma(w_ - pole + sp.S.Half) / sp.gamma(w_ - pole)
    head = LineIntegral(residue * law.line.first * legendre, w_, (pole, sp.oo))
    logs = np.log(high)
    return contour(lowered(head), head)(-logs).log - (n / 2 + 0.25) * logs + _log_volume(n)


def _log_volume(n: int) -> float:
    return float(gammaln(n / 2) + gammaln((n - 1) / 2) - np.log(4.0) - (n + 0.5) * np.log(np.pi))


def log_wave(law: Eigenvalues, high: Array, low: Array) -> Array:
    r"""log of $\mathbb E e^{i\operatorname{tr}T^\top S}$ at the eigenvalues > 0 of $TKT^\top$ (m,)."""
    if (low <= 0).any():
        raise DomainError("an argument T of rank one", "full rank", "the scalar law: one output on one input")
    G, rho = 0.5 * np.log(high * low), 0.5 * np.log(high / low)
    return law.log_kernel(G, rho) - 0.5 * np.log(8.0) - 0.5 * np.log(np.pi)
