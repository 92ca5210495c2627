"""The law of trained networks beside one eigendecomposition: `python benchmarks/trained_law.py`.

n = 2000 training inputs, 500 test inputs, 784 features, a ReLU network of three hidden layers: the whole law, kernels
included, is to cost at most 1.5 times the decomposition of the training kernel, in one run on one machine. Prints what
was asked beside what was measured, and writes both to benchmarks/results/trained_law.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from gram import machine
from scipy.linalg import eigh
from threadpoolctl import threadpool_limits

import symlimits as sl
from symlimits import activations as act

ASKED = 1.5  # times the decomposition


def in_turn(calls: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """The least processor time of each of some calls, made in turn on one thread: another load is seen the least."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            start = process_time()
            call()
            times[name].append(process_time() - start)
    return {name: min(taken) for name, taken in times.items()}


def measure(train: int, test: int, features: int, repeats: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    X, Z, Y = (
        rng.standard_normal((train, features)),
        rng.standard_normal((test, features)),
        rng.standard_normal((train, 10)),
    )
    net = sl.mlp(depth=3, activation=act.relu, w_var=2, b_var=0)
    K, Theta = sl.nngp(net), sl.ntk(net)
    K(X[:8], Z[:8]), Theta(X[:8], Z[:8]), K(X[:8]), Theta(X[:8])  # compiled before time is taken
    kernel = Theta(X)

    def law(covariance: bool) -> None:
        found = sl.trained_law(net, X, Y, lr=0.1)
        found.mean(Z, time=100.0)
        if covariance:
            found.covariance(Z, time=100.0)

    calls = {
        "eigendecomposition": lambda: eigh(kernel, driver="evd"),
        "mean": lambda: law(False),
        "mean and covariance": lambda: law(True),
        "kernels alone": lambda: (Theta(X), Theta(Z, X), K(X), K(Z, X), K(Z)),
    }
    with threadpool_limits(1):
        seconds = in_turn(calls, repeats)
    whole = seconds["eigendecomposition"]
    return {"n": train, "m": test, "seconds": seconds, "ratios": {name: s / whole for name, s in seconds.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of the size, and nothing is written")
    small = parser.parse_args().small
    found = measure(200, 50, 784, 2) if small else measure(2000, 500, 784, 3)
    for name, ratio in found["ratios"].items():
        print(f"{name:<22} {found['seconds'][name]:8.3f} s  {ratio:6.2f} times the decomposition")
    print(f"asked: mean and covariance at most {ASKED} times")
    if not small:
        place = Path(__file__).parent / "results" / "trained_law.json"
        place.write_text(json.dumps({"asked": ASKED, **found, "machine": machine()}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
