"""Times of the fans of limit models beside what was asked of them: python benchmarks/scaling.py"""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter

from symlimits.theory.scaling.fan import _fan
from symlimits.theory.scaling.traits import named

ASKED = {("shared", "silu"): 1.0, ("shared", "relu"): 1.0, ("separate", "silu"): 5.0, ("separate", "relu"): 5.0}
RUNS = 3


def main() -> None:
    results = []
    for (rates, phi), asked in ASKED.items():
        times = []
        for _ in range(RUNS):
            _fan.cache_clear()
            start = perf_counter()
            count = len(_fan(rates, named(phi), True).cells)
            times.append(perf_counter() - start)
        results.append({"rates": rates, "activation": phi, "cells": count, "seconds": min(times), "asked": asked})
        print(f"{rates:9} {phi:5} {count:3} cells: {min(times):6.2f} s, asked {asked} s")
    path = Path(__file__).parent / "results" / "scaling_fan.json"
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
