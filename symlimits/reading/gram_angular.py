"""Tables of the Fourier series in the angle for the layers of a Gram loop in which the Mehler series may be too short.

Tables have shape (layers, points, entries + 2): those of `AngularTable.at`, then the roots of what is left out,
relative, of the activation and of its slope. `ranks` has a row for each layer: how many terms, 0 for no table, and
the rank of each.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symlimits.memory import check_memory
from symlimits.reading.angular import Integers
from symlimits.reading.angular_table import RESOLVED, AngularTable, angular_table
from symlimits.reading.gram_sampled import GOAL, SampledStage, layers_of
from symlimits.reading.resolution import Floats

FEWEST = 300  # pairs: a table takes a tenth of a second and more, panels a millisecond or two
_EPSILON = 2.0**-52


def angular_tables(
    stages: Sequence[object], sides: Sequence[Floats], series: Sequence[Floats], tangent: bool, pairs: int
) -> tuple[list[Floats], Integers]:
    """Tables for each side and ranks, from tables of points and of Mehler coefficients; empty for few pairs."""
    found: dict[int, AngularTable] = {}
    needed = {} if pairs < FEWEST else {layer: _needed(sides, series, layer) for layer, _ in layers_of(stages)}
    for layer, stage in layers_of(stages):
        if any(points.any() for points in needed.get(layer, ())):
            variances = [side[layer - 1, 0, points] for side, points in zip(sides, needed[layer], strict=True)]
            table = _table_for(stage, np.concatenate(variances))
            found |= {} if table is None else {layer: table}
    tables, ranks = _empty(list(found.values()), sides)
    for layer, stage in layers_of(stages):
        if layer in found:
            ranks[layer, : 1 + len(found[layer].ranks)] = len(found[layer].ranks), *found[layer].ranks
            for out, side, mehler, points in zip(tables, sides, series, needed[layer], strict=True):
                entries, roots = _rows(
                    found[layer], stage, side[:, :, points], mehler[layer][:, points], layer, tangent
                )
                out[layer, :, -2:] = np.inf
                out[layer, points, : entries.shape[1]], out[layer, points, -2:] = entries, roots
    return tables, ranks


def _needed(sides: Sequence[Floats], series: Sequence[Floats], layer: int) -> list[Integers]:
    """Which points of each side may be in a pair for which the Mehler series is too short."""
    roots = [
        np.where(side[layer - 1, 0] > 0.0, mehler[layer, -2:].max(axis=0), 0.0)
        for side, mehler in zip(sides, series, strict=True)
    ]
    return [each * other.max(initial=0.0) > GOAL for each, other in zip(roots, roots[::-1], strict=True)]


def _table_for(stage: SampledStage, p: Floats) -> AngularTable | None:
    """The table for variances p, its ends rounded to powers of sqrt 2: other data then share it."""
    low, high = np.floor(2.0 * np.log2(p.min())), np.ceil(2.0 * np.log2(p.max()))
    return angular_table(stage.phi, stage.x, float(2.0 ** (low / 2.0)), float(2.0 ** (max(high, low + 1.0) / 2.0)))


def _empty(found: Sequence[AngularTable], sides: Sequence[Floats]) -> tuple[list[Floats], Integers]:
    """Room for what was found: layers without a table cost no memory, since nothing touches theirs."""
    layers, entries = len(sides[0]), max((2 + int(table.ranks.sum()) for table in found), default=0)
    check_memory(
        8 * len(found) * entries * sum(side.shape[2] for side in sides),
        "a table of angular series",
        "fewer rows at a time",
    )
    terms = max((len(table.ranks) for table in found), default=0)
    return [np.zeros((layers, side.shape[2], entries)) for side in sides], np.zeros((layers, 1 + terms), dtype=np.int64)


def _rows(
    table: AngularTable, stage: SampledStage, side: Floats, mehler: Floats, layer: int, tangent: bool
) -> tuple[Floats, Floats]:
    """Entries and roots of what they leave out, for points of which the tables are given."""
    p, P = side[layer - 1, 0], side[layer, 2]
    entries = table.at(p, P)
    kept = [np.einsum("pk,pk->p", entries, entries)] * 2
    if tangent:
        # p E phi'^2, from what the Mehler series has of it
        slopes = stage.orders(len(mehler) - 2) @ mehler[:-2] ** 2 / (1.0 - mehler[-1] ** 2 + 4.0 * _EPSILON)
        kept[1] = np.einsum("pk,k->p", entries**2, table.orders.astype(np.float64) ** 2) * P / slopes
    return entries, np.sqrt(np.maximum(1.0 - np.stack(kept, axis=1), 0.0) + RESOLVED)
