"""A stage of the Gram loop for an activation without closed form: Mehler series for a row of pairs.

Pairs that need more terms than there are get the Fourier series in the angle (`gram_angular`), if it has a table of
their variances and its bound is met, or panels.

Tables of coefficients have shape (layers, terms + 2, points): a_n of the activation at the variance of each point, the
terms of one parity where it has one, then the roots of what is left out, relative, of the activation and of its slope.
The slope needs no coefficients of its own: dT/dc = (p q)^(-1/2) sum_n n a_n(p) a_n(q) rho^(n-1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from numba import njit

from symlimits.reading.angular import Integers, angular_sums
from symlimits.reading.closures import named_after
from symlimits.reading.gram_joins import Frame
from symlimits.reading.gram_loop import Series, next_gap
from symlimits.reading.mehler import TERMS
from symlimits.reading.pair_source import function_source, parity
from symlimits.reading.resolution import Floats
from symlimits.reading.special import copysign

GOAL = 1e-12  # of sqrt(P Q): what a series may leave out
_EPSILON = 2.0**-52


@dataclass(frozen=True)
class SampledStage(Frame):
    """An activation of x and the slope of it, followed by a Dense layer, `repeats` times."""

    phi: sp.Expr
    slope: sp.Expr
    x: sp.Symbol
    repeats: int = 1

    normalized = False

    @property
    def sign(self) -> int:
        """1 for an even activation, -1 for an odd one, 0 for others."""
        return parity(self.phi, self.x)

    @property
    def terms(self) -> int:
        """How many terms are kept at most."""
        return TERMS // 2 if self.sign else TERMS

    def orders(self, terms: int) -> Floats:
        """n of each term that is kept."""
        return np.arange(float(terms)) * (2 if self.sign else 1) + (1 if self.sign < 0 else 0)

    def source(self, k: int, tangent: bool) -> str:
        """`diagonal_k`, `expand_k` and `advance_k`."""
        parts = [function_source(f"phi_{k}", self.phi, self.x)]
        slope = f"phi_{k}"
        if tangent:
            slope = f"slope_{k}"
            parts.append(function_source(slope, self.slope, self.x))
            parts.append(f"slope_rule_{k} = plane_rule({slope}, {slope}, {_breaks(slope)})\n")
        rules = f"rule_{k}, slope_rule_{k}" if tangent else f"rule_{k}, rule_{k}"
        parts.append(
            f"rule_{k} = plane_rule(phi_{k}, phi_{k}, {_breaks(f'phi_{k}')})\n"
            f"expansion_{k} = expansion(phi_{k}, sharp_phi_{k}, {self.sign})\n"
            f"square_{k} = square_of({slope}, sharp_{slope})\n"
            f"diagonal_{k} = square_of(phi_{k}, sharp_phi_{k})\n"
            f"expand_{k} = expanded(expansion_{k}, square_{k}, {self.sign}, {tangent})\n"
            f"advance_{k} = sampled_stage({rules}, {self.sign}, {tangent})\n"
        )
        return "\n\n".join(parts)


def _breaks(name: str) -> str:
    return f"(sharp_{name}, sharp_{name}, graded_{name})"


def expanded(
    expansion: Callable[..., float], square: Callable[[float], float], sign: int, tangent: bool
) -> Callable[..., None]:
    """Fill the table of a layer for point k from its variance before the activation."""
    step, offset = (2 if sign else 1), (1 if sign < 0 else 0)

    @njit(error_model="numpy")
    @named_after(expansion)
    def expand(table: Floats, k: int, p: float, a: Floats) -> None:
        terms = table.shape[0] - 2
        a = a[: offset + step * terms]
        left = expansion(p, a)
        P, slopes = left, 0.0
        for n in range(terms):
            order = offset + step * n
            table[n, k] = a[order]
            P += a[order] * a[order]
            slopes += order * a[order] * a[order]
        table[terms, k] = math.sqrt(left / P) if P > 0.0 else 0.0
        table[terms + 1, k] = 0.0
        if tangent:
            S = square(p)
            rest = math.sqrt(max(1.0 - slopes / (p * S), 0.0) + 4.0 * _EPSILON) if p * S > 0.0 else math.inf
            table[terms + 1, k] = rest  # infinite at p = 0, where panels take over

    return expand


def sampled_stage(
    rule: Callable[..., tuple[float, float]], slope_rule: Callable[..., tuple[float, float]], sign: int, tangent: bool
) -> Callable[..., None]:
    """Take pairs (i, j), (i, j + 1), ... through the activation and a Dense layer, as `general_stage` does."""
    step, offset = (2 if sign else 1), (1 if sign < 0 else 0)
    even, odd = sign > 0, sign < 0

    @njit(error_model="numpy", fastmath={"contract"})
    @named_after(rule)
    def sums(T: Floats, D: Floats, r: Floats, left: Floats, right: Floats, i: int, j: int) -> None:
        """T = sum_n w_n r^n and D, the derivative's sum, by Horner's rule, w_n = a_n(p) a_n(q)."""
        for n in range(left.shape[0] - 3, -1, -1):
            a = left[n, i]
            b = right[n, j : j + T.size]
            if tangent and (odd or n > 0):
                order = float(offset + step * n)
                for k in range(T.size):
                    w = a * b[k]
                    T[k] = T[k] * r[k] + w
                    D[k] = D[k] * r[k] + order * w
            else:
                for k in range(T.size):
                    T[k] = T[k] * r[k] + a * b[k]

    @njit(error_model="numpy")
    @named_after(rule)
    def elsewhere(
        p: float,
        q: float,
        gap: float,
        roots: float,
        slopes: float,
        short: bool,
        short_dot: bool,
        a: Floats,
        b: Floats,
        ranks: Integers,
    ) -> tuple[float, float]:
        """T and dT/dc, of which the wanted: by the series in the angle where its bound is met, by panels elsewhere."""
        value, dot = 0.0, 0.0
        last, terms = a.size - 1, ranks[0]
        good = terms > 0 and a[last - 1] * b[last - 1] <= GOAL
        good_dot = terms > 0 and a[last] * b[last] <= GOAL
        if (short and good) or (short_dot and good_dot):
            value, dot = angular_sums(a, b, ranks[1 : 1 + terms], gap)
            value, dot = roots * value, slopes * dot
        if short and not good:
            value = rule(p, q, gap, True)[0]
        if short_dot and not good_dot:
            dot = slope_rule(p, q, gap, True)[0]
        return value, dot

    @njit(error_model="numpy", fastmath={"contract"})
    @named_after(rule)
    def advance(
        gaps: Floats,
        tangents: Floats,
        rows: Floats,
        columns: Floats,
        layer: int,
        i: int,
        j: int,
        weights: Floats,
        left: Series,
        right: Series,
        ranks: Integers,
    ) -> None:
        w, b, t_T, t_1 = weights[layer, 0], weights[layer, 1], weights[layer, 2], weights[layer, 3]
        size, terms = gaps.size, left[0].shape[1] - 2
        T, D, r = np.zeros(size), np.zeros(size), np.empty(size)
        for k in range(size):
            rho = 1.0 - abs(gaps[k])
            r[k] = rho * rho if sign != 0 else copysign(rho, gaps[k])
        first, second = left[0][layer], right[0][layer]
        sums(T, D, r, first, second, i, j)
        p, root_P = rows[layer - 1, 0, i], rows[layer, 3, i]
        last = float(offset + step * terms)
        for k in range(size):
            side = copysign(1.0, gaps[k])
            toward = 1.0 if sign != 0 else side
            near = 1.0 - abs(gaps[k])
            rho = copysign(near, toward)
            q, root_Q = columns[layer - 1, 0, j + k], columns[layer, 3, j + k]
            value = T[k] * rho if odd else T[k]
            rest = first[terms, i] * second[terms, j + k]
            short = rest > GOAL and not rest * near**last <= GOAL
            dot, short_dot = 0.0, False
            if tangent:
                dot = (D[k] * rho if even else D[k]) * (rows[layer - 1, 4, i] * columns[layer - 1, 4, j + k])
                rest = first[terms + 1, i] * second[terms + 1, j + k]
                short_dot = rest > GOAL and not rest * near ** (last - 1.0) <= GOAL
            if short or short_dot:
                roots = root_P * root_Q
                slopes = roots * (rows[layer - 1, 4, i] * columns[layer - 1, 4, j + k])
                gap = copysign(gaps[k], toward)
                other, other_dot = elsewhere(
                    p, q, gap, roots, slopes, short, short_dot, left[1][layer, i], right[1][layer, j + k], ranks[layer]
                )
                value = other if short else value
                dot = other_dot if short_dot else dot
            Gamma = root_P * root_Q - value
            Gamma = 0.0 if gaps[k] == 0.0 and rho > 0.0 and p == q else Gamma
            mirrored = side if odd else 1.0
            dot = side * dot if even else dot
            tangents[k] = t_T * (mirrored * value) + t_1 + w * dot * tangents[k]
            inverse = rows[layer, 4, i] * columns[layer, 4, j + k]
            gaps[k] = next_gap(value, Gamma, root_P, root_Q, mirrored, inverse, w, b)

    return advance


def layers_of(stages: Sequence[object]) -> Iterator[tuple[int, SampledStage]]:
    """The Dense layers that follow activations without closed form."""
    layer = 0
    for stage in stages:
        for _ in range(stage.repeats):  # type: ignore[attr-defined]
            layer += 1 + stage.unit  # type: ignore[attr-defined]
            if isinstance(stage, SampledStage):
                yield layer, stage
            layer += len(stage.after)  # type: ignore[attr-defined]


def needed_terms(tables: Floats, stages: Sequence[object], tangent: bool) -> int:
    """The fewest terms with which no pair of the points of full tables needs panels, or all of them."""
    most = 1
    for layer, stage in layers_of(stages):
        most = max(most, _needed(tables[layer], stage, tangent))
    return min(most, tables.shape[1] - 2)


def _needed(table: Floats, stage: SampledStage, tangent: bool) -> int:
    squares, roots = table[:-2] ** 2, table[-2:]
    orders = stage.orders(len(squares))
    needed = 1
    for weights, root in zip((np.ones(len(orders)), orders)[: 1 + tangent], roots, strict=False):
        sums = np.cumsum(weights[:, None] * squares, axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            left = 1.0 - sums / sums[-1] * (1.0 - root**2)
        enough = (left <= GOAL) | ~np.isfinite(left)
        needed = max(needed, len(orders) if not enough[-1].all() else 1 + int(np.argmax(enough.all(axis=1))))
    return needed
