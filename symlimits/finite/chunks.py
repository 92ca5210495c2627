"""Chunks of a plan in a journal: the moments of what was drawn, to the bit."""

from __future__ import annotations

from typing import Any

from symlimits.finite.journal import Journal
from symlimits.finite.plan import Chunk
from symlimits.finite.statistics import Moments

Part = tuple[Moments, ...]  # of a chunk, one for each functional


def restored(log: Journal | None) -> dict[str, Part]:
    """What a journal holds, by the keys of its chunks; nothing without a journal."""
    return {} if log is None else {key: _read(value) for key, value in log.found.items()}


def record(log: Journal | None, chunk: Chunk, part: Part) -> None:
    """Append a chunk to its journal, if there is one."""
    if log is not None:
        log.append(chunk.key, [[m.count, *map(float.hex, _numbers(m))] for m in part])


def _read(value: Any) -> Part:
    return tuple(Moments(count, *map(float.fromhex, numbers)) for count, *numbers in value)


def _numbers(part: Moments) -> tuple[float, ...]:
    return part.mean, part.m2, part.skewness, part.kurtosis
