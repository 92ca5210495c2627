r"""A random variable as a polynomial in Gaussian symbols and in functions that are no polynomials, its atoms.

Coefficients are formulas in scalars. A function of one variable, such as $h\,\Theta(h)$, is one atom f(h) as a whole:
what is said of pairs f(u) g(v) is said of atoms. A polynomial of too many terms is left alone, and is an atom itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, reduce

import sympy as sp

from symlimits.derivation.random_variables import RandomVariables

MOST = 64  # terms of a polynomial
Monomial = tuple[tuple[sp.Expr, int], ...]
Polynomial = dict[Monomial, sp.Expr]
Naming = Callable[[sp.Symbol, Polynomial], Polynomial]


class TooMany(Exception):
    """More terms than a polynomial is to have."""


@dataclass
class Polynomials:
    """The polynomials of the random variables of a graph; `name` gives long coefficients names."""

    variables: RandomVariables
    name: Naming
    known: dict[sp.Symbol, Polynomial] = field(default_factory=dict)

    def of(self, expr: sp.Expr) -> Polynomial:
        """The polynomial of a formula; a single atom where it has too many terms."""
        try:
            return self._of(expr)
        except TooMany:
            return {((expr, 1),): sp.S.One}

    def _of(self, expr: sp.Expr) -> Polynomial:
        inside = self.variables.random(expr)
        if not inside:
            return {(): expr} if expr != 0 else {}
        if expr.is_Symbol:
            return self._of_symbol(expr)
        if len(inside) == 1 and not expr.is_polynomial(*inside):
            factor, atom = expr.as_independent(*inside, as_Add=False)
            return {((atom, 1),): factor}
        if expr.is_Add:
            return reduce(added, map(self._of, expr.args))
        if expr.is_Mul:
            return reduce(multiplied, map(self._of, self._grouped(expr)))
        if isinstance(expr, sp.exp) and len(self._parted(expr.exp)) > 1:  # SymPy writes exp(u)*exp(v) as exp(u + v)
            return reduce(multiplied, [self._of(sp.exp(term)) for term in self._parted(expr.exp)])
        if expr.is_Pow and expr.exp.is_Integer and expr.exp > 0:
            return reduce(multiplied, [self._of(expr.base)] * int(expr.exp))
        return {((expr, 1),): sp.S.One}

    def _of_symbol(self, symbol: sp.Symbol) -> Polynomial:
        if symbol not in self.variables.definitions:
            return {((symbol, 1),): sp.S.One}
        if symbol not in self.known:
            try:
                self.known[symbol] = self.name(symbol, self._of(self.variables.definitions[symbol]))
            except TooMany:
                self.known[symbol] = {((symbol, 1),): sp.S.One}
        return self.known[symbol]

    def _grouped(self, product: sp.Expr) -> list[sp.Expr]:
        """The factors of a product, those of one variable together where one of them is no polynomial."""
        inside = {factor: self.variables.random(factor) for factor in product.args}
        opaque = {found[0] for f, found in inside.items() if len(found) == 1 and not f.is_polynomial(*found)}
        together: dict[sp.Symbol, sp.Expr] = {}
        for factor, found in inside.items():
            if len(found) == 1 and found[0] in opaque:
                together[found[0]] = together.get(found[0], sp.S.One) * factor
        return [*together.values(), *(f for f, found in inside.items() if len(found) != 1 or found[0] not in opaque)]

    def _parted(self, exponent: sp.Expr) -> list[sp.Expr]:
        """The terms of an exponent, those of the same variables together."""
        groups: dict[tuple[sp.Symbol, ...], sp.Expr] = {}
        for term in sp.Add.make_args(exponent):
            inside = tuple(self.variables.random(term))
            groups[inside] = groups.get(inside, sp.S.Zero) + term
        return list(groups.values())

    def affine(self, symbol: sp.Expr) -> Polynomial | None:
        """The polynomial of what is Gaussian: of degree one in Gaussian symbols; None for anything else."""
        found = self.of(symbol)
        linear = all(len(m) == 0 or (len(m) == 1 and m[0][1] == 1 and self.is_gaussian(m[0][0])) for m in found)
        return found if linear else None

    def is_gaussian(self, atom: sp.Expr) -> bool:
        """Whether an atom is a Gaussian symbol."""
        return atom.is_Symbol and atom not in self.variables.definitions


def added(one: Polynomial, other: Polynomial) -> Polynomial:
    """The sum."""
    total = dict(one)
    for monomial, coefficient in other.items():
        total[monomial] = total.get(monomial, sp.S.Zero) + coefficient
    return bounded({m: c for m, c in total.items() if c != 0})


def multiplied(one: Polynomial, other: Polynomial) -> Polynomial:
    """The product."""
    if len(one) * len(other) > MOST**2:
        raise TooMany
    total: Polynomial = {}
    for left, a in one.items():
        for right, b in other.items():
            monomial = times(left, right)
            total[monomial] = total.get(monomial, sp.S.Zero) + a * b
    return bounded({m: c for m, c in total.items() if c != 0})


def times(left: Monomial, right: Monomial) -> Monomial:
    """The product of two monomials."""
    powers = dict(left)
    for atom, power in right:
        powers[atom] = powers.get(atom, 0) + power
    return tuple(sorted(powers.items(), key=by_name))


def by_name(item: tuple[sp.Expr, int]) -> str:
    """How atoms with their powers are sorted."""
    return _written(item[0])


@lru_cache(maxsize=65536)
def _written(atom: sp.Expr) -> str:
    return str(atom)


def bounded(polynomial: Polynomial) -> Polynomial:
    """The same, unless it has too many terms."""
    if len(polynomial) > MOST:
        raise TooMany
    return polynomial


def as_formula(monomial: Monomial) -> sp.Expr:
    """A monomial as a formula."""
    return sp.Mul(*(atom**power for atom, power in monomial))
