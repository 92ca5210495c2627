"""Time of K and Theta together, in units of the matrix product X X' alone: `python benchmarks/gram.py`.

Every time is the least of several, products and kernels in turn, so that another load on
the machine meets both. Prints a table and writes it, with the machine, to benchmarks/results/gram.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
from llvmlite import binding

import symlimits as sl
from symlimits import activations as act
from symlimits.reading.gram import GramKernel

POINTS, DIMENSION = 2000, 784


def network(name: str, depth: int) -> GramKernel:
    """The compiled loop of a network, from its derivation."""
    net = sl.mlp(depth=depth, activation=getattr(act, name), w_var=2, b_var=0)
    return sl.ntk(net).compile().loop  # type: ignore[no-any-return]


def data_sets() -> dict[str, np.ndarray]:
    """Gaussian rows, and the 8 x 8 digits of scikit-learn tiled to the size of MNIST (where it is installed)."""
    sets = {"random": np.random.default_rng(0).normal(size=(POINTS, DIMENSION))}
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        return sets
    digits = np.resize(load_digits().data, (POINTS, 64))  # the last 203 rows repeat the first
    sets["digits"] = np.ascontiguousarray(np.tile(digits, 13)[:, :DIMENSION])
    return sets


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def least_seconds(kernel: GramKernel, X: np.ndarray, repeats: int) -> tuple[float, float]:
    """Least times of the product and of the kernels."""
    kernel.both(X[:2])  # compile
    times = [(seconds(lambda: X @ X.T), seconds(lambda: kernel.both(X))) for _ in range(repeats)]
    product, both = (min(column) for column in zip(*times, strict=True))
    return product, both


def measure(repeats: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for data, X in data_sets().items():
        for name, depth in (("relu", 3), ("relu", 10), ("erf", 3), ("erf", 10)):
            product, both = least_seconds(network(name, depth), X, repeats)
            case = {"data": data, "activation": name, "depth": depth}
            rows.append({**case, "product_seconds": product, "kernel_seconds": both, "ratio": both / product})
    return rows


def machine() -> dict[str, object]:
    """What the times were measured on."""
    return {
        "processor": binding.get_host_cpu_name(),
        "threads": numba.get_num_threads(),
        "python": platform.python_version(),
        "numba": numba.__version__,
        "numpy": np.__version__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "gram.json")
    arguments = parser.parse_args()
    rows = measure(arguments.repeats)
    print("data    activation depth   X X' (s)   K, Theta (s)   ratio")
    for row in rows:
        print(
            f"{row['data']:<8}{row['activation']:<10}{row['depth']:>6}{row['product_seconds']:>11.4f}"
            f"{row['kernel_seconds']:>15.4f}{row['ratio']:>8.2f}"
        )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    size = {"points": POINTS, "dimension": DIMENSION}
    arguments.out.write_text(json.dumps({**size, "machine": machine(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
