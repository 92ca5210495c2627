"""Exponents of deep networks, derived beside measured: `python benchmarks/deep_exponents.py [--small]`.

Networks of tanh with 2 to 4 hidden layers at widths 64 to 1024, three steps on frozen gradients: slopes of log RMS
against log width of every preactivation at initialisation, of its change, of the logits and of theirs, beside what the
rule of alignment predicts: the standard parameterisation, NTK, muP and MFP under SGD and Adam, then deep mean field
step by step. The wrong rule, by which every update acts coherently for ever, is held against the same networks.
Writes benchmarks/results/deep_exponents.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from gram import machine

from symlimits.derivation.affine import as_fraction
from symlimits.finite.deep_training import Sizes, layers, logistic, train
from symlimits.theory.scaling.abc_point import Point
from symlimits.theory.scaling.alignment import course
from symlimits.theory.scaling.named import NAMES, named
from symlimits.theory.scaling.passes import MOVES

STANDARD = tuple(f"{name}{move}" for name in ("SP", "NTK", "muP", "MFP") for move in ("", "-adam"))
MEAN_FIELD = ("deep-MF", "deep-MF-adam")
WIDTHS, SMALL = (64, 128, 256, 512, 1024), (64, 128, 256)
STEPS, INPUTS, POINTS = 3, 8, 4
SEEDS, MOST_SEEDS = 12, 192  # at width 1024, and at most: one number a network, as logits are, needs many
MEAN_DEVIATION = 0.04  # asked of the standard parameterisations


def seeds(width: int) -> int:
    """How many networks of a width."""
    return min(MOST_SEEDS, SEEDS * 1024 // width)


def measured(point: Point, widths: tuple[int, ...], steps: int, seed: int) -> list[dict[str, tuple[float, float]]]:
    """At each step for each quantity the slope of the log RMS over seeds, and its error by the seeds' scatter."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((POINTS, INPUTS))
    frozen = logistic(np.array([1.0, -1.0, 1.0, 1.0]))(np.zeros(POINTS))  # those of the logistic loss at the start
    found = []
    for width in widths:
        net = layers(width, *(tuple(map(float, v)) for v in (point.a, point.b, point.c)), INPUTS, point.optimizer)
        found.append(train(net, x, frozen, rng, seeds(width), steps, point.optimizer))
    return [_slopes(widths, [Sizes(s.init, s.change[:, : step + 1]).named() for s in found]) for step in range(steps)]


def _slopes(widths: tuple[int, ...], found: list[dict[str, np.ndarray]]) -> dict[str, tuple[float, float]]:
    return {name: _slope(widths, [sizes[name] for sizes in found]) for name in found[0]}


def _slope(widths: tuple[int, ...], columns: list[np.ndarray]) -> tuple[float, float]:
    x = np.log(widths)
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    squares = [column**2 for column in columns]
    y = [0.5 * np.log(s.mean()) for s in squares]
    errors = [0.5 * s.std(ddof=1) / s.mean() / len(s) ** 0.5 for s in squares]
    return float(weights @ y), float(np.sqrt((weights**2) @ np.square(errors)))


def rows(
    names: tuple[str, ...], depths: tuple[int, ...], widths: tuple[int, ...], shown: tuple[int, ...]
) -> list[dict[str, Any]]:
    """A row for each exponent at the steps `shown`: predicted, measured, its error, and the wrong prediction."""
    found = []
    for name in names:
        for depth in depths:
            point = named(name, depth)
            seen = measured(point, widths, max(shown), seed=depth)
            for step in shown:
                part = _rows(name, point, step, seen[step - 1])
                print(summary(part, f"{name}, {depth} hidden layers, step {step}"), flush=True)
                found += part
    return found


def _rows(name: str, point: Point, step: int, seen: dict[str, tuple[float, float]]) -> list[dict[str, Any]]:
    predicted = point.after(step)
    a, b, c = (tuple(map(as_fraction, values)) for values in (point.a, point.b, point.c))
    told = course(a, b, c, MOVES[point.optimizer], step, coherent=True)
    wrong = told[-1] | told[0]
    return [
        {"name": name, "depth": point.depth, "steps": step, "quantity": quantity, "slope": slope, "error": error}
        | {"derived": float(predicted[quantity]), "coherent": float(wrong[quantity])}
        for quantity, (slope, error) in seen.items()
    ]


def summary(found: list[dict[str, Any]], title: str) -> str:
    """Mean and worst deviation of the derived exponents, and the worst of the wrong rule."""
    deviations = [abs(row["slope"] - row["derived"]) for row in found]
    wrong = max(abs(row["slope"] - row["coherent"]) for row in found)
    mean, worst = np.mean(deviations), max(deviations)
    return f"{title:<44} {len(found):3} exponents: mean {mean:.3f} worst {worst:.3f}; all coherent: worst {wrong:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="widths to 256, two depths, nothing written")
    small = parser.parse_args().small
    widths, depths = (SMALL, (2, 3)) if small else (WIDTHS, (2, 3, 4))
    standard = rows(STANDARD, depths, widths, (STEPS,))
    mean_field = rows(MEAN_FIELD, depths[1:], widths, (1, 2, 3))
    print(summary(standard, f"standard parameterisations (asked: mean {MEAN_DEVIATION})"))
    print(summary(mean_field, "deep mean field"))
    if not small:
        out = Path(__file__).parent / "results" / "deep_exponents.json"
        text = {
            "machine": machine(),
            "widths": widths,
            "seeds": {width: seeds(width) for width in widths},
            "titles": {n: NAMES[n].title for n in NAMES},
        }
        out.write_text(json.dumps(text | {"standard": standard, "mean_field": mean_field}, indent=1) + "\n")


if __name__ == "__main__":
    main()
