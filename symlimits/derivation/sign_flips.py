r"""Expectations that vanish by a symmetry: changing the sign of what is Gaussian changes no law.

*At every width* a Gaussian vector and its negative have one law, and so have a Gaussian matrix and its negative,
together with its transpose. *In the limit* a matrix times a vector is
$$Z^{Ax} = \hat Z^{Ax} + \sum_i\kappa_i Z^{y_i},\qquad \kappa_i = \mathbb E\,\partial Z^x/\partial\hat Z^{A^\top y_i},$$
with Gaussian $\hat Z$ that are independent of what x is made of, of other matrices, and of the transpose (Yang, arXiv
2006.14548): all those of one matrix and one side may change sign alone. A monomial that flips turn into its negative
has the mean zero. This covers what independence and parity show: an odd power of an independent factor, the odd
moments of Wick's theorem, and gradients, which are odd in the readout.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import chain, combinations
from typing import final

from symlimits.derivation.coordinates import Applied, Atom, Bent, Coordinates, Drawn

MOST = 10  # draws of which all sets are flipped; of more, only pairs
Source = tuple[str, int, bool]  # ("vector", its place, False), or ("matrix", its place, whether transposed)
Sources = frozenset[Source]


def flips(sources: Iterable[Source]) -> Iterator[Sources]:
    """Sets of draws to be flipped."""
    given = sorted(sources)
    largest = len(given) if len(given) <= MOST else 2
    return map(frozenset, chain.from_iterable(combinations(given, size) for size in range(1, largest + 1)))


class Parities(ABC):
    """What becomes of monomials as draws change sign: 1 for itself, -1 for its negative, 0 for another."""

    def __init__(self, coordinates: Coordinates) -> None:
        self.coordinates = coordinates
        self._sources: dict[int, Sources] = {}
        self._parities: dict[tuple[int, Sources], int] = {}

    def vanishes(self, monomial: int) -> bool:
        """Whether flips show that a monomial has the mean zero; False says nothing."""
        return any(self.parity(monomial, flip) == -1 for flip in flips(self.sources(monomial)))

    def sources(self, monomial: int) -> Sources:
        """All that was drawn to make a monomial."""
        if monomial not in self._sources:
            atoms = (self.coordinates.atoms[atom] for atom, _ in self.coordinates.powers[monomial])
            self._sources[monomial] = Sources().union(*map(self._sources_of, atoms))
        return self._sources[monomial]

    def _sources_of(self, atom: Atom) -> Sources:
        match atom:
            case Drawn(place):
                return Sources([("vector", place, False)])
            case Bent(_, argument):
                return Sources().union(*(self.sources(monomial) for monomial, _ in argument))
            case Applied():
                return self.sources_of_product(atom)

    def parity(self, monomial: int, flipped: Sources) -> int:
        """The parity of a monomial as these draws change sign."""
        key = (monomial, flipped)
        if key not in self._parities:
            found = 1
            for atom, power in self.coordinates.powers[monomial]:
                found *= self._parity_of(self.coordinates.atoms[atom], flipped) ** power
            self._parities[key] = found
        return self._parities[key]

    def _parity_of(self, atom: Atom, flipped: Sources) -> int:
        match atom:
            case Drawn(place):
                return -1 if ("vector", place, False) in flipped else 1
            case Bent(curve, argument):
                inside = {self.parity(monomial, flipped) for monomial, _ in argument}
                return 1 if inside == {1} else curve.parity if inside == {-1} else 0
            case Applied():
                return self.parity_of_product(atom, flipped)

    @abstractmethod
    def sources_of_product(self, atom: Applied) -> Sources:
        """What was drawn to make a matrix times a monomial."""

    @abstractmethod
    def parity_of_product(self, atom: Applied, flipped: Sources) -> int:
        """The parity of a matrix times a monomial."""


@final
class AtEveryWidth(Parities):
    """A matrix changes sign together with its transpose.

    >>> known = Coordinates()
    >>> a, w = known.single(Drawn(0)), known.single(Drawn(1))
    >>> law = AtEveryWidth(known)
    >>> law.vanishes(known.product(a, w)), law.vanishes(known.product(a, a))
    (True, False)
    """

    def sources_of_product(self, atom: Applied) -> Sources:
        return self.sources(atom.monomial) | {("matrix", atom.matrix, False)}

    def parity_of_product(self, atom: Applied, flipped: Sources) -> int:
        sign = -1 if ("matrix", atom.matrix, False) in flipped else 1
        return sign * self.parity(atom.monomial, flipped)


@final
class InTheLimit(Parities):
    """All Gaussians of one side of a matrix change sign alone.

    >>> known = Coordinates()
    >>> x = known.single(Drawn(0))
    >>> twice = known.single(Applied(0, False, known.single(Applied(0, False, x))))  # AAx, of mean zero given x
    >>> AtEveryWidth(known).vanishes(known.product(x, twice)), InTheLimit(known).vanishes(known.product(x, twice))
    (False, True)
    """

    def __init__(self, coordinates: Coordinates) -> None:
        super().__init__(coordinates)
        self._partners: dict[Applied, frozenset[int]] = {}

    def sources_of_product(self, atom: Applied) -> Sources:
        others = (self.sources(y) for y in self.partners(atom))
        return Sources([("matrix", atom.matrix, atom.transposed)]).union(*others)

    def parity_of_product(self, atom: Applied, flipped: Sources) -> int:
        own = -1 if ("matrix", atom.matrix, atom.transposed) in flipped else 1
        return own if all(self.parity(y, flipped) == own for y in self.partners(atom)) else 0

    def partners(self, atom: Applied) -> frozenset[int]:
        r"""The y of which $A^\top y$ is in x, and $\kappa$ is not shown to vanish."""
        if atom not in self._partners:
            back = [other for other in self._reached(atom.monomial) if _is_transpose(atom, other)]
            found = frozenset(other.monomial for other in back if not self._is_even(atom.monomial, other))
            self._partners[atom] = found
        return self._partners[atom]

    def _is_even(self, monomial: int, atom: Applied) -> bool:
        r"""Whether flips turn $\partial Z/\partial\hat Z$ into its negative."""
        own = ("matrix", atom.matrix, atom.transposed)
        return any(
            self.parity(monomial, flip) * (-1 if own in flip else 1) == -1
            for flip in flips(self.sources(monomial) | {own})
        )

    def _reached(self, monomial: int) -> set[Applied]:
        """The products of matrices that a monomial is a function of, in the limit."""
        found: set[Applied] = set()
        for atom, _ in self.coordinates.powers[monomial]:
            match self.coordinates.atoms[atom]:
                case Applied() as product:
                    found |= {product}.union(*map(self._reached, self.partners(product)))
                case Bent(_, argument):
                    found = found.union(*(self._reached(part) for part, _ in argument))
        return found


def _is_transpose(one: Applied, other: Applied) -> bool:
    return one.matrix == other.matrix and one.transposed != other.transposed
