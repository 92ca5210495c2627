r"""The posterior of a deep linear network with one output: the mixing variable q, given the data.

With $C_q = qK + \sigma^2I$,
$$p(q|y) \propto p(q)\,N(y; 0, C_q),\qquad
  s\,|\,y \sim \int p(q|y)\,N\big(qk_*^\top C_q^{-1}y,\;qk_{**} - q^2k_*^\top C_q^{-1}k_*\big)dq.$$
All integrals are over $v = \log q$, in the eigenbasis of K, where the integrand is analytic in a strip: the trapezoid
rule. Without hidden layers q = 1, and this is the posterior of the NNGP. Exact at finite width: Bassetti et al., arXiv
2406.03260; Hanin and Zlokapa, arXiv 2212.14457; formulas: derived here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.errors import DomainError
from symlimits.reading.real import as_real, plain
from symlimits.theory.mixtures.lattice import Lattice, integrate
from symlimits.theory.mixtures.mixing import MixingLaw
from symlimits.theory.mixtures.observed import Observed, noise_variance

Array = npt.NDArray[np.float64]
FAR, LEAST_FAR = 12.0, 30.0  # standard deviations of log q, and log q: as far as modes of the likelihood are looked for
ENTRIES, TOGETHER = 2**20, 64  # of arrays over points and nodes; points that share a window


@dataclass(frozen=True, eq=False, repr=False)
class MixingPosterior:
    r"""The law of q given the data.

    >>> from symlimits.theory.mixtures import output_law
    >>> q = output_law(ratio=1).posterior([[1.0]], [3.0], noise_var=0.1).mixing
    >>> q.mean > 1  # the prior mean: an output of three standard deviations speaks for more
    True
    """

    prior: MixingLaw
    data: Observed

    @property
    def _certain(self) -> bool:
        """Whether q = 1."""
        return self.prior.widths == ()

    def log_likelihood(self, v: Array) -> Array:
        """log N(y; 0, C_q) at v = log q (n,)."""
        c = np.exp(v)[:, None] * self.data.values + self.data.noise
        return np.asarray(-0.5 * (np.log(2 * np.pi * c) + self.data.targets[:, 0] ** 2 / c).sum(axis=1))

    def _log_joint(self, v: Array) -> Array:
        return np.asarray(self.prior.log_pdf_anywhere(np.exp(v)) + v + self.log_likelihood(v))

    def integral(self, functions: Callable[[Array], Array] | None = None) -> Lattice:
        r"""$\int p(v)N(y; 0, C_q)e^{f(v)}dv$ for functions f, from (n,) to (B, n); without, of f = 0 and f = 2v."""
        functions = functions or (lambda v: np.stack([np.zeros(len(v)), 2 * v]))
        if self._certain:
            logs = self.log_likelihood(np.zeros(1)) + functions(np.zeros(1))
            return Lattice((np.zeros(1),), logs, logs[:, 0], np.zeros(len(logs)))
        return integrate(lambda v: self._log_joint(v)[None] + functions(v), [self._start])

    @cached_property
    def _start(self) -> tuple[float, float]:
        """Holds the mode of the prior, and those of the factors of the likelihood."""
        self._check_finite()
        mean, width = self.prior.log_cumulant(1), self.prior.log_cumulant(2) ** 0.5
        signal = self.data.targets[:, 0] ** 2 - self.data.noise
        seen = (signal > 0) & (self.data.values > 0)
        far = max(FAR * width, LEAST_FAR)  # the mode of the posterior of narrow priors is between, many deviations out
        modes = np.clip(np.log(signal[seen] / self.data.values[seen]), mean - far, mean + far)
        return min([mean - 3 * width, *modes]), max([mean + 3 * width, *modes])

    def _check_finite(self) -> None:
        count = len(self.data.values)
        if not self.data.noise and not self.data.targets.any() and -count / 2 <= self.prior.lowest:
            given = f"y = 0 without noise behind a layer of {-2 * self.prior.lowest} units, for {count} points"
            raise DomainError(given, "a finite evidence", "noise_var > 0, or wider layers")

    @cached_property
    def lattice(self) -> Lattice:
        """The posterior, not normalised, on its nodes, and itself times q^2."""
        return self.integral()

    @property
    def log_evidence(self) -> float:
        """The logarithm of the evidence."""
        return float(self.lattice.log[0])

    @property
    def nodes(self) -> Array:
        """Values of q at which the laws given q are mixed (n,)."""
        return np.exp(self.lattice.axes[0])

    @property
    def weights(self) -> Array:
        """Their weights (n,)."""
        return self.lattice.weights

    def log_pdf(self, q: Any) -> Any:
        """The logarithm of the density of q > 0 given y; broadcasts."""
        values: Array = as_real(q, "q")
        prior = np.asarray(self.prior.log_pdf(values))
        likelihood = self.log_likelihood(np.log(values).ravel()).reshape(values.shape)
        return plain(prior + likelihood - self.log_evidence)

    def pdf(self, q: Any) -> Any:
        """The density of q > 0 given y; broadcasts."""
        return plain(np.exp(self.log_pdf(q)))

    def moment(self, u: Any) -> float:
        """E[q^u | y] for a real u."""
        power = float(as_real(u, "u"))
        return float(np.exp(self.integral(lambda v: power * v[None]).log[0] - self.log_evidence))

    @property
    def mean(self) -> float:
        """E[q | y]."""
        return self.moment(1)


@dataclass(frozen=True, eq=False, repr=False)
class Posterior:
    """The posterior of one output; made by `law.posterior(K_train, y, noise_var)`."""

    mixing: MixingPosterior

    @property
    def data(self) -> Observed:
        """What was observed."""
        return self.mixing.data

    @property
    def log_evidence(self) -> float:
        r"""$\log\int p(q)N(y; 0, qK + \sigma^2I)dq$; for a singular K without noise, the density on its range.

        >>> from symlimits.theory.mixtures import output_law
        >>> law = output_law(ratio=1)
        >>> abs(law.posterior([[1.0]], [2.0]).log_evidence - law.log_pdf(2.0)) < 1e-12
        True
        """
        return self.mixing.log_evidence

    @property
    def error(self) -> float:
        """An estimate of the error of the evidence, relative to it."""
        return float(self.mixing.lattice.error.max())

    def mean(self, K_cross: Any) -> Array:
        r"""$\mathbb E[s | y]$ (M,) for K_cross (M, P); without noise that of the NNGP, whatever the law of q.

        >>> from symlimits.theory.mixtures import output_law
        >>> output_law(ratio=1).posterior([[1.0]], [3.0]).mean([[0.5]])
        array([1.5])
        """
        cross = self.data.cross(K_cross)
        return np.asarray(cross @ (self.mixing.weights @ self._slopes(self.mixing.nodes)))

    def covariance(self, K_cross: Any, K_test: Any, noise_var: Any = 0.0) -> Array:
        r"""$\mathrm{Cov}[s | y]$ (M, M): the mean covariance given q, and the covariance of the means given q.

        `noise_var` is added to the variances: of observations to come, not of outputs.

        >>> from symlimits.theory.mixtures import output_law
        >>> post = output_law(widths=()).posterior([[1.0]], [3.0], noise_var=1)
        >>> post.covariance([[0.5]], [[1.0]])
        array([[0.875]])
        """
        cross = self.data.cross(K_cross)
        left, noise = self.data.left(K_test, cross), noise_variance(noise_var)
        q, weights = self.mixing.nodes, self.mixing.weights
        slopes = self._slopes(q) - weights @ self._slopes(q)
        inner = np.diag(weights @ self.data.gains(q)) + (slopes.T * weights) @ slopes
        return np.asarray((weights @ q) * left + cross @ inner @ cross.T + noise * np.eye(len(left)))

    def log_pdf(self, s: Any, K_cross: Any, K_test: Any, noise_var: Any = 0.0) -> Any:
        """The logarithm of the density of the outputs s (..., M) at the test inputs; with noise, of observations.

        Raises `DomainError` where the test outputs are certain given the data and q.

        >>> from symlimits.theory.mixtures import output_law
        >>> law = output_law(ratio=1)
        >>> joint = output_law(ratio=1, covariance=[[1, "1/2"], ["1/2", 1]])
        >>> found = law.posterior([[1.0]], [3.0]).log_pdf([1.0], [[0.5]], [[1.0]])
        >>> abs(found - joint.log_pdf([3.0, 1.0]) + law.log_pdf(3.0)) < 1e-10
        True
        """
        cross = self.data.cross(K_cross)
        left, noise = self.data.left(K_test, cross), noise_variance(noise_var)
        points = self.data.points(s, cross)[..., 0]

        def gaussians(v: Array, some: Array) -> Array:
            q = np.exp(v)
            given = q[:, None, None] * left + (cross * self.data.gains(q)[:, None, :]) @ cross.T
            means = self._slopes(q) @ cross.T
            return log_gaussians(some[:, None, :] - means, given + noise * np.eye(len(left)))

        logs = predicted(self.mixing.lattice, gaussians, self.mixing.integral, points)
        return plain(logs.reshape(np.shape(s)[:-1]) - self.log_evidence)

    def pdf(self, s: Any, K_cross: Any, K_test: Any, noise_var: Any = 0.0) -> Any:
        """The density of the outputs s (..., M) at the test inputs; see `log_pdf`."""
        return plain(np.exp(self.log_pdf(s, K_cross, K_test, noise_var)))

    def _slopes(self, q: Array) -> Array:
        """Means given q are cross @ slopes, (n, R)."""
        return self.data.slopes(q) * self.data.targets[:, 0]


def predicted(
    lattice: Lattice, given: Callable[..., Array], integral: Callable[[Callable[..., Array]], Lattice], points: Array
) -> Array:
    """log of the integral of the posterior times densities given q, for each point (B, ...).

    On the nodes of the posterior; where that does not do, on nodes found anew.
    """
    size = max(1, ENTRIES // (lattice.logs[0].size * points[0].size))
    found = []
    for start in range(0, len(points), size):
        some = points[start : start + size]
        logs, sure = lattice.times(given(*lattice.axes, some))
        for left in np.array_split(np.flatnonzero(~sure), max(1, -(-(~sure).sum() // TOGETHER))):
            if len(left):
                logs[left] = integral(lambda *axes, rest=some[left]: given(*axes, rest)).log
        found.append(logs)
    return np.concatenate(found)


def log_gaussians(rows: Array, covariances: Array) -> Array:
    """log N(row; 0, covariance): rows (B, n, M), covariances (n, M, M), logarithms (B, n)."""
    roots = cholesky(covariances)
    white = np.linalg.solve(roots, rows.transpose(1, 2, 0))
    logs = np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
    half = 0.5 * np.square(white).sum(axis=1)
    return np.asarray(-half.T - logs - 0.5 * rows.shape[2] * np.log(2 * np.pi))


def cholesky(covariances: Array) -> Array:
    """The triangular roots of covariances (n, M, M) of test outputs given the data."""
    try:
        return np.asarray(np.linalg.cholesky(covariances))
    except np.linalg.LinAlgError:
        given = "test outputs that the data determine, or that determine each other"
        raise DomainError(given, "a density", "test inputs apart from the data, or noise_var > 0") from None
