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

import numpy as np
import pytest
from scipy.stats import binom

import symlimits as sl
from symlimits.certify import ALPHA, Certificate, Link, certificate
from symlimits.cli import main
from symlimits.finite.multiple import holm
from symlimits.paper import claims as registry
from symlimits.paper import written
from symlimits.paper.reproduce import Outcome, judged_together, table

Compiler = Callable[[Path], str]

FEW = ("dual-linear", "dual-step", "sphere-relu")


BROKEN = 'sl.nngp(sl.mlp(depth=0, activation="x"))'  # cannot be derived
INTERRUPTED = "exec('raise KeyboardInterrupt')"  # Ctrl-C is pressed in it


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
    endings = ("tex", "json", "certificate.json")
    names = {f"{name}.{ending}" for name in FEW for ending in endings} | {"lee2019.tex", "lee2019.pdf", "phases.pdf"}
    assert {path.name for path in out.iterdir()} == {"lee2019", "macros.tex", "report.html", "claims.md"}
    assert {path.name for path in (out / "lee2019").iterdir()} == names
    assert sl.load(out / "lee2019" / "dual-step.json").expr == sl.dual(sl.activations.step).expr
    before = {path: path.read_bytes() for path in out.rglob("*.*")}
    assert main(["reproduce", "--quick", "--out", str(out)]) == 2  # it exists
    assert "not empty" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in out.rglob("*.*")} == before


