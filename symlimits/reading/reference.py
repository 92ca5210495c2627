"""The reference reading: the value of an expression at a point, to any number of digits.

This is the truth that lines and compiled kernels are compared with. It shares no formula with
the derivations: expectations are integrated numerically, recursions are iterated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from mpmath import mp, mpf

from symlimits.errors import DomainError, NoRule, UnboundSymbol
from symlimits.language.algebraic_decay import AlgebraicDecay
from symlimits.language.continuous_depth import ContinuousDepth
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.formula import exact
from symlimits.language.initial_value import InitialValue
from symlimits.language.integral import LineIntegral
from symlimits.language.pixels import PixelProduct
from symlimits.language.product import ProductExpectation
from symlimits.language.recursion import Recursion, recalled
from symlimits.language.spherical import SphericalIntegral
from symlimits.language.straight_line import StraightLine
from symlimits.language.substitution import valued
from symlimits.reading import quadrature_double
from symlimits.reading.algebraic_decay import algebraic_decay
from symlimits.reading.continuous_depth import continuous_depth_value
from symlimits.reading.dirac import without_masses
from symlimits.reading.initial_value import lambdified, merged, solved
from symlimits.reading.legendre import nodes
from symlimits.reading.line import line_integral
from symlimits.reading.product import product_mean
from symlimits.reading.quadrature import GUARD, converge, gaussian_mean
from symlimits.reading.ring import Ring
from symlimits.reading.spherical import spherical_integral
from symlimits.reading.straight_line import run

HEADS = (
    *(GaussianExpectation, ProductExpectation, Recursion, StraightLine, InitialValue, ContinuousDepth),
    *(sp.Integral, LineIntegral, SphericalIntegral, AlgebraicDecay),
)
Values = Mapping[sp.Symbol, sp.Expr]
MORE_DIGITS = (3, 4, 8, 16)  # times those asked for, where a straight line cancels
LONGEST = 20  # digits of a fraction, over those asked for: a longer one is rounded


def reference(expr: sp.Expr, values: Values | None = None, digits: int = 30) -> mpf:
    """The value of `expr` with exact numbers (or expressions) put in for its symbols.

    Floats count as the decimals they print as. Works with guard digits, twice as many where
    square roots meet zero at the ends of a domain; an expectation E f is right relative to E|f|.
    Raises `UnboundSymbol` for a symbol without a value, `DomainError` where the value is not a
    finite real number and `NoRule` where the digits are not reached.

    >>> c = sp.Symbol("c", real=True)
    >>> mp.nstr(reference(6 * sp.asin(c), {c: sp.Rational(1, 2)}, digits=30), 30)
    '3.14159265358979323846264338328'
    """
    if not expr.is_commutative:
        raise DomainError(f"the matrix {str(expr)[:80]}", "a number", "matrix_value, or Entry(A, 0, 0) of a block")
    if expr.has(PixelProduct):
        raise NoRule("the value of a kernel of images at no images", "two images", "sl.nngp(net).reference(x, z)")
    values = {symbol: exact(value, str(symbol)) for symbol, value in (values or {}).items()}
    inside = set().union(*(value.free_symbols for value in values.values()))
    missing = sorted(str(symbol) for symbol in (expr.free_symbols - set(values)) | inside)
    if missing:
        given = f"{', '.join(missing)} without a value"
        raise UnboundSymbol(given, "a number for every symbol", f"bind({missing[0]}=...)")
    masses = {head: without_masses(head) for head in expr.atoms(GaussianExpectation) if head.has(sp.DiracDelta)}
    with mp.workdps(digits + GUARD + 4):
        result = _value(expr.xreplace(masses), values)
    with mp.workdps(digits):
        return +result


@singledispatch
def _value(expr: sp.Expr, values: Values) -> mpf:
    """Put in the numbers; heads inside the expression are valued first."""
    heads = _outermost(expr)
    known = {head: _to_float(_value(head, values)) for head in heads}
    inside = expr.xreplace(known)
    try:
        number = valued(inside, values)
    except ValueError:  # SymPy takes roots of large rationals apart into factors, and fails at some
        with mp.workdps(2 * mp.dps):  # numbers in place of fractions: roots near zero lose half of the digits
            number = inside.evalf(mp.dps, subs=values)
    return _real_number(number, expr)


@_value.register
def _(expr: GaussianExpectation, values: Values) -> mpf:
    if isinstance(expr.integrand, StraightLine):
        given = f"digits of an expectation over {len(expr.variables)} variables of a program"
        raise NoRule(given, "a function of one or two variables", "`.evaluate(...)`, which samples")
    with mp.workdps(2 * mp.dps):  # near a correlation of one the determinant loses half of them
        covariance = [[_value(entry, values) for entry in row] for row in expr.covariance.tolist()]
    bound = {symbol: value for symbol, value in values.items() if symbol not in expr.variables}
    return gaussian_mean(expr.integrand.subs(bound), expr.variables, covariance)


@_value.register
def _(expr: Recursion, values: Values) -> mpf:
    parameters = {symbol: value for symbol, value in values.items() if symbol not in expr.states}
    state = {s: e.subs(values, simultaneous=True) for s, e in zip(expr.states, expr.start, strict=True)}
    bound = expr.func(expr.states, expr.start, [(layers, n.subs(values)) for layers, n in expr.blocks], expr.output)
    # closed forms lose half their digits near a correlation of one; expectations do not, and digits cost them time
    with mp.workdps(mp.dps if _outermost(sp.Tuple(*_lines(expr))) else 2 * mp.dps):
        past: list[dict[sp.Symbol, sp.Expr]] = []
        for layer in bound.repeated():
            past.append(state)
            maps, earlier = recalled(layer, past)
            here = parameters | state | earlier
            known: dict[sp.Expr, sp.Expr] = {}
            for line in set(maps):
                known[line] = _exact_or_float(line, here)
            state = {s: known[line] for s, line in zip(expr.states, maps, strict=True)}
        return _value(state[expr.output], {})


def _lines(expr: Recursion) -> list[sp.Expr]:
    return [line for layers, _ in expr.blocks for maps in layers for line in maps]


@_value.register
def _(expr: StraightLine, values: Values) -> mpf:
    """Run with twice the digits, then with more until two runs agree: definitions may cancel.

    Rational numbers stay exact while they are short. Zero is believed where the last run gives it too. Where
    definitions hold expectations, which cost time, twice the digits have to do.
    """
    digits, previous = mp.dps, _straight_value(expr, values, 2 * mp.dps)
    if previous.exact or _outermost(sp.Tuple(*expr.args)):
        return _value(previous.number, {})
    for factor in MORE_DIGITS:
        found = _straight_value(expr, values, factor * digits)
        with mp.workdps(factor * digits):
            value, gap = mpf(found.number), abs(mpf(found.number) - mpf(previous.number))
            least = max(abs(value), mpf(10) ** (-2 * digits))
            if gap <= mpf(10) ** -digits * least and (value or factor == MORE_DIGITS[-1]):
                return value
        previous = found
    raise NoRule(f"the value of {expr}", f"{digits} digits from {MORE_DIGITS[-1] * digits}", "fewer digits")


class _Output(NamedTuple):
    """The output of a straight line, and whether nothing has been rounded."""

    number: sp.Expr
    exact: bool


def _straight_value(expr: StraightLine, values: Values, digits: int) -> _Output:
    known = {symbol: values[symbol] for symbol in expr.free_symbols}
    with mp.workdps(digits):
        numbers = _Numbers()
        output = run(expr, Ring("numbers", numbers.read, numbers.read, settle=numbers.shortened), known)[expr.output]
    if isinstance(output, np.ndarray):
        raise DomainError(f"the matrix {expr.output}", "one of its entries", "Entry(A, 0, 0)")
    return _Output(output, numbers.exact)


class _Numbers:
    """Fractions while they are short, else floats; `exact` says whether there was none of these."""

    def __init__(self) -> None:
        self.exact = True
        self._entries = np.frompyfunc(self.shortened, 1, 1)

    def read(self, expr: sp.Expr, values: Values | None = None) -> sp.Expr:
        number = _exact_or_float(expr, values or {})
        self.exact = self.exact and number.is_Rational
        return number

    def shortened(self, value: Any) -> Any:
        """A number, or the entries of an array: fractions of too many digits as floats."""
        if isinstance(value, np.ndarray):
            return self._entries(value) if value.size else value
        longest = 10 ** (LONGEST * mp.dps)
        if not value.is_Rational or abs(value.p) + value.q <= longest:
            return value
        self.exact = False
        return _to_float(mp.mpf(value.p) / value.q)


@_value.register
def _(expr: LineIntegral, values: Values) -> mpf:
    """The trapezoid rule on the line through the saddle."""
    return line_integral(expr, {s: value for s, value in values.items() if s != expr.variable}, mp.dps - 2)


@_value.register
def _(expr: ProductExpectation, values: Values) -> mpf:
    """Sums over even steps in the logarithms of the layers' factors."""
    return product_mean(expr, {s: value for s, value in values.items() if s != expr.variable}, mp.dps - 2)


