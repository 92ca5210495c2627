"""The coordinate check: right ones pass, each wrong exponent fails in its row, few networks decide nothing."""

from __future__ import annotations

import csv
import io
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

from symlimits.errors import DataError, DomainError
from symlimits.finite.deep_training import train
from symlimits.theory.scaling.abc import abc
from symlimits.theory.scaling.abc_point import Point
from symlimits.theory.scaling.coordinate_check import CoordinateCheck, compare, coordinate_check, simulate
from symlimits.theory.scaling.named import named
from symlimits.theory.scaling.transfer import transfer

H = Fraction(1, 2)
SMALL = (32, 64, 128, 256)
MUP, NTK, STANDARD, MUP_ADAM = named("muP", 2), named("NTK", 2), named("SP", 2), named("muP", 2, "adam")


@pytest.fixture(scope="module")
def sound() -> CoordinateCheck:
    return coordinate_check(MUP, SMALL, seed=1)


def moved(point: Point, letter: str, layer: int, shift: Fraction) -> Point:
    """The parameterisation with one exponent wrong."""
    powers = {name: list(getattr(point, name)) for name in "abc"}
    powers[letter][layer] += sp.Rational(shift)
    return abc(point.depth, point.optimizer).at(**powers)


def test_a_right_one_passes(sound: CoordinateCheck) -> None:
    assert sound.ok, str(sound)
    assert not sound.failing
    assert sound.answer.startswith("Yes: this coordinate check is right")
    assert [row.name for row in sound.rows] == ["h1", "h2", "f", "dh1", "dh2", "df"]


@pytest.mark.parametrize(
    ("point", "letter", "layer", "shift", "row"),
    [
        (MUP, "c", 0, H, "dh1"),
        (MUP, "c", 1, -H, "dh2"),
        (MUP, "b", 1, H, "h2"),
        (MUP, "b", 2, H, "f"),
        (MUP, "c", 2, -H, "df"),
        (NTK, "c", 0, H, "dh1"),
    ],
)
def test_one_wrong_exponent_fails_in_its_row(point: Point, letter: str, layer: int, shift: Fraction, row: str) -> None:
    """The negative control: a layer whose rate or deviation is wrong by the root of the width."""
    check = coordinate_check(point, SMALL, parameterised_as=moved(point, letter, layer, shift))
    assert row in check.failing, str(check)
    assert not check.ok
    assert check.answer.startswith("No: ")
    assert f"  {row}, " in check.answer


def test_a_rate_too_small_behind_a_larger_part_is_not_seen() -> None:
    """The readout of muP could learn nothing: the features change the logits as much. The docs say so."""
    assert coordinate_check(MUP, SMALL, parameterised_as=moved(MUP, "c", 2, H)).ok


def test_standard_rates_presented_as_mup_fail() -> None:
    check = coordinate_check(MUP, SMALL, parameterised_as=STANDARD)
    assert {"f", "dh1", "dh2"} <= set(check.failing)
    assert "Look first at the initialisation and the multiplier of the readout." in check.answer


def test_the_loss_in_place_of_frozen_gradients(sound: CoordinateCheck) -> None:
    check = coordinate_check(MUP, SMALL, seed=1, gradients="loss")
    assert check.ok, str(check)
    assert check.rows[3].measured != sound.rows[3].measured


@pytest.mark.parametrize(
    ("name", "optimizer"), [("deep-MF", "sgd"), ("deep-MF", "adam"), ("PyTorch", "sgd"), ("SP", "adam")]
)
def test_unstable_ones_are_followed_too(name: str, optimizer: str) -> None:
    """Initialisations that vanish, changes that explode: the exponents of `after` are held against networks of odd
    linear growth."""
    check = coordinate_check(named(name, 2, optimizer), SMALL, steps=2)
    assert not check.failing, str(check)
    assert sum(row.verdict == "pass" for row in check.rows) >= 5
    assert "unstable" in check.verdict


@pytest.mark.slow
@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("name", ["SP", "NTK", "muP"])
def test_every_parameterisation_at_the_default_widths(name: str, optimizer: str, depth: int) -> None:
    check = coordinate_check(named(name, depth, optimizer))
    assert check.ok, str(check)
    # measured: 0.08 at most, of logits that grow while tanh saturates
    assert max(abs(row.measured.exponent - float(row.predicted)) for row in check.rows) < 0.1


