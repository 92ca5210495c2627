"""The head of a straight line: definitions in order, with what they share, scalars or indexed matrices, as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.block import Block, Entry, shape
from symlimits.language.substitution import renaming
from symlimits.language.tree import register

MOST_WRITTEN = 20  # definitions in a terminal


@register
class Definition(sp.Basic):
    """`target := expression`; the target is a symbol or a `Block`, the expression 0 or of the target's shape.

    >>> x, y = sp.symbols("x y")
    >>> Definition(y, x**2)
    y := x**2
    """

    def __new__(cls, target: Any, expression: Any) -> Definition:
        expression = sp.sympify(expression)
        if not isinstance(target, sp.Symbol | Block) or not isinstance(expression, sp.Expr):
            raise DomainError(f"{target} := {expression}", "a symbol or a block, and an expression", "Definition(y, x)")
        if expression != 0 and shape(target) != shape(expression):
            given = f"{target} of shape {shape(target)} := {expression} of shape {shape(expression)}"
            raise DomainError(given, "a target of the expression's shape", "a block with the shape of the product")
        return sp.Basic.__new__(cls, target, expression)

    @property
    def target(self) -> sp.Symbol | Block:
        """What is defined."""
        return self.args[0]

    @property
    def expression(self) -> sp.Expr:
        """What it is."""
        return self.args[1]

    def _sympystr(self, printer: Any) -> str:
        return f"{printer.doprint(self.target)} := {printer.doprint(self.expression)}"


@register
class Loop(sp.Basic):
    """Statements for index = first, first + step, ..., last; step is 1, or -1 for a way down.

    Written out it is a straight line: no branches, and nothing is done where the range is empty.

    >>> t = sp.Symbol("t", integer=True)
    >>> A = lambda t: Block("A", (t,), (2, 2))
    >>> Loop(t, 1, 3, [Definition(A(t), A(t - 1) ** 2)])
    for t = 1, ..., 3: A[t] := A[t - 1]**2
    """

    def __new__(cls, index: sp.Symbol, first: Any, last: Any, body: Iterable[Any], step: Any = 1) -> Loop:
        first, last, step, body = sp.sympify(first), sp.sympify(last), sp.sympify(step), sp.Tuple(*body)
        ends = (first, last)
        if not isinstance(index, sp.Symbol) or any(end.has(index) for end in ends) or step not in (1, -1):
            given = f"{index} = {first}, ..., {last} by {step}"
            raise DomainError(given, "a symbol, ends without it, 1 or -1", "Loop(t, 0, T, body)")
        _check_statements(body)
        return sp.Basic.__new__(cls, index, first, last, body, step)

    @property
    def index(self) -> sp.Symbol:
        """What counts."""
        return self.args[0]

    @property
    def ends(self) -> tuple[sp.Expr, sp.Expr]:
        """The first and the last value."""
        return self.args[1], self.args[2]

    @property
    def body(self) -> tuple[Statement, ...]:
        """What is done for each value."""
        return tuple(self.args[3])

    @property
    def step(self) -> int:
        """1 upwards, -1 downwards."""
        return int(self.args[4])

    def _sympystr(self, printer: Any) -> str:
        first, last = map(printer.doprint, self.ends)
        return f"for {self.index} = {first}, ..., {last}: {'; '.join(map(printer.doprint, self.body))}"


Statement = Definition | Loop


@register
class StraightLine(sp.Expr):
    r"""The value of `output` after statements that are done in their order: definitions, and loops of them.

    Every target is defined once, before it is read. Scalars are symbols; they are defined outside of loops. Blocks that
    are read and never defined are `inputs`, as are the symbols that are left free. What is defined is bound: it has
    no meaning outside. Printing never substitutes definitions into each other.

    >>> x, y, z = sp.symbols("x y z")
    >>> line = StraightLine([Definition(y, 1 + x), Definition(z, y**2)], y + z)
    >>> line
    y + z where y := x + 1; z := y**2
    >>> line.free_symbols
    {x}
    """

    def __new__(cls, statements: Iterable[Any], output: Any) -> StraightLine:
        statements, output = sp.Tuple(*statements), sp.sympify(output)
        _check_statements(statements)
        _check_order(statements, output)
        return sp.Expr.__new__(cls, statements, output)

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Definitions and loops in their order."""
        return tuple(self.args[0])

    @property
    def output(self) -> sp.Expr:
        """What is asked for."""
        return self.args[1]

    @property
    def bound_symbols(self) -> list[sp.Symbol]:
        """The scalars that are defined, and the indices of the loops."""
        targets = [d.target for d in definitions(self.statements) if isinstance(d.target, sp.Symbol)]
        return [*targets, *dict.fromkeys(loop.index for loop in loops(self.statements))]

    @property
    def free_symbols(self) -> set[sp.Symbol]:
        """The scalar inputs: also symbols of shapes and of the ends of loops."""
        return set(_inputs(self))

    @property
    def is_scalar(self) -> bool:
        """Whether there are neither loops nor matrices."""
        return not self.has(Loop, Block, Entry)

    @property
    def inputs(self) -> set[str]:
        """The names of the blocks that are read and nowhere defined."""
        defined = {d.target.name for d in definitions(self.statements) if isinstance(d.target, Block)}
        return {block.name for block in self.atoms(Block)} - defined

    def _eval_is_commutative(self) -> bool:
        return shape(self.output) is None

    def _eval_is_real(self) -> bool | None:
        return True if self.is_commutative else None

    def _eval_subs(self, old: sp.Basic, new: sp.Basic) -> sp.Basic | None:
        if old in self.bound_symbols:
            return self
        names = renaming(self.bound_symbols, self, new) if old in self.free_symbols else {}
        return self.renamed(names).subs(old, new) if names else None

    def renamed(self, names: Mapping[sp.Symbol, sp.Symbol]) -> StraightLine:
        """The same straight line with other names for what it binds."""
        return self.func(self.args[0].xreplace(names), self.output.xreplace(names))

    def _sympystr(self, printer: Any) -> str:
        """What fills a page, loops and straight lines within others, is counted only: `explain` and LaTeX write it."""
        nested = any(statement.has(StraightLine) for statement in self.statements)
        if nested or self.has(Loop) or len(self.statements) > MOST_WRITTEN:
            return f"{printer.doprint(self.output)} after {len(list(definitions(self.statements)))} definitions"
        return f"{printer.doprint(self.output)} where {'; '.join(map(printer.doprint, self.statements))}"


