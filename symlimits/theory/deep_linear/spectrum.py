r"""The range of $\Sigma_{xx}$, where there are data, and the minimiser of the least norm there."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, DomainError
from symlimits.finite.deep_linear_training import Array
from symlimits.language.formula import exact
from symlimits.language.names import shown
from symlimits.reading.gram_data import as_rows

# Times d: eigenvalues of Sxx below this, relative to the largest, are rounding errors, and count as zero.
RCOND = 64 * float(np.finfo(np.float64).eps)
LARGEST = 1e150  # squares are still floats
# Axes, and what to try.
INPUTS = ("(d, d)", "Sxx = X.T @ X / n, with X.reshape(n, 1) for one input")
TARGETS = ("(k, d)", "Syx = Y.T @ X / n, with Y.reshape(n, 1) for one output")


class Spectrum(NamedTuple):
    """The positive eigenvalues of Sxx (r,) and their vectors (d, r)."""

    values: Array
    vectors: Array


def spectrum(Sxx: npt.ArrayLike, rcond: float | None = None) -> Spectrum:
    """The part of Sxx on its range: eigenvalues above `rcond` times the largest, by default 64 d roundings.

    >>> spectrum([[2.0, 0.0], [0.0, 0.0]]).values
    array([2.])
    """
    S = as_rows(Sxx, "Sxx", *INPUTS)
    if S.shape[0] != S.shape[1]:
        raise DataError(f"Sxx of shape {S.shape}", "a square matrix of finite numbers", "Sxx = X.T @ X / n")
    found = kept(S, cutoff(rcond, len(S)))
    if not found.values.size:
        raise DomainError("Sxx without a positive eigenvalue", "data that are not all zero", "Sxx = X.T @ X / n")
    return found


def minimiser(Sxx: npt.ArrayLike, Syx: npt.ArrayLike, rcond: float | None = None) -> Array:
    r"""The minimiser of the risk with the least norm, $\Sigma_{yx}\Sigma_{xx}^+$ (k, d), which training tends to.

    >>> minimiser([[2.0, 0.0], [0.0, 0.0]], [[4.0, 0.0]])
    array([[2., 0.]])
    """
    xx, yx = matrices(Sxx, Syx)
    values, vectors = kept(xx, cutoff(rcond, len(xx)))
    return np.asarray(yx @ vectors / values @ vectors.T)


def matrices(Sxx: npt.ArrayLike, Syx: npt.ArrayLike) -> tuple[Array, Array]:
    """Two tables of finite numbers, (d, d) and (k, d); else `DataError`."""
    xx, yx = as_rows(Sxx, "Sxx", *INPUTS), as_rows(Syx, "Syx", *TARGETS)
    d = xx.shape[1]
    if xx.shape != (d, d) or yx.shape[1] != d:
        given = f"Sxx of shape {xx.shape} and Syx of shape {yx.shape}"
        raise DataError(given, "shapes (d, d) and (k, d)", "Sxx = X.T @ X / n and Syx = Y.T @ X / n")
    for name, table in (("Sxx", xx), ("Syx", yx)):
        size = float(np.abs(table).max())
        if size and not 1 / LARGEST <= size <= LARGEST:
            wanted = f"zero, or a largest entry between {1 / LARGEST:g} and {LARGEST:g}"
            raise DataError(f"{name} with entries up to {size:.3g}", wanted, "other units")
    return xx, yx


def kept(S: Array, rcond: float) -> Spectrum:
    """Eigenvalues above `rcond` times the largest, and their vectors; none of a matrix of zeros."""
    values, vectors = np.linalg.eigh(S)
    where = values > rcond * values.max(initial=0.0)
    return Spectrum(values[where], vectors[:, where])


def cutoff(rcond: Any, d: int) -> float:
    """What counts as zero relative to the largest eigenvalue, for d inputs; `DomainError` outside of [0, 1)."""
    if rcond is None:
        return RCOND * d
    found = exact(rcond, "rcond")
    if not (found.is_number and 0 <= found < 1):
        raise DomainError(f"rcond = {shown(rcond)}", "a number from 0 to below 1", "rcond=1e-12")
    return float(found)
