"""One entry of the empirical kernel of a network of images, as an experiment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symlimits.errors import DomainError
from symlimits.finite.image_network import checked_images, image_batch, image_shapes, sample_images
from symlimits.finite.kernel_experiment import CHUNK, wanted
from symlimits.finite.network import BATCH_ENTRIES, OBSERVABLES
from symlimits.finite.rows import Array, check_sampler
from symlimits.language.architecture import Serial


@dataclass(frozen=True)
class ImageExperiment:
    """The kernel between two images, `experiment(size, rng)` an array of draws; the size is the number of channels.

    `images` is nested tuples of shape (2, H, W, C) or (2, W, C), `sampler` as for `KernelExperiment`.
    """

    network: Serial
    images: tuple[object, ...]
    observable: str = "nngp"
    sampler: str = "exact"

    def __post_init__(self) -> None:
        if self.observable not in OBSERVABLES:
            raise DomainError(f"observable = {self.observable!r}", "'nngp' or 'ntk'", "observable='ntk'")
        check_sampler(self.sampler)
        object.__setattr__(self, "images", _tuples(checked_images(self.images).tolist()))  # type: ignore[arg-type]

    def __call__(self, size: int, rng: np.random.Generator) -> Array:
        """A chunk of draws."""
        data = np.array(self.images)
        batch = image_batch(self.network, image_shapes(self.network, data.shape[1:], size), data.shape)
        return self.draws(size, min(CHUNK, batch), rng)

    def wanted(self, size: int) -> int:
        """The draws of a certificate at a size."""
        return wanted(size, self.sampler)

    def required_bytes(self, size: int) -> int:
        """Memory for a call, estimated."""
        data = np.array(self.images)
        shapes = image_shapes(self.network, data.shape[1:], size)
        return 16 * max(BATCH_ENTRIES, sum(s.outputs * (s.inputs + 1) for s in shapes))

    def draws(self, size: int, count: int, rng: np.random.Generator) -> Array:
        """`count` independent networks: an array (count,)."""
        found = sample_images(self.network, self.images, size, count, rng, (self.observable,), self.sampler)  # type: ignore[arg-type]
        return found[0][:, 0, 1]


def _tuples(values: object) -> object:
    return tuple(map(_tuples, values)) if isinstance(values, list) else values
