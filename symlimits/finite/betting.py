r"""The e-process of the mean of bounded draws, exact at every n: betting against the claim."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import copysign, log

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from symlimits.errors import DataError, DomainError
from symlimits.finite.sequential import bounded_exp, check_resolution, evidence_test
from symlimits.finite.statistics import CONTROL, Test

Array = npt.NDArray[np.float64]
LARGEST_BET = 0.75  # of the capital, which then never reaches 0
NOTHING = (0.0, 0.0, 0.0)
FIRST = 0.25  # the variance before any draw is seen: the largest there is


@dataclass(frozen=True)
class BettingProcess:
    r"""The evidence about $E X = v$ for independent draws between `low` and `high`, whatever their law.

    In units of the range, $E = \frac12\prod(1 + \lambda_i(x_i - v)) + \frac12\prod(1 - \lambda_i(x_i - v))$ with bets
    that know the draws before only: $\lambda_i = \sqrt{2\log(2/\alpha)/(\hat\sigma^2_{i-1}\, i\log(i + 1))}$, at most
    3/4; $\alpha$ is `aim`. The first product at $v - r$ and the second at $v + r$ decide about the resolution r.
    Source: Waudby-Smith and Ramdas, J. R. Stat. Soc. B 86 (2024).

    >>> coin = np.random.default_rng(0).random(4000) < 0.5
    >>> looked = BettingProcess(value=0.5, resolution=0.1).update(coin)
    >>> looked.test(0.01).rejected, looked.accepted(0.01)
    (False, True)
    """

    value: float
    resolution: float
    low: float = 0.0
    high: float = 1.0
    aim: float = 1e-6
    count: int = 0
    total: float = 0.0
    squares: float = FIRST
    up: tuple[float, float, float] = NOTHING
    down: tuple[float, float, float] = NOTHING
    peaks: tuple[float, float, float] = NOTHING

    def __post_init__(self) -> None:
        check_resolution(self.resolution)
        if not (self.low <= self.value <= self.high and self.low < self.high and 0 < self.aim < 1):
            raise DomainError(
                f"value {self.value}, draws in [{self.low}, {self.high}], aim {self.aim}",
                "a value between the bounds, and an aim between 0 and 1",
                "low=0, high=1",
            )

    @property
    def e_value(self) -> float:
        """The evidence against the claim after all draws; infinite beyond the floats."""
        return bounded_exp(self.log_e)

    @property
    def log_e(self) -> float:
        """The logarithm of `e_value`."""
        return float(np.logaddexp(self.up[1], self.down[1])) - log(2)

    def update(self, draws: npt.ArrayLike) -> BettingProcess:
        """The state after more draws, with a look after each."""
        return self.watched(draws)[0]

    def watched(self, draws: npt.ArrayLike) -> tuple[BettingProcess, Array]:
        """The state after more draws, and the logarithm of the e-value after each of them."""
        x = (np.asarray(draws, dtype=np.float64).ravel() - self.low) / (self.high - self.low)
        if not ((x >= 0) & (x <= 1)).all():
            raise DataError(
                "draws out of bounds", f"numbers in [{self.low}, {self.high}]", "the bounds of the observable"
            )
        if not x.size:
            return self, x
        totals, squares, bets = self._bets(x)
        gains = bets * (x - self._means()[:, None])
        up = np.array(self.up)[:, None] + np.log1p(gains).cumsum(axis=1)
        down = np.array(self.down)[:, None] + np.log1p(-gains).cumsum(axis=1)
        evidence = np.stack([up[0], np.logaddexp(up[1], down[1]) - log(2), down[2]])
        after = replace(
            self,
            count=self.count + x.size,
            total=float(totals[-1]),
            squares=float(squares[-1]),
            up=_triple(up[:, -1]),
            down=_triple(down[:, -1]),
            peaks=_triple(np.maximum(self.peaks, evidence.max(axis=1))),
        )
        return after, evidence[1]

    def test(self, alpha: float) -> Test:
        """The largest evidence of all looks; `detectable` is the resolution, once the claim is decided."""
        return evidence_test(self.peaks[1], alpha, self.resolution)

    def accepted(self, alpha: float) -> bool:
        """Whether the claim stands, and means further away than the resolution are excluded."""
        return not self.test(alpha).rejected and self.excluded(alpha)

    def excluded(self, alpha: float) -> bool:
        """Whether means further away than the resolution are excluded, below and above."""
        below = self.value - self.resolution < self.low or self.peaks[0] >= -log(alpha)
        above = self.value + self.resolution > self.high or self.peaks[2] >= -log(alpha)
        return below and above

    def hopeless(self, alpha: float) -> bool:
        """Never: bounded draws have no tails."""
        return False

    def check(self, alpha: float) -> None:
        """Nothing: bounded draws have no tails."""

    def wrong(self, away: bool = False) -> BettingProcess:
        """No evidence yet about a value wrong by 1.5 resolutions, inwards: the same draws are to reject it.

        Or `away` from the mean of the draws, as far as the bounds allow. Raises `DomainError` where there is no such
        value between the bounds.
        """
        low, high = self.low, self.high
        inwards = 1.0 if self.value < (low + high) / 2 else -1.0
        side = copysign(1.0, self._means()[1] * self.count - self.total) if away else inwards
        wrong = self.value + side * CONTROL * self.resolution
        return BettingProcess(min(max(wrong, low), high) if away else wrong, self.resolution, low, high, self.aim)

    def interval(self, draws: npt.ArrayLike, level: float) -> tuple[float, float]:
        """The values that the same bets on these draws leave: at all n together, they miss the mean with
        probability `level` at most.

        >>> low, high = BettingProcess(value=0.5, resolution=0.1).interval([0.0, 1.0] * 500, 0.05)
        >>> 0.4 < low < 0.5 < high < 0.6
        True
        """
        x = (np.asarray(draws, dtype=np.float64).ravel() - self.low) / (self.high - self.low)
        bets = replace(self, count=0, total=0.0, squares=FIRST)._bets(x)[2]
        enough = log(2 / level)  # a capital of 2/level, half of the stake, alone makes the e-value 1/level

        def left(mean: float, sign: int) -> float:
            return float(np.log1p(sign * bets * (x - mean)).sum()) - enough

        ends = [brentq(left, 0.0, 1.0, (s,)) if left(float(s < 0), s) > 0 else float(s < 0) for s in (1, -1)]
        low, high = (self.low + end * (self.high - self.low) for end in ends)
        return low, high

    def _means(self) -> Array:
        """The three claims, in units of the range."""
        means = np.array([self.value - self.resolution, self.value, self.value + self.resolution])
        return np.clip((means - self.low) / (self.high - self.low), 0.0, 1.0)

    def _bets(self, x: Array) -> tuple[Array, Array, Array]:
        """Running sums of the draws and of their squared deviations; the bet on each draw, from those before it."""
        i = self.count + np.arange(1, x.size + 1)
        totals = self.total + x.cumsum()
        squares = self.squares + np.square(x - (0.5 + totals) / (i + 1)).cumsum()
        variance = np.concatenate([[self.squares], squares[:-1]]) / i
        return totals, squares, np.minimum(LARGEST_BET, np.sqrt(2 * log(2 / self.aim) / (variance * i * np.log1p(i))))


def _triple(values: Array) -> tuple[float, float, float]:
    a, b, c = values.tolist()
    return a, b, c
