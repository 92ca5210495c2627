r"""The posterior of a deep linear network with two outputs: their mixing matrix Q, given the data.

$Q = e^GO\,\mathrm{diag}(e^\rho, e^{-\rho})O^\top$ with $O = (u_+, u_-)$. In the eigenbasis of K the data are rows
$z_i$ with covariances $\lambda_iQ + \sigma^2I$, so that the exponent is
$-\frac12u_+^\top H_+u_+ - \frac12u_-^\top H_-u_-$ with $H_\pm = \sum_iz_iz_i^\top/(\lambda_ie^{G\pm\rho} + \sigma^2)$,
and linear in $(\cos, \sin)$ of twice the angle of O: the angle is of von Mises' law, and its integral a Bessel function
(`angle`). What is left, over $(G, \log\rho)$, is done by the trapezoid rule. Predictions $s$ given Q have two
independent rotated columns and add to $H_\pm$. Posterior of several outputs: Bassetti et al., arXiv 2406.03260;
formulas: derived here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, DomainError
from symlimits.reading.real import as_real, plain
from symlimits.theory.mixtures.angle import Forms, VonMises, forms, log_over_angles, von_mises
from symlimits.theory.mixtures.joint_prior import JointPrior
from symlimits.theory.mixtures.joint_table import DEPTH
from symlimits.theory.mixtures.lattice import Lattice, integrate
from symlimits.theory.mixtures.mixing import MixingLaw
from symlimits.theory.mixtures.observed import Observed, noise_variance
from symlimits.theory.mixtures.posterior import cholesky, predicted
from symlimits.theory.mixtures.two_outputs import eigenvalues

Array = npt.NDArray[np.float64]
LARGEST = 280.0  # of G + rho in its absolute value: where squares of exponentials are floats
LEFT = 30.0  # in the logarithm, of what the end of the prior's table may cut off
LEAST_WEIGHT = 1e-20  # of nodes that predictions keep, beside the largest
Added = tuple[Array, Forms, Forms]  # a logarithm (m, n), and what adds to both H, (B, m, n)


@dataclass(frozen=True, eq=False, repr=False)
class MatrixPosterior:
    r"""The law of Q given the data.

    >>> from symlimits.theory.mixtures import output_law
    >>> Q = output_law(ratio=1, outputs=2).posterior([[1.0]], [[3.0, 0.0]], noise_var=0.1).mixing
    >>> Q.mean.round(3)
    array([[4.805, 0.   ],
           [0.   , 0.419]])
    """

    mixing: MixingLaw
    data: Observed

    @cached_property
    def prior(self) -> JointPrior:
        r"""The law of $(G, \rho)$."""
        return JointPrior(self.mixing)

    def forms(self, scale: Array) -> Forms:
        r"""$H = \sum_iz_iz_i^\top/(\lambda_ie^{G\pm\rho} + \sigma^2)$ at scales of any shape."""
        z, c = self.data.targets, scale[..., None] * self.data.values + self.data.noise
        return Forms(*((1 / c) @ product for product in (z[:, 0] ** 2, z[:, 0] * z[:, 1], z[:, 1] ** 2)))

    def log_volumes(self, scale: Array) -> Array:
        """Minus half of the logarithm of the determinant of the data's covariance, for one eigenvalue of Q."""
        c = scale[..., None] * self.data.values + self.data.noise
        return np.asarray(-0.5 * np.log(2 * np.pi * c).sum(axis=-1))

    def integral(self, functions: Callable[[Array, Array], Array] | None = None) -> Lattice:
        r"""$\mathbb E\,N(Y; 0, Q \otimes K + \sigma^2I)e^f$; without functions of f = 0 and $f = 2(G + \rho)$.

        Functions are of G (m,) and of the x (n,) of `distances`, to (B, m, n).
        """
        functions = functions or (lambda G, x: np.log(self.scales_at(G, x)[0]) * np.array([0.0, 2.0])[:, None, None])
        if self.mixing.widths == ():
            axes = np.zeros(1), np.full(1, -np.inf)
            logs = self.log_likelihood(*axes) + functions(*axes)
            return Lattice(axes, logs, logs[:, 0, 0], np.zeros(len(logs)))

        def whole(G: Array, x: Array) -> Array:
            prior = self.prior.log_density(G, self.distances(x)) + self._log_slope(x)
            return np.asarray(prior + self.log_likelihood(G, x) + functions(G, x))

        return integrate(whole, self._start)

    def log_likelihood(self, G: Array, x: Array, added: Added | None = None) -> Array:
        """The logarithm of the mean over angles of the likelihood, (m, n), and of what is added to it, (B, m, n)."""
        high, low = self.scales_at(G, x)
        plus, minus = self.forms(high), self.forms(low)
        volumes = self.log_volumes(high) + self.log_volumes(low)
        if added is None:
            return volumes + log_over_angles(plus, minus)
        more, more_plus, more_minus = added
        return np.asarray(volumes + more + log_over_angles(plus + more_plus, minus + more_minus))

    @cached_property
    def _unit(self) -> float:
        return 1.0 if self.mixing.widths == () else min(1.0, self.prior.distance.width)

    def distances(self, x: Array) -> Array:
        r"""$\rho = c\log(1 + e^x)$: like $e^x$ near zero, linear far out, where a logarithm would narrow the strip."""
        return np.asarray(self._unit * np.logaddexp(0.0, x))

    def _log_slope(self, x: Array) -> Array:
        return np.asarray(np.log(self._unit) - np.logaddexp(0.0, -x))

    def scales_at(self, G: Array, x: Array) -> tuple[Array, Array]:
        r"""The eigenvalues $e^{G \pm \rho}$ on the grid (m, n)."""
        rho = self.distances(x)
        high, low = (np.exp(np.clip(G[:, None] + sign * rho, -LARGEST, LARGEST)) for sign in (1, -1))
        return high, low

    @cached_property
    def _start(self) -> list[tuple[float, float]]:
        mean, width = self.prior.scale
        return [(mean - 4 * width, mean + 4 * width), (-4.0, 4.0)]

    @cached_property
    def lattice(self) -> Lattice:
        """The posterior, not normalised, on its nodes, and itself times the square of Q's larger eigenvalue."""
        found = self.integral()
        cut = np.isneginf(found.logs[0])
        if cut.any():  # where the table of the prior ends
            likelihood = self.log_likelihood(found.axes[0], found.axes[1])
            prior = (found.logs[0] - likelihood)[~cut].max() - DEPTH
            if (likelihood[cut] + prior).max() > found.logs[0].max() - LEFT:
                wanted = f"data with a prior density of Q above e^-{DEPTH:.0f} of its peak"
                raise DomainError("data that speak for a Q far out", wanted, "noise_var > 0, or the limit")
        return found

    @property
    def log_evidence(self) -> float:
        """The logarithm of the evidence."""
        return float(self.lattice.log[0])

    @cached_property
    def _kept(self) -> npt.NDArray[np.bool_]:
        weights = self.lattice.weights
        return np.asarray(weights >= LEAST_WEIGHT * weights.max())

    @property
    def weights(self) -> Array:
        r"""The weights of the nodes $(G, \rho)$ (n,)."""
        return np.asarray(self.lattice.weights[self._kept])

    @cached_property
    def scales(self) -> tuple[Array, Array]:
        r"""The nodes: eigenvalues $e^{G + \rho}$ and $e^{G - \rho}$ of Q, (n,) each."""
        high, low = self.scales_at(*self.lattice.axes)
        return high[self._kept], low[self._kept]

    @cached_property
    def angles(self) -> VonMises:
        """The law of the angle at every node."""
        high, low = self.scales
        return von_mises(self.forms(high), self.forms(low))

    def rotated(self, high: Array, low: Array) -> Array:
        r"""$\mathbb E\,O\,\mathrm{diag}(g(e^{G+\rho}), g(e^{G-\rho}))O^\top$ from values of g (n, R): (R, 2, 2)."""
        level, (cos, sin) = 0.5 * self.weights @ (high + low), self.angles.first
        c, s = (0.5 * (self.weights * part) @ (high - low) for part in (cos, sin))
        return np.stack([level + c, s, s, level - c], axis=-1).reshape(-1, 2, 2)

    @property
    def mean(self) -> Array:
        """E[Q | Y] (2, 2)."""
        high, low = self.scales
        return self.rotated(high[:, None], low[:, None])[0]

    def log_pdf(self, Q: Any) -> float:
        r"""The logarithm of the density of Q (2, 2), positive definite, against $dQ_{11}dQ_{12}dQ_{22}$."""
        matrix: Array = as_real(Q, "Q")
        if matrix.shape != (2, 2) or matrix[0, 1] != matrix[1, 0]:
            raise DataError(f"Q of shape {matrix.shape}", "a symmetric matrix (2, 2)", "0.5 * (Q + Q.T)")
        large, small = (float(value) for value in eigenvalues(matrix))
        if small <= 0:
            raise DomainError("a mixing matrix that is not positive definite", "positive eigenvalues", "another Q")
        G, rho = 0.5 * np.log(large * small), 0.5 * np.log(large / small)
        prior = float(self.prior.log_kernel(np.array([G]), np.array([rho]))[0, 0]) - 3 * G - np.log(4 * np.pi)
        covariances = self.data.values[:, None, None] * matrix + self.data.noise * np.eye(2)
        z = self.data.targets
        squares = np.einsum("ri,ri->r", z, np.linalg.solve(covariances, z[..., None])[..., 0])
        logs = -0.5 * (squares + np.log(np.linalg.det(2 * np.pi * covariances)))
        return float(prior + logs.sum() - self.log_evidence)


