r"""Means of monomials in the limit, as polynomials in those of which nothing is known.

A ladder: what sign flips show to vanish is zero; parts that are drawn independently of each other factor; a draw has
the moments $\mathbb E z^{2k} = (2k-1)!!$; products of Gaussians of one side of a matrix pair by Wick's theorem, with
$\mathbb E\,\hat Z^{Ax}\hat Z^{Ax'} = \mathbb E\,Z^xZ^{x'}$ (Isserlis 1918; Yang, arXiv 2006.14548). The rest are
indeterminates.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from symlimits.derivation.adjoints import representative
from symlimits.derivation.coordinates import ONE, Applied, Coordinates, Drawn, Powers
from symlimits.derivation.generic_numbers import Number, rational
from symlimits.derivation.matchings import matchings
from symlimits.derivation.sign_flips import AtEveryWidth, InTheLimit

MOST = 6  # Gaussians that are paired: 15 matchings
ZERO, UNIT = rational(0), rational(1)


class LimitMeans:
    """The mean of a monomial; `unknown` gives the indeterminates.

    >>> known = Coordinates()
    >>> x = known.single(Drawn(0))
    >>> h = known.single(Applied(0, False, x))
    >>> square = known.product(h, h)
    >>> LimitMeans(known, lambda monomial: ZERO)(known.product(square, square)).residue  # E h^4
    3
    """

    def __init__(self, coordinates: Coordinates, unknown: Callable[[int], Number]) -> None:
        self.coordinates, self.unknown = coordinates, unknown
        self.limit = InTheLimit(coordinates)
        self.laws = (AtEveryWidth(coordinates), self.limit)
        self._known: dict[int, Number] = {ONE: UNIT}

    def __call__(self, monomial: int) -> Number:
        if monomial not in self._known:
            self._known[monomial] = self._mean(monomial)
        return self._known[monomial]

    def _mean(self, monomial: int) -> Number:
        if any(law.vanishes(monomial) for law in self.laws):
            return ZERO
        found = UNIT
        for part in self._independent(monomial):
            found = found * self._of_part(part)
        return found

    def _independent(self, monomial: int) -> list[int]:
        """The factors that share no draw."""
        groups: list[tuple[int, Powers]] = []
        for pair in self.coordinates.powers[monomial]:
            sources = self.limit.sources(self.coordinates.monomial((pair,)))
            powers: Powers = (pair,)
            for group in [group for group in groups if group[0] & sources]:
                groups.remove(group)
                sources, powers = sources | group[0], (*group[1], *powers)
            groups.append((sources, powers))
        return [self.coordinates.monomial(tuple(sorted(powers))) for _, powers in groups]

    def _of_part(self, monomial: int) -> Number:
        powers = self.coordinates.powers[monomial]
        atoms = [self.coordinates.atoms[atom] for atom, power in powers for _ in range(power)]
        if isinstance(atoms[0], Drawn) and len(powers) == 1:
            return rational(sp.factorial2(len(atoms) - 1)) if len(atoms) % 2 == 0 else ZERO
        gaussian = [atom for atom in atoms if isinstance(atom, Applied) and not self.limit.partners(atom)]
        if len(gaussian) == len(atoms) <= MOST and len({(atom.matrix, atom.transposed) for atom in gaussian}) == 1:
            return self._paired([atom.monomial for atom in gaussian])
        if len(powers) == 1 or monomial == representative(self.coordinates, monomial):
            return self.unknown(monomial)
        return self(representative(self.coordinates, monomial))

    def _paired(self, inner: list[int]) -> Number:
        """Wick's theorem; none for an odd number."""
        total = ZERO
        for matching in matchings(len(inner) // 2) if len(inner) % 2 == 0 else ():
            term = UNIT
            for i, j in matching:
                term = term * self(self.coordinates.product(inner[i], inner[j]))
            total = total + term
        return total
