"""The loops of a compiled kernel recursion: a row of pairs through one layer, and a tile of rows through all.

For a pair of points with variances p, q and covariance c = rho sqrt(p q), an activation and the Dense layer after it do

    p' = w P + b,   q' = w Q + b,   c' = w T + b,   Theta' = t_T T + t_1 + w dot Theta

with T = T(p, q, c), P = T(p, p, p), Q = T(q, q, q) and dot = dT/dc. Variances are propagated a point at a time; what is
carried for a pair is Theta and the signed gap (see `gram_input`). With Gamma = sqrt(P Q) - T the gap follows from

    p' q' - c'^2 = w^2 Gamma (sqrt(P Q) + T) + w b ((sqrt P - sqrt Q)^2 + 2 Gamma),

a sum without cancellation, as accurate as Gamma is.

Layers without an activation, LayerNorm, sums and products of branches, are those of `gram_joins`.

Tables of points have shape (layers, 5, points); layer 0 is the first Dense layer. Of each layer they hold
p, sqrt p, P (of the activation before it; the input kernel for layer 0), sqrt P, and 1/sqrt p (0 where p = 0).
`left` and `right` are the tables of `gram_sampled`, each a pair: series coefficients and, with the `ranks`, those of
`gram_angular`; empty where no stage needs one.
Generated code (see `gram_source`) completes the loops: numba caches what closes over a function on disk, but not what
takes one as an argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numba import njit

from symlimits.reading.closures import named_after
from symlimits.reading.gram_input import Floats, input_gaps
from symlimits.reading.special import angle as angle_of
from symlimits.reading.special import copysign

# A row of a tile and its columns' variances stay in the first-level cache through all layers.
TILE = 128
_BLOCK = 8  # doubles in a cache line, which a transposition moves whole

Series = tuple[Floats, Floats]
Step = Callable[..., tuple[float, float, float]]


@njit(error_model="numpy")
def enter(points: Floats, layer: int, k: int, P: float, weights: Floats) -> None:
    """Fill in point k after the Dense layer `layer`, from P before it."""
    p = weights[layer, 0] * P + weights[layer, 1]
    root = math.sqrt(p)
    points[layer, 0, k] = p
    points[layer, 1, k] = root
    points[layer, 2, k] = P
    points[layer, 3, k] = math.sqrt(P)
    points[layer, 4, k] = 1.0 / root if root > 0.0 else 0.0


@njit(error_model="numpy", fastmath={"contract"})
def next_gap(
    T: float, Gamma: float, root_P: float, root_Q: float, sign: float, scale: float, w: float, b: float
) -> float:
    """The signed gap after c' = w sign T + b, where scale = 1/sqrt(p' q'), and Gamma = sqrt(P Q) - T.

    With sign = -1 the covariance is negative, T is its size, and the two roots add where they were subtracted.
    Factors are scaled before they are multiplied, so that squares of small variances do not underflow.
    """
    difference = root_P - sign * root_Q
    without_bias = (w * scale * Gamma) * (w * scale * (root_P * root_Q + T))
    with_bias = (w * scale * (difference * difference + 2.0 * sign * Gamma)) * (b * scale)
    rho = scale * (w * (sign * T) + b)
    square = without_bias + with_bias
    square = 0.0 if square < 0.0 else square  # rounding of Gamma; a NaN stays one
    return copysign(square / (1.0 + abs(rho)) if scale > 0.0 else 1.0, rho)


@njit(error_model="numpy", fastmath={"contract"})
def first_dense(gaps: Floats, tangents: Floats, rows: Floats, columns: Floats, i: int, j: int, weights: Floats) -> None:
    """The first Dense layer: the recursion with the identity for activation, and Theta = 0 before it."""
    w, b, t_T, t_1 = weights[0, 0], weights[0, 1], weights[0, 2], weights[0, 3]
    root_p, inverse = rows[0, 3, i], rows[0, 4, i]
    root_q, inverses = columns[0, 3, j : j + gaps.size], columns[0, 4, j : j + gaps.size]
    for k in range(gaps.size):
        gap, side = abs(gaps[k]), copysign(1.0, gaps[k])
        scale = root_p * root_q[k]
        size = (1.0 - gap) * scale
        tangents[k] = t_T * (side * size) + t_1
        if b != 0.0 or w == 0.0:
            gaps[k] = next_gap(size, gap * scale, root_p, root_q[k], side, inverse * inverses[k], w, b)


def general_stage(step: Step, even: bool, odd: bool) -> Callable[..., None]:
    """Take pairs (i, j), (i, j + 1), ... through an activation and the Dense layer `layer`."""

    @njit(error_model="numpy", fastmath={"contract"})
    @named_after(step)
    def advance(
        gaps: Floats, tangents: Floats, rows: Floats, columns: Floats, layer: int, i: int, j: int, weights: Floats
    ) -> None:
        w, b, t_T, t_1 = weights[layer, 0], weights[layer, 1], weights[layer, 2], weights[layer, 3]
        p, root_p = rows[layer - 1, 0, i], rows[layer - 1, 1, i]
        P, root_P, inverse = rows[layer, 2, i], rows[layer, 3, i], rows[layer, 4, i]
        end = j + gaps.size
        q, root_q = columns[layer - 1, 0, j:end], columns[layer - 1, 1, j:end]
        Q, root_Q, inverses = columns[layer, 2, j:end], columns[layer, 3, j:end], columns[layer, 4, j:end]
        for k in range(gaps.size):
            gap, side = abs(gaps[k]), copysign(1.0, gaps[k])
            toward = 1.0 if even or odd else side
            rho = copysign(1.0 - gap, toward)
            sine = math.sqrt(gap * (2.0 - gap))
            near = angle_of(gap)
            far = math.pi - near
            angle, supplement = (near, far) if toward > 0.0 else (far, near)
            root = root_p * root_q[k]
            T, dot, Gamma = step(p, q[k], P, Q[k], rho, rho * root, gap, sine, angle, supplement, root * sine)
            Gamma = Gamma if toward > 0.0 else root_P * root_Q[k] - T
            # equal points stay equal, also where Gamma is only zero to rounding
            Gamma = 0.0 if (gap == 0.0) & (rho > 0.0) & (p == q[k]) else Gamma
            sign = side if odd else 1.0
            dot = side * dot if even else dot
            tangents[k] = t_T * (sign * T) + t_1 + w * dot * tangents[k]
            gaps[k] = next_gap(T, Gamma, root_P, root_Q[k], sign, inverse * inverses[k], w, b)

    return advance


def normalized_stage(step: Step, diagonal: Callable[[float], float], even: bool, odd: bool) -> Callable[..., None]:
    """As `general_stage` for b = t_1 = 0 and a homogeneous activation, unit = T(1, 1, 1).

    Then rho' = T(1, 1, rho)/unit whatever the variances; Theta is carried divided by sqrt(p q).
    """

    @njit(error_model="numpy", fastmath={"contract"})
    @named_after(step)
    def advance(gaps: Floats, tangents: Floats, layer: int, weights: Floats) -> None:
        unit = diagonal(1.0)
        inverse = 1.0 / unit
        ratio = weights[layer, 2] / weights[layer, 0]
        for k in range(gaps.size):
            gap, side = abs(gaps[k]), copysign(1.0, gaps[k])
            toward = 1.0 if even or odd else side
            rho = copysign(1.0 - gap, toward)
            sine = math.sqrt(gap * (2.0 - gap))
            near = angle_of(gap)
            far = math.pi - near
            angle, supplement = (near, far) if toward > 0.0 else (far, near)
            T, dot, Gamma = step(1.0, 1.0, unit, unit, rho, rho, gap, sine, angle, supplement, sine)
            Gamma = Gamma if toward > 0.0 else unit - T
            size = Gamma * inverse if T >= 0.0 else 1.0 + T * inverse
            size = 0.0 if size < 0.0 else size  # rounding of Gamma; a NaN stays one
            sign = side if odd else 1.0
            dot = side * dot if even else dot
            new = copysign(size, sign * T)
            tangents[k] = ratio * copysign(1.0 - size, new) + inverse * dot * tangents[k]
            gaps[k] = new

    return advance


@njit(error_model="numpy")
def rescale(tangents: Floats, factor: float, factors: Floats) -> None:
    """Multiply row i of Theta by factor_i factor_j: into or out of units of sqrt(p q)."""
    for k in range(tangents.size):
        tangents[k] *= factor * factors[k]


@njit(error_model="numpy")
def covariances(out: Floats, gaps: Floats, root_p: float, roots_q: Floats) -> None:
    """rho sqrt(p q) from signed gaps."""
    for k in range(gaps.size):
        out[k] = copysign(1.0 - abs(gaps[k]), gaps[k]) * (root_p * roots_q[k])


@njit(error_model="numpy")
def copy(out: Floats, values: Floats) -> None:
    """An assignment of slices would do, but numba spends 2 s on compiling its error message."""
    for k in range(values.size):
        out[k] = values[k]


@njit(error_model="numpy")
def mirror(out: Floats, i0: int, i1: int, j0: int, j1: int) -> None:
    """Copy a tile on or above the diagonal to below it, a cache line at a time."""
    if out.size == 0:
        return
    for j in range(j0, j1, _BLOCK):
        for i in range(i0, i1, _BLOCK):
            for row in range(j, min(j + _BLOCK, j1)):
                for column in range(i, min(min(i + _BLOCK, i1), row)):
                    out[row, column] = out[column, row]


def tile_of_rows(advance: Callable[..., None]) -> Callable[..., None]:
    """One tile of the output. K and Theta may be empty (not wanted), and either may share the memory of `products`."""

    @njit(error_model="numpy")
    @named_after(advance)
    def tile(
        i0: int,
        j0: int,
        symmetric: bool,
        products: Floats,
        K: Floats,
        Theta: Floats,
        X: Floats,
        Z: Floats,
        X_inverse: Floats,
        Z_inverse: Floats,
        rows: Floats,
        columns: Floats,
        repeats: Floats,
        weights: Floats,
        left: Series,
        right: Series,
        ranks: Floats,
    ) -> None:
        i1, j1 = min(i0 + TILE, X.shape[0]), min(j0 + TILE, Z.shape[0])
        diagonal = symmetric and i0 == j0
        all_gaps, all_tangents = np.empty(TILE), np.empty(TILE)
        last = weights.shape[0] - 1
        for i in range(i0, i1):
            j = i if diagonal else j0
            gaps, tangents = all_gaps[: j1 - j], all_tangents[: j1 - j]
            input_gaps(gaps, products[i, j:j1], X[i], Z[j:j1], X_inverse[i], Z_inverse[j:j1])
            if diagonal:
                gaps[0] = 0.0
            advance(gaps, tangents, rows, columns, i, j, repeats, weights, left, right, ranks)
            if K.size > 0:
                covariances(K[i, j:j1], gaps, rows[last, 1, i], columns[last, 1, j:j1])
                if diagonal:
                    K[i, i] = rows[last, 0, i]
            if Theta.size > 0:
                copy(Theta[i, j:j1], tangents)
        if symmetric:
            mirror(K, i0, i1, j0, j1)
            mirror(Theta, i0, i1, j0, j1)

    return tile
