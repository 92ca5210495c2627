"""The second link: each line of a derivation equals the next, at high precision at points of the domain."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import sympy as sp

from symlimits.certify.certificate import Link
from symlimits.errors import SymlimitsError
from symlimits.language.domain import CORRELATION, POSITIVE, REAL, Domain, relevant
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.recursion import Recursion
from symlimits.reading.reference import reference

DIGITS, TOLERANCE = 20, 1e-16
NESTED_DIGITS, NESTED_TOLERANCE = 10, 1e-7  # an integral of an expectation is three integrals inside each other


class Line(Protocol):
    """What certification needs of a step."""

    @property
    def expr(self) -> sp.Expr: ...

    @property
    def rule(self) -> str: ...


def check_lines(trace: Sequence[Line], domain: Domain, seed: int = 0) -> Link:
    """Each line equals the next at points of the domain, its ends included."""
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
    """The largest difference over its tolerance, and the number of points it was looked at."""
    nested = _is_nested(a) or _is_nested(b)
    digits, tolerance = (NESTED_DIGITS, NESTED_TOLERANCE) if nested else (DIGITS, TOLERANCE)
    worst, points = 0.0, domain.mixed_points(seed, corners=1 if nested else 3, interior=1 if nested else 3)
    for point in points:
        x, y = (reference(expr, relevant(point, expr), digits) for expr in (a, b))
        size = max(abs(x), abs(y), 1e-3)
        worst = max(worst, float(abs(x - y) / size) / tolerance)
    return worst, len(points)


def _is_nested(expr: sp.Expr) -> bool:
    heads = [head for integral in expr.atoms(sp.Integral) for head in integral.atoms(GaussianExpectation)]
    return any(len(head.variables) == 2 and not head.has(sp.DiracDelta) for head in heads)


def _with_states(expr: sp.Expr, domain: Domain) -> Domain:
    """A domain that also covers the states of a kernel recursion."""
    if not isinstance(expr, Recursion):
        return domain
    first, second, mixed, *others = expr.states
    correlation = sp.Symbol("rho_K", real=True)
    ranges = {first: POSITIVE, second: POSITIVE, correlation: CORRELATION} | dict.fromkeys(others, REAL)
    dependent = {mixed: correlation * sp.sqrt(first * second)}
    return Domain({**domain.ranges, **ranges}, {**domain.dependent, **dependent})
