"""Formulas of maps, means and scalars over series: sums, products and powers exactly, the rest by Taylor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import sympy as sp
from sympy.core.function import AppliedUndef

from symlimits.derivation.calculus import Calculus
from symlimits.derivation.coordinates import ONE
from symlimits.derivation.curves import Y, curve
from symlimits.derivation.generic_numbers import rational, square_root
from symlimits.derivation.n_series import Series, constant, total
from symlimits.derivation.tails import Tails
from symlimits.errors import NoRule
from symlimits.language.tensor_program import n

HALF = sp.Rational(1, 2)


@dataclass
class Formulas:
    """`value` gives the series of a symbol of the program, None for a parameter; what was worked out is kept.

    `signs` are symbols that stand for the values of the program.
    """

    calculus: Calculus
    value: Callable[[sp.Symbol], Series | None]
    signs: Mapping[sp.Symbol, sp.Symbol]
    _known: dict[sp.Expr, Series] = field(default_factory=dict)

    def __call__(self, expr: sp.Expr) -> Series:
        if expr not in self._known:
            self._known[expr] = self._series(expr).kept(self.calculus.precision.window)
        return self._known[expr]

    def _series(self, expr: sp.Expr) -> Series:
        if expr == n:
            return constant(rational(1)).shifted(Fraction(1))
        if isinstance(expr, sp.Symbol):
            found = self.value(expr)
            return constant(self.calculus.number(expr)) if found is None else found
        if self._is_curve(expr):
            return self._curve(expr)
        if isinstance(expr, sp.Add):
            return total(self(part) for part in expr.args)
        if isinstance(expr, sp.Mul):
            return self._product(expr)
        if isinstance(expr, sp.Pow):
            return self._power(expr)
        if not self._carriers(expr):
            return constant(self.calculus.number(expr))
        return self._curve(expr)

    def _is_curve(self, expr: sp.Expr) -> bool:
        """Whether all of it is one curve of one vector: Taylor's formula has fewer terms than that of its parts."""
        found = self._carriers(expr)
        vectors = [s for s in found if s != n and not is_scalar(self(s))]
        return len(found) == len(vectors) == 1 and not expr.is_polynomial(*found) and not expr.has(AppliedUndef)

    def _carriers(self, expr: sp.Expr) -> list[sp.Symbol]:
        """The symbols of instructions, and the width."""
        return [s for s in expr.free_symbols if s == n or self.value(s) is not None]

    def _product(self, expr: sp.Expr) -> Series:
        found = constant(rational(1))
        for factor in expr.args:
            found = self.calculus.times(found, self(factor))
        return found

    def _power(self, expr: sp.Expr) -> Series:
        base, exponent = expr.args
        if exponent.is_Integer and exponent > 0:
            return self.calculus.raised(self(base), int(exponent))
        if base == n:
            if not exponent.is_Rational:
                raise NoRule(f"the power {expr} of the width", "a rational exponent", "numbers: a point of the plane")
            return constant(rational(1)).shifted(Fraction(int(exponent.p), int(exponent.q)))
        if exponent == HALF and base.is_Rational and base > 0:
            root = square_root(base)
            return constant(self.calculus.number(expr) if root is None else root)
        if exponent.is_Rational and is_scalar(self(base)):
            return self.calculus.powered(self(base), exponent)
        return self._curve(expr) if self._carriers(expr) else constant(self.calculus.number(expr))

    def _curve(self, expr: sp.Expr) -> Series:
        """A function of one vector, or of one formula."""
        carriers = self._carriers(expr)
        self._check_tail(expr, [s for s in carriers if s != n])
        if len(carriers) == 1 and carriers[0] != n:
            return self.calculus.composed(curve(expr.xreplace({carriers[0]: Y})), self(carriers[0]))
        inner = [part for part in expr.args if self._carriers(part)]
        if len(inner) != 1 or isinstance(expr, sp.Derivative | sp.Subs):
            given = f"width exponents with the map {expr}"
            raise NoRule(given, "sums, products and functions of one argument", "a map for each function")
        return self.calculus.composed(curve(expr.func(*(Y if p == inner[0] else p for p in expr.args))), self(inner[0]))

    def _check_tail(self, expr: sp.Expr, carriers: list[sp.Symbol]) -> None:
        """A map of what is of order one has all moments; smaller parts are Taylor's."""
        levels = {s: self(s).levels.get(Fraction(0), {}) for s in carriers}
        sizes = {s: self.calculus.tails.of_sum(level) for s, level in levels.items()}
        Tails(sizes, self.signs).checked(expr, "width exponents with")


def is_scalar(value: Series) -> bool:
    """Whether all coordinates are equal, of what is known."""
    return all(set(level) == {ONE} for level in value.levels.values())
