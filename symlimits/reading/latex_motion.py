r"""How motions print: the value by its letter and its time, the law and the start as equations beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import sympy as sp
from sympy.core.sorting import default_sort_key

from symlimits.language.block import Block
from symlimits.language.motion import Motion


class Writer(Protocol):
    """What writes the formulas."""

    names: dict[sp.Symbol, str]

    def doprint(self, expr: sp.Basic) -> str: ...


def letter(place: sp.Expr) -> sp.Symbol:
    """The symbol of what moves."""
    return place.args[0] if isinstance(place, Block) else place


def at_time(name: str, motion: Motion, time: str) -> str:
    r"""The value: $\alpha_t$ in steps, $\alpha(t)$ in time.

    >>> g, v, t = sp.symbols("g v t")
    >>> at_time("g", Motion(g, v, 1 - g, 0, t), "t")
    'g(t)'
    """
    return f"{name}_{{{time}}}" if motion.steps else f"{name}({time})"


def motions(expr: sp.Expr, before: sp.Expr | None) -> list[Motion]:
    """The motions in an expression without those that stood in the line before."""
    told = before.atoms(Motion) if before is not None else set()
    return [motion for motion in sorted(expr.atoms(Motion), key=default_sort_key) if motion not in told]


def moving_names(motion: Motion, names: Mapping[sp.Symbol, str]) -> dict[sp.Symbol, str]:
    r"""The letters inside the law: $\alpha$ and $\dot\alpha$, or $\alpha_t$ and $\alpha_{t-1}$."""
    name = names[letter(motion.state)]
    inside = (f"{name}_{{t}}", f"{name}_{{t-1}}") if motion.steps else (name, rf"\dot{{{name}}}")
    return {letter(motion.state): inside[0], letter(motion.before): inside[1]}


def motion_rows(motion: Motion, inside: Writer, name: str) -> Iterator[str]:
    """The law and the start, two equations in one row; `inside` writes the law."""
    order = motion.order
    left = f"{name}_{{t+1}}" if motion.steps else rf"\{'d' * order}ot{{{name}}}"
    start = inside.doprint(motion.start)
    zero = f"{name}_{{0}}" if motion.steps else f"{name}(0)"
    still = (f" = {name}_{{-1}}" if motion.steps else rf", \quad \dot{{{name}}}(0) = 0") if order == 2 else ""
    at_rest = f"{zero}{still} = {start}" if motion.steps else f"{zero} = {start}{still}"
    yield rf"{left} &= {inside.doprint(motion.law)}, \quad {at_rest},"
