"""The first link by evidence that may be looked at again and again: drawing goes on until the claim is decided."""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import log
from typing import Any

import numpy as np

from symlimits.certify.certificate import STATISTICAL, UNDECIDED, Link
from symlimits.certify.laws import Question, check_value
from symlimits.certify.resolution import LIMITS
from symlimits.certify.samples import ALPHA
from symlimits.errors import DomainError
from symlimits.finite.betting import LARGEST_BET, BettingProcess
from symlimits.finite.engine import Source
from symlimits.finite.functional import BOUNDS
from symlimits.finite.joint import JointProcess
from symlimits.finite.plan import Plan
from symlimits.finite.remaining import Progress
from symlimits.finite.rounds import LOOK, Rounds, Weights, draw_rounds, weights
from symlimits.finite.sequential import ENOUGH, MeanProcess, follow
from symlimits.finite.statistics import CONTROL, POWER, ROUNDING

KINDS = ("mean", "log", "cf", "cdf")  # of claims about means; an exponent is a slope of logarithms of means
MOST = 20_000  # rounds, after which a claim stays undecided
LEVEL = 1 - POWER  # of the intervals
FINER = 10  # times: a shift of a tenth of the resolution leaves power and false alarms what they are
SHOWN = 64  # looks that a picture shows
Decision = MeanProcess | JointProcess


def decide(
    questions: Sequence[Question],
    plan: Plan,
    order: float,
    resolution: float,
    executor: Source = None,
    progress: Progress | None = None,
    alpha: float = ALPHA,
    most: int = MOST,
    journal: str | os.PathLike[str] | None = None,
) -> Link:
    """Rounds of a chunk at each size, until limits off by `resolution` are excluded, or the claim is rejected.

    A round gives one estimate of each limit: its chunk means, extrapolated. Whenever one stops, `alpha` bounds the
    false alarms, and the acceptance of a claim that is off by the resolution. Estimates of a mean are taken for nearly
    Gaussian, and not looked at before they are enough to see heavy tails. Those of a law are bounded (weights times
    chunk means of a bounded functional), and the bets on them exact at every number of rounds; a law that is exact at
    every size (order 0) is held against each size. A resolution finer than what the extrapolation leaves of the bias
    rejects true claims. At `most` rounds, 256 or more
    of a mean, the claim stays undecided.

    The control of an accepted mean follows from acceptance by arithmetic: what excludes limits off by one resolution
    excludes those off by 1.5 all the more. Of a law it says that one wrong value is found among many.
    """

    _check_enough(questions[0].functional.kind, most)
    _check_known(questions[0].error, resolution)

    def begin(counts: Sequence[int]) -> tuple[Weights, Decision]:
        combined = weights(plan.sizes, counts, order, apart=questions[0].functional.kind in BOUNDS)
        return combined, _process(questions, combined, resolution, alpha, max(most, MOST))

    drawn = draw_rounds(plan, begin, alpha, most, executor, progress, journal)
    return _link(questions, drawn, plan.sizes, order, alpha)


def _check_enough(kind: str, most: int) -> None:
    """A mean is not looked at earlier: a shorter run has no finding."""
    if kind not in BOUNDS and most < ENOUGH:
        raise DomainError(f"most = {most} rounds for the kind {kind!r}", f"{ENOUGH} or more", f"most={MOST}")


def _check_known(error: float, resolution: float) -> None:
    """A value that is sampled is to be known better than what is decided."""
    if FINER * error > resolution:
        given = f"resolution = {resolution:.3g} for a value that is sampled, with an error of {error:.2g}"
        raise DomainError(given, f"{FINER * error:.2g} or more", "resolution=None: the error is allowed for")


def _process(questions: Sequence[Question], combined: Weights, resolution: float, alpha: float, most: int) -> Decision:
    """No evidence yet: about a mean, or about each functional of a law, in the limit or at each size."""
    if questions[0].functional.kind not in BOUNDS:
        return MeanProcess(questions[0].value, resolution, least=ENOUGH)
    share = alpha / (len(combined) * len(questions))
    parts = [_bets(question, row, resolution, share, most) for row in combined for question in questions]
    return JointProcess(tuple(parts))


def _bets(question: Question, row: Sequence[float], resolution: float, share: float, most: int) -> BettingProcess:
    """Between bounds that every round keeps, a rounding apart."""
    ends = BOUNDS[question.functional.kind]
    low, high = (sum(sorted((w * ends[0], w * ends[1]))[side] for w in row) for side in (0, 1))
    slack = ROUNDING * (high - low)
    check_value(question)
    finest = (high - low) / LARGEST_BET * np.expm1(log(1 / share) / most)  # where every bet is the largest, and won
    coarsest = (ends[1] - ends[0]) / 2 / CONTROL  # the control moves a value towards the middle
    if not finest < resolution <= coarsest:
        given = f"resolution = {resolution:.3g} for bets on a law with {most} rounds"
        wanted = f"more than {finest:.2g}, at most {coarsest:.2g}"
        raise DomainError(given, wanted, "resolution=None: a test of all draws at once")
    return BettingProcess(question.value, resolution, low - slack, high + slack, share)


