"""Where a function of one variable changes: breakpoints between which it is a polynomial to rounding.

Numerical rules take them as ends of their panels, so that kinks, declared or not, and steep places are met at every
variance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.errors import NoRule

Floats = npt.NDArray[np.float64]

WIDEST = 1024.0  # arguments |x| that are looked at: standard deviations up to a hundred, far into the tails
_DEGREE = 15
_RESOLVED = 1e-13  # of the largest value from 0 to the end of the panel
_NARROWEST = 2.0**-44  # relative to |x|: a panel this narrow holds a kink that was not declared
_NEAR = 2.0**-10  # relative size of the neighbourhood of a breakpoint that tells a kink from a smooth place
_MOST = 4000
_HUGE = 1e100
_GRADES = 60  # halvings towards a kink, from afar


@dataclass(frozen=True)
class Panels:
    """Breakpoints of a function: `sharp` for the function itself, `graded` also for its Gaussian smoothings.

    A smoothing of width s turns a kink into a feature of size s; the graded points close in on each kink by halves,
    and a rule uses those that are further apart than s.
    """

    sharp: tuple[float, ...]
    graded: tuple[float, ...]


def panels(function: Callable[[Floats], Any], kinks: Iterable[float]) -> Panels:
    """The breakpoints of a vectorised function with given kinks; others are found by bisection.

    >>> panels(lambda x: np.maximum(x, 0.0), [0.0]).sharp
    (0.0,)
    >>> 1.0 in panels(lambda x: np.abs(x - 1.0), []).sharp
    True
    """
    kinks = sorted(kink for kink in kinks if abs(kink) < WIDEST)
    resolved = _Resolution(function)
    first = pairwise(sorted({*_first_ends(), *kinks}))
    cells = [cell for low, high in first for cell in _bisected(resolved, low, high)]
    if len(cells) > _MOST:
        raise NoRule(f"a function with {len(cells)} steep places", f"at most {_MOST}", "`.reference(...)`")
    merged = _merged(resolved, cells, set(kinks))
    sharp = {end for cell in merged for end in cell} - {-WIDEST, WIDEST}
    found = _found(resolved, merged)
    halves = {(a + b) / 2 for a, b in pairwise(sorted(sharp))}  # a smoothing spreads what a panel's end resolves
    return Panels(tuple(sorted(sharp)), tuple(sorted({*sharp, *halves, *_grades([*kinks, *found])})))


def _first_ends() -> list[float]:
    """Eight panels an octave: what is narrower than a fortieth of its place must be declared."""
    octaves = [2.0**k * (1 + j / 8) for k in range(-6, 10) for j in range(8)]
    return [-WIDEST, *(-end for end in reversed(octaves)), 0.0, *octaves, WIDEST]


_NODES = np.cos(np.pi * (np.arange(_DEGREE + 1) + 0.5) / (_DEGREE + 1))
_WEIGHTS = (-1.0) ** np.arange(_DEGREE + 1) * np.sin(np.pi * (np.arange(_DEGREE + 1) + 0.5) / (_DEGREE + 1))
_TESTS = np.array([-0.999, -0.93, -0.71, -0.377, -0.123, 0.055, 0.289, 0.513, 0.817, 0.969, 0.9993])


class _Resolution:
    """Whether the polynomial of degree 15 through Chebyshev points of a panel is the function elsewhere on it too.

    Errors are relative to the largest value so far from 0: what is small beside that needs no digits of its own.
    """

    def __init__(self, function: Callable[[Floats], Any]) -> None:
        self.function = function
        self.radii = np.array([0.0, *(end for end in _first_ends() if end > 0)])
        values = np.maximum(*(np.abs(self._values(side * self.radii)) for side in (1.0, -1.0)))
        self.largest = np.maximum.accumulate(np.where(np.isfinite(values), values, 0.0))

    def __call__(self, panel: tuple[float, float], *cells: tuple[float, float]) -> bool:
        """Tested on the whole panel, and on each of the cells inside."""
        a, b = panel
        nodes = self._values((a + b) / 2 + (b - a) / 2 * _NODES)
        return all(self._agrees(nodes, panel, cell) for cell in (panel, *cells))

    def _agrees(self, nodes: Floats, panel: tuple[float, float], cell: tuple[float, float]) -> bool:
        x = (cell[0] + cell[1]) / 2 + (cell[1] - cell[0]) / 2 * _TESTS
        values = self._values(x)
        inside = 0.0 if panel[0] < 0 < panel[1] else min(map(abs, panel))
        so_far = self.largest[np.searchsorted(self.radii, inside, side="right") - 1]
        size = max(np.abs(values).max(), so_far)
        if not size < _HUGE:
            return True  # far out: the rules refuse where it matters
        with np.errstate(all="ignore"):
            weights = _WEIGHTS / (((2 * x - panel[0] - panel[1]) / (panel[1] - panel[0]))[:, None] - _NODES)
            difference = (weights @ nodes) / weights.sum(axis=1) - values
        return bool(np.abs(difference).max() <= _RESOLVED * size)

    def _values(self, x: Floats) -> Floats:
        with np.errstate(all="ignore"):
            return np.asarray(self.function(x), dtype=np.float64)


def _bisected(resolved: _Resolution, low: float, high: float) -> Iterator[tuple[float, float]]:
    pending, count = [(low, high)], 0
    while pending:
        a, b = pending.pop()
        count += 1
        narrow = b - a <= _NARROWEST * max(abs(a), abs(b), 1.0) or count > _MOST
        if narrow or resolved((a, b)):
            yield a, b
        else:
            middle = (a + b) / 2
            pending += [(middle, b), (a, middle)]


def _merged(resolved: _Resolution, cells: list[tuple[float, float]], kinks: set[float]) -> list[tuple[float, float]]:
    """Neighbours joined where the joint panel is resolved as well."""
    found: list[tuple[float, float]] = []
    for cell in cells:
        while found and found[-1][1] not in kinks and resolved((found[-1][0], cell[1]), found[-1], cell):
            cell = (found.pop()[0], cell[1])
        found.append(cell)
    return found


def _found(resolved: _Resolution, cells: list[tuple[float, float]]) -> list[float]:
    """Breakpoints whose neighbourhood is not smooth, of each cluster the one at the narrowest cell."""
    widths: dict[float, float] = {}
    for a, b in cells:
        for end in (a, b):
            widths[end] = min(b - a, widths.get(end, np.inf))
    found: list[float] = []
    for end in sorted(widths, key=widths.__getitem__):
        near = _NEAR * max(abs(end), 2.0**-6)
        isolated = all(abs(end - other) > 2 * near for other in found)
        if abs(end) < WIDEST and isolated and not resolved((end - near, end + near)):
            found.append(end)
    return found


def _grades(kinks: Iterable[float]) -> Iterator[float]:
    for kink in kinks:
        for k in range(_GRADES):
            yield from (kink - 2.0 ** (10 - k), kink + 2.0 ** (10 - k))
