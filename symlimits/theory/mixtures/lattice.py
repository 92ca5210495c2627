r"""Integrals of positive functions over the line or the plane by the trapezoid rule, in the logarithm.

For functions analytic in a strip around the axes the rule converges exponentially (Trefethen and Weideman 2014, SIAM
Rev. 56). The window is found first: it holds every node that is not negligible beside the largest, grows towards what
it does not hold yet, and shrinks to what matters. Then the nodes are doubled until two rules agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from symlimits.errors import DomainError

Array = npt.NDArray[np.float64]
Function = Callable[..., Array]  # of one array an axis, to logarithms (B, n_1, ...): B functions on the product grid
NEGLIGIBLE = 44.0  # in the logarithm, below the largest: 8e-20
SEARCH, FIRST, MOST = {1: 65, 2: 25}, {1: 49, 2: 33}, {1: 7, 2: 4}  # nodes an axis, and doublings, by dimension
HALF = 1e-6  # of every second node beside all: what is left is nearly its square
SMALL = 30.0  # in the logarithm, of what may be left at the ends
ROUNDS = 60  # of the search
AGREEMENT = {1: 1e-12, 2: 1e-8}  # of two rules, relative: the error of the second is nearly the square
ROUNDING = 1e-12
FARTHEST = 600.0  # of an axis, which is a logarithm or nearly one: beyond, its exponential is hardly a float


class Lattice(NamedTuple):
    """The nodes, the B functions on them, the logarithms of their integrals, and errors relative to the integrals."""

    axes: tuple[Array, ...]
    logs: Array
    log: Array
    error: Array

    @property
    def cell(self) -> float:
        """The volume of a cell."""
        return float(np.prod([axis[1] - axis[0] if len(axis) > 1 else 1.0 for axis in self.axes]))

    def times(self, added: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
        """log of the integral of the first function times exp(added), (B, n_1, ...), and where this can be trusted.

        That is where every second node gives nearly the same, and where nothing is left at the ends.
        """
        logs, axes = self.logs[0] + added, tuple(range(1, added.ndim))
        found = np.logaddexp.reduce(logs, axis=axes) + np.log(self.cell)
        if added[0].size == 1:
            return found, np.ones(len(added), dtype=bool)
        half = logs[(slice(None), *(slice(None, None, 2) for _ in axes))]
        other = np.logaddexp.reduce(half, axis=axes) + np.log(self.cell) + len(axes) * np.log(2.0)
        ends = np.max(
            [np.take(logs, end, axis=i).reshape(len(logs), -1).max(axis=1) for i in axes for end in (0, -1)], 0
        )
        return found, (np.abs(found - other) <= HALF) & (ends <= logs.max(axis=axes) - SMALL)

    @property
    def weights(self) -> Array:
        """The first function on the nodes, normalised to one."""
        shares = np.exp(self.logs[0] - self.logs[0].max())
        return np.asarray(shares / shares.sum())


def integrate(functions: Function, ends: Sequence[tuple[float, float]]) -> Lattice:
    """The integrals of B functions, found from the window `ends`; `DomainError` where one diverges.

    >>> def gaussian(x):
    ...     return -0.5 * (x[None] - np.array([[3.0], [30.0]])) ** 2
    >>> found = integrate(gaussian, [(0.0, 1.0)])
    >>> bool(np.abs(found.log - 0.5 * np.log(2 * np.pi)).max() < 1e-13)
    True
    """
    dimension = len(ends)
    ends = window(functions, ends)
    count, before = FIRST[dimension], None
    for _ in range(MOST[dimension]):
        axes = tuple(np.linspace(low, high, count) for low, high in ends)
        logs = functions(*axes)
        cell = float(np.prod([axis[1] - axis[0] for axis in axes]))
        found = np.logaddexp.reduce(logs.reshape(len(logs), -1), axis=1) + np.log(cell)
        change = np.full(len(found), np.inf) if before is None else np.abs(found - before)
        if (change <= AGREEMENT[dimension]).all():
            break
        count, before = 2 * count - 1, found
    return Lattice(axes, logs, found, np.minimum(change, change**1.5) + ROUNDING)  # more than the square


def window(functions: Function, ends: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where at least one of the functions is not negligible beside its maximum."""
    ends = list(ends)
    for _ in range(ROUNDS):
        axes = [np.linspace(low, high, SEARCH[len(ends)]) for low, high in ends]
        logs = functions(*axes)
        top = logs.max(axis=tuple(range(1, logs.ndim)), keepdims=True)
        kept = (logs >= top - NEGLIGIBLE).any(axis=0)
        new = [_around(axis, _profile(kept, i)) for i, axis in enumerate(axes)]
        grown = any(a < low or b > high for (a, b), (low, high) in zip(new, ends, strict=True))
        shrunk = any(b - a < 0.6 * (high - low) for (a, b), (low, high) in zip(new, ends, strict=True))
        ends = new
        if max(abs(end) for pair in ends for end in pair) > FARTHEST:
            break
        if not (grown or shrunk):
            return ends
    wanted = "data near enough to the prior, and of finite evidence: infinite where outputs of narrow layers vanish"
    raise DomainError("an integral over the mixing law that does not converge", wanted, "noise_var > 0, or the limit")


def _profile(kept: npt.NDArray[np.bool_], axis: int) -> npt.NDArray[np.intp]:
    return np.flatnonzero(kept.any(axis=tuple(i for i in range(kept.ndim) if i != axis)))


def _around(axis: Array, kept: npt.NDArray[np.intp]) -> tuple[float, float]:
    """One node beyond those kept. Beyond an end that is kept itself half of the window, or, if little else is kept,
    all of it: a window that shrank at every step would never reach a peak far out."""
    first, last = int(kept[0]), int(kept[-1])
    beyond = (axis[-1] - axis[0]) * (0.5 if 2 * (last - first) > len(axis) else 1.0)
    low = axis[first - 1] if first else axis[0] - beyond
    high = axis[last + 1] if last < len(axis) - 1 else axis[-1] + beyond
    return float(low), float(high)
