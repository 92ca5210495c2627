"""How the values of a line are computed: closed form, certified series and panels, quadrature at high precision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import sympy as sp

from symlimits.derivation.price import price
from symlimits.errors import DomainError, NoRule
from symlimits.language.algebraic_decay import AlgebraicDecay
from symlimits.language.domain import Point, relevant
from symlimits.language.expectation import GaussianExpectation, separated
from symlimits.language.formula import exact
from symlimits.language.initial_value import InitialValue
from symlimits.language.integral import LineIntegral
from symlimits.language.names import shown
from symlimits.language.pixels import is_of_images
from symlimits.language.product import ProductExpectation
from symlimits.language.program_lines import is_program
from symlimits.language.recursion import Recursion
from symlimits.language.spherical import SphericalIntegral
from symlimits.language.straight_line import StraightLine
from symlimits.reading.closed_value import closed_value
from symlimits.reading.program_sampled import POINTS, SCRAMBLES, check_counts, sampled_within
from symlimits.reading.program_sampled import sampled as sampled_line
from symlimits.reading.real import plain
from symlimits.reading.reference import reference
from symlimits.reading.straight_line_room import integers


class Value(NamedTuple):
    """A number, a bound of its error, and how it was computed."""

    value: float
    error: float
    method: str


FINE_POINTS = 2**14  # of each scramble, for a limit that is sampled beside networks
EVALUATION_DIGITS, ROUGH_DIGITS = 20, 15
MOST_STATES = 8  # of a compiled recursion: a tangent kernel and its derivative


def check_accuracy(points: object, error: object) -> None:
    """Raise `DomainError` for what is no number of points, and no error, and for both at once."""
    if points is not None and error is not None:
        raise DomainError(f"points = {shown(points)} and error = {shown(error)}", "one of them", "error=1e-5")
    if points is not None:
        check_counts(points, SCRAMBLES)
    known = isinstance(error, Real) and not isinstance(error, bool)
    if error is not None and not (known and 0 < error < math.inf):  # type: ignore[operator]
        raise DomainError(f"error = {shown(error)}", "a number larger than zero", "error=1e-5")


def evaluated(
    expr: sp.Expr, exact_line: sp.Expr, point: Point, kernel: Any, points: int | None = None, error: float | None = None
) -> Value:
    """The value of a line at a point; `exact_line` is read in digits, `kernel` is its compiled reading or None.

    The two lines are the same but where a variance is zero: there the definition has a value, and a closed form
    a limit. `points` and `error` say how finely a line is sampled; an error is asked of every line.
    """
    if is_program(exact_line):
        found = sampled_within(exact_line, point, error) if error else sampled_line(exact_line, point, points or POINTS)
        return Value(*found)
    value = _evaluated(expr, exact_line, point, kernel)
    if error is not None and not value.error <= error:
        raise NoRule(f"an error of {error:.2g}", f"{value.error:.2g} or more: {value.method}", "`.reference(...)`")
    return value


def _evaluated(expr: sp.Expr, exact_line: sp.Expr, point: Point, kernel: Any) -> Value:
    if is_closed(exact_line):
        return Value(*closed_value(exact_line, point))
    sampled = kernel is not None and not is_closed(expr)
    if sampled and not isinstance(expr, Recursion):
        bounded = kernel.bounded(*point.values())
        if bounded is not None:
            return Value(*bounded)
    digits = ROUGH_DIGITS if sampled else EVALUATION_DIGITS
    truth = reference(exact_line, point, digits)
    number = math.nan
    if kernel is not None and isinstance(expr, Recursion):
        with suppress(DomainError):  # where the compiled rules do not reach
            number = float(kernel.pairs(*(float(value) for value in point.values())))
    if math.isfinite(number):
        error, method = abs(number - truth), f"series and panels, compiled; error against {digits} digits"
    else:  # no compiled code, or none that reaches this point
        number, error = float(truth), abs(truth - reference(exact_line, point, digits - 5))
        way = "extrapolation of a differential equation" if exact_line.has(InitialValue) else "quadrature"
        method = f"{way} to {digits} digits; error against {digits - 5}"
    return Value(number, float(error) + max(abs(number), abs(float(truth))) * 2.0**-52, method)


def claimed(definition: sp.Expr, last: sp.Expr, point: Point, digits: int) -> tuple[float, float]:
    """What means of draws are held against, and its error: line 0, or the last line where it is closed and agrees.

    A program's line is sampled, finely beside networks. A closed form that is none of its value is left to the link
    that holds lines against each other.
    """
    start = relevant(point, definition)
    if not is_program(definition):
        return float(reference(definition, start, digits)), 0.0
    found = sampled_line(definition, start, points=FINE_POINTS)
    if is_closed(last):
        value = float(reference(last, relevant(point, last), digits))
        if abs(value - found.value) <= found.error:
            return value, 0.0
    return found.value, found.error


def by_quadrature(expr: sp.Expr, arguments: Sequence[sp.Symbol], numbers: Sequence[Any]) -> Any:
    """The value of a line at arrays of numbers, one by one."""

    def value(*point: Any) -> float:
        if is_program(expr):
            return sampled_line(expr, dict(zip(arguments, map(exact, point), strict=True))).value
        return float(reference(expr, dict(zip(arguments, map(exact, point), strict=True)), ROUGH_DIGITS))

    return plain(np.vectorize(value, otypes=[float])(*numbers) if numbers else value())


def is_closed(expr: sp.Expr) -> bool:
    """Whether no expectation or integral is left."""
    heads = (GaussianExpectation, ProductExpectation, sp.Integral, LineIntegral, SphericalIntegral, InitialValue)
    return not expr.has(*heads, AlgebraicDecay)


def is_compilable(expr: sp.Expr, arguments: int) -> bool:
    """Whether a line is compiled: no integral is left, and a kernel is one of any input kernel."""
    if is_program(expr) or (expr.has(StraightLine) and _missing(expr)):
        return False
    reached = not expr.has(sp.Integral, ProductExpectation, InitialValue, AlgebraicDecay) and all(
        map(_is_product, expr.atoms(GaussianExpectation))
    )
    if not reached or not isinstance(expr, Recursion):
        return reached
    return (is_of_images(expr) and is_closed(expr)) or (arguments == 3 and len(expr.states) <= MOST_STATES)


def method(expr: sp.Expr, arguments: int) -> str:
    """The rung that a line stands on, and why it stands on no higher one.

    >>> method(sp.Symbol("a") ** 2, 1)
    'closed form, compiled'
    """
    compiled = is_compilable(expr, arguments)
    if is_program(expr):
        return "a straight line, its expectations sampled at scrambled Sobol points"
    if expr.has(StraightLine):
        return "a straight line, " + (
            "compiled" if compiled else f"by mpmath: {_missing(expr) or 'integrals are left'}"
        )
    if expr.has(InitialValue):
        return "extrapolation of a differential equation, by mpmath"
    if is_closed(expr):
        return "closed form, compiled" if compiled else "closed form, by mpmath: an input kernel is given"
    if compiled and expr.has(SphericalIntegral):
        return (
            "trapezoid rules on Abel's integral of line integrals, compiled; no closed form: a double integral is left"
        )
    if compiled and expr.has(LineIntegral):
        return "trapezoid rule on the line through the saddle, compiled; no closed form: a line integral is left"
    why = f"no closed form: {_reason(expr)}"
    if not compiled:
        return f"quadrature, by mpmath; {why}"
    return (
        "Mehler series where its bound meets 1e-13 with 400 terms (moderate variance or small correlation), "
        f"Gauss-Legendre panels elsewhere, compiled; {why}"
    )


def _missing(expr: sp.Expr) -> str:
    """What keeps an expression with a straight line from being compiled."""
    if not isinstance(expr, StraightLine) or expr.atoms(StraightLine) != {expr}:
        return "it is a part of a formula"
    if expr.is_scalar:
        return ""
    if not is_closed(expr) or expr.has(Recursion):
        return "expectations or integrals stand in loops"
    unbound = sorted(map(str, integers(expr) | expr.inputs))
    return f"{', '.join(unbound)} without a value" if unbound else ""


def _is_product(head: GaussianExpectation) -> bool:
    """Whether a head is E f(u) or E f(u) g(v), which the compiled rules reach."""
    return len(head.variables) == 1 or (len(head.variables) == 2 and separated(head.integrand, *head.variables)[2] == 1)


def _reason(expr: sp.Expr) -> str:
    """Why no rule led to a closed form, in the words of the first rule that refuses, or what Price left."""
    heads = sorted(expr.atoms(GaussianExpectation), key=sp.default_sort_key)
    for head in heads:
        try:
            price.step(head)
        except NoRule as refusal:
            return str(refusal).split(";")[0]
    what = f" of E[{heads[0].integrand}]" if heads else ""
    return f"Price's theorem leaves an integral{what} over the covariance, outside the algebraic class that is closed"
