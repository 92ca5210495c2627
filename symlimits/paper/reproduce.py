"""Every claim derived, certified and printed: what `symlimits reproduce` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from symlimits.certify import ALPHA, UNDECIDED, Certificate, Link, certificate
from symlimits.errors import SymlimitsError
from symlimits.finite.engine import Source, run
from symlimits.finite.journal import Journal
from symlimits.finite.multiple import holm
from symlimits.finite.remaining import bar
from symlimits.limits import SIZES
from symlimits.paper.chapters import Section
from symlimits.paper.claims import PAPERS, Claim
from symlimits.paper.documents import Picture, collected, columns, fragment, long_table
from symlimits.paper.figures import FIGURES, TABLES
from symlimits.paper.macros import FILE, definitions
from symlimits.paper.notation import Notation, legend, names
from symlimits.paper.scope import Facts, facts, scope
from symlimits.reading.latex_text import escape
from symlimits.surroundings import surroundings

QUICK_SIZES = (16, 64, 256)
SIMULATION = "simulation"
LINKS = ("simulation", "lines", "compiled", "general")
HEADER = ("claim", *LINKS, "status")
TITLE = "Limits of wide networks: derivations and certificates"
NONE, NO_FACTS = Notation(), Facts()


@dataclass(frozen=True)
class Outcome:
    """What came of one claim: its certificate, the texts of its files by their names, what it is about, its symbols."""

    claim: Claim
    certificate: Certificate
    fragment: str
    files: dict[str, str]
    seconds: float
    scope: str = ""
    symbols: tuple[str, ...] = ()
    facts: Facts = NO_FACTS

    @property
    def p_value(self) -> float | None:
        """Of the test of its networks against its first line; None where nothing was drawn."""
        details = next((link.details for link in self.certificate.links if link.name == SIMULATION), {})
        return details.get("p value")

    @property
    def row(self) -> tuple[str, ...]:
        """A line of the table: the claim, its links, its status.

        Its simulation holds, or not, on its own; `reproduce` has judged it among all.
        """
        marks = {link.name: link.mark for link in self.certificate.links}
        return self.claim.name, *(marks.get(name, "-") for name in LINKS), self.certificate.mark


def reproduce(
    claims: Sequence[Claim],
    sizes: Sequence[int] = SIZES,
    seed: int = 0,
    executor: Source = None,
    progress: Callable[[str], None] | None = None,
    log: Journal | None = None,
    notation: Notation = NONE,
) -> list[Outcome]:
    """The outcome of each claim, in the order of the claims; the executor changes the time it takes, nothing else.

    The outcomes that a journal holds are taken from there.
    """
    report, start = progress or (lambda _: None), perf_counter()
    report(f"{len(claims)} claims, at widths {', '.join(map(str, sizes))}")
    stored = {} if log is None else log.found
    found = {claim.name: _restored(claim, stored[claim.name]) for claim in claims if claim.name in stored}

    def keep(claim: Claim, outcome: Outcome) -> tuple[Claim, ...]:
        found[claim.name] = outcome
        report(f"{claim.name} {outcome.row[-1]}{bar(len(found), len(claims), perf_counter() - start)}")
        if log is not None:
            log.append(claim.name, _stored(outcome))
        return ()

    missing = [claim for claim in claims if claim.name not in found]
    if executor is not None:
        missing.reverse()  # the longest are at the end: one begun last would be waited for by all other workers
    run(_Examination(tuple(sizes), seed, notation), missing, keep, executor, name=_name, seconds=0.0)
    return judged_together([found[claim.name] for claim in claims])


def judged_together(outcomes: Sequence[Outcome], alpha: float = ALPHA) -> list[Outcome]:
    r"""The outcomes, with the simulations judged as one family: `alpha` bounds the false alarms of the whole table.

    By Holm's step-down over the p values of the means, of which each certificate has one; a control that was not
    rejected still breaks its link, and what is undecided stays so. The files keep the certificates of the claims on
    their own.
    """
    tested = [k for k, outcome in enumerate(outcomes) if outcome.p_value is not None]
    if not tested:
        return list(outcomes)
    rejected = holm([outcomes[k].p_value or 0.0 for k in tested], alpha).rejected
    judged = list(outcomes)
    for k, false in zip(tested, rejected, strict=True):
        judged[k] = _judged(outcomes[k], false)
    return judged


def _judged(outcome: Outcome, rejected: bool) -> Outcome:
    found = outcome.certificate
    links = [
        replace(link, passed=not rejected and link.mark != UNDECIDED and bool(link.details["control rejected"]))
        if link.name == SIMULATION
        else link
        for link in found.links
    ]
    return replace(outcome, certificate=replace(found, links=tuple(links)))


def subject(claims: Sequence[Claim], sizes: Sequence[int], seed: int, notation: Notation = NONE) -> dict[str, Any]:
    """What the journal of a reproduction is about."""
    asked = {"claims": [claim.name for claim in claims], "sizes": list(sizes), "seed": seed}
    return {**asked, "notation": dict(notation), **surroundings()}


@dataclass(frozen=True)
class _Examination:
    """`examine` at given sizes, as a task."""

    sizes: tuple[int, ...]
    seed: int
    notation: Notation

    def __call__(self, claim: Claim) -> Outcome:
        return examine(claim, self.sizes, self.seed, self.notation)


def _name(claim: Claim) -> str:
    return claim.name


def _stored(outcome: Outcome) -> dict[str, Any]:
    return {name: getattr(outcome, name) for name in ("fragment", "files", "seconds", "scope", "symbols", "facts")}


def _restored(claim: Claim, content: Mapping[str, Any]) -> Outcome:
    certificate = Certificate.from_json(content["files"][f"{claim.name}.certificate.json"])
    kept = content["fragment"], dict(content["files"]), content["seconds"], content["scope"]
    return Outcome(claim, certificate, *kept, tuple(content["symbols"]), Facts(*content["facts"]))


def examine(claim: Claim, sizes: Sequence[int], seed: int, notation: Notation = NONE) -> Outcome:
    """Derive and certify one claim; an error on the way is a broken link of its certificate."""
    start = perf_counter()
    files: dict[str, str] = {}
    tex = about = ""
    symbols, said = tuple[str, ...](), NO_FACTS
    try:
        statement = claim.build()
        letters, symbols = notation.within(statement), tuple(sorted(names(statement)))
        tex, about = fragment(claim.name, statement, letters), scope(statement, letters)
        said = facts(statement)
        files = {f"{claim.name}.tex": tex, f"{claim.name}.json": statement.to_json() + "\n"}
        outcome = statement.certify(sizes, seed)
    except SymlimitsError as error:
        outcome = certificate(claim.title, [Link("derivation", False, str(error))], seed)
    files[f"{claim.name}.certificate.json"] = outcome.to_json() + "\n"
    return Outcome(claim, outcome, tex, files, perf_counter() - start, about, symbols, said)


def texts(outcomes: Sequence[Outcome], notation: Notation = NONE, pictures: bool = True) -> dict[str, str]:
    """The text files of a reproduction: a folder a paper, with the files of its claims and a document; the macros."""
    files = {f"{outcome.claim.paper}/{name}": text for outcome in outcomes for name, text in outcome.files.items()}
    for paper in papers(outcomes):
        files[f"{paper}/{paper}.tex"] = _document(paper, outcomes, notation, pictures)
    return files | {FILE: definitions()}


def used(outcomes: Sequence[Outcome]) -> set[str]:
    """The names of the symbols of outcomes."""
    return {name for outcome in outcomes for name in outcome.symbols}


def papers(outcomes: Sequence[Outcome]) -> list[str]:
    """The papers that outcomes are of, in the order of the table."""
    return [paper for paper in PAPERS if any(outcome.claim.paper == paper for outcome in outcomes)]


def _document(paper: str, outcomes: Sequence[Outcome], notation: Notation, pictures: bool) -> str:
    mine = [outcome for outcome in outcomes if outcome.claim.paper == paper]
    drawn = [Picture(f"{figure.name}.pdf", figure.caption) for figure in FIGURES[paper]] if pictures else []
    table = long_table((*HEADER, "section"), [_linked(outcome) for outcome in mine])
    sections = [section(outcome) for outcome in mine if outcome.fragment]
    return collected(PAPERS[paper], legend(paper, notation, used(mine)), table, sections, drawn, TABLES[paper]())


def section(outcome: Outcome) -> Section:
    """What a document says of an outcome."""
    claim = outcome.claim
    return Section(claim.name, claim.title, claim.source, outcome.scope, claim.code, claim.group)


def _linked(outcome: Outcome) -> tuple[str, ...]:
    """A row of the table of links, its name a link to the statement and the number of its section at the end."""
    name, *marks = map(escape, outcome.row)
    place = f"sec:{outcome.claim.name}"
    if not outcome.fragment:
        return name, *marks, "-"
    return rf"\hyperref[{place}]{{{name}}}", *marks, rf"\ref{{{place}}}"


def table(outcomes: Sequence[Outcome]) -> str:
    """The table for the terminal, with seconds and with the summaries of links that broke."""
    rows = [(*outcome.row, f"{outcome.seconds:.1f}") for outcome in outcomes]
    broken = [
        f"{outcome.claim.name}: {link.name}: {link.summary}"
        for outcome in outcomes
        for link in outcome.certificate.links
        if link.passed is False
    ]
    return "\n".join([columns((*HEADER, "seconds"), rows), *broken, family(outcomes)])


def family(outcomes: Sequence[Outcome]) -> str:
    """What bounds the false alarms of the p values of the table, and the least of them, in a sentence."""
    p_values = [outcome.p_value for outcome in outcomes if outcome.p_value is not None]
    if not p_values:
        return "nothing was drawn: no false alarms by chance"
    least = min(holm(p_values, ALPHA).adjusted)
    of = f"{len(p_values)} simulations judged together by Holm's step-down: false alarms of its p values"
    return f"{of}, over the whole table, at most {ALPHA:g}, least adjusted p value {least:.2g}"
