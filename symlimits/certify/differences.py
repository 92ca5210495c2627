"""A stored certificate against one computed again: which link differs, and where in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ROUNDING = 1e-9  # of a mean on another machine, where sums are taken in another order
ROUNDED_AWAY = frozenset({"error", "error over tolerance", "plan"})  # a few ulps, and a hash of the versions


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

    On one machine with one set of versions numbers are the same to the bit; elsewhere floats agree to 10^-9 of
    their size, and rounding errors themselves are not compared.

    >>> found = differences({"seed": 1, "links": []}, {"seed": 2, "links": []}, same_machine=True)
    >>> print(found[0])
    certificate: seed is 1 in the file, computed 2
    """
    found = []
    for part, first, second in _parts(stored, computed):
        found += [Difference(part, *row) for row in _unequal(first, second, "", same_machine)]
    return tuple(found)


def _parts(stored: Mapping[str, Any], computed: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """The claim, each link by its name, and the rest; versions and the digest are judged apart."""
    apart = {"links", "claim", "versions", "digest"}
    rest = [{name: value for name, value in side.items() if name not in apart} for side in (stored, computed)]
    yield "certificate", rest[0], rest[1]
    yield "claim", stored.get("claim", {}), computed.get("claim", {})
    links = [{link["name"]: link for link in side.get("links", [])} for side in (stored, computed)]
    for name in dict.fromkeys([*links[0], *links[1]]):
        yield name, links[0].get(name), links[1].get(name)


def _unequal(first: Any, second: Any, place: str, exactly: bool) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(first, dict) and isinstance(second, dict):
        for name in dict.fromkeys([*first, *second]):
            if not (name in ROUNDED_AWAY and not exactly):
                yield from _unequal(first.get(name), second.get(name), f"{place}.{name}".lstrip("."), exactly)
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for k, (a, b) in enumerate(zip(first, second, strict=True)):
            yield from _unequal(a, b, f"{place}[{k}]", exactly)
    elif not _same(first, second, exactly) and not (place == "summary" and not exactly):
        yield place, first, second


def _same(first: Any, second: Any, exactly: bool) -> bool:
    if type(first) is not type(second):
        return False
    if isinstance(first, float) and not exactly:
        return bool(abs(first - second) <= ROUNDING * max(abs(first), abs(second), 1.0))
    return bool(first == second)


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
