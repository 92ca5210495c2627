"""Proved values: a line at a point, enclosed by Arb's ball arithmetic (python-flint, the extra `rigorous`).

Every operation rounds outwards, so that the radius is a theorem and no estimate. What is enclosed: numbers, elementary
and special functions, recursions of them, and integrals over an interval (Petras 2002; Johansson 2018, with the bounds
of analytic functions on complex balls). Gaussian expectations, whose tails have no bound of that kind, are not.

Roots and arcsines are real at every point of a domain: where rounding carries a ball beyond the end, what lies beyond
is cut off; where all of it lies beyond, the point is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from functools import reduce, singledispatch
from operator import add, mul
from typing import Any, NamedTuple

import sympy as sp
from mpmath import mp, mpf

from symlimits.errors import DomainError, NoRule, UnboundSymbol
from symlimits.language.block import shape
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.formula import exact
from symlimits.language.integral import LineIntegral
from symlimits.language.recursion import Recursion, recalled
from symlimits.language.straight_line import StraightLine
from symlimits.reading import line
from symlimits.reading.ring import Ring
from symlimits.reading.straight_line import run

BITS_PER_DIGIT = 3.3219281
GUARD = 12  # digits of the first attempt beyond those asked for
ATTEMPTS = 7  # each with twice the digits: roots near zero lose half of them, layer by layer
HIGHEST = 2**20  # of the line that an integral is taken over
LINE_EVALUATIONS = 2000  # of a line integral: high powers of Gamma functions have wide balls, and no narrow one
EVALUATIONS = 20_000  # of an integrand; a smooth one takes some hundreds

Numbers = Mapping[sp.Symbol, Any]  # exact numbers, or balls


class Ball(NamedTuple):
    """The real numbers within `radius` of `midpoint`, the true value among them."""

    midpoint: mpf
    radius: mpf


def ball(expr: sp.Expr, values: Mapping[sp.Symbol, object] | None = None, digits: int = 30) -> Ball:
    """A proved enclosure of `expr` at exact numbers, its radius at most 10^-digits of its size (or of one, near zero).

    Raises `NoRule` for what has no enclosure, or none so narrow, and without python-flint.

    >>> x = sp.Symbol("x", real=True)
    >>> found = ball(sp.asin(x) + sp.erf(x), {x: "1/2"}, digits=20)
    >>> mp.nstr(found.midpoint, 15), found.radius < 1e-20
    ('1.04409865341135', True)
    """
    point = {symbol: exact(value, str(symbol)) for symbol, value in (values or {}).items()}
    for attempt in range(2 if expr.has(sp.Integral, LineIntegral) else ATTEMPTS):
        wanted = int((digits + GUARD) * 2**attempt * BITS_PER_DIGIT)
        with _precision(wanted) as flint:
            found = _real(expr, point)
            size = max(abs(found.mid()), flint.arb(1) if found.contains(0) else flint.arb(0))
            if found.is_finite() and found.rad() <= size * flint.arb(10) ** -digits:
                return Ball(_to_mpf(found.mid()), _to_mpf(found.rad()))
    raise NoRule(f"a ball of {expr}", f"a radius below 1e-{digits}", "fewer digits, or `.reference(...)`")


def proved(expr: sp.Expr, values: Mapping[sp.Symbol, object], digits: int) -> Ball | None:
    """`ball`, or None where there is none."""
    if expr.has(GaussianExpectation):
        return None
    with suppress(NoRule):
        return ball(expr, values, digits)
    return None


SMALL = (0, 60, 330)  # more digits, where a ball holds zero: the last are more than a float has


def narrow(expr: sp.Expr, values: Mapping[sp.Symbol, object], digits: int) -> Ball | None:
    """`proved` with digits of the value, however small it is, or within 10^-330 of zero."""
    found = None
    for more in SMALL:
        found = proved(expr, values, digits + more)
        if found is None or abs(found.midpoint) > found.radius * mpf(10) ** (digits - 2):
            break
    return found


@contextmanager
def _precision(bits: int) -> Any:
    """flint at a precision, put back afterwards."""
    try:
        import flint  # optional
    except ImportError:
        given = "a proved ball without python-flint"
        raise NoRule(given, "the package python-flint", "pip install 'symlimits[rigorous]'") from None
    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        yield flint
    finally:
        flint.ctx.prec = before


def _to_mpf(number: Any) -> mpf:
    mantissa, exponent = number.man_exp()
    with mp.workprec(max(53, int(mantissa).bit_length())):
        return mp.ldexp(mpf(int(mantissa)), int(exponent))


# ------------------------------------------------------------------ real balls


@singledispatch
def _real(expr: sp.Basic, numbers: Numbers) -> Any:
    """The enclosure of a real expression."""
    rule = _ENTIRE.get(expr.func) or _CUT.get(expr.func)
    if rule is None or len(expr.args) != 1:
        raise NoRule(f"a ball of {expr.func.__name__}", "elementary functions, erf, gamma, integrals", "`.reference`")
    return _cut(expr.func, _real(expr.args[0], numbers), expr)


def _cut(function: Any, argument: Any, expr: sp.Expr) -> Any:
    """A function of a real ball; arcsines and arccosines of what rounding carried beyond one."""
    if function in (sp.asin, sp.acos):
        if abs(argument) > 1:
            raise DomainError(f"{expr}, at a point where the argument exceeds one", "a real value", "a point inside")
        return _between_ends(_CUT[function], argument)
    return (_ENTIRE.get(function) or _CUT[function])(argument)


def _between_ends(monotone: Callable[[Any], Any], argument: Any) -> Any:
    """A monotone function on [-1, 1] of the part of a ball that lies there."""
    low, high = (monotone(end.max(-1).min(1)) for end in (argument.lower(), argument.upper()))
    return low.union(high)


@_real.register
def _(expr: sp.Symbol, numbers: Numbers) -> Any:
    if expr not in numbers:
        raise UnboundSymbol(f"{expr} without a value", "a number for every symbol", f"bind({expr}=...)")
    number = numbers[expr]
    return _real(number, {}) if isinstance(number, sp.Expr) else number


@_real.register
def _(expr: sp.Rational, numbers: Numbers) -> Any:
    from flint import arb, fmpq

    return arb(fmpq(int(expr.p), int(expr.q)))


@_real.register
def _(expr: sp.Float, numbers: Numbers) -> Any:
    return _real(sp.Rational(expr), numbers)  # the binary number itself


@_real.register
def _(expr: sp.NumberSymbol, numbers: Numbers) -> Any:
    from flint import arb

    constants = {sp.pi: arb.pi, sp.E: arb.const_e, sp.EulerGamma: arb.const_euler, sp.Catalan: arb.const_catalan}
    if expr not in constants:
        raise NoRule(f"a ball of {expr}", "pi, E, EulerGamma or Catalan", "`.reference(...)`")
    return constants[expr]()


@_real.register
def _(expr: sp.Add, numbers: Numbers) -> Any:
    return reduce(add, (_real(term, numbers) for term in expr.args))


@_real.register
def _(expr: sp.Mul, numbers: Numbers) -> Any:
    return reduce(mul, (_real(factor, numbers) for factor in expr.args))


@_real.register
def _(expr: sp.Pow, numbers: Numbers) -> Any:
    if expr.exp.is_Integer:
        return _real(expr.base, numbers) ** int(expr.exp)
    base = _nonnegative(_real(expr.base, numbers), expr)
    if (2 * expr.exp).is_Integer:
        return base.sqrt() ** int(2 * expr.exp)
    return base ** _real(expr.exp, numbers)


def _nonnegative(base: Any, expr: sp.Expr) -> Any:
    if base < 0:
        raise DomainError(f"{expr}, at a point where the base is negative", "a real value", "a point inside")
    return base.nonnegative_part()


@_real.register
def _(expr: sp.Max, numbers: Numbers) -> Any:
    return reduce(lambda a, b: a.max(b), (_real(argument, numbers) for argument in expr.args))


@_real.register
def _(expr: sp.Min, numbers: Numbers) -> Any:
    return reduce(lambda a, b: a.min(b), (_real(argument, numbers) for argument in expr.args))


@_real.register
def _(expr: sp.Abs, numbers: Numbers) -> Any:
    return abs(_real(expr.args[0], numbers))


@_real.register
def _(expr: Recursion, numbers: Numbers) -> Any:
    """States go from layer to layer as balls; exact where they are rational: a correlation of one stays one."""
    blocks = [(maps, count.subs(numbers)) for maps, count in expr.blocks]
    state = {s: _exact_or_ball(start, numbers) for s, start in zip(expr.states, expr.start, strict=True)}
    past: list[Numbers] = []
    for layer in expr.func(expr.states, expr.start, blocks, expr.output).repeated():
        past.append(state)
        maps, earlier = recalled(layer, past)
        known = {line: _exact_or_ball(line, {**numbers, **state, **earlier}) for line in set(maps)}
        state = {s: known[line] for s, line in zip(expr.states, maps, strict=True)}
    return _real(expr.output, state)


@_real.register
def _(expr: StraightLine, numbers: Numbers) -> Any:
    """Statements in their order, over balls."""
    if shape(expr.output) is not None:
        raise NoRule(f"a ball of the matrix {expr.output}", "a number", "Entry(A, 0, 0)")
    ring = Ring("balls", lambda number: _real(number, {}), _real)
    return run(expr, ring, {symbol: numbers[symbol] for symbol in expr.free_symbols})[expr.output]


def _exact_or_ball(line: sp.Expr, numbers: Numbers) -> Any:
    known = {symbol: numbers[symbol] for symbol in line.free_symbols}
    if all(isinstance(number, sp.Rational) for number in known.values()):
        exactly = line.subs(known, simultaneous=True)
        if exactly.is_Rational:
            return exactly
    return _real(line, numbers)


@_real.register
def _(expr: sp.Integral, numbers: Numbers) -> Any:
    """An integral over an interval, by Arb's adaptive rule with proved bounds."""
    from flint import acb

    if len(expr.limits) != 1 or len(expr.limits[0]) != 3:
        raise NoRule(f"a ball of {expr}", "one integral from one number to another", "an integral for each variable")
    variable, low, high = expr.limits[0]
    others = {symbol: acb(_real(symbol, numbers)) for symbol in expr.free_symbols}

    def integrand(z: Any, analytic: bool) -> Any:
        return _complex(expr.function, {**others, variable: z}, analytic)

    found = acb.integral(integrand, acb(_real(low, numbers)), acb(_real(high, numbers)), eval_limit=EVALUATIONS)
    return found.real


