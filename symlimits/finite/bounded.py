r"""Means of bounded draws, with bounds that hold at every number of draws and know the variance.

For a sum S of independent terms, each at most `reach` from its mean, $P(S - ES \ge x) \le e^{-x^2/(2(V + Rx/3))}$
with V the variance of S (Bernstein; Boucheron, Lugosi and Massart, Concentration Inequalities, 2.10): beside
Hoeffding's bound, which takes V for the largest that there is, it costs a few percent where that is so, and it wins
the ratio of standard deviations elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, inf, log, sqrt

from scipy.special import bdtr, bdtrc, betaincinv


def bernstein_tail(distance: float, variance: float, reach: float) -> float:
    """A bound of the probability that a sum exceeds its mean by `distance`.

    >>> bernstein_tail(0.0, 1.0, 0.1), round(bernstein_tail(3.0, 1.0, 0.0), 6)
    (1.0, 0.011109)
    """
    scale = variance + reach * distance / 3
    return exp(-(distance**2) / (2 * scale)) if distance > 0 and scale > 0 else float(distance <= 0)


def bernstein_quantile(variance: float, reach: float, level: float) -> float:
    """The distance at which that bound is `level`.

    >>> round(bernstein_tail(bernstein_quantile(0.5, 0.1, 1e-6), 0.5, 0.1) / 1e-6, 9)
    1.0
    """
    part = -reach * log(level) / 3
    return part + sqrt(part**2 - 2 * variance * log(level))


def largest_variance(seen: float, count: int, width: float, level: float) -> float:
    r"""A variance that the true one exceeds with probability `level` at most, by the unbiased sample variance.

    $\sigma \le s + w\sqrt{2\log(1/\delta)/(n - 1)}$ for draws in an interval of length w, and $\sigma \le w/2$ always.
    Source: Maurer and Pontil (2009), theorem 10; Popoviciu.

    >>> largest_variance(0.25, 100, 1.0, 1e-6), largest_variance(0.0, 10**6, 1.0, 1e-6) < 1e-4
    (0.25, True)
    """
    spread = sqrt(seen) + width * sqrt(-2 * log(level) / (count - 1)) if count > 1 else width
    return min(spread, width / 2) ** 2


def binomial_p_value(successes: int, count: int, probability: float) -> float:
    """Of a number of successes, two-sided: twice the smaller tail, exact.

    >>> round(binomial_p_value(0, 10, 0.5) * 2**9, 9), binomial_p_value(5, 10, 0.5)
    (1.0, 1.0)
    """
    below = float(bdtr(successes, count, probability))
    above = float(bdtrc(successes - 1, count, probability)) if successes else 1.0
    return min(1.0, 2 * min(below, above))


def binomial_interval(successes: int, count: int, level: float) -> tuple[float, float]:
    """The probabilities that `binomial_p_value` does not reject at `level` (Clopper and Pearson 1934).

    >>> tuple(round(end, 4) for end in binomial_interval(5, 10, 0.05))
    (0.1871, 0.8129)
    """
    low = float(betaincinv(successes, count - successes + 1, level / 2)) if successes else 0.0
    high = float(betaincinv(successes + 1, count - successes, 1 - level / 2)) if successes < count else 1.0
    return low, high


def binomial_detectable(count: int, probability: float, level: float, power: float) -> float:
    """The least difference of a probability from the claimed one, upwards and downwards, that is found with `power`.

    Found means a p value of `level` at most. Where one way is none (1 is the largest probability there is), the other
    alone counts; infinite where neither is.

    >>> round(binomial_detectable(1000, 0.5, 0.05, 0.95), 4)
    0.0574
    """
    most = _first(count, lambda k: 2 * float(bdtrc(k - 1, count, probability)) <= level if k else False)
    least = count - _first(count, lambda k: 2 * float(bdtr(count - k, count, probability)) <= level)
    ways = []
    if most <= count:
        ways.append(float(betaincinv(most, count - most + 1, power)) - probability)
    if least >= 0:
        ways.append(probability - float(betaincinv(least + 1, count - least, 1 - power)) if least < count else 0.0)
    return max(ways, default=inf)


def _first(count: int, holds: Callable[[int], bool]) -> int:
    """The least number of successes from which on it holds; count + 1 if there is none."""
    low, high = -1, count + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
