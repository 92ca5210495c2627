"""Samplers exact in law, in units of the naive simulators: `python benchmarks/samplers.py`.

A naive time is measured on fewer draws and scaled to as many as the exact sampler makes; times are the least of
several, naive and exact in turn, with BLAS on one thread, so that neither gains from the other core. Prints a
table and writes it, with the machine, to benchmarks/results/samplers.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from gram import machine, seconds
from threadpoolctl import threadpool_limits

import symlimits as sl
from symlimits import activations as act
from symlimits.finite.deep_linear import DeepLinear
from symlimits.finite.expectations import gaussian_expectation
from symlimits.finite.kernel_experiment import KernelExperiment, inputs_with_gram
from symlimits.finite.network import empirical_nngp

Draw = Callable[[int, np.random.Generator], object]


def generator() -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(0))


def compare(
    case: str, naive: Draw, exact: Draw, naive_draws: int, exact_draws: int, repeats: int, **what: object
) -> dict[str, Any]:
    """Seconds for `exact_draws` draws, the naive ones scaled, and their ratio."""
    rng = generator()
    exact(2, rng)  # compile
    times = [
        (seconds(lambda: naive(naive_draws, rng)), seconds(lambda: exact(exact_draws, rng))) for _ in range(repeats)
    ]
    slow, fast = (min(column) for column in zip(*times, strict=True))
    scaled = slow * exact_draws / naive_draws
    print(f"{case:<44}{scaled:>12.3f}{fast:>12.4f}{scaled / fast:>10.0f}", flush=True)
    return {
        "case": case,
        **what,
        "draws": exact_draws,
        "naive_draws_measured": naive_draws,
        "naive_seconds_scaled": scaled,
        "exact_seconds": fast,
        "ratio": scaled / fast,
    }


def deep_linear(repeats: int) -> dict[str, Any]:
    X = generator().standard_normal((4, 10))
    net = DeepLinear((100,) * 50, outputs=2, covariance=X @ X.T / 10)
    what = {"width": 100, "depth": 50, "outputs": 2, "inputs": 4}
    naive = replace(net, sampler="naive")
    return compare("deep linear, N=100, L=50, D=2", naive.draws, net.draws, 100, 10_000, repeats, **what)


def tangent_kernel(name: str, repeats: int) -> dict[str, Any]:
    net = sl.mlp(3, getattr(act, name), w_var=2, b_var="1/10")
    exact = KernelExperiment(net, inputs_with_gram(1, 1, 0.5), "ntk")
    naive = replace(exact, sampler="naive")
    what = {"width": 1024, "depth": 3, "inputs": 2, "activation": name}
    return compare(
        f"NTK, {name}, N=1024, depth 3, 2 inputs",
        lambda count, rng: naive.draws(1024, count, rng),
        lambda count, rng: exact.draws(1024, count, rng),
        16, 400, repeats, **what,
    )  # fmt: skip


def rows(repeats: int) -> dict[str, Any]:
    net, X = sl.mlp(3, act.relu, w_var=2, b_var=0), generator().standard_normal((64, 100))

    def draw(sampler: str) -> Draw:
        return lambda count, rng: [empirical_nngp(net, X, 1024, rng, sampler) for _ in range(count)]

    what = {"width": 1024, "depth": 3, "inputs": 64, "activation": "relu"}
    return compare("NNGP, relu, N=1024, depth 3, 64 inputs", draw("naive"), draw("exact"), 5, 50, repeats, **what)


def expectation() -> dict[str, Any]:
    """Variances at equal evaluations, not times."""

    def relu(z: np.ndarray) -> np.ndarray:
        return np.maximum(z, 0.0)

    gains = {str(c): gaussian_expectation(relu, relu, 1, 1, c, 10**6, generator()).gain for c in (0, 0.5, 0.7, 0.9)}
    print("variance of E relu relu at equal evaluations, by c:", {c: round(gain, 1) for c, gain in gains.items()})
    return {"case": "E relu(u) relu(v), p = q = 1, variance ratio by c", "ratio": gains}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "samplers.json")
    arguments = parser.parse_args()
    print(f"{'case':<44}{'naive (s)':>12}{'exact (s)':>12}{'ratio':>10}")
    with threadpool_limits(1):
        results = [deep_linear(arguments.repeats)]
        results += [tangent_kernel(name, arguments.repeats) for name in ("relu", "erf")]
        results += [rows(arguments.repeats), expectation()]
    arguments.out.parent.mkdir(exist_ok=True)
    arguments.out.write_text(json.dumps({"machine": machine(), "rows": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
