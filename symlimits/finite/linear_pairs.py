r"""Deep linear networks of fixed widths at two inputs, as an experiment: products of squared outputs.

Inputs have $|x|^2/d = |z|^2/d = 1$ and the correlation rho; weights have variance one, so that E f^2 = 1. Outputs are
drawn by `deep_linear`, exactly in law at any width. The size of the experiment plays no part: it is the dimension of
the input, on which the law does not depend.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from symlimits.errors import FormulaError
from symlimits.finite.deep_linear import input_root, multiply_weights, triangular_factors
from symlimits.finite.rows import Array, check_sampler
from symlimits.finite.width_networks import BATCH, POOL

DRAWS = 2**11  # of a size: some random numbers each


@dataclass(frozen=True)
class LinearPairs:
    """Means over 64 networks of f(x)^2 f(z)^2, or of its mean over the readout, S_xx S_zz + 2 S_xz^2.

    `sampler` is "exact", triangular factors and the mean over the readout, or "naive", all weights and the outputs.

    >>> LinearPairs((3, 4), 0.5)(5, np.random.default_rng(0)).shape
    (64,)
    """

    widths: tuple[int, ...]
    rho: float
    sampler: str = "exact"

    def __post_init__(self) -> None:
        check_sampler(self.sampler)

    def __call__(self, _size: int, rng: np.random.Generator) -> Array:
        """A chunk of draws."""
        return self.networks(BATCH * POOL, rng).reshape(BATCH, POOL).mean(axis=1)

    def networks(self, count: int, rng: np.random.Generator) -> Array:
        """The products of `count` independent networks: an array (count,)."""
        root = input_root(np.array([[1.0, self.rho], [self.rho, 1.0]]))
        if self.sampler == "naive":
            return np.asarray((multiply_weights(self.widths, 1, root, count, rng)[:, 0] ** 2).prod(axis=1))
        features = triangular_factors(self.widths, len(root), count, rng).swapaxes(1, 2) @ root
        gram = features.swapaxes(1, 2) @ features
        return np.asarray(gram[:, 0, 0] * gram[:, 1, 1] + 2.0 * gram[:, 0, 1] ** 2)

    def wanted(self, _size: int) -> int:
        """Draws of one size."""
        return DRAWS

    def work(self, _size: int, rounds: int | None = None) -> float:
        """The random numbers of a certificate at one size; of a run until decided, by its rounds."""
        return float(POOL * (BATCH * (rounds + 1) if rounds else DRAWS) * 2 * (len(self.widths) + 1))

    def record(self) -> dict[str, Any]:
        """The networks as JSON, for a certificate; `from_record` reads it."""
        return {"kind": "linear networks at two inputs", "widths": list(self.widths), "rho": self.rho}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> LinearPairs:
        """The networks of a record; `FormulaError` for what is none.

        >>> LinearPairs.from_record(LinearPairs((3, 4), 0.5).record())
        LinearPairs(widths=(3, 4), rho=0.5, sampler='exact')
        """
        try:
            widths, rho = tuple(record["widths"]), float(record["rho"])
            known = widths and all(type(width) is int and width > 0 for width in widths) and -1 <= rho <= 1
        except (KeyError, TypeError, ValueError):
            known = False
        if not known:
            raise FormulaError("linear networks that are none", "what LinearPairs.record writes", "another")
        return cls(widths, rho)
