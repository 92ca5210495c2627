r"""Expectations that vanish by a symmetry: changing the sign of what was drawn changes no law.

A Gaussian vector and its negative have one law, and so have a Gaussian matrix and its negative, together with its
transpose. A monomial that such flips turn into its negative has the mean zero, at every width. This covers
what independence and parity show: an odd power of an independent factor, the odd moments of Wick's theorem, and
gradients, which are odd in the readout.
"""

from __future__ import annotations

from itertools import chain, combinations

from symlimits.derivation.coordinates import Coordinates

MOST = 10  # draws of which all sets are flipped; of more, only pairs


def vanishes(coordinates: Coordinates, monomial: int) -> bool:
    """Whether flips show that a monomial has the mean zero; False says nothing.

    >>> from symlimits.derivation.coordinates import Drawn
    >>> known = Coordinates()
    >>> a, w = known.single(Drawn(0)), known.single(Drawn(1))
    >>> vanishes(known, known.product(a, w)), vanishes(known, known.product(a, a))
    (True, False)
    """
    sources = sorted(coordinates.sources(monomial))
    largest = len(sources) if len(sources) <= MOST else 2
    flips = chain.from_iterable(combinations(sources, size) for size in range(1, largest + 1))
    return any(coordinates.parity(monomial, frozenset(flip)) == -1 for flip in flips)
