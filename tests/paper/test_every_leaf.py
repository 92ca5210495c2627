"""Every leaf of a certificate is edited in turn, and each edit is found at its address: exactly, or within rounding."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

import symlimits as sl
from symlimits import activations as act
from symlimits.certify import differences, digest
from symlimits.certify.agreement import ROUNDING, agree

SIZES = (8, 16, 32)
Path = tuple[Any, ...]
ODD_ONE = 20  # of the leaves that cost a certificate each, one in so many is edited by default


@cache
def stored(name: str = "linear") -> str:
    return sl.dual(getattr(act, name)).certify(SIZES, seed=3).to_json()


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, dict | list):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(child, (*path, key))
    else:
        yield path


def at(content: Any, path: Path) -> Any:
    for key in path:
        content = content[key]
    return content


def beyond(path: Path, value: Any) -> Any:
    """Another value, just beyond what rounding may do."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        slack = {"error": 1e-12, "error over tolerance": 1.0}.get(path[-1])  # what the checks allow
        return value + slack if slack else value * (1 + 1e-6) if abs(value) > 1e-3 else value + 1e-3
    if value is None:
        return 0
    return f"{value}0" if path[-1] in ("hash", "plan") else f"other {value}"


def edited(text: str, path: Path, other: Any, lax: bool) -> Any:
    """The content with another value at a place, and a digest that is right again."""
    content = json.loads(text)
    at(content, path[:-1])[path[-1]] = other
    if lax:
        content["versions"]["numpy"] = "1.0"
    return content | {"digest": digest(content)}


def address(path: Path) -> str:
    """The place as `Difference` says it: without the part it is in."""
    inside = path[2:] if path[0] == "links" else path[1:] if path[0] == "claim" else path
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in inside).lstrip(".")


CLAIMED = ("derivation", "experiment", "kind", "order", "observable", "regime")  # what a certificate is computed from


@pytest.mark.slow
@pytest.mark.parametrize("lax", [False, True])
@pytest.mark.parametrize("name", ["linear", "step"])
def test_every_number_that_is_computed(name: str, lax: bool) -> None:
    content = json.loads(stored(name))
    paths = [p for p in leaves(content) if p[0] not in ("versions", "digest", "format") and p[-1] != "name"]
    paths = [p for p in paths if not (p[0] == "claim" and p[1] in CLAIMED)]
    tested = 0
    for path in paths:
        if "residuals" in path and path[-1] % 64:
            continue
        before = at(content, path)
        at(content, path[:-1])[path[-1]] = beyond(path, before)
        found = differences(content, json.loads(stored(name)), same_machine=not lax)
        at(content, path[:-1])[path[-1]] = before
        if path[-1] == "plan" and lax:  # a hash of the versions, among other things
            assert not found
            continue
        assert [difference.place for difference in found] == [address(path)], path
        tested += 1
    assert tested > 50


def test_to_the_bit_on_one_machine() -> None:
    content = json.loads(stored())
    for path in leaves(content):
        value = at(content, path)
        if isinstance(value, float) and not ("residuals" in path and path[-1] % 64):
            at(content, path[:-1])[path[-1]] = float(np.nextafter(value, 2 * value + 1))
            assert differences(content, json.loads(stored()), same_machine=True), path
            assert not differences(content, json.loads(stored()), same_machine=False), path
            at(content, path[:-1])[path[-1]] = value


UNCHECKED = {("claim", "experiment", "network", "layers", 1, "activation", "name")}


def claimed() -> list[Path]:
    content = json.loads(stored())
    paths = [p for p in leaves(content) if p[0] == "claim" and p[1] in CLAIMED]
    return [*paths, ("seed",), ("links", 0, "details", "drawn"), ("links", 0, "name"), ("links", 1, "name")]


def found_out(path: Path, lax: bool) -> bool:
    """Whether an edit is refused or reported; where it is neither, the place is among those not checked."""
    before = at(json.loads(stored()), path)
    text = json.dumps(edited(stored(), path, beyond(path, before), lax))
    try:
        found = sl.verify(text)
    except sl.SymlimitsError:
        return True
    if path in UNCHECKED:
        assert "the names of activations" in found.unchecked
        return True
    return not found.ok


