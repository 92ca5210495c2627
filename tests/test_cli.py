"""The command line: what it prints and writes, its exit codes, and bad input."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import symlimits as sl
from symlimits import __version__
from symlimits.cli import main
from symlimits.finite.expectation_experiment import ExpectationExperiment
from symlimits.paper import claims as registry
from symlimits.paper import commands, doctor
from symlimits.paper.prose import in_words

HEAVY = ("sympy", "numba", "numpy", "scipy", "rich")
GELU = "x*(1+erf(x/sqrt(2)))/2"
X, Z = np.array([1.0, 0.5, -0.3]), np.array([0.2, 1.1, 0.4])
POINT = [f"--p={float(X @ X / 3)!r}", f"--q={float(Z @ Z / 3)!r}", f"--c={float(X @ Z / 3)!r}"]


def relu_networks(size: int, count: int = 400) -> np.ndarray:
    """mean of relu(h(x)) relu(h(z)) over the units of a hidden layer, h = W x/sqrt(3): one number a network."""
    rng = np.random.default_rng(size)
    weights = rng.standard_normal((count, size, 3)) / np.sqrt(3)
    return np.mean(np.maximum(weights @ X, 0) * np.maximum(weights @ Z, 0), axis=1)


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    path = tmp_path / "samples.npz"
    np.savez(path, **{f"width_{size}": relu_networks(size) for size in (8, 32, 128)})
    return path


def code_of(arguments: list[str]) -> int:
    """The exit code of arguments that argparse refuses."""
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    return int(str(stop.value.code))


# ------------------------------------------------------------------------------------------ start-up


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["certify", "--help"], ["derive", "scaling", "abc", "--help"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    program = f"""
import sys
from symlimits.cli import main
try:
    main({arguments!r})
except SystemExit as stop:
    assert not stop.code
print("HEAVY:", [name for name in {HEAVY!r} if name in sys.modules])
"""
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.endswith("HEAVY: []\n")


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(["--version"]) == 0
    assert __version__ in capsys.readouterr().out
    assert code_of(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(command in text for command in commands.COMMANDS)
    assert code_of([]) == 2


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    text = capsys.readouterr().out
    assert all(claim.name in text and in_words(claim.title) in text for claim in registry.TABLE)
    assert not re.search(r"[$\\]", text)


# --------------------------------------------------------------------------------------------- derive


def test_derive_prints_latex(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "dual", "--activation", "relu", "--notation", "p=k,q=m"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(r"\begin{align*}")
    assert r"\sqrt{k m}" in text


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["ntk", "--activation", GELU, "--depth", "3"], "ntk"),
        (["nngp", "--activation", "leaky_relu(1/10)", "--w-var", "2", "--b-var", "0"], "nngp"),
        (["ntk-relu", "--set", "L=2,sigma_w=1"], "ntk-relu"),
        (
            ["ntk", "--activation", "relu", "--depth", "2", "--parameterization", "standard", "--widths", "64,32"],
            "ntk-relu",
        ),
    ],
)
def test_derive_writes(arguments: list[str], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", *arguments, "--out", str(tmp_path / "out")]) == 0
    assert re.match(r"(K|\\Theta)\(x, z\) = ", capsys.readouterr().out)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"{name}.json", f"{name}.tex"]
    assert sl.load(tmp_path / "out" / f"{name}.json").has_closed_form
    assert r"\end{document}" in (tmp_path / "out" / f"{name}.tex").read_text()


# ------------------------------------------------------------------------------- certify and compare


def test_certify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["certify", "dual-linear", "--sizes", "8,16,32", "--workers", "1", "--progress", "--out", str(tmp_path)]
    assert main(arguments) == 0
    output = capsys.readouterr()
    assert "simulation holds" in output.out
    assert "lines" in output.err
    assert json.loads((tmp_path / "dual-linear.certificate.json").read_text())["ok"] is True


def test_certify_is_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["certify", "dual", "--activation", "linear", "--sizes", "8,16,32", "--workers", "1"]) == 0
    assert capsys.readouterr().err == ""


def test_the_certificate_does_not_depend_on_the_workers(tmp_path: Path) -> None:
    for workers in ("1", "2"):
        arguments = ["certify", "dual-linear", "--sizes", "16,32,64", "--workers", workers]
        assert main([*arguments, "--out", str(tmp_path / workers)]) == 0
    one, two = ((tmp_path / workers / "dual-linear.certificate.json").read_text() for workers in "12")
    assert one == two


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Ctrl-C at the n-th call of an experiment."""
    calls, draw = iter(()), ExpectationExperiment.__call__

    def drawn(self: ExpectationExperiment, size: int, rng: np.random.Generator) -> np.ndarray:
        if next(calls, None) == 0:
            raise KeyboardInterrupt
        return draw(self, size, rng)

    def at(count: int) -> None:
        nonlocal calls
        calls = iter(range(count - 1, -1, -1))

    monkeypatch.setattr(ExpectationExperiment, "__call__", drawn)
    return at


