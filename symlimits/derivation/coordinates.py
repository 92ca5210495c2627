r"""What the coordinates of vectors are made of: draws, matrices times monomials, curves of sums; and their products.

Vectors are linear combinations of monomials, and a matrix times a vector is the same combination of the matrix times
each monomial: exactly, at every width. So the same monomial gives the same vector wherever it appears, and differences
cancel as they do in the network.
"""

from __future__ import annotations

from dataclasses import dataclass

from symlimits.derivation.curves import Curve
from symlimits.derivation.generic_numbers import Number

Powers = tuple[tuple[int, int], ...]  # (atom, power), by atoms
ONE = 0  # the monomial of no atoms: the vector of ones, and all there is to a scalar
Source = tuple[str, int]  # what is drawn: ("vector", its place) or ("matrix", its place)


@dataclass(frozen=True)
class Drawn:
    """A vector of independent Gaussians, by its place in the program; of variance one."""

    place: int


@dataclass(frozen=True)
class Applied:
    """An initial matrix of entries N(0, 1/n), or its transpose, times a monomial."""

    matrix: int
    transposed: bool
    monomial: int


@dataclass(frozen=True)
class Bent:
    """A curve of a linear combination of monomials with coefficients of order one, by their residues."""

    curve: Curve
    argument: tuple[tuple[int, int], ...]


Atom = Drawn | Applied | Bent


class Coordinates:
    """Atoms and monomials, each known by a number; `coefficients` are those of the arguments of curves."""

    def __init__(self) -> None:
        self.atoms: list[Atom] = []
        self.powers: list[Powers] = [()]
        self.coefficients: dict[int, tuple[tuple[int, Number], ...]] = {}
        self._atoms: dict[Atom, int] = {}
        self._monomials: dict[Powers, int] = {(): ONE}
        self._products: dict[tuple[int, int], int] = {}
        self._sources: dict[int, frozenset[Source]] = {ONE: frozenset()}
        self._parities: dict[tuple[int, frozenset[Source]], int] = {}

    def single(self, atom: Atom) -> int:
        """The monomial of one atom."""
        return self.monomial(((self._place(atom), 1),))

    def bent(self, curve: Curve, level: dict[int, Number]) -> int:
        """The monomial of a curve of a linear combination."""
        terms = tuple(sorted(level.items()))
        atom = self._place(Bent(curve, tuple((monomial, number.residue) for monomial, number in terms)))
        self.coefficients[atom] = terms
        return self.monomial(((atom, 1),))

    def _place(self, atom: Atom) -> int:
        if atom not in self._atoms:
            self._atoms[atom] = len(self.atoms)
            self.atoms.append(atom)
        return self._atoms[atom]

    def monomial(self, powers: Powers) -> int:
        """The number of a monomial."""
        if powers not in self._monomials:
            self._monomials[powers] = len(self.powers)
            self.powers.append(powers)
        return self._monomials[powers]

    def product(self, one: int, other: int) -> int:
        """The product of two monomials."""
        if one == ONE or other == ONE:
            return one + other
        key = (one, other) if one <= other else (other, one)
        if key not in self._products:
            powers = dict(self.powers[one])
            for atom, power in self.powers[other]:
                powers[atom] = powers.get(atom, 0) + power
            self._products[key] = self.monomial(tuple(sorted(powers.items())))
        return self._products[key]

    def sources(self, monomial: int) -> frozenset[Source]:
        """All that was drawn to make a monomial."""
        if monomial not in self._sources:
            parts = [self._atom_sources(self.atoms[atom]) for atom, _ in self.powers[monomial]]
            self._sources[monomial] = frozenset[Source]().union(*parts)
        return self._sources[monomial]

    def _atom_sources(self, atom: Atom) -> frozenset[Source]:
        match atom:
            case Drawn(place):
                return frozenset([("vector", place)])
            case Applied(matrix, _, monomial):
                return self.sources(monomial) | {("matrix", matrix)}
            case Bent(_, argument):
                return frozenset[Source]().union(*(self.sources(monomial) for monomial, _ in argument))

    def parity(self, monomial: int, flipped: frozenset[Source]) -> int:
        """What becomes of a monomial as these draws change sign: 1 for itself, -1 for its negative, 0 for another."""
        key = (monomial, flipped)
        if key not in self._parities:
            found = 1
            for atom, power in self.powers[monomial]:
                found *= self._atom_parity(self.atoms[atom], flipped) ** power
            self._parities[key] = found
        return self._parities[key]

    def _atom_parity(self, atom: Atom, flipped: frozenset[Source]) -> int:
        match atom:
            case Drawn(place):
                return -1 if ("vector", place) in flipped else 1
            case Applied(matrix, _, monomial):
                return self.parity(monomial, flipped) * (-1 if ("matrix", matrix) in flipped else 1)
            case Bent(curve, argument):
                inside = {self.parity(monomial, flipped) for monomial, _ in argument}
                if inside == {1}:
                    return 1
                return curve.parity if inside == {-1} else 0
