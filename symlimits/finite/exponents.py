r"""The exponent of convergence: the slope of logarithms of values at several sizes.

With $x = bN^{-k}$ the fitted terms are $\log A + s\log N + x$. What they neglect is of second order: $-x^2/2$ where
values grow like $AN^s(1 + x)$, nothing where they grow like $AN^se^x$, $x^2/2$ for $AN^s/(1 - x)$. All terms of that
size are allowed for: tests and intervals give way by what they can shift the exponent, with a bound of |b| that fails
in a part of the false alarms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import copysign, inf, sqrt

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from symlimits.errors import DomainError
from symlimits.finite.fits import at_least_rounding, check_means, least_squares
from symlimits.finite.orders import Array, Means, contrast, error_of_sum
from symlimits.finite.statistics import CONTROL, Test, mean_test

LARGEST_ERROR = 0.2  # of a value whose logarithm is fitted: the logarithm is then biased by a tenth of its error
BOUND = 0.05  # the part of the false alarms that goes to the bound of |b|


@dataclass(frozen=True)
class Coefficient:
    """A sum of logarithms: its error, with `dof` degrees of freedom, and the shares of the values in it, with signs.

    `second` is what a neglected term of size one at the smallest size adds to it.
    """

    estimate: float
    error: float
    dof: float
    shares: tuple[float, ...]
    second: float

    def reach(self, alpha: float) -> float:
        """How far the coefficient may be from its estimate; further with probability `alpha` at most."""
        return -self.error * float(ndtri(alpha / 2) if self.dof == inf else stdtrit(self.dof, alpha / 2))

    def test(self, claimed: float, alpha: float, neglected: float, lost: float) -> Test:
        """Of the nearest value that neglected terms of that size may have shifted the claimed one to."""
        slack = abs(self.second) * neglected
        nearest = claimed + min(max(self.estimate - claimed, -slack), slack)
        found = mean_test(self.estimate, self.error, nearest, alpha - lost, self.dof)
        return replace(
            found, alpha=alpha, p_value=min(1.0, found.p_value + lost), detectable=found.detectable + 2 * slack
        )


@dataclass(frozen=True)
class ExponentFit:
    """The slope of log|value| against log N, and the coefficient of the correction; `line` has the intercept first.

    `further` is that of a term more, zero if the power law fits; None where sizes are too few to tell.
    """

    slope: Coefficient
    correction: Coefficient | None
    further: Coefficient | None
    line: tuple[float, float, float]

    @property
    def exponent(self) -> float:
        """The slope."""
        return self.slope.estimate

    @property
    def standard_error(self) -> float:
        """That of the slope."""
        return self.slope.error

    def neglected(self, alpha: float) -> float:
        """Half the square of the correction at the smallest size; larger with probability `alpha` at most.

        What is neglected shifts the correction too: |b| is at most its bound t and a shift of $gb^2/2$. That has
        solutions for $2gt < 1$; beyond, where the correction is no small one, |b| is taken for 2t.
        """
        if self.correction is None:
            return 0.0
        seen = abs(self.correction.estimate) + self.correction.reach(alpha)
        largest = 2 * seen / (1 + sqrt(max(0.0, 1 - 2 * abs(self.correction.second) * seen)))
        return largest**2 / 2

    def interval(self, alpha: float) -> tuple[float, float]:
        """The exponents that a test at level `alpha` does not reject."""
        lost = self._lost(alpha)
        half = self.slope.reach(alpha - lost) + abs(self.slope.second) * self.neglected(lost)
        return self.exponent - half, self.exponent + half

    def test(self, claimed: float, alpha: float) -> Test:
        """Student's test of an exponent."""
        lost = self._lost(alpha)
        return self.slope.test(claimed, alpha, self.neglected(lost), lost)

    def control(self, claimed: float, alpha: float) -> Test:
        """The test of an exponent made wrong on purpose, as `statistics.negative_control`."""
        honest = self.test(claimed, alpha)
        side = copysign(1.0, claimed - self.exponent) if honest.rejected else 1.0
        return self.test(claimed + side * CONTROL * honest.detectable, alpha)

    def lack(self, alpha: float) -> Test | None:
        """The test that no further term is needed."""
        lost = self._lost(alpha)
        return None if self.further is None else self.further.test(0.0, alpha, self.neglected(lost), lost)

    def within(self, low: float, high: float, alpha: float) -> str:
        """ "confirmed" if the interval lies in [low, high], "refuted" if it lies outside, else "undecided"."""
        left, right = self.interval(alpha)
        if right < low or left > high:
            return "refuted"
        return "confirmed" if low <= left and right <= high else "undecided"

    def _lost(self, alpha: float) -> float:
        return 0.0 if self.correction is None else BOUND * alpha