def test_certify_goes_on_after_an_interrupt(
    interrupt: Callable[[int], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, whole, cut = "dual-linear.certificate.json", tmp_path / "whole", tmp_path / "cut"
    command = ["certify", "dual-linear", "--sizes", "16,32,64", "--workers", "1"]
    assert main([*command, "--out", str(whole)]) == 0
    names = sorted(path.name for path in whole.iterdir())
    assert names == [name, "dual-linear.certificate.tex"], "the journal is gone"
    interrupt(1)
    assert main([*command, "--out", str(cut)]) == 130
    assert capsys.readouterr().err.endswith("nothing was written\n")
    assert not cut.exists()
    interrupt(10)
    assert main([*command, "--out", str(cut)]) == 130
    journal = cut / "dual-linear.journal"
    assert f"what is finished is in {journal}: the same command with --resume" in capsys.readouterr().err
    assert len(journal.read_text().splitlines()) == 10
    assert main([*command, "--out", str(cut)]) == 2
    assert "an earlier run has left" in capsys.readouterr().err
    assert main([*command, "--seed", "1", "--out", str(cut), "--resume"]) == 2
    assert "its seed is 0" in capsys.readouterr().err
    assert main([*command, "--out", str(cut), "--resume"]) == 0
    assert (cut / name).read_text() == (whole / name).read_text()
    assert not journal.exists()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_real_interrupt_and_a_resumption(workers: str, tmp_path: Path) -> None:
    """Ctrl-C, or SIGKILL at once, while networks are drawn; the resumed certificate is that of a run without."""
    network = ["--activation", "relu", "--depth", "3", "--w-var", "2", "--b-var", "0"]  # some 50 chunks
    arguments = ["certify", "nngp", *network, "--sizes", "64,128,512", "--workers", workers]
    command = [sys.executable, "-m", "symlimits.cli", *arguments]
    assert main([*arguments, "--out", str(tmp_path / "whole")]) == 0
    journal = tmp_path / "cut" / "nngp-relu.journal"

    def heed() -> None:  # what a shell starts in the background ignores Ctrl-C, and so do its children
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    for number, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)):
        before = len(journal.read_bytes()) if journal.exists() else 0
        again = [*command, "--out", str(tmp_path / "cut"), "--resume"]
        with subprocess.Popen(again, stderr=subprocess.PIPE, text=True, preexec_fn=heed) as process:
            while not journal.exists() or len(journal.read_bytes()) < max(before, 400) + 200:
                assert process.poll() is None, "through before it was stopped"
                time.sleep(0.01)
            process.send_signal(number)
            assert process.wait(timeout=60) == code
            assert process.stderr is not None
            assert number != signal.SIGINT or "--resume goes on" in process.stderr.read()
    subprocess.run(again, check=True)
    name = "nngp-relu.certificate.json"
    assert (tmp_path / "cut" / name).read_text() == (tmp_path / "whole" / name).read_text()


def test_a_journal_with_a_name_is_kept(tmp_path: Path, interrupt: Callable[[int], None]) -> None:
    command = ["certify", "dual-linear", "--sizes", "8,16,32", "--workers", "1", "--journal", str(tmp_path / "mine")]
    assert main([*command, "--resume"]) == 0
    interrupt(1)
    assert main([*command, "--resume"]) == 0, "all is there"
    assert (tmp_path / "mine").exists()


def test_compare_with_networks_of_ones_own(samples: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "dual", "--activation", "relu", *POINT, "--samples", str(samples)]) == 0
    assert "simulation holds" in capsys.readouterr().out


def test_compare_detects_a_wrong_limit(samples: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "dual", "--activation", "linear", *POINT, "--samples", str(samples)]) == 1
    assert "simulation BROKEN" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------------ gram


@pytest.mark.parametrize("suffix", [".npy", ".csv"])
def test_gram(tmp_path: Path, suffix: str) -> None:
    rows = np.random.default_rng(0).standard_normal((5, 3))
    data, out = tmp_path / f"x{suffix}", tmp_path / "new" / "K.npy"
    if suffix == ".npy":
        np.save(data, rows)
    else:
        np.savetxt(data, rows, delimiter=",", fmt="%.17g")
    arguments = ["gram", "ntk", "--activation", "relu", "--depth", "2", "--w-var", "2", "--b-var", "1/10"]
    assert main([*arguments, "--data", str(data), "--out", str(out)]) == 0
    kernel = sl.ntk(sl.mlp(depth=2, activation="max(x, 0)", w_var=2, b_var="1/10"))
    np.testing.assert_array_equal(np.load(out), kernel(rows))
    assert main([*arguments, "--data", str(data), "--other", str(data), "--out", str(out)]) == 0
    np.testing.assert_allclose(np.load(out), kernel(rows), rtol=1e-12)
    assert [path.name for path in out.parent.iterdir()] == ["K.npy"]


