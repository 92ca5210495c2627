"""The statistics of a certificate: stateless seeds, mergeable moments, extrapolation, tests.

Both error rates of a test are fixed in advance: `alpha` bounds false alarms, and `detectable`
says which discrepancy would be found with probability `POWER`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import inf, sqrt

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

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
    """The count, the mean and the sum of squared deviations of a sample."""

    count: int
    mean: float
    m2: float

    @property
    def variance(self) -> float:
        """The unbiased sample variance; infinite (unknown) below two values."""
        return self.m2 / (self.count - 1) if self.count > 1 else inf

    @property
    def standard_error(self) -> float:
        """The standard error of the mean."""
        return sqrt(self.variance / self.count) if self.count else inf


def moments(samples: npt.ArrayLike) -> Moments:
    """The moments of an array of draws.

    >>> moments([1.0, 2.0, 3.0])
    Moments(count=3, mean=2.0, m2=2.0)
    """
    values = np.asarray(samples, dtype=np.float64).ravel()
    if values.size == 0:
        return Moments(0, 0.0, 0.0)
    if not np.isfinite(values).all():
        raise DataError("draws that are not finite", "finite numbers", "an observable that exists at every size")
    # measured from the first value: a constant sample then has exactly zero variance
    shifted = values - values[0]
    centre = float(shifted.mean())
    return Moments(values.size, float(values[0]) + centre, float(np.square(shifted - centre).sum()))


def merge(a: Moments, b: Moments) -> Moments:
    """The moments of two samples together (Chan, Golub and LeVeque 1979)."""
    if not (a.count and b.count):
        return a if a.count else b
    count = a.count + b.count
    gap = b.mean - a.mean
    return Moments(count, a.mean + gap * b.count / count, a.m2 + b.m2 + gap**2 * a.count * b.count / count)


@dataclass(frozen=True)
class Fit:
    """`limit` is `coefficients[0]`; `chi_square` has `dof` degrees of freedom if the model holds."""

    limit: float
    standard_error: float
    coefficients: tuple[float, ...]
    chi_square: float
    dof: int


def extrapolate(
    sizes: Sequence[int],
    means: npt.ArrayLike,
    standard_errors: npt.ArrayLike,
    order: float,
    degree: int | None = None,
) -> Fit:
    r"""The limit of means at several sizes: weighted least squares for $c_0 + c_1 N^{-order} + c_2 N^{-2 order}$.

    `degree` is the highest power of $N^{-order}$: by default 2, or fewer with fewer than 3 sizes.
    No standard error is taken below the rounding error of the largest mean.

    >>> round(extrapolate([10, 20, 40], [1.1, 1.05, 1.025], [0.01, 0.01, 0.01], order=1, degree=1).limit, 12)
    1.0
    """
    y, errors = np.asarray(means, dtype=np.float64), np.asarray(standard_errors, dtype=np.float64)
    degree = min(2, len(sizes) - 1) if degree is None else degree
    _check_fit(sizes, y, errors, order, degree)
    errors = np.maximum(errors, ROUNDING * (float(max(np.abs(y).max(), errors.max())) or 1.0))
    smallest = min(sizes)  # powers of N_min/N, of order one, keep the problem well conditioned
    design = np.power.outer((smallest / np.asarray(sizes, dtype=np.float64)) ** order, np.arange(degree + 1))
    q, r = np.linalg.qr(design / errors[:, None])
    coefficients = np.linalg.solve(r, q.T @ (y / errors))
    residual = (y - design @ coefficients) / errors
    scale = float(smallest) ** (order * np.arange(degree + 1))
    return Fit(
        limit=float(coefficients[0]),
        standard_error=float(np.linalg.norm(np.linalg.inv(r)[0])),
        coefficients=tuple((coefficients * scale).tolist()),
        chi_square=float(residual @ residual),
        dof=len(sizes) - degree - 1,
    )


def _check_fit(
    sizes: Sequence[int], means: npt.NDArray[np.float64], errors: npt.NDArray[np.float64], order: float, degree: int
) -> None:
    if means.shape != (len(sizes),) or errors.shape != means.shape:
        raise DataError(f"{means.shape} means, {errors.shape} errors", f"one for each of {len(sizes)} sizes", "lists")
    if not (np.isfinite(means).all() and np.isfinite(errors).all() and (errors >= 0).all()):
        raise DataError("means or errors that are not finite", "finite numbers", "two draws or more at each size")
    if not (order > 0 and min(sizes) > 0 and 0 <= degree < len(set(sizes))):
        raise DomainError(
            f"sizes {tuple(sizes)}, order {order}, degree {degree}",
            "positive sizes and order, and more sizes than the degree",
            "sizes=(32, 128, 512), order=1",
        )


@dataclass(frozen=True)
class Test:
    """Whether a value agrees with an estimate; `detectable` is found with probability 0.95."""

    __test__ = False  # not a test for pytest to collect

    z: float
    p_value: float
    alpha: float
    rejected: bool
    detectable: float
    degenerate: bool = False


def mean_test(estimate: float, standard_error: float, value: float, alpha: float) -> Test:
    r"""Two-sided normal test of `value` against an unbiased estimate, at false-alarm rate `alpha`.

    `detectable` is $(z_{1-\alpha/2} + z_{0.95})$ standard errors. The standard error is never taken
    below the rounding error of the two numbers. A standard error of exactly zero (an observable that
    does not fluctuate) is `degenerate`: there, equality within rounding decides.

    >>> mean_test(1.0, 0.1, 1.1, alpha=1e-6).rejected, mean_test(1.0, 0.0, 1.1, alpha=1e-6).rejected
    (False, True)
    """
    if not (0 < alpha < 1 and 0 <= standard_error < inf and np.isfinite([estimate, value]).all()):
        raise DomainError(
            f"estimate {estimate} ± {standard_error}, value {value}, alpha {alpha}",
            "finite numbers, a standard error of zero or more, alpha between 0 and 1",
            "alpha=1e-6",
        )
    degenerate = standard_error == 0
    error = max(standard_error, ROUNDING * max(abs(estimate), abs(value), float(degenerate)))
    z = (estimate - value) / error
    critical = -float(ndtri(alpha / 2))
    detectable = (critical + float(ndtri(POWER))) * error
    return Test(z, 2 * float(ndtr(-abs(z))), alpha, abs(z) > critical, detectable, degenerate)


def negative_control(estimate: float, standard_error: float, value: float, alpha: float) -> Test:
    """The test of a value made wrong on purpose, by 1.5 times `detectable`: it must be rejected.

    >>> negative_control(1.0, 0.1, 1.1, alpha=1e-6).rejected
    True
    """
    honest = mean_test(estimate, standard_error, value, alpha)
    return mean_test(estimate, standard_error, value + CONTROL * honest.detectable, alpha)
