"""The first link by evidence that may be looked at after every round: drawing goes on until the claim is decided."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from symlimits.certify.certificate import STATISTICAL, Link
from symlimits.certify.laws import Question
from symlimits.certify.samples import ALPHA
from symlimits.finite.engine import Source, run
from symlimits.finite.fits import extrapolate
from symlimits.finite.plan import Chunk, Plan
from symlimits.finite.remaining import Progress
from symlimits.finite.sequential import MeanProcess
from symlimits.finite.statistics import CONTROL, Moments
from symlimits.finite.tails import refuse_heavy, trusted

TOGETHER = 16  # rounds drawn at a time
ENOUGH = 256  # rounds
MOST = 20_000  # rounds, after which a claim stays undecided


def decide(
    question: Question,
    plan: Plan,
    order: float,
    resolution: float,
    executor: Source = None,
    progress: Progress | None = None,
    alpha: float = ALPHA,
    most: int = MOST,
) -> Link:
    """Rounds of a chunk at each size, until a mean off by `resolution` is excluded, or the claim is rejected.

    A round gives one estimate of the limit: the chunk means, extrapolated with weights by the numbers of draws.
    Rounds are independent and alike, and nearly Gaussian, so that the e-process of their mean bounds false alarms by
    `alpha` whenever one stops; nothing is decided by rounds too few to see heavy tails. How many rounds are drawn at a
    time changes nothing. A resolution finer than what the extrapolation leaves of the bias rejects true claims.
    """
    plan.check_memory(getattr(executor, "_max_workers", 1))
    owned = executor if callable(executor) and not hasattr(executor, "submit") else None
    with owned() if owned else nullcontext(executor) as team:
        process = _rounds(question, plan, order, resolution, team, progress, alpha, most)
    return _link(process, plan, order, alpha)


def _rounds(
    question: Question,
    plan: Plan,
    order: float,
    resolution: float,
    executor: Source,
    progress: Progress | None,
    alpha: float,
    most: int,
) -> MeanProcess:
    weights = _weights(plan, order)
    process, number = MeanProcess(question.value, resolution), 1
    while process.count < most and not _is_over(process, alpha):
        chunks = [Chunk(size, k) for k in range(number, number + TOGETHER) for size in plan.sizes]
        parts = _drawn(plan, chunks, executor, progress)
        for k in range(number, number + TOGETHER):
            row = [parts[Chunk(size, k)].mean for size in plan.sizes]
            process = process.update([sum(w * mean for w, mean in zip(weights, row, strict=True))])
            if _is_over(process, alpha):
                break
        number += TOGETHER
    refuse_heavy(trusted(process.moments, alpha))
    return process


def _is_over(process: MeanProcess, alpha: float) -> bool:
    """Decided, by rounds enough to see heavy tails: of these nothing is decided."""
    if process.count < ENOUGH:
        return False
    return not trusted(process.moments, alpha).light or process.test(alpha).rejected or process.accepted(alpha)


def _weights(plan: Plan, order: float) -> tuple[float, ...]:
    pilots = [plan(Chunk(size, 0))[0] for size in plan.sizes]
    errors = [pilot.count**-0.5 for pilot in pilots]
    return extrapolate(plan.sizes, [pilot.mean for pilot in pilots], errors, order or 1, None if order else 0).weights


def _drawn(plan: Plan, chunks: Sequence[Chunk], executor: Source, progress: Progress | None) -> dict[Chunk, Moments]:
    parts: dict[Chunk, Moments] = {}

    def keep(chunk: Chunk, part: tuple[Moments, ...]) -> list[Chunk]:
        parts[chunk] = part[0]
        return []

    run(plan, chunks, keep, executor, part=str, progress=progress)
    return parts


def _link(process: MeanProcess, plan: Plan, order: float, alpha: float) -> Link:
    test, control = process.test(alpha), process.control(alpha)
    verdict = "rejected" if test.rejected else "accepted" if process.accepted(alpha) else "undecided"
    passed = verdict == "accepted" and control.rejected  # what is undecided is not shown
    details: dict[str, Any] = {
        "kind": "decided",
        "verdict": verdict,
        "value": process.value,
        "estimate": process.moments.mean,
        "standard error": process.moments.standard_error,
        "order": order,
        "alpha": alpha,
        "resolution": process.resolution,
        "rounds": process.count,
        "sizes": list(plan.sizes),
        "test": "e-process, normal mixture",
        "log e value": process.log_peak,
        "p value": test.p_value,
        "control rejected": control.rejected,
        "control size": CONTROL * process.resolution,
    }
    mean, error = process.moments.mean, process.moments.standard_error
    summary = (
        f"{verdict} after {process.count} rounds: limit {process.value:.6g}, nets give {mean:.6g} +- {error:.2g}; "
    )
    summary += f"resolution {process.resolution:.2g}, e value e^{process.log_peak:.1f}; "
    summary += f"control {'rejected' if control.rejected else 'NOT REJECTED'}"
    return Link("simulation", passed, summary, details, STATISTICAL)