def test_gram_of_bad_data_leaves_the_old_matrix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "X.npy", [[1.0, np.nan]])
    np.save(tmp_path / "flat.npy", [1.0, 2.0])
    (tmp_path / "ragged.csv").write_text("1,2\n3\n")
    out = tmp_path / "K.npy"
    out.write_bytes(b"old")
    arguments = ["gram", "nngp", "--activation", "relu", "--depth", "2", "--w-var", "2", "--b-var", "0"]
    for data, reason in (("X.npy", "NaN"), ("flat.npy", "shape"), ("ragged.csv", "columns"), ("no.npy", "not exist")):
        assert main([*arguments, "--data", str(tmp_path / data), "--out", str(out)]) == 2
        assert reason in capsys.readouterr().err
        assert out.read_bytes() == b"old"


# ------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("derive ntk --activation __import__('os').system('touch+pwned')", "__import__"),
        ("derive ntk --activation relu --depth 0", "depth = 0"),
        ("derive ntk --activation relu --depth -1", "depth = -1"),
        ("derive ntk --activation relu --depth 1.5", "depth = 3/2"),
        ("derive ntk --activation relu --w-var=-2", "w_var = -2"),
        ("derive ntk --activation rellu", "relu"),
        ("derive ntk --activation x*y", "symbols x, y"),
        ("derive ntk --activation step", "continuous"),
        ("derive ntk --activation hermite(y)", "integer"),
        ("derive ntk --activation relu --parameterization standard", "widths"),
        ("derive ntk --activation relu --notation p", "name=value"),
        ("derive ntk", "without an activation"),
        ("derive dual --activation exp(x**2)", "p < 1/4"),
        ("derive dual --activation relu --depth 3", "dual with depth"),
        ("derive nothing", "symlimits list"),
        ("derive ntk-relu --depth 3", "claim without options"),
        ("derive ntk-relu --set M=3", "M"),
        ("certify dual-linear --sizes 32", "three or more"),
        ("certify dual-linear --seed -1", "seed = -1"),
        ("certify dual-linear --workers 0", "0 workers"),
        ("certify dual-linear --resume", "without a journal"),
        ("gram ntk --activation relu --data x.npy --out K.npy", "without a value"),
        ("gram ntk --activation relu --data x.npy --out K.txt", ".npy"),
        ("gram dual --activation relu --data x.npy --out K.npy", "kernel"),
        ("compare dual --activation relu --p 1 --q 1 --c 0 --samples none.npz", "not exist"),
    ],
)
def test_bad_input(
    arguments: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([word.replace("+", " ") for word in arguments.split()]) == 2
    output = capsys.readouterr()
    assert output.err.startswith("symlimits: ")
    assert output.err.count("\n") == 1
    assert reason in output.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", ["certify dual-linear --sizes a,b", "derive dual --unknown 1", "reproduce"])
def test_bad_usage(arguments: str) -> None:
    assert code_of(arguments.split()) == 2


@pytest.mark.parametrize("command", ["derive dual-linear", "certify dual-linear", "reproduce --quick"])
def test_an_out_that_is_a_file_is_refused(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    out.write_text("mine")
    assert main([*command.split(), "--out", str(out)]) == 2
    assert "which is a file" in capsys.readouterr().err
    assert out.read_text() == "mine"


def test_compare_without_a_point(samples: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "dual", "--activation", "relu", "--p=1", "--q=1", "--samples", str(samples)]) == 2
    assert "c without a value" in capsys.readouterr().err


def test_an_interrupt_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(arguments: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setitem(commands.COMMANDS, "list", interrupted)
    assert main(["list"]) == 130
    assert capsys.readouterr().err == "symlimits: interrupted; nothing was written\n"


# ---------------------------------------------------------------------------------------------- doctor


def test_doctor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ("sympy", "numba", "cache", "compiler", "threads", "pdflatex", "self-check"))
    monkeypatch.setitem(doctor.OPTIONAL, "no-such-package", ("nothing", "symlimits[none]"))
    assert main(["doctor"]) == 0
    assert "not installed, nothing: pip install 'symlimits[none]'" in capsys.readouterr().out
    monkeypatch.setattr(doctor, "TOLERANCE", -1.0)
    assert main(["doctor"]) == 1
    assert "FAILED" in capsys.readouterr().out


def test_no_matplotlib_is_said_before_networks_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["certify", "dual-linear", "--picture", "--out", str(tmp_path / "out")]) == 2
    assert "symlimits[plot]" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_unknown_claim_is_told_its_neighbour(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "ntk-rely"]) == 2
    assert "try: ntk-relu, or symlimits list" in capsys.readouterr().err
    assert main(["derive", "zzz"]) == 2
    assert "try: symlimits list" in capsys.readouterr().err
    assert main(["verify", "nowhere.json"]) == 2
    assert "No such file" in capsys.readouterr().err
