"""Deep linear networks on handwritten digits, limit and finite widths in one figure.

`python benchmarks/digits_deep_linear.py`: linear regression from the first ten principal components of scikit-learn's
digits, the largest of variance one, to the indicators of the ten classes, with the classes' mean taken off. The path of
infinite width is beside one network of width 256 and one of width 2048, drawn entry by entry. Prints how far they are
from the limit, and where the limit ends; writes benchmarks/results/digits_deep_linear.json and
docs/digits_deep_linear.png.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from gram import machine
from sklearn.datasets import load_digits

from symlimits.canvas import figure, save
from symlimits.finite.deep_linear_training import draw, train
from symlimits.theory.deep_linear.lazy import gradient_descent
from symlimits.theory.deep_linear.problem import Problem, problem_of_data

ROOT = Path(__file__).parent
COMPONENTS, DEPTH, RATE, STEPS, WIDTHS = 10, 2, 0.05, 80, (256, 2048)
SHOWN = 4  # entries of the predictor: the largest in the end


def data() -> Problem:
    images, digits = load_digits(return_X_y=True)
    centred = images - images.mean(axis=0)
    X = centred @ np.linalg.svd(centred, full_matrices=False)[2][:COMPONENTS].T
    Y = np.eye(10)[digits]
    return problem_of_data(X / X[:, 0].std(), Y - Y.mean(axis=0))


def one_network(given: Problem, width: int) -> np.ndarray:
    k, d = given.Syx.shape
    nets = draw(width, DEPTH, d, k, 1, np.random.default_rng(width))
    return np.stack([state.predictor[0] for state in train(nets, given.Sxx, given.Syx, RATE, STEPS)])


def picture(limit: np.ndarray, networks: dict[int, np.ndarray]) -> None:
    drawn = figure(6.4, 3.6)
    axes = drawn.subplots()
    largest = np.argsort(-np.abs(limit[-1]), axis=None)[:SHOWN]
    for number, (i, j) in enumerate(np.transpose(np.unravel_index(largest, limit[-1].shape))):
        colour = f"C{number}"
        axes.plot(limit[:, i, j], color=colour, linewidth=1.6, label=f"class {i}, component {j + 1}")
        for path, style in zip(networks.values(), (":", "--"), strict=True):
            axes.plot(path[:, i, j], style, color=colour, linewidth=1.0)
    axes.plot([], [], "k", linewidth=1.6, label="limit")
    for width, style in zip(networks, (":", "--"), strict=True):
        axes.plot([], [], f"k{style}", linewidth=1.0, label=f"one network of width {width}")
    axes.set(xlabel="step", ylabel="entries of the predictor")
    axes.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    save(drawn, ROOT.parent / "docs" / "digits_deep_linear.png")


def main() -> None:
    given = data()
    limit = gradient_descent(DEPTH, given.Sxx, given.Syx, RATE, STEPS).predictors
    networks = {width: one_network(given, width) for width in WIDTHS}
    distances = {width: float(np.sqrt(np.square(path - limit).mean())) for width, path in networks.items()}
    best = given.minimiser()
    left = float(np.linalg.norm((limit[-1] - best) @ given.Sxx) / np.linalg.norm(best @ given.Sxx))
    for width, distance in distances.items():
        rest = f"times root of width {distance * width**0.5:.3f}"
        print(f"width {width}: root mean square distance to the limit {distance:.2e}, {rest}")
    print(f"after {STEPS} steps the gradient of the limit is {left:.1e} of what it was")
    picture(limit, networks)
    content = {
        "depth": DEPTH,
        "lr": RATE,
        "steps": STEPS,
        "distance": distances,
        "gradient left": left,
        "machine": machine(),
    }
    (ROOT / "results" / "digits_deep_linear.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
