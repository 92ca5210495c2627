"""One HTML report of a reproduction: it needs no network, no script and no file beside it."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from symlimits.certify import Link
from symlimits.errors import NoRule
from symlimits.paper.chapters import Section, chapters
from symlimits.paper.claims import PAPERS
from symlimits.paper.documents import Table
from symlimits.paper.figures import FIGURES, TABLES, Figure
from symlimits.paper.macros import without_macros
from symlimits.paper.mathml import STYLE, mathml
from symlimits.paper.notation import Notation, legend
from symlimits.paper.prose import in_words, pieces, sentence
from symlimits.paper.reproduce import HEADER, TITLE, Outcome, family, papers, section, used
from symlimits.surroundings import surroundings

TEMPLATE = "report.html"


class Html(str):
    """Text that is markup already, which a template leaves as it is."""

    def __html__(self) -> str:
        return self


def report(outcomes: Sequence[Outcome], notation: Notation, pictures: bool = True) -> str:
    """The report of outcomes as HTML, a section a paper; `NoRule` where jinja2 or latex2mathml is not installed."""
    try:
        from jinja2 import Environment
    except ImportError:
        raise NoRule("a report in HTML", "the package jinja2", "pip install 'symlimits[report]'") from None
    template = Environment(autoescape=True).from_string(files("symlimits.paper").joinpath(TEMPLATE).read_text("utf-8"))
    return template.render(
        title=TITLE,
        style=Html(STYLE),
        header=HEADER,
        rows=[outcome.row for outcome in outcomes],
        family=family(outcomes),
        papers=[_paper(paper, outcomes, notation, pictures) for paper in papers(outcomes)],
        versions=", ".join(f"{name} {version}" for name, version in surroundings().items()),
    )


def _paper(paper: str, outcomes: Sequence[Outcome], notation: Notation, pictures: bool) -> dict[str, Any]:
    mine = [outcome for outcome in outcomes if outcome.claim.paper == paper]
    found = {outcome.claim.name: outcome for outcome in mine}
    return {
        "name": paper,
        "title": PAPERS[paper],
        "letters": [(Html(mathml(letter)), _words(meaning)) for letter, meaning in legend(paper, notation, used(mine))],
        "figures": [_embedded(figure) for figure in FIGURES[paper]] if pictures else [],
        "tables": [_table(table) for table in TABLES[paper]()],
        "chapters": [
            {
                "title": _words(sentence(chapter.title)),
                "about": _words(sentence(chapter.about)),
                "claims": [_statement(found[part.name], part) for part in chapter.sections],
            }
            for chapter in chapters(map(section, mine))
        ],
    }


def _table(table: Table) -> dict[str, Any]:
    rows = [[_words(cell) for cell in row] for row in (table.header, *table.rows)]
    return {"caption": _words(table.caption), "header": rows[0], "rows": rows[1:], "note": _words(table.note)}


def _statement(outcome: Outcome, part: Section) -> dict[str, Any]:
    claim = outcome.claim
    links = [_link(link) for link in outcome.certificate.links]
    formula = Html(mathml(_display(outcome.fragment)) if outcome.fragment else "")
    return {
        "name": claim.name,
        "title": _words(sentence(part.title)),
        "about": Html(" ".join(f"{_words(sentence(text))}." for text in (part.source, part.scope) if text)),
        "code": claim.code,
        "formula": formula,
        "links": links,
        "files": [f"{claim.paper}/{name}" for name in outcome.files],
    }


def _link(link: Link) -> dict[str, str]:
    level = link.level if link.passed is not None else ""
    return {"name": link.name, "mark": link.mark, "summary": link.summary, "level": level}


def _display(fragment: str) -> str:
    """A fragment without its comment, its macros written out."""
    return re.sub(r"^%.*\n", "", without_macros(fragment), flags=re.MULTILINE)


def _words(text: str) -> Html:
    """Plain words with formulas between dollars."""
    return Html("".join(mathml(part) if k % 2 else escape(part) for k, part in enumerate(pieces(text))))


def _embedded(figure: Figure) -> Mapping[str, str]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{figure.name}.png"
        figure.draw(path)
        data = b64encode(path.read_bytes()).decode("ascii")
    return {"caption": _words(figure.caption), "alt": in_words(figure.caption), "data": data}