@dataclass(frozen=True, eq=False, repr=False)
class TwoOutputPosterior:
    """The posterior of two outputs; made by `law.posterior(K_train, y, noise_var)`."""

    mixing: MatrixPosterior

    @property
    def data(self) -> Observed:
        """What was observed."""
        return self.mixing.data

    @property
    def log_evidence(self) -> float:
        r"""$\log\mathbb E\,N(Y; 0, Q \otimes K + \sigma^2I)$; for a singular K without noise, the density on its range.

        >>> import numpy as np
        >>> from symlimits.theory.mixtures import output_law
        >>> law, Y = output_law(ratio=1, outputs=2, covariance=np.eye(2)), np.array([[1.0, 0.5], [-1.0, 2.0]])
        >>> abs(law.posterior(np.eye(2), Y).log_evidence - law.log_pdf(Y.T)) < 1e-10
        True
        """
        return self.mixing.log_evidence

    @property
    def error(self) -> float:
        """An estimate of the error of the evidence, relative to it."""
        return float(self.mixing.lattice.error.max())

    def mean(self, K_cross: Any) -> Array:
        """E[S | Y] (M, 2) for K_cross (M, P); without noise that of the NNGP, whatever the law of Q."""
        cross = self.data.cross(K_cross)
        matrices = self.mixing.rotated(*map(self.data.slopes, self.mixing.scales))
        return np.asarray(cross @ np.einsum("rj,rjk->rk", self.data.targets, matrices))

    def covariance(self, K_cross: Any, K_test: Any, noise_var: Any = 0.0) -> Array:
        """Cov[S | Y] (M, 2, M, 2): the mean covariance given Q, and the covariance of the means given Q.

        `noise_var` is added to the variances: of observations to come, not of outputs.

        >>> from symlimits.theory.mixtures import output_law
        >>> post = output_law(widths=(), outputs=2).posterior([[1.0]], [[3.0, 1.0]], noise_var=1)
        >>> post.covariance([[0.5]], [[1.0]])[0, :, 0]
        array([[0.875, 0.   ],
               [0.   , 0.875]])
        """
        cross = self.data.cross(K_cross)
        left, noise = self.data.left(K_test, cross), noise_variance(noise_var)
        gains = self.mixing.rotated(*map(self.data.gains, self.mixing.scales))
        given = np.einsum("mn,jk->mjnk", left, self.mixing.mean) + np.einsum("mr,nr,rjk->mjnk", cross, cross, gains)
        between = np.einsum("mr,rjtk,nt->mjnk", cross, self._covariance_of_slopes(), cross)
        return np.asarray(given + between + noise * np.einsum("mn,jk->mjnk", np.eye(len(left)), np.eye(2)))

    def _covariance_of_slopes(self) -> Array:
        r"""That of $O\,\mathrm{diag}\,O^\top z_i$ over nodes and angles: (R, 2, R, 2)."""
        z, weights = self.data.targets, self.mixing.weights
        high, low = map(self.data.slopes, self.mixing.scales)
        parts = [0.5 * (high + low)[..., None] * z]  # beside 1, cos and sin of the angle
        parts += [0.5 * (high - low)[..., None] * y for y in (z * [1, -1], z[:, ::-1])]
        parts[0] = parts[0] - np.einsum("rj,rjk->rk", z, self.mixing.rotated(high, low))
        flat = [part.reshape(len(weights), -1) for part in parts]
        moments = self.mixing.angles.moments
        found = sum((flat[i].T * (weights * moments[i][j])) @ flat[j] for i in range(3) for j in range(3))
        return np.asarray(found).reshape(*z.shape, *z.shape)

    def log_pdf(self, s: Any, K_cross: Any, K_test: Any, noise_var: Any = 0.0) -> Any:
        """The logarithm of the density of the outputs s (..., M, 2) at the test inputs; with noise, of observations.

        Raises `DomainError` where the test outputs are certain given the data and Q.
        """
        cross = self.data.cross(K_cross)
        left, noise = self.data.left(K_test, cross), noise_variance(noise_var)

        def densities(G: Array, x: Array, some: Array) -> Array:
            high, low = self.mixing.scales_at(G, x)
            above, plus = self._given(high, some, cross, left, noise)
            below, minus = self._given(low, some, cross, left, noise)
            joint = self.mixing.log_likelihood(G, x, (above + below, plus, minus))
            return joint - self.mixing.log_likelihood(G, x)

        logs = predicted(self.mixing.lattice, densities, self.mixing.integral, self.data.points(s, cross))
        return plain(logs.reshape(np.shape(s)[:-2]) - self.log_evidence)

    def pdf(self, s: Any, K_cross: Any, K_test: Any, noise_var: Any = 0.0) -> Any:
        """The density of the outputs s (..., M, 2) at the test inputs; see `log_pdf`."""
        return plain(np.exp(self.log_pdf(s, K_cross, K_test, noise_var)))

    def _given(self, scale: Array, points: Array, cross: Array, left: Array, noise: float) -> tuple[Array, Forms]:
        """For one eigenvalue of Q: the volume, and the form of points (B, M, 2), of shape (B, ...)."""
        flat, count = scale.ravel(), len(left)
        covariances = flat[:, None, None] * left + (cross * self.data.gains(flat)[:, None, :]) @ cross.T
        roots = cholesky(covariances + noise * np.eye(count))
        means = cross @ (self.data.slopes(flat)[..., None] * self.data.targets)
        white = np.linalg.inv(roots) @ (points[:, None] - means)  # (B, n, M, 2)
        volumes = -np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1) - 0.5 * count * np.log(2 * np.pi)
        return volumes.reshape(scale.shape), forms(white, scale.shape)
