"""Two samplers of one law, held against each other by Kolmogorov and Smirnov on several functionals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.stats import ks_2samp

ALPHA = 1e-6  # false alarms of one test file
FAMILY = 1000  # comparisons in one file, at most: Bonferroni
DIGITS = 9  # atoms of a law (dead units, say) agree within rounding, and must be ties


def generator(number: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(number))


def least_p(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> tuple[float, str]:
    """The least p-value over the functionals, and which one it is. With ties the test is conservative."""
    assert first.keys() == second.keys()
    found = []
    for name in first:
        left, right = (np.round(sample[name], DIGITS) for sample in (first, second))
        assert np.isfinite(left).all(), name
        found.append((float(ks_2samp(left, right, method="asymp").pvalue), name))
    return min(found)


def agree(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> bool:
    """Whether no functional tells the samples apart, at ALPHA over the file."""
    p_value, name = least_p(first, second)
    sizes = (next(iter(sample.values())).size for sample in (first, second))
    distance = np.sqrt(np.log(2 * FAMILY / ALPHA) / 2 * sum(1 / size for size in sizes))
    print(f"least p-value {p_value:.3g}, of {name}; distances of {distance:.3f} are rejected, at {ALPHA / FAMILY:.1g}")
    return p_value > ALPHA / FAMILY


def of_matrices(name: str, K: np.ndarray) -> dict[str, np.ndarray]:
    """Functionals of symmetric matrices (count, m, m), m > 1; determinants of I + K, since K may be singular."""
    m = K.shape[-1]
    direction = np.arange(1.0, m + 1) - 1.5
    return {
        f"{name}_00": K[:, 0, 0],
        f"{name}_01": K[:, 0, 1],
        f"trace {name}": np.trace(K, axis1=1, axis2=2),
        f"log det(I + {name})": np.linalg.slogdet(np.eye(m) + K)[1],
        f"log(1 + a {name} a)": np.log1p(np.einsum("nij,i,j->n", K, direction, direction)),
        f"{name}_00 {name}_11 - {name}_01^2": K[:, 0, 0] * K[:, 1, 1] - K[:, 0, 1] ** 2,
    }
