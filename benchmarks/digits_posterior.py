"""Bayes on handwritten digits, finite width, limit and NNGP side by side: `python benchmarks/digits_posterior.py`.

Threes against eights (scikit-learn's digits, 8 x 8 pixels), 20 training points, labels -1 and 1, linear networks: K
from the pixels, centred and of mean square one. Each depth over width is beside the limit of the same ratio a. The
posterior is exact: no sampling. Log predictive densities are of the labels, noise included. Prints a table and writes
it with the machine to benchmarks/results/digits_posterior.json.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from gram import machine
from sklearn.datasets import load_digits

import symlimits as sl

ROOT = Path(__file__).parent
CLASSES, TRAINED, NOISE = (3, 8), 20, 0.1
SHAPES = ((20, 5), (80, 20), (20, 20), (80, 80), (20, 60))  # width, depth


def problem() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training and test data, centred, of mean square one."""
    images, digits = load_digits(return_X_y=True)
    kept = np.isin(digits, CLASSES)
    order = np.random.default_rng(0).permutation(kept.sum())
    X, y = images[kept][order], np.where(digits[kept][order] == CLASSES[0], 1.0, -1.0)
    X = X - X[:TRAINED].mean(axis=0)
    X /= np.sqrt(np.square(X[:TRAINED]).mean())
    return X[:TRAINED], y[:TRAINED], X[TRAINED:], y[TRAINED:]


def row(name: str, law: Any) -> dict[str, Any]:
    X, y, Z, labels = problem()
    d = X.shape[1]
    post = law.posterior(X @ X.T / d, y, NOISE)
    K_cross, K_test = Z @ X.T / d, Z @ Z.T / d
    densities = [
        post.log_pdf(labels[i : i + 1], K_cross[i : i + 1], K_test[i : i + 1, i : i + 1], noise_var=NOISE)
        for i in range(len(Z))
    ]
    return {
        "law": name,
        "log_evidence": post.log_evidence,
        "error": post.error,
        "accuracy": float((post.mean(K_cross) * labels > 0).mean()),
        "mean_variance": float(np.diagonal(post.covariance(K_cross, K_test)).mean()),
        "mean_log_predictive_density": float(np.mean(densities)),
        "mean_q": post.mixing.mean,
    }


def main() -> None:
    laws = [("NNGP", sl.output_law(widths=()))]
    for width, depth in SHAPES:
        laws.append((f"width {width}, depth {depth}", sl.output_law(widths=(width,) * depth)))
    for a in sorted({Fraction(depth, width) for width, depth in SHAPES}):
        laws.append((f"limit, a = {a}", sl.output_law(ratio=str(a))))
    names = ("log_evidence", "accuracy", "mean_variance", "mean_log_predictive_density", "mean_q")
    print(f"{'':<20}" + "".join(f"{name.replace('_', ' '):>28}" for name in names))
    rows = []
    for name, law in laws:
        rows.append(row(name, law))
        print(f"{name:<20}" + "".join(f"{rows[-1][key]:>28.6f}" for key in names), flush=True)
    found = {"machine": machine(), "classes": CLASSES, "trained": TRAINED, "noise_var": NOISE, "rows": rows}
    (ROOT / "results" / "digits_posterior.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
