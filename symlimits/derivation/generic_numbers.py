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
from functools import cache
from math import prod

import numpy as np
import numpy.typing as npt
import sympy as sp
from sympy.ntheory import sqrt_mod

from symlimits.errors import NoRule

Array = npt.NDArray[np.float64]
# Below 2^61, so that 1/p is less than a run could ever meet; and 1 modulo 8 and modulo the odd primes up to 23, so that
# all of these have square roots (quadratic reciprocity): square roots of rational numbers are then exact
SMALL = (2, 3, 5, 7, 11, 13, 17, 19, 23)
PRIME = 2_583_949_688 * 8 * prod(SMALL[1:]) + 1


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


@cache
def _root(prime: int) -> int:
    """One of the square roots of a small prime; the other choice would serve as well."""
    return int(sqrt_mod(prime, PRIME))


def square_root(value: sp.Rational) -> Number | None:
    """The square root of a positive rational number, exactly; None where a larger prime is in it.

    The roots of different primes are independent over the rationals: every choice of signs keeps all relations.

    >>> (square_root(sp.Rational(2, 3)) * square_root(sp.Rational(3, 2))).residue
    1
    """
    residue = 1
    for prime, power in sp.factorrat(value).items():
        whole, odd = divmod(int(power), 2)
        if odd and prime not in SMALL:
            return None
        residue = residue * pow(int(prime), whole, PRIME) * (_root(int(prime)) if odd else 1) % PRIME
    return Number(residue, np.full((1, 1), float(value) ** 0.5))


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
