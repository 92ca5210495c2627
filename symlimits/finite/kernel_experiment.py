r"""One entry of an empirical kernel as an experiment: what a certificate draws beside the limit of a kernel."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from symlimits.errors import DataError, DomainError
from symlimits.finite.network import BATCH_ENTRIES, OBSERVABLES, batch_size, checked_data, sample, shapes
from symlimits.finite.rows import Array, check_sampler
from symlimits.language.architecture import Serial

DRAWS = {
    "naive": (64, 2**12, 2**17),
    "exact": (256, 2**14, 2**19),
    "antithetic": (256, 2**16, 2**20),
}  # least, most, units
CHUNK = 64  # networks of one call


@dataclass(frozen=True)
class KernelExperiment:
    """One entry of an empirical kernel, as an experiment: `experiment(size, rng)` is an array of draws.

    `inputs` is (m, d); `pair` names the entry, by default the kernel between inputs 0 and 1. `sampler`
    is "exact", the same law at a fraction of the cost, or "naive", weight by weight.
    """

    network: Serial
    inputs: tuple[tuple[float, ...], ...]
    observable: str = "nngp"
    pair: tuple[int, int] = (0, 1)
    sampler: str = "exact"

    def __post_init__(self) -> None:
        if self.observable not in OBSERVABLES:
            raise DomainError(f"observable = {self.observable!r}", "'nngp' or 'ntk'", "observable='ntk'")
        check_sampler(self.sampler)
        data = checked_data(self.inputs)
        if len(self.pair) != 2 or not all(0 <= i < len(data) for i in self.pair):
            raise DataError(f"pair = {self.pair}", f"two row numbers below {len(data)}", "pair=(0, 0)")
        object.__setattr__(self, "inputs", tuple(map(tuple, data.tolist())))

    def __call__(self, size: int, rng: np.random.Generator) -> Array:
        """A chunk of draws: few enough that there are chunks for several workers, and for a look at their spread."""
        plan = shapes(self.network, len(self.inputs[0]), size)
        return self.draws(size, min(CHUNK, batch_size(plan, len(self.pair), self.sampler)), rng)

    def wanted(self, size: int) -> int:
        """The draws of a certificate at a size: those of the exact sampler are cheap."""
        return wanted(size, self.sampler)

    def required_bytes(self, size: int) -> int:
        """Memory for a call, estimated: the weights of a batch, and as much again for what is made of them."""
        weights = sum(shape.outputs * (shape.inputs + 1) for shape in shapes(self.network, len(self.inputs[0]), size))
        return 16 * max(BATCH_ENTRIES, weights)

    def draws(self, size: int, count: int, rng: np.random.Generator) -> Array:
        """`count` independent networks: an array (count,)."""
        pair = [self.inputs[i] for i in self.pair]
        return sample(self.network, pair, size, count, rng, (self.observable,), self.sampler)[0][:, 0, 1]


def wanted(size: int, sampler: str) -> int:
    """The draws of a certificate at a size, by sampler; a layer without weights costs least."""
    least, most, units = DRAWS.get(sampler, DRAWS["exact"])
    return max(least, min(most, units // size))


def inputs_with_gram(p: float, q: float, c: float) -> Array:
    """Two inputs x, z in the plane with |x|^2/2 = p, |z|^2/2 = q, x.z/2 = c: an array (2, 2).

    >>> X = inputs_with_gram(1, 4, -2)
    >>> (X @ X.T / 2).round(12)
    array([[ 1., -2.], [-2.,  4.]])
    """
    bound = sqrt(p) * sqrt(q) if p >= 0 and q >= 0 else -1.0
    if not abs(c) <= bound * (1 + 1e-12):  # a few roundings beyond the bound are still c = sqrt(p q)
        raise DomainError(f"p = {p}, q = {q}, c = {c}", "p, q >= 0 and c^2 <= p q", "c = 0")
    along = c / sqrt(p) if p else 0.0
    across = sqrt(max(q - along**2, 0.0))
    return sqrt(2) * np.array([[sqrt(p), 0.0], [along, across]])
