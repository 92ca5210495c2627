r"""The Mehler series of a Gaussian expectation over a pair, with a bound of what is left out.

E f(u) g(v) = sum_n a_n(p) b_n(q) rho^n with a_n(p) = E f(sqrt(p) z) h_n(z), h_n orthonormal Hermite polynomials. By
Cauchy and Schwarz what follows after N terms is at most |rho|^m sqrt(t_N(p) t_N(q)), where m >= N is the next index
with a term and t_N(p) = E f^2 - sum_{n<N} a_n^2 (Mehler 1866; the same quadrature gives both).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numba import njit

from symlimits.reading.closures import named_after
from symlimits.reading.panels import WIDEST, Floats
from symlimits.reading.plane import Scalar, grid, merged, reach_of, scaled

TERMS = 400
GOAL = 1e-13  # of sqrt(t_0(p) t_0(q)): a series that stays above is not used
ROUND_OFF = 2e-15  # of the same: of the coefficients, which are sums over nodes, and of the sum
_STRIDE, _RADIANS = 0.75, 15.0  # short panels: h_n has sqrt(n) radians to a standard deviation
_RULE = np.array(np.polynomial.legendre.leggauss(16))
_NORMAL = 1.0 / math.sqrt(2.0 * math.pi)
_EPSILON = 2.0**-52


def expansion(f: Scalar, sharp: Floats, parity: int) -> Callable[[float, Floats], float]:
    """The function (p, a) -> E f^2 that fills a with the coefficients a_n(p); NaN where f grows too fast.

    `parity` is 1 for an even f, -1 for an odd one, 0 for others: coefficients of the other parity are exactly 0.
    """
    reach_f = reach_of(f)

    @njit(error_model="numpy")
    @named_after(f)
    def nodes(p: float, terms: int) -> tuple[Floats, Floats, float]:
        """Nodes z, weights with f in them, and E f^2; of a function with a parity, the half z > 0 alone."""
        root = math.sqrt(p)
        reach = math.sqrt(2.0) * reach_f(root)
        if not root * reach < WIDEST:
            return np.empty(0), np.empty(0), math.nan
        stride = min(2.0, max(_STRIDE, _RADIANS / math.sqrt(float(terms))))
        ends = merged(grid(reach, stride), scaled(sharp, root, reach, 0.0))
        z, weights = np.empty(16 * (ends.size - 1)), np.empty(16 * (ends.size - 1))
        square, n, first = 0.0, 0, ends.size // 2 if parity != 0 else 0
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
                value = f(root * z[n])
                weights[n] = sides * _NORMAL * half * _RULE[1, k] * math.exp(-0.5 * z[n] * z[n]) * value
                square += weights[n] * value
                n += 1
        return z[:n], weights[:n], square

    @njit(error_model="numpy", fastmath={"reassoc", "contract"})
    @named_after(f)
    def expand(p: float, a: Floats) -> float:
        z, weights, square = nodes(p, a.size)
        before, here = np.zeros(z.size), weights.copy()  # h_{n-1} and h_n times the weights
        for n in range(a.size):
            down, up = math.sqrt(float(n)), 1.0 / math.sqrt(n + 1.0)
            total = 0.0
            for k in range(z.size):
                total += here[k]
                following = (z[k] * here[k] - down * before[k]) * up
                before[k] = here[k]
                here[k] = following
            a[n] = 0.0 if parity != 0 and (parity > 0) != (n % 2 == 0) else total
        return square

    return expand


@njit(error_model="numpy")
def series(a: Floats, b: Floats, left: float, right: float, rho: float, goal: float) -> tuple[float, float, int]:
    """The sum, a bound of its error, and the number of terms: the fewest that meet the goal, relative; or all.

    `left` and `right` are E f^2 and E g^2.
    """
    size = math.sqrt(left) * math.sqrt(right)
    first, second = left, right
    value, power, bound = 0.0, 1.0, size
    for n in range(a.size):
        if bound <= goal * size:
            return value, bound + ROUND_OFF * size, n
        value += a[n] * b[n] * power
        first -= a[n] * a[n]
        second -= b[n] * b[n]
        power *= rho
        if n + 1 < a.size and a[n] * b[n] != 0.0 and a[n + 1] * b[n + 1] == 0.0:
            reduced = abs(power * rho)  # a parity: the next term is one further on
        else:
            reduced = abs(power)
        rest = max(first, 0.0) + 4.0 * _EPSILON * left, max(second, 0.0) + 4.0 * _EPSILON * right
        bound = reduced * math.sqrt(rest[0]) * math.sqrt(rest[1])
    return value, bound + ROUND_OFF * size, a.size
