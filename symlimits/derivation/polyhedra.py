"""Exact answers about systems of affine inequalities: a point, what they imply, which of them are needed, faces.

Integers and Fractions only. A system is held as a cone by its generators (`cones.py`); a point of the relative
interior is the choice, coordinate after coordinate, of the simplest rational inside the range that is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import sympy as sp

from symlimits.derivation.affine import Affine, row
from symlimits.derivation.cones import Cone
from symlimits.errors import DomainError
from symlimits.language.names import shown

Relation = Literal["<", "<=", "="]
RELATIONS = {"<": sp.StrictLessThan, "<=": sp.LessThan, "=": sp.Equality}


@dataclass(frozen=True, order=True)
class Constraint:
    """The constraint `form` < 0, `form` <= 0 or `form` = 0.

    >>> x, y = Affine.variables(2)
    >>> Constraint(x - y, "<")
    x1 - x2 < 0
    """

    form: Affine
    relation: Relation

    def __post_init__(self) -> None:
        if self.relation not in RELATIONS:
            raise DomainError(f"relation = {shown(self.relation)}", "'<', '<=' or '='", "Constraint(form, '<')")

    def holds(self, point: Sequence[Fraction]) -> bool:
        """Whether the constraint holds at a point."""
        value = self.form(point)
        return value < 0 or (value == 0 and self.relation == "<=") if self.relation != "=" else value == 0

    def expr(self, symbols: Sequence[sp.Symbol]) -> sp.Basic:
        """The constraint as a SymPy relation, its form with coprime integers."""
        return RELATIONS[self.relation](self.form.primitive().expr(symbols), 0, evaluate=False)

    def __repr__(self) -> str:
        return f"{self.form} {self.relation} 0"


@dataclass(frozen=True)
class Face:
    """A relatively open face of an arrangement: the `signs` of its forms, a point in it, and its dimension."""

    signs: tuple[int, ...]
    constraints: tuple[Constraint, ...]
    witness: tuple[Fraction, ...]
    dimension: int


def witness(constraints: Iterable[Constraint], dimension: int) -> tuple[Fraction, ...] | None:
    """A point of the relative interior with small denominators, or None where the constraints have no solution.

    >>> x, y = Affine.variables(2)
    >>> witness([Constraint(-x, "<"), Constraint(x + y - 1, "="), Constraint(-y, "<=")], 2)
    (Fraction(1, 2), Fraction(1, 2))
    >>> witness([Constraint(x, "<"), Constraint(-x, "<=")], 2) is None
    True
    """
    cone = _cone(constraints, dimension)
    return None if cone.is_empty else _point(cone, dimension)


def feasible(constraints: Iterable[Constraint], dimension: int) -> bool:
    """Whether the constraints have a solution.

    >>> x, y = Affine.variables(2)
    >>> feasible([Constraint(x - y, "<"), Constraint(y - x, "<")], 2)
    False
    """
    return not _cone(constraints, dimension).is_empty


def implied(constraints: Iterable[Constraint], constraint: Constraint) -> bool:
    """Whether every solution of the constraints satisfies one more.

    >>> x, y = Affine.variables(2)
    >>> implied([Constraint(x, "<="), Constraint(y, "<")], Constraint(x + y, "<"))
    True
    """
    cone = _cone(constraints, constraint.form.dimension)
    return all(_cut(cone, opposite).is_empty for opposite in _opposites(constraint))


def minimal(constraints: Iterable[Constraint]) -> tuple[Constraint, ...]:
    """The constraints without those that the others imply; the earlier go first.

    >>> x, y = Affine.variables(2)
    >>> minimal([Constraint(x + y - 1, "<"), Constraint(x, "<"), Constraint(y, "<="), Constraint(2 * y, "<=")])
    (x1 < 0, 2*x2 <= 0)
    """
    kept = list(dict.fromkeys(constraints))
    for constraint in tuple(kept):
        others = [other for other in kept if other is not constraint]
        if implied(others, constraint):
            kept = others
    return tuple(kept)


def faces(forms: Sequence[Affine], region: Iterable[Constraint] = (), dimension: int | None = None) -> tuple[Face, ...]:
    """The nonempty sets of the region on which each form has a constant sign, depth first over the signs -, 0, +.

    They are relatively open where the region is; the boundary of a closed region is told apart where its forms are
    among `forms`. Each face is cut from its parent, so that nothing is solved twice.

    >>> x, y = Affine.variables(2)
    >>> [face.signs for face in faces([x, x - 1])]
    [(-1, -1), (0, -1), (1, -1), (1, 0), (1, 1)]
    """
    forms, region = tuple(forms), tuple(region)
    if dimension is None:
        known = [*forms, *(constraint.form for constraint in region)]
        if not known:
            raise DomainError("no form", "a form, or a dimension", "faces((), (), dimension=2)")
        dimension = known[0].dimension
    found: list[Face] = []
    _descend(_cone(region, dimension), forms, (), region, found, dimension)
    return tuple(found)


def _descend(
    cone: Cone,
    forms: tuple[Affine, ...],
    signs: tuple[int, ...],
    constraints: tuple[Constraint, ...],
    found: list[Face],
    dimension: int,
) -> None:
    if cone.is_empty:
        return
    if not forms:
        found.append(Face(signs, constraints, _point(cone, dimension), cone.dimension - 1))
        return
    form, *rest = forms
    for sign, constraint in ((-1, Constraint(form, "<")), (0, Constraint(form, "=")), (1, Constraint(-form, "<"))):
        child = _cut(cone, constraint)
        _descend(child, tuple(rest), (*signs, sign), (*constraints, constraint), found, dimension)


def _opposites(constraint: Constraint) -> tuple[Constraint, ...]:
    """The constraints of which one holds where this one does not."""
    form = constraint.form
    if constraint.relation == "=":
        return Constraint(form, "<"), Constraint(-form, "<")
    return (Constraint(-form, "<=" if constraint.relation == "<" else "<"),)


def _cone(constraints: Iterable[Constraint], dimension: int) -> Cone:
    """The cone over the solutions, in the coordinates (x, t) with t > 0; equalities come first, they make it small."""
    cone = Cone.whole(dimension + 1).cut((*(0,) * dimension, -1), open=True)
    for constraint in sorted(constraints, key=lambda known: known.relation != "="):
        if constraint.form.dimension != dimension:
            given = f"a form of {constraint.form.dimension} variables"
            raise DomainError(given, f"a form of {dimension} variables", f"Affine.variables({dimension})")
        cone = _cut(cone, constraint)
    return cone


def _cut(cone: Cone, constraint: Constraint) -> Cone:
    return cone.cut(row(constraint.form), open=constraint.relation == "<", flat=constraint.relation == "=")


def _point(cone: Cone, dimension: int) -> tuple[Fraction, ...]:
    """A point of the relative interior: a slice through the relative interior has its relative interior inside."""
    point: list[Fraction] = []
    for i in range(dimension):
        low, high = _range(cone, i)
        value = low if low is not None and low == high else simplest(low, high)
        point.append(value)
        plane = [0] * (dimension + 1)
        plane[i], plane[-1] = value.denominator, -value.numerator
        cone = cone.cut(tuple(plane), flat=True)
    return tuple(point)


def _range(cone: Cone, i: int) -> tuple[Fraction | None, Fraction | None]:
    """The least and the largest value of the coordinate i in a nonempty slice t = 1; None where unbounded."""
    values = [Fraction(ray[i], ray[-1]) for ray in cone.rays if ray[-1]]
    directions = [ray[i] for ray in cone.rays if not ray[-1]]
    free = any(line[i] for line in cone.lines)
    low = None if free or any(d < 0 for d in directions) else min(values)
    high = None if free or any(d > 0 for d in directions) else max(values)
    return low, high


def simplest(low: Fraction | None, high: Fraction | None) -> Fraction:
    """The rational strictly between the two with the smallest denominator, then the smallest modulus.

    >>> simplest(Fraction(-1, 2), Fraction(0)), simplest(Fraction(1), None), simplest(Fraction(2, 5), Fraction(3, 4))
    (Fraction(-1, 3), Fraction(2, 1), Fraction(1, 2))
    """
    if (low is None or low < 0) and (high is None or high > 0):
        return Fraction(0)
    if high is not None and high <= 0:
        return -simplest(-high, None if low is None else -low)
    assert low is not None
    whole = low.numerator // low.denominator
    if high is None or whole + 1 < high:
        return Fraction(whole + 1)
    if low == whole:  # both within [whole, whole + 1]: the largest unit fraction below the end
        gap = 1 / (high - whole)
        return whole + Fraction(1, gap.numerator // gap.denominator + 1)
    return whole + 1 / simplest(1 / (high - whole), 1 / (low - whole))
