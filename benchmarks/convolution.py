"""Time of K and Theta of images, with Flatten at the end, over a yardstick: `python benchmarks/convolution.py`.

The yardstick, `bound_seconds`, is what the arithmetic costs at the rates of its parts alone: N (N + 1)/2 pairs of
images, P pixels and as many activations as layers, at the rate of the dense tile loop for the same activation and
variances; and the sums under the filters, of K and of Theta, by the very loop that does them, on fields that lie in the
nearest cache. A loop that fuses the parts may take less: it is not a bound below which nothing goes. Writes
benchmarks/results/convolution.json.
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
from symlimits.reading.image_sums import filtered

SIDE, DEPTH, W, B = 28, 5, 2, "1/10"
DENSE_POINTS = 1000
RESULTS = Path(__file__).parent / "results" / "convolution.json"


def least_seconds(call: Callable[[], object], repeats: int) -> float:
    """The least time of the processor, of several: other programs on the machine do not count."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def dual_seconds(repeats: int) -> float:
    """Of one pair of points through one layer of the dense loop."""
    loop = sl.ntk(sl.mlp(DEPTH, act.relu, W, B)).compile().loop
    X = np.random.default_rng(0).normal(size=(DENSE_POINTS, 8))
    loop.both(X[:3])  # compile
    return least_seconds(lambda: loop.both(X), repeats) / (DENSE_POINTS * (DENSE_POINTS + 1) / 2 * DEPTH)


@numba.njit(error_model="numpy")
def _many_sums(out, values, scratch, shape, times):  # type: ignore[no-untyped-def]
    for _ in range(times):
        filtered(out, values, scratch, shape, shape[0] == 0)


def sum_seconds(repeats: int) -> float:
    """Of the sum under a 3 x 3 filter at one pixel, with one thread."""
    values, out, scratch = (np.ones(SIDE * SIDE) for _ in range(3))
    shape = np.array([SIDE, SIDE, SIDE, SIDE, 3, 3, 1, 1, 1, 1, 0])
    _many_sums(out, values, scratch, shape, 1)
    return least_seconds(lambda: _many_sums(out, values, scratch, shape, 1000), repeats) / (1000 * SIDE * SIDE)


def kernel_seconds(count: int, repeats: int) -> float:
    """Of K and Theta of `count` images."""
    layers = [layer for _ in range(DEPTH) for layer in (sl.Conv((3, 3), W, B), act.relu)]
    kernel = sl.ntk(sl.serial(*layers, sl.Flatten(), sl.Dense(1))).compile()
    X = np.random.default_rng(1).normal(size=(count, SIDE, SIDE, 1))
    kernel.both(X[:2])  # compile
    return least_seconds(lambda: kernel.both(X), repeats)


def measure(count: int, repeats: int) -> dict[str, object]:
    cells = count * (count + 1) / 2 * SIDE * SIDE * DEPTH
    dual, sums, kernel = dual_seconds(repeats), sum_seconds(repeats), kernel_seconds(count, repeats)
    bound = cells * (dual + 2 * sums)
    return {
        "images": count,
        "dual_nanoseconds": 1e9 * dual,
        "sum_nanoseconds": 1e9 * sums,
        "kernel_seconds": kernel,
        "bound_seconds": bound,
        "ratio": kernel / bound,
        "processor": binding.get_host_cpu_name(),
        "threads": numba.get_num_threads(),
        "python": platform.python_version(),
        "numba": numba.__version__,
        "numpy": np.__version__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    found = measure(arguments.images, arguments.repeats)
    for name, value in found.items():
        print(f"{name:18} {value:.4g}" if isinstance(value, float) else f"{name:18} {value}")
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
