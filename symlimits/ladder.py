"""How the values of a line are computed: closed form, certified series and panels, quadrature at high precision."""

from __future__ import annotations

from typing import NamedTuple

import sympy as sp

from symlimits.derivation.price import price
from symlimits.errors import NoRule
from symlimits.language.expectation import GaussianExpectation, separated
from symlimits.language.recursion import Recursion


class Value(NamedTuple):
    """A number, a bound of its error, and how it was computed."""

    value: float
    error: float
    method: str


def is_closed(expr: sp.Expr) -> bool:
    """Whether no expectation or integral is left."""
    return not expr.has(GaussianExpectation, sp.Integral)


def is_compilable(expr: sp.Expr, arguments: int) -> bool:
    """Whether a line is compiled: no integral is left, and a kernel is one of any input kernel."""
    reached = not expr.has(sp.Integral) and all(map(_is_product, expr.atoms(GaussianExpectation)))
    return reached and (not isinstance(expr, Recursion) or arguments == 3)


def method(expr: sp.Expr, arguments: int) -> str:
    """The rung that a line stands on, and why it stands on no higher one.

    >>> method(sp.Symbol("a") ** 2, 1)
    'closed form, compiled'
    """
    compiled = is_compilable(expr, arguments)
    if is_closed(expr):
        return "closed form, compiled" if compiled else "closed form, by mpmath: an input kernel is given"
    why = f"no closed form: {_reason(expr)}"
    if not compiled:
        return f"quadrature, by mpmath; {why}"
    return (
        "Mehler series where its bound meets 1e-13 with 400 terms (moderate variance or small correlation), "
        f"Gauss-Legendre panels elsewhere, compiled; {why}"
    )


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
