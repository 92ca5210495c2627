"""The room that the blocks of a straight line take: for each name, the least and the largest of its indices.

They follow from the ends of loops by arithmetic of intervals, over what is defined and what is read: an index that runs
at all stays within them, so that compiled code needs no look at bounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod

import sympy as sp

from symlimits.errors import DomainError, NoRule, UnboundSymbol
from symlimits.language.block import Block, IdentityMatrix
from symlimits.language.straight_line import Loop, Statement, StraightLine
from symlimits.reading.straight_line import MOST

Interval = tuple[int, int]
Ranges = Mapping[sp.Symbol, Interval]


@dataclass(frozen=True)
class Room:
    """Matrices of one name: intervals of their indices, rows and columns."""

    intervals: tuple[Interval, ...]
    size: tuple[int, int]

    @property
    def counts(self) -> tuple[int, ...]:
        """How many values each index has."""
        return tuple(high - low + 1 for low, high in self.intervals)

    @property
    def numbers(self) -> int:
        """How many numbers there is room for."""
        return prod(self.counts) * prod(self.size)

    def joined(self, other: Room, name: str) -> Room:
        """Room for both."""
        if self.size != other.size or len(self.intervals) != len(other.intervals):
            given = f"compiled code for {name} of shapes {self.size} and {other.size}, or of other indices"
            raise NoRule(given, "one shape and one number of indices", "another name")
        pairs = zip(self.intervals, other.intervals, strict=True)
        return Room(tuple((min(a[0], b[0]), max(a[1], b[1])) for a, b in pairs), self.size)


def rooms(line: StraightLine) -> dict[str, Room]:
    """The room of every name, inputs first; none for indices that take no value.

    Raises `UnboundSymbol` for a symbol without a value in an index, a shape or the end of a range, `NoRule` for another
    index than sums and products of integers, `DomainError` for ranges that are too long.

    >>> t = sp.Symbol("t", integer=True)
    >>> A = lambda t: Block("A", (t,), (2, 2))
    >>> from symlimits.language.straight_line import Definition
    >>> rooms(StraightLine([Loop(t, 1, 9, [Definition(A(t), A(t - 1) ** 2)])], A(9)))
    {'A': Room(intervals=((0, 9),), size=(2, 2))}
    """
    found: dict[str, Room] = {}
    _visit_all(line.statements, {}, found)
    _visit(line.output, {}, found)
    for block in line.atoms(Block):
        rows, columns = map(whole_number, block.shape)
        found.setdefault(block.name, Room(((0, -1),) * len(block.indices), (rows, columns)))
    given = line.inputs
    return dict(sorted(found.items(), key=lambda item: (item[0] not in given, item[0])))


def integers(line: StraightLine) -> set[sp.Symbol]:
    """The free symbols of indices, sizes and ranges, which need values before a straight line is compiled.

    >>> t, T = sp.symbols("t T", integer=True)
    >>> A = lambda t: Block("A", (t,), (2, 2))
    >>> from symlimits.language.straight_line import Definition
    >>> integers(StraightLine([Loop(t, 1, T, [Definition(A(t), A(t - 1) ** 2)])], A(9)))
    {T}
    """
    sums, found = line.atoms(sp.Sum), set[sp.Symbol]()
    for node in [*line.atoms(Block, IdentityMatrix), *line.atoms(Loop), *sums]:
        ends = node.ends if isinstance(node, Loop) else node.limits[0][1:] if isinstance(node, sp.Sum) else [node]
        found |= set().union(*(end.free_symbols for end in ends))
    return found - set(line.bound_symbols) - {total.limits[0][0] for total in sums}


def whole_number(expr: sp.Expr) -> int:
    """Rows or columns, once every symbol has its value."""
    if expr.free_symbols:
        name = min(map(str, expr.free_symbols))
        raise UnboundSymbol(f"{name} without a value", "an integer for every size and range", f".bind({name}=...)")
    if not expr.is_Integer or expr < 1:
        raise NoRule(f"{expr} as a number of rows or columns", "a positive integer", "another shape")
    return int(expr)


def _visit_all(statements: Iterable[Statement], ranges: Ranges, found: dict[str, Room]) -> None:
    for statement in statements:
        if not isinstance(statement, Loop):
            _visit(statement, ranges, found)
            continue
        first, last = statement.ends if statement.step == 1 else reversed(statement.ends)
        inside = _within(statement.index, first, last, ranges)
        if inside:
            _visit_all(statement.body, inside, found)


def _visit(expr: sp.Basic, ranges: Ranges, found: dict[str, Room]) -> None:
    if isinstance(expr, sp.Sum):
        inside = _within(*_limits(expr), ranges)
        if inside:
            _visit(expr.function, inside, found)
    elif isinstance(expr, Block):
        rows, columns = map(whole_number, expr.shape)
        here = Room(tuple(_interval(index, ranges) for index in expr.indices), (rows, columns))
        found[expr.name] = found.get(expr.name, here).joined(here, expr.name)
    else:
        for part in expr.args:
            _visit(part, ranges, found)


def _limits(expr: sp.Sum) -> tuple[sp.Symbol, sp.Expr, sp.Expr]:
    if len(expr.limits) != 1 or len(expr.limits[0]) != 3:
        raise NoRule(f"the sum {expr}", "one index with two ends", "a sum in a sum")
    variable, first, last = expr.limits[0]
    return variable, first, last


def _within(index: sp.Symbol, first: sp.Expr, last: sp.Expr, ranges: Ranges) -> Ranges | None:
    """The ranges with one more index; None where it takes no value."""
    low, high = _interval(first, ranges)[0], _interval(last, ranges)[1]
    if high - low >= MOST:
        raise DomainError(f"{high - low + 1} values of {index}", f"at most {MOST}", "a smaller range")
    return {**ranges, index: (low, high)} if low <= high else None


def _interval(expr: sp.Expr, ranges: Ranges) -> Interval:
    if expr.is_Integer:
        return int(expr), int(expr)
    if isinstance(expr, sp.Symbol):
        if expr not in ranges:
            raise UnboundSymbol(f"{expr} without a value", "an integer for every size and range", f".bind({expr}=...)")
        return ranges[expr]
    if not isinstance(expr, sp.Add | sp.Mul):
        raise NoRule(f"the index {expr}", "sums and products of integers", "t + 1")
    parts = [_interval(part, ranges) for part in expr.args]
    if expr.is_Add:
        return sum(low for low, _ in parts), sum(high for _, high in parts)
    ends = [prod(choice) for choice in product(*parts)]
    return min(ends), max(ends)
