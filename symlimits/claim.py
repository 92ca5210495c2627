"""What a certificate says of its statement: the lines, and the value of the last one at a point of the domain."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import sympy as sp
from mpmath import mp

from symlimits import certify as links
from symlimits import storing
from symlimits.errors import FormulaError, SymlimitsError
from symlimits.ladder import Value
from symlimits.language.domain import Domain, Point, relevant
from symlimits.language.expectation import GaussianExpectation
from symlimits.reading.ball import proved
from symlimits.reading.latex import latex
from symlimits.reading.reference import reference

DIGITS = 30  # of a proved ball
PRECISE_DIGITS = 20
Evaluate = Callable[[Point], Value]


def claim(parts: storing.Parts, domain: Domain, seed: int, evaluate: Evaluate) -> dict[str, Any]:
    """The statement as JSON: LaTeX, a hash of its first line, all lines as `load` reads them, a value.

    `derivation` is None where a line holds what is not stored (a function of the author's own).
    """
    definition, last = parts.trace[0].expr, parts.trace[-1].expr
    try:
        lines = json.loads(storing.written(parts))
    except FormulaError:
        lines = None
    return {
        "latex": f"{parts.name} = {latex(last)}",
        "hash": links.claim_hash(definition),
        "derivation": lines,
        "value": value(last, domain, seed, evaluate),
    }


def value(last: sp.Expr, domain: Domain, seed: int, evaluate: Evaluate) -> dict[str, Any] | None:
    """The last line at the point of the first link: midpoint, radius, method; None where nothing reaches it.

    A proved ball where Arb has one, whose radius is a theorem; elsewhere digits by mpmath. An expectation without
    closed form is a float by `evaluate`, its radius the truncation bound of the series or panels.
    """
    (point,) = domain.mixed_points(seed, corners=0, interior=1)
    where = relevant(point, last)
    found = proved(last, where, DIGITS)
    if found is not None:
        return _written(where, mp.nstr(found.midpoint, DIGITS), mp.nstr(found.radius, 3), "Arb ball", links.PROVED)
    try:
        if last.has(GaussianExpectation):
            bounded = evaluate(point)
            return _written(where, bounded.value, bounded.error, bounded.method, links.PRECISE)
        number = reference(last, where, PRECISE_DIGITS)
    except SymlimitsError:
        return None  # the link that meets it says why
    radius = mp.nstr(abs(number) * mp.mpf(10) ** -PRECISE_DIGITS, 3)
    return _written(where, mp.nstr(number, PRECISE_DIGITS), radius, "mpmath", links.PRECISE)


def _written(point: Point, midpoint: str | float, radius: str | float, method: str, level: str) -> dict[str, Any]:
    where = {str(symbol): str(number) for symbol, number in point.items()}
    return {"point": where, "midpoint": midpoint, "radius": radius, "method": method, "level": level}
