"""Affine forms over the rationals: what exponents are, as functions of the exponents of hyperparameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm
from typing import Self

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.names import shown

Rational = Fraction | int


def as_fraction(value: object) -> Fraction:
    """An integer, Fraction or SymPy Rational as a Fraction; anything else is not exact here.

    >>> as_fraction(sp.Rational(1, 2))
    Fraction(1, 2)
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, sp.Rational):
        return Fraction(int(value.p), int(value.q))
    if isinstance(value, int) and not isinstance(value, bool):
        return Fraction(value)
    raise DomainError(shown(value), "an integer, a Fraction or a SymPy Rational", "Fraction('1/2')")


@dataclass(frozen=True, order=True)
class Affine:
    r"""The form $x \mapsto \sum_i c_i x_i + c$ with rational `coefficients` $c_i$ and `constant` $c$.

    Forms of as many variables are added and subtracted, and multiplied by rationals; a rational is added to the
    constant. Raises `DomainError` for floats, and for forms of different numbers of variables.

    >>> x, y = Affine.variables(2)
    >>> form = 2 * x - y + Fraction(1, 2)
    >>> form, form((1, 2))
    (2*x1 - x2 + 1/2, Fraction(1, 2))
    """

    coefficients: tuple[Fraction, ...]
    constant: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "coefficients", tuple(as_fraction(c) for c in self.coefficients))
        object.__setattr__(self, "constant", as_fraction(self.constant))

    @classmethod
    def variables(cls, dimension: int) -> tuple[Affine, ...]:
        """The coordinates $x_1, ..., x_n$."""
        return tuple(Affine(tuple(Fraction(i == j) for j in range(dimension))) for i in range(dimension))

    @classmethod
    def const(cls, value: object, dimension: int) -> Affine:
        """The constant form of `dimension` variables."""
        return Affine((Fraction(0),) * dimension, as_fraction(value))

    @property
    def dimension(self) -> int:
        """The number of variables."""
        return len(self.coefficients)

    @property
    def is_constant(self) -> bool:
        """Whether no variable enters."""
        return not any(self.coefficients)

    def __add__(self, other: Affine | Rational | sp.Rational) -> Affine:
        if not isinstance(other, Affine):
            return Affine(self.coefficients, self.constant + as_fraction(other))
        if other.dimension != self.dimension:
            given = f"forms of {self.dimension} and {other.dimension} variables"
            raise DomainError(given, "as many variables on both sides", "Affine.variables(n) once")
        pairs = zip(self.coefficients, other.coefficients, strict=True)
        return Affine(tuple(a + b for a, b in pairs), self.constant + other.constant)

    __radd__ = __add__

    def __neg__(self) -> Affine:
        return Affine(tuple(-c for c in self.coefficients), -self.constant)

    def __sub__(self, other: Affine | Rational | sp.Rational) -> Affine:
        return self + (-other)

    def __rsub__(self, other: Rational | sp.Rational) -> Affine:
        return -self + other

    def __mul__(self, factor: Rational | sp.Rational) -> Affine:
        scale = as_fraction(factor)
        return Affine(tuple(scale * c for c in self.coefficients), scale * self.constant)

    __rmul__ = __mul__

    def __truediv__(self, divisor: Rational | sp.Rational) -> Affine:
        return self * (1 / as_fraction(divisor))

    def __call__(self, point: Sequence[Rational | sp.Rational]) -> Fraction:
        """The value at a point, exactly."""
        terms = zip(self.coefficients, point, strict=True)
        return sum((c * as_fraction(x) for c, x in terms if c), self.constant)

    def expr(self, symbols: Sequence[sp.Symbol]) -> sp.Expr:
        """The form as a SymPy expression in these symbols."""
        pairs = zip(self.coefficients, symbols, strict=True)
        rational = [sp.Rational(c.numerator, c.denominator) * symbol for c, symbol in pairs]
        return sp.Add(*rational, sp.Rational(self.constant.numerator, self.constant.denominator))

    def primitive(self) -> Self:
        """The positive multiple of the form with coprime integers; zero stays zero.

        >>> x, y = Affine.variables(2)
        >>> (x / 2 - y / 3 + 1).primitive()
        3*x1 - 2*x2 + 6
        """
        *coefficients, constant = row(self)
        return type(self)(tuple(Fraction(c) for c in coefficients), Fraction(constant))

    def __repr__(self) -> str:
        return str(self.expr(sp.symbols(f"x1:{self.dimension + 1}")))


@lru_cache(maxsize=1 << 16)
def row(form: Affine) -> tuple[int, ...]:
    """The coefficients and the constant as coprime integers, a positive multiple of the form."""
    numbers = (*form.coefficients, form.constant)
    common = lcm(*(c.denominator for c in numbers))
    return coprime([c.numerator * (common // c.denominator) for c in numbers])


def coprime(numbers: Sequence[int]) -> tuple[int, ...]:
    """Integers divided by their greatest common divisor."""
    divisor = gcd(*numbers)
    return tuple(n // divisor for n in numbers) if divisor > 1 else tuple(numbers)
