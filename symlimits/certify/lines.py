"""The second link: each line of a derivation equals the next, at high precision at points of the domain."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import sympy as sp
from mpmath import workdps

from symlimits.certify.certificate import Link
from symlimits.errors import SymlimitsError
from symlimits.language.continuous_depth import ContinuousDepth
from symlimits.language.domain import CORRELATION, POSITIVE, REAL, WIDE, Domain, Point, relevant
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.integral import LineIntegral
from symlimits.language.program_lines import is_program
from symlimits.language.recursion import Recursion
from symlimits.language.spherical import SphericalIntegral
from symlimits.reading.program_sampled import sampled
from symlimits.reading.reference import HEADS, reference

DIGITS, TOLERANCE = 20, 1e-16
FLOOR, FINER = 1e-3, 3  # a smaller value is held to so large an error, and looked at again with three times the digits
SCREENED, SUSPECTS = 600, 2  # points looked at in float64, and those of them that are looked at again
SUSPICIOUS = 1e-10  # rounding alone may make so large a difference
KERNEL = 3  # states of a kernel recursion, at least
SAMPLES = 2**14  # of a program's line, each of 8 scrambles: errors of some 1e-5 to 1e-4, in half a second
NESTED_DIGITS, NESTED_TOLERANCE = 10, 1e-7  # integrals of expectations are three inside each other; limits of depth


class Line(Protocol):
    """What certification needs of a step."""

    @property
    def expr(self) -> sp.Expr: ...

    @property
    def rule(self) -> str: ...


def check_lines(trace: Sequence[Line], domain: Domain, seed: int = 0) -> Link:
    """Each line equals the next at points of the domain, its ends included.

    Numbers at finitely many points: a difference narrower than the space between them is not seen.
    Formulas are held against each other from 10^-4 to 10^4 on half-lines and up to 10^-6 of its length
    near the ends of an interval, lines with integrals or expectations from 1/10 to 10 only.
    """
    worst, count = 0.0, 0
    for index, (first, second) in enumerate(pairwise(trace)):
        for a, b in differing(first.expr, second.expr):
            try:
                error, points = largest_difference(a, b, _with_states(first.expr, domain), seed + index)
            except SymlimitsError as failure:
                return Link("lines", False, f"line {index} or {index + 1} has no value: {failure}")
            worst, count = max(worst, error), count + points
            if error > 1:
                summary = f"line {index} = line {index + 1} ('{second.rule}') is false"
                return Link("lines", False, summary, {"line": index + 1, "rule": second.rule, "error": error})
    if len(trace) == 1:
        return Link("lines", None, "a single line: the definition")
    if any(is_program(line.expr) for line in trace):
        summary = f"{len(trace)} lines equal at {count} points, within the errors of independent samples"
    else:
        summary = f"{len(trace)} lines equal at {count} points, {NESTED_DIGITS} to {DIGITS} digits"
    return Link("lines", True, summary, {"lines": len(trace), "points": count, "error over tolerance": worst})


def differing(first: sp.Expr, second: sp.Expr) -> list[tuple[sp.Expr, sp.Expr]]:
    """What has to be equal for two lines to be equal: themselves, or the maps of two recursions."""
    if not (isinstance(first, Recursion) and isinstance(second, Recursion)):
        return [(first, second)]
    same_frame = (first.states, first.start, first.output) == (second.states, second.start, second.output)
    if not same_frame or [(len(m), n) for m, n in first.blocks] != [(len(m), n) for m, n in second.blocks]:
        return [(first, second)]
    pairs = [
        (a, b)
        for (maps, _), (others, _) in zip(first.blocks, second.blocks, strict=True)
        for layer, other in zip(maps, others, strict=True)
        for a, b in zip(layer, other, strict=True)
        if a != b
    ]
    return _without_mirrored(pairs, first.states)


def _without_mirrored(
    pairs: list[tuple[sp.Expr, sp.Expr]], states: tuple[sp.Symbol, ...]
) -> list[tuple[sp.Expr, sp.Expr]]:
    """Leave out equations that are others with x and z exchanged."""
    swap = {states[0]: states[1], states[1]: states[0]} if len(states) >= 3 else {}
    kept: dict[tuple[sp.Expr, sp.Expr], None] = {}
    for pair in pairs:
        mirrored = (pair[0].subs(swap, simultaneous=True), pair[1].subs(swap, simultaneous=True))
        if mirrored not in kept:
            kept[pair] = None
    return list(kept)


def largest_difference(a: sp.Expr, b: sp.Expr, domain: Domain, seed: int) -> tuple[float, int]:
    """The largest difference over its tolerance, and the number of points it was looked at.

    Formulas: corners, points over eight decades, and where float64 sees the lines differ most among
    thousands. Lines with integrals or expectations: fewer points, of moderate size.
    """
    if is_program(a) or is_program(b):
        return _sampled_difference(a, b, domain, seed)
    nested = _is_nested(a) or _is_nested(b)
    digits, tolerance = (NESTED_DIGITS, NESTED_TOLERANCE) if nested else (DIGITS, TOLERANCE)
    if nested:
        points = domain.mixed_points(seed, corners=1, interior=1)
    elif a.has(*HEADS) or b.has(*HEADS):
        points = domain.mixed_points(seed, corners=3, interior=3)
    else:
        points = domain.mixed_points(seed, corners=3, interior=10, decades=WIDE) + suspects(a, b, domain, seed)
    worst, points = 0.0, points if domain.ranges else points[:1]  # without a coordinate all are the same
    for point in points:
        gap, size = _gap(a, b, point, digits)
        error = float(gap / max(size, FLOOR)) / tolerance
        if error <= 1 and gap > tolerance * size and not (a.has(*HEADS) or b.has(*HEADS)):
            finer, size = _gap(a, b, point, FINER * digits)  # rounding beside a zero, or two small numbers
            error = float(finer / size) / tolerance if 2 * finer > gap else error
        worst = max(worst, error)
    return worst, len(points)


def _gap(a: sp.Expr, b: sp.Expr, point: Point, digits: int) -> tuple[Any, Any]:
    """|a - b| at a point, and the larger of |a| and |b|."""
    x, y = (reference(expr, relevant(point, expr), digits) for expr in (a, b))
    with workdps(digits):  # whatever precision the caller works in
        return abs(x - y), max(abs(x), abs(y))


def _sampled_difference(a: sp.Expr, b: sp.Expr, domain: Domain, seed: int) -> tuple[float, int]:
    """Lines of a program, on samples of their own: the difference over the sum of both errors."""
    points = domain.mixed_points(seed, corners=0, interior=1)
    worst = 0.0
    for point in points:
        x, y = (sampled(e, relevant(point, e), SAMPLES, seed=2 * seed + i) for i, e in enumerate((a, b)))
        worst = max(worst, abs(x.value - y.value) / (x.error + y.error))
    return worst, len(points)


def suspects(a: sp.Expr, b: sp.Expr, domain: Domain, seed: int) -> list[Point]:
    """The points where two formulas differ most in float64, among hundreds; none where they never do.

    What differs in float64 by rounding is settled at these points in high precision.
    """
    grid = domain.coordinates(random.Random(seed), SCREENED, WIDE)
    if not domain.ranges:
        return []
    columns = {s: np.array([float(point[s]) for point in grid]) for s in domain.ranges}
    try:
        with np.errstate(all="ignore"):
            placed = {s: _in_floats(expr, columns) for s, expr in domain.dependent.items()}
            x, y = (_in_floats(line, columns | placed) for line in (a, b))
            gaps = np.broadcast_to(abs(x - y) / np.maximum(np.maximum(abs(x), abs(y)), 1e-3), len(grid))
    except (ArithmeticError, AttributeError, KeyError, NameError, NotImplementedError, TypeError, ValueError):
        return []  # a function that NumPy does not know
    seen = np.argsort(-np.nan_to_num(gaps, nan=-1.0, posinf=-1.0))[:SUSPECTS]
    return [domain.complete(grid[k]) for k in seen if gaps[k] > SUSPICIOUS]


def _in_floats(expr: sp.Expr, values: dict[sp.Symbol, Any]) -> Any:
    symbols = sorted(expr.free_symbols, key=str)
    return sp.lambdify(symbols, expr, ["scipy", "numpy"])(*(values[s] for s in symbols))


def _is_nested(expr: sp.Expr) -> bool:
    if expr.has(SphericalIntegral, ContinuousDepth) or any(
        line.has(sp.Integral, GaussianExpectation) for line in expr.atoms(LineIntegral)
    ):
        return True
    heads = [head for integral in expr.atoms(sp.Integral) for head in integral.atoms(GaussianExpectation)]
    return any(len(head.variables) == 2 and not head.has(sp.DiracDelta) for head in heads)


def _with_states(expr: sp.Expr, domain: Domain) -> Domain:
    """A domain that also covers the states of a recursion: of a kernel, two variances and a covariance come first."""
    if not isinstance(expr, Recursion):
        return domain
    if len(expr.states) < KERNEL:
        return Domain({**domain.ranges, **dict.fromkeys(expr.states, REAL)}, domain.dependent, domain.note)
    first, second, mixed, *others = expr.states
    correlation = sp.Symbol("rho_K", real=True)
    ranges = {first: POSITIVE, second: POSITIVE, correlation: CORRELATION} | dict.fromkeys(others, REAL)
    dependent = {mixed: correlation * sp.sqrt(first * second)}
    return Domain({**domain.ranges, **ranges}, {**domain.dependent, **dependent})
