r"""Two outputs (or two inputs) in the proportional limit: densities in closed form.

$Q = e^G\,O\,\mathrm{diag}(e^\rho, e^{-\rho})\,O^\top$ with independent $G \sim N(-\frac32a, a)$, uniform O and
$\rho$ of McKean's law (`mehler_fock`). With
$dQ = (\lambda_1 - \lambda_2)\,d\lambda_1d\lambda_2d\theta$ the density of Q is
$p(G)\,p(\rho)/(4\pi e^{3G}\sinh\rho)$. Given Q the outputs S (2 x P) are $\mathcal{MN}(0, Q, K)$; the mean over O is a
Bessel function, so that with the eigenvalues $x_1 \ge x_2$ of $SK^{-1}S^\top$
$$p(S) = (2\pi)^{-P}|K|^{-1}\,\mathbb E\,e^{-PG}\Phi(e^{-G}, \rho),\qquad
  \Phi(b, \rho) = e^{-\frac b2\cosh\rho\,(x_1 + x_2)}I_0\big(\tfrac b2\sinh\rho\,(x_1 - x_2)\big),$$
and $\mathbb E e^{i\operatorname{tr}T^\top S} = \mathbb E\,\Phi(e^G, \rho)$ with the eigenvalues of $TKT^\top$. Both are
one integral over $(G, \log\rho)$ of a positive function: the trapezoid rule in both, each over what is not negligible.
Closed form: derived here, for the law of Bassetti, Ladelli and Rotondo, arXiv 2411.15267.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import sympy as sp
from scipy.special import i0e

from symlimits.errors import DataError, DomainError
from symlimits.reading.real import as_real, plain
from symlimits.theory.mixtures.mehler_fock import Distance

Array = npt.NDArray[np.float64]
NEGLIGIBLE = 44.0  # in the logarithm: 8e-20
COARSE, FIRST, ROUNDS = 160, 32, 5  # nodes: of the search, of the first rule; halvings of its steps
LEAST, FARTHEST = -24.0, 300.0  # of log(rho / sqrt a): below, rho^2 d log rho is negligible; of rho
AGREEMENT = 1e-13


class Bounded(NamedTuple):
    """The logarithm of a value, and an estimate of the error of the value relative to itself."""

    log: float
    error: float


@dataclass(frozen=True)
class TwoOutputs:
    r"""The mixing matrix of two outputs in the limit with `ratio` a.

    >>> law = TwoOutputs(sp.Integer(1))
    >>> round(law.log_pdf(np.eye(2)), 6)
    -4.739151
    """

    ratio: sp.Expr

    @cached_property
    def a(self) -> float:
        """The ratio as a float."""
        value = float(self.ratio)
        if not value > 0:
            raise DomainError(f"ratio = {value}", "a number larger than zero", "ratio=1")
        return value

    @cached_property
    def distance(self) -> Distance:
        r"""The law of $\rho$."""
        return Distance(None, self.ratio)

    def log_pdf(self, Q: Any) -> Any:
        r"""The logarithm of the density of Q, positive definite, against $dQ_{11}dQ_{12}dQ_{22}$: (..., 2, 2)."""
        matrices: Array = as_real(Q, "Q")
        if matrices.shape[-2:] != (2, 2) or not np.array_equal(matrices, matrices.swapaxes(-1, -2)):
            raise DataError(f"Q of shape {matrices.shape}", "symmetric matrices (..., 2, 2)", "0.5 * (Q + Q.T)")
        high, low = eigenvalues(matrices)
        if (low <= 0).any():
            raise DomainError("a mixing matrix that is not positive definite", "positive eigenvalues", "another Q")
        G, rho = 0.5 * np.log(high * low), 0.5 * np.log(high / low)
        gaussian = -((G + 1.5 * self.a) ** 2) / (2 * self.a) - 0.5 * np.log(2 * np.pi * self.a)
        return plain(gaussian - 3 * G + self.distance.log_kernel(rho) - np.log(4 * np.pi))

    def log_mean(self, high: float, low: float, power: float, sign: int) -> Bounded:
        r"""log of $\mathbb E e^{cG}\Phi(e^{\pm G}, \rho)$ for $x_1 \ge x_2 \ge 0$: c is `power`, the sign `sign`."""
        scale = np.sqrt(self.a)
        search = np.linspace(LEAST, np.log(FARTHEST / scale), COARSE)
        coarse = self._row(search, (high, low, power, sign), FIRST)
        kept = np.flatnonzero(coarse > coarse.max() - NEGLIGIBLE)
        ends = search[max(kept[0] - 1, 0)], search[min(kept[-1] + 1, COARSE - 1)]
        count, before, change = FIRST, -np.inf, np.inf
        for _ in range(ROUNDS):
            x = np.linspace(*ends, count)
            logs = self._row(x, (high, low, power, sign), count)
            value = float(np.logaddexp.reduce(logs) + np.log(x[1] - x[0]) + np.log(scale))
            change, before = abs(value - before), value
            if change <= AGREEMENT:
                break
            count *= 2
        return Bounded(value, change + AGREEMENT)

    def _row(self, x: Array, at: tuple[float, float, float, int], count: int) -> Array:
        r"""log of the integrand over G at every $\rho = \sqrt a\,e^x$, times its density and $e^x$."""
        rho = np.sqrt(self.a) * np.exp(x)
        return np.asarray(self.distance.log_pdf(rho) + x + self._over_scales(rho, at, count))

    def _over_scales(self, rho: Array, at: tuple[float, float, float, int], count: int) -> Array:
        r"""log of the mean over $H = \pm G \sim N(\mp\frac32a, a)$ of $e^{\pm cH}\Phi(e^H, \rho)$."""
        high, low, power, sign = at
        a, c = self.a, sign * power
        mean = -1.5 * a * sign
        B = 0.5 * (np.exp(-rho) * high + np.exp(rho) * low)  # what is left of the exponent beside i0e
        argument = 0.5 * np.sinh(rho) * (high - low)
        middle = mean + a * c
        peak = middle - _lambert(np.log(a * B + TINY) + middle)  # of c H - B e^H - (H - mean)^2/(2 a)
        b = (middle - peak) / a  # B e^peak: beside the peak the exponent is -d^2/(2 a) - b (e^d - 1 - d)
        right = np.sqrt(2 * NEGLIGIBLE / (1 / a + b))
        left = 0.5 * a + np.sqrt(0.25 * a**2 + 2 * a * NEGLIGIBLE)  # i0e grows to the left, by e^{-d/2} at most
        left = np.where(b > 1, np.minimum(left, (NEGLIGIBLE + b) / np.maximum(b - 0.5, 0.5)), left)
        H = (peak - left)[:, None] + (right + left)[:, None] * np.linspace(0, 1, 4 * count)
        eH = np.exp(H)
        logs = c * H - (H - mean) ** 2 / (2 * a) - B[:, None] * eH + np.log(i0e(argument[:, None] * eH))
        found = np.logaddexp.reduce(logs, axis=1) + np.log((right + left) / (4 * count - 1))
        return np.asarray(found - 0.5 * np.log(2 * np.pi * a))


TINY = 1e-300


def _lambert(log_z: Array) -> Array:
    """W(z) of Lambert, from log z: Newton's iteration on W + log W = log z."""
    W = np.where(log_z < 0, np.exp(np.minimum(log_z, 0.0)), np.maximum(log_z, 0.5))
    for _ in range(8):
        W = np.maximum(W, TINY)
        W = W * (1 + log_z - np.log(W)) / (1 + W)
    return np.asarray(W)


def eigenvalues(matrices: Array) -> tuple[Array, Array]:
    """The larger and the smaller eigenvalue of symmetric (..., 2, 2), the smaller as determinant over larger."""
    A, B, C = matrices[..., 0, 0], matrices[..., 0, 1], matrices[..., 1, 1]
    high = 0.5 * (A + C + np.hypot(A - C, 2 * B))
    return high, np.where(high > 0, (A * C - B**2) / np.where(high > 0, high, 1.0), 0.0)
