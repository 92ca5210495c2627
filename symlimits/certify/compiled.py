"""The third link: the compiled kernel agrees with the last line, both at the same floating-point numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import isnan
from typing import Any, NamedTuple

import sympy as sp
from mpmath import mpf

from symlimits.certify.certificate import PRECISE, PROVED, Link
from symlimits.errors import SymlimitsError
from symlimits.language.domain import CORRELATION, POSITIVE, Domain, Point, relevant
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.integral import LineIntegral
from symlimits.language.recursion import Recursion
from symlimits.language.spherical import SphericalIntegral
from symlimits.reading.ball import proved
from symlimits.reading.reference import reference

TOLERANCE = 1e-12  # relative to the size of the kernel on its diagonal
GAPS = (0.0, 1e-14, 1e-9, 1e-4, 0.03, 0.4, 1.0, -0.6, -1e-3, -1e-12)
LARGEST = 1e300  # values beyond are not held against floats
FAR = 3  # decades of variances on either side of one, at points beside the moderate ones
FEW_GAPS = (0.0, 0.03, -0.6)  # for kernels of layers without closed form


class Truth(NamedTuple):
    """A value to some thirty digits, and whether they are proved."""

    value: mpf
    proved: bool


def check_compiled(
    last: sp.Expr,
    compile_at: Callable[[Point], Any],
    domain: Domain,
    arguments: Sequence[sp.Symbol],
    seed: int = 0,
    least: float = 0.0,
) -> Link:
    """The compiled kernel against the last line, both at the same floating-point numbers.

    `compile_at` gives the kernel for values of the parameters, the symbols that are not arguments,
    or None where there is nothing to compile. Errors are measured
    against the size of the kernel, `least` at least. The last line is enclosed by a proved ball where Arb
    reaches it; the details count those points.
    """
    if last.has(sp.Integral):
        return Link("compiled", None, "the last line holds an integral: values come from quadrature")
    rows = _recursion_rows if isinstance(last, Recursion) else _scalar_rows
    worst, worst_at, count, balls = 0.0, "", 0, 0
    try:
        for value, truth, size, where in rows(last, compile_at, domain, arguments, seed):
            exact = float(truth.value)
            error = abs(value - exact) / max(size, least, abs(exact), 1e-300)
            count, balls = count + 1, balls + truth.proved
            if error > worst or (isnan(error) and not isnan(worst)):
                worst, worst_at = error, where
    except SymlimitsError as failure:
        return Link("compiled", False, str(failure))
    if not count:
        return Link("compiled", None, "a number, or a kernel at one input: nothing is compiled")
    passed = worst <= TOLERANCE  # false for NaN
    summary = f"largest error {worst:.1e} of the kernel's size at {count} points (allowed {TOLERANCE:.0e})"
    details = {"error": str(worst) if isnan(worst) else worst, "points": count, "against proved balls": balls}
    summary = summary if passed else f"{summary}, at {worst_at}"
    return Link("compiled", passed, summary, details, PROVED if balls == count else PRECISE)


Row = tuple[float, Truth, float, str]  # compiled value, true value, size, where


def _truth(last: sp.Expr, point: Point, digits: int) -> Truth:
    """The last line at a point: a proved ball where there is one, quadrature and mpmath elsewhere."""
    found = proved(last, point, digits)
    if found is not None and last.has(LineIntegral) and abs(found.midpoint) <= found.radius:
        found = None  # far in a tail a ball may hold zero, and none of the digits
    return Truth(reference(last, point, digits), False) if found is None else Truth(found.midpoint, True)


def _scalar_rows(
    last: sp.Expr, compile_at: Callable[[Point], Any], domain: Domain, arguments: Sequence[sp.Symbol], seed: int
) -> Iterator[Row]:
    few = last.has(GaussianExpectation, SphericalIntegral)  # each true value is a two-dimensional quadrature
    counts = (2, 2, 0) if few else (6, 14, 14)
    for parameters, points in _by_parameters(last, domain, arguments, seed, *counts):
        kernel = compile_at(parameters)
        for point in points if kernel is not None else ():
            numbers = {s: float(point[s]) for s in arguments}
            exact = parameters | _inside({s: sp.Rational(v) for s, v in numbers.items()}, domain)
            where = str({str(s): float(v) for s, v in exact.items()})
            truth = _truth(last, relevant(exact, last), 14 if few else 30)
            size = _size(last, exact, domain)
            if max(abs(truth.value), size) < LARGEST:  # growing activations have no value as a float far out
                yield kernel(*numbers.values()), truth, size, where


def _recursion_rows(
    last: Recursion, compile_at: Callable[[Point], Any], domain: Domain, arguments: Sequence[sp.Symbol], seed: int
) -> Iterator[Row]:
    few = last.has(GaussianExpectation)
    for parameters, points in _by_parameters(last, domain, arguments, seed, corners=1, interior=1, far=0):
        kernel = compile_at(parameters)
        for point in points if kernel is not None else ():
            p, q, c = arguments
            a, b = (_double(point[symbol]) for symbol in (p, q))
            diagonals = [reference(last, relevant(parameters | {p: v, q: v, c: v}, last), 30) for v in (a, b)]
            size = float(abs(diagonals[0] * diagonals[1])) ** 0.5
            for gap in FEW_GAPS if few else GAPS:
                rho = (1 - abs(sp.Rational(gap))) * (-1 if gap < 0 else 1)
                law = {p: a, q: b, c: rho * sp.sqrt(a * b)}
                truth = _truth(last, relevant(parameters | law, last), 14 if few else 40)
                yield kernel.pairs_with_gap(float(a), float(b), gap), truth, size, f"p={a}, q={b}, gap={gap:g}"


def _by_parameters(
    last: sp.Expr, domain: Domain, arguments: Sequence[sp.Symbol], seed: int, corners: int, interior: int, far: int
) -> list[tuple[Point, list[Point]]]:
    """Points of the domain for each of two values of the parameters, which are compiled into the code."""
    points = domain.mixed_points(seed, corners, interior)
    parameters = last.free_symbols - set(arguments)
    if not parameters:
        return [({}, points + _far_points(domain, seed, far))]
    values = [{s: _double(point[s]) for s in parameters} for point in (points[0], points[-1])]
    return [(value, points[k::2]) for k, value in enumerate(values)]


def _far_points(domain: Domain, seed: int, count: int) -> list[Point]:
    """Small and large variances, equal in every second point: there a wave has a value that is no float's zero."""
    points = domain.mixed_points(seed, 0, count, FAR)
    variances = [symbol for symbol, interval in domain.ranges.items() if interval == POSITIVE]
    if len(variances) < 2:
        return points
    return points[1::2] + [
        domain.complete(point | dict.fromkeys(variances, point[variances[0]])) for point in points[::2]
    ]


