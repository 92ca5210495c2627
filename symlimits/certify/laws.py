r"""The test of a law: bounded functionals of the draws, in the limit or at every size, with bounds that hold exactly.

A claim that is exact at every size fixes the variance of each functional: the number of draws below s is binomial, and
$\cos(tX)$ has the variance $(1 + \phi(2t))/2 - \phi(t)^2$. In the limit it does not, since the law at each size is
another one: there the draws bound the variance, at a part of the false alarms, and Bernstein bounds the rest.

Exact binomial tests at points stand where the Dvoretzky-Kiefer-Wolfowitz bound of the whole function could, since
chunks sum up at points only and nothing is lost: with n draws, 8 points and alpha = 1e-6 that bound rejects beyond
$2.69/\sqrt n$, and finds $3.92/\sqrt n$ with probability 0.95; the binomial tests, each with an eighth of alpha,
reject beyond $2.64/\sqrt n$ and find $3.47/\sqrt n$ at p = 1/2, and $2.1/\sqrt n$ at p = 1/10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import copysign, inf
from typing import Any, NamedTuple

from symlimits.certify.bias import FITTED, bias_words
from symlimits.certify.certificate import STATISTICAL, Link
from symlimits.certify.samples import Samples, check_several
from symlimits.errors import DomainError
from symlimits.finite.bounded import (
    bernstein_quantile,
    bernstein_tail,
    binomial_detectable,
    binomial_interval,
    binomial_p_value,
    largest_variance,
)
from symlimits.finite.fits import extrapolate
from symlimits.finite.functional import BOUNDS, WIDTHS, Functional
from symlimits.finite.multiple import holm
from symlimits.finite.orders import order_contrast
from symlimits.finite.statistics import CONTROL, POWER, ROUNDING

VARIANCES = 0.05  # the part of the false alarms that goes to bounds of variances


class Question(NamedTuple):
    """A functional of the draws, the limit of its mean, the variance if the claim fixes it, and the limit's error."""

    functional: Functional
    value: float
    variance: float | None = None
    error: float = 0.0


def wave_questions(points: Sequence[float], values: Sequence[float], twice: Sequence[float | None]) -> list[Question]:
    """What a characteristic function asks: its real part, by cosines, then that its imaginary part is 0, by sines.

    `twice` are its values at 2t, which fix the variances, or None where it is not claimed there at each size.
    """
    rows = list(zip(points, values, twice, strict=True))
    even = [Question(Functional("cf", t), v, None if w is None else max(0.0, (1 + w) / 2 - v**2)) for t, v, w in rows]
    odd = [Question(Functional("sine", t), 0.0, None if w is None else max(0.0, (1 - w) / 2)) for t, _, w in rows]
    return even + odd


def check_value(question: Question) -> None:
    """Raise `DomainError` for a value that the mean of a bounded functional cannot have."""
    low, high = BOUNDS[question.functional.kind]
    slack = ROUNDING * (high - low)
    if not low - slack <= question.value <= high + slack:
        given = (
            f"a law's {question.functional.kind} with the value {question.value:.6g} at {question.functional.at:.6g}"
        )
        raise DomainError(given, f"values between {low:g} and {high:g}", "another formula: no law has this one")


@dataclass(frozen=True)
class Finding:
    """One functional in one test: `gap` from the claim, p value, 95 % interval of the gap, least gap that is found."""

    gap: float
    p_value: float
    interval: tuple[float, float]
    detectable: float
    wrong_p_value: float  # of a claim that is wrong by 1.5 times that


Column = Sequence[Samples]  # of one size, by functional


