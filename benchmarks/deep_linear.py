"""Deep linear networks trained at infinite width: `python benchmarks/deep_linear.py`.

By the recursion (rows of blocks, and its statements compiled), the forest and the lazy form: times of a path as steps,
depth, inputs and outputs grow; the width that the lazy network ends with; errors of the cut forest, and of the lazy
network against one that drops nothing; and what a network of finite width costs, drawn in full and exactly in law.
Prints what was asked beside what was measured, and writes both, with the machine, to
benchmarks/results/deep_linear.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from gram import machine
from threadpoolctl import threadpool_limits

from symlimits.finite.deep_linear_experiments import TrainedNetworks
from symlimits.reading.straight_line_kernel import LoopKernel
from symlimits.theory.deep_linear.forest import Forest
from symlimits.theory.deep_linear.lazy import gradient_descent
from symlimits.theory.deep_linear.problem import problem as covariances
from symlimits.theory.deep_linear.recursion import eta, recursion
from symlimits.theory.deep_linear.sweep import sweep

ASKED = {
    "forest, L = 2, 800 steps": 0.3,
    "lazy, L = 2, 800 steps": 0.3,
    "lazy, L = 3 to 5, 200 steps": 2.0,
    "recursion, L = 2, 200 steps": 3.0,
    "recursion, compiled, L = 2, 200 steps": 3.0,
}
TREE_DEPTH = 9  # of the forest of L = 2: its error is rounding


def problem(d: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Data whose covariance has eigenvalues from 1/4 to 1, and a target that is not aligned with them."""
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.standard_normal((d, d)))[0]
    Sxx = Q * np.linspace(0.25, 1, d) @ Q.T
    target = rng.standard_normal((k, d))
    return Sxx, target / np.linalg.norm(target, 2) @ Sxx


