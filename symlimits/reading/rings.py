"""The rings that straight lines are run over."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import gcd
from typing import Any

import sympy as sp
from mpmath import mp, mpf

from symlimits.errors import DomainError, NoRule
from symlimits.reading.reference import reference
from symlimits.reading.ring import Ring, Scalars

try:
    from flint import Ordering, fmpq, fmpq_mpoly_ctx
except ImportError:  # an extra: fractions are slower, and the same numbers
    fmpq = None

DOUBLE = 17  # digits that determine a float64


def _float_function(expr: sp.Expr, scalars: Scalars) -> float:
    return float(reference(expr, scalars, DOUBLE))


FLOATS = Ring("floats", float, _float_function, dtype=float)


def digits(count: int) -> Ring:
    """Real numbers of `count` decimal digits: every operation is rounded to them (mpmath).

    >>> digits(30).convert(sp.Rational(1, 3)).__class__.__name__
    'mpf'
    """

    def convert(number: sp.Expr) -> mpf:
        return mpf(number.p) / number.q if number.is_Rational else reference(number, {}, count)

    def function(expr: sp.Expr, scalars: Scalars) -> mpf:
        exact = {symbol: sp.Float._new(value._mpf_, mp.prec) for symbol, value in scalars.items()}
        return reference(expr, exact, count)

    return Ring(f"{count} digits", convert, function, context=lambda: mp.workdps(count))


def _fraction(number: sp.Expr) -> Any:
    _check_rational(number, "rationals")
    return fmpq(int(number.p), int(number.q)) if fmpq else Fraction(int(number.p), int(number.q))


RATIONALS = Ring("rationals", _fraction)


def modulo(prime: int) -> Ring:
    """Integers modulo a prime; a fraction is the numerator times the inverse of its denominator.

    >>> modulo(7).convert(sp.Rational(1, 2))
    4
    """

    def convert(number: sp.Expr) -> int:
        _check_rational(number, f"integers modulo {prime}")
        if gcd(int(number.q), prime) != 1:
            given = f"{number} modulo {prime}"
            raise DomainError(given, "a denominator that the prime does not divide", "another prime")
        return int(number.p) * pow(int(number.q), -1, prime) % prime

    return Ring(f"integers modulo {prime}", convert, settle=lambda value: value % prime)


def polynomials(*symbols: sp.Symbol, settle: Callable[[Any], Any] = lambda value: value) -> Ring:
    """Polynomials in the symbols with rational coefficients: flint's where it is there, else SymPy's sparse ones.

    >>> x = sp.Symbol("x")
    >>> as_polynomial(polynomials(x).convert((1 + x)**2), x)
    Poly(x**2 + 2*x + 1, x, domain='QQ')
    """
    name = f"polynomials in {', '.join(map(str, symbols))}"
    build = _flint_polynomial(symbols) if fmpq else sp.polys.rings.PolyRing(symbols, sp.QQ, sp.grlex).from_dict

    def convert(expr: sp.Expr) -> Any:
        try:
            terms = sp.Poly(expr, *symbols, domain=sp.QQ).terms()
        except sp.PolynomialError:
            raise NoRule(f"{expr} over {name}", "rational coefficients", "floats or mpmath") from None
        return build({powers: sp.QQ(int(c.p), int(c.q)) for powers, c in terms})

    return Ring(name, convert, settle=settle)


def _flint_polynomial(symbols: tuple[sp.Symbol, ...]) -> Callable[[dict[tuple[int, ...], Any]], Any]:
    context = fmpq_mpoly_ctx.get(tuple(map(str, symbols)), Ordering.degrevlex)

    def build(terms: dict[tuple[int, ...], Any]) -> Any:
        return context.from_dict({powers: fmpq(int(c.numerator), int(c.denominator)) for powers, c in terms.items()})

    return build


def as_polynomial(element: Any, *symbols: sp.Symbol) -> sp.Poly:
    """An element of `polynomials` as SymPy's polynomial."""
    terms = {tuple(map(int, n)): sp.QQ(int(c.numerator), int(c.denominator)) for n, c in element.terms()}
    return sp.Poly.from_dict(terms, *symbols, domain=sp.QQ)


def _check_rational(number: sp.Expr, ring: str) -> None:
    if not number.is_Rational:
        raise NoRule(f"{number} over {ring}", "rational numbers", "floats or mpmath")
