"""What certification leaves behind: links, and the certificate that holds them."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any


@dataclass(frozen=True)
class Link:
    """The outcome of one link: `passed` is None where it does not apply, and `summary` says why."""

    name: str
    passed: bool | None
    summary: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Certificate:
    """The outcome of all links about one statement; `ok` when none failed.

    `to_json` gives the text that is stored, `str` a table for the terminal.
    """

    statement: str
    links: tuple[Link, ...]
    seed: int
    versions: dict[str, str]

    @property
    def ok(self) -> bool:
        """Whether every link that applies holds."""
        return all(link.passed is not False for link in self.links)

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the links that broke."""
        return tuple(link.name for link in self.links if link.passed is False)

    def to_json(self) -> str:
        """The certificate as JSON text."""
        content = {"format": "symlimits certificate 1", "ok": self.ok, **asdict(self)}
        return json.dumps(content, indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Certificate:
        """The certificate of a text that `to_json` wrote."""
        content = json.loads(text)
        links = tuple(Link(**link) for link in content["links"])
        return cls(content["statement"], links, content["seed"], content["versions"])

    def __str__(self) -> str:
        marks = {True: "holds", False: "BROKEN", None: "-"}
        return "\n".join([self.statement, *(f"  {x.name:<10} {marks[x.passed]:<6} {x.summary}" for x in self.links)])


def certificate(statement: str, links: Iterable[Link], seed: int) -> Certificate:
    """Put links together, with the versions that made them."""
    packages = ("symlimits", "sympy", "mpmath", "numpy", "scipy", "numba")
    versions = {"python": platform.python_version(), **{name: version(name) for name in packages}}
    return Certificate(statement, tuple(links), seed, versions)
