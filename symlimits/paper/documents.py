r"""Derivations as LaTeX files: a fragment for `\input`, and a document of many that stands alone.

Fragments need the packages amsmath and amssymb and no macros of ours; each carries a `\label`, so that a
paper refers to the last line by its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from symlimits.chain import Derivation
from symlimits.reading.latex import document
from symlimits.reading.latex_text import escape

HEADER = r"% amsmath and amssymb; \input{{{name}}}, then \eqref{{eq:{name}}} is the last line."


class Section(NamedTuple):
    """What a document says of one statement: its file name, its title, its source and its fragment."""

    name: str
    title: str
    source: str
    fragment: str


def fragment(name: str, derivation: Derivation, notation: Mapping[str, str] | None = None) -> str:
    r"""The derivation for `\input` into a paper, its last line labelled `eq:<name>`."""
    return f"{HEADER.format(name=name)}\n{derivation.latex(notation, label=f'eq:{name}')}\n"


def standalone(derivation: Derivation, title: str, notation: Mapping[str, str] | None = None) -> str:
    """A document of one derivation."""
    return document([derivation.latex(notation)], title) + "\n"


def collected(sections: Sequence[Section], table: str, title: str) -> str:
    """A document of many statements: the table of their certificates, then a section each."""
    parts = ["\\section*{Certificates}\n" + table, *map(_section, sections)]
    return document(parts, title) + "\n"


def _section(section: Section) -> str:
    return rf"\section{{{escape(_sentence(section.title))}}}" + f"\n{escape(section.source)}.\n{section.fragment}"


def tabular(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""Rows of plain text as a LaTeX table.

    >>> print(tabular(["claim", "status"], [["a_1", "holds"]]))
    \begin{tabular}{ll}
    \hline
    claim & status \\
    \hline
    a\_1 & holds \\
    \hline
    \end{tabular}
    """
    lines = [" & ".join(map(escape, row)) + r" \\" for row in (header, *rows)]
    body = [r"\hline", lines[0], r"\hline", *lines[1:], r"\hline"]
    return "\n".join([rf"\begin{{tabular}}{{{'l' * len(header)}}}", *body, r"\end{tabular}"])


def columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The same table for the terminal, in columns of equal width.

    >>> print(columns(["claim", "status"], [["dual-relu", "holds"]]))
    claim      status
    dual-relu  holds
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (header, *rows)]
    return "\n".join(line.rstrip() for line in lines)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
