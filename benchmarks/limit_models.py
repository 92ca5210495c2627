"""Limit models against networks trained with the true logistic loss: `python benchmarks/limit_models.py`.

For each of the 13 limit models, and for the initialisation-corrected mean field, the relative error of the limit after
3 steps, at widths 2^8 to 2^16: medians over networks. Two clusters of ten points, of which one has the other label, so
that saturated gradients do not end the training. Prints what was asked beside what was measured, and writes both, with
the machine, to benchmarks/results/limit_models.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from time import process_time

import numpy as np
from gram import machine
from threadpoolctl import threadpool_limits

from symlimits.theory.scaling import (
    Cell,
    Convergence,
    Fan,
    Wide,
    convergence,
    initialisation_corrected,
    one_hidden_layer,
)

STEPS, NETS = 3, 12
LIMIT = 0.03  # asked of the errors at the largest width of the models of ASKED
ASKED = ("MF", "NTK", "sym-default", "post-MF", "post-NTK")
# q_sigma, q, sigma_*, eta_* of each model: a point of its cell where what vanishes in the limit does so soon, as far as
# the cell has one, and factors for which saturated gradients are saturated, and constant kernels nearly so, at once.
PLACES: dict[str, tuple[str, str, float, float]] = {
    "MF": ("-1", "1", 1, 4),
    "NTK": ("-1/2", "0", 1, 4),
    "sym-default": ("-1/2", "1/2", 1, 64),
    "MF-NTK": ("-3/4", "1/2", 1, 4),
    "MF-sym-default": ("-3/4", "3/4", 0.5, 100),
    "NTK-sym-default": ("-1/2", "1/4", 4, 2),
    "post-MF": ("-3/2", "3/2", 1, 2),
    "post-NTK": ("-1", "1/2", 1, 4),
    "pre-NTK": ("0", "-1/2", 4, 1),
    "pre-sym-default": ("0", "0", 4, 16),
    "MF-NTK-sym-default": ("-2/3", "1/2", 1, 2),
    "post-MF-NTK": ("-5/4", "1", 0.5, 8),
    "pre-NTK-sym-default": ("0", "-1/8", 4, 0.25),
}


def problem() -> tuple[np.ndarray, np.ndarray]:
    """Points (20, 3) around two centres, and labels, of which one in ten contradicts its neighbours."""
    rng = np.random.default_rng(2)
    centres = 1.5 * np.eye(3)[:2]
    X = (centres[:, None] + 0.2 * rng.standard_normal((2, 10, 3))).reshape(-1, 3)
    y = np.array([1.0] * 9 + [-1.0])
    return X, np.concatenate([y, -y])


def family(fan: Fan, name: str) -> tuple[Cell, Wide]:
    """The cell, and networks at its place with the exponents that the fan derives there."""
    q_sigma, q, sigma, eta = PLACES[name]
    cell = fan.at(q_sigma=q_sigma, q=q)
    assert isinstance(cell, Cell), cell
    assert cell.name == name, cell.name
    return cell, fan.networks(q_sigma=q_sigma, q=q, sigma=sigma, eta=eta)


def report(name: str, found: Convergence) -> dict[str, object]:
    """One row, printed and stored."""
    pairs = zip(found.errors, found.standard_errors, strict=True)
    shown = "".join(f"{error:>9.4f} ({deviation:.4f})" for error, deviation in pairs)
    print(f"{name:<21}{shown}{found.slope:>8.2f}  {'falls' if found.errors[-1] < found.errors[0] else 'DOES NOT FALL'}")
    return {
        "model": name,
        "errors": found.errors.tolist(),
        "standard_errors": found.standard_errors.tolist(),
        "slope": found.slope,
        "falls": found.falls,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=16, help="logarithm of the largest width, to the base 2")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "limit_models.json")
    arguments = parser.parse_args()
    widths, fan, (X, y) = [2**k for k in range(8, arguments.largest + 1, 2)], one_hidden_layer(), problem()
    print(f"{'model':<21}" + "".join(f"{width:>18}" for width in widths) + f"{'slope':>8}")
    start = process_time()
    with threadpool_limits(1):
        rows = []
        for name in PLACES:
            cell, wide = family(fan, name)
            rows.append(report(name, convergence(cell.limit_model, wide, X, y, STEPS, widths, NETS)))
        corrected = initialisation_corrected()
        found = convergence(corrected.limit_model, corrected.wide(1, 4), X, y, STEPS, widths, NETS)
        rows.append(report("IC-MF", found))
    last = {row["model"]: row["errors"][-1] for row in rows if row["model"] in ASKED}
    falling = sum(bool(row["errors"][-1] < row["errors"][0]) for row in rows)
    seconds = process_time() - start
    print(f"error at the largest width below that at the smallest: {falling} of {len(rows)} (asked: all)")
    print(
        f"largest error of {', '.join(ASKED)}: {max(last.values()):.4f} (asked: {LIMIT}); {seconds:.0f} s of processor"
    )
    about = {"widths": widths, "nets": NETS, "steps": STEPS, "activation": "silu", "machine": machine()}
    content = {**about, "asked": LIMIT, "measured": max(last.values()), "processor_seconds": seconds, "rows": rows}
    arguments.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
