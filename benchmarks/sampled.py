"""Time of K and Theta of activations without closed form, in units of those of relu: `python benchmarks/sampled.py`.

Depth 3, 2000 points: Gaussian rows, and digits of scikit-learn, where correlations are near 1: with pixels in [0, 1],
and as they come, from 0 to 16, where variances are large too. The first call, with the tables of the series in the
angle, is timed apart; later calls keep these.
Prints a table and writes it, with the machine, to benchmarks/results/sampled.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from gram import data_sets, machine, network, seconds

from symlimits.reading.gram import GramKernel

DEPTH = 3
NAMES = ("tanh", "sigmoid", "softplus", "silu", "elu")


def least_seconds(relu: GramKernel, kernel: GramKernel, X: np.ndarray, repeats: int) -> tuple[float, float]:
    times = [(seconds(lambda: relu.both(X)), seconds(lambda: kernel.both(X))) for _ in range(repeats)]
    base, own = (min(column) for column in zip(*times, strict=True))
    return base, own


def measure(names: tuple[str, ...], repeats: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    sets = data_sets()
    if "digits" in sets:
        sets = {"random": sets["random"], "digits/16": sets["digits"] / 16.0, "digits": sets["digits"]}
    for data, X in sets.items():
        relu = network("relu", DEPTH)
        relu.both(X[:2])
        for name in names:
            kernel = network(name, DEPTH)
            kernel.both(X[:2])
            first = seconds(lambda: kernel.both(X))  # noqa: B023
            base, own = least_seconds(relu, kernel, X, repeats)
            times = {"relu_seconds": base, "first_seconds": first, "seconds": own, "ratio": own / base}
            rows.append({"data": data, "activation": name, **times})
            print(f"{data:<11}{name:<10}{base:>9.3f}{first:>11.3f}{own:>10.3f}{own / base:>8.2f}", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--names", nargs="+", default=NAMES)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "sampled.json")
    arguments = parser.parse_args()
    print("data       activation relu (s)  first (s)   own (s)   ratio")
    rows = measure(tuple(arguments.names), arguments.repeats)
    arguments.out.parent.mkdir(exist_ok=True)
    arguments.out.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
