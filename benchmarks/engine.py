"""What the engine costs with chunks of about one second: `python benchmarks/engine.py`.

Every call of the experiment measures itself and returns its own duration as its draw, so that the bare calls and the
whole are timed in one and the same run, and another load on the machine meets both. Overhead is workers times whole
over the sum of the calls, less one: seeds, moments, journal, submissions, and workers that wait at the end. Prints a
table and writes it, with the machine, to benchmarks/results/engine.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from symlimits.certify.simulation import simulate

SIZES = (4096, 4097)  # large: 64 chunks of one draw each; the first chunk of a size goes alone
WORKERS = 2


@dataclass(frozen=True)
class Busy:
    """An experiment that multiplies matrices for so many seconds, and returns how many they were."""

    seconds: float

    def __call__(self, size: int, rng: np.random.Generator) -> float:
        start = time.perf_counter()
        matrix = rng.standard_normal((64, 64))
        product = matrix
        while time.perf_counter() - start < self.seconds:
            product = matrix @ product
            product /= np.abs(product).max()
        return time.perf_counter() - start


def run_once(seconds: float, executor: Executor | None, workers: int) -> dict[str, object]:
    """All chunks, with a journal."""
    with TemporaryDirectory() as folder:
        start = time.perf_counter()
        found = simulate(Busy(seconds), SIZES, "busy", 0, executor, journal=Path(folder, "run.journal"))
        whole = time.perf_counter() - start
    calls, chunks = sum(f.mean * f.count for f in found), sum(f.count for f in found)
    return {"workers": workers, "chunks": chunks, "calls_seconds": calls, "whole_seconds": whole,
            "overhead": workers * whole / calls - 1}  # fmt: skip


def measure(seconds: float) -> list[dict[str, object]]:
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        run_once(0.1, pool, WORKERS)  # the processes start
        return [run_once(seconds, None, 1), run_once(seconds, pool, WORKERS)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a chunk")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "engine.json")
    arguments = parser.parse_args()
    rows = measure(arguments.seconds)
    print("workers   chunks   calls (s)   whole (s)   overhead")
    for row in rows:
        print(f"{row['workers']:>7}{row['chunks']:>9}{row['calls_seconds']:>12.3f}{row['whole_seconds']:>12.3f}"
              f"{row['overhead']:>11.2%}")  # fmt: skip
    machine = {"processor": platform.machine(), "python": platform.python_version(), "numpy": np.__version__}
    content = {"chunk_seconds": arguments.seconds, "machine": machine, "rows": rows}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
