"""Stored derivations that were tampered with, and hostile arguments of the command line."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symlimits as sl
from symlimits import activations as act
from symlimits.cli import main
from symlimits.errors import SymlimitsError
from symlimits.language.tree import CONSTANTS, HEADS
from tests.hostile import HOSTILE, MANY, QUICK, SECONDS, attempt

# ----------------------------------------------------------------------------------------------------- JSON

STORED = [
    sl.dual(act.gelu).to_json(),
    sl.dual(act.leaky_relu("alpha")).to_json(),
    sl.dual(act.tanh).to_json(),
    sl.ntk(sl.mlp("L", act.relu)).to_json(),
    sl.nngp(sl.mlp(2, act.relu, 2, 0)).on_sphere("q").to_json(),
    sl.limit("(1 + a)**2").then("1 + 2*a + a**2", because="expanding").to_json(),
]
HEAD_NAMES, CONSTANT_NAMES = sorted(HEADS), sorted(CONSTANTS)  # now: a module that is imported later adds its heads
X = {"symbol": "p", "assumptions": {"positive": True}}
NUMBERS = [None, True, 0, 1, -1, 2**60, 0.5, float("nan"), float("inf"), -0.0, {"integer": "0x" + "f" * 20_000}]
NUMBERS += [{"integer": "-0x1"}, {"rational": [1, 0]}, {"rational": [1, 2]}, {"integer": "0x" + "f" * 9000}]
OTHERS = ["", "x", [], {}, [[]], {"a": 1}, X, {"symbol": "eval", "assumptions": {}}, "\0", "\ud800", "a" * 10_000]
OTHERS += [{"symbol": "x.y", "assumptions": {}}, {"symbol": "p", "assumptions": {"positive": False}}]
OTHERS += [{"matrix": [1, 1], "args": [1]}, {"matrix": [2, 0], "args": []}, {"matrix": [10**9, 10**9], "args": []}]


def places(content: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    if path:
        yield path
    for key, value in (
        content.items() if isinstance(content, dict) else enumerate(content if isinstance(content, list) else ())
    ):
        yield from places(value, (*path, key))


def at(content: object, path: tuple[object, ...]) -> object:
    for key in path:
        content = content[key]
    return content


def strange(random: Random) -> object:
    heads = [
        {"head": random.choice(HEAD_NAMES), "args": [copy.deepcopy(random.choice(NUMBERS)) for _ in range(k)]}
        for k in range(4)
    ]
    return copy.deepcopy(random.choice([*NUMBERS, *OTHERS, *heads, {"constant": random.choice(CONSTANT_NAMES)}]))


def tampered(text: str, random: Random) -> str:
    """A stored derivation with a few parts exchanged, left out, moved or buried; at times cut as a text."""
    content = json.loads(text)
    for _ in range(random.randint(1, 3)):
        paths = list(places(content))
        if not paths:
            break
        path = random.choice(paths)
        parent, key = at(content, path[:-1]), path[-1]
        match random.randint(0, 5):
            case 0:
                del parent[key]
            case 1:
                parent[key] = strange(random)
            case 2:
                parent[key] = copy.deepcopy(at(content, random.choice(paths)))
            case 3 if isinstance(parent, list):
                parent.insert(key, strange(random))
            case 4 if isinstance(parent[key], str):
                parent[key] = random.choice([*HEAD_NAMES, *CONSTANT_NAMES, "__class__", "os", "", "\n"])
            case _:
                for _ in range(random.choice([1, 5, 100])):
                    parent[key] = {"head": random.choice(["sin", "Add", "exp", "Pow", "Abs"]), "args": [parent[key]]}
    text = json.dumps(content)
    if random.random() < 0.2:
        i, j = sorted((random.randint(0, len(text)), random.randint(0, len(text))))
        text = "{" + text[:i] + random.choice(["", text[i:j] * 2, "NaN", "-Infinity", "1e999", "9" * 5000]) + text[j:]
    return text


def check_stored(text: str) -> None:
    """A tampered file is refused, or it is a derivation that prints and is stored again."""
    loaded, error = attempt(sl.load, text)
    if loaded is None:
        assert len(str(error)) < 1500
        return
    assert sl.load(loaded.to_json()).trace == loaded.trace
    assert isinstance(loaded.explain(), str)
    attempt(loaded.latex)


@QUICK
@given(st.sampled_from(STORED), st.integers(0, 2**32).map(Random))
def test_tampered_json_is_refused_or_a_derivation(text: str, random: Random) -> None:
    check_stored(tampered(text, random))


@pytest.mark.slow
@MANY
@given(st.sampled_from(STORED), st.integers(0, 2**32).map(Random))
def test_much_tampered_json_in_time(text: str, random: Random) -> None:
    text, start = tampered(text, random), time.process_time()
    check_stored(text)
    assert time.process_time() - start < 5 * SECONDS


@pytest.mark.parametrize("opening", ["[", "{", '{"head": "sin", "args": [', '{"a":'])
def test_nesting_without_end_is_refused(opening: str) -> None:
    with pytest.raises(SymlimitsError):
        sl.load('{"format": "symlimits derivation 1", "trace": ' + opening * 100_000)


def test_of_a_key_that_comes_twice_the_last_counts_and_is_checked() -> None:
    text = STORED[0].replace('"trace":', '"trace": [{"expr": 1}], "trace":', 1)
    assert sl.load(text).trace == sl.load(STORED[0]).trace
    with pytest.raises(SymlimitsError):
        sl.load(STORED[0].rstrip().removesuffix("}") + ', "trace": [{"expr": "os"}]}')


# --------------------------------------------------------------------------------------------- command line


def exit_code(arguments: list[str], errors: io.StringIO) -> int:
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        try:
            return main(arguments)
        except SystemExit as stop:  # argparse's own refusal
            return int(str(stop.code))


def check_command(*arguments: str) -> int:
    """The exit code; for bad input it is 2, with one line of error (or argparse's usage), and nothing is written."""
    errors = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        code = exit_code([*arguments, "--out", str(out)], errors)
        written = list(out.iterdir()) if out.exists() else []
    assert code in (0, 2)
    assert bool(written) == (code == 0)
    message = errors.getvalue()
    if code == 2 and not message.startswith("usage: "):
        assert message.startswith("symlimits: ")
        assert message.count("\n") == 1
        assert message.rstrip("\n").isprintable()
        assert len(message) < 700
    return code


OPTIONS = st.sampled_from(
    ["--w-var={}", "--b-var={}", "--depth={}", "--set=sigma_w={}", "--set={}=1", "--notation=p={}", "--widths={}"]
)


@settings(QUICK, max_examples=40)
@given(OPTIONS, HOSTILE)
def test_hostile_options_are_refused(option: str, text: str) -> None:
    check_command("derive", "nngp", "--activation", "linear", option.format(text))


@pytest.mark.slow
@settings(MANY, max_examples=400)
@given(OPTIONS, HOSTILE)
def test_many_hostile_options_are_refused(option: str, text: str) -> None:
    check_command("derive", "nngp", "--activation", "relu", option.format(text))


BAD_ACTIVATIONS = ["hermite(1000000000)", "hermite(5000)", "hermite(-1)", "hermite(٣)", "hermite(1_0)", "hermite(0x10)"]
BAD_ACTIVATIONS += ["relu_power(1000000)", "monomial(" + "9" * 6000 + ")", "polynomial(" + ",".join(["1"] * 5000) + ")"]
BAD_ACTIVATIONS += [
    "polynomial(1e999999)",
    "leaky_relu(9**9**9)",
    "leaky_relu(x)",
    "leaky_relu(oo)",
    "relu(x",
    "-",
    "--",
]
BAD_ACTIVATIONS += [
    "x" * 10**5,
    "(" * 3000,
    "9**9**9*x",
    "\0",
    "\ud800",
    "x\ny",
    "",
    " ",
    "eval",
    "I",
    *("abs(sin(x))", "sqrt(x)", "1/x", "gamma(x)", "exp(x**3)", "x**x**x", "tan(x)", "exp(exp(exp(x)))"),
]


@pytest.mark.parametrize("text", BAD_ACTIVATIONS, ids=range(len(BAD_ACTIVATIONS)))
def test_hostile_activations_are_refused(text: str) -> None:
    assert check_command("derive", "dual", f"--activation={text}") == 2


@pytest.mark.parametrize("text", ["x\ny", "\ud800", "\0", "../../etc", "__class__", "x" * 10**5, "-", ""])
def test_hostile_statements_are_refused(text: str) -> None:
    assert check_command("derive", text) == 2
