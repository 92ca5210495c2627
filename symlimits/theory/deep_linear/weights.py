"""Laws of the weight matrices along the path, in the limit of infinite width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symlimits.errors import DomainError
from symlimits.language.names import shown
from symlimits.theory.deep_linear.problem import Floats


@dataclass(frozen=True, eq=False, repr=False)
class GaussianWeights:
    """The first or the last weight matrix: `vectors` of it ("rows of U", "columns of V") are independent and Gaussian.

    `joint` is their covariance between two times, (steps + 1, steps + 1, n, n).
    """

    layer: int
    vectors: str
    joint: Floats

    @property
    def covariance(self) -> Floats:
        """The covariance at each time, (steps + 1, n, n)."""
        times = np.arange(len(self.joint))
        return np.asarray(self.joint[times, times])

    def __repr__(self) -> str:
        return f"GaussianWeights(layer {self.layer}: {self.vectors}, {self.joint.shape[2]} entries each)"


@dataclass(frozen=True, eq=False, repr=False)
class Increment:
    r"""An inner weight matrix moves by $M_l(t) - M_l(0) = \frac{\eta}{m}\sum_{s<t} B_l(s)E_sH_{l-1}(s)^\top$.

    Its singular values tend to those of $G_l^{1/2}\,\mathrm{diag}(\eta E_s)\,\Phi_{l-1}^{1/2}$, with Grams of the times
    s < t. Holds these as matrices of blocks, and $\eta E_s$ as `moves` (steps + 1, k, d). Source: derived here.
    """

    layer: int
    backward: Floats
    moves: Floats
    forward: Floats

    def singular_values(self, time: int | None = None) -> Floats:
        """The singular values at a time, by default the last, in descending order: time * min(d, k) of them.

        Those below about 1e-8 of the largest are rounding errors. Raises `DomainError` for a time out of range.
        """
        steps, k, d = len(self.moves) - 1, *self.moves.shape[1:]
        t = steps if time is None else time
        if isinstance(t, bool) or not isinstance(t, int | np.integer) or not 0 <= t <= steps:
            raise DomainError(f"time {shown(t)}", f"an integer from 0 to {steps}", f"time={steps}")
        left, right = _root(self.backward[: t * k, : t * k]), _root(self.forward[: t * d, : t * d])
        moved = np.einsum("atk,tkd->atd", left.reshape(t * k, t, k), self.moves[:t]).reshape(t * k, t * d)
        return np.asarray(np.linalg.svd(moved @ right, compute_uv=False))

    def __repr__(self) -> str:
        return f"Increment(layer {self.layer}, {len(self.moves) - 1} steps)"


def _root(gram: Floats) -> Floats:
    """The symmetric square root of a positive semidefinite matrix; negative eigenvalues are rounding errors."""
    values, vectors = np.linalg.eigh(gram)
    return np.asarray((vectors * np.sqrt(values.clip(min=0.0))) @ vectors.T)
