"""Expectations without closed form, compiled: the certified series where it converges, panels elsewhere.

The ladder of one value E f(u) g(v), each rung with its bound:

1. the Mehler series (`mehler`), where its bound meets 1e-13 within 400 terms: moderate variance, or small correlation;
2. Gauss-Legendre panels (`plane`), for all variances that keep to the breakpoints found; cut in half where the bound
   is above 1e-12.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.errors import NoRule
from symlimits.language.expectation import GaussianExpectation, separated
from symlimits.reading.cache import load_source
from symlimits.reading.mehler import GOAL, TERMS
from symlimits.reading.pair_source import breakpoints, pair_source
from symlimits.reading.resolution import Floats

_x = sp.Dummy("x", real=True)
_EPSILON = 2.0**-52
# Beside the difference of two rules: rounding of nodes and weights, in units of the sum of absolute values.
_ROUND_OFF = 16 * _EPSILON
ENOUGH = 1e-12  # of the size: a larger bound goes on to the next rung
FINE, HALVED = 1, 2  # rules of `plane`, each bounded by the one before it


class Values(NamedTuple):
    """Values, bounds of their errors, how many terms of the series each took (-1: panels), their natural size."""

    values: Floats
    errors: Floats
    terms: npt.NDArray[np.int64]
    sizes: Floats  # sqrt(E f(u)^2 E g(v)^2); of panels E |f(u) g(v)|, which is less


@dataclass(frozen=True)
class PairExpectation:
    """E f(u) g(v) as a function of the variances p, q and the signed gap of the correlation.

    >>> tanh = PairExpectation(sp.tanh(_x), sp.tanh(_x), _x)
    >>> round(float(tanh.bounded([4.0], [2.0], [0.1]).values[0]), 12)
    0.496238793155
    """

    f: sp.Expr
    g: sp.Expr
    x: sp.Symbol

    def bounded(self, p: npt.ArrayLike, q: npt.ArrayLike, gap: npt.ArrayLike) -> Values:
        """The ladder, with bounds: one-dimensional arrays of the same length. NaN, bounded by infinity, beyond it."""
        p, q, gap = (np.ascontiguousarray(value, dtype=np.float64) for value in (p, q, gap))
        found = self.series(p, q, gap)
        (f_noise, f_size), (g_noise, g_size) = self._noise("f", p), self._noise("g", q)
        found.errors[:] += f_noise * g_size + f_size * g_noise
        found.errors[np.isnan(found.errors)] = np.inf
        found.errors[found.terms < 0], found.values[found.terms < 0] = np.inf, np.nan
        for detail in (FINE, HALVED):
            rest = np.flatnonzero(~(found.errors <= ENOUGH * found.sizes))
            if rest.size:
                self._improve(found, rest, self.panels(p[rest], q[rest], gap[rest], detail))
        found.errors[(found.sizes == 0) & (p > 0) & (q > 0)] = np.inf  # no node has seen the function
        return found

    def _improve(self, found: Values, rest: npt.NDArray[np.int64], better: Values) -> None:
        """Take over what has smaller errors, and sizes where there are none."""
        found.sizes[rest] = np.where(np.isfinite(found.sizes[rest]), found.sizes[rest], better.sizes)
        smaller = better.errors < found.errors[rest]
        for mine, other in zip(found[:3], better[:3], strict=True):
            mine[rest[smaller]] = other[smaller]

    def values(self, p: Floats, q: Floats, gap: Floats) -> Floats:
        """The ladder without bounds for the panels, which takes half the time."""
        found = self.series(p, q, gap)
        rest = np.flatnonzero(found.terms < 0)
        if rest.size:
            found.values[rest] = self._plane(p[rest], q[rest], gap[rest], FINE)[0]
        return found.values

    def series(self, p: Floats, q: Floats, gap: Floats, terms: int = TERMS, goal: float = GOAL) -> Values:
        """The series alone; terms = -1 where it does not meet the goal with `terms` terms."""
        a, left, i = self._expanded("f", p, terms)
        b, right, j = (a, left, i) if self.f == self.g and p is q else self._expanded("g", q, terms)
        values, bounds, used = np.empty(gap.size), np.empty(gap.size), np.empty(gap.size, dtype=np.int64)
        rho = np.copysign(1.0 - np.abs(gap), gap)
        self._module.sums(a, b, left, right, i, j, rho, goal, values, bounds, used)
        size = np.sqrt(left[i, 0] * right[j, 0])
        used[~(bounds <= 2 * goal * size + 16 * _EPSILON * size)] = -1  # also NaN
        return Values(values, bounds, used, size)

    def panels(self, p: Floats, q: Floats, gap: Floats, detail: int = FINE) -> Values:
        """The panel rule, its error bounded by the rule one coarser, and by what rounding makes of the functions."""
        fine, size, noise = self._plane(p, q, gap, detail)
        coarse = self._plane(p, q, gap, detail - 1)[0]
        errors = np.abs(fine - coarse) + _ROUND_OFF * size + noise
        return Values(fine, errors, np.full(gap.size, -1), size)

    def _noise(self, name: str, p: Floats) -> tuple[Floats, Floats]:
        """The rounding of f or g, and the function itself, as root mean squares."""
        found = breakpoints(getattr(self, name), self.x)
        _, tails, place = self._expanded(name, p, 2)
        variances = np.unique(p)
        noise = np.array([found.mean_noise(float(variance)) for variance in variances])
        return noise[place], np.sqrt(tails[place, 0])

    def _expanded(self, name: str, p: Floats, terms: int) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
        """Coefficients and tails for each different variance, and which of them is whose."""
        variances, place = np.unique(p, return_inverse=True)
        coefficients, tails = np.empty((variances.size, terms)), np.empty((variances.size, terms + 1))
        getattr(self._module, f"expand_{name}")(variances, coefficients, tails)
        return coefficients, tails, np.ascontiguousarray(place.ravel(), dtype=np.int64)

    def _plane(self, p: Floats, q: Floats, gap: Floats, detail: int) -> tuple[Floats, Floats, Floats]:
        values, sizes, noise = np.empty(gap.size), np.empty(gap.size), np.empty(gap.size)
        self._module.planes(p, q, gap, detail, values, sizes, noise)
        return values, sizes, noise

    @property
    def source(self) -> str:
        """The generated source."""
        return pair_source(self.f, self.g, self.x)

    @cached_property
    def _module(self) -> ModuleType:
        return load_source(self.source)

    def __getstate__(self) -> tuple[sp.Expr, sp.Expr, sp.Symbol]:
        return self.f, self.g, self.x

    def __setstate__(self, state: tuple[sp.Expr, sp.Expr, sp.Symbol]) -> None:
        for name, value in zip(("f", "g", "x"), state, strict=True):
            object.__setattr__(self, name, value)


def pair_of(head: GaussianExpectation) -> PairExpectation:
    """The numerical reading of a head over one or two variables; `NoRule` where f and g are not factors."""
    if len(head.variables) == 1:
        (u,) = head.variables
        return PairExpectation(head.integrand.subs(u, _x), sp.S.One, _x)
    u, v = head.variables
    f, g, mixed = separated(head.integrand, u, v)
    if mixed != 1:
        raise NoRule(f"compiled code for E {head.integrand}", "a product f(u) g(v)", "`.reference(...)`")
    return PairExpectation(*balanced(f.subs(u, _x), g.subs(v, _x)), _x)


def balanced(f: sp.Expr, g: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """The same product with a positive constant shared out, so that equal factors are seen to be equal.

    >>> balanced(sp.tanh(_x) / 4, sp.tanh(_x))
    (tanh(_x)/2, tanh(_x)/2)
    """
    ratio = f / g if g != 0 else sp.S.NaN
    return (sp.sqrt(ratio) * g,) * 2 if ratio.is_number and ratio.is_positive else (f, g)
