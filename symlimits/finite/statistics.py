"""The statistics of a certificate: stateless seeds, mergeable moments, the test of a mean.

Both error rates of a test are fixed in advance: `alpha` bounds false alarms, and `detectable`
says which discrepancy would be found with probability `POWER`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import copysign, inf, sqrt

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from symlimits.errors import DataError, DomainError

POWER = 0.95
CONTROL = 1.5  # a control of exactly the detectable size would be missed in 5 % of honest certificates
ROUNDING = 64 * float(np.finfo(np.float64).eps)  # a mean of many rounded terms is not known better than this


def seed(claim: str, size: int, chunk: int, root: int) -> np.random.Generator:
    """The generator of one chunk of draws: a function of its arguments, whoever runs the chunk and when.

    >>> bool(seed("relu", 32, 0, root=0).random() == seed("relu", 32, 0, root=0).random())
    True
    """
    words = np.frombuffer(sha256(claim.encode()).digest(), dtype="<u4").tolist()
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(root, spawn_key=(*words, size, chunk))))


@dataclass(frozen=True)
class Moments:
    """The count, mean and sum of squared deviations of a sample, and the shape of its tails.

    `skewness` and `kurtosis` are the mean cube and fourth power of standardised deviations (0 and 3 for
    a large Gaussian sample; 0 and 1, the least there are, where nothing fluctuates).
    """

    count: int
    mean: float
    m2: float
    skewness: float
    kurtosis: float

    @property
    def variance(self) -> float:
        """The unbiased sample variance; infinite (unknown) below two values."""
        return self.m2 / (self.count - 1) if self.count > 1 else inf

    @property
    def standard_error(self) -> float:
        """The standard error of the mean."""
        return sqrt(self.variance / self.count) if self.count else inf


EMPTY = Moments(0, 0.0, 0.0, 0.0, 1.0)


def moments(samples: npt.ArrayLike) -> Moments:
    """The moments of an array of draws.

    >>> moments([1.0, 3.0])
    Moments(count=2, mean=2.0, m2=2.0, skewness=0.0, kurtosis=1.0)
    """
    values = np.asarray(samples, dtype=np.float64).ravel()
    if values.size == 0:
        return EMPTY
    if not np.isfinite(values).all():
        raise DataError("draws that are not finite", "finite numbers", "an observable that exists at every size")
    # measured from the first value: a constant sample then has exactly zero variance
    shifted = values - values[0]
    centre = float(shifted.mean())
    deviations = shifted - centre
    m2 = float(np.square(deviations).sum())
    standard = deviations / (sqrt(m2) / sqrt(values.size)) if m2 else deviations
    cubes, fourths = float((standard**3).mean()), float((standard**4).mean()) if m2 else 1.0
    return Moments(values.size, float(values[0]) + centre, m2, cubes, fourths)


def merge(a: Moments, b: Moments) -> Moments:
    r"""The moments of two samples together (Chan, Golub and LeVeque 1979; Pébay 2008 for the third and fourth).

    With x and y the standard deviations of the parts and d the gap of their means, in units of that of the whole,
    and p, q their shares: $\gamma = p\gamma_a x^3 + q\gamma_b y^3 + pq\,d(d^2(p-q) + 3(y^2 - x^2))$, and so on:
    numbers of order one, whatever the scale of the draws.
    """
    if not (a.count and b.count):
        return a if a.count else b
    count = a.count + b.count
    gap = b.mean - a.mean
    m2 = a.m2 + b.m2 + gap**2 * a.count * b.count / count
    mean = a.mean + gap * b.count / count
    if not m2:
        return Moments(count, mean, m2, 0.0, 1.0)
    unit, p, q = sqrt(m2) / sqrt(count), a.count / count, b.count / count
    d, x, y = gap / unit, sqrt(a.m2 / m2 / p), sqrt(b.m2 / m2 / q)
    third_a, third_b = a.skewness * x**3, b.skewness * y**3
    skewness = p * third_a + q * third_b + p * q * d * (d**2 * (p - q) + 3 * (y**2 - x**2))
    kurtosis = p * a.kurtosis * x**4 + q * b.kurtosis * y**4 + 4 * p * q * d * (third_b - third_a)
    kurtosis += p * q * d**2 * (d**2 * (p * p - p * q + q * q) + 6 * (p * y**2 + q * x**2))
    return Moments(count, mean, m2, skewness, kurtosis)


@dataclass(frozen=True)
class Test:
    """Whether a claim agrees with draws: rejected true claims are rarer than `alpha`, and a claim that is wrong
    by `detectable`, in the units of the claim, is rejected with probability 0.95. Each test says what its statistic is.
    """

    __test__ = False  # not a test for pytest to collect

    statistic: float
    p_value: float
    alpha: float
    rejected: bool
    detectable: float


def mean_test(estimate: float, standard_error: float, value: float, alpha: float, dof: float = inf) -> Test:
    r"""Two-sided test of `value` against an unbiased Gaussian estimate, at false-alarm rate `alpha`.

    `dof` are the degrees of freedom of the standard error: infinite, it is known and the test normal; else the
    test is Student's. `detectable` is $(t_{1-\alpha/2} + z_{0.95}\sqrt{1 + t^2/(2\,dof)})$ standard errors. The
    standard error is never taken below the rounding error of the two numbers. One of exactly zero (an observable
    that does not fluctuate) leaves that alone: there, equality within rounding decides.

    >>> mean_test(1.0, 0.1, 1.1, alpha=1e-6).rejected, mean_test(1.0, 0.0, 1.1, alpha=1e-6).rejected
    (False, True)
    """
    if not (0 < alpha < 1 and 0 <= standard_error < inf and dof > 0 and np.isfinite([estimate, value]).all()):
        raise DomainError(
            f"estimate {estimate} ± {standard_error} ({dof} degrees of freedom), value {value}, alpha {alpha}",
            "finite numbers, a standard error of zero or more, positive degrees of freedom, alpha between 0 and 1",
            "alpha=1e-6",
        )
    error = max(standard_error, ROUNDING * max(abs(estimate), abs(value), float(standard_error == 0)))
    z = float((estimate - value) / error)
    normal = dof == inf
    critical = -float(ndtri(alpha / 2) if normal else stdtrit(dof, alpha / 2))
    p_value = 2 * float(ndtr(-abs(z)) if normal else stdtr(dof, -abs(z)))
    detectable = (critical + float(ndtri(POWER)) * sqrt(1 + critical**2 / (2 * dof))) * error
    return Test(z, p_value, alpha, abs(z) > critical, detectable)


def negative_control(estimate: float, standard_error: float, value: float, alpha: float, dof: float = inf) -> Test:
    """The test of a value made wrong on purpose, by 1.5 times `detectable`: it must be rejected.

    Upwards; a value that is rejected itself moves away from the estimate, since towards it the truth may lie.

    >>> negative_control(1.0, 0.1, 1.1, alpha=1e-6).rejected
    True
    """
    honest = mean_test(estimate, standard_error, value, alpha, dof)
    side = copysign(1.0, value - estimate) if honest.rejected else 1.0
    return mean_test(estimate, standard_error, value + side * CONTROL * honest.detectable, alpha, dof)


def degrees_of_freedom(counts: Sequence[int], shares: Sequence[float]) -> float:
    r"""Of the standard error of a sum of independent means: $1/\sum_i a_i^4/(n_i - 1)$, a the shares of that error.

    Infinite where nothing fluctuates. Source: Welch (1947), Satterthwaite (1946).

    >>> degrees_of_freedom([11], [1.0]), round(degrees_of_freedom([11, 11], [0.6, 0.8]), 3)
    (10.0, 18.546)
    """
    total = sum(share**4 / (count - 1) for count, share in zip(counts, shares, strict=True))
    return 1 / total if total else inf
