r"""Claims about laws with heavy tails: characteristic functions and log-moments.

$\cos(t s)$ and $\sin(t s)$ are bounded by 1 whatever the tails of s, so that Hoeffding's bound holds at every n;
$\log|s|$ of a product of L Gaussians is a sum of L terms with all moments.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, sqrt

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, DomainError
from symlimits.finite.statistics import CONTROL, POWER, Test, mean_test, moments
from symlimits.finite.tails import require_light_tails

Complex = npt.NDArray[np.complex128]
CharacteristicFunction = Callable[[npt.NDArray[np.float64]], npt.ArrayLike]


def characteristic_test(draws: npt.ArrayLike, cf: CharacteristicFunction, points: npt.ArrayLike, alpha: float) -> Test:
    r"""Whether $E e^{i t\cdot s}$ is `cf(points)` at k points: draws (n,) with points (k,), or (n, P) with (k, P).

    The statistic is the largest of the 2k differences between $\frac1n\sum\cos(t s)$, $\frac1n\sum\sin(t s)$ and the
    real and imaginary parts claimed. Hoeffding and a union bound: p value $4k e^{-n D^2/2}$, rejected above
    $\sqrt{2\log(4k/\alpha)/n}$. A difference larger by $\sqrt{2\log(20)/n}$ is `detectable`.

    >>> s = np.prod(np.random.default_rng(0).standard_normal((2, 10_000)), axis=0)
    >>> t = np.array([0.5, 1.0, 2.0])
    >>> characteristic_test(s, lambda t: (1 + t**2) ** -0.5, t, 1e-6).rejected
    False
    >>> characteristic_test(s, lambda t: np.exp(-(t**2) / 2), t, 1e-6).rejected
    True
    """
    seen, claimed, n = _values(draws, cf, points)
    return _compare(seen, claimed, n, alpha)


def characteristic_control(
    draws: npt.ArrayLike, cf: CharacteristicFunction, points: npt.ArrayLike, alpha: float
) -> Test:
    """The test of values of which one is wrong by 1.5 times `detectable`, towards the inside: to be rejected."""
    seen, claimed, n = _values(draws, cf, points)
    wrong = claimed.copy()
    wrong[0] -= CONTROL * _compare(seen, claimed, n, alpha).detectable * (1 if claimed[0].real > 0 else -1)
    return _compare(seen, wrong, n, alpha)


def _compare(seen: Complex, claimed: Complex, n: int, alpha: float) -> Test:
    if not 0 < alpha < 1:
        raise DomainError(f"alpha = {alpha}", "a number between 0 and 1", "alpha=1e-6")
    gap = seen - claimed
    largest, functionals = float(max(np.abs(gap.real).max(), np.abs(gap.imag).max())), 2 * gap.size
    threshold = sqrt(2 * log(2 * functionals / alpha) / n)
    p_value = min(1.0, 2 * functionals * exp(-n * largest**2 / 2))
    return Test(largest, p_value, alpha, largest > threshold, threshold + sqrt(-2 * log(1 - POWER) / n))


def _values(draws: npt.ArrayLike, cf: CharacteristicFunction, points: npt.ArrayLike) -> tuple[Complex, Complex, int]:
    """Empirical and claimed values at the points, and the number of draws."""
    s, t = np.asarray(draws, dtype=np.float64), np.asarray(points, dtype=np.float64)
    if not (s.size and t.size and s.ndim == t.ndim and s.ndim in (1, 2) and s.shape[1:] == t.shape[1:]):
        raise DataError(
            f"draws {s.shape}, points {t.shape}", "(n,) and (k,), or (n, P) and (k, P)", "points of shape (k,)"
        )
    if not (np.isfinite(s).all() and np.isfinite(t).all()):
        raise DataError("draws or points that are not finite", "finite numbers", "np.isfinite to find them")
    claimed = np.asarray(cf(t), dtype=np.complex128)
    if claimed.shape != t.shape[:1] or not (np.abs(claimed) <= 1 + 1e-12).all():  # a few roundings beyond 1
        raise DataError(
            f"a characteristic function with values {claimed}", "one for each point, at most 1", "cf(0) = 1"
        )
    phases = np.multiply.outer(t, s) if s.ndim == 1 else t @ s.T
    return np.cos(phases).mean(axis=1) + 1j * np.sin(phases).mean(axis=1), claimed, len(s)


def log_moment_test(draws: npt.ArrayLike, value: float, alpha: float) -> Test:
    r"""Whether $E\log|s|$ is `value`: Student's test of a mean, in place of one for a high moment of s.

    Raises `DomainError` for a draw of exactly zero, whose logarithm is none, and where even $\log|s|$ has heavy tails.

    >>> s = np.prod(np.random.default_rng(0).standard_normal((6, 2000)), axis=0)
    >>> value = -3 * (np.euler_gamma + np.log(2))  # 6 times E log|g|
    >>> log_moment_test(s, value, 1e-6).rejected, log_moment_test(s, 0.8 * value, 1e-6).rejected
    (False, True)
    """
    s = np.asarray(draws, dtype=np.float64)
    if not s.all():
        zeros = int(np.count_nonzero(s == 0))
        raise DomainError(
            f"{zeros} draws that are zero", "draws that have a logarithm", "law_test, for a law with an atom"
        )
    logs = moments(np.log(np.abs(s)))
    require_light_tails(logs, alpha)
    return mean_test(logs.mean, logs.standard_error, value, alpha, logs.count - 1)
