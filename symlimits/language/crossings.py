r"""Where a smooth function of one variable changes sign: exactly, or to any number of digits.

Signs on a grid bracket the zeros, and so do the zeros of the derivative: two crossings between neighbours of the grid
are seen, three are not. A zero is tried as a simple fraction, then as the inverse of the function (the artanh of 1/2);
what is left is a `Crossing`, a number known by its equation and a bracket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Any

import mpmath
import sympy as sp

from symlimits.errors import FormulaError, NoRule
from symlimits.language.magnitude import magnitude
from symlimits.language.tree import register

MOST = 40  # crossings of one function: more are a wave
NEAR = 10**6  # halvings leave a bracket of a grid cell over this, from where a secant finds its way
GUARD = 10  # decimal digits
SIMPLE = 1000  # the largest denominator of a fraction that is tried
FAR = (10**3, 10**5)
variable = sp.Symbol("x_at_crossing", real=True)  # bound in a Crossing

_LINEAR = [sp.Rational(k, 8) for k in range(-96, 97)]
_OUTER = [sign * sp.Rational(12 * 5**k, 4**k).limit_denominator(64) for sign in (-1, 1) for k in range(1, 48)]
_INNER = [sign * sp.Rational(1, 2**k) for sign in (-1, 1) for k in range(4, 40)]
GRID = sorted({*_LINEAR, *_OUTER, *_INNER})
PHASES = [far + sp.Rational(k, 5) for far in FAR for k in range(-16, 17)]
_INVERSES: dict[type[sp.Basic], Callable[[sp.Expr], sp.Expr]] = {
    sp.exp: sp.log, sp.log: sp.exp, sp.tanh: sp.atanh, sp.sinh: sp.asinh, sp.asinh: sp.sinh, sp.atan: sp.tan
}  # fmt: skip


@register
class Crossing(sp.Expr):
    """The zero of a function between two rational numbers, at which it has different signs.

    >>> at = crossings(sp.exp(variable) - variable - 2, variable)[1]
    >>> at.evalf(30)
    1.14619322062058258523706102852
    """

    is_number, is_Atom, is_commutative = True, True, True
    is_real = is_extended_real = is_finite = is_complex = True

    def __new__(cls, function: sp.Expr, low: sp.Expr, high: sp.Expr) -> Crossing:
        function, low, high = (sp.sympify(part) for part in (function, low, high))
        if not (low.is_Rational and high.is_Rational and low < high and function.free_symbols <= {variable}):
            raise FormulaError(f"a zero of {function} from {low} to {high}", f"a function of {variable}", "a < b")
        return sp.Expr.__new__(cls, function, low, high)

    @property
    def free_symbols(self) -> set[sp.Symbol]:
        """None: the variable is bound."""
        return set()

    def _eval_evalf(self, prec: int) -> sp.Expr:
        return sp.Float._new(_root(self, prec)._mpf_, prec)

    def _eval_subs(self, old: sp.Basic, new: sp.Basic) -> sp.Expr:
        return self

    def _eval_derivative(self, symbol: sp.Symbol) -> sp.Expr:
        return sp.S.Zero

    def _eval_is_positive(self) -> bool:
        return bool(self.evalf(15) > 0)

    def _eval_is_negative(self) -> bool:
        return bool(self.evalf(15) < 0)

    def _sympystr(self, printer: Any) -> str:
        return str(self.evalf(15))

    def _latex(self, printer: Any) -> str:
        return rf"{sp.Float(self.evalf(10), 10)}\ldots"

    def _code(self, printer: Any) -> str:
        return repr(float(self.evalf(20)))

    _numpycode = _scipycode = _pythoncode = _code

    def _mpmathcode(self, printer: Any) -> str:
        return f"mpf('{self.evalf(mpmath.mp.dps + GUARD)}')"


@lru_cache(maxsize=256)
def _root(at: Crossing, prec: int) -> Any:
    function, low, high = at.args
    with mpmath.workprec(prec + 4 * GUARD):
        compiled = sp.lambdify(variable, function, "mpmath")
        ends = [mpmath.mpf(int(end.p)) / int(end.q) for end in (low, high)]
        return mpmath.findroot(lambda t: mpmath.re(compiled(t)), ends, solver="anderson", verify=False, maxsteps=60)


@lru_cache(maxsize=256)
def crossings(function: sp.Expr, x: sp.Symbol) -> tuple[sp.Expr, ...]:
    """The points where a smooth function of x alone changes sign, in order.

    Raises `NoRule` for a function with other symbols, and for one that changes sign without end.

    >>> x = sp.Symbol("x", real=True)
    >>> crossings(sp.exp(x) - 1, x), crossings(sp.tanh(x) - sp.Rational(1, 2), x)
    ((0,), (atanh(1/2),))
    """
    if function.free_symbols != {x}:
        raise NoRule(f"a kink where {function} = 0", "a condition in x alone", "numbers instead of symbols")
    points = sorted({*GRID, *_turns(function, x)})
    found = tuple(_exactly(function, x, low, high) for low, high in _brackets(function, x, points))
    if len(found) > MOST or any(_is_wave(function, x, side) for side in (-1, 1)):
        wanted = "a condition that changes sign finitely often"
        raise NoRule(f"a kink wherever {function} = 0, without end", wanted, "a function with few kinks")
    return found


def _turns(function: sp.Expr, x: sp.Symbol) -> list[sp.Rational]:
    """Points beside which the function turns back."""
    slope = function.diff(x)
    return [(low + high) / 2 for low, high in _brackets(slope, x, GRID)] if slope.has(x) else []


def _sign(function: sp.Expr, x: sp.Symbol, at: sp.Expr) -> int:
    try:
        return int(mpmath.sign(mpmath.re(magnitude(function, {x: at}))))
    except ValueError:  # a pole
        return 0


def _brackets(function: sp.Expr, x: sp.Symbol, points: Iterable[sp.Rational]) -> list[tuple[sp.Rational, sp.Rational]]:
    """Narrow intervals across which the sign changes; what lies at a point of the grid is inside of one."""
    known = [(at, sign) for at in points if (sign := _sign(function, x, at))]
    return [_narrowed(function, x, a, b, s) for (a, s), (b, t) in pairwise(known) if s != t]


def _narrowed(function: sp.Expr, x: sp.Symbol, a: sp.Rational, b: sp.Rational, sign: int) -> Any:
    least = (b - a) / NEAR
    while b - a > least:
        middle = (a + b) / 2
        here = _sign(function, x, middle)
        if here == 0:  # at the point itself, as far as 30 digits see: cut beside it
            middle += (b - a) / 7
            here = _sign(function, x, middle)
            if here == 0:
                break
        a, b = (middle, b) if here == sign else (a, middle)
    return a, b


def _exactly(function: sp.Expr, x: sp.Symbol, low: sp.Rational, high: sp.Rational) -> sp.Expr:
    """The zero in a bracket: a simple fraction, the inverse of the function, or its equation."""
    near = sp.Rational((low + high) / 2).limit_denominator(SIMPLE)
    for simple in (sp.S.Zero, near):
        if low <= simple <= high and sp.expand(function.subs(x, simple)) == 0:
            return simple
    inverse = _inverse(function, x)
    if inverse is not None and inverse.is_real and low <= inverse.evalf(30) <= high:
        return inverse
    return Crossing(function.xreplace({x: variable}), low, high)


def _inverse(function: sp.Expr, x: sp.Symbol) -> sp.Expr | None:
    """The x of a + b f(c + d x) = 0, for a function f that is inverted by another."""
    value: sp.Expr = sp.S.Zero
    while function != x:
        rest, term = function.as_independent(x, as_Add=True)
        factor, inner = term.as_independent(x, as_Add=False)
        value = (value - rest) / factor
        if inner == x:
            return value
        if inner.func not in _INVERSES:
            return None
        function, value = inner.args[0], _INVERSES[inner.func](value)
    return value


def _is_wave(function: sp.Expr, x: sp.Symbol, side: int) -> bool:
    """Whether both signs are met far out."""
    return len({_sign(function, x, side * at) for at in PHASES} - {0}) > 1
