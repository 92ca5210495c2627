"""Width transfer: known tables, the gauge, code that runs, and refusals."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest
import sympy as sp

from symlimits.errors import DataError, DomainError
from symlimits.finite.deep_training import train
from symlimits.theory.scaling.abc_point import Point
from symlimits.theory.scaling.named import named
from symlimits.theory.scaling.transfer import Transfer, transfer

NAMES = [("SP", "sgd"), ("NTK", "sgd"), ("muP", "sgd"), ("deep-MF", "sgd"), ("NTK", "adam"), ("muP", "adam")]
POINTS = [pytest.param(named(name, 3, optimizer), id=f"{name}-{optimizer}") for name, optimizer in NAMES]
ROUNDING = 1e-9  # three steps of networks whose numbers differ by rounding
X = np.random.default_rng(0).standard_normal((4, 5))
GRADIENTS = np.array([0.3, -0.2, 0.5, -0.1])
TINY = {"base_width": 16, "width": 64, "rate": 0.3, "inputs": 5, "outputs": 1}


@pytest.mark.parametrize("point", POINTS)
def test_at_the_base_width_nothing_changes(point: Point) -> None:
    table = transfer(point, 128, 128, rate=0.1, inputs=10)
    for row in (*table.layers, *table.absorbed.layers):
        assert (row.multiplier, row.std_factor, row.rate) == (1, 1, 0.1)


@pytest.mark.parametrize("point", POINTS)
def test_there_and_back_and_in_two_steps(point: Point) -> None:
    there, on, whole = transfer(point, 64, 256), transfer(point, 256, 2048), transfer(point, 64, 2048)
    for one, two, both in zip(there.layers, on.layers, whole.layers, strict=True):
        for factor in ("multiplier_factor", "std_factor", "rate_factor"):
            assert sp.simplify(getattr(one, factor) * getattr(two, factor) - getattr(both, factor)) == 0


@pytest.mark.parametrize(
    ("point", "stds", "rates"),
    [
        (named("muP", 3), (1, -0.5, -0.5, -1), (1, 0, 0, -1)),  # Yang et al., arXiv 2203.03466, table 3, SGD
        (named("muP", 3, "adam"), (1, -0.5, -0.5, -1), (0, -1, -1, -1)),  # the same, Adam
        (named("SP", 3), (1, -0.5, -0.5, -0.5), (-1, -1, -1, -1)),
        (named("NTK", 3), (1, -0.5, -0.5, -0.5), (0, -1, -1, -1)),
    ],
)
def test_an_ordinary_network_scales_as_published(point: Point, stds: tuple[float], rates: tuple[float]) -> None:
    """Powers of the ratio of widths without multipliers; the first layer's deviation does not depend on width."""
    rows = transfer(point, 256, 4096).absorbed.layers
    powers = [(sp.log(row.std_factor, 16), sp.log(row.rate_factor, 16)) for row in rows]
    assert [float(std) for std, _ in powers] == [0, *stds[1:]]
    assert [float(rate) for _, rate in powers] == list(rates)


@pytest.mark.parametrize("point", POINTS)
def test_with_and_without_multipliers_is_the_same_training(point: Point) -> None:
    table = transfer(point, **TINY)
    found = []
    for form in (table, table.absorbed):
        net = form.finite(inputs=5)
        found.append(train(net, X, GRADIENTS, np.random.default_rng(1), 2, optimizer=point.optimizer))
    np.testing.assert_allclose(found[0].change, found[1].change, rtol=ROUNDING)
    wrong = table.absorbed.finite(inputs=5)
    moved = wrong.__class__(wrong.width, wrong.multipliers, wrong.stds, table.finite(5).rates)
    if any(point.a):  # the negative control: rates that have not absorbed the multipliers
        other = train(moved, X, GRADIENTS, np.random.default_rng(1), 2, optimizer=point.optimizer)
        assert abs(other.change / found[0].change - 1).max() > 0.1


# ------------------------------------------------------------------------------------------- PyTorch


class Weight:
    std = 0.0


class Linear:
    def __init__(self, fan_in: int) -> None:
        self.in_features, self.weight = fan_in, Weight()


class Init:
    @staticmethod
    def normal_(weight: Weight, std: float) -> None:
        weight.std = std


class Optimizer:
    def __init__(self, groups: list[dict[str, Any]], lr: float, **options: Any) -> None:
        self.groups, self.lr, self.options = groups, lr, options


def executed(table: Transfer, multipliers: bool) -> tuple[list[float], list[float], dict[str, Any]]:
    """The deviations and rates that the pasted code sets, in a PyTorch of a few lines."""
    namespace = {"Init": Init, "Optimizer": Optimizer}
    nn = type("nn", (), {"init": Init})
    torch = type("torch", (), {"optim": type("optim", (), {"SGD": Optimizer, "Adam": Optimizer}), "tanh": np.tanh})
    layers = [Linear(5), *(Linear(table.width) for _ in table.layers[1:])]
    namespace |= {"nn": nn, "torch": torch, "layers": layers}
    exec(table.pytorch(multipliers), namespace)
    groups = namespace["optimizer"].groups  # type: ignore[attr-defined]
    assert [group["params"] for group in groups] == [[layer.weight] for layer in layers]
    return [layer.weight.std for layer in layers], [group["lr"] for group in groups], namespace


