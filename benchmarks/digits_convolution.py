"""The tangent kernels of a dense and of a convolutional network on the 8 x 8 digits of scikit-learn: which fits better?

Kernel regression on one-hot labels, f = Theta(Z, X) (Theta(X, X) + ridge)^(-1) Y, the class with the largest output;
accuracy on images left out. Writes benchmarks/results/digits_convolution.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import symlimits as sl
from symlimits import activations as act
from symlimits.language.architecture import Serial

RIDGE = 1e-6  # of the mean of the diagonal: for the condition of the matrix, not for the fit
RESULTS = Path(__file__).parent / "results" / "digits_convolution.json"


def networks() -> dict[str, Serial]:
    """Two hidden layers each."""
    conv = [layer for _ in range(2) for layer in (sl.Conv((3, 3), 2, "1/10"), act.relu)]
    return {
        "dense": sl.mlp(2, act.relu, 2, "1/10"),
        "convolutions, flattened": sl.serial(*conv, sl.Flatten(), sl.Dense(1)),
        "convolutions, averaged": sl.serial(*conv, sl.GlobalAvgPool(), sl.Dense(1)),
    }


def accuracy(K: np.ndarray, cross: np.ndarray, labels: np.ndarray, truth: np.ndarray) -> float:
    """Of kernel regression."""
    targets = np.eye(10)[labels] - 0.1
    ridge = RIDGE * np.trace(K) / len(K)
    found = cross @ np.linalg.solve(K + ridge * np.eye(len(K)), targets)
    return float((found.argmax(axis=1) == truth).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=int, default=200)
    parser.add_argument("--test", type=int, default=300)
    arguments = parser.parse_args()
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    train, test = order[: arguments.train], order[arguments.train : arguments.train + arguments.test]
    images = (digits.data.reshape(-1, 8, 8, 1) - digits.data.mean()) / digits.data.std()
    found = {}
    for name, net in networks().items():
        X = images.reshape(len(images), -1) if name == "dense" else images
        Theta = sl.ntk(net)
        K, cross = Theta(X[train]), Theta(X[test], X[train])
        found[name] = accuracy(K, cross, digits.target[train], digits.target[test])
        print(f"{name:24} {found[name]:.3f}")
    record = {"train": arguments.train, "test": arguments.test, "ridge": RIDGE, "accuracy": found}
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
