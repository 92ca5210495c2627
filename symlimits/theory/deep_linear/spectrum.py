r"""The range of $\Sigma_{xx}$, where there are data, and the minimiser of the least norm there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, DomainError
from symlimits.finite.deep_linear_training import Array

RCOND = 1e-12  # eigenvalues of Sxx below this, times the largest, are those of directions without data


class Spectrum(NamedTuple):
    """The positive eigenvalues of Sxx (r,) and their vectors (d, r)."""

    values: Array
    vectors: Array


def spectrum(Sxx: npt.ArrayLike, rcond: float = RCOND) -> Spectrum:
    """The part of Sxx on its range: eigenvalues above `rcond` times the largest.

    >>> spectrum([[2.0, 0.0], [0.0, 0.0]]).values
    array([2.])
    """
    if not 0 <= rcond < 1:
        raise DomainError(f"rcond = {rcond!r}", "a number from 0 to 1", f"rcond={RCOND}")
    S = np.asarray(Sxx, dtype=np.float64)
    if S.ndim != 2 or not S.size or S.shape[0] != S.shape[1] or not np.isfinite(S).all():
        raise DataError(f"Sxx of shape {S.shape}", "a square matrix of finite numbers", "Sxx = X.T @ X / n")
    values, vectors = np.linalg.eigh(S)
    kept = values > rcond * max(values.max(), 0.0)
    if not kept.any():
        raise DomainError("Sxx without a positive eigenvalue", "data that are not all zero", "Sxx = X.T @ X / n")
    return Spectrum(values[kept], vectors[:, kept])


def minimiser(Sxx: npt.ArrayLike, Syx: npt.ArrayLike, rcond: float = RCOND) -> Array:
    r"""The minimiser of the risk with the least norm, $\Sigma_{yx}\Sigma_{xx}^+$ (k, d), which training tends to.

    >>> minimiser([[2.0, 0.0], [0.0, 0.0]], [[4.0, 0.0]])
    array([[2., 0.]])
    """
    inverse = np.linalg.pinv(np.asarray(Sxx, dtype=np.float64), rcond=rcond, hermitian=True)
    return np.asarray(np.asarray(Syx, dtype=np.float64) @ inverse)
