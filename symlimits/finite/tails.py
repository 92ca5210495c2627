r"""Whether the test of a mean may be trusted, decided from the draws before the claim is looked at.

Two numbers are asked of an estimate that adds independent means with shares $a_i$ of its standard error
(one mean: $a = 1$), both of which merged chunks know:

- its skewness $g = \sum_i a_i^3 \gamma_i/\sqrt{n_i}$. Tails of Student's ratio lean by it:
  $P(T > x)/P(Z > x) \approx e^{-x^3 g/3}$, and $e^{x^3 g/3}$ below (Q. Wang, Electron. J. Probab. 10, 2005), so that
  two-sided false alarms are $\cosh(x^3 g/3)$ times as frequent as $\alpha$.
- the relative variance $v = \sum_i a_i^4 (\kappa_i - 1)/n_i$ of its squared standard error. It is about the squared
  share of the largest draw in the sum of squares, or more, and does not tend to 0 where $E X^2 = \infty$.

Both are forgiven what a Gaussian sample shows by chance. Measured with squares of products of L Gaussians, whose mean
is 1, n = 2000 and alpha = 0.01: L = 6 alarms falsely in 18 % of samples and is refused in all; alarms that are not
refused are at most 1.3 % of samples, for L from 1 to 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import acosh, cosh
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from symlimits.errors import DomainError
from symlimits.finite.statistics import ROUNDING, Moments, moments

ALARMS = 1.5  # times alpha: predicted false alarms beyond this are refused; skewness is known no better than that
SPREAD = 0.05  # relative variance of the squared standard error: the error itself is then known to 11 %
CHANCE = 5.0  # standard errors of skewness and kurtosis that a Gaussian sample is forgiven
ADVICE = "kind='cf' (characteristic function) or kind='cdf' for the law, kind='log' for a log-moment"


class Shape(Protocol):
    """What is asked of a sample, or of `Moments`."""

    @property
    def count(self) -> int: ...

    @property
    def skewness(self) -> float: ...

    @property
    def kurtosis(self) -> float: ...


@dataclass(frozen=True)
class Tails:
    """Whether a z-test is trusted (`light`), and why: `alarms` is its false-alarm rate over alpha, `spread` is v."""

    light: bool
    alarms: float
    spread: float
    reason: str


def trusted(sample: npt.ArrayLike | Moments, alpha: float = 1e-6) -> Tails:
    """The verdict on a z-test, at false-alarm rate `alpha`, of the mean of draws or of their merged moments.

    >>> rng = np.random.default_rng(0)
    >>> trusted(rng.standard_normal(2000)).light
    True
    >>> trusted(np.prod(rng.standard_normal((6, 2000)), axis=0) ** 2).light
    False
    """
    part = sample if isinstance(sample, Moments) else moments(sample)
    floor = ROUNDING * abs(part.mean)  # below it a draw is as constant as rounding allows
    share = part.standard_error / max(part.standard_error, floor) if part.m2 else 0.0
    return trusted_sum([part], [share], alpha)


def trusted_sum(parts: Sequence[Shape], shares: Sequence[float], alpha: float = 1e-6) -> Tails:
    """The same of a sum of independent means: `shares` are weight times standard error, over that of the sum."""
    if not 0 < alpha < 1 or len(parts) != len(shares) or any(part.count < 2 for part in parts):
        raise DomainError(
            f"{len(parts)} samples of {[part.count for part in parts]} draws, {len(shares)} shares, alpha = {alpha}",
            "two draws or more in each, a share for each, alpha between 0 and 1",
            "trusted(draws)",
        )
    a, n = np.asarray(shares, dtype=np.float64), np.array([float(part.count) for part in parts])
    skewness = abs(a**3 @ (np.array([part.skewness for part in parts]) / np.sqrt(n)))
    spread = float(a**4 @ ((np.array([part.kurtosis for part in parts]) - 1) / n))
    lean = -(float(ndtri(alpha / 2)) ** 3) / 3
    alarms = _cosh(abs(lean) * max(0.0, float(skewness) - CHANCE * float(np.sqrt(a**6 @ (6 / n**2)))))
    excess = spread - CHANCE * float(np.sqrt(a**8 @ (24 / n**3)))
    return Tails(alarms <= ALARMS and excess <= SPREAD, alarms, spread, _reason(alarms, excess, spread))


class HeavyTails(DomainError):
    """A mean that no normal test may be trusted with."""


def refuse_heavy(tails: Tails) -> None:
    """Raise `HeavyTails` for a verdict that is not `light`."""
    if not tails.light:
        raise HeavyTails(
            f"a z-test of a mean with heavy tails: {tails.reason}",
            "draws of which no few make the mean",
            f"{ADVICE}; or more draws",
        )


def _cosh(exponent: float) -> float:
    return cosh(min(exponent, acosh(1e300)))


def _reason(alarms: float, excess: float, spread: float) -> str:
    if alarms > ALARMS:
        return f"its skewness makes false alarms {alarms:.2g} times as frequent as alpha"
    if excess > SPREAD:
        return f"a few draws make the variance: it is known to {100 * spread**0.5:.0f} % only"
    return f"false alarms at most {alarms:.2f} times alpha, the variance known to {100 * spread**0.5:.0f} %"
