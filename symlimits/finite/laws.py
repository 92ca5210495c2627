r"""Whether draws follow a law: the largest distance of distribution functions, with bounds exact at every n.

A sample has $P(\sup_x |F_n(x) - F(x)| > \epsilon) \le 2 e^{-2n\epsilon^2}$ for every law F, atoms or not (Dvoretzky,
Kiefer and Wolfowitz 1956; the constant: Massart, Ann. Probab. 18, 1990). Nothing is asked of its tails.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, lgamma, log, sqrt

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, DomainError
from symlimits.finite.statistics import CONTROL, POWER, ROUNDING, Test

Array = npt.NDArray[np.float64]
Law = Callable[[Array], npt.ArrayLike]


def law_test(draws: npt.ArrayLike, cdf: Law, alpha: float) -> Test:
    r"""Whether draws have the distribution function `cdf`, an array function; its left limits are found beside.

    The statistic is $D = \sup|F_n - F|$, rejected above $\epsilon = \sqrt{\log(2/\alpha)/(2n)}$; the p value is
    $2e^{-2nD^2}$. `detectable` is the distance $\epsilon + \sqrt{\log 20/(2n)}$: at the place where the laws are as
    far apart as that, $F_n$ stays within the second term of its mean with probability 0.95 (Hoeffding).

    >>> u = np.random.default_rng(0).random(1000)
    >>> uniform = lambda x: np.clip(x, 0, 1)
    >>> law_test(u, uniform, 1e-6).rejected, law_test(u**2, uniform, 1e-6).rejected
    (False, True)
    """
    values = _draws(draws, alpha)
    distance, n = _distance(values, cdf), values.size
    threshold = sqrt(log(2 / alpha) / (2 * n))
    p_value = min(1.0, 2 * exp(-2 * n * distance**2))
    detectable = threshold + sqrt(-log(1 - POWER) / (2 * n))
    return Test(distance, p_value, alpha, distance > threshold, detectable)


def law_control(draws: npt.ArrayLike, cdf: Law, alpha: float) -> Test:
    r"""The test of a law at the distance 1.5 times `detectable` from the claimed one: it must be rejected.

    The wrong law is $(1 - w)F + w 1[x \ge a]$ with an atom at the median draw a, at the distance
    $w \max(F(a^-), 1 - F(a))$ from F. Raises `DomainError` when the draws are too few for so large a distance.
    """
    median = np.sort(_draws(draws, alpha))[np.asarray(draws).size // 2 :][:1]
    distance = CONTROL * law_test(draws, cdf, alpha).detectable
    weight = distance / max(float(_left(cdf, median)[0]), 1 - float(np.asarray(cdf(median))[0]))
    if weight > 1:
        raise _too_few(distance)
    return law_test(draws, lambda x: (1 - weight) * np.asarray(cdf(x)) + weight * (x >= median), alpha)


def samples_test(first: npt.ArrayLike, second: npt.ArrayLike, alpha: float) -> Test:
    r"""Whether two samples of n draws each have one law: the Kolmogorov-Smirnov test with its exact distribution.

    The statistic is $D = \sup|F_n - G_n|$, with
    $P(D \ge k/n) = 2\sum_{i \ge 1} (-1)^{i-1} \binom{2n}{n - ik}/\binom{2n}{n}$ for continuous laws (Gnedenko and
    Korolyuk 1951), and less for laws with atoms. `detectable` adds $\sqrt{\log 20/n}$ to the threshold (Hoeffding).

    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.standard_normal((2, 1000))
    >>> samples_test(x, y, 1e-6).rejected, samples_test(x, y + 0.5, 1e-6).rejected
    (False, True)
    """
    a, b = np.sort(_draws(first, alpha)), np.sort(_draws(second, alpha))
    if a.size != b.size:
        raise DataError(f"samples of {a.size} and {b.size} draws", "equally many", f"the first {min(a.size, b.size)}")
    both, n = np.concatenate([a, b]), a.size
    steps = int(np.abs(np.searchsorted(a, both, "right") - np.searchsorted(b, both, "right")).max())
    critical = _critical_steps(n, alpha)
    detectable = critical / n + sqrt(-log(1 - POWER) / n)
    return Test(steps / n, _exceedance(steps, n), alpha, steps >= critical, detectable)


def samples_control(first: npt.ArrayLike, second: npt.ArrayLike, alpha: float) -> Test:
    """The test with a fraction of the second sample, 1.5 times `detectable`, put beyond all draws: to be rejected."""
    honest = samples_test(first, second, alpha)
    wrong = np.array(second, dtype=np.float64)
    if CONTROL * honest.detectable > 1:
        raise _too_few(CONTROL * honest.detectable)
    wrong[: round(CONTROL * honest.detectable * wrong.size)] = max(np.max(first), np.max(second)) + 1
    return samples_test(first, wrong, alpha)


def _distance(values: Array, cdf: Law) -> float:
    """The largest gap, which lies at a draw or just before one."""
    x, counts = np.unique(values, return_counts=True)
    after = np.cumsum(counts) / values.size
    here, before = np.asarray(cdf(x), dtype=np.float64), _left(cdf, x)
    if here.shape != x.shape or not _rises(np.stack([before, here], axis=1).ravel()):
        given = "a cdf that does not rise from 0 to 1"
        raise DataError(given, "a distribution function of arrays", "scipy.special.ndtr")
    return float(max(np.abs(after - here).max(), np.abs(after - counts / values.size - before).max()))


def _rises(values: Array) -> bool:
    """Whether these are values of a distribution function, within the roundings that its program may make."""
    return bool((np.diff(values, prepend=0.0, append=1.0) >= -ROUNDING).all())


def _left(cdf: Law, x: Array) -> Array:
    return np.asarray(cdf(np.nextafter(x, -np.inf)), dtype=np.float64)


def _exceedance(steps: int, n: int) -> float:
    """P(D >= steps/n)."""
    if steps == 0:
        return 1.0
    middle = 2 * lgamma(n + 1)
    terms = [middle - lgamma(n - i * steps + 1) - lgamma(n + i * steps + 1) for i in range(1, n // steps + 1)]
    return min(1.0, max(0.0, 2 * sum((-1) ** i * exp(term) for i, term in enumerate(terms))))


def _critical_steps(n: int, alpha: float) -> int:
    """The least k with P(D >= k/n) <= alpha; n + 1, which is never reached, when there is none."""
    low, high = 0, n + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _exceedance(middle, n) <= alpha else (middle, high)
    return high


def _draws(draws: npt.ArrayLike, alpha: float) -> Array:
    values = np.asarray(draws, dtype=np.float64)
    if values.ndim != 1 or not values.size or np.isnan(values).any():
        raise DataError(f"draws of shape {values.shape}", "a one-dimensional array of numbers", "one draw a network")
    if not 0 < alpha < 1:
        raise DomainError(f"alpha = {alpha}", "a number between 0 and 1", "alpha=1e-6")
    return values


def _too_few(distance: float) -> DomainError:
    return DomainError(f"draws so few that a wrong law would need the distance {distance:.2g}", "less", "more draws")