def exponent_fit(
    sizes: Sequence[int],
    values: npt.ArrayLike,
    standard_errors: npt.ArrayLike,
    correction: float | None = 1.0,
    smallest: int = 0,
    counts: Sequence[int] = (),
) -> ExponentFit:
    r"""The exponent s of values $A N^{s}(1 + b N^{-correction} + \dots)$: a weighted fit of logarithms.

    The terms are $\log A + s\log N + bN^{-correction}$; second-order ones, up to half the square of the last, are
    allowed for. Without correction (None), and with sizes below `smallest` left out, it is the plain slope, sharper
    and biased by what it neglects. Errors of logarithms are those of the values, divided by them; raises `DomainError`
    where they exceed a fifth, or where values differ in sign. With `counts`, the numbers of draws, they alone decide
    the weights and errors have Student's law; without, errors are known. One size more than terms tells whether a
    term $N^{-correction/2}$ (without correction: $N^{-1}$) is needed beside.

    >>> sizes = [16, 32, 64, 128]
    >>> fit = exponent_fit(sizes, [n**-0.5 * (1 + 0.2 / n) for n in sizes], [1e-4] * 4)
    >>> round(fit.exponent, 3), fit.within(-0.56, -0.44, alpha=1e-6)
    (-0.5, 'confirmed')
    """
    y, errors = np.asarray(values, dtype=np.float64), np.asarray(standard_errors, dtype=np.float64)
    check_means(sizes, y, errors)
    n = np.asarray(sizes, dtype=np.float64)
    kept = n >= smallest
    n, y, errors = n[kept], y[kept], at_least_rounding(y, errors)[kept]
    terms = 2 if correction is None else 3
    different = np.unique(n).size
    if different < terms or (correction is not None and correction <= 0):
        given = f"{different} sizes, correction {correction}"
        raise DomainError(given, f"{terms} sizes or more, a positive correction", "sizes=(16, 32, 64, 128)")
    if abs(np.sign(y).sum()) < y.size or (errors > LARGEST_ERROR * np.abs(y)).any():
        given = f"values {y.tolist()} with errors {errors.tolist()}"
        raise DomainError(given, "values of one sign, known to a fifth", "more draws, or smaller sizes")
    drawn = tuple(np.asarray(counts)[kept].tolist()) if len(counts) else ()
    scales = np.asarray(drawn, dtype=np.float64) ** -0.5 if drawn else errors / np.abs(y)
    return _fit(n / n.min(), Means(np.log(np.abs(y)), errors / np.abs(y), scales, drawn), correction, different > terms)


def _fit(scaled: Array, logs: Means, correction: float | None, told: bool) -> ExponentFit:
    """Of logarithms at sizes over the smallest one."""
    columns = [np.ones_like(scaled), np.log(scaled)]
    columns += [] if correction is None else [scaled**-correction]
    design, second = np.stack(columns, axis=1), scaled ** -(2 * (correction or 0.0))

    def coefficient(weights: Array) -> Coefficient:
        error, dof, shares = error_of_sum(logs, weights)
        return Coefficient(float(weights @ logs.values), error, dof, tuple(shares.tolist()), float(weights @ second))

    fit = least_squares(design, logs.values, logs.scales)
    beside = scaled ** -(correction / 2 if correction else 1.0)
    intercept, slope, *last = fit.coefficients.tolist()
    return ExponentFit(
        slope=coefficient(fit.weights[1]),
        correction=None if correction is None else coefficient(fit.weights[2]),
        further=coefficient(contrast(design, beside, logs.scales)) if told else None,
        line=(intercept, slope, last[0] if last else 0.0),
    )
