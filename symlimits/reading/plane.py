"""Gaussian expectations over a pair in float64, for any variances and any correlation: Gauss-Legendre panels.

E f(u) g(v) with u = sqrt(p) x and v = sqrt(q) (rho x + s y), s = sqrt(1 - rho^2), x and y independent. For each node x
the integral over y has panels between the breakpoints of g; the result is a Gaussian smoothing of g, of width s, and
the panels in x end at the breakpoints of f and at graded points of g that are further apart than s (see `panels`).

Generated code (see `pair_source`) hands in f and g: numba caches what closes over a function on disk.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numba import njit

from symlimits.reading.closures import named_after
from symlimits.reading.resolution import Floats

Scalar = Callable[[float], float]

_STRIDE = 2.25  # panels of the density itself, in standard deviations
_TINY = 1e-19  # of the second moment: what lies beyond the reach
_FARTHEST = 37.0  # the density underflows beyond
_SPACING = 0.5  # smallest panel for a smoothed function, in widths of the smoothing
_NARROW = 1e-15  # panels narrower than this hold nothing
_MOST = 2e8  # values of g in one expectation: a few seconds
_FINE = np.array(np.polynomial.legendre.leggauss(16))
_COARSE = np.array(np.polynomial.legendre.leggauss(14))
_NORMAL = 1.0 / math.sqrt(2.0 * math.pi)


# Loops in place of np.sort and np.searchsorted, which numba takes seconds to compile.
@njit(error_model="numpy")
def merged(a: Floats, b: Floats) -> Floats:
    """Two sorted arrays as one."""
    found = np.empty(a.size + b.size)
    i = j = 0
    for k in range(found.size):
        if j >= b.size or (i < a.size and a[i] <= b[j]):
            found[k] = a[i]
            i += 1
        else:
            found[k] = b[j]
            j += 1
    return found


@njit(error_model="numpy")
def scaled(breaks: Floats, scale: float, reach: float, spacing: float) -> Floats:
    """breaks/scale within the reach, sorted, at least `spacing` apart."""
    found = np.empty(breaks.size)
    n, last = 0, -math.inf
    for k in range(breaks.size if scale != 0.0 else 0):
        end = breaks[k if scale > 0.0 else breaks.size - 1 - k] / scale
        if abs(end) < reach and end - last >= spacing:
            found[n], last = end, end
            n += 1
    return found[:n]


@njit(error_model="numpy")
def grid(reach: float, stride: float) -> Floats:
    """The ends -reach and reach, and the multiples of the stride between them."""
    count = int(reach / stride)
    found = np.empty(2 * count + 3)
    found[0], found[found.size - 1] = -reach, reach
    for k in range(-count, count + 1):
        found[k + count + 1] = k * stride
    return found


@njit(error_model="numpy")
def first_above(breaks: Floats, value: float) -> int:
    """The place of the first breakpoint that is larger."""
    low, high = 0, breaks.size
    while low < high:
        middle = (low + high) // 2
        if breaks[middle] > value:
            high = middle
        else:
            low = middle + 1
    return low


@njit(error_model="numpy")
def noise_at(noise: Floats, value: float) -> float:
    """The bound in the second row at the first point of the first row that is larger."""
    return noise[1, min(first_above(noise[0], value), noise.shape[1] - 1)]


def reach_of(f: Scalar) -> Callable[[float], float]:
    """The radius in standard deviations beyond which f^2 times the density is nothing; infinite for too fast an f."""

    @njit(error_model="numpy")
    @named_after(f)
    def reach(root: float) -> float:
        largest = 0.0
        for k in range(-40, 41):
            x = 0.2 * k
            largest = max(largest, f(root * x) ** 2 * math.exp(-0.5 * x * x))
        x = 9.0
        while x < _FARTHEST:
            edge = max(abs(f(root * x)), abs(f(-root * x)), abs(f(root * (x - 0.1))), abs(f(-root * (x - 0.1))))
            if edge * edge * math.exp(-0.5 * x * x) <= _TINY * largest:
                return x
            x += 0.5
        return math.inf if largest > 0.0 else 9.0

    return reach


def square_of(f: Scalar, sharp: Floats) -> Callable[[float], float]:
    """E f(u)^2 as a function of the variance of u; NaN where f grows too fast, or beyond the last breakpoint."""
    reach_f, radius = reach_of(f), sharp[-1]

    @njit(error_model="numpy")
    @named_after(f)
    def square(p: float) -> float:
        root = math.sqrt(p)
        reach = reach_f(root)
        if not (reach < _FARTHEST and reach * root < radius):
            return math.nan
        ends = merged(grid(reach, _STRIDE), scaled(sharp, root, reach, 0.0))
        total = 0.0
        for cell in range(ends.size - 1):
            half, middle = 0.5 * (ends[cell + 1] - ends[cell]), 0.5 * (ends[cell + 1] + ends[cell])
            for k in range(_FINE.shape[1]):
                x = middle + half * _FINE[0, k]
                total += half * _FINE[1, k] * math.exp(-0.5 * x * x) * f(root * x) ** 2
        return _NORMAL * total

    return square


def plane_rule(
    f: Scalar,
    g: Scalar,
    breaks: tuple[Floats, Floats, Floats],
    noise: tuple[Floats, Floats] | None = None,
) -> Callable[..., tuple[float, float, float]]:
    """The rule for E f(u) g(v): (p, q, signed gap, detail) to the value, and what its rounding is bounded by.

    `breaks` are the sharp breakpoints of f, those of g and the graded ones of g; the first and the last sharp ones are
    where knowledge ends. `noise` is two rows, points and bounds of the rounding of f and of g below each. `detail` is 0
    for the coarse rule, 1 for the fine one, 2 for the fine one on panels cut in half. Beside the value stand the sum of
    absolute values of its terms, and the sum of what the noise makes of them. NaN where f or g grows too fast, and
    beyond the last breakpoint.
    """
    sharp_f, sharp_g, graded_g = breaks
    noise_f, noise_g = noise or (np.zeros((2, 1)), np.zeros((2, 1)))
    reach_f, reach_g = reach_of(f), reach_of(g)
    radius_f, radius_g = sharp_f[-1], sharp_g[-1]

    @njit(error_model="numpy")
    @named_after(f)
    def inner(
        x: float, root: float, rho: float, s: float, reach: float, rule: Floats, parts: int
    ) -> tuple[float, float, float]:
        """E g(root (rho x + s y)) over y in the disc, E |g| and the mean noise of g."""
        if s == 0.0:
            value = g(root * rho * x)
            return value, abs(value), noise_at(noise_g, root * rho * x)
        edge = math.sqrt(max(reach * reach - x * x, 0.0))
        slope = root * s
        next_break = first_above(sharp_g, root * (rho * x - s * edge))
        low, total, absolute, noisy = -edge, 0.0, 0.0, 0.0
        while low < edge:
            high = min(edge, (math.floor(low / _STRIDE + 1e-9) + 1.0) * _STRIDE)
            if next_break < sharp_g.size and slope > 0.0:
                end = (sharp_g[next_break] / root - rho * x) / s
                if end <= high:
                    high = max(end, low)
                    next_break += 1
            if high - low > _NARROW:
                half = 0.5 * (high - low) / parts
                from_v, to_v = root * (rho * x + s * low), root * (rho * x + s * high)
                rough = max(noise_at(noise_g, from_v), noise_at(noise_g, to_v))
                for part in range(parts):
                    middle = low + (2 * part + 1) * half
                    for k in range(rule.shape[1]):
                        y = middle + half * rule[0, k]
                        weight = half * rule[1, k] * math.exp(-0.5 * y * y)
                        term = weight * g(root * (rho * x + s * y))
                        total += term
                        absolute += abs(term)
                        noisy += weight * rough
            low = high
        return _NORMAL * total, _NORMAL * absolute, _NORMAL * noisy

    @njit(error_model="numpy")
    @named_after(f)
    def plane(p: float, q: float, gap: float, detail: int) -> tuple[float, float, float]:
        rule, parts = (_FINE if detail > 0 else _COARSE), (2 if detail > 1 else 1)
        root_p, root_q, size = math.sqrt(p), math.sqrt(q), 1.0 - abs(gap)
        rho = math.copysign(size, gap)
        s = math.sqrt(abs(gap) * (2.0 - abs(gap)))
        reach = max(reach_f(root_p), reach_g(root_q))
        if not (reach < _FARTHEST and reach * root_p < radius_f and reach * root_q < radius_g):
            return math.nan, math.nan, math.nan
        smoothed = scaled(graded_g, root_q * rho, reach, _SPACING * s)
        ends = merged(merged(grid(reach, _STRIDE), scaled(sharp_f, root_p, reach, 0.0)), smoothed)
        inside = first_above(sharp_g, root_q * reach) - first_above(sharp_g, -root_q * reach)
        if ends.size * (inside + 2.0 * reach / _STRIDE) * (rule.shape[1] * parts) ** 2 > _MOST:
            return math.nan, math.nan, math.nan
        total, absolute, noisy = 0.0, 0.0, 0.0
        for cell in range(ends.size - 1):
            half = 0.5 * (ends[cell + 1] - ends[cell]) / parts
            if half <= 0.5 * _NARROW:
                continue
            rough = max(noise_at(noise_f, root_p * ends[cell]), noise_at(noise_f, root_p * ends[cell + 1]))
            for part in range(parts):
                middle = ends[cell] + (2 * part + 1) * half
                for k in range(rule.shape[1]):
                    x = middle + half * rule[0, k]
                    weight = half * rule[1, k] * math.exp(-0.5 * x * x)
                    value = f(root_p * x)
                    if value != 0.0 or rough != 0.0:
                        smooth, positive, noise_here = inner(x, root_q, rho, s, reach, rule, parts)
                        total += weight * value * smooth
                        absolute += weight * abs(value) * positive
                        noisy += weight * (rough * positive + abs(value) * noise_here)
        return _NORMAL * total, _NORMAL * absolute, _NORMAL * noisy

    return plane
