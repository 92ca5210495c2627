r"""One name for equal means: $\mathrm{mean}(y\cdot Ax) = \mathrm{mean}(A^\top y\cdot x)$, at every width."""

from __future__ import annotations

from symlimits.derivation.coordinates import ONE, Applied, Coordinates

MOST = 32  # monomials of one orbit that are looked at


def representative(coordinates: Coordinates, monomial: int) -> int:
    """The monomial that stands for all those of the same mean: the first that was known.

    >>> from symlimits.derivation.coordinates import Drawn
    >>> known = Coordinates()
    >>> x, y = known.single(Drawn(0)), known.single(Drawn(1))
    >>> left = known.product(y, known.single(Applied(0, False, x)))
    >>> right = known.product(known.single(Applied(0, True, y)), x)
    >>> representative(known, left) == representative(known, right)
    True
    """
    orbit, waiting = {monomial}, [monomial]
    while waiting and len(orbit) < MOST:
        for other in _moved(coordinates, waiting.pop()):
            if other not in orbit:
                orbit.add(other)
                waiting.append(other)
    return min(orbit)


def _moved(coordinates: Coordinates, monomial: int) -> list[int]:
    """The matrices that stand to the first power, each moved to the other factors."""
    found = []
    powers = coordinates.powers[monomial]
    for atom, power in powers:
        known = coordinates.atoms[atom]
        if power == 1 and isinstance(known, Applied):
            rest = coordinates.monomial(tuple(pair for pair in powers if pair[0] != atom))
            moved = coordinates.single(Applied(known.matrix, not known.transposed, rest))
            found.append(moved if known.monomial == ONE else coordinates.product(moved, known.monomial))
    return found
