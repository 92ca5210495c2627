r"""A kernel and its rate of change taken through one layer, for all pairs of two sets of points at once.

What is carried for a pair is as in `gram_loop`: the variances p, q of its points, the signed gap and Theta; and of each
the rate of change. With T = T(p, q, c), P = T(p, p, p), Q = T(q, q, q), Gamma = sqrt(P Q) - T a layer makes of them

    p' = w P + b,   q' = w Q + b,   c' = w T + b,   Theta' = t_T T + t_1 + w dot Theta,
    1 - rho'^2 = (w Gamma (sqrt(P Q) + T) w + w b ((sqrt P - sqrt Q)^2 + 2 Gamma)) / (p' q'),

and their differentials, line by line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from symlimits.errors import DomainError
from symlimits.reading.gram_input import Floats


class Moving(NamedTuple):
    """A number or an array, and its rate of change; the algebra of dual numbers."""

    value: Floats
    rate: Floats

    def __add__(self, other: Moving) -> Moving:  # type: ignore[override]
        return Moving(self.value + other.value, self.rate + other.rate)

    def __sub__(self, other: Moving) -> Moving:
        return Moving(self.value - other.value, self.rate - other.rate)

    def __mul__(self, other: Moving) -> Moving:  # type: ignore[override]
        return Moving(self.value * other.value, self.rate * other.value + self.value * other.rate)

    def times(self, number: float | Floats) -> Moving:
        """A multiple by what does not move."""
        return Moving(self.value * number, self.rate * number)

    def over(self, other: Moving) -> Moving:
        """The quotient by a number that is not zero."""
        quotient = self.value / other.value
        return Moving(quotient, (self.rate - quotient * other.rate) / other.value)

    def root(self) -> Moving:
        """The square root; that of zero stays."""
        root = np.sqrt(self.value)
        return Moving(root, np.divide(0.5 * self.rate, root, out=np.zeros_like(root), where=root > 0.0))

    def inverse(self) -> Moving:
        """The reciprocal, zero for zero."""
        inverse = np.divide(1.0, self.value, out=np.zeros_like(self.value), where=self.value > 0.0)
        return Moving(inverse, -self.rate * inverse * inverse)


def constant(value: Floats) -> Moving:
    """What does not move."""
    return Moving(value, np.zeros_like(value))


ONE = Moving(np.float64(1.0), np.float64(0.0))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Pairs:
    """The state of all pairs: p (n, 1), q (1, m), and arrays (n, m); `side` is the sign of rho."""

    p: Moving
    q: Moving
    gap: Moving
    side: Floats
    Theta: Moving

    @property
    def kernel(self) -> Moving:
        """K = side (1 - gap) sqrt(p q)."""
        return ((ONE - self.gap) * (self.p.root() * self.q.root())).times(self.side)


class Update(NamedTuple):
    """w, b, t_T and t_1 of a Dense layer; those of an activation alone are (1, 0, 0, 0)."""

    w: Moving
    b: Moving
    t_T: Moving
    t_1: Moving


class Dual(NamedTuple):
    """What an activation makes of the pairs; T and Gamma are those at |rho| where `sign` is that of an odd one."""

    P: Moving
    Q: Moving
    T: Moving
    dot: Moving
    Gamma: Moving
    sign: Floats


def identity(pairs: Pairs) -> Dual:
    """A Dense layer alone: T = c, which is odd."""
    r = pairs.p.root() * pairs.q.root()
    one = Moving(np.ones_like(pairs.gap.value), np.zeros_like(pairs.gap.value))
    return Dual(pairs.p, pairs.q, (ONE - pairs.gap) * r, one, pairs.gap * r, pairs.side)


def advanced(pairs: Pairs, dual: Dual, update: Update) -> Pairs:
    """The pairs after an activation and a Dense layer."""
    w, b = update.w, update.b
    p, q = w * dual.P + b, w * dual.Q + b
    _check_variances(p, q)
    scale = (p.root() * q.root()).inverse()
    covariance = (w * dual.T).times(dual.sign) + b
    root_P, root_Q = dual.P.root(), dual.Q.root()
    difference = root_P - root_Q.times(dual.sign)
    ws, bs = w * scale, b * scale
    square = ws * dual.Gamma * (ws * (root_P * root_Q + dual.T))
    square += ws * (difference * difference + dual.Gamma.times(2.0 * dual.sign)) * bs
    gap, side = _gap(square, scale * covariance, scale.value)
    Theta = (update.t_T * dual.T).times(dual.sign) + update.t_1 + w * dual.dot * pairs.Theta
    return Pairs(p, q, gap, side, Theta)


def added(pairs: Pairs, trunk: Pairs) -> Pairs:
    """The sum that ends a residual block, as `gram_loop.add_trunk` has it."""
    p, q = pairs.p + trunk.p, pairs.q + trunk.q
    scale = (p.root() * q.root()).inverse()
    first, second = (scale * (part.p.root() * part.q.root()) for part in (trunk, pairs))
    difference = scale * (trunk.p.root() * pairs.q.root() - pairs.p.root() * trunk.q.root())
    along = trunk.gap + pairs.gap - trunk.gap * pairs.gap
    against = ONE + (ONE - trunk.gap) * (ONE - pairs.gap)
    same = trunk.side == pairs.side
    between = Moving(*(np.where(same, a, b) for a, b in zip(along, against, strict=True)))
    square = difference * difference + (first * second * between).times(2.0)
    for part, size in ((trunk, first), (pairs, second)):
        square += size * size * part.gap * (ONE + ONE - part.gap)
    rho = (first * (ONE - trunk.gap)).times(trunk.side) + (second * (ONE - pairs.gap)).times(pairs.side)
    gap, side = _gap(square, rho, scale.value)
    return Pairs(p, q, gap, side, pairs.Theta + trunk.Theta)


def _gap(square: Moving, rho: Moving, scale: Floats) -> tuple[Moving, Floats]:
    """The gap from 1 - rho^2, and the side; a point without variance has rho = 0."""
    side = np.copysign(1.0, np.where(scale > 0.0, rho.value, 1.0))
    known = Moving(np.maximum(square.value, 0.0), square.rate)  # rounding of Gamma
    gap = known.over(ONE + rho.times(side))
    shape = np.broadcast_shapes(gap.value.shape, scale.shape)
    value, rate = np.where(scale > 0.0, gap.value, 1.0), np.where(scale > 0.0, gap.rate, 0.0)
    return Moving(np.broadcast_to(value, shape), np.broadcast_to(rate, shape)), np.broadcast_to(side, shape)


def _check_variances(*variances: Moving) -> None:
    for variance in variances:
        if not np.isfinite(variance.value).all():
            raise DomainError("variances that overflow", "finite variances", "smaller data, weight variances or depth")
        if ((variance.value == 0.0) & (variance.rate != 0.0)).any():
            wanted = "a variance larger than zero: a correlation that begins there has no derivative"
            raise DomainError("a point of variance zero that moves", wanted, "data without rows of zeros")
