"""`symlimits derive scaling`: what it prints in every form, exit codes, samples from files, and bad input."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from symlimits.cli import main
from symlimits.errors import DataError
from symlimits.finite.deep_training import layers, train
from symlimits.paper.scaling_arguments import joined
from symlimits.paper.scaling_commands import read_coordinates
from symlimits.theory.scaling.named import named
from symlimits.theory.scaling.transfer import transfer

MUP = "abc --depth 2 --named mup"
WIDE = "--base-width 64 --width 1024 --rate 0.1"


def ran(arguments: str, capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    """What the command prints, if it ends as it should."""
    assert main(["derive", "scaling", *arguments.split()]) == code
    return capsys.readouterr().out


def test_negative_values_are_values() -> None:
    assert joined(["--a", "-1/2,0", "--q", "-.5", "-x", "--json"]) == ["--a=-1/2,0", "--q=-.5", "-x", "--json"]


# ---------------------------------------------------------------------------------- one hidden layer


def test_the_cell_of_a_scaling(capsys: pytest.CaptureFixture[str]) -> None:
    text = ran("one-hidden-layer --rates shared --q-sigma -1/2 --q 0", capsys)
    assert text.startswith("NTK: ")
    plain = json.loads(ran("one-hidden-layer --q-sigma -1/2 --q 0 --json", capsys))
    assert plain["name"] == "NTK"
    assert plain["properties"]["init"] == "kept"


def test_an_unstable_scaling_has_a_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    plain = json.loads(ran("one-hidden-layer --q-sigma 0 --q 1 --json", capsys))
    assert plain["stable"] is False
    assert plain["kind"] == "divergent"
    assert "divergent" in ran("one-hidden-layer --q-sigma 0 --q 1", capsys)


def test_all_cells(capsys: pytest.CaptureFixture[str]) -> None:
    cells = json.loads(ran("one-hidden-layer --json", capsys))
    assert len(cells) == 13
    assert all(f"{cell['name']}: " in ran("one-hidden-layer", capsys) for cell in cells[:2])


# ------------------------------------------------------------------------------------ abc, transfer


def test_a_parameterisation_by_name_and_by_exponents(capsys: pytest.CaptureFixture[str]) -> None:
    by_name = ran(MUP, capsys)
    assert "feature learning" in by_name
    assert by_name == ran("abc --depth 2 --a -1/2,0,1/2 --b 1/2 --c 0", capsys)
    assert by_name == ran("abc --depth 2 --a -0.5,0,1/2 --b 1/2 --c 0,0,0", capsys).replace(
        "  a[0] = -0.5 is taken as -1/2\n", ""
    )
    plain = json.loads(ran(f"{MUP} --json", capsys))
    assert plain["stable"] is True
    assert plain["exponents"]["f"] == "-1/2"
    assert ran(f"{MUP} --latex", capsys).startswith(r"\begin{tabular}")


def test_a_width_transfer(capsys: pytest.CaptureFixture[str]) -> None:
    table = transfer(named("muP", 2), 64, 1024, rate="1/10")
    assert ran(f"{MUP} {WIDE}", capsys) == f"{table}\n"
    assert json.loads(ran(f"{MUP} {WIDE} --json", capsys)) == table.as_dict()
    assert ran(f"{MUP} {WIDE} --csv", capsys) == table.csv
    assert ran(f"{MUP} {WIDE} --latex", capsys) == f"{table.latex()}\n"
    assert ran(f"{MUP} {WIDE} --pytorch", capsys) == table.pytorch()
    assert ran(f"{MUP} {WIDE} --pytorch --multipliers", capsys) == table.pytorch(multipliers=True)


# --------------------------------------------------------------------------------- coordinate check


def test_a_coordinate_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    command = f"{MUP} --coordinate-check --widths 32,64,128 --seed 3 --picture {tmp_path / 'new.png'}"
    text = ran(command, capsys)
    assert "Yes: this coordinate check is right" in text
    assert (tmp_path / "new.png").exists()
    rows = list(csv.DictReader(io.StringIO(ran(f"{MUP} --coordinate-check --widths 32,64,128 --csv", capsys))))
    assert {row["width"] for row in rows} == {"32", "64", "128"}


def samples(path: Path, name: str) -> Path:
    """A file of the networks of a parameterisation, as a training script would write it."""
    point, rng = named(name, 2), np.random.default_rng(0)
    a, b, c = ([float(power) for power in powers] for powers in (point.a, point.b, point.c))
    X, lines = rng.standard_normal((8, 4)), ["width,row,value"]
    for width in (64, 128, 256, 512):
        sizes = train(layers(width, a, b, c, inputs=4), X, np.resize([0.1, -0.1], 8), rng, seeds=24).named()
        lines += [f"{width},{row},{float(value)!r}" for row, values in sizes.items() for value in values]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_samples_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = samples(tmp_path / "mine.csv", "mup")
    assert "Yes: " in ran(f"{MUP} --samples {mine}", capsys)
    assert json.loads(ran(f"{MUP} --samples {mine} --json", capsys))["ok"] is True
    wrong = samples(tmp_path / "standard.csv", "SP")
    text = ran(f"{MUP} --samples {wrong}", capsys, code=1)  # the negative control
    assert "No: " in text
    assert "dh1" in text


def test_files_of_samples(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("64,h1,1.5\n64,h1,2\n\n128, h1 ,3\n")
    assert read_coordinates(path) == {64: {"h1": [1.5, 2.0]}, 128: {"h1": [3.0]}}
    for text in ("64,h1\n", "64,h1,one\n", "n,h1,1\nwidth,row,value\n", "1,2,3,4\n"):
        path.write_text(text)
        with pytest.raises(DataError, match="line 1"):
            read_coordinates(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError):
        read_coordinates(path)
    with pytest.raises(DataError, match="none"):
        read_coordinates(tmp_path / "none.csv")


# ----------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("abc --depth 2", "--named mup, or --a --b --c"),
        ("abc --depth 2 --named mup --a 0", "--named mup, or --a --b --c"),
        ("abc --depth 2 --a 0 --b 0", "no exponents --c"),
        ("abc --depth 2 --a 0,0 --b 0 --c 0", "each of 3 layers"),
        ("abc --depth 2 --a 0,zero,0 --b 0 --c 0", "zero"),
        ("abc --depth 2 --a __import__('os') --b 0 --c 0", "__import__"),
        ("abc --depth 0 --named mup", "depth = 0"),
        ("abc --depth 2 --named nup", "'nup'"),
        ("abc --depth 2 --named mup-adam --optimizer sgd", "mup-adam"),
        ("abc --depth 2 --named mup --optimizer lion", "lion"),
        (f"{MUP} --width 64", "--base-width"),
        (f"{MUP} --base-width 64", "--width"),
        (f"{MUP} --pytorch", "--base-width"),
        (f"{MUP} --base-width 0 --width 64", "base_width = 0"),
        (f"{MUP} {WIDE} --inputs 0", "inputs = 0"),
        (f"{MUP} --base-width 64 --width 128 --rate -1", "rate = '-1'"),
        (f"{MUP} --base-width 64 --width 128 --rate nan", "rate"),
        (f"{MUP} --rate 0.1", "--rate without widths"),
        (f"{MUP} --inputs 4", "--inputs without widths"),
        (f"{MUP} --multipliers", "--multipliers without widths"),
        (f"{MUP} --csv", "--csv"),
        (f"{MUP} --widths 64,128,256", "--widths without a check"),
        (f"{MUP} --picture x.png", "--picture without a check"),
        (f"{MUP} --coordinate-check --widths 64,128", "three or more"),
        (f"{MUP} --coordinate-check --widths 64,big,256", "64,big,256"),
        (f"{MUP} --coordinate-check --widths 8,16,32 --gradients true", "gradients"),
        (f"{MUP} --coordinate-check --widths 8,16,32 --steps 0", "steps = 0"),
        (f"{MUP} --coordinate-check --widths 8,16,32 --seed -1", "seed = -1"),
        (f"{MUP} --samples none.csv", "none.csv"),
        (f"{MUP} --samples none.csv --coordinate-check", "--samples with --coordinate-check"),
        ("one-hidden-layer --rates both", "both"),
        ("one-hidden-layer --q-sigma 0", "q"),
        ("one-hidden-layer --q-sigma x --q 0", "x"),
        ("one-hidden-layer --csv", "--csv"),
        ("one-hidden-layer --activation rellu", "relu"),
        ("one-hidden-layer --q-sigma 0 --q 0 --latex", "--latex of one cell"),
    ],
)
def test_bad_input(
    arguments: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["derive", "scaling", *arguments.split()]) == 2
    output = capsys.readouterr()
    assert reason in output.err
    assert output.err.startswith("symlimits: ")
    assert not output.out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", ["", "nothing", "abc", "abc --depth two", f"{MUP} --json --latex", "abc --a --"])
def test_usage(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["derive", "scaling", *arguments.split()])
    assert stop.value.code == 2
    assert "usage" in capsys.readouterr().err