@pytest.mark.parametrize("multipliers", [False, True])
@pytest.mark.parametrize("inputs", [5, None])
@pytest.mark.parametrize("point", POINTS)
def test_the_code_sets_what_the_table_says(point: Point, inputs: int | None, multipliers: bool) -> None:
    table = transfer(point, **(TINY | {"inputs": inputs}))  # type: ignore[arg-type]
    stds, rates, namespace = executed(table, multipliers)
    net = (table if multipliers else table.absorbed).finite(inputs=5)
    np.testing.assert_allclose(stds, net.stds, rtol=1e-12)
    np.testing.assert_allclose(rates, net.rates, rtol=1e-12)
    assert ("forward" in namespace) == multipliers
    if multipliers:
        assert namespace["multipliers"] == list(net.multipliers)


def test_the_code_with_rates_of_its_own() -> None:
    table = transfer(named("muP", 2), 64, 256, rate=[0.1, 0.2, 0.3], inputs=5, stds=[0.5, 0.25, 0.125])
    stds, rates, _ = executed(table, multipliers=True)
    assert stds == pytest.approx([0.25, 0.125, 0.0625])
    assert rates == [0.1, 0.2, 0.3]
    assert "optim.SGD" in table.pytorch()
    assert "optim.Adam" in transfer(named("muP", 2, "adam"), 64, 256).pytorch()


def test_sign_descent_is_adam_without_memory_and_says_so() -> None:
    table = transfer(named("muP", 2, "sign"), **TINY)  # type: ignore[arg-type]
    assert table.pytorch().count("# Sign descent is Adam without memory") == 1
    options = executed(table, multipliers=True)[2]["optimizer"].options
    mean = square = 0.0
    for gradient in (3.0, -1e-6, 0.0, 1e-18):  # Kingma and Ba, algorithm 1, with what the code says
        mean = options["betas"][0] * mean + (1 - options["betas"][0]) * gradient
        square = options["betas"][1] * square + (1 - options["betas"][1]) * gradient**2
        assert mean / (square**0.5 + options["eps"]) == pytest.approx(np.sign(gradient), abs=0.01)
    assert str(table).startswith("sign descent, width 16 -> 64")
    adam = transfer(named("muP", 2, "adam"), **TINY)  # type: ignore[arg-type]
    assert "Sign descent" not in adam.pytorch()
    assert executed(adam, multipliers=True)[2]["optimizer"].options == {}


# --------------------------------------------------------------------------------------------- texts


def test_the_table_is_aligned_and_shows_both_forms() -> None:
    text = str(transfer(named("muP", 2), 256, 4096, rate=0.1))
    assert text.splitlines()[0] == "SGD, width 256 -> 4096"
    assert "with multipliers" in text
    assert "without multipliers" in text
    lines = [line for line in text.splitlines() if "->" in line][1:]
    assert len({line.index("->") for line in lines if line.startswith("2")}) == 1
    assert "1.6 (16 x base)" in text
    assert "without" not in str(transfer(named("SP", 2), 256, 4096))


def test_csv_and_dictionary_agree() -> None:
    table = transfer(named("muP", 2), 256, 4096, rate=0.1, inputs=784, outputs=10)
    rows = list(csv.DictReader(io.StringIO(table.csv)))
    plain = table.as_dict()
    for form, key in (("multipliers", "layers"), ("absorbed", "absorbed")):
        found = [row for row in rows if row["form"] == form]
        assert [float(row["learning_rate"]) for row in found] == [row["lr"] for row in plain[key]]
        assert [float(row["init_std"]) for row in found] == [row["init_std"] for row in plain[key]]
        assert [row["fan_out"] for row in found] == ["4096", "4096", "10"]


def test_latex_is_exact() -> None:
    text = transfer(named("muP", 2), 256, 512).latex()
    assert r"\sqrt{2}" in text
    assert text.count(r"\\") == 4


# --------------------------------------------------------------------------------------------- doors


@pytest.mark.parametrize(
    ("change", "error"),
    [
        *[({name: value}, DomainError) for name in ("base_width", "width") for value in (0, -1, 1.5, "64", True, None)],
        *[({"inputs": value}, DomainError) for value in (0, 2.5, "x")],
        *[({"rate": value}, DomainError) for value in (0.0, -1.0, float("nan"), float("inf"))],
        *[({"rate": value}, DataError) for value in ([0.1], ["0.1"] * 3)],
        *[({"rate": value}, DomainError) for value in (None, "-0.1", "0", "x", "1e400", "0.1*x", True)],
        ({"rate": [0.1, True, 0.1, 0.1]}, DomainError),
        ({"stds": [1.0]}, DataError),
        ({"stds": [1.0, 1.0, 0.0, 1.0]}, DomainError),
    ],
)
def test_doors(change: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        transfer(named("muP", 3), **({"base_width": 64, "width": 128} | change))


def test_rates_and_deviations_may_be_exact_strings() -> None:
    point = named("muP", 2)
    exact = transfer(point, 64, 128, rate="0.1", stds=["1/8", "sqrt(2)/16", sp.Rational(1, 64)])
    assert exact == transfer(point, 64, 128, rate=0.1, stds=[1 / 8, float(sp.sqrt(2)) / 16, 1 / 64])
    assert exact == point.transfer(64, 128, sp.Rational(1, 10), stds=["1/8", "sqrt(2)/16", "1/64"])
    assert [row.base_rate for row in transfer(point, 64, 128, rate=["1/3", 0.1, 2]).layers] == [1 / 3, 0.1, 2.0]


def test_rates_may_be_an_array() -> None:
    found = [transfer(named("muP", 2), 64, 128, rate=rates) for rates in (np.array([0.1, 0.2, 0.3]), [0.1, 0.2, 0.3])]
    assert found[0] == found[1]