def test_networks_made_by_a_transfer_table_pass() -> None:
    """The route of a user: the table without multipliers makes networks, and their samples are compared."""
    rng, X = np.random.default_rng(5), np.random.default_rng(0).standard_normal((8, 4))
    samples = {}
    for width in (64, 128, 256, 512):
        net = transfer(MUP, base_width=8, width=width, rate=0.2).absorbed.finite(inputs=4)
        samples[width] = train(net, X, np.resize([0.1, -0.1], 8), rng, seeds=20).named()
    assert compare(MUP, samples).ok
    check = compare(NTK, samples)
    assert {"f", "dh1", "dh2"} <= set(check.failing)


def test_few_networks_decide_nothing() -> None:
    rng = np.random.default_rng(2)
    samples = {n: {"f": np.exp(rng.standard_normal(2)) * n**-0.5} for n in (64, 128, 256)}
    check = compare(MUP, samples)
    assert [row.verdict for row in check.rows] == ["undecided"]
    assert not check.ok
    assert check.answer.startswith("Not decided")
    assert "f" in check.answer


def test_a_check_is_the_same_again_and_another_with_another_seed() -> None:
    one, two = simulate(MUP, 32, 0, 2, "frozen"), simulate(MUP, 32, 0, 2, "frozen")
    np.testing.assert_array_equal(one["dh1"], two["dh1"])
    assert (one["dh1"] != simulate(MUP, 32, 1, 2, "frozen")["dh1"]).all()


# --------------------------------------------------------------------------------------------- texts


def test_texts(sound: CoordinateCheck) -> None:
    text = str(sound)
    assert all(row.name in text for row in sound.rows)
    assert sound.answer in text
    rows = list(csv.DictReader(io.StringIO(sound.csv)))
    assert len(rows) == 6 * len(SMALL)
    assert {row["verdict"] for row in rows} == {"pass"}
    plain = json.loads(json.dumps(sound.as_dict()))
    assert plain["ok"] is True
    assert plain["rows"][2]["predicted"] == "-1/2"
    assert sound.latex().count(r"\\") == 7


def test_picture(sound: CoordinateCheck, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    figure = sound.picture(tmp_path / "check.png")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:3] == ["h1: layer 1 at init", "h2: layer 2 at init", "f: logits at init"]
    dashed = figure.axes[2].lines[0]
    steps = np.diff(np.log(dashed.get_ydata())) / np.diff(np.log(dashed.get_xdata()))
    np.testing.assert_allclose(steps, -0.5, rtol=1e-9)  # the predicted slope
    assert (tmp_path / "check.png").stat().st_size > 10_000
    with pytest.raises(DataError):
        sound.picture(tmp_path / "check.nothing")


# --------------------------------------------------------------------------------------------- doors

GOOD = {n: {"h1": [1.0, 1.1, 0.9]} for n in (64, 128, 256)}


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        ({**GOOD, 512: {"h2": [1.0, 1.1]}}, "without"),
        ({n: {"h9": [1.0, 1.1]} for n in (64, 128, 256)}, "h9"),
        ({n: {"h1": [0.0, 0.0]} for n in (64, 128, 256)}, "0.0"),
        ({n: {"h1": [1.0]} for n in (64, 128, 256)}, "2 networks"),
        ({n: {"h1": [1.0, 1.1]} for n in (64, 128)}, "3 positive sizes"),
        ({n: {"h1": [1.0, 1.1]} for n in ("64", "128", "256")}, "an integer"),
        ({n: [1.0, 1.1] for n in (64, 128, 256)}, "a dictionary of rows"),
        ({}, "no width"),
        ([1.0], "a dictionary of rows"),
    ],
)
def test_bad_samples(samples: Any, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        compare(MUP, samples)


@pytest.mark.parametrize(
    "change",
    [
        {"widths": (64, 128)},
        {"widths": (64, 64, 64)},
        {"widths": "64"},
        {"widths": (0, 1, 2)},
        {"gradients": "true"},
        {"alpha": 0},
        {"alpha": True},
        {"allowance": 0.3},
        {"allowance": -2},
    ],
)
def test_bad_arguments(change: dict[str, Any]) -> None:
    with pytest.raises(DomainError):
        coordinate_check(MUP_ADAM, **({"widths": (8, 16, 32)} | change))
