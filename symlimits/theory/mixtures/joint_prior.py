r"""The joint density of $(G, \rho)$, of $Q = e^G O\,\mathrm{diag}(e^\rho, e^{-\rho})O^\top$, on whole grids.

In the limit the two are independent. At finite width every value is an integral over line integrals that depend on one
number each (`joint_table`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from symlimits.theory.mixtures.determinant import Determinant
from symlimits.theory.mixtures.joint_table import JointTable
from symlimits.theory.mixtures.mehler_fock import Distance
from symlimits.theory.mixtures.mixing import MixingLaw

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class JointPrior:
    r"""The law of $(G, \rho)$ behind layers of at least two units, or in the limit."""

    mixing: MixingLaw

    @cached_property
    def distance(self) -> Distance:
        r"""The law of $\rho$."""
        return Distance(self.mixing.widths, None if self.mixing.ratio is None else self.mixing.spread)

    @cached_property
    def _table(self) -> JointTable:
        return JointTable(self.mixing.widths or ())

    @cached_property
    def scale(self) -> tuple[float, float]:
        """Mean and standard deviation of G."""
        law = Determinant(self.mixing, 2)
        return 0.5 * float(law.mean), 0.5 * float(law.variance) ** 0.5

    def log_kernel(self, G: Array, rho: Array) -> Array:
        r"""log of $p(G, \rho)/\sinh\rho$ for G (m,) and rho (n,) on their grid: (m, n)."""
        if self.mixing.widths is None:
            mean, width = self.scale
            gaussian = -0.5 * ((G - mean) / width) ** 2 - 0.5 * np.log(2 * np.pi) - np.log(width)
            return np.asarray(gaussian[:, None] + self.distance.log_kernel(rho))
        return self._table.log_kernel(G, rho)

    def log_density(self, G: Array, rho: Array) -> Array:
        r"""log of $p(G, \rho)$ at rho > 0 on the grid: (m, n)."""
        return np.asarray(self.log_kernel(G, rho) + log_sinh(rho))


def log_sinh(x: Array) -> Array:
    """log sinh x at x > 0."""
    return np.asarray(x + np.log(-np.expm1(-2 * x)) - np.log(2.0))
