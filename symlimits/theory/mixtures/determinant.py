r"""The determinant of the mixing matrix: again a product of chi squares, so a scalar law of more and narrower layers.

$\det Q = \prod_l\prod_{i=1}^{D}\chi^2_{N_l - i + 1}/N_l$, so that $\log\det Q = \log q + c$ with q the mixing variable
of layers of widths $N_l - i + 1$ and $c = \sum_{l,i}\log\frac{N_l - i + 1}{N_l}$. In the proportional limit q has the
ratio Da and $c \to -\frac{D(D - 1)}2a$: $\log\det Q \sim N(-\frac{D(D + 1)}2a, 2Da)$. Derived here, from Bartlett's
triangular factors (1933).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.chain import Derivation
from symlimits.errors import DomainError
from symlimits.reading.real import as_real, plain
from symlimits.theory.mixtures import matrix_lines
from symlimits.theory.mixtures.mixing import MixingLaw

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Determinant:
    r"""The law of $x = \log\det Q$, of D = `dimension` outputs; in the limit `mixing.widths` is None.

    >>> law = Determinant(MixingLaw(None, sp.Symbol("a", positive=True)), 2)
    >>> law.mean, law.variance
    (-3*a, 4*a)
    >>> Determinant(MixingLaw((4, 4), None), 2).moment(1)  # of det Q itself
    9/16
    """

    mixing: MixingLaw
    dimension: int

    def __post_init__(self) -> None:
        widths = self.mixing.widths
        if widths is not None and (not widths or min(widths) < self.dimension):
            given = f"the determinant of {self.dimension} outputs behind widths {widths}"
            raise DomainError(given, "layers no narrower than the outputs: else Q is singular", "fewer outputs")

    @cached_property
    def scalar(self) -> MixingLaw:
        """The law of q = det Q exp(-shift)."""
        if self.mixing.widths is None:
            return MixingLaw(None, self.dimension * self.mixing.spread)
        return MixingLaw(tuple(N - i for N in self.mixing.widths for i in range(self.dimension)), None)

    @cached_property
    def shift(self) -> sp.Expr:
        """c, exact."""
        D = self.dimension
        if self.mixing.widths is None:
            return -sp.Rational(D * (D - 1), 2) * self.mixing.spread
        return sp.log(sp.prod([sp.Rational(N - i, N) for N in self.mixing.widths for i in range(D)]))

    @property
    def mean(self) -> Any:
        """E log det Q: a formula in the limit, else a float."""
        if self.mixing.widths is None:
            return self.shift - self.scalar.spread
        return float(self.shift) + self.scalar.log_cumulant(1)

    @property
    def variance(self) -> Any:
        """Var log det Q: a formula in the limit, else a float."""
        return 2 * self.scalar.spread if self.mixing.widths is None else self.scalar.log_cumulant(2)

    def moment(self, u: object) -> sp.Expr:
        r"""$\mathbb E(\det Q)^u$, exact."""
        return sp.simplify(self.scalar.moment(u) * sp.exp(self.shift * sp.sympify(u)))

    @property
    def density(self) -> Derivation:
        r"""The density of $\log\det Q$ at $\log q$ with its lines: Mellin's inversion of a product of chi squares.

        In the limit that of a Gaussian. `.apply(meijer)` of `derivation.meijer` writes it as a G function.

        >>> Determinant(MixingLaw(None, sp.Symbol("a", positive=True)), 2).density.expr
        sqrt(2)*exp(-(3*a + log(q))**2/(8*a))/(4*sqrt(pi)*sqrt(a))
        """
        return matrix_lines.log_determinant(self.mixing, self.dimension)

    def pdf(self, x: Any) -> Any:
        r"""The density of $\log\det Q$ at x; broadcasts."""
        logs = as_real(x, "x") - float(self.shift)
        return plain(self.scalar.pdf(np.exp(logs)) * np.exp(logs))

    def cdf(self, x: Any) -> Any:
        r"""$P(\log\det Q \le x)$; broadcasts."""
        return self.scalar.cdf(np.exp(as_real(x, "x") - float(self.shift)))

    def sample(self, size: int, seed: Any) -> Array:
        r"""Independent draws of $\log\det Q$ (size,)."""
        return np.asarray(np.log(self.scalar.sample(size, seed)) + float(self.shift))
