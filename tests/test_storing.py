"""Derivations to JSON and back, and what is refused on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.certify import check_lines
from symlimits.derivation.trace import Step

MADE = {
    "dual": lambda: sl.dual(act.gelu),
    "symbolic slope": lambda: sl.dual(act.leaky_relu("alpha")),
    "quadrature": lambda: sl.dual(act.tanh),
    "kernel": lambda: sl.ntk(sl.mlp("L", act.relu)),
    "standard": lambda: sl.ntk(sl.mlp(2, act.erf, 2, 0, parameterization="standard", widths=(4, 8))),
    "sphere": lambda: sl.nngp(sl.mlp(2, act.relu, 2, 0)).on_sphere("q"),
    "bound": lambda: sl.dual(act.relu).bind(p=2),
    "a name of one command": lambda: replace(sl.dual(act.linear), name=r"\Phi"),
    "identity": lambda: sl.limit("(1 + a)**2").then("1 + 2*a + a**2", because="expanding"),
}


@pytest.mark.parametrize("name", MADE)
def test_round_trip(name: str, tmp_path: Path) -> None:
    made = MADE[name]()
    text = made.to_json()
    loaded = sl.load(text)
    for part in ("trace", "domain", "arguments", "name", "source"):
        assert getattr(loaded, part) == getattr(made, part), part
    assert loaded.to_json() == text
    path = tmp_path / "derivation.json"
    path.write_text(text)
    assert sl.load(path) == sl.load(str(path)) == loaded


def test_what_comes_back_works() -> None:
    T = sl.load(sl.dual(act.relu).to_json())
    assert T(1, 2, 0.5) == sl.dual(act.relu)(1, 2, 0.5)
    assert T.latex() == sl.dual(act.relu).latex()
    assert T.dot()(1, 1, 1) == 0.5
    with pytest.raises(sl.errors.DomainError, match=r"c\^2 <= p q"):
        T(1, 1, 5)
    with pytest.raises(sl.errors.FalseLine):
        T.then("c/2", because="hope")
    K = sl.load(sl.nngp(sl.mlp(2, act.relu, 2, 0)).to_json())
    np.testing.assert_array_equal(K(np.eye(2)), sl.nngp(sl.mlp(2, act.relu, 2, 0))(np.eye(2)))


def change(*path: object, to: object) -> Callable[[Any], None]:
    def edit(content: Any) -> None:
        for key in path[:-1]:
            content = content[key]
        content[path[-1]] = to

    return edit


CODE = {"symbol": "__import__('os').system('touch hacked')", "assumptions": {}}
TAMPERED = {
    "another format": change("format", to="symlimits derivation 99"),
    "code as a symbol": change("trace", 0, "expr", to=CODE),
    "code as an argument": change("arguments", 0, to=CODE),
    "code as a head": change("trace", 0, "expr", to={"head": "eval", "args": ["1"]}),
    "a string for a line": change("trace", 0, "expr", to="1+1"),
    "a condition for a line": change("trace", 0, "expr", to={"constant": "True"}),
    "a tuple for a line": change("trace", 0, "expr", to={"head": "Tuple", "args": [1, 2]}),
    "no line": change("trace", to=[]),
    "a line that is no object": change("trace", to=[3]),
    "lines that are no list": change("trace", to=7),
    "a number as argument": change("arguments", 0, to=2),
    "no domain": change("domain", to=None),
    "half a domain": change("domain", to={"ranges": []}),
    "a symbol as end": change("domain", "ranges", 0, 1, "from", to={"symbol": "p", "assumptions": {}}),
    "ends in the wrong order": change("domain", "ranges", 0, 1, "to", to=-5),
    "an imaginary end": change("domain", "ranges", 0, 1, "to", to={"constant": "I"}),
    "closed as a number": change("domain", "ranges", 0, 1, "closed", to=[1, 0]),
    "three ends": change("domain", "ranges", 0, 1, "closed", to=[True, True, True]),
    "a file to be read by LaTeX": change("name", to=r"\input{/etc/passwd}"),
    "a line of shell": change("name", to=r"\write18{ls}"),
    "TeX by characters": change("name", to="^^5cinput"),
    "a brace left open": change("name", to="T{"),
    "a comment": change("name", to="T %"),
    "an argument twice": change("arguments", 1, to={"symbol": "p", "assumptions": {"positive": True}}),
    "two symbols of one name": change("arguments", 0, to={"symbol": "q", "assumptions": {"real": True}}),
    "an unknown symbol": change("trace", 0, "expr", to={"symbol": "y", "assumptions": {"real": True}}),
    "a dependent symbol without a range": change("domain", "ranges", to=[]),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_tampered_files(name: str) -> None:
    content = json.loads(sl.dual(act.relu).to_json())
    TAMPERED[name](content)
    with pytest.raises(sl.errors.FormulaError):
        sl.load(json.dumps(content))


@pytest.mark.parametrize(
    "text",
    ["{", "{}", '{"format": 1}', "{" * 5000, '{"a": ' + "9" * 5000 + "}", '{"format": "symlimits derivation 1"}'],
)
def test_foreign_text(text: str) -> None:
    with pytest.raises(sl.errors.FormulaError):
        sl.load(text)


def test_the_words_of_a_file_are_printed_as_words() -> None:
    content = json.loads(sl.dual(act.relu).to_json())
    content["trace"][1]["rule"] = r"\input{/etc/passwd} & 50%"
    tex = sl.load(json.dumps(content)).latex()
    assert r"\input" not in tex
    assert r"\textbackslash{}input\{/etc/passwd\} \& 50\%" in tex


def test_no_file() -> None:
    for nothing in (None, 3, ["x"]):
        with pytest.raises(sl.errors.DataError, match="path of a file"):
            sl.load(nothing)  # type: ignore[arg-type]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "missing.json", tmp_path, binary, "a\0b", "x" * 5000):
        with pytest.raises(sl.errors.DataError, match="a readable JSON file"):
            sl.load(path)


@pytest.mark.slow
def test_a_false_line_in_a_file_is_found() -> None:
    """Nothing in a file is believed: its lines are checked like any others."""
    loaded = sl.load(sl.dual(act.relu).to_json())
    assert loaded.check().ok
    assert replace(loaded, trace=(*loaded.trace[:-1], Step(loaded.expr * 2, "a slip", ""))).check().failed == ("lines",)
    slip = Step(sp.Symbol("p", positive=True), "a slip", "")
    assert check_lines(loaded.trace, loaded.domain).passed
    assert check_lines((*loaded.trace[:-1], slip), loaded.domain).passed is False
