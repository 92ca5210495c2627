r"""Row-Gaussian propagation: a layer's effect on P inputs, without its weights.

For W of shape (N, n) with entries from N(0, 1), and features h of shape (n, P), the N rows of W h are
independent and Gaussian with covariance $h^\top h$. A layer costs N P^2 operations and N P random
numbers in place of N n P and N n, and the law is the same at every width, for every activation, also where
P > n and the covariance is singular. Derived here; Lee et al., arXiv 1711.00165, section 2, use the same step.

A sampler of weights is a function `(h, outputs, batch, rng)` that returns W h and the way back, b -> W^T b.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from symlimits.errors import DomainError, NoRule

Array = npt.NDArray[np.float64]
WayBack = Callable[[Array], Array]

SAMPLERS = ("naive", "exact")


def check_sampler(name: str) -> None:
    """Raise `DomainError` for what is not the name of a sampler."""
    if name not in SAMPLERS:
        raise DomainError(f"sampler = {name!r}", "'exact' or 'naive'", "sampler='exact'")


def gaussian_rows(covariance: Array, rows: int, batch: int, rng: np.random.Generator) -> Array:
    r"""`rows` independent draws from N(0, K), in columns: an array (batch, rows, P).

    `covariance` is (batch, P, P) or (1, P, P), and may be singular: equal or vanishing inputs, P above the rank.

    >>> K = np.array([[[4.0, 4.0, 0.0], [4.0, 4.0, 0.0], [0.0, 0.0, 0.0]]])
    >>> z = gaussian_rows(K, rows=1, batch=1, rng=np.random.default_rng(0))
    >>> bool(abs(z[0, 0, 0] - z[0, 0, 1]) < 1e-7), float(z[0, 0, 2])
    (True, 0.0)
    """
    normals = rng.standard_normal((batch, rows, covariance.shape[-1]))
    return normals @ covariance_root(covariance)


def covariance_root(covariance: Array) -> Array:
    r"""R with $R^\top R = K$, for one or many singular or regular covariances (..., P, P).

    By the eigenvectors of the correlations, so that an input of small variance is as accurate as a large one.

    >>> R = covariance_root(np.array([[1e-20, 0.5], [0.5, 1e20]]))
    >>> np.allclose(R.T @ R, [[1e-20, 0.5], [0.5, 1e20]], rtol=1e-14, atol=0)
    True
    """
    if not np.isfinite(covariance).all():  # an overflow: it stays one, where `eigh` would not converge
        return np.full_like(covariance, np.nan)
    scale = np.sqrt(np.einsum("...ii->...i", covariance))
    safe = np.where(scale > 0, scale, 1.0)
    correlation = covariance / safe[..., :, None] / safe[..., None, :]
    values, vectors = np.linalg.eigh(correlation)
    root = np.sqrt(np.maximum(values, 0.0))[..., :, None] * vectors.swapaxes(-1, -2)
    return root * scale[..., None, :]


def row_gaussian(h: Array, outputs: int, batch: int, rng: np.random.Generator) -> tuple[Array, WayBack]:
    """W h for new weights (batch, outputs, n). There is no way back: see `conditioned`."""

    def back(b: Array) -> Array:
        raise NoRule("a backward pass after row-Gaussian propagation", "the conditioned sampler", "sampler='exact'")

    return gaussian_rows(h.swapaxes(-1, -2) @ h, outputs, batch, rng), back
