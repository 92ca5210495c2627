r"""Derivations as LaTeX files: fragments for `\input`, and a document of a paper's statements that stands alone.

Fragments of `reproduce` need amsmath, amssymb and its file of macros; each carries a `\label`, so that a paper refers
to the last line by its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from symlimits.chain import Derivation
from symlimits.paper.macros import FILE, with_macros
from symlimits.reading.latex import document
from symlimits.reading.latex_text import escape

COMMENT = r"% amsmath, amssymb, \input{{{macros}}}; \input{{{name}}}, then \eqref{{eq:{name}}} is the last line."
PACKAGES = (r"\usepackage[margin=2cm]{geometry}", r"\usepackage{amsmath, amssymb, booktabs, graphicx, longtable}")


class Section(NamedTuple):
    """What a document says of one statement: its file name, its title, its source, what it is about, its code."""

    name: str
    title: str
    source: str
    scope: str = ""
    code: str = ""


class Picture(NamedTuple):
    """A figure of a document: its file, and its caption."""

    file: str
    caption: str


def fragment(name: str, derivation: Derivation, notation: Mapping[str, str] | None = None) -> str:
    r"""The derivation for `\input` into a paper, its last line labelled `eq:<name>`."""
    display = with_macros(derivation.latex(notation, label=f"eq:{name}"))
    return f"{COMMENT.format(macros=FILE, name=name)}\n{display}\n"


def standalone(derivation: Derivation, title: str, notation: Mapping[str, str] | None = None) -> str:
    """A document of one derivation."""
    return document([derivation.latex(notation)], title) + "\n"


def collected(
    title: str,
    letters: Sequence[tuple[str, str]],
    table: str,
    sections: Sequence[Section],
    pictures: Sequence[Picture] = (),
) -> str:
    r"""A document of many statements: letters, the table of their links, figures, then a section each.

    Its fragments and figures are in its folder, the macros one above.
    """
    legend = long_table(("letter", "meaning"), [(f"${letter}$", words) for letter, words in letters])
    body = [
        rf"\section*{{Letters}}\noindent {legend}",
        rf"\section*{{Links}}{{\small {table}}}",
        *map(_figure, pictures),
        *map(_section, sections),
    ]
    heading = [
        rf"\title{{Statements of\\ {escape(title)}}}",
        r"\author{derived, checked and printed by symlimits}",
        r"\date{}",
    ]
    preamble = [r"\documentclass{article}", *PACKAGES, r"\allowdisplaybreaks", rf"\input{{../{FILE}}}", *heading]
    return "\n".join([*preamble, r"\begin{document}", r"\maketitle", *body, r"\end{document}"]) + "\n"


def _section(section: Section) -> str:
    code = rf"{{\raggedright\noindent\texttt{{{_breakable(section.code)}}}\par}}" if section.code else ""
    about = f" {_with_formulas(_sentence(section.scope))}." if section.scope else ""
    heading = rf"\section{{{escape(_sentence(section.title))}}}\noindent {escape(_sentence(section.source))}.{about}"
    return "\n".join([rf"{heading}\par", code, rf"\input{{{section.name}}}"])


def _figure(picture: Picture) -> str:
    image = rf"\includegraphics[width=0.75\textwidth]{{{picture.file}}}"
    return rf"\begin{{center}}{image}\par {escape(picture.caption)}.\end{{center}}"


def _with_formulas(text: str) -> str:
    """Plain text escaped, and what stands between dollars left as it is."""
    return "$".join(part if k % 2 else escape(part) for k, part in enumerate(text.split("$")))


def _breakable(code: str) -> str:
    r"""Code that may be broken after a comma, a bracket or a dot."""
    text = escape(code).replace(r"\_", r"\char`\_")  # of the font; \_ is a rule, which cannot be copied
    for mark in (",", "(", "."):
        text = text.replace(mark, rf"{mark}\allowbreak{{}}")
    return text


def tabular(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""Rows of plain text as a table of LaTeX (package booktabs).

    >>> print(tabular(["claim", "status"], [["a_1", "holds"]]))
    \begin{tabular}{ll}
    \toprule
    claim & status \\
    \midrule
    a\_1 & holds \\
    \bottomrule
    \end{tabular}
    """
    first, *lines = [" & ".join(map(escape, row)) + r" \\" for row in (header, *rows)]
    body = [r"\toprule", first, r"\midrule", *lines, r"\bottomrule"]
    return "\n".join([rf"\begin{{tabular}}{{{'l' * len(header)}}}", *body, r"\end{tabular}"])


def long_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""Rows of LaTeX as a table that goes on over pages (packages booktabs and longtable)."""
    first, *lines = [" & ".join(row) + r" \\" for row in (header, *rows)]
    body = [r"\toprule", first, r"\midrule \endhead", *lines, r"\bottomrule"]
    return "\n".join([rf"\begin{{longtable}}[l]{{{'l' * len(header)}}}", *body, r"\end{longtable}"])


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
