"""Tables of the Fourier series in the angle (see `angular`) over a range of variances: cosine transforms, low ranks.

Each C_m is a scalar product, over radii, of what depends on one variance. Its values at Chebyshev points of log p have
a low rank, so that a table holds it as few numbers U_mk, which are interpolated in log p.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy as sp
from scipy.fft import dct

from symlimits.reading.angular import Integers
from symlimits.reading.kernel import ScalarKernel
from symlimits.reading.resolution import Floats

Function = Callable[[Floats], Floats]

LEFT_OUT = 1e-14  # of the size: terms beyond the last, and ranks, each
RESOLVED = 1e-13  # of the size: interpolation in log p, at points between the nodes
_ALIASED = 1e-14  # of the root of the size: the upper quarter of the coefficients, which fold back on the others
_LEAST, _MOST = 256, 8192  # intervals of the half circle
_REACH, _STRIDE, _GRADE = 9.2, 1.2, 2.0  # of panels in r: exp(-r^2/2) is nothing beyond, poles are near 0
_RULE = np.polynomial.legendre.leggauss(16)
_POINTS, _POINTS_PER_E = 10, 3.8  # Chebyshev points, and more of them for each factor of e in p
_BETWEEN = np.array([-0.995, -0.83, -0.41, 0.04, 0.37, 0.79, 0.996])


@dataclass(frozen=True)
class AngularTable:
    """U_mk on Chebyshev points of log p from `low` to `high`, divided by sqrt(E f^2); the entries of each m adjacent.

    `ranks` are the numbers of entries for m = 0, 1, ...; `logs` the logarithms of sqrt(E f^2).
    """

    low: float
    high: float
    ranks: Integers
    entries: Floats
    logs: Floats

    def at(self, p: Floats, squares: Floats) -> Floats:
        """Entries at variances p within the table, divided by sqrt(E f^2), of which the squares are given."""
        weights = _interpolation(len(self.logs), _place(p, self.low, self.high))
        # each row by itself, in an order of its own: rows must not depend on how a matrix product is blocked
        found = np.einsum("pa,ak->pk", weights, self.entries, optimize=False)
        sizes = np.exp(np.einsum("pa,a->p", weights, self.logs, optimize=False))
        return np.asarray(found * (sizes / np.sqrt(squares))[:, None])

    @property
    def orders(self) -> Integers:
        """m of each entry."""
        return np.repeat(np.arange(len(self.ranks)), self.ranks)


@lru_cache(maxsize=32)
def angular_table(f: sp.Expr, x: sp.Symbol, low: float, high: float) -> AngularTable | None:
    """The table for variances from `low` to `high`; None for a function with kinks, or one that grows too fast."""
    function = ScalarKernel(f, (x,)).ufunc
    with np.errstate(all="ignore"):
        circle = _circle(function, high)
    if circle is None:
        return None
    points = int(_POINTS + _POINTS_PER_E * np.log(high / low))
    for count in (points, points + points // 2):
        table = _table(circle, count, low, high)
        if table is not None:
            return table
    return None


@dataclass(frozen=True)
class _Circle:
    """How coefficients are computed: nodes of the radius with roots of their weights, intervals, and terms kept."""

    function: Function
    radii: Floats
    roots: Floats
    intervals: int
    terms: int

    def coefficients(self, p: float) -> Floats:
        """F_m at the nodes, times the roots: (terms, nodes)."""
        cosines = np.cos(np.pi * np.arange(self.intervals + 1) / self.intervals)
        values = np.asarray(self.function(np.sqrt(p) * self.radii[:, None] * cosines), dtype=np.float64)
        found = dct(values, type=1, axis=1)[:, : self.terms] / (np.sqrt(2.0) * self.intervals)
        found[:, 0] /= np.sqrt(2.0)
        return np.asarray(found * self.roots[:, None]).T


def _circle(function: Function, high: float) -> _Circle | None:
    """With as many intervals and terms as the largest variance needs."""
    radii, roots = _radii(high)
    intervals = _LEAST
    while intervals <= _MOST:
        squares = (_Circle(function, radii, roots, intervals, intervals).coefficients(high) ** 2).sum(axis=1)
        upper = squares[3 * intervals // 4 :].sum()
        if not 0.0 < squares.sum() < np.inf:
            return None
        if upper <= _ALIASED**2 * squares.sum():
            weighted = np.maximum(squares / squares.sum(), _slopes(squares[None])[0])
            beyond = np.cumsum(weighted[::-1])[::-1]
            return _Circle(function, radii, roots, intervals, 1 + int(np.argmax(beyond <= LEFT_OUT)))
        intervals *= 2
    return None


def _radii(high: float) -> tuple[Floats, Floats]:
    """Gauss-Legendre panels that grow from 1/sqrt(p) on, and the roots of weights times r exp(-r^2/2)."""
    ends, end = [0.0], min(_STRIDE, 1.0 / np.sqrt(high))
    while end < _REACH:
        ends.append(end)
        end = min(_GRADE * end, end + _STRIDE)
    joints = np.array([*ends, _REACH])
    half, middle = np.diff(joints)[:, None] / 2.0, (joints[1:] + joints[:-1])[:, None] / 2.0
    r, weights = (middle + half * _RULE[0]).ravel(), (half * _RULE[1]).ravel()
    return r, np.sqrt(weights * r) * np.exp(-r * r / 4.0)


def _slopes(squares: Floats) -> Floats:
    """Shares m^2 C_m of the slope's mean square, along the last axis."""
    weighted = squares * np.arange(squares.shape[-1]) ** 2
    return np.asarray(weighted / np.maximum(weighted.sum(axis=-1, keepdims=True), np.finfo(float).tiny))


