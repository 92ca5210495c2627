"""What certification leaves behind: links, and the certificate that holds them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from symlimits.reading.html_text import html_table
from symlimits.reading.latex_text import escape
from symlimits.surroundings import surroundings

FORMAT = "symlimits certificate 2"
UNDECIDED = "undecided"  # the verdict, in its details, of a link that draws are too few for
STATISTICAL, PRECISE, PROVED = "statistical", "high-precision", "proved-ball"


@dataclass(frozen=True)
class Link:
    """The outcome of one link: `passed` is None where it does not apply, and `summary` says why.

    What is undecided has not passed, and is not broken: its details have the verdict "undecided", and `mark` says it.

    `level` is how sure it is: "statistical", "high-precision" (numbers at points), "proved-ball" (enclosures).
    """

    name: str
    passed: bool | None
    summary: str
    details: dict[str, Any] = field(default_factory=dict)
    level: str = PRECISE

    @property
    def mark(self) -> str:
        """The outcome in a word: holds, BROKEN, undecided, or "-" where the link does not apply."""
        undecided = self.passed is False and self.details.get("verdict") == UNDECIDED
        return UNDECIDED if undecided else MARKS[self.passed]


@dataclass(frozen=True)
class Certificate:
    """The outcome of all links about one statement; `ok` when none failed.

    `claim` says what was certified: the derivation, what it is about, the point, the value there. `to_json` gives
    the text that is stored and that `symlimits verify` computes again, `str` a table for the terminal, `latex` one
    for a paper, `picture` the samples of the first link.
    """

    statement: str
    links: tuple[Link, ...]
    seed: int
    versions: dict[str, str]
    claim: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether every link that applies holds."""
        return all(link.passed is not False for link in self.links)

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the links that do not hold: they broke, or are undecided."""
        return tuple(link.name for link in self.links if link.passed is False)

    @property
    def mark(self) -> str:
        """The outcome in a word: holds, BROKEN, or undecided, where nothing broke and something is left open."""
        return min((link.mark for link in self.links if link.passed is False), default=MARKS[True])  # BROKEN first

    def content(self) -> dict[str, Any]:
        """What is stored, as JSON reads it back."""
        found: dict[str, Any] = json.loads(json.dumps({"format": FORMAT, "ok": self.ok, **asdict(self)}))
        return found

    def to_json(self) -> str:
        """The certificate as JSON text, with a digest that tells when it has been edited."""
        content = self.content()
        return json.dumps(content | {"digest": digest(content)}, indent=1, sort_keys=True)

    def latex(self) -> str:
        r"""The certificate as a table of LaTeX (packages booktabs, amsmath): the statement, then a row a link."""
        statement = self.claim.get("latex")
        head = [rf"\[ {statement} \]"] if statement else [escape(self.statement)]
        rows = [(x.name, x.mark, x.summary, x.level if x.passed is not None else "") for x in self.links]
        body = [" & ".join(map(escape, row)) + r" \\" for row in [("link", "outcome", "finding", "level"), *rows]]
        table = [r"\begin{tabular}{llp{0.55\linewidth}l}", r"\toprule", body[0], r"\midrule", *body[1:]]
        return "\n".join([*head, *table, r"\bottomrule", r"\end{tabular}"])

    def _repr_html_(self) -> str:
        rows = [(x.name, x.mark, x.summary, x.level if x.passed is not None else "") for x in self.links]
        return html_table(("link", "outcome", "finding", "level"), rows, self.statement)

    def picture(self, path: str | Path | None = None) -> Any:
        """The samples of the first link as a matplotlib figure, written to `path` if it is given."""
        from symlimits.certify.picture import picture  # which knows certificates

        return picture(self, path)

    @classmethod
    def from_json(cls, text: str) -> Certificate:
        """The certificate of a text that `to_json` wrote."""
        content = json.loads(text)
        links = tuple(Link(**link) for link in content["links"])
        return cls(content["statement"], links, content["seed"], content["versions"], content["claim"])

    def __str__(self) -> str:
        width = max(map(len, (BROKEN, *(x.mark for x in self.links))))
        rows = [f"  {x.name:<10} {x.mark:<{width}} {x.summary}" for x in self.links]
        return "\n".join([self.statement, *rows, *_value_in_words(self.claim.get("value"), 11 + width)])


def _value_in_words(value: dict[str, Any] | None, width: int) -> list[str]:
    """A line about the value of the last line at one point, with the bound of its error; none without a value."""
    if not value:
        return []
    where = ", ".join(f"{name} = {number}" for name, number in value["point"].items())
    at = f" at {where}" if where else ""
    return [f"  {'value':<{width}} {value['midpoint']} +- {float(value['radius']):.2g}{at}; {value['method']}"]


BROKEN = "BROKEN"
MARKS = {True: "holds", False: BROKEN, None: "-"}


def certificate(statement: str, links: Iterable[Link], seed: int, claim: dict[str, Any] | None = None) -> Certificate:
    """Put links together, with the versions that made them."""
    return Certificate(statement, tuple(links), seed, surroundings(), claim or {})


def digest(content: dict[str, Any]) -> str:
    """SHA-256 of everything in a stored certificate but the digest itself."""
    rest = {name: value for name, value in content.items() if name != "digest"}
    return sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
