"""The closure of a polyhedron by what generates it: corners, directions without end, lines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from symlimits.derivation.affine import Affine, row
from symlimits.derivation.cones import Cone, Vector
from symlimits.derivation.polyhedra import Constraint


@dataclass(frozen=True)
class Corners:
    """Vectors (x, t) of integers: a corner is x/t, a direction and a line have t = 0.

    A closure without a corner has one of its points in place of it.
    """

    corners: tuple[Vector, ...]
    directions: tuple[Vector, ...]
    lines: tuple[Vector, ...]

    def values(self, form: Affine) -> tuple[int, ...]:
        """A form at corners, along directions, and along lines both ways, each times a positive number.

        A form is nowhere larger than another if it is not larger here: compare forms with one denominator.
        """
        numbers = [int(c) for c in (*form.coefficients, form.constant)]
        ways = (*self.lines, *(tuple(-c for c in line) for line in self.lines))
        return tuple(
            sum(a * b for a, b in zip(numbers, v, strict=True)) for v in (*self.corners, *self.directions, *ways)
        )


@lru_cache(maxsize=1024)
def corners(region: tuple[Constraint, ...], dimension: int) -> Corners:
    """What generates the closure of a polyhedron that is not empty.

    >>> x, y = Affine.variables(2)
    >>> corners((Constraint(-x, "<"), Constraint(y, "=")), 2)
    Corners(corners=((0, 0, 1),), directions=((1, 0, 0),), lines=())
    """
    cone = Cone.whole(dimension + 1).cut((*(0,) * dimension, -1))
    for constraint in sorted(region, key=lambda known: known.relation != "="):
        cone = cone.cut(row(constraint.form), flat=constraint.relation == "=")
    rays = sorted(cone.rays)
    return Corners(
        tuple(ray for ray in rays if ray[-1]), tuple(ray for ray in rays if not ray[-1]), tuple(sorted(cone.lines))
    )
