r"""The order of a bias and the exponent of convergence, from means at several sizes.

Both ask whether values at several sizes need a term that the claim has not: a contrast of them, a sum with weights
that no claimed term moves, is zero if they do not. It is one sum of independent means, so that Student's law with the
degrees of freedom of its standard error is its own, as it is of a limit; chi-square would take errors for known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from symlimits.errors import DomainError
from symlimits.finite.fits import at_least_rounding, check_means, least_squares
from symlimits.finite.statistics import POWER, Test, degrees_of_freedom, mean_test, negative_control

Array = npt.NDArray[np.float64]
LARGEST_ERROR = 0.2  # of a value whose logarithm is fitted: the logarithm is then biased by a tenth of its error


@dataclass(frozen=True)
class OrderTest:
    """`test` is about the claimed order, `control` its negative control; `alternatives` are other orders, p values.

    `verdict`: "refuted" when the claimed order does not fit; "confirmed" when it fits and no alternative does;
    "undecided" when both fit: the draws are too few to tell them apart. `shares` are those of the means in the
    standard error, with signs, for `tails.trusted_sum`.
    """

    order: float
    test: Test
    control: Test
    alternatives: tuple[tuple[float, float], ...]
    verdict: str
    shares: tuple[float, ...]


def order_test(
    sizes: Sequence[int],
    means: npt.ArrayLike,
    standard_errors: npt.ArrayLike,
    value: float,
    order: float,
    alpha: float,
    alternatives: Sequence[float] = (),
    corrections: int = 1,
    counts: Sequence[int] = (),
) -> OrderTest:
    r"""Whether means at sizes N differ from the limit `value` by $N^{-order}(c_0 + c_1/N + \dots)$, c free.

    The test asks for an additional bias $b N^{-a}$, a the first alternative (by default half the order and twice the
    order), beyond `corrections` terms after the first: $b = 0$ if the claim is true. `detectable` is the least b that
    is found with probability 0.95. An alternative order fits if nothing of the claimed one is needed beside it.
    With `counts`, the numbers of draws, they alone decide the weights, and the test is Student's; without them the
    errors are taken for known.

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
    scales = np.asarray(counts, dtype=np.float64) ** -0.5 if len(counts) else at_least_rounding(y, errors)
    means_of = Means(y - value, at_least_rounding(y, errors), scales, tuple(counts))

    def needed(claimed: float, beside: float) -> tuple[Test, Test, Array]:
        """Whether the order `beside` is needed where `claimed` is claimed."""
        weights = order_contrast(sizes, scales, claimed, beside, corrections)
        return _is_zero(means_of, weights * float(min(sizes)) ** beside, alpha)

    test, control, shares = needed(order, others[0])
    # an order with the claimed one among its corrections needs nothing beside
    within = [any(order == other + k for k in range(corrections + 1)) for other in others]
    p_values = [1.0 if i else needed(o, order)[0].p_value for o, i in zip(others, within, strict=True)]
    verdict = "refuted" if test.rejected else "confirmed" if all(p < alpha for p in p_values) else "undecided"
    return OrderTest(order, test, control, tuple(zip(others, p_values, strict=True)), verdict, tuple(shares.tolist()))


def order_contrast(
    sizes: Sequence[int], scales: npt.ArrayLike, order: float, beside: float, corrections: int = 1
) -> Array:
    r"""Weights of means for the b of a bias $b (N/N_{min})^{-beside}$ beside $N^{-order}(c_0 + c_1/N + \dots)$.

    The best ones for errors in proportion to `scales`; b is the additional bias at the smallest size.

    >>> weights = order_contrast([1, 4, 16], [1, 1, 1], order=1, beside=0.5, corrections=0)
    >>> bool(abs(weights @ [1, 1 / 4, 1 / 16]) < 1e-15), round(float(weights @ [1, 1 / 2, 1 / 4]), 12)
    (True, 1.0)
    """
    n = np.asarray(sizes, dtype=np.float64) / min(sizes)
    claimed = n[:, None] ** -(order + np.arange(corrections + 1))
    return contrast(claimed, n**-beside, np.asarray(scales, dtype=np.float64))


def contrast(claimed: Array, term: Array, scales: Array) -> Array:
    """Weights for the coefficient of one more `term` beside the `claimed` ones, columns, by least squares."""
    return least_squares(np.column_stack([term, claimed]), term, scales).weights[0]


