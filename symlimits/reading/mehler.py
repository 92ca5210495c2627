r"""The Mehler series of a Gaussian expectation over a pair, with a bound of what is left out.

E f(u) g(v) = sum_n a_n(p) b_n(q) rho^n with a_n(p) = E f(sqrt(p) z) h_n(z), h_n orthonormal Hermite polynomials. By
Cauchy and Schwarz what follows after N terms is at most |rho|^m sqrt(t_N(p) t_N(q)), where m >= N is the next index
with a term and t_N(p) = sum_{n>=N} a_n^2 (Mehler 1866): the kept coefficients and what is beyond them, which is E f^2
less all kept squares, or, where that difference would be rounding, the mean square of f less its expansion.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numba import njit

from symlimits.reading.closures import named_after
from symlimits.reading.plane import Scalar, grid, merged, reach_of, scaled
from symlimits.reading.resolution import Floats

TERMS = 400
GOAL = 1e-13  # of sqrt(t_0(p) t_0(q)): a series that stays above is not used
ROUND_OFF = 4e-15  # of the same: of the coefficients, which are sums over nodes, and of the sum
_STRIDE, _RADIANS = 0.75, 15.0  # short panels: h_n has sqrt(n) radians to a standard deviation
_RULE = np.array(np.polynomial.legendre.leggauss(16))
_VISIBLE = 1e-11  # of E f^2: a smaller difference has too few digits
_NORMAL = 1.0 / math.sqrt(2.0 * math.pi)


def expansion(f: Scalar, sharp: Floats, parity: int) -> Callable[[float, Floats], float]:
    """The function that fills a with coefficients a_n(p) and returns t_N(p) for all N of them; NaN for too fast an f.

    `parity` is 1 for an even f, -1 for an odd one, 0 for others: coefficients of the other parity are exactly 0.
    """
    reach_f, radius = reach_of(f), sharp[-1]

    @njit(error_model="numpy")
    @named_after(f)
    def nodes(p: float, terms: int) -> tuple[Floats, Floats, Floats]:
        """Nodes z, roots of their weights, and these times f; of a function with a parity, the half z > 0 alone."""
        root = math.sqrt(p)
        reach = math.sqrt(2.0) * reach_f(root)
        if not root * reach < radius:
            return np.full(1, math.nan), np.full(1, math.nan), np.full(1, math.nan)
        stride = min(2.0, max(_STRIDE, _RADIANS / math.sqrt(float(terms))))
        ends = merged(grid(reach, stride), scaled(sharp, root, reach, 0.0))
        z, roots = np.empty(16 * (ends.size - 1)), np.empty(16 * (ends.size - 1))
        values = np.empty(z.size)
        n, first = 0, ends.size // 2 if parity != 0 else 0
        while parity != 0 and first > 0 and ends[first] > 0.0:
            first -= 1
        sides = 2.0 if parity != 0 else 1.0
        for cell in range(first, ends.size - 1):
            low = max(ends[cell], 0.0) if parity != 0 else ends[cell]
            half, middle = 0.5 * (ends[cell + 1] - low), 0.5 * (ends[cell + 1] + low)
            if half <= 0.0:
                continue
            for k in range(16):
                z[n] = middle + half * _RULE[0, k]
                roots[n] = math.sqrt(sides * _NORMAL * half * _RULE[1, k]) * math.exp(-0.25 * z[n] * z[n])
                values[n] = roots[n] * f(root * z[n])
                n += 1
        return z[:n], roots[:n], values[:n]

    @njit(error_model="numpy", fastmath={"reassoc", "contract"})
    @named_after(f)
    def expand(p: float, a: Floats) -> float:
        z, here, values = nodes(p, a.size)  # h_n times the roots, f times the roots
        before, rest = np.zeros(z.size), values.copy()  # h_{n-1}, and f less its expansion, times the roots
        total, square, kept = 0.0, 0.0, 0.0
        for k in range(z.size):
            total += here[k] * values[k]
            square += values[k] * values[k]
        for n in range(a.size):
            a[n] = 0.0 if parity != 0 and (parity > 0) != (n % 2 == 0) else total
            kept += a[n] * a[n]
            down, up = math.sqrt(float(n)), 1.0 / math.sqrt(n + 1.0)
            total = 0.0
            for k in range(z.size):
                rest[k] -= a[n] * here[k]
                following = (z[k] * here[k] - down * before[k]) * up
                before[k] = here[k]
                here[k] = following
                total += following * values[k]
        if square - kept > _VISIBLE * square or not square > 0.0:
            return square - kept
        left = 0.0
        for k in range(z.size):
            left += rest[k] * rest[k]
        # h_N spreads like an arcsine law over |z| < 2 sqrt(N), and the nodes see what lies within their reach
        within = min(1.0, 0.5 * z[z.size - 1] / math.sqrt(a.size + 1.0))
        return left * (0.5 * math.pi / math.asin(within))

    return expand


@njit(error_model="numpy")
def tails(a: Floats, left: float, found: Floats) -> None:
    """t_N for N = 0, 1, ..., from the coefficients and t after the last of them."""
    found[a.size] = left
    for n in range(a.size - 1, -1, -1):
        found[n] = found[n + 1] + a[n] * a[n]


@njit(error_model="numpy")
def series(a: Floats, b: Floats, left: Floats, right: Floats, rho: float, goal: float) -> tuple[float, float, int]:
    """The sum, a bound of its error, and the number of terms: the fewest that meet the goal, relative; or all.

    `left` and `right` are the tails t_N of a and b.
    """
    size = math.sqrt(left[0]) * math.sqrt(right[0])
    value, power, bound = 0.0, 1.0, size
    for n in range(a.size):
        if bound <= goal * size:
            return value, bound + ROUND_OFF * size, n
        value += a[n] * b[n] * power
        power *= rho
        # after a coefficient that is exactly 0, for its parity, the next term is one further on
        skips = n + 1 < a.size and a[n + 1] * b[n + 1] == 0.0
        reduced = abs(power * rho) if skips else abs(power)
        bound = reduced * math.sqrt(left[n + 1]) * math.sqrt(right[n + 1])
    return value, bound + ROUND_OFF * size, a.size
