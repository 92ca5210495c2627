"""The distribution function of one output of one input, and its inverse: all digits in both tails."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.errors import DomainError
from symlimits.language.names import shown
from symlimits.reading.real import as_real
from symlimits.theory.mixtures.scale_mixture import ScaleMixture

Array = npt.NDArray[np.float64]
ROUNDS = 200  # of Newton's iteration for quantiles, each bounded in size
CLOSE = 8e-15  # of the last step, relative


def cdf(mixture: ScaleMixture, K: float, s: Array) -> Array:
    """P(s' <= s) for s' | q from N(0, q K)."""
    with np.errstate(divide="ignore"):
        above, below = mixture.log_tails_at(2 * np.log(np.abs(s)) - np.log(2 * K))
    centre = 0.5 + 0.5 * mixture.mixing.atom
    upper = np.where(np.exp(below) < 0.5, centre + 0.5 * np.exp(below), 1.0 - 0.5 * np.exp(above))
    return np.where(s < 0, 0.5 * np.exp(above), upper)


def quantile(mixture: ScaleMixture, K: float, u: Any) -> Array:
    """The s with P(s' <= s) = u, 0 < u < 1; zero inside an atom."""
    p = as_real(u, "u")
    if not ((p > 0) & (p < 1)).all():
        raise DomainError(f"u = {shown(u)}", "probabilities inside (0, 1)", "u=0.5 for the median")
    tail, lower = 2 * np.minimum(p, 1 - p), np.abs(2 * p - 1) - mixture.mixing.atom  # P(|s| > x), P(0 < |s| < x)
    inside = lower > 0
    sizes = np.zeros(p.shape)
    sizes[inside] = _solved(mixture, K, tail[inside], lower[inside])
    return np.where(p < 0.5, -sizes, sizes)


def _solved(mixture: ScaleMixture, K: float, tail: Array, lower: Array) -> Array:
    """|s| with P(|s| > x) = tail, or P(0 < |s| < x) = lower, whichever is smaller: Newton's method in log x."""
    use_tail = tail < lower
    goal = np.log(np.where(use_tail, tail, lower))
    x = np.full(tail.shape, 0.5 * np.log(K))
    for _ in range(ROUNDS):
        above, below = mixture.log_tails_at(2 * x - np.log(2 * K))
        logs = np.where(use_tail, above, below)
        slope = np.exp(np.log(2.0) + x + _log_density(mixture, K, x) - logs) * np.where(use_tail, -1.0, 1.0)
        step = np.clip((goal - logs) / slope, -2.0, 2.0)
        x = x + step
        if (np.abs(step) <= CLOSE * np.maximum(1.0, np.abs(x))).all():
            break
    return np.exp(x)


def _log_density(mixture: ScaleMixture, K: float, logs: Array) -> Array:
    """The logarithm of the density at s = exp(logs), of its continuous part where there is an atom."""
    return mixture.log_radial_at(2 * logs - np.log(2 * K)) - 0.5 * np.log(2 * np.pi * K)
