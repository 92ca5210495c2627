r"""One claim about several means of bounded draws: the e-processes of each, averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError
from symlimits.finite.betting import Array, BettingProcess
from symlimits.finite.sequential import bounded_exp, evidence_test
from symlimits.finite.statistics import Test


@dataclass(frozen=True)
class JointProcess:
    r"""The evidence about K means together, whatever the dependence between them: $E = \frac1K\sum_k E_k$.

    The claim is accepted when every mean that is off by the resolution is excluded at $\alpha/K$: then a claim that is
    wrong by 1.5 resolutions, at one of the means only, leaves evidence enough in the average too.

    >>> coins = np.random.default_rng(0).random((4000, 2)) < [0.5, 0.7]
    >>> looked = JointProcess((BettingProcess(0.5, 0.1), BettingProcess(0.7, 0.1))).update(coins)
    >>> looked.test(0.01).rejected, looked.accepted(0.01)
    (False, True)
    """

    parts: tuple[BettingProcess, ...]
    log_peak: float = 0.0

    @property
    def count(self) -> int:
        """The number of draws, each of K numbers."""
        return self.parts[0].count

    @property
    def e_value(self) -> float:
        """The evidence against the claim after all draws; infinite beyond the floats."""
        return bounded_exp(self.log_e)

    @property
    def log_e(self) -> float:
        """The logarithm of `e_value`."""
        return float(_average([np.array(part.log_e) for part in self.parts]))

    def update(self, draws: npt.ArrayLike) -> JointProcess:
        """The state after more draws (n, K), with a look after each."""
        rows = np.asarray(draws, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.parts):
            raise DataError(f"draws of shape {rows.shape}", f"(n, {len(self.parts)})", "a row a draw")
        if not len(rows):
            return self
        parts, paths = zip(
            *(part.watched(column) for part, column in zip(self.parts, rows.T, strict=True)), strict=True
        )
        return replace(self, parts=parts, log_peak=max(self.log_peak, float(_average(paths).max())))

    def test(self, alpha: float) -> Test:
        """The largest evidence of all looks; `detectable` is the resolution, once the claim is decided."""
        return evidence_test(self.log_peak, alpha, self.parts[0].resolution)

    def accepted(self, alpha: float) -> bool:
        """Whether the claim stands, and every mean further away than the resolution is excluded."""
        share = alpha / len(self.parts)
        return not self.test(alpha).rejected and all(part.excluded(share) for part in self.parts)

    def hopeless(self, alpha: float) -> bool:
        """Never: bounded draws have no tails."""
        return False

    def check(self, alpha: float) -> None:
        """Nothing: bounded draws have no tails."""

    def wrong(self, away: bool = False) -> JointProcess:
        """No evidence yet about a claim with one value wrong by 1.5 resolutions: the same draws are to reject it.

        `away` from the mean of the draws there, as of one value. Raises `DomainError` where there is no such value
        between the bounds.
        """
        first, *rest = self.parts
        begun = (BettingProcess(p.value, p.resolution, p.low, p.high, p.aim) for p in rest)
        return JointProcess((first.wrong(away), *begun))

    def intervals(self, draws: npt.ArrayLike, level: float) -> list[tuple[float, float]]:
        """For each mean the values that are left: all means are missed at any time with probability `level` at most."""
        columns = np.asarray(draws, dtype=np.float64).T
        share = level / len(self.parts)
        return [part.interval(column, share) for part, column in zip(self.parts, columns, strict=True)]


def _average(logarithms: Sequence[Array]) -> Array:
    total = np.logaddexp.reduce(np.stack(logarithms), axis=0) - log(len(logarithms))
    return np.asarray(total, dtype=np.float64)
