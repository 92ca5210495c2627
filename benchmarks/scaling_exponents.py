"""Derived exponents of the 13 limit models against slopes of finite networks: `python benchmarks/scaling_exponents.py`.

Networks train for 3 steps with gradients that are the same at every width, at a point of each cell. Prints all 91
exponents with standard errors, what was asked beside what was measured, and writes both, with the machine, to
benchmarks/results/scaling_exponents.json, and the picture to docs/scaling_exponents.png.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from time import process_time

import numpy as np
from gram import machine

from symlimits.finite.frozen_training import STEPS
from symlimits.theory.scaling import one_hidden_layer
from symlimits.theory.scaling.exponents_figure import exponents_figure
from symlimits.theory.scaling.measured import QUANTITIES, Measurement, measurements

ROOT = Path(__file__).parent
MEAN, WORST = 0.03, 0.1  # what is asked of deviations
SECONDS = 180 * 2  # of processor time: three minutes on two cores


def table(found: tuple[Measurement, ...]) -> str:
    """One row for each cell: measured slopes, standard errors in brackets, deviations below."""
    lines = [f"{'cell':<21}" + "".join(f"{name:>18}" for name in QUANTITIES)]
    for cell in dict.fromkeys(m.cell for m in found):
        row = [m for m in found if m.cell == cell]
        lines.append(f"{cell:<21}" + "".join(f"{m.measured:>10.3f} ({m.standard_error:.3f})" for m in row))
        lines.append(f"{'  derived':<21}" + "".join(f"{m.derived:>10.3f}{'':8}" for m in row))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nets", type=int, default=12)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "scaling_exponents.json")
    parser.add_argument("--figure", type=Path, default=ROOT.parent / "docs" / "scaling_exponents.png")
    arguments = parser.parse_args()
    widths = [2**k for k in range(8, 15)]
    start = process_time()
    found = measurements(one_hidden_layer(), widths, arguments.nets)
    seconds = process_time() - start
    deviations = np.abs([m.deviation for m in found])
    print(table(found))
    print(f"mean deviation {deviations.mean():.4f} (asked: {MEAN}), worst {deviations.max():.4f} (asked: {WORST})")
    print(f"processor time {seconds:.0f} s (asked: {SECONDS} s)")
    about = {"widths": widths, "nets": arguments.nets, "steps": STEPS, "activation": "silu", "machine": machine()}
    asked = {"mean": MEAN, "worst": WORST, "processor_seconds": SECONDS}
    measured = {"mean": deviations.mean(), "worst": deviations.max(), "processor_seconds": seconds}
    content = {**about, "asked": asked, "measured": measured, "rows": [asdict(m) for m in found]}
    arguments.out.write_text(json.dumps(content, indent=1) + "\n")
    exponents_figure(found, arguments.figure)


if __name__ == "__main__":
    main()
