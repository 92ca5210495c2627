r"""The order of a bias and the exponent of convergence, from means at several sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, chdtri, chndtrinc, ndtri

from symlimits.errors import DomainError
from symlimits.finite.fits import LeastSquares, at_least_rounding, check_means, least_squares
from symlimits.finite.statistics import CONTROL, POWER, Test, mean_test

Array = npt.NDArray[np.float64]
LARGEST_ERROR = 0.2  # of a value whose logarithm is fitted: the logarithm is then biased by a tenth of its error


@dataclass(frozen=True)
class OrderTest:
    """`test` is about the claimed order; `alternatives` are other orders with their p values.

    `verdict`: "refuted" when the claimed order does not fit; "confirmed" when it fits and no alternative does;
    "undecided" when both fit: the draws are too few to tell them apart.
    """

    order: float
    test: Test
    alternatives: tuple[tuple[float, float], ...]
    verdict: str


def order_test(
    sizes: Sequence[int],
    means: npt.ArrayLike,
    standard_errors: npt.ArrayLike,
    value: float,
    order: float,
    alpha: float,
    alternatives: Sequence[float] = (),
    corrections: int = 1,
) -> OrderTest:
    r"""Whether means at sizes N differ from the limit `value` by $N^{-order}(c_0 + c_1/N + \dots)$, c free.

    Chi-square of the fit with `corrections` terms beyond the first, against that of alternatives (by default half
    and twice the order). `detectable` is the least b for which an additional bias $b N^{-a}$, a the first
    alternative, is found with probability 0.95 (noncentral chi-square).

    >>> sizes = [16, 32, 64, 128]
    >>> means = [1 + 3 / n for n in sizes]
    >>> order_test(sizes, means, [1e-3] * 4, value=1, order=1, alpha=1e-6).verdict
    'confirmed'
    >>> order_test(sizes, means, [1e-3] * 4, value=1, order=0.5, alpha=1e-6).verdict
    'refuted'
    >>> order_test(sizes, means, [0.1] * 4, value=1, order=1, alpha=1e-6).verdict
    'undecided'
    """
    y, errors = np.asarray(means, dtype=np.float64), np.asarray(standard_errors, dtype=np.float64)
    check_means(sizes, y, errors)
    others = tuple(map(float, alternatives)) or (order / 2, 2 * order)
    if not (min(order, *others) > 0 and 0 < alpha < 1 and 0 <= corrections < len(set(sizes)) - 1):
        raise DomainError(
            f"orders {(order, *others)}, alpha {alpha}, {corrections} corrections at {len(set(sizes))} sizes",
            "positive orders, alpha between 0 and 1, two sizes more than corrections",
            "sizes=(16, 32, 64, 128), corrections=1",
        )
    errors = at_least_rounding(y, errors)
    claimed = _bias_fit(sizes, y - value, errors, order, corrections)
    p_values = tuple(_p_value(_bias_fit(sizes, y - value, errors, other, corrections)) for other in others)
    critical = float(chdtri(claimed.dof, alpha))
    lack = _bias_fit(sizes, np.asarray(sizes, dtype=np.float64) ** -others[0], errors, order, corrections).chi_square
    detectable = sqrt(float(chndtrinc(critical, claimed.dof, 1 - POWER)) / lack)
    test = Test(claimed.chi_square, _p_value(claimed), alpha, claimed.chi_square > critical, detectable)
    told_apart = all(p < alpha for p in p_values)
    verdict = "refuted" if test.rejected else "confirmed" if told_apart else "undecided"
    return OrderTest(order, test, tuple(zip(others, p_values, strict=True)), verdict)


def order_control(
    sizes: Sequence[int],
    means: npt.ArrayLike,
    standard_errors: npt.ArrayLike,
    value: float,
    order: float,
    alpha: float,
    alternatives: Sequence[float] = (),
    corrections: int = 1,
) -> OrderTest:
    """The test of means with a bias of the first alternative order added, 1.5 times `detectable`: to be refuted."""
    honest = order_test(sizes, means, standard_errors, value, order, alpha, alternatives, corrections)
    bias = CONTROL * honest.test.detectable * np.asarray(sizes, dtype=np.float64) ** -honest.alternatives[0][0]
    wrong = np.asarray(means, dtype=np.float64) + bias
    return order_test(sizes, wrong, standard_errors, value, order, alpha, alternatives, corrections)


def _bias_fit(sizes: Sequence[int], bias: Array, errors: Array, order: float, corrections: int) -> LeastSquares:
    n = np.asarray(sizes, dtype=np.float64) / min(sizes)
    return least_squares(n[:, None] ** -(order + np.arange(corrections + 1)), bias, errors)


def _p_value(fit: LeastSquares) -> float:
    return float(chdtrc(fit.dof, fit.chi_square))


@dataclass(frozen=True)
class ExponentFit:
    """The slope of log|value| against log N, with its error; `p_value` tells whether the power law fits at all."""

    exponent: float
    standard_error: float
    chi_square: float
    dof: int
    p_value: float

    def interval(self, alpha: float) -> tuple[float, float]:
        """The exponents that a test at level `alpha` does not reject: normal, since the errors are known."""
        half = -float(ndtri(alpha / 2)) * self.standard_error
        return self.exponent - half, self.exponent + half

    def test(self, claimed: float, alpha: float) -> Test:
        """The normal test of an exponent; `statistics.negative_control` takes the same numbers."""
        return mean_test(self.exponent, self.standard_error, claimed, alpha)

    def within(self, low: float, high: float, alpha: float) -> str:
        """ "confirmed" if the interval lies in [low, high], "refuted" if it lies outside, else "undecided"."""
        left, right = self.interval(alpha)
        if right < low or left > high:
            return "refuted"
        return "confirmed" if low <= left and right <= high else "undecided"


def exponent_fit(
    sizes: Sequence[int],
    values: npt.ArrayLike,
    standard_errors: npt.ArrayLike,
    correction: float | None = 1.0,
    smallest: int = 0,
) -> ExponentFit:
    r"""The exponent s of values $A N^{s}(1 + b N^{-correction} + \dots)$: a weighted fit of logarithms.

    The terms are $\log A + s\log N + bN^{-correction}$. Without correction (None), and with sizes below `smallest`
    left out, it is the plain slope, sharper and biased by what it neglects. Errors of logarithms are those of the
    values, divided by them; raises `DomainError` where they exceed a fifth, or where values differ in sign.

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
    if np.unique(n).size < terms or (correction is not None and correction <= 0):
        given = f"{np.unique(n).size} sizes, correction {correction}"
        raise DomainError(given, f"{terms} sizes or more, a positive correction", "sizes=(16, 32, 64, 128)")
    if abs(np.sign(y).sum()) < y.size or (errors > LARGEST_ERROR * np.abs(y)).any():
        given = f"values {y.tolist()} with errors {errors.tolist()}"
        raise DomainError(given, "values of one sign, known to a fifth", "more draws, or smaller sizes")
    scaled = n / n.min()
    design = np.stack([np.ones_like(n), np.log(scaled), scaled ** -(correction or 0.0)][:terms], axis=1)
    fit = least_squares(design, np.log(np.abs(y)), errors / np.abs(y))
    p_value = _p_value(fit) if fit.dof else 1.0
    return ExponentFit(float(fit.coefficients[1]), float(fit.standard_errors[1]), fit.chi_square, fit.dof, p_value)
