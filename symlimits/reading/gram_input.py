"""The input kernel of a Gram matrix: norms of the rows, and the signed gap of every pair of rows.

The state of a pair is its signed gap g in [-1, 1]: the cosine of its angle is rho = copysign(1 - |g|, g), so that
rho = 1 and rho = -1 (g = 0.0 and -0.0) are both resolved to full relative accuracy.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from symlimits.reading.real import check_covariance
from symlimits.reading.special import copysign, difference_of_products

Floats = npt.NDArray[np.float64]

# The matrix product gives the gap to about 1e-15, so to 1e-12 of itself from here on; it is recomputed below.
_CLOSE = 1e-3


@njit(error_model="numpy", fastmath={"reassoc", "contract"})
def row_norms(data: Floats) -> Floats:
    """Euclidean norms; equal rows get equal norms, and x and 2 x norms of ratio 2, because each is summed alike."""
    norms = np.empty(data.shape[0])
    for i in range(data.shape[0]):
        row = data[i]
        total = 0.0
        for k in range(row.size):
            total += row[k] * row[k]
        norms[i] = math.sqrt(total)
    return norms


@njit(error_model="numpy", fastmath={"reassoc", "contract"})
def close_gap(x: Floats, z: Floats, x_inverse: float, z_inverse: float) -> float:
    """|x/|x| - z/|z||^2 / 2 = 1 - rho.

    Each component is exact to rounding, and errors of the norms count only relative to the gap (their difference is
    orthogonal to it), so a gap of 1e-14 keeps all its digits whatever the lengths of the rows.
    """
    total = 0.0
    for k in range(x.size):
        component = difference_of_products(x[k], x_inverse, z[k], z_inverse)
        total += component * component
    return 0.5 * total


@njit(error_model="numpy")
def input_gaps(gaps: Floats, products: Floats, x: Floats, Z: Floats, x_inverse: float, z_inverses: Floats) -> None:
    """Signed gaps of the row x with rows of Z, from their scalar products or, where close to parallel, anew."""
    close = 0
    for j in range(gaps.size):
        rho = products[j] * (x_inverse * z_inverses[j])
        gap = 1.0 - abs(rho)
        close += abs(gap) < _CLOSE  # rounding may give |rho| > 1
        gaps[j] = copysign(gap, rho)
    if close == 0:
        return
    for j in range(gaps.size):
        if abs(gaps[j]) < _CLOSE:
            side = copysign(1.0, gaps[j])
            gaps[j] = copysign(close_gap(x, Z[j], x_inverse, side * z_inverses[j]), side)


def signed_gap(p: npt.ArrayLike, q: npt.ArrayLike, c: npt.ArrayLike) -> Floats:
    """The signed gap of variances p, q > 0 and covariance c, exact to a few ulps for the doubles given.

    With s = sqrt(p q): copysign((p q - c^2)/(s (s + |c|)), c). Raises `DomainError` for c^2 > p q, beyond rounding.

    >>> float(signed_gap(1.0, 4.0, -1.0))
    -0.5
    """
    variances: list[Any] = [np.asarray(value, dtype=np.float64) for value in (p, q, c)]
    check_covariance(*variances)
    first, second, covariance = np.broadcast_arrays(*variances)
    gaps = _signed_gaps(first.ravel(), second.ravel(), covariance.ravel())
    return np.asarray(gaps).reshape(first.shape)


@njit(error_model="numpy")
def _signed_gaps(p: Floats, q: Floats, c: Floats) -> Floats:
    gaps = np.empty(p.size)
    for k in range(p.size):
        scale = math.sqrt(p[k]) * math.sqrt(q[k])
        gap = difference_of_products(p[k], q[k], c[k], c[k]) / (scale * (scale + abs(c[k])))
        # rounding may give a gap below 0, or above 1 where c = 0; no variance: no direction, rho = 0
        gaps[k] = copysign(min(max(gap, 0.0), 1.0), c[k]) if scale > 0.0 else 1.0
    return gaps
