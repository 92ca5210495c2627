"""Files that were not written by symlimits, or were changed: verified, refused in words, or reported; never more."""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.certify import digest
from symlimits.finite.expectation_experiment import ExpectationExperiment
from symlimits.paper import certificate_file, verify
from symlimits.paper.certificate_file import (
    MOST_CHARACTERS,
    MOST_DEPTH,
    check_lines,
    check_network,
    read_certificate,
)

SIZES = (8, 16, 32)


@cache
def kernel() -> str:
    """Of few draws: what is drawn is not what is tested here."""
    net = sl.mlp("L", act.linear, w_var=1, b_var="1/10")
    return sl.nngp(net).bind(L=2).check(seed=1).to_json()


@cache
def stored() -> str:
    return sl.dual(act.linear).certify(SIZES, seed=3).to_json()


@cache
def decided() -> str:
    return sl.dual(act.linear).certify(SIZES, seed=3, resolution=1.0).to_json()


def text_with(change: Any, base: str | None = None) -> str:
    content = json.loads(base or stored())
    change(content)
    return json.dumps(content | {"digest": digest(content)})


def many_sizes(content: Any) -> None:
    row = content["links"][0]["details"]["sizes"]["8"]
    content["links"][0]["details"]["sizes"] = {str(n): row for n in range(1, 5000)}


def large_sizes(content: Any) -> None:
    sizes = content["links"][0]["details"]["sizes"]
    content["links"][0]["details"]["sizes"] = {str(10**k): sizes["8"] for k in range(9, 12)}


def long_network(content: Any) -> None:
    layers = content["claim"]["experiment"]["network"]["layers"]
    layers[1:1] = [{"repeat": {"layers": [layers[0]], "count": 10**6}}]


def long_recursion(content: Any) -> None:
    net = sl.mlp("L", act.linear, w_var=1, b_var="1/10")
    content["claim"]["derivation"] = json.loads(sl.nngp(net).bind(L=10**6).to_json())


def many_corners(content: Any) -> None:
    content["claim"]["derivation"]["domain"]["ranges"] += [
        [
            {"symbol": f"a{k}", "assumptions": {"positive": True}},
            {"from": 0, "to": {"constant": "oo"}, "closed": [False, False], "special": [1]},
        ]
        for k in range(40)
    ]


def nested(content: Any) -> None:
    tree: Any = 1
    for _ in range(MOST_DEPTH):
        tree = [tree]
    content["links"][0]["details"]["fancy"] = tree


def in_details(**changes: Any) -> str:
    """A run until decided with something else in its details."""
    return text_with(lambda content: content["links"][0]["details"].update(changes), decided())


HOSTILE = {
    "rounds": in_details(rounds=10**9),
    "draws: rounds": in_details(rounds=20_000, sizes=[10**4, 10**5, 10**6]),
    "sizes": text_with(many_sizes),
    "draws": text_with(large_sizes),
    "layers": text_with(long_network),
    "steps": text_with(long_recursion, kernel()),
    "corners": text_with(many_corners),
    "brackets": text_with(nested),
    "characters": stored() + " " * MOST_CHARACTERS,
    "digits": stored().replace('"seed": 3', f'"seed": {10**400}'),
    "NaN": stored().replace('"seed": 3', '"seed": 3, "x": NaN'),
    "Infinity": stored().replace('"seed": 3', '"seed": 3, "x": -Infinity'),
    "1e999": stored().replace('"seed": 3', '"seed": 3, "x": 1e999'),
    "twice": stored().replace('"seed": 3', '"seed": 3, "seed": 3'),
}


