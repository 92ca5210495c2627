r"""LaTeX of an `InitialValue`: its output at the time, and below it its equations, velocities and starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import sympy as sp
from sympy.core.sorting import default_sort_key

from symlimits.language.initial_value import InitialValue
from symlimits.reading.latex_text import rendered_width


class Writer(Protocol):
    """What writes the formulas."""

    def doprint(self, expr: sp.Basic) -> str: ...
    def rows(self, expr: sp.Expr, room: float, after: str = "") -> list[str]: ...


def initial_values(expr: sp.Expr) -> list[InitialValue]:
    """The differential equations in an expression."""
    return sorted(expr.atoms(InitialValue), key=default_sort_key)


def initial_value_rows(writer: Writer, head: InitialValue, room: float) -> Iterator[str]:
    r"""The rows of an `aligned` environment: one equation each, then all starts.

    Equations of equal right-hand sides share one.
    """
    same: dict[sp.Expr, list[sp.Symbol]] = {}
    for x, F in zip(head.variables, head.velocities, strict=True):
        same.setdefault(F, []).append(x)
    for F, variables in same.items():
        left = " = ".join(rf"\dot{{{writer.doprint(x)}}}" for x in variables)
        first, *others = writer.rows(F, room - rendered_width(left), ",")
        yield f"{left} &= {first}"
        yield from (rf"&\quad {row}" for row in others)
    starts = [f"{writer.doprint(x)}(0) = {writer.doprint(v)}" for x, v in zip(head.variables, head.start, strict=True)]
    yield "&" + r", \quad ".join(starts) + ","
