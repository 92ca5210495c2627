"""Draws of an observable at several sizes, as moments, and the test of a limit against them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, sqrt
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from symlimits.certify.bias import Means, bias_details, bias_test
from symlimits.certify.certificate import STATISTICAL, UNDECIDED, Link
from symlimits.certify.resolution import in_words, too_few
from symlimits.errors import DataError, DomainError
from symlimits.finite.fits import at_least_rounding, extrapolate
from symlimits.finite.functional import Functional
from symlimits.finite.orders import OrderTest
from symlimits.finite.statistics import (
    CONTROL,
    POWER,
    ROUNDING,
    Moments,
    Test,
    degrees_of_freedom,
    mean_test,
    moments,
    negative_control,
)
from symlimits.finite.tails import refuse_heavy, trusted_sum
from symlimits.language.names import shown

ALPHA = 1e-6  # false alarms of one statistical link
LARGEST = 2**53  # of a size: a float holds it


@dataclass(frozen=True)
class Samples:
    """Draws of an observable at one size, as moments; those of a Gaussian unless skewness and kurtosis are given."""

    size: int
    mean: float
    standard_error: float
    count: int
    skewness: float = 0.0
    kurtosis: float = 3.0
    residuals: tuple[float, ...] = ()  # the means of chunks of draws, standardised

    @classmethod
    def of(cls, size: int, whole: Moments, chunks: Sequence[Moments] = ()) -> Samples:
        """From the moments of all draws, and of the chunks they came in."""
        spread = sqrt(whole.variance)
        several = chunks if len(chunks) > 1 and 0 < spread < inf else ()
        residuals = [(chunk.mean - whole.mean) * sqrt(chunk.count) / spread for chunk in several]
        return cls(
            size, whole.mean, whole.standard_error, whole.count, whole.skewness, whole.kurtosis, tuple(residuals)
        )


def summarize(samples: Mapping[int, Any], functionals: Sequence[Functional] = (Functional(),)) -> list[list[Samples]]:
    """The author's own draws, an array for each size, as moments of each functional."""
    if not isinstance(samples, Mapping):
        raise DataError(f"samples of type {type(samples).__name__}", "a dictionary", "{64: draws, 256: draws}")
    arrays = dict(sorted((_draws(*item) for item in samples.items()), key=itemgetter(0)))
    return [[Samples.of(size, moments(asked(array))) for size, array in arrays.items()] for asked in functionals]


def _draws(size: Any, draws: Any) -> tuple[int, npt.NDArray[np.float64]]:
    try:
        number, array = int(size), np.asarray(draws, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"samples at size {shown(size)}", "an integer size and numbers", "{64: draws}") from None
    if (str(number) != str(size) and number != size) or not 1 <= number < LARGEST:
        raise DataError(f"samples at size {shown(size)}", "a positive integer size", "{64: draws}")
    if array.ndim != 1 or array.size < 8:
        raise DataError(f"samples of shape {array.shape} at size {size}", "8 or more numbers", "one draw a net")
    if not np.isfinite(array).all():
        given = f"samples at size {size} of which {np.count_nonzero(~np.isfinite(array))} are NaN or infinite"
        raise DataError(given, "finite numbers", "np.isfinite to find them")
    return number, array


def check_several(sizes: Sequence[Any]) -> None:
    """Raise `DomainError` for a single size, at which no limit is tested."""
    if len(sizes) < 2:
        raise DomainError(f"samples at {len(sizes)} sizes", "at least 2 (3 are better)", "sizes=(32, 128, 512)")