def judge_law(questions: Sequence[Question], samples: Sequence[Column], order: float, alpha: float) -> Link:
    """The largest distance over the functionals, in the limit, or at each size, with Holm's step-down over the tests.

    In the limit, from three sizes on, the order of the bias is one test more. Raises `DomainError` for a single size,
    draws that are too few, and a value that no law has.
    """
    check_several(samples[0])
    for question in questions:
        check_value(question)
    columns = list(zip(*samples, strict=True))
    tests = _in_the_limit(questions, columns, order, alpha) if order else _at_every_size(questions, columns, alpha)
    table = holm([test["p value"] for test in tests], alpha)
    limits = [test for test in tests if test["size"] != "order"]
    least = min(test["detectable"] for test in limits)
    details = {
        "kind": questions[0].functional.kind,
        "order": order,
        "alpha": alpha,
        "points": [q.functional.at for q in questions],
        "values": [q.value for q in questions],
        "sizes": {str(c[0].size): _stored(c) for c in columns},
        "tests": tests,
        "p value": min(table.adjusted),
        "power": POWER,
        "detectable": least,
        "control rejected": all(test["control rejected"] for test in tests),
        "control size": CONTROL * least,
    }
    if order and len(columns) >= FITTED:
        details["bias"] = _bias(questions, columns, order, alpha, tests[1]["p value"])
    elif order:
        details["bias"] = {"order": order, "not tested": f"{len(columns)} sizes, {FITTED} are needed"}
    where = "in the limit" if order else f"at {len(columns)} sizes"
    passed = not any(table.rejected) and details["control rejected"]
    control = "rejected" if details["control rejected"] else "NOT REJECTED"
    summary = f"law at {len(questions)} points {where}, p value {details['p value']:.2g}; would detect {least:.2g}; "
    summary += f"control {control}"
    summary += bias_words(details.get("bias"), any(table.rejected))
    return Link("simulation", passed, summary, details, STATISTICAL)


def _stored(column: Column) -> dict[str, Any]:
    errors = [sample.standard_error for sample in column]
    return {"count": column[0].count, "means": [sample.mean for sample in column], "standard errors": errors}


def _at_every_size(questions: Sequence[Question], columns: Sequence[Column], alpha: float) -> list[dict[str, Any]]:
    share = alpha / len(columns)
    one = _binomial if questions[0].functional.kind == "cdf" else _alone
    found = [[one(*pair, share / len(questions)) for pair in zip(questions, column, strict=True)] for column in columns]
    return [_test(str(c[0].size), questions, row, share) for c, row in zip(columns, found, strict=True)]


def _in_the_limit(
    questions: Sequence[Question], columns: Sequence[Column], order: float, alpha: float
) -> list[dict[str, Any]]:
    """By weights that the numbers of draws alone decide: no draw has a say in how much it counts."""
    sizes, scales = [column[0].size for column in columns], [column[0].count ** -0.5 for column in columns]
    weights = {"limit": extrapolate(sizes, [0.0] * len(sizes), scales, order).weights}
    if len(columns) >= FITTED:
        weights["order"] = tuple(order_contrast(sizes, scales, order, order / 2, step=min(order, 1.0)).tolist())
    share = alpha / len(weights)
    rows = list(zip(*columns, strict=True))
    return [
        _test(name, questions, [_sum(*pair, w, share / len(rows)) for pair in zip(questions, rows, strict=True)], share)
        for name, w in weights.items()
    ]


def _binomial(question: Question, sample: Samples, level: float) -> Finding:
    """The number of draws below a point, with the probability that the claim gives it."""
    count, value = sample.count, min(max(question.value, 0.0), 1.0)  # a claimed value may be a rounding outside
    below = round(sample.mean * count)
    detectable = binomial_detectable(count, value, level, POWER)
    low, high = binomial_interval(below, count, 1 - POWER)
    interval = (low - value, high - value)
    p_value = binomial_p_value(below, count, value)
    side = _side(question, sample.mean - value, p_value <= level)
    wrong = value + CONTROL * detectable * side if detectable < inf else value
    wrong_p_value = binomial_p_value(below, count, min(max(wrong, 0.0), 1.0))
    return Finding(sample.mean - value, p_value, interval, detectable, wrong_p_value)


def _alone(question: Question, sample: Samples, level: float) -> Finding:
    return _sum(question, [sample], [1.0], level)


