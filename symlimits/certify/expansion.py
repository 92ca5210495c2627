"""The link of a truncated series: what it leaves out is of the order, and of the size, that it states."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import sympy as sp
from mpmath import mp, mpf

from symlimits.certify.certificate import Link
from symlimits.errors import SymlimitsError
from symlimits.language.domain import Domain, relevant
from symlimits.language.expectation import GaussianExpectation
from symlimits.reading.reference import reference

GAPS, DIGITS = (6, 8, 10), 40  # gaps 10^-n, and digits left of what is omitted
NESTED_GAPS, NESTED_DIGITS = (3, 4), 8  # an expectation over two variables costs seconds a value: at unit variance
ORDER_TOLERANCE = 0.05  # the next term but one shifts the measured order by about the root of the gap


def check_expansion(
    line: sp.Expr, rho: sp.Symbol, series: sp.Expr, gap: sp.Symbol, omitted: sp.Expr, domain: Domain, seed: int = 0
) -> Link:
    """`line` less `series` over `omitted` tends to one as the gap of rho closes; without `omitted` it is zero."""
    nested = any(len(head.variables) > 1 for head in line.atoms(GaussianExpectation))
    point = next(domain.points(seed)) if nested else domain.mixed_points(seed, corners=0, interior=1)[0]
    point.pop(rho, None)
    closeness, left = (NESTED_GAPS, NESTED_DIGITS) if nested else (GAPS, DIGITS)
    order = float(sp.degree(omitted.subs(gap, gap**2), gap) / 2) if omitted != 0 else 0.0
    errors: list[mpf] = []
    try:
        for n in closeness:
            digits = int(left + n * (order + 1))
            values = {**point, rho: 1 - sp.Rational(1, 10**n), gap: sp.Rational(1, 10**n)}
            exact, cut, scale = (reference(e, relevant(values, e), digits) for e in (line, series, omitted))
            with mp.workdps(digits):
                errors.append((exact - cut) / scale if omitted != 0 else (exact - cut) / (1 + abs(cut)))
    except SymlimitsError as failure:
        return Link("expansion", False, f"a value is missing: {failure}")
    details: dict[str, Any] = {
        "gaps": [f"1e-{n}" for n in closeness],
        "point": {str(s): str(value) for s, value in point.items()},
    }
    if omitted == 0:
        worst = float(max(map(abs, errors)))
        return Link("expansion", worst < 10.0**-left, f"a polynomial, equal to {left} digits", details)
    return _judged(errors, closeness, order, details)


def _judged(errors: list[mpf], closeness: tuple[int, ...], order: float, details: dict[str, Any]) -> Link:
    """The measured order is the slope of log(error) over log(gap)."""
    pairs = pairwise(zip(closeness, errors, strict=True))
    if not all(errors):
        return Link("expansion", False, "nothing is left out where a term was claimed", details)
    slopes = [order - float(mp.log10(abs(b / a))) / (n - m) for (m, a), (n, b) in pairs]
    ratio = float(errors[-1])
    details = {**details, "claimed order": order, "measured orders": slopes, "over the first omitted term": ratio}
    passed = abs(slopes[-1] - order) < ORDER_TOLERANCE and abs(ratio - 1) < ORDER_TOLERANCE
    return Link("expansion", passed, f"remainder of order {slopes[-1]:.4f}, claimed {order:g}", details)
