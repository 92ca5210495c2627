"""The size of a function far out and near its singularities, measured without computing what would not fit.

`sin(exp(x**2))` at x = 10**5 asks mpmath for ten thousand million binary digits of pi, and `exp(exp(exp(x)))`
for as many of its exponent. Beyond a bound on exponents, values are replaced by their limits here, and a
bounded oscillation by its bound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import sympy as sp

from symlimits.errors import NoRule

MAX_PHASE, MAX_EXPONENT = 10_000, 4_000  # bits of the argument of a wave, and of an exponential
DIGITS = 30

Number = Any  # an mpf or an mpc; mpmath has no types


def vanishes(expr: sp.Expr, scale: sp.Expr, values: dict[sp.Symbol, object]) -> bool:
    """Whether an expression is zero at a point, to 20 digits of `scale`; False where it has no value."""
    try:
        small, large = magnitude(expr, values), magnitude(scale, values)
    except ValueError:
        return False
    return bool(mpmath.isfinite(small) and abs(small) <= mpmath.mpf(10) ** -20 * (abs(large) + 1))


def magnitude(expr: sp.Expr, values: dict[sp.Symbol, object]) -> Number:
    """The value of a smooth expression; infinite, or the bound of a wave, where it would not fit in memory.

    Raises `ValueError` at a pole or where the value is undetermined.

    >>> x = sp.Symbol("x", real=True)
    >>> magnitude(sp.tanh(sp.exp(sp.exp(x))), {x: 10**5})
    mpf('1.0')
    """
    with mpmath.workdps(DIGITS):
        value = _value(expr, {symbol: mpmath.mpmathify(number) for symbol, number in values.items()})
        if mpmath.isnan(value):
            raise ValueError(f"{expr} is undetermined")
        return value


def _value(expr: sp.Expr, values: dict[sp.Symbol, Number]) -> Number:
    if expr in values:
        return values[expr]
    if not expr.args or (expr.is_number and expr.is_Atom) or isinstance(expr, sp.CRootOf):
        return expr.evalf(DIGITS)._to_mpmath(mpmath.mp.prec)
    arguments = [_value(argument, values) for argument in expr.args]
    if expr.func not in _FUNCTIONS:
        raise NoRule(f"the growth of {expr.func.__name__}", "functions of the parser", "a formula with those")
    try:
        return mpmath.mpmathify(_FUNCTIONS[expr.func](*arguments))
    except (OverflowError, MemoryError, ZeroDivisionError, TypeError):  # TypeError: the maximum of complex numbers
        raise ValueError(f"{expr.func.__name__} of a number too large, or at a pole") from None


def _bits(number: Number) -> Any:
    """The binary exponent: an integer of any size, or an infinity."""
    return mpmath.mag(number)


def _wave(function: Callable[[Number], Number]) -> Callable[[Number], Number]:
    return lambda phase: function(phase) if _bits(phase) < MAX_PHASE else mpmath.mpf(1)


def _exp(exponent: Number) -> Number:
    if _bits(exponent) < MAX_EXPONENT:
        return mpmath.exp(exponent)
    return mpmath.inf if mpmath.re(exponent) > 0 else mpmath.mpf(0)


def _power(base: Number, exponent: Number) -> Number:
    if _bits(exponent) < 20 and mpmath.isint(exponent):
        return base ** int(exponent)
    if not base:
        return mpmath.mpf(0) if mpmath.re(exponent) > 0 else mpmath.inf
    return _exp(exponent * mpmath.log(base))


def _clamped(function: Callable[[Number], Number], far: int) -> Callable[[Number], Number]:
    """A function that is at its limit, to all digits, from `far` on."""
    return lambda a: function(a) if abs(a) < far else function(mpmath.mpf(far) * mpmath.sign(a))


def _erfc(a: Number) -> Number:
    if abs(a) < 1000:
        return mpmath.erfc(a)
    return mpmath.mpf(2) if mpmath.re(a) < 0 else _exp(-(a**2)) / (a * mpmath.sqrt(mpmath.pi))


def _gamma(a: Number) -> Number:
    if _bits(a) < 64:
        return mpmath.gamma(a)
    return _exp(a * (mpmath.log(a) - 1))  # Stirling, to leading order


def _binomial(n: Number, k: Number) -> Number:
    return _gamma(n + 1) / (_gamma(k + 1) * _gamma(n - k + 1))


_FUNCTIONS: dict[type[sp.Basic], Callable[..., Number]] = {
    sp.Add: lambda *terms: mpmath.fsum(terms),
    sp.Mul: lambda *factors: mpmath.fprod(factors),
    sp.Pow: _power,
    sp.exp: _exp,
    sp.log: mpmath.log,
    sp.sin: _wave(mpmath.sin),
    sp.cos: _wave(mpmath.cos),
    sp.tan: _wave(mpmath.tan),
    sp.sinh: lambda a: (_exp(a) - _exp(-a)) / 2 if abs(a) > 1 else mpmath.sinh(a),
    sp.cosh: lambda a: (_exp(a) + _exp(-a)) / 2,
    sp.tanh: _clamped(mpmath.tanh, 1000),
    sp.erf: _clamped(mpmath.erf, 1000),
    sp.erfc: _erfc,
    sp.gamma: _gamma,
    sp.factorial: lambda a: _gamma(a + 1),
    sp.binomial: _binomial,
    sp.Abs: abs,
    sp.sign: mpmath.sign,
    sp.Heaviside: lambda a, at_zero: (1 + mpmath.sign(a)) / 2,
    sp.Max: max,
    sp.Min: min,
    **{getattr(sp, name): getattr(mpmath, name) for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh")},
}
