r"""Derivations as LaTeX files: fragments for `\input`, and a document of a paper's statements that stands alone.

Fragments of `reproduce` need amsmath, amssymb and its file of macros; each carries a `\label`, so that a paper refers
to the last line by its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from symlimits.chain import Derivation
from symlimits.paper.chapters import Chapter, Section, chapters
from symlimits.paper.macros import FILE, with_macros
from symlimits.paper.prose import in_latex, in_words, sentence
from symlimits.reading.latex import document
from symlimits.reading.latex_text import escape

COMMENT = r"% amsmath, amssymb, \input{{{macros}}}; \input{{{name}}}, then \eqref{{eq:{name}}} is the last line."
PACKAGES = (
    r"\usepackage[margin=2cm]{geometry}",
    r"\usepackage{amsmath, amssymb, booktabs, graphicx, longtable}",
    r"\usepackage[hidelinks]{hyperref}",
)
KEPT = r"{\raggedright\interlinepenalty=10000"  # lines of a paragraph together; a display within it stays as it is
ROOMY = r"\renewcommand{\arraystretch}{1.1}\hyphenpenalty=10000"
ROOM = r"\par\vskip0pt plus 8\baselineskip\penalty-100\vskip0pt plus-8\baselineskip"  # a new page, or 8 lines left
CLOSE = r"\abovedisplayskip=4pt\belowdisplayskip=4pt\interdisplaylinepenalty=2000"


class Picture(NamedTuple):
    """A figure of a document: its file, and its caption."""

    file: str
    caption: str


class Table(NamedTuple):
    """A table of a document: its caption, its header and rows, what is said below it, and its columns for LaTeX.

    Formulas stand between dollars.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    columns: str = ""


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
    tables: Sequence[Table] = (),
) -> str:
    r"""A document of many statements: letters, figures, tables, the table of their links, then a section each.

    Statements of one group are paragraphs of one section. Its fragments and figures are in its folder, the macros one
    above.
    """
    legend = long_table(("letter", "meaning"), [(f"${letter}$", words) for letter, words in letters])
    body = [
        rf"\section*{{Letters}}\noindent {legend}",
        *map(_figure, pictures),
        *map(_table, tables),
        rf"{ROOM}\section*{{Links}}{{\small {table}}}",
        *map(_chapter, chapters(sections)),
    ]
    heading = [
        rf"\title{{\vspace{{-3em}}Statements of\\ {escape(title)}}}",
        r"\author{derived, checked and printed by symlimits}",
        r"\date{}",
    ]
    preamble = [r"\documentclass{article}", *PACKAGES, r"\allowdisplaybreaks", rf"\input{{../{FILE}}}", *heading]
    return "\n".join([*preamble, r"\begin{document}", r"\maketitle", *body, r"\end{document}"]) + "\n"


def _chapter(chapter: Chapter) -> str:
    if not chapter.title:
        return "\n".join(map(_section, chapter.sections))
    opening = rf"{_heading('section', chapter.title)}\noindent {_said(chapter.about)}"
    return "\n".join([opening, *map(_paragraph, chapter.sections)])


def _section(section: Section) -> str:
    """The words above a display are kept together, and with it: no page ends below a heading."""
    heading = _heading("section", section.title)
    return "\n".join([rf"{KEPT}{heading}", *_statement(section, r"\noindent")])


def _paragraph(section: Section) -> str:
    """A statement of a group, closely set."""
    heading = _heading("paragraph", section.title, ".")
    return "\n".join([rf"{KEPT}{CLOSE}{heading}", *_statement(section, "")])


def _statement(section: Section, opening: str) -> list[str]:
    said = _said(section.source, section.scope)
    code = rf"\leavevmode\newline{{\footnotesize\texttt{{{_breakable(section.code)}}}}}" if section.code else ""
    return [rf"\label{{sec:{section.name}}}{opening} {said}", code, rf"\input{{{section.name}}}\par}}"]


def _heading(level: str, title: str, end: str = "") -> str:
    """A heading, with its formulas as words for the outline of the PDF."""
    tex, words = in_latex(sentence(title)), escape(in_words(sentence(title)))
    both = tex if tex == words else rf"\texorpdfstring{{{tex}}}{{{words}}}"
    return rf"\{level}{{{both}{end}}}"


def _said(*texts: str) -> str:
    return " ".join(f"{in_latex(sentence(text))}." for text in texts if text)


def _figure(picture: Picture) -> str:
    image = rf"\includegraphics[width=0.6\textwidth]{{{picture.file}}}"
    return rf"\begin{{center}}{image}\par\nobreak {in_latex(picture.caption)}.\end{{center}}"


def _table(table: Table) -> str:
    first, *lines = [_row(list(map(in_latex, row))) for row in (table.header, *table.rows)]
    columns = table.columns or "l" * len(table.header)
    body = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", first, r"\midrule", *lines, r"\bottomrule"]
    note = [rf"\par\nobreak\medskip\parbox{{0.9\textwidth}}{{{in_latex(table.note)}}}"] if table.note else []
    opening = rf"\begin{{center}}{in_latex(table.caption)}.\par\nobreak\medskip\small{ROOMY}"
    return "\n".join([opening, *body, r"\end{tabular}", *note, r"\end{center}"])


def _row(cells: Sequence[str]) -> str:
    """Fractions touch those of the next row without some room."""
    text = " & ".join(cells)
    return rf"{text} \\[0.5ex]" if r"\frac" in text else rf"{text} \\"


def _breakable(code: str) -> str:
    r"""Code that may be broken after a comma, a bracket or a call."""
    text = escape(code).replace(r"\_", r"\char`\_")  # of the font; \_ is a rule, which cannot be copied
    for mark in (",", "(", ")."):
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
