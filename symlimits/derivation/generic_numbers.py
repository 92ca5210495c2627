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

from symlimits.errors import NoRule

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

    def power(self, base: Number, exponent: sp.Rational) -> Number:
        """A rational power of a number that is not zero: a root is an indeterminate, whole powers are exact.

        >>> unknown = Indeterminates(seed=0)
        >>> half, root = sp.Rational(1, 2), unknown.power(rational(2), sp.Rational(1, 2))
        >>> unknown.power(rational(2), 3 * half).residue == (root * rational(2)).residue
        True
        """
        whole, part = divmod(int(exponent.p), int(exponent.q))
        residue = pow(base.residue, whole, PRIME)
        if part and base.residue != 1:
            residue = residue * pow(self(("root", base.residue, int(exponent.q))), part, PRIME) % PRIME
        if base.values is None:
            return Number(residue)
        if part and bool((base.values <= 0).any()):
            given = "a root of a value that may be negative"
            raise NoRule(given, "positive values", "a map that is smooth on the line")
        return Number(residue, np.asarray(base.values ** float(exponent)))