def _inside(point: Point, domain: Domain) -> Point:
    """A covariance that rounding has carried beyond sqrt(p q) is put back."""
    ends = zip(_at_end(point, domain, 0).items(), _at_end(point, domain, 1).values(), strict=True)
    return point | {symbol: max(low, min(high, point[symbol])) for (symbol, low), high in ends}


def _at_end(point: Point, domain: Domain, end: int) -> Point:
    """The least (0) or largest (1) value of the dependent symbols: c = rho sqrt(p q) at rho = -1 or 1."""
    found = {}
    for symbol, expr in domain.dependent.items():
        free = expr.free_symbols - set(point)
        if symbol in point and len(free) == 1 and domain.ranges[coordinate := free.pop()] == CORRELATION:
            interval = CORRELATION
            found[symbol] = expr.subs(point | {coordinate: (interval.low, interval.high)[end]}, simultaneous=True)
    return found


def _double(value: sp.Expr) -> sp.Expr:
    return value if value.is_Integer else sp.Rational(float(value))


def _size(last: sp.Expr, point: Point, domain: Domain) -> float:
    """The size of a kernel: its value where the two points are parallel; 0 for what is no kernel."""
    parallel = _at_end(point, domain, 1) or {s: sp.S.One for s in point if domain.ranges.get(s) == CORRELATION}
    return abs(float(reference(last, relevant(point | parallel, last), 15))) if parallel else 0.0
