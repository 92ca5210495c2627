"""Rounds of a plan, drawn on the engine until a claim is decided.

A round is one chunk at each size, and gives one estimate of what is claimed: the chunk means, combined with weights
that numbers of draws alone decide. Rounds are independent and alike, so that a process may look at them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import reduce
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from symlimits.finite.chunks import Part, record, restored
from symlimits.finite.engine import Source, run, workers_of
from symlimits.finite.fits import extrapolate
from symlimits.finite.journal import Journal
from symlimits.finite.journal import journal as opened
from symlimits.finite.plan import Chunk, Plan
from symlimits.finite.remaining import Progress
from symlimits.finite.sequential import Process, follow, is_over
from symlimits.finite.statistics import Moments, merge

LOOK = 16  # rounds before each look

P = TypeVar("P", bound=Process)
Weights = tuple[tuple[float, ...], ...]  # of the sizes, a row for each combination that is asked for
Begin = Callable[[Sequence[int]], tuple[Weights, P]]  # from the numbers of draws that the chunks of the sizes have


class Rounds(NamedTuple, Generic[P]):
    """What was drawn: the state after each look, the estimates (rounds, K), and the moments of all draws by size."""

    states: list[P]
    estimates: npt.NDArray[np.float64]
    moments: dict[int, Moments]


def draw_rounds(
    plan: Plan,
    begin: Begin[P],
    alpha: float,
    most: int,
    executor: Source = None,
    progress: Progress | None = None,
    journal: str | os.PathLike[str] | None = None,
) -> Rounds[P]:
    """Draw round after round, with a look after each 16, until the claim is decided, or there are `most` rounds.

    Chunk 0 of each size only tells how many draws a chunk has: `begin` makes the weights and the process from that.
    The result does not depend on the executor, nor on whether the run was ever cut off: `journal` keeps what is drawn,
    and serves every run of the same plan, whatever its resolution. Raises `HeavyTails`, a `DomainError`, where the
    process does.
    """
    plan.check_memory(workers_of(executor))
    with nullcontext() if journal is None else opened(journal, plan.subject()) as log:
        course = _Course(plan, begin, alpha, most, log)
        run(plan, course.next(), course.keep, executor, part=_named, progress=progress)
    course.states[-1].check(alpha)
    wholes = {size: reduce(merge, (course.parts[chunk.key][0] for chunk in course.of(size))) for size in plan.sizes}
    return Rounds(course.states, np.concatenate(course.estimates), wholes)


def weights(sizes: Sequence[int], counts: Sequence[int], order: float, apart: bool) -> Weights:
    """Of the extrapolation in $N^{-order}$; with order 0 of the mean over all sizes, or of each size `apart`.

    >>> weights((8, 16), (30, 10), order=0, apart=True)
    ((1.0, 0.0), (0.0, 1.0))
    """
    if apart and not order:
        return tuple(tuple(float(size == other) for other in sizes) for size in sizes)
    errors = [count**-0.5 for count in counts]
    return (extrapolate(sizes, [0.0] * len(sizes), errors, order or 1, None if order else 0).weights,)


class _Course(Generic[P]):
    """How far a run is: which chunks are there, and which are to come."""

    def __init__(self, plan: Plan, begin: Begin[P], alpha: float, most: int, log: Journal | None) -> None:
        self.plan, self.begin, self.alpha, self.most, self.log = plan, begin, alpha, most, log
        self.parts: dict[str, Part] = restored(log)
        self.weights: Weights = ()
        self.states: list[P] = []
        self.estimates: list[npt.NDArray[np.float64]] = []
        self.missing: set[Chunk] = set()

    def keep(self, chunk: Chunk, part: Part) -> list[Chunk]:
        """Keep a chunk; the last one of a look leads to those of the next."""
        self.parts[chunk.key] = part
        record(self.log, chunk, part)
        self.missing.discard(chunk)
        return [] if self.missing else self.next()

    def next(self) -> list[Chunk]:
        """What has to be drawn for the next look: nothing once the run is over. What is there is looked at."""
        while not (self.states and is_over(self.states[-1], self.alpha, self.most)):
            self.missing = {chunk for chunk in self._wanted() if chunk.key not in self.parts}
            if self.missing:
                return sorted(self.missing, key=lambda chunk: (chunk.number, chunk.size))
            self._look()
        return []

    def of(self, size: int) -> list[Chunk]:
        """The chunks of a size that were looked at."""
        return [Chunk(size, k) for k in range(1, 1 + sum(map(len, self.estimates)))]

    def _wanted(self) -> list[Chunk]:
        first = 1 + LOOK * len(self.estimates)
        numbers = range(first, first + LOOK) if self.states else [0]
        return [Chunk(size, k) for k in numbers for size in self.plan.sizes]

    def _look(self) -> None:
        """Look at what was drawn."""
        if not self.states:
            self.weights, start = self.begin([self.parts[Chunk(size, 0).key][0].count for size in self.plan.sizes])
            self.states.append(start)
        else:
            numbers = dict.fromkeys(chunk.number for chunk in self._wanted())
            self.estimates.append(np.array([self._estimate(number) for number in numbers]))
            self.states.append(follow(self.states[-1], [self.estimates[-1]], self.alpha, self.most))

    def _estimate(self, number: int) -> list[float]:
        """One round: each combination of sizes, for each functional."""
        parts = [self.parts[Chunk(size, number).key] for size in self.plan.sizes]
        columns = list(zip(*([m.mean for m in part] for part in parts), strict=True))
        return [sum(w * mean for w, mean in zip(row, c, strict=True)) for row in self.weights for c in columns]


def _named(chunk: Chunk) -> str:
    first = (chunk.number - 1) // LOOK * LOOK + 1
    return f"rounds {first} to {first + LOOK - 1}" if chunk.number else "how many draws a round has"
