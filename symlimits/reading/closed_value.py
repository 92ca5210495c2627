"""The value of a closed form at exact numbers: to more digits than a float has, then rounded once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import sympy as sp
from mpmath import isfinite, mp, mpf

from symlimits.errors import DomainError
from symlimits.reading.ball import narrow
from symlimits.reading.reference import reference

DIGITS, ROUGH_DIGITS = 25, 20


class Rounded(NamedTuple):
    """A float, a bound of its error, and how it was computed."""

    value: float
    error: float
    method: str


def closed_value(expr: sp.Expr, point: Mapping[sp.Symbol, sp.Expr]) -> Rounded:
    """The float next to the value of `expr`: no digit of the point is rounded before the formula is computed.

    At a correlation of one a rounded covariance would cost the value half its digits. The error is proved where Arb
    encloses the formula; elsewhere it is the difference of 25 and 20 digits, and rounding.

    >>> c = sp.Symbol("c", real=True)
    >>> closed_value(sp.asin(c / sp.sqrt(3)) / sp.pi, {c: sp.sqrt(3)}).value
    0.5
    """
    found = narrow(expr, point, ROUGH_DIGITS)
    if found is None:
        truth = reference(expr, point, DIGITS)
        radius = abs(truth - reference(expr, point, ROUGH_DIGITS))
        method = f"closed form, {DIGITS} digits against {ROUGH_DIGITS}, rounded"
    else:
        truth, radius = found
        method = "closed form, a proved ball, rounded"
    value = float(truth)
    if not isfinite(value):
        raise DomainError(f"a value of {mp.nstr(truth, 5)}", "a value in the range of floats", "`.reference(...)`")
    with mp.workdps(2 * DIGITS):
        error = float((radius + abs(truth - mpf(value))) * (1 + mpf(2) ** -50))
    return Rounded(value, error, method)