@pytest.mark.slow
def test_reproduce_without_what_is_optional(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No TeX, no matplotlib, no jinja2: everything else is written, and what is missing is said."""
    monkeypatch.setattr(registry, "TABLE", few_claims(FEW[0], "output-limit"))
    monkeypatch.setenv("PATH", str(tmp_path))
    for package in ("matplotlib.figure", "jinja2", "markupsafe"):
        monkeypatch.setitem(sys.modules, package, None)
    letters = ["--notation", r"c=\kappa"]
    assert main(["reproduce", "--quick", "--workers", "1", "--out", str(tmp_path / "out"), *letters]) == 0
    said = capsys.readouterr().out
    assert all(advice in said for advice in ("symlimits[plot]", "symlimits[report]", "pdflatex"))
    assert "includegraphics" not in (tmp_path / "out" / "bassetti2024" / "bassetti2024.tex").read_text()
    assert r"\kappa" in (tmp_path / "out" / "lee2019" / "dual-linear.tex").read_text()
    letters = ["--notation", r"zeta=\zeta"]
    old = tmp_path / "out" / "lee2019" / "lee2019.pdf"
    old.write_text("of an earlier run")
    monkeypatch.setattr(registry, "TABLE", few_claims(FEW[0]))
    assert main(["reproduce", "--quick", "--workers", "1", "--force", "--out", str(tmp_path / "out"), *letters]) == 0
    said = capsys.readouterr().out
    assert f"{old} is of an earlier run" in said
    assert "notation for zeta: no statement" in said


def test_letters_that_clash_are_refused_at_the_door(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "lee2019", "--out", str(tmp_path / "out"), "--notation", "c=p"]) == 2
    assert "both print as p" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten_before_everything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while LaTeX runs, over an older reproduction: what was there stays whole."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(registry, "TABLE", few_claims(FEW[0]))
    monkeypatch.setattr(written, "_compiled", interrupted)
    (tmp_path / "lee2019").mkdir()
    (tmp_path / "lee2019" / "lee2019.tex").write_text("older")
    command = ["reproduce", "--quick", "--workers", "1", "--out", str(tmp_path), "--force"]
    assert main(command) == 130
    assert {path.name for path in tmp_path.rglob("*.*")} == {"lee2019.tex", "reproduce.journal"}
    assert (tmp_path / "lee2019" / "lee2019.tex").read_text() == "older"


def test_reproduce_one_paper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "knuth1984", "--out", str(tmp_path / "out")]) == 2
    assert "golikov2020, lee2019, bassetti2024, chizat2022, all" in capsys.readouterr().err
    assert {claim.paper for claim in registry.claims("chizat2022").values()} == {"chizat2022"}
    assert {claim.paper for claim in registry.claims().values()} == set(registry.PAPERS)


@pytest.mark.slow
def test_reproduce_with_a_claim_that_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        registry, "TABLE", (replace(registry.find(FEW[0]), name="wrong", code=BROKEN), *few_claims(FEW[0]))
    )
    for workers in ("1", "2"):  # a claim travels to another process
        assert main(["reproduce", "--quick", "--out", str(tmp_path / workers), "--workers", workers]) == 1
        text = capsys.readouterr().out
        assert re.search("^wrong .*BROKEN", text, re.MULTILINE)
        assert "depth = 0" in text
        assert re.search("^dual-linear .*holds", text, re.MULTILINE)
    first, second = ({p.name: p.read_text() for p in (tmp_path / w).rglob("*.*") if p.suffix != ".pdf"} for w in "12")
    assert first == second


def made_up(p_value: float, control: bool = True) -> Outcome:
    """The outcome of a claim whose test has this p value."""
    details = {"p value": p_value, "control rejected": control}
    link = Link("simulation", p_value > ALPHA and control, "made up", details)
    return Outcome(registry.find(FEW[0]), Certificate("made up", (link,), 0, {}), "", {}, 0.0)


def test_the_table_is_judged_as_one_family() -> None:
    """False alarms of the whole table are at most alpha: p values between alpha/n and alpha are no alarms."""
    n = 29
    fair = [made_up(p) for p in np.random.default_rng(0).random(n - 1)]
    for p_value, holds in ((ALPHA / 2, True), (1.5 * ALPHA / n, True), (0.9 * ALPHA / n, False), (0.0, False)):
        outcomes = judged_together([*fair, made_up(p_value)])
        assert [outcome.certificate.ok for outcome in outcomes] == [True] * (n - 1) + [holds]
        assert f"{n} simulations judged together by Holm's step-down" in table(outcomes)
    assert not judged_together([made_up(0.5, control=False)])[0].certificate.ok
    identity = replace(fair[0], certificate=certificate("an identity", [Link("simulation", None, "none")], 0))
    assert judged_together([identity]) == [identity]


def test_false_alarms_of_a_table() -> None:
    """Tables of true claims at a rate that can be seen: one by one a third of them alarm, together 2 % do."""
    rng, alpha, n, tables = np.random.default_rng(1), 0.02, 20, 500
    p_values = rng.random((tables, n))
    alarms = [any(holm(row, alpha).rejected) for row in p_values]
    judged = [judged_together([made_up(p) for p in row], alpha) for row in p_values]
    assert [any(not o.certificate.ok for o in row) for row in judged] == alarms
    assert sum(alarms) <= binom.ppf(1 - 1e-6, tables, alpha)
    assert (p_values <= alpha).any(axis=1).sum() > binom.ppf(1 - 1e-6, tables, alpha), "the control: one by one"


@pytest.mark.slow
def test_reproduce_goes_on_after_an_interrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = registry.find(FEW[0])
    second = replace(first, name="second")

    def files(out: Path) -> dict[str, str]:
        return {path.name: path.read_text() for path in out.rglob("*.j*")}

    command = ["reproduce", "--quick", "--workers", "1", "--out"]
    monkeypatch.setattr(registry, "TABLE", (first, second))
    assert main([*command, str(tmp_path / "whole")]) == 0
    monkeypatch.setattr(registry, "TABLE", (first, replace(second, code=INTERRUPTED)))
    assert main([*command, str(tmp_path / "cut")]) == 130
    assert list(files(tmp_path / "cut")) == ["reproduce.journal"]
    finished = replace(first, code=INTERRUPTED)  # and not derived again
    monkeypatch.setattr(registry, "TABLE", (finished, second))
    assert main([*command, str(tmp_path / "cut"), "--resume"]) == 0
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


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
