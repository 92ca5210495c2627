"""The source of a compiled kernel recursion: one scalar step a stage, handed to the loops of `gram_loop`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from textwrap import dedent, indent
from typing import Literal

from symlimits.errors import DomainError
from symlimits.reading.gram_joins import Frame
from symlimits.reading.gram_sampled import SampledStage


@dataclass(frozen=True)
class Stage(Frame):
    """An activation followed by a Dense layer, `repeats` times: Python statements for one pair of points.

    `step` reads the scalars

        p, q        variances                      P, Q            T(p, p, p) and T(q, q, q)
        rho, c      cosine and covariance          gap             1 - |rho|
        sine        sqrt(1 - rho^2)                s               sqrt(p q - c^2) = sqrt(p q) sine
        angle       arccos(rho)                    supplement      pi - angle, both accurate near 0

    and assigns T, dot = dT/dc (not for the NNGP kernel alone) and Gamma = sqrt(P Q) - T, which decides the accuracy:
    it must not cancel where rho is near 1. Gamma is not used where rho < 0, so gap may stand for 1 - rho in it. Where
    p or q is 0, rho is 0 (or 1, for a point with itself). `diagonal` reads p and assigns T = T(p, p, p).
    Both may use the functions of `math` and of `symlimits.reading.special`. For vector instructions: no `if`
    statement (`a if x else b` is fine), and of `math` only sqrt.

    `normalized`: the activation is positively homogeneous and the layers have no bias; the step is asked for p = q = 1.
    `parity`: the activation is even or odd; the step is asked for rho >= 0 only.
    What stands around them, LayerNorm and branches, is said by `Frame`; each counts as a layer of its own.
    """

    step: str
    diagonal: str
    repeats: int = 1
    normalized: bool = False
    parity: Literal["even", "odd"] | None = None

    def __post_init__(self) -> None:
        if self.parity not in ("even", "odd", None):
            raise DomainError(f"parity is {self.parity!r}", '"even", "odd" or None', "None, which is always right")
        if self.repeats < 1:
            raise DomainError(f"repeats is {self.repeats}", "a positive integer", "leaving the stage out")
        if self.normalized and (self.unit or self.opened or self.after):
            raise DomainError("a normalized stage beside branches or LayerNorm", "a plain one", "normalized=False")


Stages = tuple[Stage | SampledStage, ...]


def gram_source(stages: Stages, tangent: bool, driver: Literal["gram", "pairs"]) -> str:
    """Source of a module with `propagate`, `expand` and a driver, with or without the tangent kernel.

    It does not depend on numbers of repeats, on weight or bias variances: networks that differ in these share it.
    The drivers are apart, since that of Gram matrices takes ten times as long to compile.
    """
    functions = [_functions(k, stages[k], tangent) for k in sorted(set(_alike(stages)))]
    sampled = any(isinstance(stage, SampledStage) for stage in stages)
    header = [_HEADER, *([_SAMPLED_HEADER] if sampled else [])]
    expand = _expand(stages, driver == "gram") if sampled else ""
    return "\n\n".join([*header, *functions, _advance(stages), _propagate(stages), expand, _DRIVERS[driver]])


def _alike(stages: Stages) -> list[int]:
    """For each stage the first one with the same steps: these are compiled once."""
    steps = [replace(stage, repeats=1, unit=False, opened=0, after=()) for stage in stages]
    return [steps.index(step) for step in steps]


def _functions(k: int, stage: Stage | SampledStage, tangent: bool) -> str:
    """The step and the diagonal, each a function of its own so that its names meet none of ours."""
    if isinstance(stage, SampledStage):
        return stage.source(k, tangent)
    dot = "dot" if tangent else "0.0"
    parity = f"even={stage.parity == 'even'}, odd={stage.parity == 'odd'}"
    loop = f"normalized_stage(step_{k}, diagonal_{k}" if stage.normalized else f"general_stage(step_{k}"
    return (
        f"{JIT}\ndef step_{k}(p, q, P, Q, rho, c, gap, sine, angle, supplement, s):\n"
        f"{body(stage.step)}\n    return T, {dot}, Gamma\n\n\n"
        f"{JIT}\ndef diagonal_{k}(p):\n{body(stage.diagonal)}\n    return T\n\n\n"
        f"advance_{k} = {loop}, {parity})\n"
    )


def body(statements: str) -> str:
    """Statements of a step, as those of a function."""
    return indent(dedent(statements).strip("\n"), "    ")


def _advance(stages: Stages) -> str:
    """The function that takes a row of pairs from the input to the output."""
    lines = [
        f"{JIT}\ndef advance(gaps, tangents, rows, columns, i, j, repeats, weights, left, right, ranks):",
        "    first_dense(gaps, tangents, rows, columns, i, j, weights)",
        "    layer = 0",
    ]
    divided, level, alike = False, 0, _alike(stages)
    for k, stage in enumerate(stages):
        if stage.normalized != divided:
            lines.append(_rescale(4 if stage.normalized else 1))
            divided = stage.normalized
        arguments = "layer, weights" if stage.normalized else "rows, columns, layer, i, j, weights"
        arguments += ", left, right, ranks" if isinstance(stage, SampledStage) else ""
        call = f"advance_{alike[k]}(gaps, tangents, {arguments})"
        lines.append(f"    for _ in range(repeats[{k}]):")
        for branch in range(level, level + stage.opened):
            lines.append(
                f"        trunk_{branch}, gaps_{branch}, tangents_{branch} = layer, gaps.copy(), tangents.copy()"
            )
        level += stage.opened
        if stage.unit:
            lines += [f"    {_rescale(4)}", "        layer += 1"]
        lines += ["        layer += 1", f"        {call}"]
        for join in stage.after:
            lines += [f"        {line}" for line in join.of_pairs(level - 1)]
            level -= join.pops
    if divided:
        lines.append(_rescale(1))
    return "\n".join(lines) + "\n"


def _rescale(entry: int) -> str:
    """Multiply Theta by the table's entry: 1 is sqrt p, 4 is 1/sqrt p."""
    return f"    rescale(tangents, rows[layer, {entry}, i], columns[layer, {entry}, j : j + gaps.size])"


