r"""How a positive quantity of a network scales with its size: the slope of its logarithm, from few networks a size.

The mean of log s over networks is fitted by $\log A + e \log N$ with weights by the counts, not by variances, which few
networks do not tell; the error of e is that of the means, with the degrees of freedom of Welch (1947).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from symlimits.errors import DataError
from symlimits.finite.fits import least_squares
from symlimits.finite.statistics import ROUNDING, Test, degrees_of_freedom, mean_test, moments

Array = npt.NDArray[np.float64]
LEAST_SIZES, LEAST_DRAWS = 3, 2


@dataclass(frozen=True)
class Slope:
    """The exponent e with its standard error and degrees of freedom, and at each size the mean log and its error."""

    exponent: float
    standard_error: float
    dof: float
    intercept: float
    points: tuple[tuple[int, float, float], ...]

    def interval(self, alpha: float) -> tuple[float, float]:
        """The exponents that a test at level `alpha` does not reject (Student)."""
        half = -float(stdtrit(self.dof, alpha / 2)) * self.standard_error
        return self.exponent - half, self.exponent + half

    def test(self, low: float, high: float, alpha: float) -> Test:
        """Of the claim that e lies in [low, high]: the test of the point of it that is nearest to the measured e."""
        nearest = min(max(self.exponent, low), high)
        return mean_test(self.exponent, self.standard_error, nearest, alpha, self.dof)


def slope(samples: Mapping[int, npt.ArrayLike], name: str = "the quantity") -> Slope:
    """The slope of log s against log N, for `samples` {N: one positive number a network}.

    Raises `DataError` with less than three sizes, two networks of a size, or with numbers that are not positive.

    >>> noise = np.array([0.9, 1.0, 1.1])
    >>> found = slope({n: 3 * n**-0.5 * noise for n in (64, 128, 256, 512)})
    >>> round(found.exponent, 12), found.test(-0.6, -0.4, alpha=1e-3).rejected, found.test(0.4, 0.6, 1e-3).rejected
    (-0.5, False, True)
    """
    checked = {int(size): _positive(draws, size, name) for size, draws in sorted(samples.items())}
    if len(checked) < LEAST_SIZES or min(checked) < 1:
        given = f"{name} at the sizes {', '.join(map(str, checked)) or 'none'}"
        raise DataError(given, f"{LEAST_SIZES} positive sizes or more", "widths such as 64, 128, 256, 512")
    sums = [moments(np.log(draws)) for draws in checked.values()]
    counts = [found.count for found in sums]
    means = np.array([found.mean for found in sums])
    errors = np.maximum([found.standard_error for found in sums], ROUNDING * (1 + np.abs(means)))
    logs = np.log(np.array(list(checked), dtype=np.float64))
    design = np.stack([np.ones_like(logs), logs - logs.mean()], axis=1)
    fit = least_squares(design, means, np.array(counts) ** -0.5)
    parts = fit.weights[1] * errors
    error = sqrt(float(parts @ parts))
    dof = degrees_of_freedom(counts, [float(part) / error for part in parts])
    level = float(fit.coefficients[0] - fit.coefficients[1] * logs.mean())
    points = tuple(zip(checked, means.tolist(), errors.tolist(), strict=True))
    return Slope(float(fit.coefficients[1]), error, dof, level, points)


def _positive(draws: npt.ArrayLike, size: int, name: str) -> Array:
    try:
        values = np.asarray(draws, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.array(np.nan)
    if values.ndim != 1 or len(values) < LEAST_DRAWS:
        given = f"{name} at width {size} as an array of shape {values.shape}"
        raise DataError(
            given, f"one number a network, {LEAST_DRAWS} networks or more", "[network(seed) for seed in ...]"
        )
    if not (np.isfinite(values).all() and (values > 0).all()):
        given = f"{name} at width {size} with the value {values[~(values > 0) | ~np.isfinite(values)][0]}"
        raise DataError(given, "sizes that are positive and finite", "leaving it out: what is zero has no exponent")
    return values
