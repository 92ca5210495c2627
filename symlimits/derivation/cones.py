"""A polyhedral cone over the integers by its lines and extreme rays, cut by one half-space after the other.

The double description method of Motzkin, Raiffa, Thompson and Thrall (1953), with the combinatorial test of adjacency
(Fukuda and Prodon, *Double description method revisited*, 1996). A polyhedron is the slice $t = 1$ of a cone in
$(x, t)$: its vertices are rays with $t > 0$, its unbounded directions are rays and lines with $t = 0$.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import mul

from symlimits.derivation.affine import coprime

Vector = tuple[int, ...]


@dataclass(frozen=True)
class Cone:
    """The sums of multiples of `lines` and of nonnegative multiples of the extreme `rays`.

    The bit j of the mask of a ray tells that the half-space j, one of `count`, holds with equality there; the bits of
    `strict` are those of the open half-spaces.

    >>> cone = Cone.whole(2).cut((-1, 0), open=True).cut((1, -1))
    >>> sorted(cone.rays), cone.lines, cone.is_empty
    ([(0, 1), (1, 1)], (), False)
    """

    lines: tuple[Vector, ...]
    rays: dict[Vector, int]
    count: int = 0
    strict: int = 0

    @classmethod
    def whole(cls, dimension: int) -> Cone:
        """The whole space."""
        return cls(tuple(tuple(int(i == j) for j in range(dimension)) for i in range(dimension)), {})

    @property
    def is_empty(self) -> bool:
        """Whether an open half-space is missed: a form that vanishes on all generators vanishes everywhere."""
        tight = self.strict
        for mask in self.rays.values():
            tight &= mask
        return bool(tight)

    @property
    def dimension(self) -> int:
        """The dimension of the linear hull."""
        return _rank([*self.lines, *self.rays])

    def cut(self, normal: Vector, *, open: bool = False, flat: bool = False) -> Cone:
        """The part where normal . v <= 0, or < 0 if `open`, or = 0 if `flat`."""
        bit = 1 << self.count
        crossing = next((line for line in self.lines if _dot(normal, line)), None)
        rays, lines = self.rays, self.lines
        if crossing is None:
            rays = self._between(normal, bit, flat)
        else:
            inward = crossing if _dot(normal, crossing) < 0 else tuple(-c for c in crossing)
            lines = tuple(_onto(normal, inward, line) for line in lines if line is not crossing)
            rays = {_onto(normal, inward, ray): mask | bit for ray, mask in rays.items()}
            if not flat:
                rays[inward] = bit - 1  # it was a line: all half-spaces so far hold with equality
        return Cone(lines, rays, self.count + 1, self.strict | bit if open else self.strict)

    def _between(self, normal: Vector, bit: int, flat: bool) -> dict[Vector, int]:
        """The rays of the cut where no line crosses: those inside, and one for each edge that crosses."""
        heights = {ray: _dot(normal, ray) for ray in self.rays}
        kept = {
            ray: mask if heights[ray] else mask | bit
            for ray, mask in self.rays.items()
            if heights[ray] == 0 or (heights[ray] < 0 and not flat)
        }
        for above, below in self._edges(heights):
            up, down = heights[above], -heights[below]
            crossing = coprime([down * a + up * b for a, b in zip(above, below, strict=True)])
            kept[crossing] = self.rays[above] & self.rays[below] | bit
        return kept

    def _edges(self, heights: dict[Vector, int]) -> Iterator[tuple[Vector, Vector]]:
        """Adjacent rays on both sides: no third ray is on all half-spaces that both are on."""
        below = [ray for ray, height in heights.items() if height < 0]
        for above in (ray for ray, height in heights.items() if height > 0):
            for other in below:
                common = self.rays[above] & self.rays[other]
                if sum(mask & common == common for mask in self.rays.values()) == 2:
                    yield above, other


def _dot(a: Vector, b: Vector) -> int:
    return sum(map(mul, a, b))


def _onto(normal: Vector, inward: Vector, vector: Vector) -> Vector:
    """The vector moved along a line onto the plane normal . v = 0; a ray stays a ray."""
    height, depth = _dot(normal, vector), -_dot(normal, inward)
    return coprime([depth * v + height * i for v, i in zip(vector, inward, strict=True)]) if height else vector


def _rank(vectors: list[Vector]) -> int:
    """The rank over the rationals, by elimination without fractions."""
    rank, rest = 0, vectors
    while rest:
        pivot, *rest = rest
        place = next((i for i, number in enumerate(pivot) if number), None)
        if place is None:
            continue
        rank += 1
        rest = [_cleared(vector, pivot, place) for vector in rest]
    return rank


def _cleared(vector: Vector, pivot: Vector, place: int) -> Vector:
    a, b = pivot[place], vector[place]
    return coprime([a * v - b * p for v, p in zip(vector, pivot, strict=True)]) if b else vector