@lru_cache(maxsize=4096)  # a straight line is data, and is asked again and again
def _inputs(line: StraightLine) -> frozenset[sp.Symbol]:
    return frozenset((_free(line.statements) | line.output.free_symbols) - set(line.bound_symbols))


def definitions(statements: Iterable[Statement]) -> Iterator[Definition]:
    """All definitions, those in loops once, in their order."""
    for statement in statements:
        if isinstance(statement, Loop):
            yield from definitions(statement.body)
        else:
            yield statement


def loops(statements: Iterable[Statement]) -> Iterator[Loop]:
    """All loops, an outer one before those in it."""
    for statement in statements:
        if isinstance(statement, Loop):
            yield statement
            yield from loops(statement.body)


def _free(statements: Iterable[Statement]) -> set[sp.Symbol]:
    found: set[sp.Symbol] = set()
    for statement in statements:
        if isinstance(statement, Loop):
            inside = _free(statement.body) - {statement.index}
            found |= inside.union(*(end.free_symbols for end in statement.ends))
        else:
            found |= statement.target.free_symbols | statement.expression.free_symbols
    return found


def _check_statements(statements: sp.Tuple) -> None:
    for statement in statements:
        if not isinstance(statement, Definition | Loop):
            raise DomainError(f"the statement {statement}", "a definition or a loop", "Definition(y, x)")


def _check_order(statements: sp.Tuple, output: sp.Expr) -> None:
    """Scalars: one definition each, outside of loops, before they are read."""
    inside = {d.target for loop in loops(statements) for d in definitions(loop.body) if isinstance(d.target, sp.Symbol)}
    if inside:
        given = f"the scalar {inside.pop()} defined in a loop"
        raise DomainError(given, "a block with indices", "a Block of shape (1, 1)")
    scalars = [s.target for s in statements if isinstance(s, Definition) and isinstance(s.target, sp.Symbol)]
    coming = set(scalars)
    if len(coming) < len(scalars):
        raise DomainError(f"definitions of {scalars}", "one for each symbol", "another name")
    for statement in (*statements, output):
        early = _reads(statement) & coming if coming else set()
        if early:
            raise DomainError(f"{early.pop()} read before it is defined", "definitions in their order", "another order")
        coming.discard(getattr(statement, "target", None))


def _reads(statement: sp.Basic) -> set[sp.Symbol]:
    """The free symbols of a loop, of an expression, or of what a definition defines its target by."""
    if isinstance(statement, Loop):
        return _free([statement])
    return (statement.expression if isinstance(statement, Definition) else statement).free_symbols
