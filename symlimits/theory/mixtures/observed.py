r"""The data of a posterior: outputs y at training inputs, in the eigenbasis of their kernel.

With $K = U\,\mathrm{diag}(\lambda)\,U^\top$ every matrix $qK + \sigma^2 I$ is diagonal in one basis, whatever q.
Eigenvalues that are rounding errors count as zero; without noise they are left out, and y may have no part there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, DomainError
from symlimits.finite.deep_linear import RANK, input_root
from symlimits.language.names import shown
from symlimits.reading.real import as_real

Array = npt.NDArray[np.float64]
IN_RANGE = 1e-9  # of |y|: what may stick out of the range of K, where a user computed y = K c
LOST = 1e-6  # of |y|, and of variances: what rounding of K may make of its null space, over the noise
ROUNDED_UP = 1.1  # the least noise in two digits, which round by 5 % at most, is enough
OFF = 1e-9  # of the largest variance: by how much rounding may make a covariance indefinite


@dataclass(frozen=True)
class Observed:
    """Eigenvalues (R,), eigenvectors (P, R), outputs in their basis (R, D), the noise, the variance of the layers."""

    values: Array
    vectors: Array
    targets: Array
    noise: float
    variance: float

    def cross(self, K_cross: Any) -> Array:
        """The kernel between M test inputs and the data, in the eigenbasis: (M, R)."""
        kernel: Array = as_real(K_cross, "K_cross")
        if kernel.ndim != 2 or kernel.shape[1] != len(self.vectors):
            given = f"K_cross of shape {kernel.shape}"
            raise DataError(given, f"(M, {len(self.vectors)}): test inputs by training inputs", "X_test @ X.T / d")
        return np.asarray(self.variance * kernel @ self.vectors)

    def left(self, K_test: Any, cross: Array) -> Array:
        r"""What noiseless data leave of the kernel (M, M) of test inputs, $K_{**} - K_*K^{-1}K_*^\top$."""
        kernel: Array = as_real(K_test, "K_test")
        if kernel.shape != (len(cross), len(cross)) or not np.allclose(kernel, kernel.T, rtol=OFF, atol=0):
            given = f"K_test of shape {kernel.shape}"
            raise DataError(
                given, f"a symmetric ({len(cross)}, {len(cross)}), as K_cross says", "X_test @ X_test.T / d"
            )
        kernel = 0.5 * self.variance * (kernel + kernel.T)
        seen = self.values > 0
        values, vectors = np.linalg.eigh(kernel - (cross[:, seen] / self.values[seen]) @ cross[:, seen].T)
        largest = float(np.diagonal(kernel).max(initial=0.0))
        if values.min(initial=0.0) < -OFF * largest:
            wanted = "a covariance of test and training inputs together"
            raise DomainError("K_test and K_cross that do not fit K_train", wanted, "one kernel for all inputs")
        values = np.where(values > RANK * len(self.vectors) * largest, values, 0.0)
        return np.asarray((vectors * values) @ vectors.T)

    def slopes(self, scale: Array) -> Array:
        r"""$q/(q\lambda + \sigma^2)$ at scales q (n,): means given q are cross @ (slopes targets), (n, R)."""
        scale = scale[:, None]
        return np.asarray(scale / (scale * self.values + self.noise))

    def gains(self, scale: Array) -> Array:
        r"""What noise adds to q `left`, cross diag(gains) cross': $q\sigma^2/(\lambda(q\lambda + \sigma^2))$, (n, R).

        No digits are lost, where the difference $qk_{**} - q^2k_*^\top C_q^{-1}k_*$ would lose them.
        """
        seen = self.values > 0
        inverse = np.where(seen, 1.0, 0.0) / np.where(seen, self.values, 1.0)
        return np.asarray(self.noise * inverse * self.slopes(scale))

    def points(self, s: Any, cross: Array) -> Array:
        """Outputs at the test inputs, (..., M) of one output or (..., M, D), as (B, M, D)."""
        array: Array = as_real(s, "s")
        several = self.targets.shape[1] > 1
        wanted = (len(cross), self.targets.shape[1]) if several else (len(cross),)
        if array.shape[array.ndim - len(wanted) :] != wanted or array.ndim < len(wanted):
            raise DataError(f"s of shape {array.shape}", f"(..., {', '.join(map(str, wanted))})", "one row a point")
        return array.reshape(-1, len(cross), self.targets.shape[1])


def observed(K_train: Any, y: Any, noise_var: Any, outputs: int, variance: float) -> Observed:
    """K_train (P, P) and y, (P,) of one output or (P, D), checked and turned into the eigenbasis."""
    kernel: Array = as_real(K_train, "K_train")
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or not kernel.size:
        raise DataError(f"K_train of shape {kernel.shape}", "(P, P)", "X @ X.T / X.shape[1]")
    if not np.allclose(kernel, kernel.T, rtol=OFF, atol=OFF * np.abs(kernel).max()):
        raise DataError("a K_train that is not symmetric", "a covariance", "X @ X.T / X.shape[1]")
    kernel = variance * 0.5 * (kernel + kernel.T)
    input_root(kernel)  # refuses what has negative eigenvalues
    targets, noise = _targets(y, len(kernel), outputs), noise_variance(noise_var)
    values, vectors = np.linalg.eigh(kernel)
    values = np.where(values > RANK * len(values) * values.max(), values, 0.0)
    rotated = vectors.T @ targets
    if noise:
        _check_noise(noise, values, rotated)
        return Observed(values, vectors, rotated, noise, variance)
    kept = values > 0
    if np.abs(rotated[~kept]).max(initial=0.0) > IN_RANGE * np.abs(targets).max() or not kept.any():
        given = f"K_train of rank {kept.sum()} for {len(kernel)} points, and y outside its range, without noise"
        raise DomainError(given, "y that the network can have: its evidence is zero", "noise_var > 0")
    return Observed(values[kept], vectors[:, kept], rotated[kept], 0.0, variance)


def _check_noise(noise: float, values: Array, rotated: Array) -> None:
    """Refuse a noise so small that rounding in the null space of K, over it, is seen."""
    null = values == 0
    share = RANK * len(values)  # of the largest eigenvalue: its rounding
    sticking = np.abs(rotated[null]).max(initial=0.0) / (np.abs(rotated).max() or 1.0)
    least = share * float(values.max()) / LOST * max(sticking, share)  # for the mean, for the covariance
    if null.any() and noise < least:
        given = f"noise_var = {noise:.3g} and K_train of rank {(~null).sum()} for {len(values)} points"
        wanted = f"noise_var of {ROUNDED_UP * least:.1e} or more, below which the rounding of K_train is seen"
        raise DomainError(given, wanted, "a larger noise_var, or noise_var=0 for y that the network can have")


def _targets(y: Any, points: int, outputs: int) -> Array:
    targets: Array = as_real(y, "y")
    wanted = (points,) if outputs == 1 else (points, outputs)
    if targets.shape != wanted:
        advice = "y[:, 0]" if outputs == 1 and targets.ndim == 2 else f"output_law(..., outputs={outputs}) or another y"
        raise DataError(f"y of shape {targets.shape}", f"{wanted}: {points} points, outputs = {outputs}", advice)
    return targets.reshape(points, outputs)


def noise_variance(noise_var: Any) -> float:
    """A variance of noise, checked."""
    noise: Array = as_real(noise_var, "noise_var")
    if noise.ndim or noise < 0:
        raise DomainError(f"noise_var = {shown(noise_var)}", "a number, zero or more", "noise_var=0.1")
    return float(noise)
