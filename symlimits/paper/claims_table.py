"""The table of claims as Markdown: all columns but the last are read off the objects, that off their certificates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from symlimits.paper.claims import Claim
from symlimits.paper.prose import in_words
from symlimits.paper.reproduce import Outcome
from symlimits.paper.scope import Facts

COLUMNS = ("claim", "statement", "source", "domain", "order", "links", "status")
FILE = "claims.md"
HEADLINES = (  # what the README shows
    "dual-relu",
    "dual-tanh",
    "nngp-erf",
    "ntk-relu",
    "law-end-mean",
    "law-variance",
    "gap-linearized",
    "critical-decay",
    "exponent-mf-f-aw",
    "exponent-ic-mf-f-init",
    "exponent-ntk-kernel-increment",
    "output-finite",
    "output-limit",
    "pair-limit",
    "trained-path",
    "trained-increment",
    "flow-closed",
)
START, END = "<!-- claims: written by docs/claims.py -->", "<!-- end of claims -->"


def row(claim: Claim, facts: Facts, status: str) -> tuple[str, ...]:
    """A claim's cells: what it says, whose it is, where it holds, how its error falls, what is checked, the outcome."""
    return claim.name, in_words(claim.title), claim.source, *facts, status


def table(outcomes: Iterable[Outcome]) -> str:
    """The table of what a reproduction has found."""
    return markdown(row(o.claim, o.facts, o.certificate.mark) for o in outcomes if o.fragment)


def markdown(rows: Iterable[tuple[str, ...]]) -> str:
    """Rows as a table of Markdown.

    >>> print(markdown([("a|b",) * 7]).splitlines()[2])
    | a\\|b | a\\|b | a\\|b | a\\|b | a\\|b | a\\|b | a\\|b |
    """
    lines = [COLUMNS, ("---",) * len(COLUMNS), *(tuple(cell.replace("|", "\\|") for cell in cells) for cells in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def statuses(text: str) -> Mapping[str, tuple[str, ...]]:
    """The rows of a table of Markdown by the name of their claim."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {cells[0]: tuple(cells) for cells in rows[2:]}


def within(text: str, inserted: str) -> str:
    """A text with something new between its marks."""
    before, _, rest = text.partition(START)
    return f"{before}{START}\n\n{inserted}\n{END}{rest.partition(END)[2]}"
