"""Whether a polynomial of degree 15 is a function on a panel, up to what float64 can tell.

A function that cancels, such as log(cosh(x)) near 0, and one that is steep, whose argument is rounded, have noise far
above the rounding of their values. No bisection gets below it, and no rule for their integrals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Panel = tuple[float, float]

_DEGREE = 15
_RESOLVED = 1e-13  # of the largest value from 0 to the end of the panel
_HUGE = 1e100
_EPSILON = 2.0**-52
_ORDER = 8  # of differences at close points: what is smooth leaves 1e-20 there, and noise stays
_CLOSE = 0.00031  # their spacing, in widths of the panel; no power of two, so that arguments are rounded as nodes are
_CLUSTERS = np.array([-0.91, -0.47, 0.06, 0.43, 0.87])  # most of them miss a kink
_SIGMAS = 16.0  # of the noise: the largest of a dozen differences, where it is uneven on the panel
_LOUDEST = 1e-6  # relative: what is louder is no rounding, but oscillates
_ROUNDINGS = 4.0  # of an argument: of a node, amplified by the interpolation through its neighbours

_ANGLES = np.pi * (np.arange(_DEGREE + 1) + 0.5) / (_DEGREE + 1)
_NODES = np.cos(_ANGLES)
_WEIGHTS = (-1.0) ** np.arange(_DEGREE + 1) * np.sin(_ANGLES)
_TESTS = np.array([-0.999, -0.93, -0.71, -0.377, -0.123, 0.055, 0.289, 0.513, 0.817, 0.969, 0.9993])
_NEAR = (_CLUSTERS[:, None] + 2 * _CLOSE * (np.arange(_ORDER + 4) - (_ORDER + 4) / 2)).ravel()
_GROWTH = float(np.sqrt(sum(np.polynomial.polynomial.polypow([1.0, 1.0], _ORDER) ** 2)))  # of noise, by differences


class Resolution:
    """The test, for a vectorised function and the ends at which its size is looked at first.

    Errors are relative to the largest value so far from 0: what is small beside that needs no digits of its own.
    """

    def __init__(self, function: Callable[[Floats], Any], ends: list[float]) -> None:
        self.function = function
        self.radii = np.array([0.0, *(end for end in ends if end > 0)])
        values = np.maximum(*(np.abs(self._values(side * self.radii)) for side in (1.0, -1.0)))
        self.largest = np.maximum.accumulate(np.where(np.isfinite(values), values, 0.0))

    def __call__(self, panel: Panel, *cells: Panel) -> bool:
        """Tested on the whole panel, and on each of the cells inside."""
        nodes = self._values(_points(panel, _NODES))
        return all(self._agrees(nodes, panel, cell) for cell in (panel, *cells))

    def noise(self, panel: Panel) -> float:
        """What is left of a resolved function on its panel: a bound of the noise of its values there."""
        a, b = panel
        middle = (a + b) / 2
        left = max(self._left((a, middle)), self._left((middle, b)))
        return left if left < _HUGE else 0.0  # far out, as below

    def _left(self, panel: Panel) -> float:
        """On half a panel what is cut off is gone, and rounding remains."""
        nodes, values = (self._values(_points(panel, z)) for z in (_NODES, _TESTS))
        left = np.abs(_interpolated(nodes, panel, _points(panel, _TESTS)) - values).max()
        return float(left + _EPSILON * _steepness(nodes, panel))

    def _agrees(self, nodes: Floats, panel: Panel, cell: Panel) -> bool:
        x = _points(cell, _TESTS)
        values = self._values(x)
        inside = 0.0 if panel[0] < 0 < panel[1] else min(map(abs, panel))
        so_far = self.largest[np.searchsorted(self.radii, inside, side="right") - 1]
        size = max(np.abs(values).max(), so_far)
        if not size < _HUGE:
            return True  # far out: the rules refuse where it matters
        left = np.abs(_interpolated(nodes, panel, x) - values).max()
        if left <= max(_RESOLVED * size, _ROUNDINGS * _EPSILON * _steepness(nodes, panel)):
            return True
        return bool(left <= min(_SIGMAS * self._roughness(cell), _LOUDEST * size))

    def _roughness(self, panel: Panel) -> float:
        """The standard deviation of the noise, by high differences; the median over five places."""
        values = self._values(_points(panel, _NEAR)).reshape(_CLUSTERS.size, -1)
        with np.errstate(all="ignore"):
            differences = np.diff(values, n=_ORDER, axis=1) / _GROWTH
            return float(np.median(np.sqrt(np.mean(differences**2, axis=1))))

    def _values(self, x: Floats) -> Floats:
        with np.errstate(all="ignore"):
            return np.asarray(self.function(x), dtype=np.float64)


def _points(panel: Panel, z: Floats) -> Floats:
    return (panel[0] + panel[1]) / 2 + (panel[1] - panel[0]) / 2 * z


def _interpolated(nodes: Floats, panel: Panel, x: Floats) -> Floats:
    with np.errstate(all="ignore"):
        weights = _WEIGHTS / (((2 * x - panel[0] - panel[1]) / (panel[1] - panel[0]))[:, None] - _NODES)
        return (weights @ nodes) / weights.sum(axis=1)


def _steepness(nodes: Floats, panel: Panel) -> float:
    """The largest |x f'(x)| on the panel: the change of a value when its argument is rounded, in units of that."""
    with np.errstate(all="ignore"):
        slopes = np.abs(np.diff(nodes) / np.diff(_points(panel, _NODES)))
    return float(max(map(abs, panel)) * slopes.max())
