r"""The joint density of $(G, \rho)$ at finite width on grids of thousands of points.

Every value is an integral over line integrals of one number each (`eigenvalues`). Tables of these, made once, and a
compiled trapezoid rule give a grid in the time of a few points. Where the factor is below its peak by more than DEPTH
in the logarithm, it counts as zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import exp, hypot, inf, log, log1p

import numpy as np
import numpy.typing as npt
from numba import njit

from symlimits.errors import NoRule
from symlimits.reading.contour_table import Table, table
from symlimits.reading.spherical_kernel import FIRST_STEP, LAST_TERM, NEAR
from symlimits.theory.mixtures.eigenvalues import Eigenvalues

Array = npt.NDArray[np.float64]
DEPTH = 80.0
VALUES = 200_000  # of a contour, for one table at most
BISECTIONS = 24
HALVINGS = 6  # of the step
AGREEMENT = 1e-9  # of two steps: the error of the second is nearly the square of that of the first


@dataclass(frozen=True)
class JointTable:
    r"""log of $p(G, \rho)/\sinh\rho$ for hidden `widths`, all at least two.

    >>> law, G, rho = JointTable((5, 4)), np.array([0.0]), np.array([1.0])
    >>> bool(abs(law.log_kernel(G, rho) - law.law.log_kernel(G, rho)).max() < 1e-12)
    True
    """

    widths: tuple[int, ...]

    @cached_property
    def law(self) -> Eigenvalues:
        """Its values one by one."""
        return Eigenvalues(self.widths, None)

    def log_kernel(self, G: Array, rho: Array) -> Array:
        """At G (m,) and rho (n,) on their grid: (m, n)."""
        found = np.empty((len(G), len(rho)))
        level, slope = self._tables
        bend = np.polynomial.chebyshev.chebder(slope.coefficients, axis=1) * (2.0 / slope.width)
        panels = (level.low, level.width, slope.low, slope.width)
        parts = (level.coefficients, slope.coefficients, np.ascontiguousarray(bend))
        step = min(FIRST_STEP * self.law.sum.width, FIRST_STEP)
        _fill(found, G, rho, self._ends, panels, parts, step, NEAR * self.law.sum.width)
        return found + log(4.0) + self.law.sum.log_ratio

    @cached_property
    def _ends(self) -> tuple[float, float]:
        return self._end(-1.0), self._end(1.0)

    def _end(self, side: float) -> float:
        """Where the factor has fallen by DEPTH."""
        inside, outside = 0.0, side * self.law.sum.width
        top = self._log_factor(0.0)
        while self._log_factor(outside) > top - DEPTH:
            inside, outside = outside, 2 * outside
        for _ in range(BISECTIONS):
            middle = 0.5 * (inside + outside)
            above = self._log_factor(middle) > top - DEPTH  # NaN, far out, is not
            inside, outside = (middle, outside) if above else (inside, middle)
        return inside

    def _log_factor(self, x: float) -> float:
        return float(self.law.sum.phi(np.array([x]))[0][0])

    @cached_property
    def _tables(self) -> tuple[Table, Table]:
        """Of the logarithm of the factor, and of its slope."""
        known = dict[bytes, tuple[Array, Array]]()

        def both(x: Array) -> tuple[Array, Array]:
            if x.tobytes() not in known:
                known[x.tobytes()] = self.law.sum.phi(x)
            return known[x.tobytes()]

        level = table(lambda x: both(x)[0], *self._ends, VALUES)
        slope = table(lambda x: both(x)[1], *self._ends, VALUES)
        if level is None or slope is None:
            given = f"a table of the law of widths {self.widths}"
            raise NoRule(given, "a function that few polynomials hold", "output_law(ratio=...), the limit")
        return level, slope


@njit(cache=True, error_model="numpy")
def _fill(found, G, rho, ends, panels, parts, step, near):  # type: ignore[no-untyped-def]
    for i in range(len(G)):
        for j in range(len(rho)):
            found[i, j] = _integral(G[i], rho[j], ends, panels, parts, step, near)


@njit(cache=True, error_model="numpy")
def _integral(G, rho, ends, panels, parts, step, near):  # type: ignore[no-untyped-def]
    """The trapezoid rule in s, whose terms fall; the step is halved until two agree."""
    first = _term(G, rho, 0.0, ends, panels, parts, near)
    if not first > -inf:
        return -inf
    total, before, h, stride = 0.5, -inf, step, 1
    for _ in range(HALVINGS):
        k = 1
        while True:
            term = _term(G, rho, k * h, ends, panels, parts, near) - first
            if not term > -LAST_TERM:
                break
            total += exp(term)
            k += stride
        value = log(h * total)
        if abs(value - before) <= AGREEMENT:
            break
        before, h, stride = value, 0.5 * h, 2
    return first + value


@njit(cache=True, error_model="numpy")
def _term(G, rho, s, ends, panels, parts, near):  # type: ignore[no-untyped-def]
    """log of the integrand of `spherical_kernel` at s."""
    u = hypot(rho, s)
    left, right = G - u, G + u
    if left < ends[0] or right > ends[1]:
        return -inf
    low, width, slope_low, slope_width = panels
    if u < near:
        fall = -2.0 * _at(G, slope_low, slope_width, parts[2])
    else:
        fall = (_at(left, slope_low, slope_width, parts[1]) - _at(right, slope_low, slope_width, parts[1])) / u
    if fall <= 0.0:
        return -inf
    root = _log_sinhc(0.5 * (u + rho)) + (_log_sinhc(0.5 * s * s / (u + rho)) if s > 0.0 else 0.0)
    return _at(left, low, width, parts[0]) + _at(right, low, width, parts[0]) + log(fall) - 0.5 * root


@njit(cache=True, error_model="numpy")
def _log_sinhc(x):  # type: ignore[no-untyped-def]
    return x * x / 6.0 if x < 1e-4 else x + log1p(-exp(-2.0 * x)) - log(2.0 * x)


@njit(cache=True, error_model="numpy")
def _at(x, low, width, coefficients):  # type: ignore[no-untyped-def]
    """Clenshaw's sum on the panel of x."""
    t = (x - low) / width
    panel = min(max(int(t), 0), len(coefficients) - 1)
    y = 2.0 * (t - panel) - 1.0
    b, before = 0.0, 0.0
    for j in range(coefficients.shape[1] - 1, 0, -1):
        b, before = 2.0 * y * b - before + coefficients[panel, j], b
    return y * b - before + coefficients[panel, 0]
