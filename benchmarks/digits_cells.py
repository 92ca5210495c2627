"""Handwritten digits at every scaling: test accuracy against width, cell by cell: `python benchmarks/digits_cells.py`.

Threes against eights (scikit-learn's digits, 8 x 8 pixels), one hidden layer, logistic loss, full-batch gradient
descent. At the reference width all networks are the same; away from it sigma and the rates follow the powers of one
cell of the plane. Beside the networks: the cell's limit model. In pre-NTK-sym-default the start is forgotten like
width^(-1/6), so that no width here is near the limit: `remembering` says what the start does. Prints a table, writes it
with the machine to benchmarks/results/digits_cells.json, and the picture to docs/digits_cells.png.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from gram import machine
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from symlimits.finite.one_hidden import WidthPowers, draw, logistic, train
from symlimits.theory.scaling import Cell, Fan, LimitModel, one_hidden_layer
from symlimits.theory.scaling.problem import Functions

ROOT = Path(__file__).parent
CLASSES, TRAINED = (3, 8), 200
REFERENCE = 2**6  # the width at which all cells have the same networks
SIGMA, ETA = REFERENCE**-0.5, 2.0  # there: initial logits of order one, and a step of gradient descent that is stable
STEPS, NETS, LIMITS = 40, 5, 3
PARTICLES = 2**12
ROOM = 0.12


def problem() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training and test data, centred and of root mean square norm 2."""
    images, digits = load_digits(return_X_y=True)
    kept = np.isin(digits, CLASSES)
    order = np.random.default_rng(0).permutation(kept.sum())
    X, y = images[kept][order], np.where(digits[kept][order] == CLASSES[0], 1.0, -1.0)
    X = X - X[:TRAINED].mean(axis=0)
    X *= 2 / np.sqrt((X[:TRAINED] ** 2).sum(axis=1).mean())
    return X[:TRAINED], y[:TRAINED], X[TRAINED:], y[TRAINED:]


def networks(fan: Fan, cell: Cell, width: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Logits of NETS networks of a width, before the first step and after the last, at training and test data."""
    X, y, Z, _ = problem()
    q_sigma, q = (float(cell.witness[symbol.name]) for symbol in fan.symbols)
    functions = Functions.of(fan.phi)
    powers = WidthPowers(q_sigma, q, q)
    net = powers.net(functions.phi, functions.slope, width / REFERENCE, SIGMA, (ETA, ETA))
    for number in range(NETS):
        start = draw(1, width, X.shape[1], np.random.default_rng([number, width]))
        states = train(net, start, X, STEPS, logistic(y), at=Z)
        first = next(states)
        *_, last = states
        yield first.logits[0], last.logits[0]


def accuracies(fan: Fan, cell: Cell, width: int) -> np.ndarray:
    """Test accuracies of NETS networks of a width."""
    labels = problem()[-1]
    return np.array([((last[TRAINED:] * labels) > 0).mean() for _, last in networks(fan, cell, width)])


def limits(fan: Fan, cell: Cell) -> np.ndarray:
    """Test accuracies of the limit model, from LIMITS draws of its start."""
    X, y, Z, labels = problem()
    q_sigma, q = (float(cell.witness[symbol.name]) for symbol in fan.symbols)
    sigma, eta = SIGMA * REFERENCE**-q_sigma, ETA * REFERENCE**-q
    options = {"activation": fan.phi, "sigma": sigma, "eta": eta, "particles": PARTICLES, "points": Z}
    runs = [cell.limit_model.run(X, y, STEPS, seed=seed, **options) for seed in range(LIMITS)]
    return np.array([(F[-1] * labels > 0).mean() for F in runs])


def remembering(fan: Fan, cell: Cell, width: int, start: np.ndarray) -> np.ndarray:
    """Limits of the logits where that share of the start is kept that a width leaves of it, at training and test data.

    For cells with a constant kernel whose first gradient depends on the sign of the start at most.
    """
    X, y, Z, _ = problem()
    q_sigma, q = (float(cell.witness[symbol.name]) for symbol in fan.symbols)
    share = float(width) ** float(cell.values["f_init"] - cell.values["f_a"])
    options = {"activation": fan.phi, "sigma": SIGMA * REFERENCE**-q_sigma, "eta": ETA * REFERENCE**-q}
    kept = LimitModel("kernel", cell.limit_model.gradients)
    everywhere = np.concatenate([X, Z])
    return kept.run(X, y, STEPS, points=everywhere, start=share * np.concatenate([start[:TRAINED], start]), **options)[
        -1
    ]


def picture(rows: list[dict[str, Any]], widths: list[int], path: Path) -> None:
    """A panel for each dimension of cells: networks with standard errors, limits at the right."""
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    beyond = widths[-1] * 4
    for dimension, axes in enumerate(panels):
        for k, row in enumerate(row for row in rows if row["dimension"] == dimension):
            means, errors = np.array(row["accuracy"]), np.array(row["standard_error"])
            style = {"color": f"C{k}", "marker": "os^vDPX"[k], "markersize": 4}
            axes.errorbar(widths, means, yerr=errors, label=row["cell"], linewidth=1, **style)
            axes.plot([beyond * 1.15**k], [row["limit"]], linestyle="none", markerfacecolor="none", **style)
        axes.set(xscale="log", xlabel="width", title=("vertices", "edges", "open cells")[dimension])
        axes.set_xticks([*widths, beyond * 1.3], labels=[*map(str, widths), "limit"], fontsize="small")
        axes.minorticks_off()
        axes.legend(fontsize="small", frameon=False, loc="lower left")
    least = min(min(row["accuracy"]) for row in rows)
    panels[0].set_ylim(least - ROOM, 1.01)  # room for the legends
    panels[0].set_ylabel("test accuracy, threes against eights")
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=12, help="logarithm of the largest width, to the base 2")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "digits_cells.json")
    parser.add_argument("--figure", type=Path, default=ROOT.parent / "docs" / "digits_cells.png")
    arguments = parser.parse_args()
    widths, fan = [2**k for k in range(4, arguments.largest + 1, 2)], one_hidden_layer()
    print(f"{'cell':<21}" + "".join(f"{width:>9}" for width in widths) + f"{'limit':>9}")
    start, rows = process_time(), []
    with threadpool_limits(1):
        for cell in fan.cells:
            found = np.array([accuracies(fan, cell, width) for width in widths])
            limit = limits(fan, cell)
            means, errors = found.mean(axis=1), found.std(axis=1, ddof=1) / NETS**0.5
            print(f"{cell.name:<21}" + "".join(f"{mean:>9.3f}" for mean in means) + f"{limit.mean():>9.3f}", flush=True)
            named = {"cell": cell.name, "dimension": cell.dimension, "limit": limit.mean(), "limits": limit.tolist()}
            rows.append({**named, "accuracy": means.tolist(), "standard_error": errors.tolist()})
    seconds = process_time() - start
    print(f"{seconds:.0f} s of processor")
    about = {"widths": widths, "nets": NETS, "steps": STEPS, "activation": "silu", "machine": machine()}
    content = {**about, "processor_seconds": seconds, "rows": rows}
    arguments.out.write_text(json.dumps(content, indent=1) + "\n")
    picture(rows, widths, arguments.figure)


if __name__ == "__main__":
    main()
