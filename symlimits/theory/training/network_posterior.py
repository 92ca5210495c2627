r"""The posterior of the infinitely wide network: a Gaussian process with the NNGP kernel, given noisy outputs.

With $y = f(x) + \sigma\varepsilon$, in the eigenbasis of $K_{xx}$,
$$\mathbb E[f(z)|Y] = K_{zx}(K_{xx} + \sigma^2I)^{-1}Y,\qquad
  \mathrm{Cov} = K_{zw} - K_{zx}(K_{xx} + \sigma^2I)^{-1}K_{xw}.$$
It is what training the last layer alone tends to, with the weight decay $\sigma^2/m$, in the mean. Source: Neal 1996;
Lee et al. 2018, arXiv 1711.00165.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, DomainError
from symlimits.limits import Limit
from symlimits.matrices import MatrixDerivation
from symlimits.reading.real import as_real
from symlimits.theory.mixtures.observed import Observed
from symlimits.theory.training.data import points
from symlimits.theory.training.posterior_lines import posterior_statement

Array = npt.NDArray[np.float64]
ONE = np.ones(1)  # the scale of the kernel


@dataclass(frozen=True, eq=False, repr=False)
class NetworkPosterior:
    """The posterior of a wide network's outputs; made by `posterior`."""

    X: Array
    prior: Limit
    data: Observed

    def __repr__(self) -> str:
        n, k = len(self.X), self.data.targets.shape[1]
        return f"NetworkPosterior({n} points, {k} outputs, noise_var={self.data.noise:g})"

    @property
    def log_evidence(self) -> float:
        r"""$\log p(Y)$, the sum over outputs of $\log N(y; 0, K + \sigma^2I)$; without noise, on the range of K.

        >>> import symlimits as sl
        >>> from symlimits import activations as act
        >>> post = sl.posterior(sl.mlp(1, act.relu, 2, 0), [[1.0]], [[0.0]], noise_var=1)  # N(0; 0, 2 + 1)
        >>> round(post.log_evidence, 4)
        -1.4682
        """
        variances = (self.data.values + self.data.noise)[:, None]
        return float(-0.5 * (np.log(2 * np.pi * variances) + self.data.targets**2 / variances).sum())

    def evidence_gradient(self, dK: Any) -> float:
        r"""The derivative of `log_evidence` in a parameter of the prior, from that of its kernel at X, dK (n, n).

        With k outputs, $\tfrac12\sum_y y^\top C^{-1}dK\,C^{-1}y - \tfrac k2\mathrm{tr}\,C^{-1}dK$, $C = K + \sigma^2$:
        for fitting by gradients, with `K.derivative("sigma_w")` for dK. Raises `DataError` for another shape,
        `DomainError` without noise, where a singular kernel may move out of its range.

        >>> import symlimits as sl
        >>> from symlimits import activations as act
        >>> net = sl.mlp(1, act.relu, "sigma_w**2", 0)
        >>> post = sl.posterior(sl.mlp(1, act.relu, 4, 0), [[1.0]], [[3.0]], noise_var=1)
        >>> dK = sl.nngp(net).derivative("sigma_w")
        >>> round(post.evidence_gradient(dK([[1.0]], sigma_w=2)), 6)  # K = sigma_w^4/2 = 8, dK = 16
        0.0
        """
        rate: Array = as_real(dK, "dK")
        if rate.shape != (len(self.X),) * 2:
            raise DataError(f"dK of shape {rate.shape}", f"({len(self.X)}, {len(self.X)})", "dK(X) at the inputs")
        if not self.data.noise:
            raise DomainError("a gradient of the evidence without noise", "noise_var > 0", "noise_var=1e-6")
        variances = self.data.values + self.data.noise
        moved = self.data.vectors.T @ rate @ self.data.vectors
        dual = self.data.targets / variances[:, None]
        trace = float((np.diagonal(moved) / variances).sum())
        return 0.5 * (float((dual * (moved @ dual)).sum()) - dual.shape[1] * trace)

    def mean(self, Z: Any) -> Array:
        """The mean of the outputs (m, k) at test inputs Z (m, d). Raises `DataError` for another Z.

        >>> import symlimits as sl
        >>> from symlimits import activations as act
        >>> post = sl.posterior(sl.mlp(1, act.relu, 2, 0), [[1.0]], [[3.0]], noise_var=1)
        >>> post.mean([[1.0]])
        array([[2.]])
        """
        return np.asarray(self._cross(Z) @ (self.data.slopes(ONE)[0][:, None] * self.data.targets))

    def covariance(self, Z: Any) -> Array:
        """The covariance (m, m) of each output at test inputs Z (m, d); outputs are independent.

        >>> import symlimits as sl
        >>> from symlimits import activations as act
        >>> post = sl.posterior(sl.mlp(1, act.relu, 2, 0), [[1.0]], [[3.0]], noise_var=1)
        >>> post.covariance([[1.0]]).round(12)
        array([[0.66666667]])
        """
        cross = self._cross(Z)
        here = self.prior(points(Z, self.X))
        if not self.data.noise:
            return self.data.left(here, cross)
        total = here - (cross * self.data.slopes(ONE)[0]) @ cross.T
        return np.asarray(0.5 * (total + total.T))

    def derivation(self, quantity: str = "mean") -> MatrixDerivation:
        """The lines of the "mean" or of the "covariance": what is left of an output is independent of the data.

        Those of the log "evidence" lead from the Gaussian density to the eigenvalues of the kernel. Raises
        `DomainError` for another word.

        >>> import symlimits as sl
        >>> from symlimits import activations as act
        >>> sl.posterior(sl.mlp(1, act.relu, 2, 0), [[1.0]], [[3.0]]).derivation().expr
        K_zx*[1/(lamda + sigma**2) at lamda = K_xx]*Y
        """
        return posterior_statement(quantity)

    def _cross(self, Z: Any) -> Array:
        return self.data.cross(self.prior(points(Z, self.X), self.X))