@dataclass(frozen=True)
class Means:
    """What a contrast is taken of: values and their errors, what weights went by, and numbers of draws if known."""

    values: Array
    errors: Array
    scales: Array
    counts: tuple[int, ...]


def _is_zero(means: Means, weights: Array, alpha: float) -> tuple[Test, Test, Array]:
    """The test that a sum of means is zero, its control, and the shares of the means in its error."""
    error, dof, shares = _error(means, weights)
    estimate = float(weights @ means.values)
    return mean_test(estimate, error, 0.0, alpha, dof), negative_control(estimate, error, 0.0, alpha, dof), shares


def _error(means: Means, weights: Array) -> tuple[float, float, Array]:
    """The standard error of a sum of means, its degrees of freedom, and the shares of the means in it."""
    parts = weights * means.errors
    error = float(np.linalg.norm(parts))
    dof = degrees_of_freedom(means.counts, (parts / error).tolist()) if means.counts else inf
    return error, dof, parts / error


@dataclass(frozen=True)
class ExponentFit:
    """The slope of log|value| against log N, with its error; `line` has the intercept first, then the slope.

    `lack` tests that the power law fits at all (None where sizes are too few to tell): that no further term is needed.
    `shares` are those of the values in the error of the slope, with signs, and `lack_shares` those in that of `lack`.
    """

    exponent: float
    standard_error: float
    dof: float
    line: tuple[float, float, float]
    shares: tuple[float, ...]
    estimate_of_lack: tuple[float, float, float] | None = None
    lack_shares: tuple[float, ...] = ()

    @property
    def p_value(self) -> float:
        """Whether the power law fits at all: of the term that it should not need."""
        return 1.0 if self.estimate_of_lack is None else self.lack(POWER).p_value

    def lack(self, alpha: float) -> Test:
        """The test that no further term is needed."""
        estimate, error, dof = self.estimate_of_lack or (0.0, inf, inf)
        return mean_test(estimate, error, 0.0, alpha, dof)

    def interval(self, alpha: float) -> tuple[float, float]:
        """The exponents that a test at level `alpha` does not reject."""
        quantile = ndtri(alpha / 2) if self.dof == inf else stdtrit(self.dof, alpha / 2)
        half = -float(quantile) * self.standard_error
        return self.exponent - half, self.exponent + half

    def test(self, claimed: float, alpha: float) -> Test:
        """Student's test of an exponent; `statistics.negative_control` takes the same numbers."""
        return mean_test(self.exponent, self.standard_error, claimed, alpha, self.dof)

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
    counts: Sequence[int] = (),
) -> ExponentFit:
    r"""The exponent s of values $A N^{s}(1 + b N^{-correction} + \dots)$: a weighted fit of logarithms.

    The terms are $\log A + s\log N + bN^{-correction}$. Without correction (None), and with sizes below `smallest`
    left out, it is the plain slope, sharper and biased by what it neglects. Errors of logarithms are those of the
    values, divided by them; raises `DomainError` where they exceed a fifth, or where values differ in sign. With
    `counts`, the numbers of draws, they alone decide the weights and errors have Student's law; without, errors
    are known. One size more than terms tells whether a term $N^{-correction/2}$ (without correction: $N^{-1}$) is
    needed beside.

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
    drawn = tuple(np.asarray(counts)[kept].tolist()) if len(counts) else ()
    scales = np.asarray(drawn, dtype=np.float64) ** -0.5 if drawn else errors / np.abs(y)
    logs = Means(np.log(np.abs(y)), errors / np.abs(y), scales, drawn)
    fit = least_squares(design, logs.values, scales)
    coefficients = fit.coefficients.tolist() + [0.0] * (3 - terms)
    error, dof, shares = _error(logs, fit.weights[1])
    found = ExponentFit(coefficients[1], error, dof, tuple(coefficients), tuple(shares.tolist()))
    if n.size == terms or np.unique(n).size == terms:
        return found
    weights = contrast(design, scaled ** -(correction / 2 if correction else 1.0), scales)
    error, dof, shares = _error(logs, weights)
    return replace(
        found, estimate_of_lack=(float(weights @ logs.values), error, dof), lack_shares=tuple(shares.tolist())
    )
