r"""The head of an iterated map: states, start values, and stages of a map repeated some times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.tree import register


@register
class Recursion(sp.Expr):
    r"""The value of one state after a map has been iterated.

    Arguments: the state symbols (bound), their start values, the stages, and the state whose
    last value this is. A stage is a pair (new values of the states, number of repetitions);
    the number may be a symbol. Printing never substitutes the map into itself.

    >>> y, y0 = sp.symbols("y y0")
    >>> square = Recursion((y,), (y0,), [((y**2,), 3)], y)
    >>> square.unroll()
    y0**8
    """

    is_commutative = True

    def __new__(cls, states: Any, start: Any, stages: Any, output: Any) -> Recursion:
        states, start = sp.Tuple(*states), sp.Tuple(*start)
        stages = sp.Tuple(*(sp.Tuple(sp.Tuple(*maps), sp.sympify(count)) for maps, count in stages))
        if any(len(maps) != len(states) for maps, _ in stages) or len(start) != len(states) or output not in states:
            raise DomainError(
                f"{len(states)} states with {len(start)} start values",
                "one start value and one map for each state, and an output among the states",
                "Recursion((y,), (y0,), [((y**2,), 3)], y)",
            )
        return sp.Expr.__new__(cls, states, start, stages, output)

    @property
    def states(self) -> tuple[sp.Symbol, ...]:
        """The state symbols."""
        return tuple(self.args[0])

    @property
    def start(self) -> tuple[sp.Expr, ...]:
        """The start values, in the order of the states."""
        return tuple(self.args[1])

    @property
    def stages(self) -> tuple[tuple[tuple[sp.Expr, ...], sp.Expr], ...]:
        """Pairs (new values of the states, repetitions)."""
        return tuple((tuple(maps), count) for maps, count in self.args[2])

    @property
    def output(self) -> sp.Symbol:
        """The state that is asked for."""
        return self.args[3]

    @property
    def free_symbols(self) -> set[sp.Symbol]:
        """Symbols that are not states."""
        maps = [expr for maps, _ in self.stages for expr in maps]
        counts = [count for _, count in self.stages]
        inside = set().union(*(expr.free_symbols for expr in maps)) - set(self.states)
        return inside.union(*(expr.free_symbols for expr in (*self.start, *counts)))

    @property
    def bound_symbols(self) -> list[sp.Symbol]:
        """The state symbols."""
        return list(self.states)

    def _eval_is_real(self) -> bool:
        return True

    def _eval_subs(self, old: sp.Basic, new: sp.Basic) -> sp.Basic | None:
        return self if old in self.states else None

    def repeated(self) -> Iterator[tuple[sp.Expr, ...]]:
        """The maps in the order of their application; every repetition must be an integer."""
        for maps, count in self.stages:
            if not count.is_Integer:
                raise DomainError(f"a recursion repeated {count} times", "an integer", f"bind({count}=3)")
            for _ in range(int(count)):
                yield maps

    def unroll(self) -> sp.Expr:
        """The output as one expression, every map substituted (it grows quickly with depth)."""
        values = dict(zip(self.states, self.start, strict=True))
        for maps in self.repeated():
            values = {s: expr.subs(values, simultaneous=True) for s, expr in zip(self.states, maps, strict=True)}
        return values[self.output]