@_real.register
def _(expr: LineIntegral, numbers: Numbers) -> Any:
    """From the saddle upwards by Arb's rule to a height Y, and a proved bound of the rest."""
    from flint import acb, arb, ctx

    point = {s: numbers[s] for s in expr.free_symbols}
    if not all(isinstance(number, sp.Expr) for number in point.values()):
        raise NoRule(f"a ball of {expr} at balls", "exact numbers", "`.reference(...)`")
    head = expr.subs(point, simultaneous=True)
    w, c, height = head.variable, line.saddle(head), sp.Integer(4)

    def integrand(z: Any, analytic: bool) -> Any:
        return _complex(head.integrand, {w: z}, analytic)

    start = acb(_real(c, {}))
    peak = abs(integrand(start, False))
    while True:
        rate = sum((_decay(factor, w, c, height) for factor in sp.Mul.make_args(head.integrand)), arb(0))
        end = start + acb(0, _real(height, {}))
        rest = abs(integrand(end, False)) / rate
        if rate > 0 and rest < peak * arb(2) ** (-ctx.prec):
            break
        if height > HIGHEST:
            raise NoRule(f"a ball of {expr}", "an integrand that falls off", "`.reference(...)`")
        height *= 2
    small = peak.upper() * arb(2) ** (-ctx.prec)  # in the default, one in place of the peak: no digits of a far tail
    found = acb.integral(integrand, start, end, abs_tol=small, eval_limit=LINE_EVALUATIONS).imag
    return (found + arb(0, rest.upper())) / arb.pi()