@pytest.mark.parametrize("word", HOSTILE)
def test_too_much_is_refused_before_anything_is_computed(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cap is at the door: neither a draw nor a digit has been asked for."""

    def reached(*arguments: Any, **options: Any) -> Any:
        raise AssertionError("computed")

    for door in ("certify", "check", "judge"):
        monkeypatch.setattr(sl.Limit, door, reached)
    with pytest.raises(sl.errors.DataError, match=word.split(":")[0]):
        sl.verify(HOSTILE[word])


@pytest.mark.parametrize("rounds", [None, True, 0, 240, -16, 16.0, "16", [16], 10**30])
def test_rounds_that_no_run_has_are_refused(rounds: Any) -> None:
    with pytest.raises(sl.SymlimitsError, match=r"rounds.*wanted"):
        sl.verify(in_details(rounds=rounds))


def test_no_more_rounds_are_drawn_than_a_file_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolution of almost nothing would be drawn for until the largest number of rounds there is."""
    calls = 0
    draw = ExpectationExperiment.__call__

    def counted(self: ExpectationExperiment, size: int, rng: np.random.Generator) -> np.ndarray:
        nonlocal calls
        calls += 1
        return draw(self, size, rng)

    monkeypatch.setattr(ExpectationExperiment, "__call__", counted)
    rounds = json.loads(decided())["links"][0]["details"]["rounds"]
    assert sl.verify(decided()).ok
    assert calls == len(SIZES) * (rounds + 1)
    found = sl.verify(in_details(resolution=1e-9))
    assert not found.ok
    assert calls == 2 * len(SIZES) * (rounds + 1)
    assert found.certificate.links[0].details["verdict"] == "undecided"


def test_a_large_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.json"
    path.write_text(stored() + " " * MOST_CHARACTERS)

    def reached(path: Path) -> str:
        raise AssertionError("read")

    monkeypatch.setattr(certificate_file.storing, "file_text", reached)
    with pytest.raises(sl.errors.DataError, match="bytes"):
        sl.verify(path)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"format": ' + "[" * 5000 + "]" * 5000 + "}"])
def test_nesting(text: str) -> None:
    with pytest.raises(sl.SymlimitsError, match="wanted"):
        sl.verify(text if text.startswith("{") else "{" + text)


def test_honest_files_are_far_from_the_caps() -> None:
    assert read_certificate(stored())["seed"] == 3
    assert len(stored()) < MOST_CHARACTERS / 20
    deep = sl.ntk(sl.mlp(100, act.linear, 1, 0))
    check_lines([step.expr for step in deep.trace], deep.domain)
    check_network(deep.experiment, [100, 1000, 10_000])


# ------------------------------------------------------------------------------------------ a few hundred at random

VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2**53,
    -(10**30),
    0.5,
    1e300,
    -1e-300,
    "",
    "x",
    "0",
    "\ud800",
    "__class__",
]
VALUES += [
    [],
    {},
    [1],
    {"head": "Pow", "args": [2, 3]},
    {"symbol": "q", "assumptions": {}},
    {"constant": "oo"},
    [[]] * 3,
]


def mutated(text: str, rng: random.Random) -> str:
    """A file with one to three places changed, dropped, doubled or exchanged; now and then cut off or garbled."""
    content = json.loads(text)
    for _ in range(rng.randint(1, 3)):
        holder, key = rng.choice(places(content))
        action = rng.randrange(4)
        if action == 0:
            holder[key] = rng.choice(VALUES)
        elif action == 1:
            del holder[key]
        elif action == 2:
            other, place = rng.choice(places(content))
            holder[key] = json.loads(json.dumps(other[place]))
        else:
            holder[key] = [holder[key], holder[key]]
    if rng.random() < 0.5:
        content = content | {"digest": digest(content)}
    written = json.dumps(content)
    if rng.random() < 0.1:
        cut = rng.randrange(len(written))
        written = written[:cut] + rng.choice(["", "{", "9" * 50, '"', "\\u0000"]) + written[cut + rng.randrange(3) :]
    return written


def places(content: Any) -> list[tuple[Any, Any]]:
    """Every place in it, as a holder and a key: lists of numbers by their first number only."""
    found: list[tuple[Any, Any]] = []
    if isinstance(content, dict | list):
        keys = list(content) if isinstance(content, dict) else list(range(len(content)))
        if len(keys) > 50:
            keys = keys[:1]
        for key in keys:
            found += [(content, key), *places(content[key])]
    return found


def outcome(text: str) -> str:
    try:
        found = verify.verify(text)
    except sl.SymlimitsError as error:
        return "refused" if "wanted" in str(error) else "in other words"
    str(found)
    return "verified" if found.ok else "reported"


def survey(base: str, count: int, seed: int) -> dict[str, int]:
    rng = random.Random(seed)
    outcomes = [outcome(mutated(base, rng)) for _ in range(count)]
    return {name: outcomes.count(name) for name in ("verified", "refused", "reported")}


@cache
def identity() -> str:
    a = sp.Symbol("a", positive=True)
    return sl.limit((1 + a) ** 2).then(1 + 2 * a + a**2, because="expansion").check().to_json()


@pytest.mark.slow
def test_changed_files() -> None:
    seen = survey(identity(), 150, 0)
    assert seen["refused"] > 15, seen
    assert seen["reported"] > 15, seen
    assert survey(kernel(), 50, 0)["refused"] > 10


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_many_changed_files(seed: int) -> None:
    for base, count in ((stored(), 60), (kernel(), 60), (identity(), 60)):
        seen = survey(base, count, seed)
        assert seen["refused"] + seen["reported"] > count * 0.8, seen
