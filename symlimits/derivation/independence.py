"""What a product's mean owes to independence and to symmetry: independent factors part, and odd ones have mean zero."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

import sympy as sp

from symlimits.derivation.monomials import Monomial, by_name
from symlimits.derivation.random_variables import RandomVariables

Covariance = Callable[[sp.Symbol, sp.Symbol], sp.Expr]
Symbols = frozenset[sp.Symbol]


def blocks(symbols: Iterable[sp.Symbol], covariance: Covariance) -> list[Symbols]:
    """The components of the covariance graph of some Gaussian symbols: independent of each other."""
    found: list[Symbols] = []
    for g in sorted(symbols, key=lambda g: g.name):
        touched = [block for block in found if any(covariance(g, other) != 0 for other in block)]
        found = [block for block in found if block not in touched] + [frozenset([g]).union(*touched)]
    return found


def components(monomial: Monomial, variables: RandomVariables, covariance: Covariance) -> list[Monomial]:
    """The factors of a monomial that are independent of each other, each with its atoms."""
    parts = blocks(frozenset().union(*(variables.support(atom) for atom, _ in monomial)), covariance)
    groups: list[tuple[set[int], list[tuple[sp.Expr, int]]]] = []
    for atom, power in monomial:
        mine = {i for i, block in enumerate(parts) if block & variables.support(atom)}
        joined = [group for group in groups if group[0] & mine]
        groups = [group for group in groups if group not in joined]
        groups.append(
            (mine.union(*(group[0] for group in joined)), [f for g in joined for f in g[1]] + [(atom, power)])
        )
    return [tuple(sorted(group[1], key=by_name)) for group in groups]


class Parity:
    """Signs of random variables when some Gaussian symbols change theirs; None where there is no such sign."""

    def __init__(self, variables: RandomVariables) -> None:
        self.variables = variables
        self._known: dict[tuple[sp.Symbol, Symbols], int | None] = {}

    def vanishes(self, monomial: Monomial, covariance: Covariance) -> bool:
        """Whether a monomial is odd in one block of its Gaussian symbols, or in all of them together."""
        support = frozenset().union(*(self.variables.support(atom) for atom, _ in monomial))
        return any(self._odd(monomial, flipped) for flipped in {*blocks(support, covariance), support})

    def _odd(self, monomial: Monomial, flipped: Symbols) -> bool:
        sign = 1
        for atom, power in monomial:
            found = self.sign(atom, flipped)
            if found is None:
                return False
            sign *= found**power
        return sign == -1

    def sign(self, expr: sp.Expr, flipped: Symbols) -> int | None:
        """1 or -1 where the formula is even or odd."""
        if not self.variables.support(expr) & flipped:
            return 1
        if expr.is_Symbol:
            return self._of_symbol(expr, flipped)
        if expr.is_Add:
            signs = {self.sign(term, flipped) for term in expr.args}
            return signs.pop() if len(signs) == 1 else None
        if expr.is_Mul:
            return _product([self.sign(factor, flipped) for factor in expr.args])
        if expr.is_Pow and expr.exp.is_Integer:
            return _product([self.sign(expr.base, flipped)] * abs(int(expr.exp)))
        found = {symbol: self.sign(symbol, flipped) for symbol in self.variables.random(expr)}
        return None if None in found.values() else _sign(expr, tuple(s for s, sign in found.items() if sign == -1))

    def _of_symbol(self, symbol: sp.Symbol, flipped: Symbols) -> int | None:
        if symbol in flipped:
            return -1
        key = symbol, flipped & self.variables.supports[symbol]
        if key not in self._known:
            self._known[key] = self.sign(self.variables.definitions[symbol], key[1])
        return self._known[key]


def _product(signs: Iterable[int | None]) -> int | None:
    total = 1
    for sign in signs:
        if sign is None:
            return None
        total *= sign
    return total


@lru_cache(maxsize=4096)
def _sign(expr: sp.Expr, odd: tuple[sp.Symbol, ...]) -> int | None:
    """Of a function of symbols, when those of `odd` change their signs."""
    mirrored = expr.subs({symbol: -symbol for symbol in odd}, simultaneous=True)
    if sp.expand(mirrored - expr) == 0:
        return 1
    return -1 if sp.expand(mirrored + expr) == 0 else None