def _propagate(stages: Stages) -> str:
    """The function that fills a table of points from its layer 0 on."""
    lines = [
        '@njit("void(f8[:, :, ::1], f8[::1], i8[::1], f8[:, ::1])", error_model="numpy", cache=True)',
        "def propagate(points, inputs, repeats, weights):",
        "    for k in range(inputs.size):",
        "        layer = 0",
        "        enter(points, 0, k, inputs[k], weights)",
    ]
    level, alike = 0, _alike(stages)
    for k, stage in enumerate(stages):
        lines.append(f"        for _ in range(repeats[{k}]):")
        lines += [f"            trunk_{branch} = layer" for branch in range(level, level + stage.opened)]
        level += stage.opened
        if stage.unit:  # of a point without a direction there is none
            one = "1.0 if points[layer - 1, 0, k] > 0.0 else nan"
            lines += ["            layer += 1", f"            enter(points, layer, k, {one}, weights)"]
        lines += [
            "            layer += 1",
            f"            enter(points, layer, k, diagonal_{alike[k]}(points[layer - 1, 0, k]), weights)",
        ]
        for join in stage.after:
            lines += [f"            {line}" for line in join.of_points(level - 1)]
            level -= join.pops
    return "\n".join(lines) + "\n"


def _expand(stages: Stages, parallel: bool) -> str:
    """The function that fills the tables of series coefficients from the table of points."""
    lines = [
        f'@njit("void(f8[:, :, ::1], f8[:, :, ::1], i8[::1])", error_model="numpy", parallel={parallel}, cache=True)',
        "def expand(points, tables, repeats):",
        "    for k in prange(points.shape[2]):",
        "        a = np.empty(2 * tables.shape[1])",
        "        layer = 0",
    ]
    alike = _alike(stages)
    for k, stage in enumerate(stages):
        lines.append(f"        for _ in range(repeats[{k}]):")
        lines += ["            layer += 1"] * (1 + stage.unit)
        if isinstance(stage, SampledStage):
            lines.append(f"            expand_{alike[k]}(tables[layer], k, points[layer - 1, 0, k], a)")
        lines += ["            layer += 1"] * len(stage.after)
    return "\n".join(lines) + "\n"


# products and sums may fuse; nothing that changes the signs of zeros or hides a NaN
JIT = '@njit(error_model="numpy", fastmath={"contract"})'

_HEADER = """\
import math
from math import *

from numba import njit, prange
from numba.types import UniTuple

from symlimits.reading.gram_joins import add_branches, exchange, multiply_branches
from symlimits.reading.gram_loop import (
    covariances, enter, first_dense, general_stage, normalized_stage, rescale, tile_of_rows
)
from symlimits.reading.special import (
    angle_between, asin_within, copysign, difference_of_products, exp_cosh, exp_sinh, fma, gap_of_products,
    root_within, top_cosh, top_sinh
)
"""

_SAMPLED_HEADER = """\
import numpy as np

from symlimits.reading.gram_sampled import expanded, sampled_stage
from symlimits.reading.mehler import expansion
from symlimits.reading.plane import plane_rule, square_of
"""

_GRAM = """\
tile = tile_of_rows(advance)


@njit(
    "void(i8[:, ::1], b1, f8[:, ::1], f8[:, ::1], f8[:, ::1], f8[:, ::1], f8[:, ::1], f8[::1], f8[::1],"
    " f8[:, :, ::1], f8[:, :, ::1], i8[::1], f8[:, ::1], UniTuple(f8[:, :, ::1], 2), UniTuple(f8[:, :, ::1], 2),"
    " i8[:, ::1])",
    error_model="numpy", parallel=True, cache=True,
)
def gram(
    corners, symmetric, products, K, Theta, X, Z, X_inverse, Z_inverse, rows, columns, repeats, weights, left, right,
    ranks,
):
    for t in prange(corners.shape[0]):
        tile(
            corners[t, 0], corners[t, 1], symmetric, products, K, Theta, X, Z, X_inverse, Z_inverse,
            rows, columns, repeats, weights, left, right, ranks,
        )
"""

_PAIRS = """\
@njit(
    "void(f8[::1], f8[::1], f8[::1], f8[:, :, ::1], f8[:, :, ::1], i8[::1], f8[:, ::1],"
    " UniTuple(f8[:, :, ::1], 2), UniTuple(f8[:, :, ::1], 2), i8[:, ::1])",
    error_model="numpy", cache=True,
)
def pairs(gaps, K, Theta, rows, columns, repeats, weights, left, right, ranks):
    last = weights.shape[0] - 1
    for k in range(gaps.size):
        advance(gaps[k : k + 1], Theta[k : k + 1], rows, columns, k, k, repeats, weights, left, right, ranks)
        covariances(K[k : k + 1], gaps[k : k + 1], rows[last, 1, k], columns[last, 1, k : k + 1])
"""

_DRIVERS = {"gram": _GRAM, "pairs": _PAIRS}
