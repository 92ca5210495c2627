r"""Networks of one finite width on which monomials are worked out: are coefficients that do not cancel not zero?

The first `ESTIMATES` networks estimate expectations, independently of each other; the others draw the fluctuations
$G(m) = \sqrt N(\mathrm{mean}\,m - \mathbb E m)$. Matrices are drawn and applied, so that every dependence of the
network, that of a matrix and its transpose among them, is in the numbers. A bias of 1/N is far below what is told from
zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.derivation.coordinates import Applied, Atom, Bent, Coordinates, Drawn

Array = npt.NDArray[np.float64]
ESTIMATES, FLUCTUATIONS = 16, 4
WIDTHS = (2**12, 2**14)  # the second where the first does not tell; some megabytes a vector
WIDTHS_OF_MATRICES = (256, 640)


@dataclass
class Networks:
    """Both kinds of networks: arrays are (networks, 1, N) and (1, networks, N), or broadcast to more."""

    coordinates: Coordinates
    parameters: Mapping[sp.Symbol, float]
    width: int
    seed: int
    rng: np.random.Generator
    _atoms: dict[int, tuple[Array, Array]] = field(default_factory=dict)
    _matrices: dict[int, tuple[Array, Array]] = field(default_factory=dict)

    def arrays(self, monomial: int) -> tuple[Array, Array]:
        """A monomial on the networks that estimate and on those that fluctuate."""
        first, second = np.ones((1, 1, self.width)), np.ones((1, 1, self.width))
        for atom, power in self.coordinates.powers[monomial]:
            one, other = self._atom(atom)
            first, second = first * one**power, second * other**power
        return first, second

    def expectation(self, monomial: int) -> Array:
        """Independent estimates of the mean of a monomial, (ESTIMATES, 1)."""
        return np.asarray(self.arrays(monomial)[0].mean(axis=2))

    def fluctuation(self, monomial: int, centred: bool = False) -> Array:
        """Draws of G, (1, FLUCTUATIONS), or a row for each estimate of what is in it; the mean of `centred` is zero."""
        first, second = self.arrays(monomial)
        gap = second.mean(axis=2) - (0.0 if centred else first.mean(axis=(0, 2)))
        return np.asarray(np.sqrt(self.width) * gap)

    def _atom(self, atom: int) -> tuple[Array, Array]:
        if atom not in self._atoms:
            self._atoms[atom] = self._made(atom, self.coordinates.atoms[atom])
        return self._atoms[atom]

    def _made(self, place: int, atom: Atom) -> tuple[Array, Array]:
        match atom:
            case Drawn():
                return self._normal(self.width)
            case Applied(matrix, transposed, monomial):
                pairs = zip(self._matrix(matrix), self.arrays(monomial), strict=True)
                return _pair(_times(A, x, transposed) for A, x in pairs)
            case Bent(curve, _):
                function = curve.function(self.parameters, self.seed)
                return _pair(function(x) for x in self._argument(place))

    def _argument(self, place: int) -> tuple[Array, Array]:
        """Estimated coefficients stay with the networks that they are from, and are a row each of those that fluctuate.

        So numbers that are equal, and not known to be, differ by noise of mean zero, which no test takes for a number.
        """
        first, second = np.zeros((1, 1, 1)), np.zeros((1, 1, 1))
        for monomial, number in self.coordinates.coefficients[place]:
            assert number.values is not None
            one, other = self.arrays(monomial)
            first = first + number.values[:, :, None] * one
            second = second + number.values[:, :, None] * other
        return first, second

    def _matrix(self, matrix: int) -> tuple[Array, Array]:
        if matrix not in self._matrices:
            drawn = self._normal(self.width, self.width)
            self._matrices[matrix] = _pair(A / np.sqrt(self.width) for A in drawn)
        return self._matrices[matrix]

    def _normal(self, *shape: int) -> tuple[Array, Array]:
        sizes = ((ESTIMATES, 1, *shape), (1, FLUCTUATIONS, *shape))
        return _pair(self.rng.standard_normal(size) for size in sizes)


def _times(A: Array, x: Array, transposed: bool) -> Array:
    matrix = A.swapaxes(-1, -2) if transposed else A
    return np.asarray((matrix @ x[..., None])[..., 0])


def _pair(parts: Iterable[Array]) -> tuple[Array, Array]:
    first, second = parts
    return first, second
