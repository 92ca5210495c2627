"""Straight lines of tensor programs: means over Gaussian symbols that all their expectations share."""

from __future__ import annotations

import re

import sympy as sp

from symlimits.language.expectation import GaussianExpectation
from symlimits.language.straight_line import StraightLine

GAUSSIAN = re.compile(r"g_\d+")  # reserved by `tensor_program.RESERVED`


def is_program(line: sp.Basic) -> bool:
    """Whether the expectations of a straight line are over the Gaussian symbols of a program, which they share."""
    if not isinstance(line, StraightLine) or not line.is_scalar:
        return False
    names = [u.name for head in line.atoms(GaussianExpectation) for u in head.variables]
    return bool(names) and all(map(GAUSSIAN.fullmatch, names))
