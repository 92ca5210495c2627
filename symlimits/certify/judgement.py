"""What a claim asks of its draws, by its kind, and the test of all that is asked."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, sqrt
from typing import Any, NamedTuple

from symlimits.certify.certificate import STATISTICAL, Link
from symlimits.certify.samples import ALPHA, Samples, check_samples
from symlimits.errors import DomainError
from symlimits.finite.fits import extrapolate
from symlimits.finite.functional import WIDTHS, Functional
from symlimits.finite.multiple import holm
from symlimits.finite.orders import ExponentFit, exponent_fit
from symlimits.finite.statistics import CONTROL, POWER, negative_control
from symlimits.finite.tails import refuse_heavy, trusted_sum


class Question(NamedTuple):
    """A functional of the draws, and the limit that its mean is claimed to have."""

    functional: Functional
    value: float


def judge(
    questions: Sequence[Question], samples: Sequence[Sequence[Samples]], order: float, alpha: float = ALPHA
) -> Link:
    r"""Samples of every functional, at every size, against the claim; `alpha` bounds the false alarms of all.

    A mean or log-moment is extrapolated in $N^{-order}$, or taken over all sizes where the claim is exact at each
    (order 0). So are the functionals of a law ("cf", "cdf"), which are bounded: their test holds at every number of
    draws, whatever the tails. An exponent is the slope of logarithms.
    """
    kind = questions[0].functional.kind
    if kind == "exponent":
        return _exponent(questions[0].value, samples[0], alpha)
    if kind in WIDTHS:
        return _law(questions, samples, order, alpha)
    return check_samples(questions[0].value, samples[0], order, alpha)


def _law(questions: Sequence[Question], samples: Sequence[Sequence[Samples]], order: float, alpha: float) -> Link:
    """The largest distance over the functionals, in the limit, or at each size with Holm's step-down over them."""
    columns = list(zip(*samples, strict=True))
    estimates = [_extrapolated(columns, order)] if order else [_at_one_size(column) for column in columns]
    tests = [_distance(questions, estimate, alpha / len(estimates), exact=not order) for estimate in estimates]
    table = holm([test["p value"] for test in tests], alpha)
    controls, least = all(test["control rejected"] for test in tests), min(test["detectable"] for test in tests)
    details = {
        "kind": questions[0].functional.kind,
        "order": order,
        "alpha": alpha,
        "points": [q.functional.at for q in questions],
        "values": [q.value for q in questions],
        "sizes": {str(c[0].size): {"count": c[0].count, "means": [sample.mean for sample in c]} for c in columns},
        "tests": tests,
        "p value": min(table.adjusted),
        "power": POWER,
        "detectable": least,
        "control rejected": controls,
        "control size": CONTROL * least,
    }
    where = "in the limit" if order else f"at {len(columns)} sizes"
    summary = f"law at {len(questions)} points {where}, p value {details['p value']:.2g}; "
    passed = not any(table.rejected) and controls
    return Link("simulation", passed, summary + _tail(details), details, STATISTICAL)


class Estimate(NamedTuple):
    """Means of the functionals, each a sum of draws with weights: `spread` is the sum of squares of the weights."""

    size: str
    means: list[float]
    spread: float


def _at_one_size(column: Sequence[Samples]) -> Estimate:
    return Estimate(str(column[0].size), [sample.mean for sample in column], 1 / column[0].count)


def _extrapolated(columns: Sequence[Sequence[Samples]], order: float) -> Estimate:
    """By weights that the numbers of draws alone decide: no draw has a say in how much it counts."""
    sizes, counts = [column[0].size for column in columns], [column[0].count for column in columns]
    errors = [count**-0.5 for count in counts]
    rows = zip(*([sample.mean for sample in column] for column in columns), strict=True)
    fits = [extrapolate(sizes, row, errors, order) for row in rows]
    spread = sum(weight**2 / count for weight, count in zip(fits[0].weights, counts, strict=True))
    return Estimate("limit", [fit.limit for fit in fits], spread)


def _distance(questions: Sequence[Question], estimate: Estimate, share: float, exact: bool) -> dict[str, Any]:
    """The largest distance, its p value by Hoeffding (Massart for a cdf at one size), and a control."""
    kind = questions[0].functional.kind
    union = 1 if kind == "cdf" and exact else len(questions)  # Massart's bound is for all points at once
    scale = WIDTHS[kind] * sqrt(estimate.spread / 2)  # P(distance > x scale) <= 2 exp(-x^2)
    distance = max(abs(mean - q.value) for mean, q in zip(estimate.means, questions, strict=True))
    threshold = scale * sqrt(log(2 * union / share))
    detectable = threshold + scale * sqrt(-log(1 - POWER))
    if CONTROL * detectable > WIDTHS[kind] / 2:
        given = f"draws so few that the law is known to {detectable:.2g} only"
        raise DomainError(given, f"{WIDTHS[kind] / 2 / CONTROL:.2g} or less", "more draws a call, or fewer sizes")
    middle = 1 - WIDTHS[kind] / 2  # the control moves one value towards it
    wrong = questions[0].value + CONTROL * detectable * (-1 if questions[0].value > middle else 1)
    return {
        "size": estimate.size,
        "means": estimate.means,
        "distance": distance,
        "p value": min(1.0, 2 * union * exp(-((distance / scale) ** 2))),
        "detectable": detectable,
        "control rejected": abs(estimate.means[0] - wrong) > threshold,
    }


def _exponent(claimed: float, samples: Sequence[Samples], alpha: float) -> Link:
    """The slope of the logarithm of the mean size of the draws."""
    sizes, means, errors = zip(*((s.size, s.mean, s.standard_error) for s in samples), strict=True)
    for sample in samples:
        refuse_heavy(trusted_sum([sample], [1.0], alpha))
    fit: ExponentFit = exponent_fit(sizes, means, errors)
    test = fit.test(claimed, alpha)
    control = negative_control(fit.exponent, fit.standard_error, claimed, alpha)
    low, high = fit.interval(1 - POWER)
    details = {
        "kind": "exponent",
        "value": claimed,
        "estimate": fit.exponent,
        "standard error": fit.standard_error,
        "interval 95 %": [low, high],
        "alpha": alpha,
        "p value": test.p_value,
        "power": POWER,
        "detectable": test.detectable,
        "control rejected": control.rejected,
        "control size": CONTROL * test.detectable,
        "fit p value": fit.p_value,
        "sizes": {str(s.size): [s.mean, s.standard_error, s.count, s.skewness, s.kurtosis] for s in samples},
    }
    passed = not test.rejected and control.rejected
    summary = f"exponent {claimed:.4g}, nets give {fit.exponent:.4g} in [{low:.4g}, {high:.4g}]; "
    return Link("simulation", passed, summary + _tail(details), details, STATISTICAL)


def _tail(details: dict[str, Any]) -> str:
    outcome = "rejected" if details["control rejected"] else "NOT REJECTED"
    return f"would detect {details['detectable']:.2g}; control {outcome}"


def check_kind(kind: object, kinds: Sequence[str]) -> None:
    """Raise `DomainError` for a kind of claim that has no test."""
    if kind not in kinds:
        raise DomainError(f"kind = {kind!r}", f"one of {', '.join(kinds)}", "kind='mean'")
