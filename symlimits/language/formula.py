"""Formulas at the door: text, numbers and SymPy expressions become exact, real and harmless.

No string is ever evaluated: `grammar` cuts a formula into tokens and has Python's `ast` read
it, `building` rebuilds it from a table, `measure` looks at every part before it is computed.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from fractions import Fraction

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.core.symbol import Str

from symlimits.errors import DomainError, FormulaError
from symlimits.language.building import Builder
from symlimits.language.grammar import MAX_TENS, Text
from symlimits.language.measure import MAX_DIGITS, NOT_REAL, unreal
from symlimits.language.names import brief, check_name


def parse(text: str, symbols: Collection[str] | None = None) -> sp.Expr:
    """The expression that a formula says, in exact arithmetic, without running any of it.

    `text` holds names, numbers (decimals are exact), + - * / **, parentheses, the functions
    of `FUNCTIONS` and the constants pi and E; `symbols` lists the names allowed (default: any).
    Anything else, a constant that is not a finite real number, and a formula too large to
    be written by hand raise `FormulaError`, which names the column.

    >>> parse("x*(1 + erf(x/sqrt(2)))/2 + 0.1")
    x*(erf(sqrt(2)*x/2) + 1)/2 + 1/10
    >>> parse("f(x)")
    Traceback (most recent call last):
    ...
    symlimits.errors.FormulaError: column 1 of 'f(x)': the name f; wanted: a known function; try: erf, erfc, factorial
    """
    return Builder(Text(text), symbols).expression()


def exact(value: object, name: str = "value") -> sp.Expr:
    """A numeric argument as an exact, finite, real SymPy expression.

    `value` is an integer, a fraction, a float or Decimal (kept as the decimal it prints as),
    a NumPy scalar, a formula or a SymPy expression; `name` is what an error calls it.
    Raises `DomainError` for any other value, `FormulaError` for a formula not understood.

    >>> exact(0.1), exact("sigma_w**2 / 2"), exact(3)
    (1/10, sigma_w**2/2, 3)
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return parse(value)
    if isinstance(value, sp.Expr):
        return _checked(value, name)
    if isinstance(value, int | Fraction) and not isinstance(value, bool):
        if max(abs(value.numerator), value.denominator) >= 10**MAX_DIGITS:
            raise _not_exact(value, name)
        return sp.Rational(value)
    if isinstance(value, float | Decimal):
        return _decimal(Decimal(repr(value)) if isinstance(value, float) else value, name)
    raise _not_exact(value, name)


def _checked(expr: sp.Expr, name: str) -> sp.Expr:
    """A SymPy expression, with exact numbers, if its names are names and its constants real."""
    for node in sp.preorder_traversal(expr):
        if isinstance(node, sp.Symbol):
            check_name(node.name)
        elif isinstance(node, AppliedUndef | Str):
            raise FormulaError(f"{brief(node)} in {name}", "functions with a formula", "writing the function out")
    if expr.has(*NOT_REAL) or any(number.is_extended_real is False for number in expr.atoms(sp.Function, sp.Pow)):
        raise _not_exact(expr, name)
    if any(max(abs(number.p), number.q) >= 10**MAX_DIGITS for number in expr.atoms(sp.Rational)):
        raise _not_exact("a number of too many digits", name)
    # A double is kept as Python prints it; SymPy's own 15 digits would lose the last two.
    digits = {number: repr(float(number)) if number._prec == 53 else str(number) for number in expr.atoms(sp.Float)}
    expr = expr.xreplace({number: _decimal(Decimal(text), name) for number, text in digits.items()})
    if unreal(expr):
        raise _not_exact(expr, name)
    return expr


def _decimal(value: Decimal, name: str) -> sp.Rational:
    if not value.is_finite() or abs(value.adjusted()) > MAX_TENS or len(value.as_tuple().digits) > MAX_DIGITS:
        raise _not_exact(value, name)
    return sp.Rational(Fraction(value))


def _not_exact(value: object, name: str) -> DomainError:
    given = f"{name} is {brief(value)} of type {type(value).__name__}"
    return DomainError(given, "a finite real number or formula", "0.5, '1/2', Fraction(1, 2) or 'sigma_w**2'")