def _decay(factor: sp.Expr, w: sp.Symbol, c: sp.Expr, height: sp.Expr) -> Any:
    r"""A lower bound of $-\partial_y\log|f(c + iy)|$ for all y above the height.

    Of Gamma(sigma + iy), sigma > 0: $\mathrm{Im}\,\psi = \sum_n y/((n + \sigma)^2 + y^2) \ge \arctan(y/\sigma)$, the
    integral in place of the sum.
    """
    from flint import arb

    base, power = (sp.E, factor.exp) if isinstance(factor, sp.exp) else factor.as_base_exp()
    if not factor.has(w):
        return arb(0)
    if not base.has(w):
        exponent = sp.Poly(sp.expand(power * sp.log(base)), w)
        square = exponent.coeff_monomial(w**2)
        if exponent.degree() <= 2 and square >= 0:
            return _real(2 * square * height, {})
    argument = _gamma_argument(base)
    if argument is not None and power.is_positive and sp.expand(argument).coeff(w) in (1, -1):
        sigma = _real(argument.subs(w, c), {})
        if sigma > 0:
            return _real(power, {}) * (_real(height, {}) / sigma).atan()
    if power.is_negative and base.is_polynomial(w) and sp.degree(base, w) == 1:
        return arb(0)
    raise NoRule(f"a bound of {factor} far up", "Gamma functions and exponentials of squares", "`.reference(...)`")


