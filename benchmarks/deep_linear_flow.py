"""Gradient flow of deep linear networks at infinite width: `python benchmarks/deep_linear_flow.py`.

Times and estimated errors of a flow from its first moves to its end, for data of growing condition, depth, inputs and
outputs, and for a target of a thousand. Prints what was asked beside what was measured, and writes both, with the
machine, to benchmarks/results/deep_linear_flow.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from gram import machine

from symlimits.theory.deep_linear.flow import gradient_flow

ASKED = 2.0  # seconds, for two hidden layers and condition 1e4


def flow(depth: int, d: int, k: int, condition: float) -> dict[str, Any]:
    """Data with eigenvalues from 1 down to 1 over the condition, and a target that is not aligned with them."""
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.standard_normal((d, d)))[0]
    Sxx = Q * np.geomspace(1, 1 / condition, d) @ Q.T
    target = rng.standard_normal((k, d))
    times = np.geomspace(0.1, 10 * condition, 9)  # the slowest mode ends at some times the condition
    start = perf_counter()
    path = gradient_flow(depth, (Sxx + Sxx.T) / 2, target @ (Sxx + Sxx.T) / 2, times)
    seconds, away = perf_counter() - start, float(np.abs(path.predictors[-1] - target).max())
    size = {"L": depth, "d": d, "k": k, "condition": condition, "widths": list(path.widths)}
    return {**size, "seconds": seconds, "error": path.error, "from the minimiser at the end": away}


def large_target() -> dict[str, Any]:
    start = perf_counter()
    path = gradient_flow(2, [[1e-3]], [[1.0]], [1000.0])
    return {"L": 2, "target": 1000, "seconds": perf_counter() - start, "error": path.error}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "deep_linear_flow.json")
    out = parser.parse_args().out
    flow(2, 2, 1, 10.0)  # what is done once is not measured
    rows = [flow(L, 3, 2, c) for L in (1, 2, 3) for c in (1e2, 1e4, 1e6)]
    rows += [flow(4, 2, 2, 1e2), flow(2, 10, 5, 1e2), large_target()]
    for row in rows:
        print(", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()))
    print(f"two hidden layers, condition 1e4: {rows[4]['seconds']:.3f} s (asked: {ASKED} s)")
    out.write_text(json.dumps({"asked seconds": ASKED, "machine": machine(), "flows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
