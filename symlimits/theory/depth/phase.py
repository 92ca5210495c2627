r"""One point of the phase diagram: where the variance goes, and whether equal and different inputs grow alike or apart.

At a fixed point $q^* = V(q^*)$ the phase is ordered where $\chi_1 < 1$, chaotic where $\chi_1 > 1$, critical between.
Distances from the fixed points decay like $e^{-\ell/\xi}$ with $\xi_q^{-1} = -\ln|V'(q^*)|$ and
$\xi_c^{-1} = -\ln R'(\rho^*)$ (Schoenholz et al. 2017, arXiv 1611.01232). Variances never go back and forth for
ever: $qV'(q) \ge -(V(q) - \sigma_b^2)/2$, since a Gaussian density $q^{-1/2}e^{-x^2/2q}$ falls no faster in q.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from symlimits.errors import DomainError
from symlimits.ladder import Value
from symlimits.theory.depth.layer import EPSILON, FOUND, GAPS, GRID, Layer, crossings, root, signs
from symlimits.theory.depth.moments import Array, Bounded

CRITICAL = 1e-9  # |chi_1 - 1| below this counts as zero: floats of a critical line miss it by less, and the depth scale
# is beyond a thousand million layers
SETTLING = 16  # layers: V falls no faster than a root, so that what overshoots comes closer by a half at each
EVERY = "every variance is a fixed point: the one that it starts from"
VANISHES = "the variance vanishes; correlations end at a value that depends on the start"
REPELS = "the fixed point repels: variances beside it leave it"
DIVERGES = "the variance grows without end: no fixed point lies above the start"


@dataclass(frozen=True)
class FixedPoint:
    """A variance that a layer keeps, and the slope of V there; it attracts where the slope is below one."""

    q: Value
    slope: Value

    @property
    def is_stable(self) -> bool:
        """Whether variances beside it tend to it."""
        return self.slope.value < 1


@dataclass(frozen=True)
class Phase:
    r"""A point of the diagram: `phase` is "ordered", "critical", "chaotic", or "diverging" where the variance is.

    `q` is the fixed point that `start` leads to, 0 where the variance vanishes, infinity where it diverges;
    `fixed_points` are all that there are between 1e-8 and 1e8, and zero. `chi` is $\chi_1$ at q, `xi_q` and `xi_c` are
    the depth scales of variance and correlation, `rho` the correlation that inputs of positive correlation end at; None
    where there is none. Values are `Value(value, error, method)`. `note` says what is special.
    """

    w_var: float
    b_var: float
    start: float
    phase: str
    q: Value
    chi: Value | None = None
    xi_q: Value | None = None
    xi_c: Value | None = None
    rho: Value | None = None
    fixed_points: tuple[FixedPoint, ...] = ()
    note: str = ""

    def __str__(self) -> str:
        parts = [f"{self.phase}, q* = {self.q.value:.6g}"]
        parts += [
            f"{name} = {found.value:.6g}"
            for name, found in (("chi_1", self.chi), ("xi_q", self.xi_q), ("xi_c", self.xi_c), ("rho*", self.rho))
            if found is not None
        ]
        return ", ".join(parts) + (f" ({self.note})" if self.note else "")


def phase_at(layer: Layer, start: float) -> Phase:
    """The phase of a layer, for variances that start from `start`."""
    sides = signs(layer.variance(GRID), GRID)
    if not sides.any():
        return _kept(layer, start)
    points = _fixed_points(layer, sides)
    reached = _reached(layer, points, start)
    if reached is None:
        away = Value(math.inf, 0.0, DIVERGES)
        return Phase(layer.w_var, layer.b_var, start, "diverging", away, fixed_points=points, note=DIVERGES)
    return _at(layer, start, reached, points)


def _fixed_points(layer: Layer, sides: Array) -> tuple[FixedPoint, ...]:
    """Those on the grid, and zero where it is one."""
    found = []
    if layer.keeps_zero():
        exact = Value(layer.slope_at_zero(), 4 * EPSILON * layer.slope_at_zero(), "slopes at zero")
        found.append(FixedPoint(Value(0.0, 0.0, "V(0) = 0"), exact))
    for low, high in crossings(GRID, sides):
        q = root(lambda t: _less(layer, t), low, high)
        found.append(FixedPoint(q, _around(layer.variance_slope, q)))
    return tuple(found)


def _less(layer: Layer, q: float) -> tuple[float, float]:
    value, error = layer.variance(q)
    return float(value) - q, float(error)


def _reached(layer: Layer, points: tuple[FixedPoint, ...], start: float) -> FixedPoint | None:
    """The next fixed point in the direction in which variances move; None where there is none.

    Some layers are gone through first: a V that falls may carry a variance over a fixed point that repels.
    """
    here = start
    for _ in range(SETTLING):
        after = float(layer.variance(here).value)
        if _side(layer, here) == 0 or not GRID[0] < after < GRID[-1]:
            break
        here = after
    side = _side(layer, here)
    if side == 0:
        return min(points, key=lambda point: abs(point.q.value - here))
    beyond = [point for point in points if (point.q.value > here) == (side > 0)]
    if not beyond:
        _check_seen(layer, side)
    return min(beyond, key=lambda point: abs(point.q.value - here), default=None)


def _check_seen(layer: Layer, side: float) -> None:
    """Where no fixed point was found, variances do diverge: one that is out of sight is refused."""
    last = layer.variance_slope(GRID[-1])
    if side < 0 or last.value + last.error < 1 - CRITICAL:
        given = f"w_var = {layer.w_var:g}, b_var = {layer.b_var:g}, with a fixed point out of sight"
        raise DomainError(given, f"one from {GRID[0]:g} to {GRID[-1]:g}, or zero", "b_var=0, or one of moderate size")


def _side(layer: Layer, q: float) -> float:
    """Whether a variance grows, 1, or shrinks, -1; 0 where errors leave it open."""
    (side,) = signs(layer.variance(np.array([q])), np.array([q]))
    return float(side)


def _kept(layer: Layer, start: float) -> Phase:
    """A map of the variance that is the identity, as that of relu at weights of variance two without biases."""
    q = Value(start, 0.0, EVERY)
    return _at(layer, start, FixedPoint(q, _around(layer.variance_slope, q)), (), EVERY)


def _at(layer: Layer, start: float, reached: FixedPoint, points: tuple[FixedPoint, ...], note: str = "") -> Phase:
    vanishing = reached.q.value == 0
    chi = reached.slope if vanishing else _around(layer.chi, reached.q)
    phase = "critical"
    if abs(chi.value - 1) > CRITICAL + chi.error:
        phase = "ordered" if chi.value < 1 else "chaotic"
    if reached.slope.value - reached.slope.error > 1 + CRITICAL:
        note, xi_q = REPELS, None
    else:
        xi_q = Value(math.inf, 0.0, EVERY) if note else _scale(reached.slope)
    rho, xi_c = (None, None) if vanishing else _correlation(layer, reached.q, chi, phase)
    note = VANISHES if vanishing else note
    return Phase(layer.w_var, layer.b_var, start, phase, reached.q, chi, xi_q, xi_c, rho, points, note)


def _correlation(layer: Layer, q: Value, chi: Value, phase: str) -> tuple[Value, Value]:
    """Where correlations end, and how fast they get there."""
    if phase == "critical":
        return Value(1.0, 0.0, "R(1) = 1"), Value(math.inf, 0.0, "an algebraic decay")
    if phase == "ordered":
        return Value(1.0, 0.0, "R(1) = 1"), _scale(chi)
    gap = _gap(layer, q.value)
    rho = Value(1 - gap.value, gap.error, gap.method)
    return rho, _scale(_around(lambda r: layer.slope(q.value, r), rho))


def _gap(layer: Layer, q: float) -> Value:
    """The gap that correlations end at in the chaotic phase: R is convex on [0, 1], so that there is one."""

    def less(gap: float) -> tuple[float, float]:
        value, error = layer.correlation(q, 1 - gap)
        return 1 - float(value) - gap, float(error) + EPSILON

    grown = layer.correlation(q, 1 - GAPS)
    sides = signs(Bounded(1 - grown.value, grown.error + EPSILON), GAPS)
    found = crossings(GAPS, sides)
    if not found:  # no correlation but zero stays, or the gap is smaller than floats tell
        small = bool(sides[-1] < 0)
        return Value(GAPS[0] if small else 1.0, GAPS[0], FOUND)
    return root(less, *found[-1])


def _around(f: Callable[[float], Bounded], at: Value) -> Value:
    """The value of a function at a number that is known within an error: both ends of it are looked at."""
    found = [f(t) for t in (at.value - at.error, at.value, at.value + at.error)]
    low, middle, high = (float(bounded.value) for bounded in found)
    error = max(abs(low - middle), abs(high - middle)) + float(found[1].error)
    return Value(middle, error, at.method)


def _scale(slope: Value) -> Value:
    """The depth over which a distance falls by a factor e."""
    size = abs(slope.value)
    if size == 0:
        return Value(0.0, 0.0, "a slope of zero")
    logarithm = -math.log(size)
    if abs(logarithm) <= slope.error:
        return Value(math.inf, 0.0, "a slope of one, within its error: an algebraic decay")
    return Value(1 / logarithm, slope.error / (size * logarithm**2), slope.method)
