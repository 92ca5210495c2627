r"""The loops of a compiled kernel of images: a pair of images through all layers, its fields in the nearest cache.

A cell is a pair of pixels (alpha, alpha'); cells are those with alpha = alpha', or all, x's pixel first. Of a cell are
carried the covariance S, its defect G = sqrt(p q) - |S| >= 0, which decides the accuracy, and the tangent kernel D.
A mean over the pixels under a filter, S' = w sum_b S_b / |F| + b, has a defect without cancellation: with
r = (q'/p')^(1/4) and the sign of S' before S,

    sqrt(p' q') -+ S' = w/|F| sum_b [(r sqrt p_b - sqrt q_b / r)^2 / 2 + (sqrt(p_b q_b) -+ S_b)] + b (r -+ 1/r)^2 / 2,

since r^2 p' + q'/r^2 = 2 sqrt(p' q'). It is summed so where S' is within `CLOSE` of its bound, and elsewhere subtracted.
A mean over windows, at both images apart, has no such sum: there a defect is exact at equal pixels of equal images,
and subtracted elsewhere.

Tables of an image have shape (levels, 5, pixels): p, sqrt p, p, sqrt p, 1/sqrt p (0 where p = 0) at each pixel before
and after every layer, as the loops of `gram_sampled` read them.
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

Step = Callable[..., tuple[float, float, float]]


@njit(error_model="numpy")
def enter_pixel(table: Floats, level: int, a: int, p: float) -> None:
    """Fill in pixel a of a level."""
    root = math.sqrt(p)
    table[level, 0, a] = p
    table[level, 1, a] = root
    table[level, 2, a] = p
    table[level, 3, a] = root
    table[level, 4, a] = 1.0 / root if root > 0.0 else 0.0


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
            size = X[0, 1, a] * Z[0, 1, b]
            covariance = total / channels
            defect = size - abs(covariance)
            if channels == 1 or size == 0.0:
                defect = 0.0
            elif defect < CLOSE * size:
                side = copysign(1.0, total)
                gap = close_gap(x[a], z[b], scale * X[0, 4, a], side * scale * Z[0, 4, b])
                defect = gap * size
                covariance = side * (size - defect)
            S[k] = covariance
            G[k] = defect
            D[k] = 0.0
            k += 1


def pair_stage(step: Step, even: bool, odd: bool) -> Callable[..., None]:
    """Take cells through an activation; `first` and `second` are its tables before and after at the two pixels."""

    @njit(error_model="numpy", fastmath={"contract"})
    @named_after(step)
    def activate(S: Floats, G: Floats, D: Floats, first: Floats, second: Floats, one: Floats, other: Floats) -> None:
        p, root_p, inverse_p, P, root_P = first[0], first[1], first[4], one[0], one[1]
        q, root_q, inverse_q, Q, root_Q = second[0], second[1], second[4], other[0], other[1]
        for k in range(S.size):
            scale = inverse_p[k] * inverse_q[k]
            gap = min(G[k] * scale, 1.0) if scale > 0.0 else 1.0
            side = copysign(1.0, S[k])
            toward = 1.0 if even or odd else side
            rho = copysign(1.0 - gap, toward)
            sine = math.sqrt(gap * (2.0 - gap))
            near = angle_of(gap)
            far = math.pi - near
            angle, supplement = (near, far) if toward > 0.0 else (far, near)
            root = root_p[k] * root_q[k]
            T, dot, Gamma = step(p[k], q[k], P[k], Q[k], rho, rho * root, gap, sine, angle, supplement, root * sine)
            size = root_P[k] * root_Q[k]
            Gamma = Gamma if toward > 0.0 else size - T
            # equal pixels stay equal, also where Gamma is only zero to rounding
            Gamma = 0.0 if (gap == 0.0) & (rho > 0.0) & (root_p[k] == root_q[k]) else Gamma
            Gamma = Gamma if T >= 0.0 else size + T
            S[k] = side * T if odd else T
            G[k] = 0.0 if Gamma < 0.0 else Gamma
            D[k] = (side * dot if even else dot) * D[k]

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
        root_p = X[1, i] if i >= 0 else 0.0
        root_q = Z[1, j] if j >= 0 else 0.0
        k = (i * width + j if paired else i) if (i >= 0) & (j >= 0) else -1
        cell_S, cell_G = (S[k], G[k]) if k >= 0 else (0.0, 0.0)
        total += near_term(cell_S, cell_G, root_p, root_q, r, inverse, side)
    return w * total + near_bias(b, r, inverse, side)


@njit(error_model="numpy", fastmath={"contract"})
def finish(
    kind: int, S: Floats, G: Floats, D: Floats, S_in: Floats, G_in: Floats, X: Floats, Z: Floats, level: int,
    source: int, shape: Integers, numbers: Floats, paired: bool,
) -> None:  # fmt: skip
    """From sums over pixels to covariance, tangent kernel and defect after a layer."""
    w, b, t_T, t_1 = numbers[0], numbers[1], numbers[2], numbers[3]
    rows = shape[2] * shape[3]
    columns = rows if paired else 1
    k = 0
    for a in range(rows):
        for c in range(a if not paired else 0, columns if paired else a + 1):
            total = S[k]
            covariance = w * total + b
            D[k] = t_T * total + t_1 + w * D[k]
            bound = X[level, 1, a] * Z[level, 1, c]
            defect = bound - abs(covariance)
            if defect < CLOSE * bound:
                if kind == WINDOW:
                    same = (covariance == X[level, 0, a]) & (covariance == Z[level, 0, c])
                    defect = 0.0 if same else max(defect, 0.0)
                else:
                    r = math.sqrt(Z[level, 1, c] * X[level, 4, a])
                    side = copysign(1.0, covariance)
                    defect = close_defect(S_in, G_in, X[source], Z[source], shape, w, b, r, side, a, c, paired)
            S[k] = covariance
            G[k] = defect
            k += 1


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
            bound = X[level, 1, a] * Z[level, 1, c]
            defect = bound - abs(covariance)
            if defect < CLOSE * bound:
                r = math.sqrt(Z[level, 1, c] * X[level, 4, a])
                side = copysign(1.0, covariance)
                defect = near_term(S[k], G[k], X[source, 1, a], Z[source, 1, c], r, 1.0 / r, side)
                defect += near_term(S_0[k], G_0[k], X[trunk, 1, a], Z[trunk, 1, c], r, 1.0 / r, side)
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
    before, after = shape[0] * shape[1], shape[2] * shape[3]
    w, b = numbers[0], numbers[1]
    if kind == FILTER:
        sums = scratch[0, :after]
        filtered(sums, table[source, 0, :before], scratch[1], shape, False)
    for a in range(after):
        if kind == SUM:
            p = table[source, 0, a] + table[trunk, 0, a]
        elif kind == WINDOW:
            p = w * S[a * after + a if paired else a] + b
        else:
            p = w * scratch[0, a] + b
        enter_pixel(table, level, a, p)


@njit(error_model="numpy")
def copy_fields(S: Floats, G: Floats, D: Floats, S_in: Floats, G_in: Floats, D_in: Floats) -> None:
    """Assignments of slices would do, but take long to compile."""
    for k in range(S.size):
        S[k], G[k], D[k] = S_in[k], G_in[k], D_in[k]


def pass_through(activate: Callable[..., None], diagonal: Callable[[int, float], float]) -> Callable[..., None]:
    """A pair of images through all layers; where `fill`, it is a pair (x, x) whose table is filled on the way.

    `plan` has a row for each layer: its kind, the stage of an activation, slots of its input and of its output, the
    level of a trunk and its slot. `shapes` are pixels before (2) and after (2), of a filter, strides, pixels below it
    (2 each), and whether pixels go round.
    """

    @njit(error_model="numpy")
    @named_after(activate)
    def run(
        state: Floats, scratch: Floats, lines: Floats, x: Floats, z: Floats, X: Floats, Z: Floats, plan: Integers,
        shapes: Integers, numbers: Floats, paired: bool, fill: bool,
    ) -> tuple[float, float]:  # fmt: skip
        pixels = x.shape[0]
        if fill:
            for a in range(pixels):
                total = 0.0
                for c in range(x.shape[1]):
                    total += x[a, c] * x[a, c]
                enter_pixel(X, 0, a, total / x.shape[1])
        cells = pixels * pixels if paired else pixels
        S, G, D = state[0, 0, :cells], state[0, 1, :cells], state[0, 2, :cells]
        input_cells(S, G, D, x, z, X, Z, paired)
        for layer in range(plan.shape[0]):
            kind, stage, source, slot = plan[layer, 0], plan[layer, 1], plan[layer, 2], plan[layer, 3]
            level, shape = layer + 1, shapes[layer]
            before = shape[0] * shape[1]
            after = shape[2] * shape[3]
            taken, left = (before * before, after * after) if paired else (before, after)
            S_in, G_in, D_in = state[source, 0, :taken], state[source, 1, :taken], state[source, 2, :taken]
            S, G, D = state[slot, 0, :left], state[slot, 1, :left], state[slot, 2, :left]
            if kind < 0:
                if fill:
                    for a in range(after):
                        enter_pixel(X, level, a, diagonal(stage, X[layer, 0, a]))
                if slot != source:
                    copy_fields(S, G, D, S_in, G_in, D_in)
                if not paired:
                    activate(
                        stage, S, G, D, X[layer, :, :after], Z[layer, :, :after], X[level, :, :after], Z[level, :, :after]
                    )
                    continue
                for a in range(after):
                    i, j = a * after, (a + 1) * after
                    for e in range(5):
                        for c in range(after):
                            lines[0, e, c], lines[1, e, c] = X[layer, e, a], X[level, e, a]
                    first, one = lines[0, :, :after], lines[1, :, :after]
                    activate(stage, S[i:j], G[i:j], D[i:j], first, Z[layer, :, :after], one, Z[level, :, :after])
                continue
            if kind == SUM:
                trunk, kept = plan[layer, 4], plan[layer, 5]
                if fill:
                    fill_table(kind, X, S_in, scratch, level, layer, trunk, shape, numbers[layer], paired)
                if slot != source:
                    copy_fields(S, G, D, S_in, G_in, D_in)
                S_0, G_0, D_0 = state[kept, 0, :left], state[kept, 1, :left], state[kept, 2, :left]
                add_fields(S, G, D, S_0, G_0, D_0, X, Z, level, layer, trunk, after, paired)
                continue
            field_sums(kind, S, S_in, scratch, shape, paired)
            field_sums(kind, D, D_in, scratch, shape, paired)
            if fill:
                fill_table(kind, X, S, scratch, level, layer, 0, shape, numbers[layer], paired)
            finish(kind, S, G, D, S_in, G_in, X, Z, level, layer, shape, numbers[layer], paired)
        side = copysign(1.0, S[0])
        last = plan.shape[0]
        return side * (X[last, 1, 0] * Z[last, 1, 0] - G[0]), D[0]

    return run