def _table(circle: _Circle, count: int, low: float, high: float) -> AngularTable | None:
    """With `count` points; None where they do not resolve the entries."""
    nodes, between = (_variances(places, low, high) for places in (_chebyshev(count), _BETWEEN))
    values = np.array([circle.coefficients(p) for p in (*nodes, *between)])
    sizes = np.sqrt((values**2).sum(axis=(1, 2)))
    values /= sizes[:, None, None]
    interpolated = np.einsum("ia,amr->imr", _interpolation(count, _BETWEEN), values[:count], optimize=True)
    if not _agree(values[count:], interpolated):
        return None
    ranks, entries = _factors(values[:count])
    return AngularTable(low, high, ranks, entries, np.log(sizes[:count]))


def _agree(exact: Floats, found: Floats) -> bool:
    """Whether all pairs of variances have the same coefficients, in sum, for the value and for the slope."""
    first, second = (np.einsum("imr,jmr->mij", values, values, optimize=True) for values in (exact, found))
    orders = np.arange(exact.shape[1]) ** 2
    slopes = np.sqrt(np.einsum("m,mii->i", orders, first))
    values, derivatives = (np.einsum("m,mij->ij", weights, abs(first - second)) for weights in (orders**0, orders))
    return bool((values <= RESOLVED).all() and (derivatives <= RESOLVED * np.outer(slopes, slopes)).all())


def _factors(values: Floats) -> tuple[Integers, Floats]:
    """Ranks, and C_m = U_m U_m' on the nodes, from values (points, terms, radii)."""
    by_order = values.transpose(1, 0, 2)
    products = by_order @ by_order.transpose(0, 2, 1)
    eigenvalues, vectors = np.linalg.eigh(products)
    orders = np.arange(len(products)) ** 2
    slopes = (np.einsum("maa->am", products) @ orders).min()
    weights = np.maximum(1.0, orders / slopes) if slopes > 0.0 else np.ones(len(products))
    kept = eigenvalues * weights[:, None] > LEFT_OUT / values.shape[1]
    factors = [vectors[m][:, kept[m]] * np.sqrt(eigenvalues[m][kept[m]]) for m in range(len(products))]
    return kept.sum(axis=1).astype(np.int64), np.ascontiguousarray(np.concatenate(factors, axis=1))


def _chebyshev(count: int) -> Floats:
    return np.asarray(np.cos(np.pi * (np.arange(count) + 0.5) / count))


def _interpolation(count: int, places: Floats) -> Floats:
    """Weights of values at Chebyshev points: (places, points)."""
    orders = np.arange(count)
    basis = np.cos(np.outer(np.arccos(_chebyshev(count)), orders)) * (2.0 / count)
    basis[:, 0] /= 2.0
    return np.einsum("pk,ak->pa", np.cos(np.outer(np.arccos(places), orders)), basis, optimize=False)


def _place(p: Floats, low: float, high: float) -> Floats:
    return np.clip(2.0 * np.log(p / low) / np.log(high / low) - 1.0, -1.0, 1.0)


def _variances(places: Floats, low: float, high: float) -> Floats:
    return np.asarray(low * np.exp((places + 1.0) / 2.0 * np.log(high / low)))
