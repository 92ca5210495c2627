r"""Constants that nobody knows in closed form, at a random point of a finite field.

An exponent asks of its coefficients only whether they vanish. They are polynomials in parameters, in expectations and
in Gaussian fluctuations; each of these is given a random residue modulo a prime, so that equal polynomials have equal
residues, and different ones of degree d agree with probability d/p at most (Schwartz 1980, Zippel 1979). Beside the
residue a number may carry what it is on samples: rows belong to estimates of expectations that are independent of each
other, columns to draws of the fluctuations.
"""

from __future__ import annotations

import random
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sympy as sp

Array = npt.NDArray[np.float64]
PRIME = 2**61 - 1  # a product of two residues is a cheap integer, and 1/p is below what a run could ever meet


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    """A residue, and values on samples (estimates, draws), or None where nothing is sampled."""

    residue: int
    values: Array | None = None

    def __add__(self, other: Number) -> Number:
        values = None if self.values is None or other.values is None else self.values + other.values
        return Number((self.residue + other.residue) % PRIME, values)

    def __mul__(self, other: Number) -> Number:
        values = None if self.values is None or other.values is None else self.values * other.values
        return Number(self.residue * other.residue % PRIME, values)


def rational(value: sp.Rational | int) -> Number:
    """A rational number, exactly; its value on samples is one for all of them.

    >>> (rational(sp.Rational(1, 3)) * rational(3)).residue
    1
    """
    value = sp.Rational(value)
    return Number(value.p * pow(int(value.q), -1, PRIME) % PRIME, np.full((1, 1), float(value)))


class Indeterminates:
    """Random residues, one for each thing that is told apart: the same for the same thing.

    >>> unknown = Indeterminates(seed=0)
    >>> unknown("x") == unknown("x"), unknown("x") == unknown("y")
    (True, False)
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._known: dict[Hashable, int] = {}

    def __call__(self, thing: Hashable) -> int:
        if thing not in self._known:
            self._known[thing] = self._random.randrange(1, PRIME)
        return self._known[thing]