def _sum(question: Question, row: Column, weights: Sequence[float], level: float) -> Finding:
    """A weighted sum of the means at several sizes, less what the claim makes of it, by Bernstein's bound."""
    width = WIDTHS[question.functional.kind]
    gap = sum(w * (sample.mean - question.value) for w, sample in zip(weights, row, strict=True))
    reach = max(abs(w) * width / sample.count for w, sample in zip(weights, row, strict=True))

    def variance(claimed: float | None, failures: float) -> float:
        """Of the sum: by the claim, or a bound that fails with probability `failures` at most."""
        parts = [claimed if claimed is not None else _bounded(s, width, failures / len(row)) for s in row]
        return sum(w**2 * part / s.count for w, part, s in zip(weights, parts, row, strict=True))

    lost = VARIANCES * level if question.variance is None else 0.0
    used = variance(question.variance, lost)
    missed = 1 - POWER
    seen = variance(None, VARIANCES * missed)
    threshold = bernstein_quantile(used, reach, (level - lost) / 2)
    half = bernstein_quantile(seen, reach, (1 - VARIANCES) * missed / 2)
    detectable = threshold + bernstein_quantile(seen, reach, (1 - VARIANCES) * missed)

    def p_value(distance: float) -> float:
        return min(1.0, 2 * bernstein_tail(abs(distance), used, reach) + lost)

    side = _side(question, gap, p_value(gap) <= level)
    wrong = gap - CONTROL * detectable * side
    return Finding(gap, p_value(gap), (gap - half, gap + half), detectable, p_value(wrong))


def _bounded(sample: Samples, width: float, level: float) -> float:
    return largest_variance(sample.count * sample.standard_error**2, sample.count, width, level)


def _side(question: Question, gap: float, rejected: bool) -> float:
    """Where a control moves a value: towards the middle of what values can be; a rejected one away from the draws."""
    if rejected:
        return -copysign(1.0, gap)
    return -1.0 if question.value > 1 - WIDTHS[question.functional.kind] / 2 else 1.0


def _test(name: str, questions: Sequence[Question], found: Sequence[Finding], share: float) -> dict[str, Any]:
    """All functionals together; the control is the one whose discrepancies are the hardest to see."""
    hardest = max(found, key=lambda finding: finding.detectable)
    room = WIDTHS[questions[0].functional.kind] / 2 / CONTROL
    if name != "order" and hardest.detectable > room:
        given = f"draws so few that the law is known to {hardest.detectable:.2g} only"
        raise DomainError(given, f"{room:.2g} or less", "more draws a call, or fewer sizes")
    return {
        "size": name,
        "differences": [finding.gap for finding in found],
        "intervals 95 %": [list(finding.interval) for finding in found],
        "detectable at points": [finding.detectable for finding in found],
        "distance": max(abs(finding.gap) for finding in found),
        "p value": min(1.0, len(found) * min(finding.p_value for finding in found)),
        "detectable": hardest.detectable,
        "control rejected": len(found) * hardest.wrong_p_value <= share,
    }


def _bias(
    questions: Sequence[Question], columns: Sequence[Column], order: float, alpha: float, p_value: float
) -> dict[str, Any]:
    """What is said of the order: whether a bias of it is seen, and whether the limit stands with half of it."""
    sizes, scales = [column[0].size for column in columns], [column[0].count ** -0.5 for column in columns]
    rows = list(zip(*columns, strict=True))

    def agrees(weights: Sequence[float]) -> bool:
        found = [_sum(q, row, weights, alpha / len(rows)) for q, row in zip(questions, rows, strict=True)]
        return len(found) * min(finding.p_value for finding in found) > alpha

    slower = extrapolate(sizes, [0.0] * len(sizes), scales, order / 2).weights
    seen = not agrees(order_contrast(sizes, scales, 2 * order, order, step=min(order, 1.0)).tolist())
    return {"order": order, "p value": p_value, "seen": seen, "half the order fits": agrees(slower)}
