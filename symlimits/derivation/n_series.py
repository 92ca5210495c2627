r"""Sums $\sum_q n^q Z_q$ over rational powers of the width, with a bound of what was left out.

$Z_q$ is a linear combination of monomials. What was left out is of order $n^r$ at most; terms at or below it say
nothing and are dropped. Sizes are max-plus: a bound of a sum is the larger bound, of a product the sum of bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from math import inf

from symlimits.derivation.coordinates import ONE
from symlimits.derivation.generic_numbers import Number

Exponent = Fraction | float  # a float is minus infinity, the exponent of zero
Level = dict[int, Number]  # coefficients of monomials
Product = Callable[[int, int], int]


@dataclass(frozen=True)
class Precision:
    """How far a series goes: Taylor's order in maps, and how far below its leading power each value is kept."""

    order: int
    window: Fraction


@dataclass(frozen=True)
class Series:
    """Levels by their powers, and the exponent of the remainder."""

    levels: dict[Fraction, Level] = field(default_factory=dict)
    remainder: Exponent = -inf

    @property
    def top(self) -> Exponent:
        """The leading power, of what is known."""
        return max(self.levels, default=-inf)

    @property
    def size(self) -> Exponent:
        """A bound of the power of all of it."""
        return max(self.top, self.remainder)

    def shifted(self, power: Fraction) -> Series:
        """Times a power of the width."""
        return Series({q + power: level for q, level in self.levels.items()}, self.remainder + power)

    def scaled(self, factor: Number) -> Series:
        """Times a number."""
        levels = {q: {m: c * factor for m, c in level.items()} for q, level in self.levels.items()}
        return Series(levels, self.remainder)

    def kept(self, window: Fraction) -> Series:
        """What is above the remainder and within the window; the rest joins the remainder."""
        lowest = self.top - window
        remainder = max([self.remainder, *(q for q in self.levels if q < lowest)])
        return Series({q: level for q, level in self.levels.items() if q > remainder}, remainder)


def constant(number: Number) -> Series:
    """A number of order one."""
    return Series({Fraction(0): {ONE: number}} if number.residue else {})


def total(parts: Iterable[Series]) -> Series:
    """The sum; what cancels is gone."""
    levels: dict[Fraction, Level] = {}
    remainder: Exponent = -inf
    for part in parts:
        remainder = max(remainder, part.remainder)
        for q, level in part.levels.items():
            into = levels.setdefault(q, {})
            for monomial, number in level.items():
                add(into, monomial, number)
    return Series({q: level for q, level in levels.items() if level and q > remainder}, remainder)


def product(one: Series, other: Series, times: Product, precision: Precision) -> Series:
    """The product, within the window."""
    remainder = max(one.size + other.remainder, one.remainder + other.size)
    lowest = one.top + other.top - precision.window
    pairs = [(p, q) for p in one.levels for q in other.levels]
    remainder = max([remainder, *(p + q for p, q in pairs if p + q < lowest)])
    levels: dict[Fraction, Level] = {}
    for p, q in pairs:
        if p + q > remainder:
            _multiply(one.levels[p], other.levels[q], times, levels.setdefault(p + q, {}))
    return Series({q: level for q, level in levels.items() if level}, remainder)


def _multiply(one: Level, other: Level, times: Product, into: Level) -> None:
    for left, a in one.items():
        for right, b in other.items():
            add(into, times(left, right), a * b)


def add(level: Level, monomial: int, number: Number) -> None:
    """Add a term to a level; a coefficient that becomes zero is taken out."""
    known = level.get(monomial)
    number = number if known is None else known + number
    if number.residue:
        level[monomial] = number
    else:
        level.pop(monomial, None)
