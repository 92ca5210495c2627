"""Rational functions as a paper would print them.

A fraction is cancelled and factored; of the ways to write a factor (expanded, by powers of a
distinguished symbol, by powers of a radicand that stands beside it) the shortest is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Any

import sympy as sp

from symlimits.derivation.factors import product

LONGEST = 60  # terms of a polynomial that is divided by radicands
LONGEST_MIXED = 20  # terms of a numerator that is divided by its denominator


class Fractions:
    r"""Fractions in some symbols, printed beside square roots of the given radicands.

    >>> p, q, c = sp.symbols("p q c")
    >>> D = (p + 1) * (q + 1) - c**2
    >>> Fractions([p, q, c], [D]).printed(sp.expand(p * q * D + c**2))
    c**2 + p*q*(-c**2 + (p + 1)*(q + 1))
    """

    def __init__(self, symbols: Iterable[sp.Symbol], radicands: Iterable[sp.Expr]) -> None:
        generators = sorted(symbols, key=lambda s: s.sort_key()) or [sp.Dummy()]
        self._field = sp.polys.fields.FracField(generators, sp.QQ)
        self._radicands = [D for D in radicands if D.is_Add]
        self._shapes: dict[sp.Expr, tuple[sp.Expr, sp.Rational]] = {}
        for D in self._radicands:
            content, primitive = sp.expand(D).as_content_primitive()
            self._shapes |= {primitive: (D, content), sp.expand(-primitive): (D, -content)}

    def holds(self, expr: sp.Expr) -> bool:
        """Whether it is a fraction in the symbols, with rational numbers."""
        try:
            self._field.from_expr(expr)
        except ValueError:
            return False
        return True

    def sum(self, terms: Iterable[tuple[sp.Expr, sp.Expr]]) -> Any:
        """The sum of products of a fraction and a polynomial, cancelled."""
        by_polynomial: dict[sp.Expr, dict[Any, Any]] = {}
        for fraction, polynomial in terms:
            element = self._field.from_expr(fraction)
            tops = by_polynomial.setdefault(polynomial, {})
            tops[element.denom] = tops.get(element.denom, 0) + element.numer
        total: dict[Any, Any] = {}
        for polynomial, tops in by_polynomial.items():
            factor = self._field.from_expr(polynomial).numer
            for bottom, top in tops.items():
                total[bottom] = total.get(bottom, 0) + top * factor
        return sum((self._field.new(top, bottom) for bottom, top in total.items()), self._field.zero)

    def printed(self, fraction: Any, roots: Iterable[sp.Expr] = (), mixed: bool = True) -> sp.Expr:
        """The fraction times the square roots of some of the radicands."""
        element = self._field.from_expr(fraction) if isinstance(fraction, sp.Expr) else fraction
        if element == 0:
            return sp.S.Zero
        number: sp.Expr = sp.S.One
        powers = dict.fromkeys(roots, sp.Rational(1, 2))
        for polynomial, side in ((element.numer, 1), (element.denom, -1)):
            content, factors = polynomial.factor_list()
            number *= sp.sympify(content) ** side
            for factor, times in factors:
                base, scale = self._shape(factor.as_expr())
                number /= scale ** (side * times)
                powers[base] = powers.get(base, sp.S.Zero) + side * times
        whole = product(number, *(base**power for base, power in powers.items()))
        return min((whole, *self._mixed(number, powers)), key=sp.count_ops) if mixed else whole

    def _mixed(self, number: sp.Expr, powers: dict[sp.Expr, sp.Expr]) -> Iterator[sp.Expr]:
        """A polynomial plus a proper fraction, in place of an improper one."""
        top = {base: n for base, n in powers.items() if base.is_Add and n.is_Integer and n > 0}
        bottom = {base: n for base, n in powers.items() if n.is_Integer and n < 0}
        if not top or not bottom:
            return
        numerator, denominator = (
            sp.expand(sp.Mul(*(base ** abs(n) for base, n in part.items()))) for part in (top, bottom)
        )
        if len(sp.Add.make_args(numerator)) > LONGEST_MIXED:
            return
        others = [base**n for base, n in powers.items() if base not in top and base not in bottom]
        for whole, rest in _divisions(numerator, denominator):
            mixed = [self.printed(number * part, mixed=False) for part in (whole, rest / denominator)]
            content = sp.gcd_list([term.as_coeff_Mul()[0] for term in mixed])
            yield product(content, sp.Add(*(product(1 / content, term) for term in mixed)), *others)

    def _shape(self, factor: sp.Expr) -> tuple[sp.Expr, sp.Rational]:
        """How to write a factor, and the number it was multiplied by."""
        if factor not in self._shapes:
            sign = -1 if _minus_signs(factor) > _minus_signs(sp.expand(-factor)) else 1
            self._shapes[factor] = shortest(sp.expand(sign * factor), self._radicands), sp.Rational(sign)
        return self._shapes[factor]


def _minus_signs(polynomial: sp.Expr) -> int:
    return sum(term.could_extract_minus_sign() for term in sp.Add.make_args(polynomial))


def shortest(polynomial: sp.Expr, radicands: Iterable[sp.Expr] = ()) -> sp.Expr:
    """The shortest way to write a polynomial that has no factors."""
    terms = len(sp.Add.make_args(polynomial))
    if terms <= 3:
        return polynomial
    ways = [polynomial, *(_by_powers(polynomial, s) for s in _distinguished(polynomial))]
    if terms <= LONGEST:
        ways += [way for D in radicands for way in _by_radicand(polynomial, D)]
    return min(ways, key=sp.count_ops)


def _distinguished(polynomial: sp.Expr) -> list[sp.Symbol]:
    """The symbols that the polynomial does not treat like another one: none of p and q in p + q + c^2."""
    symbols = sorted(polynomial.free_symbols, key=str)
    terms = sp.Poly(polynomial, *symbols).as_dict()

    def alike(i: int, j: int) -> bool:
        swapped = {_swapped(powers, i, j): k for powers, k in terms.items()}
        return swapped == terms

    twins = {k for i, j in combinations(range(len(symbols)), 2) if alike(i, j) for k in (i, j)}
    return [s for i, s in enumerate(symbols) if i not in twins]


def _swapped(powers: tuple[int, ...], i: int, j: int) -> tuple[int, ...]:
    swapped = list(powers)
    swapped[i], swapped[j] = powers[j], powers[i]
    return tuple(swapped)


def _by_powers(polynomial: sp.Expr, s: sp.Symbol) -> sp.Expr:
    terms = sp.Poly(polynomial, s).terms()
    return sp.Add(*(sp.factor(coefficient) * s**power for (power,), coefficient in terms))


def _by_radicand(polynomial: sp.Expr, radicand: sp.Expr) -> Iterator[sp.Expr]:
    for quotient, remainder in _divisions(polynomial, sp.expand(radicand)):
        inner = next(_by_radicand(quotient, radicand), None)
        higher = sp.factor(quotient) if inner is None else min((sp.factor(quotient), inner), key=sp.count_ops)
        yield higher * radicand + sp.factor(remainder)


def _divisions(polynomial: sp.Expr, divisor: sp.Expr) -> Iterator[tuple[sp.Expr, sp.Expr]]:
    """Quotients (not zero) and remainders, with each symbol of the divisor as the first in the order of terms."""
    symbols = sorted(polynomial.free_symbols | divisor.free_symbols, key=str)
    for s in sorted(divisor.free_symbols, key=str):
        (quotient,), remainder = sp.reduced(polynomial, [divisor], s, *(other for other in symbols if other != s))
        if quotient != 0:
            yield quotient, remainder
