r"""Networks of fixed hidden widths at one input, as an experiment: their output and their tangent kernel.

Activations are positively homogeneous, phi(z) = a z for z < 0 and b z for z > 0. Weights have variance 1/E phi(g)^2
over the number of inputs, those of the output one: |h|^2/n keeps its mean 1, E f^2 = 1 and E Theta = L + 1. The size
of the experiment is the dimension of the input, on which the law does not depend.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from symlimits.errors import DomainError, FormulaError
from symlimits.finite.conditioned import conditioned
from symlimits.finite.network import whole_weights
from symlimits.finite.rows import Array, check_sampler

OBSERVABLES = ("output", "ntk")
POOL = 64  # networks, whose mean is one draw: powers of products have heavy tails, and means of them less heavy ones
BATCH = 64  # draws of one call
LEAST, MOST, UNITS = 2**9, 2**12, 2**16  # draws of a size, between these, and the units of a network times draws


@dataclass(frozen=True)
class WidthNetworks:
    r"""Means over 64 networks of $\mathbb E[f^4|h]$, the mean over the readout, or of $(\Theta/(L+1))^2 - 1$.

    `slopes` are (a, b). `sampler` is "exact", the way back without the weights it has met, or "naive", all weights.

    >>> WidthNetworks((0.0, 1.0), (3, 4))(5, np.random.default_rng(0)).shape
    (64,)
    """

    slopes: tuple[float, float]
    widths: tuple[int, ...]
    observable: str = "output"
    sampler: str = "exact"

    def __post_init__(self) -> None:
        check_sampler(self.sampler)
        if self.observable not in OBSERVABLES:
            raise DomainError(f"observable = {self.observable!r}", "'output' or 'ntk'", "observable='ntk'")

    def __call__(self, size: int, rng: np.random.Generator) -> Array:
        """A chunk of draws."""
        return self.networks(size, BATCH * POOL, rng).reshape(BATCH, POOL).mean(axis=1)

    def wanted(self, size: int) -> int:
        """Draws of one size: the input's dimension costs nothing, where its weights are not drawn."""
        return max(LEAST, min(MOST, UNITS // sum(self.widths)))

    def work(self, size: int, rounds: int | None = None) -> float:
        """The random numbers of a certificate at one size; of a run until decided, by its rounds."""
        shapes = zip((size, *self.widths), (*self.widths, 1), strict=True)
        draws = BATCH * (rounds + 1) if rounds else self.wanted(size)
        return float(POOL * draws) * sum(m * n for m, n in shapes)

    def networks(self, size: int, count: int, rng: np.random.Generator) -> Array:
        """What is observed of `count` independent networks with inputs of `size` dimensions: an array (count,)."""
        sampler = whole_weights if self.sampler == "naive" else conditioned
        h = np.ones((1, size, 1))
        gain = 2.0 / (self.slopes[0] ** 2 + self.slopes[1] ** 2)
        squares, back = [1.0], []
        for width in self.widths:
            scale = sqrt(gain / h.shape[1])
            forward, way = sampler(h, width, count, rng)
            slopes = np.where(forward > 0.0, self.slopes[1], self.slopes[0])
            h = slopes * scale * forward
            back.append((slopes, scale, way))
            squares.append((h * h).mean(axis=(1, 2)))
        if self.observable == "output":
            return np.asarray(3.0 * squares[-1] ** 2)
        return (self._tangent_kernel(h, squares, back, count, rng) / (len(self.widths) + 1)) ** 2 - 1.0

    def _tangent_kernel(self, h: Array, squares: list[Any], back: list[Any], count: int, rng: Any) -> Array:
        r"""$\sum_\ell \mathrm{var}_\ell\,|h^{\ell-1}|^2/n_{\ell-1}\,|\partial f/\partial z^\ell|^2$."""
        readout = rng.standard_normal((count, h.shape[1], 1)) / sqrt(h.shape[1])
        total, slope = squares[-1], readout
        gain = 2.0 / (self.slopes[0] ** 2 + self.slopes[1] ** 2)
        for layer in reversed(range(len(back))):
            slopes, scale, way = back[layer]
            slope = slopes * slope
            total = total + gain * squares[layer] * (slope * slope).sum(axis=(1, 2))
            slope = scale * way(slope) if layer else slope  # no derivative by the input is asked for
        return np.asarray(total)

    def record(self) -> dict[str, Any]:
        """The networks as JSON, for a certificate; `from_record` reads it."""
        named = {"observable": self.observable, "sampler": self.sampler}
        return {"kind": "networks of fixed widths", "slopes": list(self.slopes), "widths": list(self.widths), **named}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> WidthNetworks:
        """The networks of a record; `FormulaError` for what is none.

        >>> WidthNetworks.from_record(WidthNetworks((0.0, 1.0), (3, 4), "ntk").record())
        WidthNetworks(slopes=(0.0, 1.0), widths=(3, 4), observable='ntk', sampler='exact')
        """
        try:
            (a, b), widths = map(float, record["slopes"]), tuple(record["widths"])
            known = (a or b) and widths and all(type(width) is int and width > 0 for width in widths)
            observable, sampler = str(record["observable"]), str(record["sampler"])
        except (KeyError, TypeError, ValueError):
            known = False
        if not known:
            raise FormulaError("networks of fixed widths that are none", "what WidthNetworks.record writes", "another")
        return cls((a, b), widths, observable, sampler)
