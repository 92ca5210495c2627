"""The scalars of a program's limit as they come up: expressions at every rung, equal ones under one name."""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy as sp

from symlimits.derivation.monomials import Polynomial
from symlimits.derivation.rungs import RUNGS, Versions
from symlimits.language.straight_line import Definition, StraightLine

LONG = 2  # operations: a coefficient of more has a name


@dataclass
class Scalars:
    """Definitions in their order. Where they `fold`, rational values and names of equals stand for themselves."""

    fold: bool
    definitions: dict[sp.Symbol, Versions] = field(default_factory=dict)
    known: dict[Versions, sp.Symbol] = field(default_factory=dict)

    def define(self, symbol: sp.Symbol, versions: Versions) -> sp.Expr:
        """What later formulas write for a scalar: its name, that of an equal one, or its value."""
        last = versions[-1]
        is_short = self.fold and (last.is_Rational or last.is_Symbol)
        if self.fold and not is_short and versions in self.known:
            return self.known[versions]
        self.definitions.setdefault(symbol, versions)
        self.known.setdefault(versions, symbol)
        return last if is_short else symbol

    def named(self, name: str, versions: Versions) -> sp.Expr:
        """The same for a name that has no symbol yet."""
        return self.define(sp.Symbol(name, real=True), versions)

    def same(self, name: str, expr: sp.Expr) -> sp.Expr:
        """A name for a formula that no rung changes."""
        return self.named(name, unchanged(expr))

    def coefficients(self, symbol: sp.Symbol, polynomial: Polynomial) -> Polynomial:
        """The polynomial of a random variable with names for its long coefficients."""
        number = symbol.name.partition("_")[2]
        return {
            monomial: c if c.is_number or c.count_ops() <= LONG else self.same(f"a_{number}_{i}", c)
            for i, (monomial, c) in enumerate(polynomial.items())
        }

    def resolved(self, expr: sp.Expr) -> sp.Expr:
        """A formula with what its names stand for, after the last rung, as far as that goes."""
        while known := expr.free_symbols & self.definitions.keys():
            values = {symbol: self.definitions[symbol][-1] for symbol in known}
            if all(symbol == value for symbol, value in values.items()):
                return expr
            expr = expr.xreplace(values)
        return expr

    def line(self, target: sp.Symbol, rung: int = -1) -> StraightLine:
        """The straight line of what a scalar rests on, its expectations at a rung."""
        expressions = {symbol: versions[rung] for symbol, versions in self.definitions.items()}
        found: set[sp.Symbol] = set()
        waiting = [target]
        while waiting:
            symbol = waiting.pop()
            if symbol not in found:
                found.add(symbol)
                waiting.extend(expressions[symbol].free_symbols & expressions.keys())
        return StraightLine([Definition(s, e) for s, e in expressions.items() if s in found], target)


def unchanged(expr: sp.Expr) -> Versions:
    """A formula that is the same at every rung."""
    return (expr,) * len(RUNGS)