def least(call: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """The least time of some calls, and what the last one gave."""
    times, found = [], None
    for _ in range(repeats):
        start = perf_counter()
        found = call()
        times.append(perf_counter() - start)
    return min(times), found


def lazily(depth: int, d: int, k: int, steps: int, repeats: int) -> dict[str, Any]:
    data = problem(d, k)
    seconds, path = least(lambda: gradient_descent(depth, *data, 0.15 / depth, steps), repeats)
    return {"L": depth, "d": d, "k": k, "steps": steps, "seconds": seconds, "widths": list(path.grams.widths)}


def recursively(depth: int, d: int, k: int, steps: int, repeats: int) -> dict[str, Any]:
    """The recursion with all its Grams, and how far its predictors are from those of the lazy network."""
    data = problem(d, k)
    seconds, swept = least(lambda: sweep(depth, covariances(*data), 0.15 / depth, steps), repeats)
    error = float(np.abs(swept.predictors - gradient_descent(depth, *data, 0.15 / depth, steps).predictors).max())
    return {"L": depth, "d": d, "k": k, "steps": steps, "seconds": seconds, "beside the lazy network": error}


def compiled(depth: int, d: int, k: int, steps: int, repeats: int) -> dict[str, Any]:
    """The recursion's own statements, compiled: the first call in a new process, and later ones beside the sweep's."""
    Sxx, Syx = problem(d, k)
    kernel, rate = LoopKernel(recursion(depth, steps, d, k), (eta,)), 0.15 / depth
    first, _ = least(lambda: kernel(rate, Sigma_xx=Sxx, Sigma_yx=Syx), 1)
    seconds, last = least(lambda: kernel(rate, Sigma_xx=Sxx, Sigma_yx=Syx), repeats)
    rows, swept = least(lambda: sweep(depth, covariances(Sxx, Syx), rate, steps), repeats)
    return {
        **{"L": depth, "d": d, "k": k, "steps": steps, "first call": first, "seconds": seconds},
        "over the sweep": seconds / rows,
        "difference": float(np.abs(last - swept.predictors[-1]).max()),
    }


def forest(d: int, k: int, steps: int, repeats: int) -> dict[str, Any]:
    data = problem(d, k)
    network = Forest(2, TREE_DEPTH, d, k)
    seconds, states = least(lambda: list(network.train(*data, 0.075, steps)), repeats)
    path = gradient_descent(2, *data, 0.075, steps)
    error = float(np.abs(np.array([state.predictor for state in states]) - path.predictors).max())
    return {"L": 2, "d": d, "k": k, "steps": steps, "seconds": seconds, "width": network.widths[0], "error": error}


def uncut(depth: int, steps: int) -> dict[str, Any]:
    """The lazy network that drops nothing, and how far the one that does is from it."""
    data = problem(2, 2)
    seconds, full = least(lambda: gradient_descent(depth, *data, 0.15 / depth, steps, tolerance=0.0), 1)
    cut = gradient_descent(depth, *data, 0.15 / depth, steps)
    error = float(np.abs(full.predictors - cut.predictors).max())
    return {
        "L": depth,
        "steps": steps,
        "seconds": seconds,
        "widths": list(full.grams.widths),
        "error of the cut": error,
    }


def finite(depth: int, width: int, sampler: str, nets: int) -> dict[str, Any]:
    Sxx, Syx = (tuple(map(tuple, x.tolist())) for x in problem(2, 2))
    networks = TrainedNetworks(depth, Sxx, Syx, 0.1, 8, sampler=sampler)
    seconds, _ = least(lambda: networks.draws(width, nets, np.random.default_rng(0)), 2)
    return {"L": depth, "width": width, "sampler": sampler, "milliseconds a network": 1e3 * seconds / nets}


def show(title: str, rows: list[dict[str, Any]]) -> None:
    print(title)
    for row in rows:
        print("   ", ", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "deep_linear.json")
    arguments = parser.parse_args()
    repeats = arguments.repeats
    with threadpool_limits(1):
        tables = {
            "recursion, in steps": [recursively(2, 2, 2, T, 1) for T in (100, 200, 400, 800)],
            "recursion, in depth": [recursively(L, 2, 2, 200, 1) for L in (1, 3, 4, 5)],
            "recursion, in inputs and outputs": [recursively(2, d, k, 200, 1) for d, k in ((1, 1), (4, 4), (8, 4))],
            "recursion, compiled": [
                compiled(2, *size, repeats)
                for size in ((2, 2, 200), (2, 2, 20), (2, 2, 50), (2, 2, 400), (1, 1, 200), (3, 3, 200), (4, 4, 200))
            ],
            "forest, L = 2": [forest(*size, repeats) for size in ((2, 2, 200), (2, 2, 800), (4, 2, 800), (8, 4, 800))],
            "lazy, in steps": [lazily(2, 2, 2, T, repeats) for T in (100, 200, 400, 800)],
            "lazy, in depth": [lazily(L, 2, 2, 200, repeats) for L in (1, 2, 3, 4, 5, 8)],
            "lazy, in inputs and outputs": [lazily(3, d, k, 200, repeats) for d, k in ((1, 1), (4, 1), (4, 4), (8, 4))],
            "lazy, nothing dropped": [uncut(L, 200) for L in (2, 3)],
            "finite networks, 8 steps": [
                finite(L, *case)
                for L in (2, 3)
                for case in ((256, "naive", 16), (1024, "naive", 2), (1024, "exact", 256), (2**16, "exact", 256))
            ],
        }  # fmt: skip
    for title, rows in tables.items():
        show(title, rows)
    measured = {
        "forest, L = 2, 800 steps": tables["forest, L = 2"][1]["seconds"],
        "lazy, L = 2, 800 steps": tables["lazy, in steps"][-1]["seconds"],
        "lazy, L = 3 to 5, 200 steps": max(row["seconds"] for row in tables["lazy, in depth"][2:5]),
        "recursion, L = 2, 200 steps": tables["recursion, in steps"][1]["seconds"],
        "recursion, compiled, L = 2, 200 steps": tables["recursion, compiled"][0]["seconds"],
    }
    for name, asked in ASKED.items():
        print(f"{name}: {measured[name]:.3f} s (asked: {asked} s)")
    content = {"asked seconds": ASKED, "measured seconds": measured, "machine": machine(), **tables}
    arguments.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
