"""Every claim at once: files, table, exit codes, processes, and the interrupt."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import symlimits as sl
from symlimits.cli import main
from symlimits.paper import claims as registry

Compiler = Callable[[Path], str]

FEW = ("dual-linear", "dual-step", "sphere-relu")


def broken() -> sl.Limit:
    """A claim that cannot be derived."""
    return sl.nngp(sl.mlp(depth=0, activation="x"))


def few_claims(*names: str) -> tuple[registry.Claim, ...]:
    return tuple(registry.find(name) for name in names)


def test_reproduce(
    pdflatex: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "TABLE", few_claims(*FEW))
    out = tmp_path / "out"
    assert main(["reproduce", "--quick", "--out", str(out), "--workers", "1"]) == 0
    text = capsys.readouterr().out
    assert all(re.search(rf"^{name} .*holds +\d", text, re.MULTILINE) for name in FEW)
    names = {f"{name}.{ending}" for name in FEW for ending in ("tex", "json", "certificate.json")} | {"statements.tex"}
    assert {path.name for path in out.iterdir()} == names
    assert sl.load(out / "dual-step.json").expr == sl.dual(sl.activations.step).expr
    pdflatex(out / "statements.tex")


def test_reproduce_with_a_claim_that_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "TABLE", (registry.Claim("wrong", "wrong", "nobody", broken), *few_claims(FEW[0])))
    for workers in ("1", "2"):  # a claim travels to another process
        assert main(["reproduce", "--quick", "--out", str(tmp_path / workers), "--workers", workers]) == 1
        text = capsys.readouterr().out
        assert re.search("^wrong .*BROKEN", text, re.MULTILINE)
        assert "depth = 0" in text
        assert re.search("^dual-linear .*holds", text, re.MULTILINE)
    first, second = ({p.name: p.read_text() for p in (tmp_path / w).iterdir()} for w in "12")
    assert first == second


def interrupted() -> sl.Limit:
    """A claim during which Ctrl-C is pressed."""
    raise KeyboardInterrupt


def test_reproduce_goes_on_after_an_interrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = registry.find(FEW[0])
    second = replace(first, name="second")

    def files(out: Path) -> dict[str, str]:
        return {path.name: path.read_text() for path in out.iterdir()}

    command = ["reproduce", "--quick", "--workers", "1", "--out"]
    monkeypatch.setattr(registry, "TABLE", (first, second))
    assert main([*command, str(tmp_path / "whole")]) == 0
    monkeypatch.setattr(registry, "TABLE", (first, replace(second, build=interrupted)))
    assert main([*command, str(tmp_path / "cut")]) == 130
    assert list(files(tmp_path / "cut")) == ["reproduce.journal"]
    finished = replace(first, build=interrupted)  # and not derived again
    monkeypatch.setattr(registry, "TABLE", (finished, second))
    assert main([*command, str(tmp_path / "cut"), "--resume"]) == 0
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


@pytest.mark.slow
def test_reproduce_everything(pdflatex: Compiler, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "--quick", "--out", str(tmp_path / "out")]) == 0, capsys.readouterr().out
    pdflatex(tmp_path / "out" / "statements.tex")


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_leaves_a_journal_or_nothing_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "symlimits.cli", "reproduce", "--out", str(tmp_path / "out"), "--progress"]

    def heed() -> None:  # what a shell starts in the background ignores Ctrl-C, and so do its children
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    options = {"stderr": subprocess.PIPE, "text": True, "start_new_session": True, "preexec_fn": heed}
    with subprocess.Popen(command, **options) as process:  # type: ignore[call-overload]
        assert process.stderr is not None
        process.stderr.readline()  # the work is handed out
        time.sleep(2)  # and the workers are likely at it; the outcome must be the same if they are not
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == 130
        said = process.stderr.read().splitlines()[-1]
    left = [path.name for path in tmp_path.rglob("*")]
    if left:  # a quick claim was through
        assert left == ["out", "reproduce.journal"]
        assert said.startswith("symlimits: interrupted; what is finished is in ")
    else:
        assert said == "symlimits: interrupted; nothing was written"
