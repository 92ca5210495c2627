"""The first link: the experiment agrees with the first line, statistically."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from itertools import chain
from typing import Any

import numpy as np
import sympy as sp

from symlimits.certify.certificate import Link
from symlimits.errors import DataError, DomainError
from symlimits.finite.engine import Source, run
from symlimits.finite.journal import Journal
from symlimits.finite.journal import journal as opened
from symlimits.finite.plan import Chunk, Experiment, Plan
from symlimits.finite.remaining import Progress
from symlimits.finite.statistics import Moments, extrapolate, mean_test, merge, moments, negative_control

ALPHA = 1e-6  # false alarms of one statistical link


@dataclass(frozen=True)
class Samples:
    """Draws of an observable at one size, as moments."""

    size: int
    mean: float
    standard_error: float
    count: int


def simulate(
    experiment: Experiment,
    sizes: Sequence[int],
    claim: str,
    root: int,
    executor: Source = None,
    progress: Progress | None = None,
    journal: str | os.PathLike[str] | None = None,
) -> list[Samples]:
    """Draw at every size: the same numbers whatever the executor, and whether or not the run was ever cut off.

    Each chunk has its own seed, and chunks are merged in their order. `journal` is the path of a file that keeps what
    is finished; where it holds a part of this run, only the rest is drawn.
    """
    plan = Plan(experiment, claim, root, tuple(sizes))
    plan.check_memory(getattr(executor, "_max_workers", 1))
    with nullcontext() if journal is None else opened(journal, plan.subject()) as log:
        parts = _draw(plan, executor, progress, log)
    totals = [reduce(merge, (parts[chunk] for chunk in sorted(parts) if chunk.size == size)) for size in sizes]
    return [Samples(size, t.mean, t.standard_error, t.count) for size, t in zip(sizes, totals, strict=True)]


def _draw(plan: Plan, executor: Source, progress: Progress | None, log: Journal | None) -> dict[Chunk, Moments]:
    """The moments of every chunk: those of the journal, and the others from the engine."""
    stored = {} if log is None else {key: _restored(value) for key, value in log.found.items()}
    first = [Chunk(size, 0) for size in plan.sizes]
    known = [[chunk, *plan.further(chunk, stored[chunk.key].count)] for chunk in first if chunk.key in stored]
    planned = {*first, *chain.from_iterable(known)}
    parts = {chunk: stored[chunk.key] for chunk in planned if chunk.key in stored}

    def keep(chunk: Chunk, part: Moments) -> list[Chunk]:
        parts[chunk] = part
        if log is not None:
            log.append(chunk.key, [part.count, part.mean.hex(), part.m2.hex()])
        return [] if chunk.number else [other for other in plan.further(chunk, part.count) if other not in parts]

    run(plan, sorted(planned - set(parts)), keep, executor, part=_size, progress=progress)
    return parts


def _size(chunk: Chunk) -> str:
    return f"networks of size {chunk.size}"


def _restored(value: Any) -> Moments:
    count, mean, m2 = value
    return Moments(count, float.fromhex(mean), float.fromhex(m2))


def summarize(samples: Mapping[int, Any]) -> list[Samples]:
    """The user's own draws, an array for each size, as moments."""
    if not isinstance(samples, Mapping):
        raise DataError(f"samples of type {type(samples).__name__}", "a dictionary", "{64: draws, 256: draws}")
    found = []
    for size, draws in samples.items():
        try:
            number, array = int(size), np.asarray(draws, dtype=np.float64)
        except (TypeError, ValueError):
            raise DataError(f"samples at size {size!r}", "an integer size and numbers", "{64: draws}") from None
        if number != float(size) or number < 1:
            raise DataError(f"samples at size {size!r}", "a positive integer size", "{64: draws}")
        if array.ndim != 1 or array.size < 8:
            raise DataError(f"samples of shape {array.shape} at size {size}", "8 or more numbers", "one draw a net")
        if not np.isfinite(array).all():
            given = f"samples at size {size} of which {np.count_nonzero(~np.isfinite(array))} are NaN or infinite"
            raise DataError(given, "finite numbers", "np.isfinite to find them")
        part = moments(array)
        found.append(Samples(number, part.mean, part.standard_error, part.count))
    return sorted(found, key=lambda sample: sample.size)


def check_samples(value: float, samples: Sequence[Samples], order: int, alpha: float = ALPHA) -> Link:
    """Means at several sizes, extrapolated with c0 + c1/N^order + c2/N^(2 order), against the limit."""
    if len(samples) < 2:
        raise DomainError(f"samples at {len(samples)} sizes", "at least 2 (3 are better)", "sizes=(32, 128, 512)")
    fit = extrapolate([s.size for s in samples], [s.mean for s in samples], [s.standard_error for s in samples], order)
    test = mean_test(fit.limit, fit.standard_error, value, alpha)
    control = negative_control(fit.limit, fit.standard_error, value, alpha)
    details = {
        "value": value,
        "estimate": fit.limit,
        "standard error": fit.standard_error,
        "order": order,
        "alpha": alpha,
        "p value": test.p_value,
        "detectable": test.detectable,
        "control rejected": control.rejected,
        "control size": 1.5 * test.detectable,
        "sizes": {str(s.size): [s.mean, s.standard_error, s.count] for s in samples},
    }
    passed = not test.rejected and control.rejected
    summary = f"limit {value:.6g}, nets give {fit.limit:.6g} +- {fit.standard_error:.2g} (z = {test.z:.2f}); "
    summary += f"would detect {test.detectable:.2g}; control {'rejected' if control.rejected else 'NOT REJECTED'}"
    return Link("simulation", passed, summary, details)


def claim_hash(expr: sp.Expr) -> str:
    """A short name for a statement that two different statements do not share."""
    return sha256(sp.srepr(expr).encode()).hexdigest()[:16]
