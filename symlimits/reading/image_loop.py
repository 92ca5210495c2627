r"""The loops of a compiled kernel of images: a pair of images through all layers, its fields in the nearest cache.

A cell is a pair of pixels (alpha, alpha'); cells are those with alpha = alpha', or all, x's pixel first. Of a cell are
carried the covariance S, its defect G = sqrt(p q) - |S| >= 0, which decides the accuracy, and the tangent kernel D.
A mean over the pixels under a filter, S' = w sum_b S_b / |F| + b, has a defect without cancellation: with
r = (q'/p')^(1/4) and the sign of S' before S,

    sqrt(p' q') -+ S' = w/|F| sum_b [(r sqrt p_b - sqrt q_b / r)^2 / 2 + (sqrt(p_b q_b) -+ S_b)] + b (r -+ 1/r)^2 / 2,

since r^2 p' + q'/r^2 = 2 sqrt(p' q'). It is summed so where S' is within `CLOSE` of its bound, and else subtracted.
A mean over windows, at both images apart, has no such sum: there it is subtracted, and taken for zero where it is
rounding; behind it an angle below 1e-6 has fewer than nine digits.

Tables of an image have shape (levels, pixels): the root of the variance at each pixel before and after every layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from numba import njit

from symlimits.reading.closures import named_after
from symlimits.reading.gram_input import Floats, close_gap
from symlimits.reading.image_sums import FILTER, SUM, WINDOW, Integers, field_sums, filtered, piece, tap
from symlimits.reading.special import angle as angle_of
from symlimits.reading.special import copysign

CLOSE = 1e-3  # of the bound: defects that are subtracted are right to 1e-12 of themselves from here on
SAME = 2.0**-46  # of the bound: a subtracted defect below is rounding, and pixels are taken for parallel

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


def pair_stage(step: Step, even: bool, odd: bool) -> Callable[..., None]:
    """Take cells through an activation: at their pixels roots are `first`, `second` before, `one`, `other` after it."""

    @njit(error_model="numpy", fastmath={"contract"})
    @named_after(step)
    def activate(S: Floats, G: Floats, D: Floats, first: Floats, second: Floats, one: Floats, other: Floats) -> None:
        for k in range(S.size):
            root_p, root_q, root_P, root_Q = first[k], second[k], one[k], other[k]
            root, size, side = root_p * root_q, root_P * root_Q, copysign(1.0, S[k])
            gap = min(G[k] / root, 1.0) if root > 0.0 else 1.0
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
        root_p = X[i] if i >= 0 else 0.0
        root_q = Z[j] if j >= 0 else 0.0
        k = (i * width + j if paired else i) if (i >= 0) & (j >= 0) else -1
        cell_S, cell_G = (S[k], G[k]) if k >= 0 else (0.0, 0.0)
        total += near_term(cell_S, cell_G, root_p, root_q, r, inverse, side)
    return w * total + near_bias(b, r, inverse, side)


@njit(error_model="numpy", fastmath={"contract"})
def finish(
    kind: int, S: Floats, G: Floats, D: Floats, S_in: Floats, G_in: Floats, X: Floats, Z: Floats, line: Floats,
    level: int, source: int, shape: Integers, numbers: Floats, paired: bool, same: bool,
) -> None:  # fmt: skip
    """From sums over pixels to covariance, tangent kernel and defect after a layer."""
    pixels, w, b = shape[2] * shape[3], numbers[0], numbers[1]
    roots = piece(Z[level], 0 * pixels, pixels)
    for a in range(pixels if paired else 1):
        start = a * pixels
        first = constant(line, X[level, a], pixels) if paired else piece(X[level], start, pixels)
        defects, values = piece(G, start, pixels), piece(S, start, pixels)
        close = settle(values, defects, piece(D, start, pixels), first, roots, numbers)
        if same and not paired:
            constant(defects, 0.0, pixels)
        for k in range(pixels if close and (paired or not same) else 0):
            bound = first[k] * roots[k]
            if defects[k] < CLOSE * bound and kind == WINDOW:
                defects[k] = 0.0 if defects[k] < SAME * bound else defects[k]
            elif defects[k] < CLOSE * bound:
                r, side = math.sqrt(roots[k] / first[k]), copysign(1.0, values[k])
                one = a if paired else k
                defects[k] = close_defect(S_in, G_in, X[source], Z[source], shape, w, b, r, side, one, k, paired)


@njit(error_model="numpy")
def constant(line: Floats, value: float, count: int) -> Floats:
    """An array of equal numbers, in the memory of `line`."""
    for k in range(count):
        line[k] = value
    return piece(line, 0 * count, count)


@njit(error_model="numpy", fastmath={"contract"})
def settle(S: Floats, G: Floats, D: Floats, first: Floats, second: Floats, numbers: Floats) -> bool:
    """Covariance, tangent kernel and defect from sums; whether a defect is to be computed anew."""
    w, b, t_T, t_1 = numbers[0], numbers[1], numbers[2], numbers[3]
    close = 0
    for k in range(S.size):
        total = S[k]
        covariance = w * total + b
        bound = first[k] * second[k]
        defect = bound - abs(covariance)
        S[k] = covariance
        G[k] = defect
        D[k] = t_T * total + t_1 + w * D[k]
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


@njit(error_model="numpy")
def copy_fields(fields: Floats, values: Floats, count: int) -> None:
    """An assignment of slices would do, but takes long to compile."""
    for e in range(3):
        for k in range(count):
            fields[e, k] = values[e, k]


@njit(error_model="numpy")
def input_roots(table: Floats, x: Floats) -> None:
    """The first level of a table."""
    for a in range(x.shape[0]):
        total = 0.0
        for c in range(x.shape[1]):
            total += x[a, c] * x[a, c]
        table[0, a] = math.sqrt(total / x.shape[1])


def pass_through(activate: Callable[..., None], diagonal: Callable[[int, float], float]) -> Callable[..., None]:
    """A pair of images through all layers; where `fill`, it is a pair (x, x) whose table is filled on the way.

    `same` says that it is such a pair: equal pixels are known to have no defect.

    `plan` has a row for each layer: its kind, the stage of an activation, slots of its input and of its output, the
    level of a trunk and its slot. `shapes` are pixels before (2) and after (2), of a filter, strides, pixels below it
    (2 each), and whether pixels go round.
    """

    @njit(error_model="numpy")
    @named_after(activate)
    def through_activation(
        stage: int, fields: Floats, lines: Floats, X: Floats, Z: Floats, layer: int, pixels: int, paired: bool
    ) -> None:
        zero = 0 * pixels
        second, other = piece(Z[layer], zero, pixels), piece(Z[layer + 1], zero, pixels)
        for a in range(pixels if paired else 1):
            start = a * pixels
            S, G, D = piece(fields[0], start, pixels), piece(fields[1], start, pixels), piece(fields[2], start, pixels)
            first = constant(lines[0], X[layer, a], pixels) if paired else piece(X[layer], zero, pixels)
            one = constant(lines[1], X[layer + 1, a], pixels) if paired else piece(X[layer + 1], zero, pixels)
            activate(stage, S, G, D, first, second, one, other)

    @njit(error_model="numpy")
    @named_after(activate)
    def run(
        state: Floats, scratch: Floats, lines: Floats, x: Floats, z: Floats, X: Floats, Z: Floats,
        plan: Integers, shapes: Integers, numbers: Floats, paired: bool, fill: bool, same: bool,
    ) -> tuple[float, float]:  # fmt: skip
        if fill:
            input_roots(X, x)
        input_cells(state[0, 0], state[0, 1], state[0, 2], x, z, X, Z, paired)
        for layer in range(plan.shape[0]):
            kind, stage, source, slot = plan[layer, 0], plan[layer, 1], plan[layer, 2], plan[layer, 3]
            level, shape = layer + 1, shapes[layer]
            pixels = shape[2] * shape[3]
            S, G, D = state[slot, 0], state[slot, 1], state[slot, 2]
            trunk, kept = plan[layer, 4], plan[layer, 5]
            if kind == FILTER or kind == WINDOW:  # noqa: SIM109
                for e in range(0, 3, 2):
                    field_sums(kind, state[slot, e], state[source, e], scratch, shape, paired)
            elif slot != source:
                copy_fields(state[slot], state[source], pixels * pixels if paired else pixels)
            if fill and kind >= 0:
                fill_table(kind, X, S, scratch, level, layer, trunk, shape, numbers[layer], paired)
            elif fill:
                for a in range(pixels):
                    X[level, a] = math.sqrt(diagonal(stage, X[layer, a] * X[layer, a]))
            if kind < 0:
                through_activation(stage, state[slot], lines, X, Z, layer, pixels, paired)
            elif kind == SUM:
                trunks = state[kept]
                add_fields(S, G, D, trunks[0], trunks[1], trunks[2], X, Z, level, layer, trunk, pixels, paired)
            else:
                S_in, G_in = state[source, 0], state[source, 1]
                finish(kind, S, G, D, S_in, G_in, X, Z, lines[0], level, layer, shape, numbers[layer], paired, same)
        last, place = plan.shape[0], plan[plan.shape[0] - 1, 3]
        size = X[last, 0] * Z[last, 0] - state[place, 1, 0]
        return copysign(size, state[place, 0, 0]), state[place, 2, 0]

    return run
