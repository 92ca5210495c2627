"""The stable set cut into faces on which every sign that matters is constant, and faces put together by signature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import combinations

from symlimits.derivation.affine import Affine
from symlimits.derivation.maxplus import MaxPlus
from symlimits.derivation.polyhedra import Constraint, Face, faces, minimal
from symlimits.theory.scaling.branches import Branch, seen
from symlimits.theory.scaling.one_hidden import Network

Seen = Mapping[str, MaxPlus]
Point = Sequence[Fraction]


@dataclass(frozen=True)
class Signature:
    """What tells limit models apart: signs of exponents, and which terms are the largest.

    Signs of the logit at the start and of the trained one; whether the start is kept; the larger kernel; signs of the
    increments of a and of w.
    """

    start: int
    logit: int
    kept: bool
    dominant: str
    delta_a: int
    delta_w: int


@dataclass(frozen=True)
class Piece:
    """A face of the arrangement in a branch."""

    face: Face
    branch: Branch
    seen: Seen

    @property
    def witness(self) -> Point:
        """A point inside."""
        return self.face.witness

    @cached_property
    def is_stable(self) -> bool:
        """Whether training moves the logits at least as far as they were: the second condition of stability."""
        return value(self.seen, "f_change", self.witness) >= value(self.seen, "f_init", self.witness)

    @cached_property
    def signature(self) -> Signature:
        """The signs at the witness, and so everywhere in the face."""
        at = {name: value(self.seen, name, self.witness) for name in self.seen}
        difference = _sign(at["kernel_a"] - at["kernel_w"])
        return Signature(
            _sign(at["f_init"]),
            _sign(at["f"]),
            at["f_change"] == at["f_init"],
            ("both", "a", "w")[difference],
            _sign(at["delta_a"]),
            _sign(at["delta_w"]),
        )


def value(seen: Seen, name: str, point: Point) -> Fraction:
    """An exponent that is not minus infinity."""
    found = seen[name].at(point)
    assert found is not None, name
    return found


def _sign(number: Fraction) -> int:
    return (number > 0) - (number < 0)


def pieces(net: Network, settled: Iterable[Branch]) -> tuple[tuple[Affine, ...], tuple[Piece, ...]]:
    """The lines of the arrangement, and the faces of every settled branch."""
    views = [(branch, seen(net, branch)) for branch in settled]
    lines = tuple(sorted({line for branch, view in views for line in _lines(branch, view)}, key=_simplicity))
    found = [
        Piece(face, branch, view) for branch, view in views for face in faces(lines, branch.region, net.plane.dimension)
    ]
    return lines, tuple(found)


def _lines(branch: Branch, view: Seen) -> Iterable[Affine]:
    """Where a sign of the signature, or the largest term of what it is the sign of, can change."""
    differences = [(view["f_change"], view["f_init"]), (view["kernel_a"], view["kernel_w"])]
    forms = [a - b for first, second in differences for a in first.forms for b in second.forms]
    for name in ("f_init", "f", "delta_a", "delta_w"):
        forms += view[name].forms
    for part in view.values():
        forms += [a - b for a, b in combinations(sorted(part.forms), 2)]
    forms += [constraint.form for constraint in branch.region]
    return {_oriented(form) for form in forms if not form.is_constant}


def _oriented(form: Affine) -> Affine:
    """One of a form and its negative, without a factor."""
    first = next(c for c in form.coefficients if c)
    return (form if first > 0 else -form).primitive()


def _simplicity(form: Affine) -> tuple[int, Fraction, Affine]:
    """Lines of few coordinates and small numbers go first."""
    return sum(map(bool, form.coefficients)), sum(map(abs, (*form.coefficients, form.constant)), Fraction(0)), form


def hull(lines: Sequence[Affine], group: Sequence[Piece]) -> tuple[Constraint, ...]:
    """The fewest inequalities that hold on every face of a group, the simplest that there are."""
    if all(piece.face.dimension == 0 for piece in group):
        coordinates = Affine.variables(len(group[0].witness))
        return tuple(Constraint(x - value, "=") for x, value in zip(coordinates, group[0].witness, strict=True))
    found: list[Constraint] = []
    for k, line in enumerate(lines):
        signs = {piece.face.signs[k] for piece in group}
        if signs == {0}:
            found.append(Constraint(line, "="))
        elif not {-1, 1} <= signs:
            found.append(Constraint(line if -1 in signs else -line, "<=" if 0 in signs else "<"))
    equations = [constraint for constraint in found if constraint.relation == "="]
    others = [constraint for constraint in found if constraint.relation != "="]
    return minimal([*reversed(others), *reversed(equations)])
