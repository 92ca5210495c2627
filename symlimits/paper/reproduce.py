"""Every claim derived, certified and printed: what `symlimits reproduce` does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from time import perf_counter

from symlimits.certify import Certificate, Link, certificate
from symlimits.errors import SymlimitsError
from symlimits.limits import SIZES
from symlimits.paper.claims import Claim
from symlimits.paper.documents import Section, collected, columns, fragment, tabular

QUICK_SIZES = (16, 64, 256)
HEADER = ("claim", "simulation", "lines", "compiled", "status")
MARKS = {True: "holds", False: "BROKEN", None: "-"}
TITLE = "Limits of wide networks: derivations and certificates"


@dataclass(frozen=True)
class Outcome:
    """What came of one claim: its certificate, and the texts of its files by their names."""

    claim: Claim
    certificate: Certificate
    fragment: str
    files: dict[str, str]
    seconds: float

    @property
    def row(self) -> tuple[str, ...]:
        """A line of the table: the claim, its links, its status."""
        marks = {link.name: MARKS[link.passed] for link in self.certificate.links}
        return self.claim.name, *(marks.get(name, "-") for name in HEADER[1:4]), MARKS[self.certificate.ok]


def reproduce(
    claims: Sequence[Claim],
    sizes: Sequence[int] = SIZES,
    seed: int = 0,
    executor: Executor | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Outcome]:
    """The outcome of each claim, in the order of the claims; the executor changes the time it takes, nothing else."""
    report = progress or (lambda _: None)
    report(f"{len(claims)} claims, at widths {', '.join(map(str, sizes))}")
    found: dict[str, Outcome] = {}
    for outcome in _outcomes(claims, sizes, seed, executor):
        found[outcome.claim.name] = outcome
        report(f"{len(found)} of {len(claims)}: {outcome.claim.name} {outcome.row[-1]}")
    return [found[claim.name] for claim in claims]


def _outcomes(claims: Sequence[Claim], sizes: Sequence[int], seed: int, executor: Executor | None) -> Iterator[Outcome]:
    if executor is None:
        yield from (examine(claim, sizes, seed) for claim in claims)
        return
    # from the end, where the longest are: a long one begun last would be waited for by all other workers
    futures = [executor.submit(examine, claim, sizes, seed) for claim in reversed(claims)]
    yield from (future.result() for future in as_completed(futures))


def examine(claim: Claim, sizes: Sequence[int], seed: int) -> Outcome:
    """Derive and certify one claim; an error on the way is a broken link of its certificate."""
    start = perf_counter()
    files: dict[str, str] = {}
    tex = ""
    try:
        limit = claim.build()
        tex = fragment(claim.name, limit)
        files = {f"{claim.name}.tex": tex, f"{claim.name}.json": limit.to_json() + "\n"}
        outcome = limit.certify(sizes, seed)
    except SymlimitsError as error:
        outcome = certificate(claim.title, [Link("derivation", False, str(error))], seed)
    files[f"{claim.name}.certificate.json"] = outcome.to_json() + "\n"
    return Outcome(claim, outcome, tex, files, perf_counter() - start)


def texts(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """All files of a reproduction: those of each claim, and the document of all."""
    files = {name: text for outcome in outcomes for name, text in outcome.files.items()}
    sections = [Section(o.claim.name, o.claim.title, o.claim.source, o.fragment) for o in outcomes if o.fragment]
    table = tabular(HEADER, [outcome.row for outcome in outcomes])
    return files | {"statements.tex": collected(sections, table, TITLE)}


def table(outcomes: Sequence[Outcome]) -> str:
    """The table for the terminal, with seconds and with the summaries of links that broke."""
    rows = [(*outcome.row, f"{outcome.seconds:.1f}") for outcome in outcomes]
    broken = [
        f"{outcome.claim.name}: {link.name}: {link.summary}"
        for outcome in outcomes
        for link in outcome.certificate.links
        if link.passed is False
    ]
    return "\n".join([columns((*HEADER, "seconds"), rows), *broken])
