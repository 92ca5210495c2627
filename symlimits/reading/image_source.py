"""The source of a compiled kernel of images: scalar steps of its activations, handed to the loops of `image_loop`."""

from __future__ import annotations

from symlimits.reading.gram_source import JIT, Stage, body


def image_source(stages: tuple[Stage, ...], tangent: bool) -> str:
    """Source of a module with `gram`, which fills tables or takes pairs: networks of the same activations share it."""
    functions = [_functions(k, stage, tangent) for k, stage in enumerate(stages)]
    return "\n\n".join([_HEADER, *functions, _chosen(len(stages)), _DRIVERS])


def _functions(k: int, stage: Stage, tangent: bool) -> str:
    parity = f"even={stage.parity == 'even'}, odd={stage.parity == 'odd'}"
    return (
        f"{JIT}\ndef step_{k}(p, q, P, Q, rho, c, gap, sine, angle, supplement, s):\n"
        f"{body(stage.step)}\n    return T, {'dot' if tangent else '0.0'}, Gamma\n\n\n"
        f"{JIT}\ndef diagonal_{k}(p):\n{body(stage.diagonal)}\n    return T\n\n\n"
        f"activate_{k} = pair_stage(step_{k}, {parity})\n"
    )


def _chosen(count: int) -> str:
    """The functions of a stage by its number."""
    calls = [f"    if stage == {k}:\n        activate_{k}(S, G, D, first, second, one, other)" for k in range(count)]
    values = [f"    if stage == {k}:\n        return diagonal_{k}(p)" for k in range(count)]
    activate = f"{JIT}\ndef activate(stage, S, G, D, first, second, one, other):"
    diagonal = f"\n\n{JIT}\ndef diagonal(stage, p):"
    return "\n".join([activate, *calls, "    return", diagonal, *values, "    return p\n"])


_HEADER = """\
import math
from math import *

import numpy as np
from numba import njit, prange

from symlimits.reading.image_loop import pair_stage, pass_through
from symlimits.reading.special import (
    angle_between, asin_within, copysign, difference_of_products, exp_cosh, exp_sinh, fma, gap_of_products,
    root_within, top_cosh, top_sinh
)
"""

_DRIVERS = """\
run = pass_through(activate, diagonal)


@njit(
    "void(i8[:, ::1], b1, b1, f8[:, ::1], f8[:, ::1], f8[:, :, ::1], f8[:, :, ::1], f8[:, :, ::1],"
    " f8[:, :, ::1], i8[:, ::1], i8[:, ::1], f8[:, ::1], i8[::1], b1)",
    error_model="numpy", parallel=True, cache=True,
)
def gram(corners, fill, symmetric, K, Theta, X, Z, rows, columns, plan, shapes, numbers, sizes, paired):
    for t in prange(corners.shape[0]):
        state, scratch = np.empty((sizes[0], 3, sizes[1])), np.empty((3, sizes[1]))
        lines = np.empty((2, sizes[2]))
        i1 = min(corners[t, 0] + sizes[3], X.shape[0])
        j1 = min(corners[t, 1] + sizes[3], Z.shape[0])
        for i in range(corners[t, 0], i1):
            for j in range(corners[t, 1], j1):
                if (symmetric and j < i) or (fill and j != i):
                    continue
                same = fill or (symmetric and i == j)
                value, tangent = run(
                    state, scratch, lines, X[i], Z[j], rows[i], columns[j], plan, shapes, numbers, paired, fill, same
                )
                if symmetric and i == j:
                    value = rows[i, plan.shape[0], 0] * rows[i, plan.shape[0], 0]
                if K.size > 0:
                    K[i, j] = value
                if Theta.size > 0:
                    Theta[i, j] = tangent
"""
