"""Tails of series in powers of the width: of their parts of order one, where maps are no polynomials."""

from __future__ import annotations

from collections.abc import Iterable

import sympy as sp

from symlimits.derivation.coordinates import ONE, Applied, Atom, Bent, Coordinates, Drawn
from symlimits.derivation.curves import Y
from symlimits.derivation.sign_flips import InTheLimit
from symlimits.derivation.tails import CONSTANT, LINEAR, Tail, Tails, of_a_product

CHECKED = Tail(sp.S.One)  # of a curve that has moments for what was put in, as it was checked before


class SeriesTails:
    """The tails of monomials, and of their sums.

    >>> known = Coordinates()
    >>> x = known.single(Drawn(0))
    >>> SeriesTails(known, InTheLimit(known)).of_sum([known.product(x, x)]).degree
    2
    """

    def __init__(self, coordinates: Coordinates, limit: InTheLimit) -> None:
        self.coordinates, self.limit = coordinates, limit
        self._known: dict[int, Tail] = {ONE: CONSTANT}

    def of_sum(self, monomials: Iterable[int]) -> Tail:
        """The tail of a linear combination of monomials."""
        symbols = {sp.Dummy(real=True): self._monomial(monomial) for monomial in monomials}
        return Tails(symbols, {})(sp.Add(*symbols))

    def _monomial(self, monomial: int) -> Tail:
        if monomial not in self._known:
            powers = self.coordinates.powers[monomial]
            symbols = {sp.Dummy(real=True): (self._atom(self.coordinates.atoms[atom]), power) for atom, power in powers}
            sizes = {symbol: tail for symbol, (tail, _) in symbols.items()}
            self._known[monomial] = Tails(sizes, {})(sp.Mul(*(s**power for s, (_, power) in symbols.items())))
        return self._known[monomial]

    def _atom(self, atom: Atom) -> Tail:
        match atom:
            case Drawn():
                return LINEAR
            case Applied():
                return of_a_product(map(self._monomial, self.limit.partners(atom)))
            case Bent(curve, argument):
                inner = self.of_sum(monomial for monomial, _ in argument)
                found = Tails({Y: inner}, {})(curve.head)
                return found if found.has_moments else CHECKED
