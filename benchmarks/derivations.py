"""Deriving each activation, cold and from the disk cache of derivations. Run: python benchmarks/derivations.py

Every time is taken in a process of its own, after the imports: SymPy's own caches are empty in both columns. Printed
are seconds, cold and cached, for: the dual activation (wall, CPU), and after it the tangent kernel (wall, CPU).
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

NAMED = (
    "linear relu absolute step sign erf normal_cdf gelu sin cos rbf exp gaussian gabor tanh sigmoid softplus silu elu"
)
NAMES = NAMED.split() + [f"relu_power({k})" for k in range(2, 7)]
NAMES += ["leaky_relu('alpha')", "hermite(4)", "polynomial([1, -2, 0, 3])"]
FORMULAS = ["x*erf(x)", "x*exp(-x**2/2)"]
REPEATS = 3  # of the cached reading; the machine may be shared
ASKED = {"whole suite cold": 30.0, "each cold": 5.0, "each cached": 0.05}

PROGRAM = """
import json, sys, time
import symlimits as sl
from symlimits import activations as act
sl.dual, sl.Limit
phi = eval(sys.argv[1])
times = []
for build in (lambda: sl.dual(phi), lambda: sl.ntk(sl.mlp("L", phi))):
    start = time.perf_counter(), time.process_time()
    try:
        build()
    except sl.errors.DomainError:
        pass  # a discontinuous activation has no tangent kernel
    times += [time.perf_counter() - start[0], time.process_time() - start[1]]
print(json.dumps(times))
"""


COLUMNS = ("wall", "cpu", "ntk wall", "ntk cpu")


def seconds(expression: str, folder: str) -> list[float]:
    """The dual activation and after it the tangent kernel, in a fresh process with that cache: the COLUMNS."""
    environment = {**os.environ, "SYMLIMITS_CACHE_DIR": folder}
    command = [sys.executable, "-c", PROGRAM, expression]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return list(json.loads(done.stdout))


def main() -> None:
    expressions = {name: f"act.{name}" for name in NAMES} | {text: f"sl.activation({text!r})" for text in FORMULAS}
    rows: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as root:
        for number, (name, expression) in enumerate(expressions.items()):
            folder = str(Path(root) / str(number))
            cold = seconds(expression, folder)
            cached = map(min, zip(*(seconds(expression, folder) for _ in range(REPEATS)), strict=True))
            rows[name] = {
                "cold": dict(zip(COLUMNS, cold, strict=True)),
                "cached": dict(zip(COLUMNS, cached, strict=True)),
            }
            times = (f"{rows[name][how][column]:.4f}" for column in COLUMNS for how in rows[name])
            print(f"{name:>26}: {' '.join(times)}", flush=True)
    found = {
        "whole suite cold": sum(row["cold"]["wall"] for row in rows.values()),
        "each cold": max(row["cold"]["wall"] for row in rows.values()),
        "each cached": max(row["cached"]["wall"] for row in rows.values()),
        "each cached, CPU": max(row["cached"]["cpu"] for row in rows.values()),  # what a busy machine does not change
    }
    for name, value in found.items():
        print(f"{name:>26}: {value:.3f} s (asked: at most {ASKED[name.removesuffix(', CPU')]} s)")
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    content = {"python": platform.python_version(), "seconds": rows, "found": found, "asked": ASKED}
    (results / "derivations.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
