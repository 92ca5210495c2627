"""What a claim asks of its draws, by its kind, and the test of all that is asked."""

from __future__ import annotations

from collections.abc import Sequence

from symlimits.certify.certificate import Link
from symlimits.certify.exponents import judge_exponent
from symlimits.certify.laws import Question, judge_law
from symlimits.certify.samples import ALPHA, Samples, check_samples
from symlimits.errors import DomainError
from symlimits.finite.functional import WIDTHS


def judge(
    questions: Sequence[Question], samples: Sequence[Sequence[Samples]], order: float, alpha: float = ALPHA
) -> Link:
    r"""Samples of every functional, at every size, against the claim; `alpha` bounds the false alarms of all.

    A mean or log-moment is extrapolated in $N^{-order}$, or taken over all sizes where the claim is exact at each
    (order 0). So are the functionals of a law ("cf", "cdf"), which are bounded: their test holds at every number of
    draws, whatever the tails. An exponent is the slope of logarithms. Where an order is claimed and sizes are enough
    it is tested with the rest.
    """
    kind = questions[0].functional.kind
    if kind == "exponent":
        return judge_exponent(questions[0].value, samples[0], order, alpha)
    if kind in WIDTHS:
        return judge_law(questions, samples, order, alpha)
    return check_samples(questions[0].value, samples[0], order, alpha, kind, questions[0].error)


def check_kind(kind: object, kinds: Sequence[str]) -> None:
    """Raise `DomainError` for a kind of claim that has no test."""
    if kind not in kinds:
        raise DomainError(f"kind = {kind!r}", f"one of {', '.join(kinds)}", "kind='mean'")
