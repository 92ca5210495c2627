"""What is asked of a draw: itself, or a functional that no heavy tail can reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError

Array = npt.NDArray[np.float64]

BOUNDS = {"cf": (-1.0, 1.0), "sine": (-1.0, 1.0), "cdf": (0.0, 1.0)}  # of the bounded functionals
WIDTHS = {kind: high - low for kind, (low, high) in BOUNDS.items()}  # how far apart two values can be
KINDS = ("mean", "cdf", "cf", "log", "exponent")
ARGUMENTS = {"cdf": "s", "cf": "t"}  # the symbol of a law's argument


@dataclass(frozen=True)
class Functional:
    r"""A number for each draw s: "mean" s itself, "exponent" |s|, "log" log|s|, "cf" cos(at s), "sine" sin(at s),
    "cdf" 1[s <= at].

    Means of the last three, whatever the tails of s, obey Hoeffding's inequality.

    >>> Functional("cdf", 1.0)(np.array([0.5, 2.0]))
    array([1., 0.])
    """

    kind: str = "mean"
    at: float = 0.0

    def __call__(self, draws: Array) -> Array:
        match self.kind:
            case "cf":
                return np.cos(self.at * draws)
            case "sine":
                return np.sin(self.at * draws)
            case "cdf":
                return (draws <= self.at).astype(np.float64)
            case "exponent":
                return np.abs(draws)
            case "log":
                return _logarithm(draws)
        return draws


def _logarithm(draws: Array) -> Array:
    if not draws.all():
        raise DataError("a draw that is zero", "draws with a logarithm", "kind='cdf', a law with an atom at zero")
    return np.log(np.abs(draws))