@_value.register
def _(expr: SphericalIntegral, values: Values) -> mpf:
    """Trapezoid rules on both lines through their saddles."""
    inside = {s: value for s, value in values.items() if s != expr.variable}
    return spherical_integral(expr, inside, mp.dps - GUARD - 4)


@_value.register
def _(expr: AlgebraicDecay, values: Values) -> mpf:
    """Expectations over one variable are valued once; one that holds the state would need its digits anew each time."""
    inside = {symbol: value for symbol, value in values.items() if symbol != expr.variable}
    heads = _outermost(expr.integrand) | _outermost(expr.image)
    if any(expr.variable in head.free_symbols for head in heads):
        raise NoRule(f"digits of {expr}", "a closed form, or a series of the map", "the rule 'expansion'")
    known = {head: _to_float(_value(head, inside)) for head in heads}
    g, F = (part.xreplace(known).subs(inside, simultaneous=True) for part in (expr.integrand, expr.image))
    observed, image = (sp.lambdify(expr.variable, part, "mpmath") for part in (g, F))
    return algebraic_decay(observed, image, mp.dps - GUARD)


@_value.register
def _(expr: InitialValue, values: Values) -> mpf:
    """The equation integrated, with numbers for the parameters; the output at the point that is reached."""
    inside = {symbol: value for symbol, value in values.items() if symbol not in expr.variables}
    if _outermost(sp.Tuple(expr.output, *expr.velocities)):
        given = f"digits of a motion with the velocities {', '.join(map(str, expr.velocities))[:80]}"
        raise NoRule(given, "velocities with a closed form", "many steps: a recursion with a number for its depth")
    start, time = [_value(x, values) for x in expr.start], _value(expr.time, values)
    moves, asked = ([F.subs(inside) for F in of] for of in (expr.velocities, [expr.output]))
    names = merged(expr.variables, moves, start)
    rows = [row for row in zip(expr.variables, moves, start, strict=True) if row[0] not in names]
    left, moves, start = (list(part) for part in zip(*rows, strict=True))
    velocity, output = (lambdified(left, [F.xreplace(names) for F in of]) for of in (moves, asked))
    return output(solved(velocity, start, time, mp.dps - GUARD))[0]


