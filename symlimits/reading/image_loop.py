r"""The loops of a compiled kernel of images: a pair of images through all layers, its fields in the nearest cache.

A cell is a pair of pixels (alpha, alpha'); cells are those with alpha = alpha', or all, x's pixel first. Of a cell are
carried the covariance S, its defect G = sqrt(p q) - |S| >= 0, which decides the accuracy, and the tangent kernel D.
A mean over the pixels under a filter, S' = w sum_b S_b / |F| + b, has a defect without cancellation: with
r = (q'/p')^(1/4) and the sign of S' before S,

    sqrt(p' q') -+ S' = w/|F| sum_b [(r sqrt p_b - sqrt q_b / r)^2 / 2 + (sqrt(p_b q_b) -+ S_b)] + b (r -+ 1/r)^2 / 2,

since r^2 p' + q'/r^2 = 2 sqrt(p' q'). It is summed so where S' is within `CLOSE` of its bound, and elsewhere subtracted.
A mean over windows, at both images apart, has no such sum: there it is subtracted, and taken for zero where it is
rounding; behind it an angle below 1e-6 has fewer than nine digits.

Tables of an image have shape (levels, pixels): the root of the variance at each pixel before and after every layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numba import njit

from symlimits.reading.closures import named_after
from symlimits.reading.gram_input import Floats, close_gap
from symlimits.reading.image_sums import FILTER, SUM, WINDOW, Integers, field_sums, filtered, tap
from symlimits.reading.special import angle as angle_of
from symlimits.reading.special import copysign

CLOSE = 1e-3  # of the bound: defects that are subtracted are right to 1e-12 of themselves from here on
SAME = 2.0**-46  # of the bound: a subtracted defect below is rounding, and pixels are taken for parallel

BLOCK = 128  # cells that are computed at a time, and places for each of S, G, D in the buffer
_G, _D = BLOCK, 2 * BLOCK

Step = Callable[..., tuple[float, float, float]]


@njit(error_model="numpy", fastmath={"contract"})
def input_cells(S: Floats, G: Floats, D: Floats, x: Floats, z: Floats, X: Floats, Z: Floats, paired: bool) -> None:
    """The input kernel of two images (pixels, channels), of which X and Z are the tables."""
    channels = x.shape[1]
    scale = 1.0 / math.sqrt(float(channels))
    k = 0
    for a in range(x.shape[0]):
        first = 0 if paired else a
        last = z.shape[0] if paired else a + 1
        for b in range(first, last):
            total = 0.0
            for c in range(channels):
                total += x[a, c] * z[b, c]
            size = X[0, a] * Z[0, b]
            covariance = total / channels
            defect = size - abs(covariance)
            if channels == 1 or size == 0.0:
                defect = 0.0
            elif defect < CLOSE * size:
                side = copysign(1.0, total)
                gap = close_gap(x[a], z[b], scale / X[0, a], side * scale / Z[0, b])
                defect = gap * size
                covariance = side * (size - defect)
            S[k] = covariance
            G[k] = defect
            D[k] = 0.0
            k += 1


@njit(error_model="numpy")
def put(out: Floats, i: int, values: Floats, j: int, count: int) -> None:
    """out = values: an assignment of slices would do, but takes long to compile."""
    for k in range(count):
        out[i + k] = values[j + k]


def pair_stage(step: Step, even: bool, odd: bool) -> Callable[..., None]:
    """Take `count` cells through an activation, at pixels with the roots `first`, `second` before and after it.

    What is written goes to one buffer, at fixed places: of more arrays the compiler would have to check that they do not
    overlap with what is read, and would make no vector instructions.
    """

    @njit(error_model="numpy", fastmath={"contract"})
    @named_after(step)
    def block(
        buffer: Floats, S: Floats, G: Floats, D: Floats, start: int, count: int, first: Floats, second: Floats,
        one: Floats, other: Floats, i: int,
    ) -> None:  # fmt: skip
        for k in range(count):
            root_p, root_q, root_P, root_Q = first[i + k], second[i + k], one[i + k], other[i + k]
            root, size, side = root_p * root_q, root_P * root_Q, copysign(1.0, S[start + k])
            gap = min(G[start + k] / root, 1.0) if root > 0.0 else 1.0
            toward = 1.0 if even or odd else side
            rho = copysign(1.0 - gap, toward)
            sine = math.sqrt(gap * (2.0 - gap))
            near = angle_of(gap)
            far = math.pi - near
            angle, supplement = (near, far) if toward > 0.0 else (far, near)
            p, q, P, Q = root_p * root_p, root_q * root_q, root_P * root_P, root_Q * root_Q
            T, dot, Gamma = step(p, q, P, Q, rho, rho * root, gap, sine, angle, supplement, root * sine)
            Gamma = Gamma if toward > 0.0 else size - T
            # equal pixels stay equal, also where Gamma is only zero to rounding
            Gamma = 0.0 if (gap == 0.0) & (rho > 0.0) & (root_p == root_q) else Gamma
            Gamma = Gamma if T >= 0.0 else size + T
            buffer[k] = side * T if odd else T
            buffer[_G + k] = 0.0 if Gamma < 0.0 else Gamma
            buffer[_D + k] = (side * dot if even else dot) * D[start + k]

    @njit(error_model="numpy")
    @named_after(step)
    def activate(
        fields: Floats, buffer: Floats, start: int, count: int, first: Floats, second: Floats, one: Floats,
        other: Floats,
    ) -> None:  # fmt: skip
        S, G, D = fields[0], fields[1], fields[2]
        for i in range(0, count, BLOCK):
            n = min(BLOCK, count - i)
            block(buffer, S, G, D, start + i, n, first, second, one, other, i)
            for e in range(3):
                put(fields[e], start + i, buffer, e * BLOCK, n)

    return activate


@njit(error_model="numpy", fastmath={"contract"})
def near_term(S: float, G: float, root_p: float, root_q: float, r: float, inverse: float, side: float) -> float:
    """What one pixel pair adds to the defect of a mean."""
    difference = r * root_p - inverse * root_q
    return 0.5 * difference * difference + (G if side * S >= 0.0 else root_p * root_q + abs(S))


@njit(error_model="numpy", fastmath={"contract"})
def near_bias(b: float, r: float, inverse: float, side: float) -> float:
    """What a bias adds to the defect of a mean."""
    difference = r - side * inverse
    return 0.5 * b * difference * difference


@njit(error_model="numpy", fastmath={"contract"})
def close_defect(
    S: Floats, G: Floats, X: Floats, Z: Floats, shape: Integers, w: float, b: float, r: float, side: float,
    a: int, c: int, paired: bool,
) -> float:  # fmt: skip
    """The defect of the mean at pixels a and c, by the sum that does not cancel; X and Z are tables at the input."""
    inverse = 1.0 / r
    total = 0.0
    width = shape[0] * shape[1]
    for t in range(shape[4] * shape[5]):
        i, j = tap(shape, t, a), tap(shape, t, c)
        root_p = X[i] if i >= 0 else 0.0
        root_q = Z[j] if j >= 0 else 0.0
        k = (i * width + j if paired else i) if (i >= 0) & (j >= 0) else -1
        cell_S, cell_G = (S[k], G[k]) if k >= 0 else (0.0, 0.0)
        total += near_term(cell_S, cell_G, root_p, root_q, r, inverse, side)
    return w * total + near_bias(b, r, inverse, side)


@njit(error_model="numpy", fastmath={"contract"})
def finish(
    kind: int, S: Floats, G: Floats, D: Floats, S_in: Floats, G_in: Floats, X: Floats, Z: Floats, level: int,
    source: int, shape: Integers, numbers: Floats, paired: bool, buffer: Floats, zero: int,
) -> None:  # fmt: skip
    """From sums over pixels to covariance, tangent kernel and defect after a layer."""
    rows = shape[2] * shape[3]
    w, b = numbers[0], numbers[1]
    roots = Z[level]
    for a in range(rows if paired else 1):
        start = a * rows
        factor = X[level, a] if paired else 0.0
        for i in range(0, rows, BLOCK):
            n = min(BLOCK, rows - i)
            close = settle(buffer, S, D, start + i, n, X[level], roots, i, factor, paired, numbers)
            put(S, start + i, buffer, zero, n)
            put(G, start + i, buffer, zero + _G, n)
            put(D, start + i, buffer, zero + _D, n)
            for k in range(n if close else 0):
                one, other = a if paired else i + k, i + k
                defect, bound = buffer[_G + k], X[level, one] * roots[other]
                if defect < CLOSE * bound and kind == WINDOW:
                    G[start + other] = 0.0 if defect < SAME * bound else defect
                elif defect < CLOSE * bound:
                    r, side = math.sqrt(roots[other] / X[level, one]), copysign(1.0, buffer[k])
                    G[start + other] = close_defect(
                        S_in, G_in, X[source], Z[source], shape, w, b, r, side, one, other, paired
                    )


@njit(error_model="numpy", fastmath={"contract"})
def settle(
    buffer: Floats, S: Floats, D: Floats, start: int, count: int, first: Floats, second: Floats, i: int, factor: float,
    paired: bool, numbers: Floats,
) -> bool:  # fmt: skip
    """Covariance, tangent kernel and defect from sums, into the buffer; whether a defect is to be computed anew."""
    w, b, t_T, t_1 = numbers[0], numbers[1], numbers[2], numbers[3]
    close = 0
    for k in range(count):
        total = S[start + k]
        covariance = w * total + b
        bound = (factor if paired else first[i + k]) * second[i + k]
        defect = bound - abs(covariance)
        buffer[k] = covariance
        buffer[_G + k] = defect
        buffer[_D + k] = t_T * total + t_1 + w * D[start + k]
        close += defect < CLOSE * bound
    return close > 0


@njit(error_model="numpy", fastmath={"contract"})
def add_fields(
    S: Floats, G: Floats, D: Floats, S_0: Floats, G_0: Floats, D_0: Floats, X: Floats, Z: Floats, level: int,
    source: int, trunk: int, pixels: int, paired: bool,
) -> None:  # fmt: skip
    """Add the fields of a trunk, at the level `trunk`, to those of its branch."""
    k = 0
    for a in range(pixels):
        for c in range(0 if paired else a, pixels if paired else a + 1):
            covariance = S[k] + S_0[k]
            bound = X[level, a] * Z[level, c]
            defect = bound - abs(covariance)
            if defect < CLOSE * bound:
                r = math.sqrt(Z[level, c] / X[level, a])
                side = copysign(1.0, covariance)
                defect = near_term(S[k], G[k], X[source, a], Z[source, c], r, 1.0 / r, side)
                defect += near_term(S_0[k], G_0[k], X[trunk, a], Z[trunk, c], r, 1.0 / r, side)
            S[k] = covariance
            G[k] = defect
            D[k] += D_0[k]
            k += 1


@njit(error_model="numpy")
def fill_table(
    kind: int, table: Floats, S: Floats, scratch: Floats, level: int, source: int, trunk: int, shape: Integers,
    numbers: Floats, paired: bool,
) -> None:  # fmt: skip
    """The variances after a layer, from those before it; from the fields of (x, x), S, after a mean over windows."""
    after = shape[2] * shape[3]
    w, b = numbers[0], numbers[1]
    if kind == FILTER:
        for a in range(shape[0] * shape[1]):
            scratch[2, a] = table[source, a] * table[source, a]
        filtered(scratch[0], scratch[2], scratch[1], shape, kind != FILTER)
    for a in range(after):
        if kind == SUM:
            p = table[source, a] * table[source, a] + table[trunk, a] * table[trunk, a]
        elif kind == WINDOW:
            p = w * S[a * after + a if paired else a] + b
        else:
            p = w * scratch[0, a] + b
        table[level, a] = math.sqrt(p)


def pass_through(activate: Callable[..., None], diagonal: Callable[[int, float], float]) -> Callable[..., None]:
    """A pair of images through all layers; where `fill`, it is a pair (x, x) whose table is filled on the way.

    `plan` has a row for each layer: its kind, the stage of an activation, slots of its input and of its output, the
    level of a trunk and its slot. `shapes` are pixels before (2) and after (2), of a filter, strides, pixels below it
    (2 each), and whether pixels go round.
    """

    @njit(error_model="numpy")
    @named_after(activate)
    def run(
        state: Floats, scratch: Floats, lines: Floats, buffer: Floats, x: Floats, z: Floats, X: Floats, Z: Floats, plan: Integers,
        shapes: Integers, numbers: Floats, paired: bool, fill: bool,
    ) -> tuple[float, float]:  # fmt: skip
        pixels, zero = x.shape[0], np.int64(0)  # numba compiles anew for a literal
        if fill:
            for a in range(pixels):
                total = 0.0
                for c in range(x.shape[1]):
                    total += x[a, c] * x[a, c]
                X[0, a] = math.sqrt(total / x.shape[1])
        S, G, D = state[0, 0], state[0, 1], state[0, 2]
        input_cells(S, G, D, x, z, X, Z, paired)
        for layer in range(plan.shape[0]):
            kind, stage, source, slot = plan[layer, 0], plan[layer, 1], plan[layer, 2], plan[layer, 3]
            level, shape = layer + 1, shapes[layer]
            after = shape[2] * shape[3]
            S, G, D = state[slot, 0], state[slot, 1], state[slot, 2]
            S_in, G_in, D_in = state[source, 0], state[source, 1], state[source, 2]
            if kind == FILTER or kind == WINDOW:
                for e in range(0, 3, 2):
                    field_sums(kind, state[slot, e], state[source, e], scratch, shape, paired)
                if fill:
                    fill_table(kind, X, S, scratch, level, layer, plan[layer, 4], shape, numbers[layer], paired)
                finish(kind, S, G, D, S_in, G_in, X, Z, level, layer, shape, numbers[layer], paired, buffer, zero)
                continue
            if slot != source:
                for e in range(3):
                    put(state[slot, e], zero, state[source, e], zero, after * after if paired else after)
            if kind == SUM:
                trunk, kept = plan[layer, 4], plan[layer, 5]
                if fill:
                    fill_table(kind, X, S, scratch, level, layer, trunk, shape, numbers[layer], paired)
                add_fields(
                    S, G, D, state[kept, 0], state[kept, 1], state[kept, 2], X, Z, level, layer, trunk, after, paired
                )
                continue
            if fill:
                for a in range(after):
                    X[level, a] = math.sqrt(diagonal(stage, X[layer, a] * X[layer, a]))
            if not paired:
                activate(stage, state[slot], buffer, zero, after, X[layer], Z[layer], X[level], Z[level])
                continue
            for a in range(after):
                for c in range(after):
                    lines[0, c], lines[1, c] = X[layer, a], X[level, a]
                activate(stage, state[slot], buffer, a * after, after, lines[0], Z[layer], lines[1], Z[level])
        side = copysign(1.0, S[0])
        last = plan.shape[0]
        return side * (X[last, 0] * Z[last, 0] - G[0]), D[0]

    return run
