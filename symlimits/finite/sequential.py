r"""Run until decided: evidence that may be looked at after every draw.

A test that is repeated alarms too often: 100 looks at a z-test of rate 1 % alarm in 12 % of true claims. An e-process
E is nonnegative with mean at most 1 at every stopping time if the claim is true, so that
$P(\sup_n E_n \ge 1/\alpha) \le \alpha$ (Ville): one rejects at the first look with $E \ge 1/\alpha$.

A claim $E X = v$ is accepted when both $v - r$ and $v + r$, with r the resolution that the user asks for, are
rejected from within: a mean as far away as r is then accepted with probability `alpha` at most, and otherwise found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import exp, inf, log, log1p
from typing import Protocol, Self, TypeVar

import numpy.typing as npt

from symlimits.errors import DomainError
from symlimits.finite.statistics import CONTROL, EMPTY, ROUNDING, Moments, Test, merge, moments
from symlimits.finite.tails import require_light_tails

PRIOR = 30.0  # g: most sensitive to means of 1/sqrt(g) standard deviations
START = 30  # draws before the first look: the mean of fewer, from another law, may not be nearly Gaussian


class Process(Protocol):
    """The evidence about one claim, so far."""

    @property
    def count(self) -> int: ...

    def update(self, draws: npt.ArrayLike) -> Self: ...

    def test(self, alpha: float) -> Test: ...

    def accepted(self, alpha: float) -> bool: ...


P = TypeVar("P", bound=Process)


@dataclass(frozen=True)
class MeanProcess:
    r"""The e-process of $E X = v$ for Gaussian draws of any variance, and nearly so for others with light tails.

    The normal mixture, $E X - v \sim \sigma N(0, 1/g)$, with the variance integrated out: with n draws,
    $d = \bar x - v$ and S the sum of squared deviations from their mean,

    $E = \sqrt{\frac{g}{n+g}} \left(\frac{S + n d^2}{S + n d^2 g/(n+g)}\right)^{n/2}$.

    It holds at every n for Gaussian draws (Lai, Ann. Statist. 4, 1976; Wang and Ramdas, arXiv 2310.03722).

    >>> looked = MeanProcess(value=0.0, resolution=0.2).update([0.1, -1.2, 0.7, 0.3] * 100)
    >>> looked.test(0.01).rejected, looked.accepted(0.01)
    (False, True)
    """

    value: float
    resolution: float
    prior: float = PRIOR
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
        return bounded_exp(self._log_e(self.value))

    def update(self, draws: npt.ArrayLike) -> MeanProcess:
        """The state after more draws, and a look."""
        after = replace(self, moments=merge(self.moments, moments(draws)))
        return replace(after, log_peak=max(self.log_peak, after._log_e(self.value)))

    def test(self, alpha: float) -> Test:
        """The largest evidence of all looks; `detectable` is the resolution, once the claim is decided."""
        return evidence_test(self.log_peak, alpha, self.resolution)

    def accepted(self, alpha: float) -> bool:
        """Whether the claim stands, and means further away than the resolution are excluded."""
        inside = abs(self.moments.mean - self.value) < self.resolution
        ends = min(self._log_e(self.value - self.resolution), self._log_e(self.value + self.resolution))
        return not self.test(alpha).rejected and inside and ends >= -log(alpha)

    def control(self, alpha: float) -> Test:
        """The test, by the same draws, of a value that is wrong by 1.5 resolutions: to be rejected."""
        wrong = self.value + CONTROL * self.resolution
        return evidence_test(self._log_e(wrong), alpha, self.resolution)

    def _log_e(self, value: float) -> float:
        n, g = self.moments.count, self.prior
        if n < START:
            return 0.0
        rounding = ROUNDING * max(abs(self.moments.mean), abs(value))
        square = n * max(abs(self.moments.mean - value) - rounding, 0.0) ** 2
        rest = self.moments.m2 + square * g / (n + g)
        gain = log1p(square * n / (n + g) / rest) if rest else 0.0
        return n / 2 * gain - log1p(n / g) / 2


def run_until_decided(draw: Callable[[int], npt.ArrayLike], process: P, alpha: float, most: int) -> P:
    """Draw chunk after chunk, `draw(0)`, `draw(1)`, ..., and look after each, until the claim is decided.

    The process that comes back is rejected, accepted, or has `most` draws. Raises `DomainError` where the mean of
    unbounded draws has heavy tails.

    >>> from symlimits.finite.statistics import seed
    >>> chunks = lambda chunk: seed("normal", 1, chunk, 0).normal(size=100)
    >>> end = run_until_decided(chunks, MeanProcess(0.5, resolution=0.1), alpha=1e-6, most=10**6)
    >>> end.test(1e-6).rejected, end.count
    (True, 200)
    """
    chunk = 0
    while process.count < most and not (process.test(alpha).rejected or process.accepted(alpha)):
        before, process = process.count, process.update(draw(chunk))
        chunk += 1
        if process.count == before:
            raise DomainError(f"no draws in chunk {chunk - 1}", "one or more", "an array of draws")
    if isinstance(process, MeanProcess) and process.count >= START:
        require_light_tails(process.moments, alpha)
    return process


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
