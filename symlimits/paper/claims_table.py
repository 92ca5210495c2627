"""The table of claims as Markdown: all columns but the last are read off the objects, that off their certificates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from symlimits.certify import MARKS
from symlimits.limits import Limit
from symlimits.paper.claims import Claim
from symlimits.paper.reproduce import Outcome
from symlimits.paper.scope import domain_in_words, order_in_words

COLUMNS = ("claim", "statement", "source", "domain", "order", "links", "status")
FILE = "claims.md"
START, END = "<!-- claims: written by docs/claims.py -->", "<!-- end of claims -->"


def row(claim: Claim, statement: Limit, status: str) -> tuple[str, ...]:
    """A claim's cells: what it says, whose it is, where it holds, how its error falls, what is checked, the outcome."""
    domain = domain_in_words(statement.domain)
    return claim.name, claim.title, claim.source, domain, order_in_words(statement), ", ".join(links(statement)), status


def links(statement: Limit) -> list[str]:
    """The links that apply to a statement.

    >>> from symlimits import activations as act, dual
    >>> links(dual(act.relu))[:3]
    ['simulation', 'lines', 'compiled']
    """
    applies = {
        "simulation": statement.experiment is not None,
        "lines": len(statement.trace) > 1,
        "compiled": bool(statement.arguments) and statement.is_compilable,
        "general": statement.general is not None,
    }
    return [name for name, there in applies.items() if there]


def table(outcomes: Iterable[Outcome]) -> str:
    """The table of what a reproduction has found."""
    rows = [row(o.claim, o.claim.build(), MARKS[o.certificate.ok]) for o in outcomes if o.fragment]
    return markdown(rows)


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