def check_samples(
    value: float,
    samples: Sequence[Samples],
    order: float,
    alpha: float = ALPHA,
    kind: str = "mean",
    value_error: float = 0.0,
) -> Link:
    """Means at several sizes, extrapolated with c0 + c1/N^order + c2/N^(2 order), against the limit.

    With order 0 the claim is exact at every size, and the means are taken together. Elsewhere, from three sizes on, the
    order of the bias is tested too, and each test has half of `alpha`, unless both are of one sum of the means.

    The means are those of the draws, or with the kind "log" those of the logarithms of their absolute values.
    A value that is sampled itself has an error: what is tested is the number within it that is nearest to the means,
    and as much more has to be off to be detected. What draws are too few for is undecided, and not passed: its details
    have a "verdict". Raises `DomainError`, before the claim is looked at, where tails are too heavy for a normal test.
    """
    check_several(samples)
    sizes, means, errors = zip(*((s.size, s.mean, s.standard_error) for s in samples), strict=True)
    fit = extrapolate(sizes, means, _scales(samples, order, kind), order or 1, None if order else 0)
    parts = np.array(fit.weights) * at_least_rounding(np.array(means), np.array(errors))
    standard_error = float(np.linalg.norm(parts))
    shares = (parts / standard_error).tolist()
    tails = trusted_sum(samples, shares, alpha)
    refuse_heavy(tails)
    counts = [s.count for s in samples]
    dof = degrees_of_freedom(counts, shares)
    seen = Means(sizes, means, errors, counts)
    claimed = min(max(fit.limit, value - value_error), value + value_error)
    found, bias, share = _bias_tested(claimed, seen, samples, order, alpha, shares)
    test = mean_test(fit.limit, standard_error, claimed, share, dof)
    control = negative_control(fit.limit, standard_error, claimed, share, dof)
    detectable = test.detectable + value_error
    details = _means(kind, value, fit.limit, standard_error, order, alpha)
    details |= {
        "test": "normal" if dof == inf else "Student",
        "degrees of freedom": dof if isfinite(dof) else None,
        "interval 95 %": _interval(fit.limit, standard_error, dof),
        "p value": _of_all([test] if share == alpha or bias is None else [test, bias.test]),
        "detectable": detectable,
        "control rejected": control.rejected and (bias is None or bias.control.rejected),
        "control size": CONTROL * detectable,
        "control p value": control.p_value,
        "tails": tails.reason,
        "bias": bias_details(found, order, bias is not None and _agrees_with(order / 2, claimed, samples, share)),
        "coefficients": list(fit.coefficients),
        "residuals": sorted(residual for s in samples for residual in s.residuals),
        "sizes": stored(samples),
    }
    if value_error:
        details["value error"] = value_error
    passed = details["p value"] > alpha and details["control rejected"]
    if passed and too_few(value, value_error, detectable, samples, alpha):
        passed, details["verdict"] = False, UNDECIDED  # what is undecided is not shown
    return Link("simulation", passed, in_words(details, test.statistic), details, STATISTICAL)


def _bias_tested(
    claimed: float, seen: Means, samples: Sequence[Samples], order: float, alpha: float, shares: Sequence[float]
) -> tuple[OrderTest | str, OrderTest | None, float]:
    """The test of the order at half of `alpha`, or why there is none; that at the share each test has; and the share.

    The share is all of `alpha` where the limit, of which `shares` are the parts of the error, is tested alone, or by
    the same sum of the means.
    """
    found = bias_test(claimed, seen, samples, order, alpha / 2)
    if isinstance(found, str):
        return found, None, alpha
    share = alpha if _same_sum(found.shares, shares) else alpha / 2
    bias = bias_test(claimed, seen, samples, order, share)
    return found, None if isinstance(bias, str) else bias, share


def _same_sum(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two sums of means are one, up to a factor, as those of limit and order are at three sizes."""
    return bool(1 - abs(np.dot(one, other)) < 1e3 * ROUNDING)  # least squares lose a few digits


def _scales(samples: Sequence[Samples], order: float, kind: str) -> list[float]:
    """Errors to weigh by, of numbers fixed beforehand: weights that draws had a say in would lean to small spreads.

    The means that are exact at every size are averages over the units of a network.
    """
    return [(s.count * (1 if order or kind != "mean" else s.size)) ** -0.5 for s in samples]


def _means(
    kind: str, value: float, estimate: float, standard_error: float, order: float, alpha: float
) -> dict[str, Any]:
    """What was claimed, and what the means give for it."""
    return {
        "kind": kind,
        "value": value,
        "estimate": estimate,
        "standard error": standard_error,
        "order": order,
        "alpha": alpha,
        "power": POWER,
    }


def _interval(estimate: float, standard_error: float, dof: float) -> list[float]:
    """Of 95 %, by Student's law."""
    half = standard_error * float(stdtrit(min(dof, 1e6), 1 - (1 - POWER) / 2))
    return [estimate - half, estimate + half]


def stored(samples: Sequence[Samples]) -> dict[str, list[float]]:
    """Samples as a certificate keeps them, by size."""
    return {str(s.size): [s.mean, s.standard_error, s.count, s.skewness, s.kurtosis] for s in samples}


def _agrees_with(order: float, value: float, samples: Sequence[Samples], alpha: float) -> bool:
    """Whether the limit stands if the bias is of another order."""
    counts = [s.count for s in samples]
    fit = extrapolate([s.size for s in samples], [s.mean for s in samples], [count**-0.5 for count in counts], order)
    parts = np.array(fit.weights) * np.array([s.standard_error for s in samples])
    error = float(np.linalg.norm(parts))
    dof = degrees_of_freedom(counts, (parts / error).tolist()) if error else inf
    return not mean_test(fit.limit, error, value, alpha, dof).rejected


def _of_all(tests: Sequence[Test]) -> float:
    """The p value of a claim that all of the tests are about (Bonferroni)."""
    return min(1.0, len(tests) * min(test.p_value for test in tests))
