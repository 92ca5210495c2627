"""Gaps between networks, their linearisations and the law, against the width: `python benchmarks/linearization.py`.

Networks with erf and relu, trained by gradient descent, momentum and Adam on both losses, two hidden layers of relu and
three of erf (6 points, rate 0.2): slopes of logarithms with intervals of 95 %, over all widths and over the upper half,
beside the derived exponents. At finite widths a slope is on its way to the exponent; `Limit.certify` allows for one
term more, and here the upper half shows the direction. Writes benchmarks/results/linearization.json and
docs/linearization.png.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from gram import machine

import symlimits as sl
from symlimits import activations as act
from symlimits.errors import NoRule
from symlimits.finite.slopes import Slope, slope
from symlimits.finite.trained_networks import Array
from symlimits.theory.linearization import Linearization
from symlimits.theory.linearization.figure import gaps_figure

ROOT = Path(__file__).parent
LEVEL = 0.05
DIGITS = 5  # of logarithms and slopes that are written down
MOST_CROWDED = 2**8  # width of an ensemble mean: it takes four times as many networks as the width


@dataclass(frozen=True)
class Case:
    """A problem, and at how many widths and networks it is looked at."""

    activation: str
    depth: int
    optimizer: str
    loss: str
    lr: float
    steps: int
    widths: tuple[int, ...]
    nets: int

    @property
    def name(self) -> str:
        return f"{self.activation}, depth {self.depth}, {self.optimizer}, {self.loss}"

    def linearization(self) -> Linearization:
        rng = np.random.default_rng(0)
        X = rng.standard_normal((6, 4))
        X /= np.linalg.norm(X, axis=1, keepdims=True) / 2  # |x|^2 = d
        Y = np.eye(2)[rng.integers(0, 2, 6)] if self.loss == "xent" else rng.choice([-1.0, 1.0], (6, 1))
        net = sl.mlp(self.depth, getattr(act, self.activation), w_var=1.5, b_var=0.1)
        return sl.linearization(net, X, Y, self.lr, self.steps, self.loss, self.optimizer)


def cases(nets: int) -> list[Case]:
    wide, deep = tuple(2**k for k in range(5, 14)), tuple(2**k for k in range(5, 10))
    rates = {("sgd", "mse"): 1.0, ("momentum", "mse"): 0.2, ("adam", "mse"): 0.1, ("sgd", "xent"): 1.0,
             ("momentum", "xent"): 0.2, ("adam", "xent"): 0.1}  # fmt: skip
    found = [
        Case(phi, 1, optimizer, loss, lr, 20, wide, nets)
        for phi in ("erf", "relu")
        for (optimizer, loss), lr in rates.items()
    ]
    two = Case("relu", 2, "sgd", "mse", 0.5, 6, (*deep, 2**10), nets)
    return [*found, two, Case("erf", 3, "sgd", "mse", 0.2, 100, deep, max(8, nets // 4))]


def measured(case: Case) -> dict[str, tuple[Slope, Slope, float | None]]:
    """Slopes over all widths and over the upper half, and the exponents that are derived."""
    lin, found = case.linearization(), {}
    linear = case.optimizer != "adam"
    for name in ("linearized", "kernel_drift", "movement", *(("kernel",) if linear else ())):
        found[name] = lin.draws(name, case.widths, case.nets)
    if (case.optimizer, case.loss, case.depth) == ("sgd", "mse", 1):
        crowded = [width for width in case.widths if width <= MOST_CROWDED]
        found["ensemble_mean"] = lin.draws("ensemble_mean", crowded, max(8, case.nets // 4))
    return {name: (slope(draws), slope(upper_half(draws)), derived(lin, name)) for name, draws in found.items()}


def derived(lin: Linearization, name: str) -> float | None:
    try:
        return float(getattr(lin, name).expr)
    except NoRule:
        return None


def upper_half(draws: dict[int, Array]) -> dict[int, Array]:
    return {width: draws[width] for width in sorted(draws)[-max(3, len(draws) // 2) :]}


def row(name: str, found: Slope, upper: Slope, exponent: float | None) -> dict[str, Any]:
    later = {"from width": upper.points[0][0], **said(upper)}
    points = [[width, *rounded(numbers)] for width, *numbers in found.points]  # width, mean logarithm, its error
    return {"quantity": name, "derived": exponent, "all widths": said(found), "upper half": later, "points": points}


def said(found: Slope) -> dict[str, Any]:
    return {"slope": rounded([found.exponent])[0], "interval": rounded(found.interval(LEVEL))}


def rounded(numbers: Sequence[float]) -> list[float]:
    return [round(number, DIGITS) for number in numbers]


def line(row: dict[str, Any]) -> str:
    def part(found: dict[str, Any]) -> str:
        return f"{found['slope']:6.2f} [{found['interval'][0]:5.2f}, {found['interval'][1]:5.2f}]"

    exponent = "   -" if row["derived"] is None else f"{row['derived']:4g}"
    return f"  {row['quantity']:<14} {exponent}   {part(row['all widths'])}   {part(row['upper half'])}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nets", type=int, default=24)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "linearization.json")
    parser.add_argument("--figure", type=Path, default=ROOT.parent / "docs" / "linearization.png")
    arguments = parser.parse_args()
    start, tables, panels = process_time(), {}, {}
    print("  quantity    derived   slope, all widths      slope, upper half")
    for case in cases(arguments.nets):
        found = measured(case)
        rows = [row(name, *value) for name, value in found.items()]
        print(f"{case.name}, {case.steps} steps of {case.lr}, widths {case.widths[0]} to {case.widths[-1]}")
        print("\n".join(map(line, rows)), flush=True)
        tables[case.name] = {"lr": case.lr, "steps": case.steps, "nets": case.nets, "rows": rows}
        if (case.optimizer, case.loss, case.depth) == ("sgd", "mse", 1):
            shown = {name: (whole, exponent) for name, (whole, _, exponent) in found.items()}
            panels[f"{case.activation}, one hidden layer"] = shown
    content = {"machine": machine(), "processor seconds": process_time() - start, "tables": tables}
    arguments.out.write_text(json.dumps(content, indent=1) + "\n")
    gaps_figure(panels, arguments.figure)


if __name__ == "__main__":
    main()
