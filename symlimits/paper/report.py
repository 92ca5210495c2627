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

from symlimits.certify import MARKS, Link
from symlimits.errors import NoRule
from symlimits.paper.claims import PAPERS
from symlimits.paper.figures import FIGURES, Figure
from symlimits.paper.macros import without_macros
from symlimits.paper.mathml import STYLE, mathml
from symlimits.paper.notation import Notation, legend
from symlimits.paper.reproduce import HEADER, TITLE, Outcome, family, papers, used
from symlimits.surroundings import surroundings

TEMPLATE = "report.html"


def report(outcomes: Sequence[Outcome], notation: Notation, pictures: bool = True) -> str:
    """The report of outcomes as HTML, a section a paper; `NoRule` where jinja2 or latex2mathml is not installed."""
    try:
        from jinja2 import Environment
        from markupsafe import Markup
    except ImportError:
        raise NoRule("a report in HTML", "the package jinja2", "pip install 'symlimits[report]'") from None
    template = Environment(autoescape=True).from_string(files("symlimits.paper").joinpath(TEMPLATE).read_text("utf-8"))
    return template.render(
        title=TITLE,
        style=Markup(STYLE),
        header=HEADER,
        rows=[outcome.row for outcome in outcomes],
        family=family(outcomes),
        papers=[_marked(_section(paper, outcomes, notation, pictures), Markup) for paper in papers(outcomes)],
        versions=", ".join(f"{name} {version}" for name, version in surroundings().items()),
    )


def _section(paper: str, outcomes: Sequence[Outcome], notation: Notation, pictures: bool) -> dict[str, Any]:
    mine = [outcome for outcome in outcomes if outcome.claim.paper == paper]
    return {
        "name": paper,
        "title": PAPERS[paper],
        "letters": [(mathml(letter), _words(meaning)) for letter, meaning in legend(paper, notation, used(mine))],
        "figures": [_embedded(figure) for figure in FIGURES[paper]] if pictures else [],
        "claims": [_statement(outcome) for outcome in mine],
    }


def _statement(outcome: Outcome) -> dict[str, Any]:
    claim = outcome.claim
    links = [_link(link) for link in outcome.certificate.links]
    formula = mathml(_display(outcome.fragment)) if outcome.fragment else ""
    return {
        "name": claim.name,
        "title": claim.title[:1].upper() + claim.title[1:],
        "source": claim.source[:1].upper() + claim.source[1:],
        "scope": _words(outcome.scope[:1].upper() + outcome.scope[1:]),
        "code": claim.code,
        "formula": formula,
        "links": links,
        "files": [f"{claim.paper}/{name}" for name in outcome.files],
    }


def _link(link: Link) -> dict[str, str]:
    level = link.level if link.passed is not None else ""
    return {"name": link.name, "mark": MARKS[link.passed], "summary": link.summary, "level": level}


def _display(fragment: str) -> str:
    """A fragment without its comment, its macros written out."""
    return re.sub(r"^%.*\n", "", without_macros(fragment), flags=re.MULTILINE)


def _words(text: str) -> str:
    """Plain words with formulas between dollars."""
    parts = text.split("$")
    return "".join(mathml(part) if k % 2 else escape(part) for k, part in enumerate(parts))


def _embedded(figure: Figure) -> Mapping[str, str]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{figure.name}.png"
        figure.draw(path)
        return {"caption": figure.caption, "data": b64encode(path.read_bytes()).decode("ascii")}


def _marked(section: dict[str, Any], markup: type[str]) -> dict[str, Any]:
    """The section with its formulas told from text."""
    letters = [(markup(letter), markup(words)) for letter, words in section["letters"]]
    statements = [claim | {name: markup(claim[name]) for name in ("formula", "scope")} for claim in section["claims"]]
    return section | {"letters": letters, "claims": statements}
