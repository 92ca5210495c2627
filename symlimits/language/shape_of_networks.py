"""Depth, widths and parameterisation of a network, held at the door."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.formula import exact
from symlimits.language.names import shown

PARAMETERIZATIONS = ("ntk", "standard")


def depth_of(value: object) -> sp.Expr:
    """A number of layers, 1 or more, or a formula of positive integers."""
    count = exact(value, "depth")
    if count.is_number and not (count.is_Integer and count >= 1):
        raise DomainError(f"depth = {count}", "a number of hidden layers, 1 or more", "depth=1")
    return count.xreplace({s: sp.Symbol(s.name, integer=True, positive=True) for s in count.free_symbols})


def parameterization_of(name: str, widths: object) -> str:
    """One of `PARAMETERIZATIONS`; the standard one needs widths."""
    if not isinstance(name, str) or name not in PARAMETERIZATIONS:
        raise DomainError(f"parameterization = {shown(name)}", "'ntk' or 'standard'", "parameterization='ntk'")
    if name == "standard" and widths is None:
        given = "parameterization = 'standard' without widths"
        raise DomainError(given, "widths=, one for each hidden layer", "widths=(512, 512, 512)")
    return name


def check_same_number(widths: int, hidden: int) -> None:
    """As many widths as hidden layers."""
    if widths != hidden:
        raise DomainError(f"{widths} widths for {hidden} hidden layers", "one width for each", f"{hidden} widths")


def widths_of(values: object) -> tuple[sp.Expr, ...] | None:
    """Positive integers or formulas, one for each hidden layer."""
    if values is None:
        return None
    if isinstance(values, str | bytes | Mapping | Set) or not isinstance(values, Iterable):
        raise DomainError(f"widths = {shown(values)}", "a sequence, one for each hidden layer", "widths=(512, 512)")
    widths = tuple(exact(value, "widths") for value in values)
    for width in widths:
        if width.is_number and not (width.is_Integer and width >= 1):
            raise DomainError(f"width {width}", "a positive integer", "widths=(512, 512)")
    return widths