@_value.register
def _(expr: ContinuousDepth, values: Values) -> mpf:
    """Values at several depths, extrapolated."""
    return continuous_depth_value(expr, values, mp.dps - GUARD)


@_value.register
def _(expr: sp.Integral, values: Values) -> mpf:
    """Tanh-sinh quadrature: it bears the square-root ends of the covariance integrals."""
    if len(expr.limits) != 1:
        raise NoRule(f"the integral {expr}", "one variable", "an integral for each variable")
    s, low, high = expr.limits[0]
    digits = mp.dps
    with mp.workdps(2 * digits):  # a root that is singular at an end must see that very end
        a, b = _value(low, values), mp.inf if high == sp.oo else _value(high, values)
    if a == b:
        return mpf(0)
    if _outermost(expr.function):
        return _smooth_integral(expr.function, s, values, a, b)
    with mp.workdps(2 * digits):
        value, error = mp.quad(_integrand(expr.function, s, values), [a, b], error=True)
    if error > mpf(10) ** (GUARD - digits) * max(1, abs(value)):
        raise NoRule(f"quadrature of {expr}", f"{digits} digits", "fewer digits")
    return value


def _smooth_integral(function: sp.Expr, s: sp.Symbol, values: Values, a: mpf, b: mpf) -> mpf:
    """Gauss-Legendre: few nodes, since each costs an expectation (smooth once Dirac masses are gone)."""
    if mp.dps - GUARD <= quadrature_double.DIGITS:
        try:
            return _in_doubles(function, s, values, a, b)
        except NoRule:
            pass  # too wild for float64: the general way below

    def attempt(n: int) -> tuple[mpf, mpf]:
        rule = nodes([(a, b)], n)
        with mp.workdps(mp.dps + 4):  # noise in the values must not be taken for disagreement
            terms = [w * _value(function, {**values, s: _to_float(t)}) for t, w in rule]
            return mp.fsum(terms), mp.fsum(terms, absolute=True)

    return converge(attempt)


