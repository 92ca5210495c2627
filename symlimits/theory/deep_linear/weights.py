"""Laws of the weight matrices along the path, in the limit of infinite width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symlimits.errors import DomainError
from symlimits.language.names import shown
from symlimits.theory.deep_linear.grams import Grams
from symlimits.theory.deep_linear.problem import Floats


@dataclass(frozen=True, eq=False, repr=False)
class GaussianWeights:
    """The first or the last weight matrix: `vectors` of it ("rows of U", "columns of V") are independent and Gaussian.

    `joint` is their covariance between two times, (T, T, n, n).
    """

    layer: int
    vectors: str
    joint: Floats

    @property
    def covariance(self) -> Floats:
        """The covariance at each time, (T, n, n)."""
        times = np.arange(len(self.joint))
        return np.asarray(self.joint[times, times])

    def __repr__(self) -> str:
        return f"GaussianWeights(layer {self.layer}: {self.vectors}, {self.joint.shape[2]} entries each)"


@dataclass(frozen=True, eq=False, repr=False)
class Increment:
    r"""How far an inner weight matrix has moved from the start, $M_l(t) - M_l(0)$: of deterministic singular values.

    With weight decay towards zero it is what stands beside the part of $M_l(0)$ that is left. `times` is their number
    T; source: derived here.
    """

    layer: int
    times: int
    grams: Grams

    def singular_values(self, time: int | None = None) -> Floats:
        """The singular values at a time, by its place 0, ..., T - 1, the last by default, in descending order.

        A step adds min(d, k) of them at most. Those of the causal recursion below about 1e-8 of the largest are
        rounding errors. Raises `DomainError` for a time out of range.
        """
        last = self.times - 1
        t = last if time is None else time
        if isinstance(t, bool) or not isinstance(t, int | np.integer) or not 0 <= t <= last:
            raise DomainError(f"time {shown(t)}", f"an integer from 0 to {last}", f"time={last}")
        return self.grams.singular_values(self.layer, int(t))

    def __repr__(self) -> str:
        return f"Increment(layer {self.layer}, {self.times} times)"
