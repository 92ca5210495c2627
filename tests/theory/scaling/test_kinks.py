"""The rule for kinks against networks: leaky relu in NTK scaling, kernels at inputs of training and at others."""

from __future__ import annotations

import numpy as np
import pytest

WIDTHS = (2**10, 2**12, 2**14)
NETS, STEPS, SLOPE, RATE = 24, 2, 0.1, 8.0
MARGIN = 0.08  # the slopes of three widths drift by 0.05, and have a standard error of 0.015


def increments(width: int, rng: np.random.Generator, X: np.ndarray, Z: np.ndarray, g: np.ndarray) -> np.ndarray:
    """RMS over networks of the increment of the kernel's w part, on the diagonal, at trained and at other inputs."""
    found = []
    for _ in range(NETS):
        a, w = rng.standard_normal(width), rng.standard_normal((width, X.shape[1]))
        a0, w0 = a.copy(), w.copy()
        for _ in range(STEPS):
            slopes = np.where(w @ X.T > 0, 1.0, SLOPE)
            features = slopes * (w @ X.T)
            step = RATE * (a[:, None] * slopes * g) @ X / len(X) / width**0.5
            a, w = a - features @ g / len(X) / width**0.5, w - step
        both = [
            ((a**2) @ np.where(w @ P.T > 0, 1.0, SLOPE) ** 2 - (a0**2) @ np.where(w0 @ P.T > 0, 1.0, SLOPE) ** 2)
            / width
            for P in (X, Z)
        ]
        found.append([np.mean(part**2) for part in both])
    return np.sqrt(np.mean(found, axis=0))


@pytest.mark.slow
def test_slopes_of_kernel_increments() -> None:
    rng = np.random.default_rng(0)
    X, Z, g = rng.standard_normal((2, 4)), rng.standard_normal((8, 4)), np.array([1.0, -1.0])
    sizes = np.array([increments(width, rng, X, Z, g) for width in WIDTHS])
    trained, other = np.polyfit(np.log(WIDTHS), np.log(sizes), 1)[0]
    assert abs(trained + 1 / 2) < MARGIN
    assert abs(other + 3 / 4) < MARGIN
    assert abs(other + 1) > 2 * MARGIN  # the smooth rule is refuted
