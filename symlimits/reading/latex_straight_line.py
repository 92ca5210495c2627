r"""How a straight line prints: its definitions in their order, each with the range of its index, loops around them.

Nothing is substituted. A loop that holds loops is a line of its own, "for t = 0, ..., T", and what it holds stands
further right; definitions of an innermost loop stand in one line while they fit, with the range at its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import sympy as sp
from sympy.core.sorting import default_sort_key

from symlimits.language.program_lines import is_program
from symlimits.language.straight_line import Definition, Loop, Statement, StraightLine
from symlimits.reading.latex_programs import flattened, laws, new_definitions, packed
from symlimits.reading.latex_text import open_brackets, rendered_width

FEW = 3  # values of an index that are all written
NARROWEST = 30  # letters that a formula keeps, however deep the loops are
QUAD = 2  # letters


class Writer(Protocol):
    """What writes the formulas."""

    def doprint(self, expr: sp.Basic) -> str: ...
    def rows(self, expr: sp.Expr, room: float, after: str = "") -> list[str]: ...


def new_lines(expr: sp.Expr, before: sp.Expr | None) -> list[StraightLine]:
    """The straight lines in an expression, one of those with the same statements, without those that stood before."""
    told = {_said(line) for line in (outermost(before) if before is not None else ())}
    lines = {_said(line): line for line in sorted(outermost(expr), key=default_sort_key)}
    return [line for said, line in lines.items() if said not in told]


def _said(line: StraightLine) -> object:
    """What of a straight line is told once: its statements; of a program's also the variables of its output."""
    return line if is_program(line) else line.statements


def outermost(expr: sp.Basic) -> set[StraightLine]:
    """The straight lines in an expression, without those of the expectations in them."""
    if isinstance(expr, StraightLine):
        return {expr}
    return set().union(*map(outermost, expr.args)) if expr.has(StraightLine) else set()


def straight_line_rows(writer: Writer, line: StraightLine, room: float, before: sp.Expr | None = None) -> list[str]:
    """The rows of an `aligned` environment, flush left, that say how the output comes about."""
    if is_program(line):
        return list(_program_rows(writer, line, room, before))
    return list(_rows(writer, line.statements, 0, room))


def _program_rows(writer: Writer, line: StraightLine, room: float, before: sp.Expr | None) -> Iterator[str]:
    """Laws of Gaussians and definitions of random variables and means; what the line before has is not said again."""
    told = {law for old in (outermost(before) if before is not None else ()) for law in laws(old, writer.doprint)}
    fresh, new = [law for law in laws(line, writer.doprint) if law not in told], new_definitions(line, before)
    if not fresh and not new:
        return
    if before is not None and len(new) < len(flattened(line)):
        yield r"&\text{as before, but}"
    elif fresh:
        yield r"&\text{Gaussians, independent where no covariance is written:}"
    yield from (f"&{row}" for row in packed(fresh, room))
    yield from _rows(writer, new, 0, room)


def _rows(writer: Writer, statements: Iterable[Statement], depth: int, room: float) -> Iterator[str]:
    indent, left = r"\quad " * depth, max(NARROWEST, room - QUAD * depth)
    group: list[Definition] = []
    for statement in statements:
        if isinstance(statement, Definition):
            group.append(statement)
            continue
        yield from _shifted(_definitions(writer, group, "", left), indent)
        group = []
        if all(isinstance(inner, Definition) for inner in statement.body):
            yield from _shifted(_definitions(writer, statement.body, _range(writer, statement), left), indent)
        else:
            yield rf"&{indent}\text{{for }} {_range(writer, statement)}\text{{:}}"
            yield from _rows(writer, statement.body, depth + 1, room)
    yield from _shifted(_definitions(writer, group, "", left), indent)


def _definitions(writer: Writer, group: Iterable[Statement], values: str, room: float) -> list[list[str]]:
    """Lines of definitions, each line in its rows: as many definitions as fit, the range of the index at the end."""
    after = rf", \quad {values}" if values else ","
    lines: list[list[str]] = []
    for definition in group:
        written = _written(writer, definition, room - rendered_width(after))
        together = rf"{lines[-1][0]}, \quad {written[0]}" if lines and len(written) == len(lines[-1]) == 1 else ""
        if together and rendered_width(together + after) <= room:
            lines[-1] = [together]
        else:
            lines.append(written)
    return [[*rows[:-1], rows[-1] + after] for rows in lines]


def _written(writer: Writer, definition: Statement, room: float) -> list[str]:
    assert isinstance(definition, Definition)
    left = f"{writer.doprint(definition.target)} ="
    first, *others = writer.rows(definition.expression, room - rendered_width(left))
    return [f"{left} {first}", *others]


def _shifted(lines: Iterable[list[str]], indent: str) -> Iterator[str]:
    for rows in lines:
        for i, row in enumerate(rows):
            inner = r"\quad " * (i > 0) * (2 + open_brackets("".join(rows[:i])))
            yield f"&{indent}{inner}{row}"


def _range(writer: Writer, loop: Loop) -> str:
    """Which values the index takes, all of them where they are few."""
    index, (first, last) = writer.doprint(loop.index), loop.ends
    count = (last - first) * loop.step + 1
    if count.is_Integer and 1 <= count <= FEW:
        values = [writer.doprint(first + loop.step * i) for i in range(count)]
    else:
        values = [writer.doprint(first), r"\dots", writer.doprint(last)]
    return f"{index} = {', '.join(values)}"
