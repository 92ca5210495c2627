"""Where a function of a Gaussian variable has a finite second moment: its growth, its poles, and whether it is real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import mpmath
import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.magnitude import DIGITS, magnitude
from symlimits.language.measure import expanded_size
from symlimits.language.piecewise import MAX_TERMS, Branches

FAR = (10**3, 10**5)  # x where a rate is measured; a wave is caught at one of several phases
PHASES = [sp.Rational(k, 5) for k in range(-16, 17)]
GRID = [sign * sp.Rational(739, 1000) * sp.Integer(2) ** k for sign in (-1, 1) for k in range(-6, 6)]
_BOUNDED = (sp.erf, sp.erfc, sp.sin, sp.cos, sp.tanh, sp.atan)
STEEP = 0.499  # |x|^(-1/2) is the first power whose square is not integrable


def growth(piece: sp.Expr, x: sp.Symbol, side: int) -> sp.Expr:
    """The rate r of exp(r x^2) on one side: exact for sums of polynomial x exponential terms, else measured.

    >>> x = sp.Symbol("x", real=True)
    >>> growth(sp.exp(x**2 / 5) * sp.sin(x), x, 1), growth(sp.cosh(sp.exp(x)), x, 1)
    (1/5, oo)
    """
    if expanded_size(piece) <= MAX_TERMS:
        rates = [_exponent_rate(term, x, side) for term in sp.Add.make_args(sp.expand(piece))]
        if all(rate is not None for rate in rates):
            return sp.Max(0, *rates)
    return sp.S.Zero if _is_slow(piece, x) else _measured_growth(piece, x, side)


def _is_slow(expr: sp.Expr, x: sp.Symbol) -> bool:
    """Whether it is made, by sums and products, of polynomials, bounded functions and exponentials of order one."""
    if expr.is_Add or expr.is_Mul:
        return all(_is_slow(part, x) for part in expr.args)
    if expr.is_Pow and expr.exp.is_Integer and expr.exp > 0:
        return _is_slow(expr.base, x)
    if isinstance(expr, sp.exp | sp.sinh | sp.cosh):
        return bool(expr.args[0].is_polynomial(x)) and sp.degree(expr.args[0], x) <= 1
    return not expr.has(x) or expr == x or isinstance(expr, _BOUNDED)


def check_values(cut: Branches, x: sp.Symbol, name: str) -> None:
    """Raise `DomainError` where a function is not real, or has a pole that no Gaussian integral survives.

    The values are looked at on a grid, the zeros of denominators one by one.
    """
    ends = [-sp.oo, *cut.points, sp.oo]
    for piece, (low, high) in zip(cut.pieces, pairwise(ends), strict=True):
        if piece.free_symbols != {x}:
            continue
        for at in GRID:
            if low < at < high and not _is_real(piece, x, at):
                advice = "a real function, such as Max(x, 0)**(1/2)"
                raise DomainError(
                    f"{name}, which is not real at x = {float(at):.4g}", "a real number at every real x", advice
                )
        for pole in sorted(set(_poles(piece, x)), key=lambda pole: abs(_mp(pole))):
            sides = [side for side, end in ((-1, low), (1, high)) if side * end > side * pole]
            if low <= pole <= high and _steepness(piece, x, pole, sides) >= STEEP:
                given = f"{name}, whose square has no integral at x = {mpmath.nstr(_mp(pole), 6)}"
                raise DomainError(given, "a finite Gaussian second moment", "a function without that pole")


def _is_real(piece: sp.Expr, x: sp.Symbol, at: sp.Expr) -> bool:
    try:
        value = magnitude(piece, {x: at})
    except ValueError:  # a pole, found elsewhere
        return True
    return mpmath.isinf(value) or abs(mpmath.im(value)) <= abs(value) * mpmath.mpf(10) ** (-DIGITS // 2)


def _poles(piece: sp.Expr, x: sp.Symbol) -> Iterator[sp.Expr]:
    """Points where a denominator, or the cosine under a tangent, is zero; a gamma function, infinite."""
    for node in sp.preorder_traversal(piece):
        if not node.has(x):
            continue
        if isinstance(node, sp.Pow) and not node.exp.is_nonnegative:
            yield from _zeros(node.base, x)
        elif isinstance(node, sp.tan):
            yield from _zeros(sp.cos(node.args[0]), x)
        elif isinstance(node, sp.gamma | sp.factorial | sp.binomial):
            yield from _zeros(node.args[0] + (0 if isinstance(node, sp.gamma) else 1), x)
            yield from _zeros(node.args[0] + 2, x)


def _zeros(function: sp.Expr, x: sp.Symbol) -> Iterator[sp.Expr]:
    if function.is_Pow and function.exp.is_positive:
        yield from _zeros(function.base, x)
    elif (
        function.is_polynomial(x) and sp.Poly(function, x).get_domain().is_Exact and expanded_size(function) < MAX_TERMS
    ):
        polynomial = sp.Poly(function, x)
        if polynomial.get_domain() in (sp.ZZ, sp.QQ):
            yield from sp.real_roots(polynomial.sqf_part())
        else:
            yield from _crossings(function, x)
    elif not isinstance(function, sp.exp | sp.cosh):
        yield from _crossings(function, x)


def _crossings(function: sp.Expr, x: sp.Symbol) -> Iterator[sp.Expr]:
    """Zeros between points of a grid where the sign changes, and at points of the grid."""

    def value(at: Any) -> Any:
        try:
            return mpmath.re(magnitude(function, {x: at}))
        except ValueError:
            return mpmath.mpf(1)

    points = [sp.Rational(k, 8) for k in range(-96, 97)]
    values = [value(at) for at in points]
    for (a, f), (b, g) in pairwise(zip(points, values, strict=True)):
        if f == 0:
            yield a
        elif f * g < 0:
            yield _bisected(value, _mp(a), _mp(b))


def _bisected(value: Callable[[Any], Any], a: Any, b: Any) -> sp.Expr:
    with mpmath.workdps(DIGITS):
        negative = value(a) < 0
        for _ in range(100):
            middle = (a + b) / 2
            a, b = (middle, b) if (value(middle) < 0) == negative else (a, middle)
        return sp.Float(a, DIGITS)


def _steepness(piece: sp.Expr, x: sp.Symbol, pole: sp.Expr, sides: list[int]) -> float:
    """The largest s with |f(a + h)| ~ |h|^(-s), on these sides."""
    found = [0.0]
    at = _mp(pole)
    for side in sides:
        try:
            near, nearer = (_size_beside(piece, x, at, side * mpmath.mpf(10) ** -k) for k in (6, 8))
        except ValueError:
            return float("inf")
        if nearer and near:
            found.append(float(mpmath.log(nearer / near, 100)) if mpmath.isfinite(nearer) else float("inf"))
    return max(found)


def _size_beside(piece: sp.Expr, x: sp.Symbol, pole: Any, step: Any) -> Any:
    with mpmath.workdps(DIGITS):
        return abs(magnitude(piece, {x: pole + step}))


def _mp(number: Any) -> Any:
    return mpmath.mpf(number) if isinstance(number, mpmath.mpf) else number.evalf(DIGITS)._to_mpmath(110)


def _exponent_rate(term: sp.Expr, x: sp.Symbol, side: int) -> sp.Expr | None:
    """r of a product of powers of x, bounded functions and exp(r x^2 + ...); None if it is not one."""
    rate: sp.Expr = sp.Integer(0)
    for factor in sp.Mul.make_args(term):
        bounded = isinstance(factor, _BOUNDED)
        if factor.is_polynomial(x) or (bounded and factor.args[0].is_polynomial(x)):
            continue
        if not (isinstance(factor, sp.exp) and factor.args[0].is_polynomial(x)):
            return None
        polynomial = sp.Poly(factor.args[0], x)
        if polynomial.degree() > 2:
            # a factor that falls this fast wins against all others; of unknown sign: taken for the worst
            return -sp.oo if (polynomial.LC() * side ** polynomial.degree()).is_negative else sp.oo
        rate += polynomial.coeff_monomial(x**2)
    return rate


def _rate(piece: sp.Expr, point: dict[sp.Symbol, object], at: sp.Rational) -> Any:
    """log |f| / x^2 at a point; None at a pole, where a function such as binomial(x, 5) has no value in digits."""
    try:
        size = abs(magnitude(piece, point))
    except ValueError:
        return None
    with mpmath.workdps(DIGITS):
        return mpmath.log(size + 1) / mpmath.mpmathify(at) ** 2


def _measured_growth(piece: sp.Expr, x: sp.Symbol, side: int) -> sp.Expr:
    numbers: dict[sp.Symbol, object] = dict.fromkeys(piece.free_symbols - {x}, 1)
    rates: list[Any] = []
    for far in FAR:
        found = [_rate(piece, {**numbers, x: side * at}, at) for at in (far + phase for phase in PHASES)]
        rates.append(max((rate for rate in found if rate is not None), default=mpmath.inf))
        if rates[-1] == mpmath.inf:
            return sp.oo
    if rates[1] < rates[0] / 10 or rates[1] < mpmath.mpf(10) ** -9:  # e^(k x) falls a hundredfold, e^(r x^2) stays
        return sp.Integer(0)
    return sp.oo if rates[1] > 1.2 * rates[0] else sp.nsimplify(rates[1], rational=True, tolerance=1e-6)
