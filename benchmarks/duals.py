"""What a certificate of a dual activation detects, by how its units are drawn: `python benchmarks/duals.py`.

The same widths and as many units in every column: networks extrapolated in 1/N, networks taken as exact at every width
(a dual is), and units in fours of sign images less control variates, which `sl.dual` draws. At the point of the seed of
each activation and at p = q = 1, c = 1/2. Prints a table and writes it, with the machine, to
benchmarks/results/duals.json.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from gram import machine, seconds

import symlimits as sl
from symlimits import activations as act
from symlimits.certify import ALPHA
from symlimits.limits import SIZES

NAMES = ("relu", "erf", "tanh", "gelu")
POINTS: dict[str, dict[str, object]] = {"of the seed": {}, "p = q = 1, c = 1/2": {"p": 1, "q": 1, "c": "1/2"}}
WAYS = {"networks, order 1": ("exact", 1), "networks": ("exact", 0), "sign images, controls": ("antithetic", 0)}


def detectable(T: sl.Limit, sampler: str, order: int, seed: int) -> tuple[float, float]:
    """The least discrepancy found with probability 0.95, and the seconds of the simulation."""
    limit = replace(T, experiment=replace(T.experiment, sampler=sampler), order=order)
    found: list[Any] = []
    took = seconds(lambda: found.append(limit._simulation(SIZES, seed, None, None, None, ALPHA)))
    return found[0].details["detectable"], took


def measure(seed: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for where, point in POINTS.items():
        for name in NAMES:
            T = sl.dual(getattr(act, name)).bind(**point)
            detectable(T, "exact", 0, seed)  # compile, and the value of the definition
            found = {way: detectable(T, sampler, order, seed) for way, (sampler, order) in WAYS.items()}
            (first, _), *_, (last, _) = found.values()
            columns = "".join(f"{least:>14.2g} ({took:.1f} s)" for least, took in found.values())
            print(f"{name:<6}{where:<20}{columns}{first / last:>8.1f}", flush=True)
            least = {way: {"detectable": value, "seconds": took} for way, (value, took) in found.items()}
            rows.append({"activation": name, "point": where, "ways": least, "gain": first / last})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "duals.json")
    arguments = parser.parse_args()
    print(f"{'':<26}{''.join(f'{way:>22}' for way in WAYS)}{'gain':>8}")
    rows = measure(arguments.seed)
    arguments.out.parent.mkdir(exist_ok=True)
    arguments.out.write_text(json.dumps({"machine": machine(), "seed": arguments.seed, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
