"""The full random networks that an output law speaks of: every weight is drawn, as experiments of certificates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.errors import DomainError

Array = npt.NDArray[np.float64]
BATCH = 64  # draws a call


def outputs(widths: Sequence[int], inputs: int, K: float, rectified: bool, count: int, rng: np.random.Generator) -> Array:
    """One output of `count` networks on an input of |x|^2/N_0 = K: an array (count,).

    ReLU layers have He weights: variance 2 behind a layer that is rectified.
    """
    h = np.full((count, inputs, 1), sqrt(K))
    for layer, rows in enumerate((*widths, 1)):
        columns, gain = h.shape[1], 2.0 if rectified and layer else 1.0
        h = sqrt(gain / columns) * (rng.standard_normal((count, rows, columns)) @ h)
        if rectified and layer < len(widths):
            h = np.maximum(h, 0.0)
    return h[:, 0, 0]


@dataclass(frozen=True)
class Networks:
    """Networks of fixed widths; the size is the input dimension, on which the law does not depend."""

    widths: tuple[int, ...]
    K: sp.Expr
    rectified: bool = False

    def __call__(self, size: int, rng: np.random.Generator) -> Array:
        return outputs(self.widths, size, float(self.K), self.rectified, BATCH, rng)


@dataclass(frozen=True)
class LimitNetworks:
    """Networks of width N = size and depth a N, on inputs of dimension N."""

    ratio: sp.Expr
    K: sp.Expr
    rectified: bool = False

    def __call__(self, size: int, rng: np.random.Generator) -> Array:
        depth = self.ratio * size
        if not depth.is_Integer:
            raise DomainError(f"depth {depth} at width {size}", "widths times the ratio that are integers", "other sizes")
        return outputs((size,) * int(depth), size, float(self.K), self.rectified, BATCH, rng)

    def wanted(self, size: int) -> int:
        """Networks of one size: the cost of one grows with the cube of the width."""
        return max(2**12, min(2**17, 2**24 // size**2))
