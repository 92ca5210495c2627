"""Where a function of one variable changes: breakpoints between which it is a polynomial to rounding.

Numerical rules take them as ends of their panels, so that kinks, declared or not, and steep places are met at every
variance.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from symlimits.reading.resolution import Floats, Panel, Resolution

WIDEST = 1024.0  # arguments |x| that are looked at: standard deviations up to a hundred, far into the tails
_NARROWEST = 2.0**-44  # relative to |x|: a panel this narrow holds a kink that was not declared
_MOST = 4000  # panels, before they are joined
_POINT = 2.0**-50  # the width of a kink
_LAST = 0.7  # of a panel: the farthest point of those that double their distance, so that no sliver is left


@dataclass(frozen=True)
class Panels:
    """Breakpoints of a function: `sharp` for the function itself, `graded` also for its Gaussian smoothings.

    A smoothing of width s turns a kink, and all that is narrower than s, into a feature of size s. The graded points
    close in on every kink and on every narrow panel by halves, and a rule uses those that are further apart than s.

    All that is known ends at +-`radius`. `noise` bounds the rounding of values of the function between the points
    `places`, the first and last of which are -radius and radius.
    """

    sharp: tuple[float, ...]
    graded: tuple[float, ...]
    radius: float = WIDEST
    places: tuple[float, ...] = (-WIDEST, WIDEST)
    noise: tuple[float, ...] = (0.0,)

    def mean_noise(self, variance: float) -> float:
        """The root of the mean square of the noise at a Gaussian argument."""
        root = math.sqrt(2.0 * variance)
        if root == 0.0:
            return self.noise[bisect_right(self.places, 0.0) - 1]
        weights = [_probability(a / root, b / root) for a, b in pairwise(self.places)]
        return math.sqrt(math.fsum(w * e * e for w, e in zip(weights, self.noise, strict=True)))


def _probability(a: float, b: float) -> float:
    """The probability of (a, b), in units of sqrt(2) standard deviations: far out, too."""
    if a < 0.0 < b:
        return 0.5 * (math.erf(b) - math.erf(a))
    a, b = sorted((abs(a), abs(b)))
    return 0.5 * (math.erfc(a) - math.erfc(b))


def panels(function: Callable[[Floats], Any], kinks: Iterable[float]) -> Panels:
    """The breakpoints of a vectorised function with given kinks; others are found by bisection.

    >>> panels(lambda x: np.maximum(x, 0.0), [0.0]).sharp
    (0.0,)
    >>> 1.0 in panels(lambda x: np.abs(x - 1.0), []).sharp
    True
    """
    kinks = sorted(kink for kink in kinks if abs(kink) < WIDEST)
    resolved = Resolution(function, _octaves())
    cells = _merged(resolved, _cells(resolved, kinks), set(kinks))
    if not cells:
        return Panels((), (), 0.0, (0.0, 0.0))
    sharp, radius = tuple(b for _, b in cells[:-1]), cells[-1][1]
    octaves = {side * 2.0**k for k in range(-6, 10) for side in (-1, 1) if 2.0**k < radius}
    places = tuple(sorted({-radius, *sharp, *octaves, radius}))  # on long panels values grow, and their rounding
    noise = tuple(map(resolved.noise, pairwise(places)))
    return Panels(sharp, tuple(_graded(cells, set(kinks))), radius, places, noise)


def _octaves() -> list[float]:
    """Eight panels an octave: what is narrower than a fortieth of its place must be declared."""
    return [*(2.0**k * (1 + j / 8) for k in range(-6, 10) for j in range(8)), WIDEST]


def _cells(resolved: Resolution, kinks: list[float]) -> list[Panel]:
    """Resolved panels from the middle outwards, on both sides alike, as far as a moderate number of them leads."""
    left: list[Panel] = []
    right: list[Panel] = []
    for low, high in pairwise([0.0, *_octaves()]):
        try:
            outer = [list(_between(resolved, side, kinks, _MOST - len(left) - len(right)))
                     for side in ((-high, 0.0 - low), (low, high))]  # fmt: skip
        except _TooMany:
            break
        if len(left) + len(right) + sum(map(len, outer)) > _MOST:
            break
        left, right = outer[0] + left, right + outer[1]
    return left + right


class _TooMany(Exception):
    """A panel with too many steep places."""


def _between(resolved: Resolution, panel: Panel, kinks: list[float], most: int) -> Iterator[Panel]:
    """The panel cut at kinks inside, and each part bisected until the function is resolved on it."""
    ends = [panel[0], *(kink for kink in kinks if panel[0] < kink < panel[1]), panel[1]]
    pending = [*pairwise(ends)][::-1]
    count = 0
    while pending:
        a, b = pending.pop()
        count += 1
        if count > 2 * most:
            raise _TooMany
        if b - a <= _NARROWEST * max(abs(a), abs(b), 1.0) or resolved((a, b)):
            yield a, b
        else:
            middle = (a + b) / 2
            pending += [(middle, b), (a, middle)]


def _merged(resolved: Resolution, cells: list[Panel], kinks: set[float]) -> list[Panel]:
    """Neighbours joined where the joint panel is resolved as well."""
    found: list[Panel] = []
    for cell in cells:
        while found and found[-1][1] not in kinks and resolved((found[-1][0], cell[1]), found[-1], cell):
            cell = (found.pop()[0], cell[1])
        found.append(cell)
    return found


def _graded(cells: list[Panel], kinks: set[float]) -> Iterator[float]:
    """All breakpoints, and points such that no panel is more than about twice as wide as its neighbour."""
    at = [_POINT if b in kinks else min(b - a, d - b) for (a, b), (_, d) in pairwise(cells)]
    at = [np.inf, *at, np.inf]  # what lies outside is not looked at
    for (a, b), from_left, from_right in zip(cells, at[:-1], at[1:], strict=True):
        middle = (a + b) / 2  # a smoothing spreads what a panel's end resolves
        left, right = (b if from_right == np.inf else middle), (a if from_left == np.inf else middle)
        inside = {a + step for step in _doubled(from_left, left - a)}
        inside |= {b - step for step in _doubled(from_right, b - right)}
        yield from sorted({*inside, middle, b} - {cells[-1][1]})


def _doubled(step: float, end: float) -> Iterator[float]:
    while step < _LAST * end:
        yield step
        step *= 2
