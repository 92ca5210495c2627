r"""E f(u) g(v) for any f and g and a correlation that is not near one, at any precision.

With x = u/sqrt(p), y = v/sqrt(q), s^2 = 1 - rho^2, sigma = s/sqrt(rho), rho > 0 (else v changes sign), the density is
$$\frac{1}{2\pi s}\,e^{-x^2/2(1+\rho)}\,e^{-y^2/2(1+\rho)}\,e^{-(x-y)^2/2\sigma^2}.$$
Lines are cut into cells of a length in proportion to sigma, so that the last factor is a polynomial on a pair of cells,
and the same one for all pairs at the same distance. A function, with its own factor, becomes weights at the Legendre
nodes of a cell that integrate it times any such polynomial: kinks and narrow places stay in one dimension.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple

import numpy as np
from mpmath import mp, mpf

from symlimits.errors import NoRule
from symlimits.reading.legendre import nodes
from symlimits.reading.resolved import Ints, Line, fixed, largest, legendre_values, reach_of, resolving

_LENGTHS = (6, 5)  # of a cell, in units of sigma: two rules whose nodes differ
_LONGEST = 20  # of a cell, in standard deviations
_SHORTFALL = 60  # digits by which E|f g| may fall short of max|f| max|g|


class _Weights(NamedTuple):
    """Weights at the nodes of cells first, first + 1, ...: a row each."""

    first: int
    exact: Ints  # of f, fixed-point, in units of `unit`
    sizes: Any  # of |f|, in float64
    unit: mpf  # the largest |f|


def cellwise(f: Line, g: Line, rho: mpf, width: mpf) -> mpf:
    """E f(x) g(y) for standard x, y with correlation rho and width = sqrt(1 - rho^2).

    Two rules with different cells agree to mp.dps - 6 digits relative to E|f g|, or `NoRule` is raised.
    """
    if rho < 0:
        g, rho = g.scaled(mpf(-1)), -rho
    digits, lost = mp.dps, max(f.lost(), g.lost())
    extra = 2
    while extra <= _SHORTFALL:
        with mp.workdps(digits + extra + lost):
            value, size, short = _attempt(f, g, rho, width, _LENGTHS[0])
            if short <= extra:
                other = _attempt(f, g, rho, width, _LENGTHS[1])[0]
                if abs(value - other) <= mpf(10) ** (6 - digits) * size:
                    return value
                break
        extra = short + 2  # E|f g| is small against max|f| max|g|
    raise NoRule("quadrature over cells", "agreement of two rules", "fewer digits or moderate variances")


def _attempt(f: Line, g: Line, rho: mpf, width: mpf, length: int) -> tuple[mpf, mpf, int]:
    """The value, E|f g|, and the digits by which that falls short of the largest |f| |g|."""
    sigma, spread = width / mp.sqrt(rho) if rho else mp.inf, mp.sqrt(1 + rho)
    cell = min(length * sigma, mpf(_LONGEST))
    n = _degree(mpf(length))  # enough for functions too, also where the kernel is flat
    a = _weights(f, spread, cell, n)
    b = a if f is g else _weights(g, spread, cell, n)
    total, size = 0, 0.0
    for d in _distances(len(a.exact) + len(b.exact), cell / sigma):
        table = _kernel(n, cell / sigma, abs(d), mp.prec)
        table = table if d >= 0 else table.T
        # cell i of x beside cell i + d of y
        low, high = max(a.first, b.first - d), min(a.first + len(a.exact), b.first + len(b.exact) - d)
        if low < high:
            left, right = slice(low - a.first, high - a.first), slice(low + d - b.first, high + d - b.first)
            total += int(((a.exact[left] @ table >> mp.prec) * b.exact[right]).sum())
            size += float(((a.sizes[left] @ _floats(table, mp.prec)) * b.sizes[right]).sum())
    if not size > 0:
        raise NoRule("an integrand below the range of float64", "a larger one", "other variances")
    unit = a.unit * b.unit / (2 * mp.pi * width)
    short = max(0, -int(mp.floor(mp.log10(mpf(size) / (2 * mp.pi * width)))))
    return unit * mp.ldexp(mpf(total), -2 * mp.prec), unit * size, short


def _weights(line: Line, spread: mpf, cell: mpf, n: int) -> _Weights:
    def density(x: mpf) -> mpf:
        return mp.exp(-((x / spread) ** 2) / 2)

    reach = spread * reach_of(lambda r: max(abs(line(r * spread)), abs(line(-r * spread))))
    weighted = line.scaled(mpf(1), density)
    unit = largest(weighted, reach)
    last = int(mp.ceil(reach / cell))
    rows = [_row(weighted, k * cell, (k + 1) * cell, n, unit) for k in range(-last, last)]
    return _Weights(-last, np.array([exact for exact, _ in rows]), np.array([size for _, size in rows]), unit)


def _row(line: Line, low: mpf, high: mpf, n: int, unit: mpf) -> tuple[Ints, Any]:
    """The weights W_k of one cell: sum W_k K(x_k) is the integral of f K, for polynomials K of degree below n.

    W_k = w_k sum_m (2m + 1)/2 P_m(t_k) c_m with c_m, the integral of f P_m, from panels that resolve f.
    """
    bits, half = mp.prec, (high - low) / 2
    weights, matrix = _rule(n, bits)
    panels = resolving(line, (low, high), n, unit)
    if [panel for panel, _ in panels] == [(low, high)]:
        exact = (weights * panels[0][1] >> bits) * int(mp.ldexp(half, bits)) >> bits
        return exact, np.abs(_floats(exact, bits))
    exact, sizes = np.array([0] * n, dtype=object), np.zeros(n)
    for (a, b), values in panels:
        share = int(mp.ldexp((b - a) / 2, bits))
        t = fixed([(x - low) / half - 1 for x, _ in nodes([(a, b)], n)], bits)
        terms = (weights * values >> bits) * share >> bits
        basis = legendre_values(t, n, bits)
        exact += (basis @ terms) >> bits
        sizes += _floats(basis, bits) @ np.abs(_floats(terms, bits))
    return matrix @ exact >> bits, _floats(matrix, bits) @ sizes


@lru_cache(maxsize=32)
def _rule(n: int, bits: int) -> tuple[Ints, Ints]:
    """Legendre weights, and the matrix from integrals of f P_m to weights W_k; fixed-point."""
    with mp.workprec(bits):
        t, weights = (fixed(list(column), bits) for column in zip(*nodes([(mpf(-1), mpf(1))], n), strict=True))
    values = legendre_values(t, n, bits).T
    return weights, (weights[:, None] * values >> bits) * (2 * np.arange(n, dtype=object) + 1) // 2


def _distances(most: int, length: mpf) -> range:
    """The distances between cells at which the kernel has not died away."""
    reach = mp.sqrt(2 * mp.log(10) * mp.dps)
    last = most if most * length < reach else 1 + int(reach / length)
    return range(-last, last + 1)


@lru_cache(maxsize=64)
def _kernel(n: int, length: mpf, distance: int, bits: int) -> Ints:
    """exp(-(x - y)^2/2) for nodes x of a cell and y of the cell `distance` further on, fixed-point.

    It is that of a cell with itself times a function of x and one of y, as large as exp(length^2 distance/2).
    """
    own, rate = _own_kernel(n, length, bits), length**2 * distance
    if not distance:
        return own >> bits
    with mp.workprec(2 * bits):
        places = [x for x, _ in nodes([(-length / 2, length / 2)], n)]
        rows = fixed([mp.exp(distance * length * x - rate * distance / 2) for x in places], 2 * bits)
        columns = fixed([mp.exp(-distance * length * y) for y in places], 2 * bits)
    return ((own * rows[:, None] >> bits) * columns[None, :]) >> 4 * bits


@lru_cache(maxsize=8)
def _own_kernel(n: int, length: mpf, bits: int) -> Ints:
    """The same for one cell with itself, with twice the bits."""
    with mp.workprec(2 * bits):
        places = [x for x, _ in nodes([(-length / 2, length / 2)], n)]
        table = np.zeros((n, n), dtype=object)
        for i in range((n + 1) // 2):  # it is symmetric in both diagonals
            row = fixed([mp.exp(-((places[j] - places[i]) ** 2) / 2) for j in range(i, n - i)], 2 * bits)
            table[i, i : n - i] = table[i : n - i, i] = row
            table[n - 1 - i, i : n - i] = table[i : n - i, n - 1 - i] = row[::-1]
    return table


def _degree(length: mpf) -> int:
    """Nodes that interpolate the kernel on a cell: its coefficients fall like (length/4)^n / sqrt(n!)."""
    goal = mp.dps * mp.log(10)
    return next(n for n in count(12) if mp.loggamma(n + 1) / 2 - n * mp.log(length / 4) > goal)


def _floats(values: Ints, bits: int) -> Any:
    """Fixed-point numbers in float64."""
    return (values >> max(0, bits - 60)).astype(np.float64) * 2.0 ** -min(bits, 60)
