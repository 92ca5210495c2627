"""A stored certificate against one computed again: which link differs, and where in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from symlimits.certify.agreement import CHECKED, agree

APART = frozenset({"links", "claim", "versions", "digest"})
COLUMNS = ("mean", "standard error", "count", "skewness", "kurtosis")  # of the samples of one size
BY_VERSION = "plan"  # a hash that holds the versions, and so is another one elsewhere
MISSING = "nothing"


@dataclass(frozen=True)
class Difference:
    """One place where two certificates are not the same: the part of it, and both values."""

    part: str
    place: str
    stored: Any
    computed: Any

    def __str__(self) -> str:
        return f"{self.part}: {self.place} is {_brief(self.stored)} in the file, computed {_brief(self.computed)}"


def differences(stored: Mapping[str, Any], computed: Mapping[str, Any], same_machine: bool) -> tuple[Difference, ...]:
    """Where the contents of two certificates differ, a link or another part of them at a time.

    On one machine with one set of versions numbers are the same to the bit; elsewhere they agree as
    `certify.agreement` says, all of them but the hash of the plan, which holds the versions.

    >>> found = differences({"seed": 1, "links": []}, {"seed": 2, "links": []}, same_machine=True)
    >>> print(found[0])
    certificate: seed is 1 in the file, computed 2
    """
    found = []
    for part, first, second in _parts(stored, computed):
        compared = _Comparison(same_machine, CHECKED["error"] if part == "compiled" else 0.0)
        found += [Difference(part, *row) for row in compared.unequal(first, second, "", "")]
    return tuple(found)


def _parts(stored: Mapping[str, Any], computed: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """The claim, each link by its name, and the rest; versions and the digest are judged apart."""
    rest = [{name: value for name, value in side.items() if name not in APART} for side in (stored, computed)]
    links = [{link["name"]: link for link in side.get("links", [])} for side in (stored, computed)]
    order = [{"links": list(names)} for names in links]
    yield "certificate", rest[0] | order[0], rest[1] | order[1]
    yield "claim", stored.get("claim", {}), computed.get("claim", {})
    for name in dict.fromkeys([*links[0], *links[1]]):
        yield name, links[0].get(name, MISSING), links[1].get(name, MISSING)


@dataclass(frozen=True)
class _Comparison:
    """Exactly, or within rounding; `noise` is the size of the errors that sentences of this part speak of."""

    exactly: bool
    noise: float

    def unequal(
        self, first: Any, second: Any, place: str, name: str, error: float = 0.0
    ) -> Iterator[tuple[str, Any, Any]]:
        """The places where two values differ; `error` is the scale of the numbers around them.

        It is a standard error, or the value that has a radius.
        """
        if isinstance(first, dict) and isinstance(second, dict):
            error = abs(_number(second.get("midpoint"), _number(second.get("standard error"), error)))
            for key in dict.fromkeys([*first, *second]):
                sides = first.get(key, MISSING), second.get(key, MISSING)
                yield from self.unequal(*sides, f"{place}.{key}".lstrip("."), key, error)
        elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
            row = len(second) == len(COLUMNS) and ".sizes." in f".{place}."
            error = _number(second[1], error) if row else error
            for k, (a, b) in enumerate(zip(first, second, strict=True)):
                yield from self.unequal(a, b, f"{place}[{k}]", COLUMNS[k] if row else name, error)
        elif not self._same(first, second, name, error):
            yield place, first, second

    def _same(self, first: Any, second: Any, name: str, error: float) -> bool:
        if self.exactly:
            return type(first) is type(second) and bool(first == second)
        return (name == BY_VERSION and type(first) is type(second)) or agree(name, first, second, error, self.noise)


def _number(value: Any, otherwise: float) -> float:
    return value if isinstance(value, float) else otherwise


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
