r"""Expectations that vanish by a symmetry: changing the sign of what is Gaussian changes no law.

*At every width* a Gaussian vector and its negative have one law, and so have a Gaussian matrix and its negative,
together with its transpose. *In the limit* a matrix times a vector is
$$Z^{Ax} = \hat Z^{Ax} + \sum_i\kappa_i Z^{y_i},\qquad \kappa_i = \mathbb E\,\partial Z^x/\partial\hat Z^{A^\top y_i},$$
with Gaussian $\hat Z$ that are independent of what x is made of, of other matrices, and of the transpose (Yang, arXiv
2006.14548): all those of one matrix and one side may change sign alone. A monomial that flips turn into its negative
has the mean zero. This covers what independence and parity show: an odd power of an independent factor, the odd
moments of Wick's theorem, and gradients, which are odd in the readout.

Which flips do so is linear algebra modulo 2, one unknown to each draw: the sign of a product is the sum of the signs,
and a curve of a sum asks that all terms have one sign, or none if the curve has no parity. Derived here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

from symlimits.derivation.coordinates import Applied, Atom, Bent, Coordinates, Drawn

Draws = int  # a set of draws, a bit each


@dataclass(frozen=True)
class Sign:
    """A monomial's `sign` is the number of flipped draws of a set, modulo 2, if that of each set in `asked` is even.

    `asked` is reduced: its sets have different highest bits.
    """

    sign: Draws = 0
    asked: tuple[Draws, ...] = ()

    @property
    def may_be_odd(self) -> bool:
        """Whether some flips have the sign -1, and all that is asked."""
        return _reduced(self.sign, self.asked) != 0


def joined(sign: Draws, parts: Iterable[Sign], asked: Iterable[Draws] = ()) -> Sign:
    """A sign where all is asked that the parts ask, and more."""
    basis: list[Draws] = []
    for one in (*(each for part in parts for each in part.asked), *asked):
        rest = _reduced(one, basis)
        if rest:
            basis = sorted([*basis, rest], reverse=True)
    return Sign(sign, tuple(basis))


def _reduced(draws: Draws, basis: Iterable[Draws]) -> Draws:
    """What is left of a set after sums with those of a basis, in falling order of their highest bits."""
    for one in basis:
        draws = min(draws, draws ^ one)
    return draws


class Parities(ABC):
    """The signs of monomials, and the draws that they are made of."""

    def __init__(self, coordinates: Coordinates) -> None:
        self.coordinates = coordinates
        self._bits: dict[object, Draws] = {}
        self._signs: dict[int, Sign] = {}
        self._sources: dict[int, Draws] = {}

    def vanishes(self, monomial: int) -> bool:
        """Whether flips show that a monomial has the mean zero; False says nothing."""
        return self.sign(monomial).may_be_odd

    def bit(self, *draw: object) -> Draws:
        """The set of one draw."""
        return self._bits.setdefault(draw, 1 << len(self._bits))

    def sources(self, monomial: int) -> Draws:
        """All that was drawn to make a monomial."""
        if monomial not in self._sources:
            found = 0
            for atom, _ in self.coordinates.powers[monomial]:
                found |= self._sources_of(self.coordinates.atoms[atom])
            self._sources[monomial] = found
        return self._sources[monomial]

    def _sources_of(self, atom: Atom) -> Draws:
        if isinstance(atom, Applied):
            return self.sources_of_product(atom)
        if isinstance(atom, Drawn):
            return self.bit("vector", atom.place)
        found = 0
        for monomial, _ in atom.argument:
            found |= self.sources(monomial)
        return found

    def sign(self, monomial: int) -> Sign:
        """The sign of a monomial, as draws are flipped."""
        if monomial not in self._signs:
            factors = [(self._sign_of(self.coordinates.atoms[a]), p) for a, p in self.coordinates.powers[monomial]]
            sign = 0
            for factor, power in factors:
                sign ^= factor.sign if power % 2 else 0
            self._signs[monomial] = joined(sign, (factor for factor, _ in factors))
        return self._signs[monomial]

    def _sign_of(self, atom: Atom) -> Sign:
        match atom:
            case Drawn(place):
                return Sign(self.bit("vector", place))
            case Applied():
                return self.sign_of_product(atom)
            case Bent(curve, argument):
                terms = [self.sign(monomial) for monomial, _ in argument]
                first = terms[0].sign if curve.parity else 0
                return joined(first if curve.parity == -1 else 0, terms, (term.sign ^ first for term in terms))

    @abstractmethod
    def sources_of_product(self, atom: Applied) -> Draws:
        """What was drawn to make a matrix times a monomial."""

    @abstractmethod
    def sign_of_product(self, atom: Applied) -> Sign:
        """The sign of a matrix times a monomial."""


@final
class AtEveryWidth(Parities):
    """A matrix changes sign together with its transpose.

    >>> known = Coordinates()
    >>> a, w = known.single(Drawn(0)), known.single(Drawn(1))
    >>> law = AtEveryWidth(known)
    >>> law.vanishes(known.product(a, w)), law.vanishes(known.product(a, a))
    (True, False)
    """

    def sources_of_product(self, atom: Applied) -> Draws:
        return self.sources(atom.monomial) | self.bit("matrix", atom.matrix)

    def sign_of_product(self, atom: Applied) -> Sign:
        inside = self.sign(atom.monomial)
        return Sign(inside.sign ^ self.bit("matrix", atom.matrix), inside.asked)


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
        self._reached: dict[int, frozenset[Applied]] = {}

    def sources_of_product(self, atom: Applied) -> Draws:
        found = self._side(atom)
        for y in self.partners(atom):
            found |= self.sources(y)
        return found

    def sign_of_product(self, atom: Applied) -> Sign:
        own, others = self._side(atom), [self.sign(y) for y in self.partners(atom)]
        return joined(own, others, (other.sign ^ own for other in others))

    def _side(self, atom: Applied) -> Draws:
        return self.bit("matrix", atom.matrix, atom.transposed)

    def partners(self, atom: Applied) -> frozenset[int]:
        r"""The y of which $A^\top y$ is in x, and $\kappa$ is not shown to vanish."""
        if atom not in self._partners:
            back = (other for other in self.reached(atom.monomial) if _is_transpose(atom, other))
            self._partners[atom] = frozenset(y.monomial for y in back if not self._is_even(atom.monomial, y))
        return self._partners[atom]

    def _is_even(self, monomial: int, atom: Applied) -> bool:
        r"""Whether flips turn $\partial Z/\partial\hat Z$ into its negative."""
        inside = self.sign(monomial)
        return Sign(inside.sign ^ self._side(atom), inside.asked).may_be_odd

    def reached(self, monomial: int) -> frozenset[Applied]:
        """The products of matrices that a monomial is a function of, in the limit."""
        if monomial not in self._reached:
            found: set[Applied] = set()
            for atom, _ in self.coordinates.powers[monomial]:
                match self.coordinates.atoms[atom]:
                    case Applied() as product:
                        found = {product, *found}.union(*map(self.reached, self.partners(product)))
                    case Bent(_, argument):
                        found = found.union(*(self.reached(part) for part, _ in argument))
            self._reached[monomial] = frozenset(found)
        return self._reached[monomial]


def _is_transpose(one: Applied, other: Applied) -> bool:
    return one.matrix == other.matrix and one.transposed != other.transposed
