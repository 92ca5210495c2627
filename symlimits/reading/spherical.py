r"""The reference reading of a `SphericalIntegral`: both lines through their saddles, by trapezoid rules of one step.

Legendre's function is Gauss's series,
$$\Omega_{\alpha\beta} = 4\sqrt\pi\,\frac{\Gamma(w + \frac12)}{\Gamma(w)}\,x^{-\alpha-1/4}y^{-\beta+1/4}\,
  {}_2F_1\big(\tfrac12, w + \tfrac12; w + 1; \tfrac yx\big),\qquad w = \alpha - \beta,$$
so that each factor has a saddle of its own, and the double sum is a convolution: on equal steps w takes few values.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp
from mpmath import mp, mpf
from scipy.special import loggamma

from symlimits.errors import DomainError, NoRule
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.spherical import SphericalIntegral
from symlimits.reading import line

Array = npt.NDArray[Any]
ROUNDING = 1e-18  # of a term of the series beside the sum
DOUBLE_DIGITS = 15  # up to which sums are made in float64: their terms cancel little on the lines through the saddles
STEP, HALVINGS = 1.0, 8  # the first step in widths of the narrower peak
MOST = 20_000  # nodes of a line
NEAR_ONE = 0.998  # of y/x: beyond, Gauss's series is too long for float64


def spherical_integral(head: SphericalIntegral, numbers: dict[sp.Symbol, sp.Expr], digits: int) -> mpf:
    """The value with `numbers` for the free symbols; `NoRule` where halvings of the step do not reach the digits."""
    if head.has(sp.Integral, GaussianExpectation) and digits > DOUBLE_DIGITS:
        raise NoRule(f"{digits} digits of a line of integrals", f"{DOUBLE_DIGITS} or fewer", "its last line")
    bound = head.subs(numbers, simultaneous=True)
    with mp.workdps(digits + 10):
        x, y = (mp.mpmathify(value.evalf(mp.dps)) for value in bound.eigenvalues)
        if not x > y > 0:
            raise DomainError(f"eigenvalues {mp.nstr(x, 5)}, {mp.nstr(y, 5)}", "x > y > 0", "another point")
        first, second = (_Line(f, bound, value) for f, value in ((bound.first, x), (bound.second, y)))
        step, before = STEP * min(first.width, second.width), mp.inf
        for _ in range(HALVINGS):
            now = _double_sum(first, second, step, y / x, digits)
            if abs(now - before) <= abs(now) * mpf(10) ** (-(digits // 2) - 1):
                return now * (y / x) ** mpf("0.25")  # the error of the finer rule is the square of the difference
            step, before = step / 2, now
    raise NoRule("a spherical integral", f"{digits} digits", "fewer digits")


class _Line:
    r"""One factor $h(w)x^{-w}$ on the line through its saddle."""

    def __init__(self, function: sp.Expr, head: SphericalIntegral, x: mpf) -> None:
        h, log_x = line.function(function, head.variable), mp.log(x)
        self.g = lru_cache(maxsize=None)(lambda z: h(z) * mp.exp(-z * log_x))
        low, high = (line.end_value(value) for value in head.strip)
        place = line.strip_map(low, high)
        self.c = place(line.lowest(self.g, place))
        self.width = line.peak_width(self.g, self.c)

    def nodes(self, step: mpf, digits: int) -> list[Any]:
        """The values at c + i k step for k >= 0, as far as they matter."""
        found, quiet = list[Any](), 0
        least = abs(self.g(mp.mpc(self.c, 0))) * mpf(10) ** (-digits - 4)
        while quiet < 3 and len(found) < MOST:
            found.append(self.g(mp.mpc(self.c, len(found) * step)))
            quiet = quiet + 1 if abs(found[-1]) < least else 0
        return found


def _double_sum(first: _Line, second: _Line, step: mpf, z: mpf, digits: int) -> mpf:
    """Over all pairs of nodes; values at -k are conjugates of those at k."""
    halves = first.nodes(step, digits), second.nodes(step, digits)
    exact, gap = digits > DOUBLE_DIGITS, first.c - second.c
    (A, a), (B, b) = (_row(values, exact) for values in halves)
    far = sum(map(len, halves)) - 1
    near = exact or z > NEAR_ONE
    values = _exact_kernel(gap, step, far, z) if near else _kernel(float(gap), float(step), far, float(z))
    weights, size = _row(list(values), exact)
    total = ((_exact_convolution if exact else np.convolve)(A, B[::-1]) * weights).sum()
    return mp.re(mp.mpmathify(total)) * a * b * size * (step / (2 * mp.pi)) ** 2


def _row(half: list[Any], exact: bool) -> tuple[Array, Any]:
    """Values at -n, ..., n from those at 0, ..., n over the largest, and that."""
    size = max(map(abs, half))
    row = [value / size for value in half]
    row = [value.conjugate() for value in row[:0:-1]] + row
    return np.array(row, dtype=object) if exact else np.array([complex(value) for value in row]), size


def _exact_convolution(A: Array, B: Array) -> Array:
    """Of complex numbers of mpmath, one at most, in integers: a tenth of a microsecond a product."""
    bits = mp.prec + 10

    def parts(row: Array) -> list[Array]:
        return [np.array([int(mp.ldexp(part(v), bits)) for v in row], dtype=object) for part in (mp.re, mp.im)]

    (a, b), (c, d) = parts(A), parts(B)
    real, imaginary = np.convolve(a, c) - np.convolve(b, d), np.convolve(a, d) + np.convolve(b, c)
    back = (mp.mpc(mp.ldexp(x, -2 * bits), mp.ldexp(y, -2 * bits)) for x, y in zip(real, imaginary, strict=True))
    return np.array(list(back), dtype=object)


def _exact_kernel(gap: mpf, step: mpf, count: int, z: mpf) -> list[Any]:
    """Omega at w = gap + i k step, k = 0, ..., without its powers."""
    nodes = [mp.mpc(gap, k * step) for k in range(count)]
    return [4 * mp.sqrt(mp.pi) * mp.gamma(w + 0.5) * mp.rgamma(w) * mp.hyp2f1(0.5, w + 0.5, w + 1, z) for w in nodes]


def _kernel(gap: float, step: float, count: int, z: float) -> Array:
    """The same in float64: terms of Gauss's series fall at least like powers of z, and hardly cancel."""
    w = gap + 1j * step * np.arange(count)
    total, term, n = np.ones(count, dtype=complex), np.ones(count, dtype=complex), 0
    while (np.abs(term) > ROUNDING * np.abs(total)).any():
        term *= z * (0.5 + n) * (w + 0.5 + n) / ((w + 1 + n) * (1 + n))
        total, n = total + term, n + 1
    return np.asarray(4 * np.sqrt(np.pi) * w * np.exp(loggamma(w + 0.5) - loggamma(w + 1)) * total)
