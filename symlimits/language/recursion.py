r"""The head of an iterated map: states, start values, and stages of a map repeated some times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.substitution import renaming
from symlimits.language.tree import register

Values = TypeVar("Values")


@register
class Earlier(sp.Expr):
    r"""In the map of a layer: the value that a state had, some layers of the block before.

    `Earlier(K, 0)` is K itself, the value before this layer; `Earlier(K, 2)` that before the two layers before it. A
    residual branch of k layers ends with a layer $K \mapsto K + K_{-k}$.

    >>> y, y0 = sp.symbols("y y0")
    >>> square_added = [(y**2,), (y + Earlier(y, 1),)]
    >>> Recursion((y,), (y0,), [(square_added, 1)], y).unroll()
    y0**2 + y0
    """

    is_commutative = True

    def __new__(cls, state: Any, back: Any) -> Earlier:
        return sp.Expr.__new__(cls, state, sp.sympify(back))

    @property
    def back(self) -> int:
        """How many layers before."""
        return int(self.args[1])

    def of(self, past: Sequence[Mapping[sp.Symbol, Values]]) -> Values:
        """The value, from the states before each layer so far."""
        return past[-1 - self.back][self.args[0]]

    def _eval_is_real(self) -> bool:
        return True


def recalled(
    maps: tuple[sp.Expr, ...], past: Sequence[Mapping[sp.Symbol, Values]]
) -> tuple[tuple[sp.Expr, ...], dict[sp.Symbol, Values]]:
    """The maps of a layer with symbols in place of earlier values; and the values of these."""
    heads = sorted(sp.Tuple(*maps).atoms(Earlier), key=str)
    names = {head: sp.Dummy(f"{head.args[0]}_{head.back}", real=True) for head in heads}
    return tuple(line.xreplace(names) for line in maps), {names[head]: head.of(past) for head in heads}


@register
class Recursion(sp.Expr):
    r"""The value of one state after a map has been iterated.

    Arguments: the state symbols (bound), their start values, the stages, and the state whose
    last value this is. A stage is a pair (map, number of repetitions): the map gives the new
    values of the states, or is a sequence of such maps, applied one after the other (the layers
    of a block), in which `Earlier` stands for values of a layer before; the number may be a symbol. Printing never
    substitutes the map into itself.

    >>> y, y0 = sp.symbols("y y0")
    >>> square = Recursion((y,), (y0,), [((y**2,), 3)], y)
    >>> square.unroll()
    y0**8
    """

    is_commutative = True

    def __new__(cls, states: Any, start: Any, stages: Any, output: Any) -> Recursion:
        states, start = sp.Tuple(*states), sp.Tuple(*start)
        stages = sp.Tuple(*(sp.Tuple(_layers(maps), sp.sympify(count)) for maps, count in stages))
        lengths = {len(start), *(len(layer) for layers, _ in stages for layer in layers)}
        if any(
            head.back > i for layers, _ in stages for i, layer in enumerate(layers) for head in layer.atoms(Earlier)
        ):
            raise DomainError("an earlier value from outside of a block", "one of the same block", "a longer block")
        if lengths != {len(states)} or output not in states:
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
    def blocks(self) -> tuple[tuple[tuple[tuple[sp.Expr, ...], ...], sp.Expr], ...]:
        """Pairs (maps of the layers of a block, repetitions)."""
        return tuple((tuple(tuple(layer) for layer in layers), count) for layers, count in self.args[2])

    @property
    def stages(self) -> tuple[tuple[tuple[sp.Expr, ...], sp.Expr], ...]:
        """Pairs (new values of the states after a block, repetitions): the layers of a block composed."""
        return tuple((self._composed(layers), count) for layers, count in self.blocks)

    def _composed(self, layers: tuple[tuple[sp.Expr, ...], ...]) -> tuple[sp.Expr, ...]:
        values: tuple[sp.Expr, ...] = self.states
        past: list[Mapping[sp.Symbol, sp.Expr]] = []
        for layer in layers:
            past.append(dict(zip(self.states, values, strict=True)))
            values = _at(layer, past)
        return values

    @property
    def output(self) -> sp.Symbol:
        """The state that is asked for."""
        return self.args[3]

    @property
    def free_symbols(self) -> set[sp.Symbol]:
        """Symbols that are not states."""
        maps = [expr for layers, _ in self.blocks for layer in layers for expr in layer]
        counts = [count for _, count in self.blocks]
        inside = set().union(*(expr.free_symbols for expr in maps)) - set(self.states)
        return inside.union(*(expr.free_symbols for expr in (*self.start, *counts)))

    @property
    def bound_symbols(self) -> list[sp.Symbol]:
        """The state symbols."""
        return list(self.states)

    def _eval_is_real(self) -> bool:
        return True

    def _eval_subs(self, old: sp.Basic, new: sp.Basic) -> sp.Basic | None:
        if old not in self.states:
            maps = self.args[2]  # symbols of the start values stay outside of what the states bind
            names = renaming(self.states, self, new) if old in maps.free_symbols else {}
            return self.renamed(names).subs(old, new) if names else None
        # the states are bound in the maps only: a start value may hold a symbol of the same name
        start = [e.subs(old, new) for e in self.start]
        return self.func(self.states, start, [(layers, n.subs(old, new)) for layers, n in self.blocks], self.output)

    def renamed(self, names: Mapping[sp.Symbol, sp.Symbol]) -> Recursion:
        """The same recursion with other names for its states."""
        stages = [
            (tuple(tuple(line.xreplace(names) for line in layer) for layer in layers), n) for layers, n in self.blocks
        ]
        states = [names.get(state, state) for state in self.states]
        return self.func(states, self.start, stages, names.get(self.output, self.output))

    def _sympystr(self, printer: Any) -> str:
        """A recursion in words, for the terminal: its maps and its start, nothing substituted."""
        parts = []
        for maps, count in self.stages:
            steps = ", ".join(f"{s} -> {printer.doprint(e)}" for s, e in zip(self.states, maps, strict=True))
            parts.append(f"{printer.doprint(count)} x ({steps})")
        start = ", ".join(f"{s} = {printer.doprint(e)}" for s, e in zip(self.states, self.start, strict=True))
        return f"{self.output} after {', then '.join(parts)} from {start}"

    def repeated(self) -> Iterator[tuple[sp.Expr, ...]]:
        """The maps of all layers in the order of their application; every repetition must be an integer."""
        for layers, count in self.blocks:
            if not count.is_Integer:
                raise DomainError(f"a recursion repeated {count} times", "an integer", f"bind({count}=3)")
            for _ in range(int(count)):
                yield from layers

    def unroll(self) -> sp.Expr:
        """The output as one expression, every map substituted (it grows quickly with depth)."""
        values, past = dict(zip(self.states, self.start, strict=True)), []
        for maps in self.repeated():
            past.append(values)
            values = dict(zip(self.states, _at(maps, past), strict=True))
        return values[self.output]


def _at(layer: tuple[sp.Expr, ...], past: Sequence[Mapping[sp.Symbol, sp.Expr]]) -> tuple[sp.Expr, ...]:
    """The new values of a layer."""
    maps, known = recalled(layer, past)
    return tuple(expr.subs({**past[-1], **known}, simultaneous=True) for expr in maps)


def _layers(maps: Any) -> sp.Tuple:
    """The maps of a block as a tuple of tuples; a single map is a block of one layer."""
    maps = sp.Tuple(*maps)
    if all(isinstance(entry, sp.Tuple) for entry in maps):
        return sp.Tuple(*(sp.Tuple(*entry) for entry in maps))
    return sp.Tuple(maps)
