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
