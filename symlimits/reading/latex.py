r"""Expressions and derivations as LaTeX that could stand in a paper (amsmath is enough)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

import sympy as sp

from symlimits.language.recursion import Recursion
from symlimits.language.straight_line import StraightLine
from symlimits.reading.latex_breaks import INDENT
from symlimits.reading.latex_letters import LETTER
from symlimits.reading.latex_names import names
from symlimits.reading.latex_printer import Printer
from symlimits.reading.latex_programs import asked, opened, packed
from symlimits.reading.latex_shared import shared
from symlimits.reading.latex_text import below, continued, enclose, environment, escape, rendered_width

PAGE = 80  # letters, as `rendered_width` counts them, across a page of one column
ALIGNED = 0.95  # of the room, for equations below each other: the widest left-hand side stands before all of them
APART = 3  # letters between formula, rule and number, at least
FEW = 3  # rows: a longer formula is shortened by letters for its parts, longer definitions are rows of the display
WORTH = 3 / 4  # of its source; new letters that save less are not worth being learned
NARROWEST = 30  # however long the name of a rule is, the formula keeps this much of the page

_DISPLAY = re.compile(r"\\\[|\\begin\{(align|equation|gather|multline)\*?\}|\\(sub)*(section|paragraph)\b")


class Line(Protocol):
    """A line of a derivation: an expression, and the rule and the source that it comes from."""

    @property
    def expr(self) -> sp.Expr: ...
    @property
    def rule(self) -> str: ...
    @property
    def source(self) -> str: ...


def latex(expr: sp.Expr, notation: Mapping[str, str] | None = None) -> str:
    r"""An expression as LaTeX, for math mode with amsmath.

    `notation` gives symbols the author's letters: {"p": "k(x, x)"}, from a symbol's name to
    LaTeX. A recursion prints as its last value, and where that comes from. Raises `DomainError`
    if two symbols would print alike.

    >>> p, q = sp.symbols("p q", positive=True)
    >>> c = sp.Symbol("c", real=True)
    >>> print(latex(c * sp.asin(c / sp.sqrt(p * q)) / (2 * sp.pi) + sp.sqrt(p * q - c**2) / (2 * sp.pi)))
    \frac{c \arcsin\left(\frac{c}{\sqrt{p q}}\right)}{2 \pi} + \frac{\sqrt{p q - c^{2}}}{2 \pi}
    """
    expr = opened(expr)
    known = names([expr], notation or {})
    printer = Printer(known.letters)
    formula = printer.doprint(expr)
    before = rf"{formula}, \quad \text{{where}} \quad "
    room = PAGE - rendered_width(before)
    equations = [*_told(known.meanings, room), *printer.equations(expr, room)]
    return before + environment("aligned", equations) if equations else formula


def align(
    left: str,
    lines: Sequence[Line],
    notation: Mapping[str, str] | None = None,
    label: str | None = None,
    width: int = PAGE,
) -> str:
    r"""A chain of equalities as one `align*`, one rule a line; with a label as an `align` with one number.

    Arguments: the left-hand side, in LaTeX; the lines; `notation` as for `latex`; the label;
    the letters that fit across the page, for left-hand side, formula and rule together. Longer
    lines are broken between terms. Below a recursion stand the equations that define it,
    start values only where they are new, and below a straight line its definitions. Raises
    `DomainError` if two symbols would print alike.

    >>> from types import SimpleNamespace as Line
    >>> c = sp.Symbol("c")
    >>> lines = [Line(expr=(c + 1) ** 2, rule="definition"), Line(expr=c**2 + 2 * c + 1, rule="expansion")]
    >>> print(align("T(c)", lines))
    \begin{align*}
    T(c) &= (c + 1)^{2} && \text{(definition)} \\
    &= c^{2} + 2 c + 1 && \text{(expansion)}
    \end{align*}
    """
    exprs = [opened(line.expr) for line in lines]
    known = names(exprs, notation or {}, left)
    printer, meanings = Printer(known.letters), known.meanings
    rules = [rf" && \text{{({escape(line.rule)})}}" if line.rule else "" for line in lines]
    beside = rendered_width(f"{left} = {'(100)' if label else ''}") + max(map(rendered_width, rules), default=0) + APART
    room = max(NARROWEST, width - beside)
    rows: list[str] = []
    before: sp.Expr | None = None
    for expr, rule in zip(exprs, rules, strict=True):
        programmed = expr.has(StraightLine) and not expr.has(Recursion)
        free = _beside_nothing(printer, left, exprs, beside, width) if expr.has(StraightLine, Recursion) else room
        equations = printer.equations(expr, (free if programmed else ALIGNED * free) - INDENT, before)
        if equations and programmed:
            equations, meanings = [*_told(meanings, free - INDENT), *equations], ()
        before = expr
        formula = printer.rows(_asked(expr), room, after=r", \quad \text{where}" if equations else "")
        if len(formula) > FEW and not equations:
            shorter = _in_parts(printer, expr, room)
            saves = len("".join(shorter)) <= WORTH * len("".join(formula))
            formula = shorter if saves and len(shorter) < len(formula) else formula
        rows += continued("&=" if rows else f"{left} &=", [*formula[:-1], formula[-1] + rule])
        rows += _beneath(equations, programmed)
    if label is None:
        return environment("align*", rows)
    return environment("align", [*(rf"{row} \notag" for row in rows[:-1]), rf"{rows[-1]} \label{{{label}}}"])


def _beneath(equations: list[str], programmed: bool) -> list[str]:
    """Definitions below their line: rows of the display, between which pages may break, or a few that stay together."""
    if len(equations) > FEW or programmed:
        return below(equations)
    return [rf"&\rlap{{$\displaystyle{{}} \quad {environment('aligned', equations)}$}}"] if equations else []


def _told(meanings: Sequence[str], room: float) -> list[str]:
    """What letters stand for, in rows before the definitions."""
    if not meanings:
        return []
    first, *others = meanings
    *rows, last = packed([rf"\text{{with }} {first}", *others], room)
    return [*(f"&{row}" for row in rows), rf"&{last.removesuffix(',')} \text{{ of a tensor program:}}"]


def _in_parts(printer: Printer, expr: sp.Expr, room: float) -> list[str]:
    """A long formula in rows, with letters for what it repeats, which are defined in the last rows."""
    found = shared(expr, {letter for tex in printer.names.values() for letter in LETTER.findall(tex)})
    rows = printer.rows(found.expr, room, after=r", \quad \text{where}" if found.parts else "")
    for k, (letter, part) in enumerate(found.parts):
        after = "," if k + 1 < len(found.parts) else ""
        rows += enclose(f"{printer._print(letter)} = ", printer.rows(part, room), after)
    return rows


def _asked(expr: sp.Expr) -> sp.Expr:
    return asked(expr) if isinstance(expr, StraightLine) else expr


def _beside_nothing(printer: Printer, left: str, exprs: Sequence[sp.Expr], beside: float, width: int) -> float:
    """The letters from the equality signs to the margin: LaTeX leaves as much left of a display as between columns."""
    room = max(NARROWEST, width - beside)
    widest = max(rendered_width(row) for expr in exprs for row in printer.rows(_asked(expr), room))
    margin = max(0.0, width - beside - widest) / 3
    return max(NARROWEST, width - margin - rendered_width(f"{left} ="))


def document(fragments: Sequence[str], title: str | None = None) -> str:
    r"""A LaTeX document of fragments: displays and headings as they are, formulas in a display each.

    >>> print(document(["E = m c^2"]))
    \documentclass{article}
    \usepackage[margin=2cm]{geometry}
    \usepackage{amsmath, amssymb}
    \allowdisplaybreaks
    \begin{document}
    \[
    E = m c^2
    \]
    \end{document}
    """
    heading = [rf"\title{{{escape(title)}}}", r"\date{}", r"\maketitle"] if title else []
    bodies = [text if _DISPLAY.match(text) else f"\\[\n{text}\n\\]" for text in fragments]
    preamble = [r"\documentclass{article}", r"\usepackage[margin=2cm]{geometry}", r"\usepackage{amsmath, amssymb}"]
    return "\n".join([*preamble, r"\allowdisplaybreaks", r"\begin{document}", *heading, *bodies, r"\end{document}"])
