r"""Run until decided: evidence that may be looked at after every draw.

A test that is repeated alarms too often: 100 looks at a z-test of rate 1 % alarm in 12 % of true claims. An e-process
E is nonnegative with mean at most 1 at every stopping time if the claim is true, so that
$P(\sup_n E_n \ge 1/\alpha) \le \alpha$ (Ville): one rejects at the first look with $E \ge 1/\alpha$.

A claim $E X = v$ is accepted when both $v - r$ and $v + r$, with r the resolution that the user asks for, are
rejected from within: a mean as far away as r is then accepted with probability `alpha` at most, and otherwise found.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import copysign, exp, expm1, inf, log, log1p, sqrt
from typing import Protocol, Self, TypeVar

import numpy.typing as npt

from symlimits.errors import DomainError
from symlimits.finite.statistics import CONTROL, EMPTY, ROUNDING, Moments, Test, merge, moments
from symlimits.finite.tails import refuse_heavy, trusted

PRIOR = 30.0  # g: most sensitive to means of 1/sqrt(g) standard deviations
START = 30  # draws before the first look: the mean of fewer, from another law, may not be nearly Gaussian
ENOUGH = 256  # draws to see heavy tails by: with so many they end a run


class Process(Protocol):
    """The evidence about one claim, so far."""

    @property
    def count(self) -> int: ...

    def update(self, draws: npt.ArrayLike) -> Self: ...

    def test(self, alpha: float) -> Test: ...

    def accepted(self, alpha: float) -> bool: ...

    def hopeless(self, alpha: float) -> bool: ...

    def check(self, alpha: float) -> None: ...

    def wrong(self, away: bool = False) -> Self: ...


P = TypeVar("P", bound=Process)


@dataclass(frozen=True)
class MeanProcess:
    r"""The e-process of $E X = v$ for Gaussian draws of any variance, and nearly so for others with light tails.

    The normal mixture, $E X - v \sim \sigma N(0, 1/g)$, with the variance integrated out: with n draws,
    $d = \bar x - v$ and S the sum of squared deviations from their mean,

    $E = \sqrt{\frac{g}{n+g}} \left(\frac{S + n d^2}{S + n d^2 g/(n+g)}\right)^{n/2}$.

    It holds at every n for Gaussian draws (Lai, Ann. Statist. 4, 1976; Wang and Ramdas, arXiv 2310.03722). Nothing is
    looked at before there are `least` draws.

    >>> looked = MeanProcess(value=0.0, resolution=0.2).update([0.1, -1.2, 0.7, 0.3] * 100)
    >>> looked.test(0.01).rejected, looked.accepted(0.01)
    (False, True)
    """

    value: float
    resolution: float
    prior: float = PRIOR
    least: int = START
    moments: Moments = EMPTY
    log_peak: float = 0.0

    def __post_init__(self) -> None:
        check_resolution(self.resolution)

    @property
    def count(self) -> int:
        """The number of draws."""
        return self.moments.count

    @property
    def e_value(self) -> float:
        """The evidence against the claim after all draws; infinite beyond the floats."""
        return bounded_exp(self.log_e)

    def update(self, draws: npt.ArrayLike) -> MeanProcess:
        """The state after more draws, and a look."""
        after = replace(self, moments=merge(self.moments, moments(draws)))
        return replace(after, log_peak=max(self.log_peak, after.log_e))

    def test(self, alpha: float) -> Test:
        """The largest evidence of all looks; `detectable` is the resolution, once the claim is decided."""
        return evidence_test(self.log_peak, alpha, self.resolution)

    def accepted(self, alpha: float) -> bool:
        """Whether the claim stands, and means further away than the resolution are excluded."""
        inside = abs(self.moments.mean - self.value) < self.resolution
        ends = min(self._log_e(self.value - self.resolution), self._log_e(self.value + self.resolution))
        return not self.test(alpha).rejected and inside and ends >= -log(alpha)

    def hopeless(self, alpha: float) -> bool:
        """Whether tails are seen that no number of draws will make light."""
        return self.count >= max(ENOUGH, self.least) and not trusted(self.moments, alpha).light

    def check(self, alpha: float) -> None:
        """Raise `HeavyTails`, a `DomainError`, where draws are not nearly Gaussian."""
        if self.count >= self.least:
            refuse_heavy(trusted(self.moments, alpha))

    def wrong(self, away: bool = False) -> MeanProcess:
        """No evidence yet about a value that is wrong by 1.5 resolutions: the same draws are to reject it.

        Upwards, or `away` from the estimate: where the value itself is rejected, the truth may lie on the way to it.
        """
        side = copysign(1.0, self.value - self.moments.mean) if away else 1.0
        return MeanProcess(self.value + side * CONTROL * self.resolution, self.resolution, self.prior, self.least)

    def interval(self, level: float) -> tuple[float, float]:
        r"""The values with $E < 1/level$: at all looks together, they miss the mean with probability `level` at most.

        With $k = (n/g + 1)^{1/n} level^{-2/n}$, half the width is $\sqrt{(k - 1) S/(n(1 - kg/(n+g)))}$.

        >>> low, high = MeanProcess(0.0, resolution=0.2).update([-1.0, 1.0] * 200).interval(0.05)
        >>> -0.17 < low < -0.13, 0.13 < high < 0.17
        (True, True)
        """
        n, g, mean = self.count, self.prior, self.moments.mean
        gain = expm1((log1p(n / g) - 2 * log(level)) / n) if n >= self.least else inf
        rest = 1 - (1 + gain) * g / (n + g)
        if not rest > 0:
            return -inf, inf
        half = sqrt(gain * self.moments.m2 / (n * rest)) + ROUNDING * abs(mean)
        return mean - half, mean + half

    @property
    def log_e(self) -> float:
        """The logarithm of `e_value`."""
        return self._log_e(self.value)

    def _log_e(self, value: float) -> float:
        n, g = self.moments.count, self.prior
        if n < self.least:
            return 0.0
        rounding = ROUNDING * max(abs(self.moments.mean), abs(value))
        square = n * max(abs(self.moments.mean - value) - rounding, 0.0) ** 2
        rest = self.moments.m2 + square * g / (n + g)
        gain = log1p(square * n / (n + g) / rest) if rest else 0.0
        return n / 2 * gain - log1p(n / g) / 2


def follow(process: P, chunks: Iterable[npt.ArrayLike], alpha: float, most: int) -> P:
    """Look after each chunk of draws, until they end or `is_over`. Raises `DomainError` for a chunk without draws.

    >>> end = follow(MeanProcess(0.0, resolution=0.1), [[1.0, 2.0] * 50] * 9, alpha=1e-6, most=10**6)
    >>> end.test(1e-6).rejected, end.count
    (True, 100)
    """
    waiting = enumerate(chunks)
    while not is_over(process, alpha, most) and (item := next(waiting, None)) is not None:
        before, process = process.count, process.update(item[1])
        if process.count == before:
            raise DomainError(f"no draws in chunk {item[0]}", "one or more", "an array of draws")
    return process


def is_over(process: Process, alpha: float, most: int) -> bool:
    """Whether the claim is rejected or accepted, the draws are `most`, or their tails too heavy for any decision."""
    decided = process.test(alpha).rejected or process.accepted(alpha)
    return process.count >= most or decided or process.hopeless(alpha)


def evidence_test(log_peak: float, alpha: float, resolution: float) -> Test:
    """The largest e-value of all looks as a test; its inverse is a p value at any time."""
    if not 0 < alpha < 1:
        raise DomainError(f"alpha = {alpha}", "a number between 0 and 1", "alpha=1e-6")
    return Test(bounded_exp(log_peak), exp(-max(log_peak, 0.0)), alpha, log_peak >= -log(alpha), resolution)


def bounded_exp(exponent: float) -> float:
    """The exponential, infinite beyond the floats."""
    return exp(exponent) if exponent < 709 else inf


def check_resolution(resolution: float) -> None:
    """Raise `DomainError` unless the discrepancy to exclude is positive."""
    if not 0 < resolution < inf:
        raise DomainError(f"resolution = {resolution}", "the discrepancy to exclude, positive", "resolution=0.01")