def _gamma_argument(base: sp.Expr) -> sp.Expr | None:
    """z where the base is Gamma(z) up to a constant."""
    if isinstance(base, sp.RisingFactorial):
        return base.args[0] + base.args[1]
    return base.args[0] + int(base.func is sp.factorial) if isinstance(base, sp.gamma | sp.factorial) else None


# --------------------------------------------------------------- complex balls


def _complex(expr: sp.Basic, numbers: Numbers, analytic: bool) -> Any:
    """The enclosure on a complex ball; not finite where `analytic` is asked for and not proved."""
    from flint import acb

    if not expr.free_symbols:
        return acb(_real(expr, {}))
    match expr:
        case sp.Symbol():
            return numbers[expr]
        case sp.Add() | sp.Mul():
            operation = add if isinstance(expr, sp.Add) else mul
            return reduce(operation, (_complex(part, numbers, analytic) for part in expr.args))
        case sp.Pow():
            return _complex_power(expr, numbers, analytic)
        case sp.RisingFactorial():
            x, v = (_complex(part, numbers, analytic) for part in expr.args)
            return (x + v).gamma() / x.gamma()
        case sp.factorial():
            return (1 + _complex(expr.args[0], numbers, analytic)).gamma()
    if len(expr.args) != 1:
        raise _not_analytic(expr)
    return _complex_function(expr, _complex(expr.args[0], numbers, analytic), analytic)


def _complex_function(expr: sp.Expr, argument: Any, analytic: bool) -> Any:
    from flint import acb

    if expr.func in _ENTIRE:
        return _ENTIRE[expr.func](argument)
    if expr.func is sp.log:
        return argument.log(analytic=analytic)
    if expr.func in (sp.asin, sp.acos):  # cut along the real axis, beyond one on both sides
        free = not argument.imag.contains(0) or abs(argument.real) < 1
        return _CUT[expr.func](argument) if free or not analytic else acb("nan")
    raise _not_analytic(expr)


def _not_analytic(expr: sp.Expr) -> NoRule:
    return NoRule(f"a ball of {expr.func.__name__} inside an integral", "analytic functions", "`.reference(...)`")


def _complex_power(expr: sp.Pow, numbers: Numbers, analytic: bool) -> Any:
    base = _complex(expr.base, numbers, analytic)
    if expr.exp.is_Integer:
        return base ** int(expr.exp)
    if (2 * expr.exp).is_Integer:
        return base.sqrt(analytic=analytic) ** int(2 * expr.exp)
    return base.pow(_complex(expr.exp, numbers, analytic), analytic=analytic)


def _method(name: str) -> Callable[[Any], Any]:
    return lambda argument: getattr(argument, name)()


# analytic on the whole plane, or with poles alone, which give balls that are not finite
_ENTIRE: dict[Any, Callable[[Any], Any]] = {
    getattr(sp, name): _method(name)
    for name in ["exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "erf", "erfc", "erfi", "gamma"]
}
# with cuts, where a real ball beyond the end of the domain is not finite
_CUT: dict[Any, Callable[[Any], Any]] = {
    getattr(sp, name): _method(name) for name in ["log", "asin", "acos", "atan", "asinh", "acosh", "atanh"]
} | {sp.loggamma: _method("lgamma"), sp.digamma: _method("digamma")}
