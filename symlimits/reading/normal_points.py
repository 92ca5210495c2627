"""Correlated Gaussian symbols at scrambled Sobol points: each drawn once, given those that it is correlated with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.errors import NoRule
from symlimits.language.expectation import GaussianExpectation

Floats = npt.NDArray[np.float64]
SINGULAR = 1e-7  # of the largest singular value: directions below it carry no variance, but rounding of its square
EXCESS = 1e-2  # of the size of covariances, that sampled ones may be wrong by
DAMPING = 4.0 ** np.arange(-22, 2)


class NormalPoints:
    """Arrays of values, one for each Gaussian symbol of some expectations; `number` reads an entry of a covariance.

    Symbols that no expectation holds together may be drawn as independent: nothing reads their covariance.
    """

    def __init__(
        self, heads: Iterable[GaussianExpectation], number: Callable[[sp.Expr], float], points: int, seed: Any
    ) -> None:
        self.number = number
        self.covariances: dict[sp.Symbol, dict[sp.Symbol, sp.Expr]] = {}
        for head in heads:
            for i, u in enumerate(head.variables):
                known = self.covariances.setdefault(u, {})
                known.update({v: head.covariance[i, j] for j, v in enumerate(head.variables)})
        self.columns = {u: i for i, u in enumerate(self.covariances)}
        self.sources = normal_points(len(self.columns), points, seed)
        self.rows: dict[sp.Symbol, Floats] = {}
        self.drawn: dict[sp.Symbol, Floats] = {}

    def __getitem__(self, u: sp.Symbol) -> Floats:
        """The values of a symbol."""
        if u not in self.drawn:
            self.drawn[u] = self.sources @ self._row(u)
        return self.drawn[u]

    def _row(self, u: sp.Symbol) -> Floats:
        """Its coefficients over the independent sources: its own one carries what others do not explain."""
        known = self.covariances[u]
        relatives = [v for v in self.rows if v in known]  # also those of covariance zero, which has to stay so
        row, variance = np.zeros(len(self.columns)), self.number(known[u])
        if relatives:
            before = np.array([self.rows[v] for v in relatives])
            row = explained(before, np.array([self.number(known[v]) for v in relatives]), variance)
        row[self.columns[u]] += max(variance - float(row @ row), 0.0) ** 0.5
        self.rows[u] = row
        return row


def explained(before: Floats, wanted: Floats, variance: float) -> Floats:
    """The shortest row whose products with the rows before are the wanted covariances.

    Sampled covariances and exact ones do not quite agree. Where the row would have more than its variance, directions
    of little variance count less (Tikhonov), until it has not; `NoRule` where covariances are missed by much.
    """
    left, sizes, right = np.linalg.svd(before, full_matrices=False)
    sizes = np.where(sizes > SINGULAR * sizes[0], sizes, np.inf)
    for damping in (0.0, *(sizes[0] ** 2 * DAMPING)):
        row: Floats = right.T @ (left.T @ wanted / (sizes + damping / sizes))
        if row @ row <= variance * (1 + SINGULAR):
            break
    missed = np.abs(before @ row - wanted).max()
    if missed > EXCESS * (abs(variance) * (before**2).sum(axis=1).max()) ** 0.5:
        given = f"covariances that are not positive semidefinite, by {missed:.2g}"
        raise NoRule(given, "expectations that hold together what is correlated", "more points")
    return row


def normal_points(dimensions: int, points: int, seed: Any) -> Floats:
    """Independent standard Gaussian numbers (points, dimensions) at scrambled Sobol points, a power of two of them."""
    from scipy.special import ndtri
    from scipy.stats import qmc  # scipy.stats is slow to import

    if not dimensions:
        return np.zeros((points, 0))
    uniform = qmc.Sobol(dimensions, scramble=True, seed=np.random.default_rng(seed)).random(points)
    return ndtri(np.clip(uniform, 2.0**-33, 1 - 2.0**-33))