@pytest.mark.slow
@pytest.mark.parametrize("lax", [False, True])
def test_what_a_certificate_is_computed_from(lax: bool) -> None:
    missed = [path for path in claimed()[lax::ODD_ONE] if not found_out(path, lax)]
    assert not missed


@pytest.mark.slow
@pytest.mark.parametrize("lax", [True])
def test_all_that_a_certificate_is_computed_from(lax: bool) -> None:
    missed = [path for path in claimed() if not found_out(path, lax)]
    assert not missed


@pytest.mark.parametrize("word", ["observable", "regime", "kind", "order"])
def test_the_words_of_a_claim(word: str) -> None:
    path = ("claim", word)
    text = json.dumps(edited(stored(), path, beyond(path, at(json.loads(stored()), path)), lax=False))
    found = sl.verify(text)
    assert word in {difference.place for difference in found.differences}


def test_versions_are_named_and_never_silent() -> None:
    for change in ({"numpy": "1.0"}, {"unheard-of": "2"}):
        content = json.loads(stored())
        content["versions"] |= change
        found = sl.verify(json.dumps(content | {"digest": digest(content)}))
        assert found.ok, str(found)
        assert next(iter(change)) in found.versions[0]
        assert str(found).endswith("verified, within rounding")
        assert not sl.verify(json.dumps(content)).ok, "without a digest that is right again"


def test_a_place_that_is_added_or_goes() -> None:
    content, computed = json.loads(stored()), json.loads(stored())
    content["links"][0]["details"]["fancy"] = None
    assert [d.place for d in differences(content, computed, same_machine=True)] == ["details.fancy"]
    del content["links"][0]["details"]["fancy"], content["links"][0]["details"]["estimate"]
    assert [d.place for d in differences(content, computed, same_machine=False)] == ["details.estimate"]
    content = json.loads(stored())
    content["links"].reverse()
    assert [d.place for d in differences(content, computed, same_machine=True)] == [f"links[{k}]" for k in range(4)]


@pytest.mark.parametrize(
    ("name", "first", "second", "same"),
    [
        ("p value", 1e-200, 1e-100, False),
        ("p value", 0.5, 0.5 * (1 + ROUNDING / 2), True),
        ("p value", 0.5, 0.5 * (1 + 3 * ROUNDING), False),
        ("p value", -0.5, 0.5, False),
        ("value", 1e-12, 1.1e-12, False),
        ("value", 0.0, 1e-20, False),
        ("estimate", 0.0, 1e-20, True),  # with a standard error of 0.01 beside it
        ("count", 7, 8, False),
        ("count", 7, 7.0, False),
        ("summary", "z = 0.80; would detect 0.054", "z = 0.81; would detect 0.054", True),
        ("summary", "z = 0.80; would detect 0.054", "z = 0.82; would detect 0.054", False),
        ("summary", "control rejected", "control NOT REJECTED", False),
        ("summary", "5 lines", "6 lines", False),
        ("verdict", "order 1", "order 1.0", False),
        ("midpoint", "0.30449889052211467904", "0.30449889052211467905", True),
        ("midpoint", "0.30449889052211467904", "0.30449889052311467904", False),
        ("radius", "1.0e-30", "1.9e-30", True),
        ("radius", "1.0e-30", "1.0e-20", False),
        ("midpoint", 0.304498890522, 0.304498890522 * (1 + 1e-12), True),  # of a value by compiled code
        ("midpoint", 0.304498890522, 0.304498891522, False),
        ("radius", 1e-15, 9e-16, True),
        ("radius", 1e-15, 1e-14, False),  # of a value of 0.01
    ],
)
def test_agreement(name: str, first: Any, second: Any, same: bool) -> None:
    assert agree(name, first, second, error=0.01) is same
    assert agree(name, second, first, error=0.01) is same
