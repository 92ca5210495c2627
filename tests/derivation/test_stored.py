"""Lines on disk: read by a second process, healed when damaged, never met when the code has changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sympy as sp

from symlimits import activations as act
from symlimits.derivation import price, stored
from symlimits.derivation.trace import Step, Trace
from symlimits.disk import checksum
from symlimits.language.activation import Activation
from symlimits.language.expectation import pair_expectation

p, q, c = price.p, price.q, price.c
u, v = sp.symbols("u v", real=True)
a = sp.Symbol("a", positive=True)
HEAD, LINE = a**2 + 2 * a, a * (a + 2)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SYMLIMITS_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Factor:
    """A derivation of two lines that counts how often it is made."""

    __name__ = "factor"

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, head: sp.Expr) -> Trace:
        self.calls += 1
        return Step(head, "definition", "here"), Step(sp.factor(head), "factors", "algebra")


def lines() -> tuple[Callable[[sp.Expr], Trace], Factor]:
    """As a new process would see it."""
    counted = Factor()
    return stored.stored(counted), counted


def the_file(folder: Path) -> Path:
    (file,) = folder.glob("d_*.json")
    return file


def expectation(phi: Activation) -> sp.Expr:
    return pair_expectation(phi(u) * phi(v), u, v, p, q, c)


SECOND = """
from symlimits import activations as act
from symlimits.derivation import price
from symlimits.theory.kernels import dual
price.ROUTE = ()  # whoever derives gets no further than the definition
print(len(dual(act.erf).trace), dual(act.erf).expr)
"""


def test_second_process_derives_nothing(folder: Path) -> None:
    price.derive.cache_clear()
    trace = price.derive(expectation(act.erf))
    environment = {**os.environ, "SYMLIMITS_CACHE_DIR": str(folder)}
    command = [sys.executable, "-c", SECOND]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.split(maxsplit=1) == [str(len(trace)), f"{trace[-1].expr}\n"], done.stderr


@pytest.mark.parametrize(
    "phi", [act.relu, act.step, act.gelu, act.rbf, act.gaussian, act.leaky_relu("alpha"), act.tanh]
)
def test_what_is_read_is_what_was_derived(folder: Path, phi: Activation) -> None:
    """For the symbols of a dual activation and for those of a kernel recursion, whose integrals are done in dummies."""
    K = sp.symbols("K_xx K_zz", positive=True), sp.Symbol("K_xz", real=True)
    head = pair_expectation(phi(u) * phi(v), u, v, *K[0], K[1])
    made = []
    for _ in range(2):
        for cached in (price.derive, price.placed):
            cached.cache_clear()
        made.append((price.derive(expectation(phi)), price.placed(head)))
    assert made[0] == made[1]
    assert all(step.expr.func(*step.expr.args) == step.expr for step in made[1][1])
    assert len(list(folder.glob("d_*.json"))) == 2, "the dummies p, q, c are stored as the symbols p, q, c"


def test_hit(folder: Path) -> None:
    first, made = lines()
    second, again = lines()
    assert first(HEAD) == second(HEAD)
    assert (made.calls, again.calls) == (1, 0)
    assert second(HEAD)[-1].expr == LINE


def seal(text: str) -> str:
    return f"{checksum(text.encode())}\n{text}\n"


def sealed(change: Callable[[dict[str, object]], object]) -> Callable[[str], str]:
    """A file with another content, its checksum right."""

    def edit(text: str) -> str:
        content = json.loads(text.splitlines()[1])
        change(content)
        return seal(json.dumps(content))

    return edit


CODE = {"symbol": "__import__('os').system('touch hacked')", "assumptions": {}}
STRANGER = {"symbol": "b", "assumptions": {}}
DAMAGE: dict[str, Callable[[str], str]] = {
    "empty": lambda text: "",
    "truncated": lambda text: text[: len(text) // 2],
    "one letter": lambda text: text.replace("factors", "factorz"),
    "no checksum": lambda text: text.splitlines()[1],
    "no JSON": lambda text: seal("here is no JSON"),
    "a list": lambda text: seal("[]"),
    "deep": lambda text: seal("[" * 100_000),
    "many digits": lambda text: seal("1" * 10_000),
    "another format": sealed(lambda content: content.update(format="symlimits lines 99")),
    "another expression": sealed(lambda content: content.update(asked="[]")),
    "no lines": sealed(lambda content: content.update(lines=[])),
    "lines that are none": sealed(lambda content: content.update(lines=[3])),
    "code": sealed(lambda content: content.update(lines=[{"expr": CODE, "rule": "r", "source": "s"}])),
    "a stranger": sealed(lambda content: content["lines"][1].update(expr=STRANGER)),  # type: ignore[index]
    "no expression": sealed(lambda content: content["lines"][1].update(expr={"constant": "True"})),  # type: ignore[index]
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_heals(folder: Path, damage: str) -> None:
    trace = lines()[0](HEAD)
    text = the_file(folder).read_text()
    the_file(folder).write_text(DAMAGE[damage](text))
    second, again = lines()
    assert second(HEAD) == trace
    assert again.calls == 1, "derived again"
    assert the_file(folder).read_text() == text, "and stored"
    assert not Path("hacked").exists()


def test_bytes_that_are_no_text_and_files_that_are_too_large(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines()[0](HEAD)
    the_file(folder).write_bytes(b"\xff\xfe\x00")
    second, again = lines()
    second(HEAD)
    assert again.calls == 1
    monkeypatch.setattr(stored, "LARGEST", 10)
    second(HEAD)
    assert again.calls == 2


def test_a_file_of_another_expression_is_refused(folder: Path) -> None:
    """Renamed, its checksum is right, and it answers another question."""
    other = lines()[0]
    other(a**2 - 1)
    foreign = the_file(folder).read_text()
    the_file(folder).unlink()
    lines()[0](HEAD)
    the_file(folder).write_text(foreign)
    second, again = lines()
    assert second(HEAD)[-1].expr == LINE
    assert again.calls == 1


def test_other_code_other_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines()[0](HEAD)
    monkeypatch.setattr(stored, "_CODE", "edited")
    second, again = lines()
    second(HEAD)
    assert again.calls == 1
    assert len(list(folder.glob("d_*.json"))) == 2


def test_code_edited_while_it_runs_neither_reads_nor_writes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines()[0](HEAD)
    monkeypatch.setattr(stored, "_stamps", lambda: (("price.py", 1, 2),))
    second, again = lines()
    second(HEAD)
    second(a**2 - 1)
    assert again.calls == 2
    assert the_file(folder)


def test_the_hash_follows_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {folder.name for folder in stored._FOLDERS}
    assert known == {"derivation", "language"}
    monkeypatch.setattr(stored, "_FOLDERS", (tmp_path,))
    assert stored._code() is None, "no sources, no cache"
    (tmp_path / "rule.py").write_text("1")
    before = stored._code(), stored._stamps()
    (tmp_path / "rule.py").write_text("22")
    assert stored._code() != before[0]
    assert stored._stamps() != before[1]
    (tmp_path / "rule.py").write_text("1")
    assert stored._code() == before[0]


def test_without_sources_or_a_folder_lines_are_derived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SYMLIMITS_CACHE_DIR", str(tmp_path / "file" / "cache"))
    derived, made = lines()
    assert derived(HEAD)[-1].expr == LINE
    monkeypatch.setattr(stored, "_CODE", None)
    assert derived(HEAD)[-1].expr == LINE
    assert made.calls == 2


@pytest.mark.parametrize("head", [sp.Function("f")(a), a * sp.Float(0.1), sp.Symbol("not a name") * 2])
def test_what_trees_do_not_know_is_derived_each_time(folder: Path, head: sp.Expr) -> None:
    derived, made = lines()
    assert derived(head) == derived(head)
    assert made.calls == 2


def test_dummies_get_names_that_are_free(folder: Path) -> None:
    b, twin = sp.Dummy("a", positive=True), sp.Dummy("a", positive=True)
    for head in (b**2 + b * a, b**2 + b * twin):
        trace = lines()[0](head)
        second, again = lines()
        assert second(head) == trace
        assert again.calls == 0
