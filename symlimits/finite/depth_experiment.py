"""One entry of an empirical kernel of networks that are as deep as they are wide, as an experiment."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import sympy as sp

from symlimits.finite.kernel_experiment import KernelExperiment
from symlimits.finite.rows import Array
from symlimits.language.network_values import bound

LEAST_DRAWS, FEWER = 2**8, 4  # draws at a size, and how many times less than of shallow networks


@dataclass(frozen=True)
class DepthExperiment:
    """The kernel experiment of a network whose depth is the symbol `depth`, at the depth that the size says."""

    experiment: KernelExperiment
    depth: sp.Symbol

    def __call__(self, size: int, rng: np.random.Generator) -> Array:
        """A chunk of draws of networks of this width and depth."""
        return self._at(size)(size, rng)

    def wanted(self, size: int) -> int:
        """The draws of a certificate at a size: each costs more than one of a shallow network."""
        return max(LEAST_DRAWS, self._at(size).wanted(size) // FEWER)

    def required_bytes(self, size: int) -> int:
        """Memory for a call."""
        return self._at(size).required_bytes(size)

    def _at(self, size: int) -> KernelExperiment:
        network = bound(self.experiment.network, {self.depth: sp.Integer(size)})
        return replace(self.experiment, network=network)
