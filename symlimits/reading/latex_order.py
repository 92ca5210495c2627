"""In which order factors and terms are written, and with which sign they begin."""

from __future__ import annotations

from collections.abc import Iterable

import sympy as sp

PARAMETERS = ("alpha", "beta", "gamma", "eta", "lambda", "sigma")


def in_order(heads: Iterable[sp.Expr]) -> list[sp.Expr]:
    """Integrals last: what follows one would seem to be under it."""
    return sorted(heads, key=lambda head: isinstance(head, sp.Integral))


def negative(term: sp.Expr) -> bool:
    """Whether a term begins with a minus sign."""
    return bool(term.as_coeff_Mul()[0].is_negative)


def negated(term: sp.Expr) -> sp.Expr:
    """A term without its sign, and without multiplying anything out."""
    coefficient, rest = term.as_coeff_Mul()
    return rest if coefficient == -1 else sp.Mul(-coefficient, *sp.Mul.make_args(rest), evaluate=False)


def divides(factor: sp.Expr) -> bool:
    """Whether a factor stands below the line of a fraction."""
    return bool(factor.is_Pow and factor.exp.is_Rational and factor.exp.is_negative)


def rank(factor: sp.Expr) -> int:
    """Where a factor stands in a product: numbers, parameters, letters, sums, roots, functions; matrices last."""
    if not factor.is_commutative:
        return 6
    base = factor.base if factor.is_Pow else factor
    if factor.is_number or base.is_Symbol:
        return -factor.is_Rational if factor.is_number else 1 if is_parameter(base) else 2
    return 4 if factor.is_Pow and not factor.exp.is_Integer else 3 if base.is_Add else 5


def is_parameter(expr: sp.Expr) -> bool:
    """Whether only parameters stand in it, Greek letters: they come before other letters."""
    symbols = expr.free_symbols
    return bool(symbols) and all(symbol.name.startswith(PARAMETERS) for symbol in symbols)
