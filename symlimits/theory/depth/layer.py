"""A layer in numbers: its maps of the variance and of the correlation, and where they stand still."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import brentq

from symlimits.ladder import Value
from symlimits.language.activation import Activation, x
from symlimits.theory.depth.moments import Array, Bounded, Moments

GRID = np.geomspace(1e-8, 1e8, 321)  # variances between which fixed points are looked for
GAPS = np.geomspace(1e-9, 1.0, 91)  # and gaps of the correlation: closer ones are lost in the rounding of floats
WIDEN = 4.0  # a bracket that errors of values do not tell from its root is made so much wider
EPSILON = 2.0**-52
FOUND = "a root, between values whose signs are certain"


@dataclass(frozen=True)
class Layer:
    """The maps at given variances of weights and biases."""

    moments: Moments
    w_var: float
    b_var: float

    def variance(self, q: object) -> Bounded:
        """V(q)."""
        return self._scaled(self.moments.mean(q, 1.0), self.b_var)

    def variance_slope(self, q: object) -> Bounded:
        """V'(q)."""
        return self._scaled(self.moments.variance_slope(q), 0.0)

    def chi(self, q: object) -> Bounded:
        """The slope of the covariance map at equal inputs."""
        return self._scaled(self.moments.slope(q, 1.0), 0.0)

    def slope(self, q: object, rho: object) -> Bounded:
        """R'(rho) at a fixed point q."""
        return self._scaled(self.moments.slope(q, rho), 0.0)

    def correlation(self, q: object, rho: object) -> Bounded:
        """R(rho) at a fixed point q."""
        covariance, variance = self._scaled(self.moments.mean(q, rho), self.b_var), self.variance(q)
        value = covariance.value / variance.value
        return Bounded(value, (covariance.error + variance.error) / variance.value)

    def slope_at_zero(self) -> float:
        r"""V'(0) where phi(0) = 0: $\sigma_w^2$ times the mean of the squares of both one-sided slopes."""
        left, right = one_sided(self.moments.phi.derivative())
        return self.w_var * (left**2 + right**2) / 2

    def keeps_zero(self) -> bool:
        """Whether a variance of zero stays zero."""
        return self.b_var == 0 and all(abs(value) <= EPSILON for value in one_sided(self.moments.phi))

    def _scaled(self, found: Bounded, shift: float) -> Bounded:
        value = self.w_var * found.value + shift
        return Bounded(value, self.w_var * found.error + EPSILON * np.abs(value))


def one_sided(f: Activation) -> tuple[float, float]:
    """The values of an activation just left and just right of zero."""
    pieces, kinks = f.branches.pieces, f.kinks
    before = sum(bool(a < 0) for a in kinks)
    after = sum(bool(a <= 0) for a in kinks)
    left, right = (float(pieces[k].subs(x, 0)) for k in (before, after))
    return left, right


def signs(found: Bounded, compared: Array) -> Array:
    """Signs of values less what they are compared to; 0 where errors leave them open. Infinity is larger."""
    difference = np.nan_to_num(found.value, nan=np.inf) - compared
    certain = np.abs(difference) > np.nan_to_num(found.error, nan=0.0, posinf=0.0)
    return np.asarray(np.sign(difference) * certain)


def crossings(grid: Array, sides: Array) -> list[tuple[float, float]]:
    """Intervals of the grid at whose ends the signs are certain, and differ."""
    known = [(float(a), s) for a, s in zip(grid, sides, strict=True) if s != 0]
    return [(a, b) for (a, s), (b, t) in pairwise(known) if s != t]


def root(f: Callable[[float], tuple[float, float]], low: float, high: float) -> Value:
    """A zero of f between two arguments, where f gives values and their errors, with a bound of its own error.

    >>> root(lambda t: (t * t - 2.0, 1e-12), 1.0, 2.0).error < 1e-11
    True
    """
    middle = float(brentq(lambda t: f(t)[0], low, high, xtol=1e-300, rtol=4 * EPSILON))
    side = f(low)[0] > 0
    margin = WIDEN * EPSILON * abs(middle)
    while margin < high - low:
        a, b = max(low, middle - margin), min(high, middle + margin)
        (first, e), (second, d) = f(a), f(b)
        if abs(first) > e and abs(second) > d and (first > 0) == side and (second > 0) != side:
            break
        margin *= WIDEN
    return Value(middle, min(margin, high - low), FOUND)
