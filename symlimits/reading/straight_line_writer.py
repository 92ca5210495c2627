"""Source as it is written, line by line: names of what is computed, loops, matrices in variables or in arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod

import sympy as sp

from symlimits.reading.straight_line_room import Room

Place = int | str  # a row or a column: a number, or the name of what counts it
Size = tuple[int, int]


@dataclass(frozen=True)
class Operand:
    """A matrix that has been computed: the source of its entries."""

    size: Size
    entry: Callable[[Place, Place], str]


@dataclass
class Writer:
    """Source as it is written: `names` of scalars, `indices` of loops, lines, and integers that are passed as data."""

    rooms: Mapping[str, Room]
    names: dict[sp.Symbol, str]
    indices: dict[sp.Symbol, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    head: list[str] = field(default_factory=list)
    constants: list[int] = field(default_factory=list)
    targets: list[sp.Expr] = field(default_factory=list)
    unrolled: bool = True
    depth: int = 2
    count: int = 0

    def new(self, letter: str) -> str:
        """A name that nothing has."""
        self.count += 1
        return f"{letter}{self.count}"

    def line(self, text: str) -> None:
        """One more line."""
        self.lines.append("    " * self.depth + text)

    def places(self, rows: int, columns: int) -> Iterator[tuple[Place, Place]]:
        """All places of a matrix: one by one, or once in two loops."""
        if self.unrolled:
            yield from product(range(rows), range(columns))
            return
        i, j = self.new("i"), self.new("j")
        for name, size in ((i, rows), (j, columns)):
            self.line(f"for {name} in range({size}):")
            self.depth += 1
        yield i, j
        self.depth -= 2

    def within(self, index: sp.Symbol, values: str) -> Iterator[None]:
        """Once, in a loop over the values of an index."""
        outer, name = self.indices.copy(), self.new("n")
        self.line(f"for {name} in range({values}):")
        self.depth += 1
        self.indices[index] = name
        yield
        self.depth -= 1
        self.indices = outer

    def zeros(self, size: Size) -> Operand:
        """A matrix of zeros to add to: variables, or an array that is allocated once."""
        name = self.new("m")
        if self.unrolled:
            total = Operand(size, lambda i, j: f"{name}r{i}c{j}")
        else:
            self.head.append(f"    {name} = empty({prod(size)})")
            total = Operand(size, lambda i, j: f"{name}[uint64({flat(i, j, size)})]")
        for i, j in self.places(*size):
            self.line(f"{total.entry(i, j)} = 0.0")
        return total


def flat(i: Place, j: Place, size: Size) -> str:
    """Where an entry stands, row by row."""
    columns = size[1]
    return str(i * columns + j) if isinstance(i, int) and isinstance(j, int) else f"{i}*{columns} + {j}"
