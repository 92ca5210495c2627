"""The size of a constant, a power or a function before SymPy computes it, and whether it is real.

SymPy multiplies out every power of numbers, factors what stands under a root and compares the
arguments of a maximum pair by pair. What would not end, or not fit, is found here beforehand.
"""

from __future__ import annotations

import math

import sympy as sp
from sympy.core.evalf import PrecisionExhausted

from symlimits.language.names import brief

MAX_POWER = 1000  # decimal digits that one power may have
MAX_ROOT = 100  # digits under a root, which SymPy tries to factor
MAX_DIGITS = 3000  # decimal digits of any constant: 1000! fits
MAX_EXPONENT = 100  # of a symbol
MAX_DEGREE = 100_000  # of powers of powers
MANY = 10**9  # terms: nobody counts on
MAX_ALTERNATIVES = 12  # of a Max or Min, which SymPy compares pair by pair
NOT_REAL = (sp.I, sp.nan, sp.zoo, sp.oo, -sp.oo)
UNFINISHED = (sp.Integral, sp.Sum, sp.Derivative)  # never computed at the door
# The largest argument: exp(y log 2) is 2**y, which SymPy multiplies out; the others just grow fast.
MAX_ARGUMENT = dict.fromkeys((sp.exp, sp.sinh, sp.cosh, sp.erfc), 2302) | dict.fromkeys(
    (sp.gamma, sp.factorial, sp.binomial), 1000
)
# sin(acos(y)) is sqrt(1 - y**2), for all of these pairs.
_WAVES = (sp.sin, sp.cos, sp.tan, sp.sinh, sp.cosh, sp.tanh)
_INVERSES = (sp.asin, sp.acos, sp.atan, sp.asinh, sp.acosh, sp.atanh)


def overgrown(head: object, args: tuple[sp.Expr, ...]) -> str | None:
    """Why `head(*args)` would be too large to compute, or None if it is not.

    >>> overgrown(sp.Pow, (sp.Integer(9), sp.Integer(9) ** 9))
    'a power of more than 1000 digits'
    """
    if head is sp.Pow:
        return _overgrown_power(*args)
    if head in (sp.Max, sp.Min) and sum(len(a.args) if a.func is head else 1 for a in args) > MAX_ALTERNATIVES:
        return f"more than {MAX_ALTERNATIVES} arguments"
    if head is sp.binomial and is_constant(args[0]) and not args[0].is_Rational:
        return "a binomial of an irrational number"  # which SymPy multiplies out
    if head in _WAVES and isinstance(args[0], _INVERSES) and digits(args[0].args[0]) > MAX_ROOT / 2:
        return f"a root of more than {MAX_ROOT} digits"
    largest = MAX_ARGUMENT.get(head, 10**MAX_DIGITS)
    if any(size > largest for argument in args for size in _coefficients(argument)):
        return f"an argument over {largest}" if head in MAX_ARGUMENT else f"a number of more than {MAX_DIGITS} digits"
    return None


def is_constant(expr: sp.Basic) -> bool:
    """Whether an expression is a number that can be computed at once (no integral, no sum).

    >>> is_constant(sp.sqrt(2) + 1), is_constant(sp.Symbol("x"))
    (True, False)
    """
    return bool(getattr(expr, "is_number", False)) and not expr.has(*UNFINISHED)


def expanded_size(expr: sp.Expr) -> int:
    """A bound on the number of terms that `expr.expand()` would have; `MANY` stands for more.

    >>> x = sp.Symbol("x")
    >>> expanded_size((1 + x + sp.exp(x)) ** 90), expanded_size((1 + x) * sp.sin(x))
    (4186, 2)
    """
    if expr.is_Add:
        return min(MANY, sum(map(expanded_size, expr.args)))
    if expr.is_Mul:
        return min(MANY, math.prod(map(expanded_size, expr.args)))
    if expr.is_Pow and expr.exp.is_Integer and expr.exp > 1:
        base = expanded_size(expr.base)
        return MANY if MANY in (base, min(MANY, expr.exp)) else min(MANY, _choices(base, int(expr.exp)))
    return max(map(expanded_size, expr.args), default=1) if expr.is_Function else 1


def _choices(kinds: int, count: int) -> int:
    """Ways to choose `count` factors of so many kinds: two of either are too many where one is large."""
    few, many = sorted((kinds - 1, count))
    return MANY if few > 1 and many**2 > 2 * MANY else math.comb(few + many, few)


def _degree(expr: sp.Expr) -> int:
    """A bound on the degree of a polynomial in its symbols and functions; powers of powers multiply."""
    if expr.is_Pow and expr.exp.is_Integer:
        return abs(int(expr.exp)) * _degree(expr.base)
    if expr.is_Mul:
        return sum(map(_degree, expr.args))
    return max(map(_degree, expr.args)) if expr.is_Add else int(not expr.is_number)


def _coefficients(expr: sp.Expr) -> list[sp.Expr]:
    """The sizes of the constants in a sum: of its numbers, and of the coefficients of its symbols."""
    if is_constant(expr):
        return [_size(expr)]
    return [_size(term if is_constant(term) else term.as_coeff_Mul()[0]) for term in sp.Add.make_args(expr)]


def _size(constant: sp.Expr) -> sp.Expr:
    """The absolute value of a constant, to a few digits; zero if it cannot be computed."""
    value = abs(constant if constant.is_Rational else constant.evalf(15))
    return value if value.is_Rational or value.is_Float else sp.Integer(0)


def digits(base: sp.Expr) -> float:
    """The number of decimal digits that a first power of `base` has: its own, or its coefficient's."""
    number = base if is_constant(base) else base.as_coeff_Mul()[0]
    if number.is_Rational:
        return math.log10(max(abs(number.p), number.q))
    size = _size(number)
    return abs(float(sp.log(size, 10))) if size else 0.0


def _overgrown_power(base: sp.Expr, exponent: sp.Expr) -> str | None:
    length, sizes = digits(base), _coefficients(exponent)
    if length and any(size > MAX_POWER / length for size in sizes):
        return f"a power of more than {MAX_POWER} digits"
    if length > MAX_ROOT and not exponent.is_Integer:
        return f"a root of more than {MAX_ROOT} digits"
    if not is_constant(base) and any(size > MAX_EXPONENT for size in sizes):
        return f"an exponent over {MAX_EXPONENT}"
    if exponent.is_Integer and abs(exponent) * _degree(base) > MAX_DEGREE:
        return f"a degree over {MAX_DEGREE}"
    return None


def unreal(expr: sp.Expr) -> str | None:
    """Why an expression is no finite real number, or None if it may be one."""
    if expr.has(*NOT_REAL):
        return f"the value {brief(expr)}"
    if is_constant(expr) and not expr.is_Rational:
        try:
            value = expr.evalf(15, strict=True)
        except PrecisionExhausted:
            return "a constant that cannot be told from zero"
        if not (value.is_Float or value.is_Rational):
            return f"the value {brief(value)}"
    return None


def swollen(expr: sp.Expr) -> str | None:
    """Why what SymPy made of small parts is too large, or None if it is not."""
    numbers = [expr, *expr.atoms(sp.Rational)] if is_constant(expr) else expr.atoms(sp.Rational)
    if any(digits(number) > MAX_DIGITS for number in numbers):
        return f"a number of more than {MAX_DIGITS} digits"
    return next(filter(None, (overgrown(power.func, power.args) for power in expr.atoms(sp.Pow, sp.exp))), None)
