"""Faces of a stable region on which every exponent of a list is one affine form of constant sign."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from symlimits.derivation.maxplus import MaxPlus
from symlimits.derivation.polyhedra import Constraint, Face, faces


@dataclass(frozen=True)
class Regime:
    """A face, and the sign there of each exponent: 0 where the quantity neither vanishes nor diverges."""

    face: Face
    signs: tuple[int, ...]

    @property
    def maximal(self) -> tuple[bool, ...]:
        """For each exponent whether it is zero: of a bounded quantity, whether it is as large as it may be."""
        return tuple(sign == 0 for sign in self.signs)


def regimes(exponents: Sequence[MaxPlus], region: Iterable[Constraint], dimension: int) -> tuple[Regime, ...]:
    """Split a region by each exponent in turn: at the breakpoints of its maximum, then at its zeros."""
    (whole,) = faces((), region, dimension) or (None,)
    found = [Regime(whole, ())] if whole is not None else []
    for number in exponents:
        found = [part for regime in found for part in _split(regime, number, dimension)]
    return tuple(found)


def _split(regime: Regime, number: MaxPlus, dimension: int) -> Iterable[Regime]:
    here = number.pruned(regime.face.constraints)
    breakpoints = [one - other for one, other in combinations(sorted(here.forms), 2)]
    for piece in faces(breakpoints, regime.face.constraints, dimension):
        (form,) = here.pruned(piece.constraints).forms  # no breakpoint inside: one form is the largest
        for face in faces([form], piece.constraints, dimension):
            yield Regime(face, (*regime.signs, *face.signs))
