"""Generated scalar code against hand-written Numba: a dual activation, and a tangent kernel as one formula.

Prints nanoseconds an element, the ratio, and the largest difference between the two: `python benchmarks/scalar.py`.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba import vectorize

import symlimits as sl
from symlimits import activations as act
from symlimits.reading.kernel import ScalarKernel

DEPTH, POINTS, REPEATS = 3, 200_000, 200


@vectorize(["f8(f8, f8, f8)"])  # type: ignore[misc]
def gelu_by_hand(p: float, q: float, c: float) -> float:
    """E gelu(u) gelu(v)."""
    a = (1.0 + p) * (1.0 + q)
    root = math.sqrt(a - c * c)
    top = c * c + p * q * (1.0 + p + q + (p * q - c * c))
    return c / 4.0 + (c * math.atan2(c, root) + top / (a * root)) / (2.0 * math.pi)


@vectorize(["f8(f8, f8, f8)"])  # type: ignore[misc]
def ntk_by_hand(p: float, q: float, c: float) -> float:
    """The tangent kernel of DEPTH hidden relu layers, w_var = 2, no bias; no NaN at correlation one."""
    p, q, c = 2.0 * p, 2.0 * q, 2.0 * c
    theta = c
    r = math.sqrt(p) * math.sqrt(q)
    for _ in range(DEPTH):
        arc = 0.5 * math.pi + math.asin(min(1.0, max(-1.0, c / r)))
        c, theta = (math.sqrt(max(0.0, p * q - c * c)) + c * arc) / math.pi, theta * arc / math.pi
        theta += c
    return theta


def generated() -> dict[str, tuple[ScalarKernel, Any]]:
    """Kernels by name, each with what one would write by hand."""
    tangent = sl.ntk(sl.mlp(depth=DEPTH, activation=act.relu, w_var=2, b_var=0))
    unrolled = ScalarKernel(tangent.recursion.unroll(), tangent.arguments)
    return {
        "dual of gelu": (sl.dual(act.gelu).compile(), gelu_by_hand),
        f"relu NTK, depth {DEPTH}": (unrolled, ntk_by_hand),
    }


def nanoseconds(functions: list[Callable[..., Any]], arguments: list[Any]) -> list[float]:
    """The fastest of REPEATS runs of each, taken in turns, per element."""
    times = [[_seconds(function, arguments) for function in functions] for _ in range(REPEATS)]
    return [min(column) / POINTS * 1e9 for column in zip(*times, strict=True)]


def _seconds(function: Callable[..., Any], arguments: list[Any]) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def main() -> None:
    rng = np.random.default_rng(0)
    p, q = rng.uniform(0.5, 2.0, (2, POINTS))
    points = [p, q, rng.uniform(-0.99, 0.99, POINTS) * np.sqrt(p * q)]
    rows = {}
    for name, (kernel, by_hand) in generated().items():
        difference = float(np.max(np.abs(kernel(*points) - by_hand(*points))))
        times = nanoseconds([kernel.ufunc, by_hand], points)
        rows[name] = {"generated ns": times[0], "by hand ns": times[1], "ratio": times[0] / times[1]}
        print(f"{name:>18}: generated {times[0]:6.1f} ns, by hand {times[1]:6.1f} ns, ratio {times[0] / times[1]:.2f}")
        print(f"{'':>18}  (asked: at most 1.2), largest difference {difference:.1e}")
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    (results / "scalar.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
