r"""A certified table of a smooth function of X: Chebyshev polynomials on even panels, for a million points at a time.

Panels are halved until the table agrees with the function at points between its nodes; where that is not reached
within `MOST_PANELS`, there is no table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]

DEGREE = 13
WIDEST, MOST_PANELS = 2.0, 4096
TOLERANCE = 3e-13  # of logarithms, relative to their size where that is larger than one
_NODES = np.cos(np.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1))
_BETWEEN = np.array([-0.97, -0.6, -0.2, 0.33, 0.71, 0.99])


@dataclass(frozen=True, eq=False)
class Table:
    """`table(X)` for X inside [low, high]."""

    low: float
    width: float
    coefficients: Array

    def __call__(self, X: Array) -> Array:
        found = np.empty(X.size)
        _evaluate(np.ascontiguousarray(X, dtype=np.float64).ravel(), self.low, self.width, self.coefficients, found)
        return found.reshape(X.shape)


def table(function: Callable[[Array], Array], low: float, high: float) -> Table | None:
    """A table of the function on [low, high], or None where `MOST_PANELS` do not suffice."""
    count = max(1, int(np.ceil((high - low) / WIDEST)))
    while count <= MOST_PANELS:
        width = max(high - low, 1e-6) / count
        found = Table(low, width, _coefficients(function, low, width, count))
        places = (low + width * (np.arange(count)[:, None] + 0.5 + 0.5 * _BETWEEN)).ravel()
        truth = function(places)
        if (np.abs(found(places) - truth) <= TOLERANCE * np.maximum(1.0, np.abs(truth))).all():
            return found
        count *= 2
    return None


def _coefficients(function: Callable[[Array], Array], low: float, width: float, count: int) -> Array:
    places = low + width * (np.arange(count)[:, None] + 0.5 + 0.5 * _NODES)
    values = function(places.ravel()).reshape(count, -1)
    angles = np.pi * np.outer(np.arange(DEGREE + 1), np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1)
    coefficients = 2.0 / (DEGREE + 1) * values @ np.cos(angles).T
    coefficients[:, 0] *= 0.5
    return np.ascontiguousarray(coefficients)


@njit(cache=True, error_model="numpy")
def _evaluate(X: Array, low: float, width: float, coefficients: Array, found: Array) -> None:
    """Clenshaw's sum on the panel of each point."""
    last, degree = coefficients.shape[0] - 1, coefficients.shape[1] - 1
    for i in range(len(X)):
        t = (X[i] - low) / width
        panel = min(max(int(t), 0), last)
        x = 2.0 * (t - panel) - 1.0
        b, before = 0.0, 0.0
        for j in range(degree, 0, -1):
            b, before = 2.0 * x * b - before + coefficients[panel, j], b
        found[i] = x * b - before + coefficients[panel, 0]