def _link(
    questions: Sequence[Question], drawn: Rounds[Decision], sizes: Sequence[int], order: float, alpha: float
) -> Link:
    """The decision, and that about the same rounds and a claim made wrong on purpose."""
    process = drawn.states[-1]
    test = process.test(alpha)
    looks = np.split(drawn.estimates, range(LOOK, len(drawn.estimates), LOOK))
    control = follow(process.wrong(away=test.rejected), looks, alpha, process.count).test(alpha)
    verdict = "rejected" if test.rejected else "accepted" if process.accepted(alpha) else UNDECIDED
    found = _of_mean(process) if isinstance(process, MeanProcess) else _of_law(process, questions, drawn, sizes, order)
    details: dict[str, Any] = {
        "kind": "decided",
        "claim kind": questions[0].functional.kind,
        "verdict": verdict,
        **found,
        "order": order,
        "alpha": alpha,
        "rounds": process.count,
        "sizes": [int(size) for size in sizes],
        "moments": {
            str(size): [m.mean, m.standard_error, m.count, m.skewness, m.kurtosis] for size, m in drawn.moments.items()
        },
        "log e value": process.log_peak,
        "p value": test.p_value,
        "resolution": test.detectable,
        "detectable": test.detectable,
        "power": POWER,
        "control rejected": control.rejected,
        "control size": CONTROL * test.detectable,
        "control p value": control.p_value,
        "looks": [_look(state) for state in _thinned(drawn.states)],
    }
    passed = verdict == "accepted" and control.rejected  # what is undecided is not shown
    return Link("simulation", passed, _summary(details), details, STATISTICAL)


def _of_mean(process: MeanProcess) -> dict[str, Any]:
    return {
        "test": "e-process, normal mixture",
        "value": process.value,
        "estimate": process.moments.mean,
        "standard error": process.moments.standard_error,
        "interval 95 %": list(process.interval(LEVEL)),
    }


def _of_law(
    process: JointProcess, questions: Sequence[Question], drawn: Rounds[Decision], sizes: Sequence[int], order: float
) -> dict[str, Any]:
    """Each functional, in the limit or at each size, with intervals that hold together."""
    places = ["limit"] if order else [str(size) for size in sizes]
    rows = zip(
        [(place, question) for place in places for question in questions],
        drawn.estimates.mean(axis=0).tolist(),
        process.intervals(drawn.estimates, LEVEL),
        strict=True,
    )
    tests = [
        {
            "size": place,
            "functional": asked.functional.kind,
            "point": asked.functional.at,
            "value": asked.value,
            "estimate": estimate,
            "interval 95 %": list(interval),
        }
        for (place, asked), estimate, interval in rows
    ]
    distance = max(abs(row["estimate"] - row["value"]) for row in tests)
    return {"test": "e-process, bets, averaged over functionals", "distance": distance, "tests": tests}


def _thinned(states: Sequence[Decision]) -> list[Decision]:
    """Looks for a picture, the last among them, evenly spread in the logarithm."""
    first = next((k for k, state in enumerate(states) if state.count >= _least(state)), len(states) - 1)
    chosen = np.unique(np.geomspace(first + 1, len(states), SHOWN).round().astype(int)) - 1
    return [states[k] for k in chosen]


def _least(state: Decision) -> int:
    return state.least if isinstance(state, MeanProcess) else 1


def _look(state: Decision) -> list[float]:
    """Rounds and the logarithm of the e-value; for a mean the estimate and its interval too."""
    row = [state.count, state.log_e]
    return [*row, state.moments.mean, *state.interval(LEVEL)] if isinstance(state, MeanProcess) else row


def _summary(details: dict[str, Any]) -> str:
    if "distance" in details:
        found = f"law at {len(details['tests'])} places, largest distance {details['distance']:.2g}"
    else:
        low, high = details["interval 95 %"]
        what = LIMITS[details["claim kind"]]
        found = f"{what} {details['value']:.6g}, nets give {details['estimate']:.6g} in [{low:.6g}, {high:.6g}]"
    outcome = "rejected" if details["control rejected"] else "NOT REJECTED"
    decided = f"{details['verdict']} after {details['rounds']} rounds: {found}; e value e^{details['log e value']:.1f}"
    return f"{decided}; would detect {details['detectable']:.2g}; control {outcome}"
