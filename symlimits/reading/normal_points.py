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


Table = dict[sp.Symbol, dict[sp.Symbol, sp.Expr]]


def covariances(heads: Iterable[GaussianExpectation]) -> Table:
    """What the expectations say of the covariances of each of their Gaussian symbols."""
    table: Table = {}
    for head in heads:
        us, entries = head.variables, head.covariance.tolist()
        for u, row in zip(us, entries, strict=True):
            table.setdefault(u, {}).update(zip(us, row, strict=True))
    return table


class NormalPoints:
    """Arrays of values, one for each Gaussian symbol of a table; `number` reads an entry of a covariance.

    Symbols that no expectation holds together may be drawn as independent: nothing reads their covariance. `sources`
    are independent normal numbers, a column for each symbol of the table.
    """

    def __init__(self, table: Table, number: Callable[[sp.Expr], float], sources: Floats) -> None:
        self.covariances, self.number, self.sources = table, number, sources
        self.columns = {u: i for i, u in enumerate(table)}
        self.rows: dict[sp.Symbol, Floats] = {}
        self.drawn: dict[sp.Symbol, Floats] = {}

    def __getitem__(self, u: sp.Symbol) -> Floats:
        """The values of a symbol."""
        if u not in self.drawn:
            self.drawn[u] = self.sources @ self._row(u)
        return self.drawn[u]

    def relatives(self, u: sp.Symbol) -> list[sp.Symbol]:
        """The symbols drawn before that u stands in an expectation with; a covariance of zero has to stay so."""
        return [v for v in self.rows if v in self.covariances[u]]

    def _row(self, u: sp.Symbol) -> Floats:
        """Its coefficients over the independent sources: its own one carries what others do not explain."""
        known, relatives = self.covariances[u], self.relatives(u)
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


def normal_sources(dimensions: int, points: int, seed: Any) -> Floats:
    """Independent normal numbers, (points, dimensions): scrambled Sobol points."""
    from scipy.special import ndtri
    from scipy.stats import qmc  # scipy.stats is slow to import

    if not dimensions:
        return np.zeros((points, 0))
    uniform = qmc.Sobol(dimensions, scramble=True, seed=np.random.default_rng(seed)).random(points)
    return ndtri(np.clip(uniform, 2.0**-33, 1 - 2.0**-33))
