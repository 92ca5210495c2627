"""Networks trained on handwritten digits inside the bands of the law: `python benchmarks/digits_training.py`.

Threes from eights, 40 of scikit-learn's digits to train on and 40 others to look at, targets 1 and -1: erf networks of
one hidden layer of width 512 are drawn and trained for real, by full gradient descent. The law of infinite width says
the mean and the standard deviation of every output after every step; how many outputs lie within two deviations of the
mean is counted, which is 95.45 % of a Gaussian's. Networks are independent, the outputs of one are not: the error of
the share is taken over networks. Writes benchmarks/results/digits_training.json and docs/digits_training.png.
"""

from __future__ import annotations

import json
from math import erf, sqrt
from pathlib import Path

import numpy as np
from gram import machine
from sklearn.datasets import load_digits

import symlimits as sl
from symlimits import activations as act
from symlimits.canvas import figure, save
from symlimits.finite.trained_networks import Recipe, drawn, forward, step

ROOT = Path(__file__).parent
CLASSES, TRAIN, TEST = (3, 8), 40, 40
WIDTH, NETWORKS, BATCH = 512, 100, 20
NET = sl.mlp(depth=1, activation=act.erf, w_var=2, b_var="1/10")
SHARE_OF_CRITICAL = 0.05  # the learning rate
TIMES = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
BAND = 2.0  # standard deviations
SHOWN, PATHS = (1, 4), 8  # test digits, and networks, in the figure

Array = np.ndarray


def data() -> tuple[Array, Array, Array, Array]:
    """Train and test inputs, centred, of mean square one, and targets."""
    images, digits = load_digits(return_X_y=True)
    images, digits = (array[np.isin(digits, CLASSES)][: TRAIN + TEST] for array in (images, digits))
    centred = images - images[:TRAIN].mean(axis=0)
    X = centred / np.sqrt((centred[:TRAIN] ** 2).mean())
    Y = np.where(digits == CLASSES[0], 1.0, -1.0)[:, None]
    return X[:TRAIN], Y[:TRAIN], X[TRAIN:], Y[TRAIN:]


def trained(X: Array, Y: Array, Z: Array, rate: float, batch: int, rng: np.random.Generator) -> Array:
    """Outputs (times, batch, m) at Z of networks on their way."""
    recipe, layers = Recipe(rate, 1), drawn(NET, X.shape[1], 1, WIDTH, batch, rng)
    found = []
    for t in range(TIMES[-1] + 1):
        if t in TIMES:
            found.append(forward(layers, Z.T[None])[:, 0])
        f = forward(layers, X.T[None])
        step(layers, (f - Y.T) / Y.size, recipe)
    return np.stack(found)


def picture(paths: Array, mean: Array, deviation: Array, inside: Array, labels: Array) -> None:
    drawing = figure(8.0, 3.4)
    left, right = drawing.subplots(1, 2, width_ratios=(1.7, 1.0))
    at = np.array(TIMES) + 1
    for number, i in enumerate(SHOWN):
        colour = f"C{number}"
        low, high = mean[:, i] - BAND * deviation[:, i], mean[:, i] + BAND * deviation[:, i]
        left.fill_between(at, low, high, color=colour, alpha=0.25, linewidth=0)
        label = f"a {CLASSES[int(labels[i, 0] < 0)]}: mean and two deviations of the law"
        left.plot(at, mean[:, i], color=colour, linewidth=1.8, label=label)
        left.plot(at, paths[:, :PATHS, i], color=colour, linewidth=0.5)
    left.set(xscale="log", xlabel="step + 1", ylabel="output at a test digit", ylim=(-3.2, 4.0))
    left.legend(frameon=False, fontsize=7, loc="upper left")
    share, error = inside.mean(axis=(1, 2)), inside.mean(axis=2).std(axis=1, ddof=1) / sqrt(inside.shape[1])
    right.errorbar(at, 100 * share, 200 * error, fmt="o", markersize=3, label=f"{NETWORKS} networks, two errors")
    right.axhline(100 * expected(), color="k", linewidth=1.0, label="the law")
    right.set(xscale="log", xlabel="step + 1", ylabel="outputs inside the bands, %", ylim=(85, 100))
    right.legend(frameon=False, fontsize=7, loc="lower right")
    save(drawing, ROOT.parent / "docs" / "digits_training.png")


def expected() -> float:
    """Of a Gaussian, within BAND deviations of its mean."""
    return erf(BAND / sqrt(2))


def main() -> None:
    X, Y, Z, labels = data()
    rate = SHARE_OF_CRITICAL * sl.trained_law(NET, X, Y).critical_lr
    law = sl.trained_law(NET, X, Y, lr=rate)
    mean = np.stack([law.mean(Z, steps=t)[:, 0] for t in TIMES])
    deviation = np.sqrt(np.stack([law.covariance(Z, steps=t).diagonal() for t in TIMES]))
    rng = np.random.default_rng(0)
    paths = np.concatenate([trained(X, Y, Z, rate, BATCH, rng) for _ in range(NETWORKS // BATCH)], axis=1)
    inside = np.abs(paths - mean[:, None]) <= BAND * deviation[:, None]
    shares = inside.mean(axis=(0, 2))
    share, error = float(shares.mean()), float(shares.std(ddof=1) / sqrt(len(shares)))
    correct = float((np.sign(paths[-1]) == labels[:, 0]).mean())
    spread = float(np.sqrt((((paths - mean[:, None]) / deviation[:, None]) ** 2).mean()))
    print(f"inside the bands: {share:.4f} +- {error:.4f}, of a Gaussian {expected():.4f}")
    print(f"root mean square of deviations, in those of the law: {spread:.4f}")
    print(f"test digits told right after {TIMES[-1]} steps: {correct:.3f}")
    picture(paths, mean, deviation, inside, labels)
    content = {
        "classes": CLASSES,
        "train, test": [TRAIN, TEST],
        "width": WIDTH,
        "networks": NETWORKS,
        "lr": rate,
        "steps": TIMES,
        "inside two deviations": share,
        "error over networks": error,
        "expected": expected(),
        "inside by step": inside.mean(axis=(1, 2)).tolist(),
        "root mean square deviation": spread,
        "told right": correct,
        "machine": machine(),
    }
    (ROOT / "results" / "digits_training.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
