r"""The random variables $Z$ that entries of a program's vectors tend to: a graph of definitions over Gaussian symbols.

Each Z is a formula in earlier ones, in Gaussian symbols g and in scalars; what two of them share is kept once.
Derivatives in a Gaussian symbol run through the graph by the chain rule, and are nodes of it again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy as sp

from symlimits.errors import NoRule
from symlimits.language.piecewise import generalized_derivative
from symlimits.language.straight_line import Definition

NONE: frozenset[sp.Symbol] = frozenset()


class Jump(NoRule):
    """The derivative of a map holds Dirac masses: Stein's identity is the way, which needs no derivative."""


@dataclass
class RandomVariables:
    """Definitions of Z's in their order, and the Gaussian symbols that each rests on."""

    definitions: dict[sp.Symbol, sp.Expr] = field(default_factory=dict)
    supports: dict[sp.Symbol, frozenset[sp.Symbol]] = field(default_factory=dict)
    order: dict[sp.Symbol, int] = field(default_factory=dict)
    ancestors: dict[sp.Symbol, frozenset[sp.Symbol]] = field(default_factory=dict)
    slopes: dict[tuple[sp.Symbol, sp.Symbol], sp.Expr] = field(default_factory=dict)

    def gaussian(self, symbol: sp.Symbol) -> sp.Symbol:
        """A new Gaussian symbol."""
        self.supports[symbol] = frozenset([symbol])
        return symbol

    def define(self, symbol: sp.Symbol, expr: sp.Expr) -> sp.Symbol:
        """A new random variable."""
        self.order[symbol] = len(self.order)
        self.definitions[symbol] = expr
        self.supports[symbol] = self.support(expr)
        self.ancestors[symbol] = self._behind(expr) | {symbol}
        return symbol

    def random(self, expr: sp.Expr) -> list[sp.Symbol]:
        """The random symbols of a formula, by name; everything else in it is a number."""
        return sorted((s for s in expr.free_symbols if s in self.supports), key=lambda s: s.name)

    def support(self, expr: sp.Expr) -> frozenset[sp.Symbol]:
        """The Gaussian symbols that a formula rests on."""
        return NONE.union(*(self.supports.get(symbol, NONE) for symbol in expr.free_symbols))

    def needed(self, expr: sp.Expr) -> list[Definition]:
        """The definitions that a formula rests on, in their order."""
        found = sorted(self._behind(expr), key=self.order.__getitem__)
        return [Definition(symbol, self.definitions[symbol]) for symbol in found]

    def _behind(self, expr: sp.Expr) -> frozenset[sp.Symbol]:
        return NONE.union(*(self.ancestors.get(symbol, NONE) for symbol in expr.free_symbols))

    def slope(self, expr: sp.Expr, g: sp.Symbol) -> sp.Expr:
        r"""$\partial Z/\partial g$ by the chain rule, as a formula of the graph; `Jump` where it holds a Dirac mass."""
        through = {s: self._slope(s, g) for s in self.random(expr) if g in self.supports[s]}
        return sp.Add(*(partial(expr, symbol) * slope for symbol, slope in through.items() if slope != 0))

    def _slope(self, symbol: sp.Symbol, g: sp.Symbol) -> sp.Expr:
        if symbol == g:
            return sp.S.One
        if (symbol, g) not in self.slopes:
            found = self.slope(self.definitions[symbol], g)
            if self.random(found) and not found.is_Symbol:
                found = self.define(sp.Symbol(f"{symbol.name}_{g.name.partition('_')[2]}", real=True), found)
            self.slopes[symbol, g] = found
        return self.slopes[symbol, g]


def partial(expr: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
    """The derivative of a map in one of its arguments; `Jump` where the map jumps."""
    found = generalized_derivative(expr, symbol) if expr.has(sp.Piecewise, sp.Min) else expr.diff(symbol)
    if found.has(sp.DiracDelta):
        raise Jump(f"the derivative of {expr} in {symbol}", "a continuous map", "Stein's identity")
    return found
