"""Tables of the Fourier series in the angle for the layers of a Gram loop in which the Mehler series may be too short.

Tables have shape (layers, points, entries + 2): those of `AngularTable.at`, then the roots of what is left out,
relative, of the activation and of its slope. `ranks` has a row for each layer: how many terms, 0 for no table, and
the rank of each.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symlimits.reading.angular import RESOLVED, AngularTable, Integers, angular_table
from symlimits.reading.gram_data import check_memory
from symlimits.reading.gram_sampled import GOAL, SampledStage, layers_of
from symlimits.reading.panels import Floats

FEWEST = 300  # pairs: a table takes a tenth of a second and more, panels a millisecond or two
_EPSILON = 2.0**-52


def angular_tables(
    stages: Sequence[object], sides: Sequence[Floats], series: Sequence[Floats], tangent: bool, pairs: int
) -> tuple[list[Floats], Integers]:
    """Tables for each side and ranks, from tables of points and of series coefficients."""
    layers = len(series[0])
    found: dict[int, tuple[AngularTable, list[Floats]]] = {}
    for layer, stage in layers_of(stages) if pairs >= FEWEST else ():
        roots = [_roots(*side, layer) for side in zip(sides, series, strict=True)]
        wanted = [each * other.max(initial=0.0) > GOAL for each, other in zip(roots, roots[::-1], strict=True)]
        table = _table_for(stage, [points[layer - 1, 0][w] for points, w in zip(sides, wanted, strict=True)])
        if table is not None:
            found[layer] = table, wanted
    terms = max((len(table.ranks) for table, _ in found.values()), default=0)
    entries = max((int(table.ranks.sum()) for table, _ in found.values()), default=-2)
    check_memory(8 * len(found) * (entries + 2) * sum(points.shape[2] for points in sides), "a table of angular series")
    ranks = np.zeros((layers, 1 + terms), dtype=np.int64)
    tables = [np.zeros((layers, points.shape[2], entries + 2)) for points in sides]
    for layer, (table, wanted) in found.items():
        ranks[layer, : 1 + len(table.ranks)] = len(table.ranks), *table.ranks
        stage = dict(layers_of(stages))[layer]
        for k, points in enumerate(sides):
            _fill(tables[k][layer], table, wanted[k], points, series[k][layer], layer, stage, tangent)
    return tables, ranks


def _roots(points: Floats, series: Floats, layer: int) -> Floats:
    """Roots of what the Mehler series leaves out, the larger of the two; 0 for points of variance 0."""
    return np.where(points[layer - 1, 0] > 0.0, series[layer, -2:].max(axis=0), 0.0)


def _table_for(stage: SampledStage, variances: Sequence[Floats]) -> AngularTable | None:
    """The table for variances of all sides, its ends rounded to powers of sqrt 2: other data meet the same table."""
    p = np.concatenate(variances)
    if not p.size:
        return None
    low, high = np.floor(2.0 * np.log2(p.min())), np.ceil(2.0 * np.log2(p.max()))
    return angular_table(stage.phi, stage.x, float(2.0 ** (low / 2.0)), float(2.0 ** (max(high, low + 1.0) / 2.0)))


def _fill(
    out: Floats,
    table: AngularTable,
    wanted: Floats,
    points: Floats,
    series: Floats,
    layer: int,
    stage: SampledStage,
    tangent: bool,
) -> None:
    p, P = points[layer - 1, 0, wanted], points[layer, 2, wanted]
    entries = table.at(p, P)
    out[wanted, : entries.shape[1]] = entries
    out[:, -2:] = np.inf
    out[wanted, -2] = _left_out(np.einsum("pk,pk->p", entries, entries))
    if tangent:
        # E phi'^2 times p, from what the Mehler series has of it
        slopes = stage.orders(len(series) - 2) @ series[:-2, wanted] ** 2 / (1.0 - series[-1, wanted] ** 2 + 4.0 * _EPSILON)
        weighted = np.einsum("pk,k,pk->p", entries, table.orders.astype(float) ** 2, entries, optimize=False)
        out[wanted, -1] = _left_out(P * weighted / slopes)


def _left_out(kept: Floats) -> Floats:
    return np.sqrt(np.maximum(1.0 - kept, 0.0) + RESOLVED)