def _in_doubles(function: sp.Expr, s: sp.Symbol, values: Values, a: mpf, b: mpf) -> mpf:
    """The same with every expectation in float64, and two digits less."""
    heads = _outermost(function)
    if not all(isinstance(head, GaussianExpectation) and len(head.variables) == 2 for head in heads):
        raise NoRule(f"float64 values of {heads}", "expectations over pairs", "more digits")

    def at(head: GaussianExpectation, point: Values) -> sp.Expr:
        (p, c), (_, q) = ([float(_value(entry, point)) for entry in row] for row in head.covariance.tolist())
        bound = {symbol: value for symbol, value in point.items() if symbol not in head.variables}
        u, v = head.variables
        return sp.Float(quadrature_double.pair_mean(head.integrand.subs(bound), u, v, p, q, c), 17)

    def attempt(n: int) -> tuple[mpf, mpf]:
        terms = []
        for t, w in nodes([(a, b)], n):
            point = {**values, s: _to_float(t)}
            terms.append(w * _value(function.xreplace({head: at(head, point) for head in heads}), point))
        return mp.fsum(terms), mp.fsum(terms, absolute=True)

    with mp.workdps(quadrature_double.DIGITS - 2 + GUARD):
        return converge(attempt)


def _integrand(function: sp.Expr, s: sp.Symbol, values: Values) -> Callable[[mpf], mpf]:
    number = function.subs({symbol: value for symbol, value in values.items() if symbol != s}, simultaneous=True)
    dummy = sp.Dummy("s")
    compiled = sp.lambdify(dummy, number.subs(s, dummy), "mpmath")
    return lambda t: mp.re(compiled(t))


def _exact_or_float(line: sp.Expr, values: Values) -> sp.Expr:
    """Exact where all numbers are rational (correlations of exactly one stay so), else a float."""
    if not _outermost(line):
        exact = line.subs(values, simultaneous=True)
        if exact.is_Rational:
            return exact
    return _to_float(_value(line, values))


def _outermost(expr: sp.Basic) -> set[sp.Expr]:
    if isinstance(expr, HEADS):
        return {expr}
    return set().union(*(_outermost(arg) for arg in expr.args)) if expr.args else set()


def _to_float(value: mpf) -> sp.Expr:
    return sp.Float._new(mpf(value)._mpf_, mp.prec)


def _real_number(number: sp.Expr, expr: sp.Expr) -> mpf:
    """The real part: rounding leaves the domain of a square root by a trace at rho = 1."""
    if number.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
        raise DomainError(f"{expr}, whose value is {number}", "a finite number", "a point inside the domain")
    value = mp.mpmathify(number.evalf(mp.dps, maxn=10 * mp.dps + 200))
    if abs(mp.im(value)) > mpf(10) ** (-mp.dps // 3) * (1 + abs(value)):
        raise DomainError(f"{expr}, whose value is {mp.nstr(value, 8)}", "a real number", "a point inside the domain")
    return mp.re(value)
