"""Rational numbers of many digits: decimals are written as such, on the page and in a terminal."""

from __future__ import annotations

from decimal import Decimal, localcontext

import sympy as sp

LONGEST_BELOW = 10**12  # of a fraction that is printed as one, if it is a decimal


def long_decimal(number: sp.Rational) -> str:
    """The digits of a decimal whose fraction has more than twelve below its bar; empty for other numbers.

    >>> long_decimal(sp.Rational("-0.69503012799936288964")), long_decimal(sp.Rational(1, 10**13 + 1))
    ('-0.69503012799936288964', '')
    >>> long_decimal(sp.Rational(1, 8))
    ''
    """
    below = rest = int(number.q)
    for prime in (2, 5):
        while rest % prime == 0 and below > LONGEST_BELOW:
            rest //= prime
    if below <= LONGEST_BELOW or rest > 1:
        return ""
    with localcontext() as context:
        context.prec = len(str(number.p)) + below.bit_length()  # each factor below takes one digit at most
        return format((Decimal(int(number.p)) / Decimal(below)).normalize(), "f")


def has_long_decimal(expr: sp.Expr) -> bool:
    """Whether one of its numbers is such a decimal.

    >>> has_long_decimal(sp.Rational("0.69503012799936288964") * sp.Symbol("x"))
    True
    """
    return any(map(long_decimal, expr.atoms(sp.Rational)))
