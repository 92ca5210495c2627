"""Straight lines of tensor programs: means over Gaussian symbols that all their expectations share."""

from __future__ import annotations

import re
from collections.abc import Iterator

import sympy as sp

from symlimits.language.expectation import GaussianExpectation
from symlimits.language.straight_line import StraightLine

GAUSSIAN = re.compile(r"zeta_\d+")  # reserved by `tensor_program.RESERVED`


def is_program(line: sp.Basic) -> bool:
    """Whether expectations of a straight line are over the Gaussian symbols of a program, which they share."""
    return isinstance(line, StraightLine) and line.is_scalar and any(map(is_shared, line.atoms(GaussianExpectation)))


def outermost(expr: sp.Basic) -> list[GaussianExpectation]:
    """The expectations in an expression, without those inside others, in their order."""
    return list(dict.fromkeys(_outermost(expr)))


def _outermost(expr: sp.Basic) -> Iterator[GaussianExpectation]:
    if isinstance(expr, GaussianExpectation):
        yield expr
        return
    for arg in expr.args:
        yield from _outermost(arg)


def is_shared(head: GaussianExpectation) -> bool:
    """Whether an expectation is over Gaussian symbols of a program, and not over variables of its own."""
    return all(GAUSSIAN.fullmatch(u.name) for u in head.variables)
