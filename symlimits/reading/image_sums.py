"""Sums of fields over pixels: under a filter at both pixels alike, over windows at both, over all.

Shapes are rows of nine integers and a flag: pixels before (H, W) and after (H, W), filter (2), strides (2), how many
pixels of the filter lie below (2), and whether pixels go round. Axes are summed one after the other, neighbours in
memory together. Fields of all cells have the axes (H, W of x, H, W of z), those of equal pixels (H, W).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from symlimits.reading.gram_input import Floats

Integers = npt.NDArray[np.int64]

FILTER, WINDOW, SUM = 0, 1, 2  # kinds of linear layers; an activation has a negative one


@njit(error_model="numpy")
def tap(shape: Integers, t: int, a: int) -> int:
    """The pixel under place t of the filter at pixel a; -1 for none."""
    y, x = a // shape[3], a % shape[3]
    i = y * shape[6] + t // shape[5] - shape[8]
    j = x * shape[7] + t % shape[5] - shape[9]
    if shape[10] == 1:
        i, j = i % shape[0], j % shape[1]
    return i * shape[1] + j if (i >= 0) & (i < shape[0]) & (j >= 0) & (j < shape[1]) else -1


@njit(error_model="numpy")
def _places(n: int, m: int, f: int, stride: int, low: int, t: int) -> tuple[int, int]:
    """The first place after the layer, and the end, for which place t of the filter is inside."""
    start = low - t
    first = (start + stride - 1) // stride if start > 0 else 0
    last = (n - 1 + start) // stride + 1 if n - 1 + start >= 0 else 0
    return min(first, m), max(min(last, m), min(first, m))


@njit(error_model="numpy")
def piece(values: Floats, start: int, count: int) -> Floats:
    """A part of an array: loops over it need no test for an index below zero, and become vector instructions."""
    return values[start : start + count]


@njit(error_model="numpy", fastmath={"contract"})
def _add(out: Floats, values: Floats) -> None:
    for k in range(out.size):
        out[k] += values[k]


@njit(error_model="numpy")
def along(
    out: Floats, values: Floats, A: int, n: int, inner: int, m: int, f: int, stride: int, low: int, wrap: bool
) -> None:
    """(A, n, inner) to (A, m, inner): out[a, j] = sum_t values[a, j stride + t - low]."""
    for k in range(A * m * inner):
        out[k] = 0.0
    for t in range(f):
        first, last = _places(n, m, f, stride, low, t)
        for a in range(A):
            base, start = a * m * inner, a * n * inner
            _shifted(out, values, base, start, n, inner, m, stride, t - low, first, last, wrap)


@njit(error_model="numpy")
def _shifted(
    out: Floats, values: Floats, base: int, start: int, n: int, inner: int, m: int, stride: int, shift: int,
    first: int, last: int, wrap: bool,
) -> None:  # fmt: skip
    """Add one place of a filter along an axis: all at once where pixels are neighbours, else one after the other."""
    together = stride == 1
    if together:
        count = (last - first) * inner
        _add(piece(out, base + first * inner, count), piece(values, start + (first + shift) * inner, count))
    for j in range(m if wrap or not together else 0):
        outside = j < first or j >= last
        if (outside and wrap) or not (outside or together):
            i = (j * stride + shift) % n
            _add(piece(out, base + j * inner, inner), piece(values, start + i * inner, inner))


@njit(error_model="numpy")
def along_both(
    out: Floats, values: Floats, A: int, n: int, B: int, inner: int, m: int, f: int, stride: int, low: int, wrap: bool
) -> None:
    """(A, n, B, n, inner) to (A, m, B, m, inner): the same place of the filter at both."""
    for k in range(A * m * B * m * inner):
        out[k] = 0.0
    for t in range(f):
        first, last = _places(n, m, f, stride, low, t)
        for a in range(A):
            for j in range(m):
                if not wrap and (j < first or j >= last):
                    continue
                i = (j * stride + t - low) % n
                for b in range(B):
                    base, start = ((a * m + j) * B + b) * m * inner, ((a * n + i) * B + b) * n * inner
                    _shifted(out, values, base, start, n, inner, m, stride, t - low, first, last, wrap)


@njit(error_model="numpy")
def filtered(out: Floats, values: Floats, scratch: Floats, shape: Integers, paired: bool) -> None:
    """Sums under a filter, at both pixels alike."""
    H, W, h, w = shape[0], shape[1], shape[2], shape[3]
    wrap, one = shape[10] == 1, np.int64(1)  # numba compiles anew for a literal
    if shape[4] == 1 and shape[5] == 1 and h == H and w == W:
        for k in range(h * w * h * w if paired else h * w):
            out[k] = values[k]
    elif paired:
        along_both(scratch, values, one, H, W, W, h, shape[4], shape[6], shape[8], wrap)
        along_both(out, scratch, h, W, h, one, w, shape[5], shape[7], shape[9], wrap)
    else:
        along(scratch, values, one, H, W, h, shape[4], shape[6], shape[8], wrap)
        along(out, scratch, h, W, one, w, shape[5], shape[7], shape[9], wrap)


@njit(error_model="numpy")
def windowed(out: Floats, values: Floats, first: Floats, second: Floats, shape: Integers) -> None:
    """Sums over windows, at both pixels apart; for all cells."""
    H, W, h, w = shape[0], shape[1], shape[2], shape[3]
    wrap, one, zero = shape[10] == 1, np.int64(1), np.int64(0)
    stages = ((one, H, W * H * W, h), (h, W, H * W, w), (h * w, H, W, h), (h * w * h, W, one, w))
    for k in range(4):
        A, n, inner, m = stages[k]
        source = values if k == 0 else second if k == 2 else first
        target = out if k == 3 else second if k == 1 else first
        along(target, source, A, n, inner, m, shape[4 + k % 2], shape[6 + k % 2], zero, wrap)


@njit(error_model="numpy")
def field_sums(kind: int, out: Floats, values: Floats, scratch: Floats, shape: Integers, paired: bool) -> None:
    """The sums of a field that a filter or a window takes: of all pixels, where it covers the image."""
    if kind == FILTER:
        filtered(out, values, scratch[0], shape, paired)
    else:
        windowed(out, values, scratch[0], scratch[1], shape)
