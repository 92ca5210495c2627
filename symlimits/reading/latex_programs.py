r"""How the limit of a tensor program prints: laws of its Gaussians, then every Z and every mean once, in their order.

Below a line stands only what the line before it did not have.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import sympy as sp

from symlimits.language.expectation import GaussianExpectation
from symlimits.language.program_lines import is_program, is_shared, outermost
from symlimits.language.straight_line import Definition, StraightLine
from symlimits.reading.latex_text import raised, rendered_width


class Mean(sp.Function):
    """An expectation over Gaussians whose laws are told apart from it; it lives in print only."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"\mathbb{{E}}\left[{printer.doprint(self.args[0])}\right]" + raised(exp)

    def _sympystr(self, printer: Any) -> str:
        return f"E[{printer.doprint(self.args[0])}]"


def opened(expr: sp.Expr) -> sp.Expr:
    """A straight line of scalars that ends with the definition of its output, with what defines it as the output.

    >>> x, y = sp.symbols("x y")
    >>> opened(StraightLine([Definition(x, 2), Definition(y, x**2)], y))
    x**2 where x := 2
    """
    if not isinstance(expr, StraightLine) or not expr.is_scalar or not expr.statements:
        return expr
    *others, last = expr.statements
    if not isinstance(last, Definition) or last.target != expr.output:
        return expr
    line = StraightLine(others, last.expression)
    return line if others or is_program(line) else last.expression


def asked(line: StraightLine) -> sp.Expr:
    """The output, its expectations without their laws, which stand below."""
    return line.output.xreplace({head: Mean(_output(head)) for head in filter(is_shared, outermost(line.output))})


def flattened(line: StraightLine) -> list[Definition]:
    """All definitions in one order: a random variable's before the first mean that reads it."""
    return list(_flattened(line))


@lru_cache(maxsize=64)  # of a derivation's lines, each of which is told from the one before
def _flattened(line: StraightLine) -> tuple[Definition, ...]:
    found: dict[sp.Symbol, Definition] = {}
    for statement in line.statements:
        assert isinstance(statement, Definition)
        _random_variables(statement.expression, found)
        heads = filter(is_shared, outermost(statement.expression))
        printed = statement.expression.xreplace({head: Mean(_output(head)) for head in heads})
        found[statement.target] = Definition(statement.target, printed)
    _random_variables(line.output, found)
    return tuple(found.values())


def _random_variables(expr: sp.Expr, found: dict[sp.Symbol, Definition]) -> None:
    """Add the definitions of what the expectations of an expression are over."""
    for head in filter(is_shared, outermost(expr)):
        if isinstance(head.integrand, StraightLine):
            found.update({d.target: d for d in head.integrand.statements if d.target not in found})


def new_definitions(line: StraightLine, before: sp.Expr | None) -> list[Definition]:
    """Those that the line before does not have."""
    told = {
        d for b in (before.atoms(StraightLine) if before is not None else ()) if is_program(b) for d in flattened(b)
    }
    return [definition for definition in flattened(line) if definition not in told]


def laws(line: StraightLine, write: Any) -> list[str]:
    """Variances and covariances of the Gaussian symbols, in LaTeX; those that are zero are not written."""
    return [_law(write, *entry) for entry in covariances(line)]


def covariances(line: StraightLine) -> list[tuple[sp.Symbol, sp.Symbol, sp.Expr]]:
    """Pairs of Gaussian symbols, each with its variance or its covariance where that is not zero."""
    entries: dict[tuple[sp.Symbol, sp.Symbol], sp.Expr] = {}
    for head in filter(is_shared, line.atoms(GaussianExpectation)):
        us, matrix = head.variables, head.covariance
        entries.update({(us[i], us[j]): matrix[i, j] for i in range(len(us)) for j in range(i, len(us))})
    order = sorted(entries, key=lambda pair: [[len(u.name), u.name] for u in pair])
    return [(*pair, entries[pair]) for pair in order if entries[pair] != 0]


def _law(write: Any, u: sp.Symbol, v: sp.Symbol, value: sp.Expr) -> str:
    if u == v:
        return rf"{write(u)} \sim \mathcal{{N}}(0, {write(value)})"
    return rf"\operatorname{{Cov}}({write(u)}, {write(v)}) = {write(value)}"


def packed(parts: list[str], room: float) -> Iterator[str]:
    """Parts of a list in rows that fit."""
    row = ""
    for part in parts:
        longer = rf"{row} \quad {part}," if row else f"{part},"
        if row and rendered_width(longer) > room:
            yield row
            longer = f"{part},"
        row = longer
    if row:
        yield row


def _output(head: GaussianExpectation) -> sp.Expr:
    inner = head.integrand
    return inner.output if isinstance(inner, StraightLine) else inner
