"""The first link: the experiment is drawn at several sizes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import reduce
from hashlib import sha256
from itertools import chain
from typing import NamedTuple

import sympy as sp

from symlimits.certify.samples import Samples
from symlimits.finite.chunks import Part, record, restored
from symlimits.finite.engine import Source, run, workers_of
from symlimits.finite.functional import Functional
from symlimits.finite.journal import Journal
from symlimits.finite.journal import journal as opened
from symlimits.finite.plan import Chunk, Experiment, Plan
from symlimits.finite.remaining import Progress
from symlimits.finite.statistics import merge


class Drawing(NamedTuple):
    """The samples of every functional at every size, and the hash of the plan that made them."""

    samples: list[list[Samples]]
    plan: str


def simulate(
    experiment: Experiment,
    sizes: Sequence[int],
    claim: str,
    root: int,
    executor: Source = None,
    progress: Progress | None = None,
    journal: str | os.PathLike[str] | None = None,
    functionals: Sequence[Functional] = (Functional(),),
) -> Drawing:
    """Draw at every size: the same numbers whatever the executor, and whether or not the run was ever cut off.

    Each chunk has its own seed, and chunks are merged in their order. `journal` is the path of a file that keeps what
    is finished; where it holds a part of this run, only the rest is drawn.
    """
    plan = Plan(experiment, claim, root, tuple(sizes), tuple(functionals))
    plan.check_memory(workers_of(executor))
    with nullcontext() if journal is None else opened(journal, plan.subject()) as log:
        parts = _draw(plan, executor, progress, log)
    samples = [[_whole(parts, size, k) for size in sizes] for k in range(len(functionals))]
    return Drawing(samples, plan.hash)


def _whole(parts: Mapping[Chunk, Part], size: int, functional: int) -> Samples:
    """All chunks of a size, merged in their order."""
    chunks = [parts[chunk][functional] for chunk in sorted(parts) if chunk.size == size]
    return Samples.of(size, reduce(merge, chunks), chunks)


def _draw(plan: Plan, executor: Source, progress: Progress | None, log: Journal | None) -> dict[Chunk, Part]:
    """The moments of every chunk: those of the journal, and the others from the engine."""
    stored = restored(log)
    first = [Chunk(size, 0) for size in plan.sizes]
    known = [[chunk, *plan.further(chunk, stored[chunk.key][0].count)] for chunk in first if chunk.key in stored]
    planned = {*first, *chain.from_iterable(known)}
    parts = {chunk: stored[chunk.key] for chunk in planned if chunk.key in stored}

    def keep(chunk: Chunk, part: Part) -> list[Chunk]:
        parts[chunk] = part
        record(log, chunk, part)
        return [] if chunk.number else [other for other in plan.further(chunk, part[0].count) if other not in parts]

    run(plan, sorted(planned - set(parts)), keep, executor, part=_size, progress=progress)
    return parts


def _size(chunk: Chunk) -> str:
    return f"networks of size {chunk.size}"


def claim_hash(expr: sp.Expr) -> str:
    """A short name for a statement that two different statements do not share."""
    return sha256(sp.srepr(expr).encode()).hexdigest()[:16]
