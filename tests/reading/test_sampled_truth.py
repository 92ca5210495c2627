"""Expectations of users' formulas, held against a plain quadrature that shares nothing with the panels of the rules."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
import sympy as sp

import symlimits as sl
from symlimits.reading.sampled import PairExpectation, pair_of

Floats = npt.NDArray[np.float64]
ENOUGH = 1e-12  # of sqrt(T(p, p, p) T(q, q, q)): what the ladder promises
TRUTH = 1e-13  # of the same: what two of the quadratures below may differ by; three times their rounding
REACH, RATIO, WIDEST = 9.5, 1.6, 0.6  # the density is below 1e-20 beyond; panels grow from special places by the ratio


class Case(NamedTuple):
    """A formula, the same in code that does not cancel, and where it is special: (place, width there)."""

    formula: str
    f: Callable[[Floats], Floats]
    places: tuple[tuple[float, float], ...]


def mesh(places: Iterable[tuple[float, float]], finer: float) -> Floats:
    """Ends of panels on [-REACH, REACH] that close in on every place, down to its width."""
    ends = [-REACH, REACH]
    for place, width in places:
        offsets, step = [0.0], min(width, WIDEST) / finer
        while offsets[-1] < 2 * REACH + abs(place):
            offsets.append(offsets[-1] + step)
            step = min(step * RATIO, WIDEST / finer)
        ends += [place + side * offset for offset in offsets for side in (-1, 1)]
    found = np.unique(ends)
    return found[(found >= -REACH) & (found <= REACH)]


def rule(ends: Floats, count: int) -> tuple[Floats, Floats]:
    """Nodes, and weights times the density of a standard normal variable."""
    x, w = np.polynomial.legendre.leggauss(count)
    half = np.diff(ends)[:, None] / 2
    z = (ends[:-1, None] + half + half * x).ravel()
    return z, (half * w).ravel() * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def by_quadrature(case: Case, p: float, q: float, rho: float, finer: float = 1.0) -> float:
    """E f(u) f(v): u = sqrt(p) x, and the mean over v given u by a rule for every x."""
    a, b, count = math.sqrt(p), math.sqrt(q), 16 if finer == 1 else 20
    s = math.sqrt((1 - rho) * (1 + rho))
    places = [(c / a, w / a) for c, w in case.places]
    places += [(c / (b * rho), w / abs(b * rho)) for c, w in case.places if rho]
    x, weights = rule(mesh(places, finer), count)
    if s == 0:
        return math.fsum(weights * case.f(a * x) * case.f(b * rho * x))
    means = np.empty(x.size)
    for k in range(x.size):
        inner = [((c / b - rho * x[k]) / s, w / (b * s)) for c, w in case.places]
        y, w = rule(mesh([place for place in inner if abs(place[0]) < 2 * REACH] or [(0.0, 1.0)], finer), count)
        means[k] = w @ case.f(rho * b * x[k] + s * b * y)
    return math.fsum(weights * case.f(a * x) * means)


def longer(f: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    return lambda x: f(x.astype(np.longdouble)).astype(np.float64)


POINT = 1e-13  # the width of a kink
CASES = {
    case.formula: case
    for case in (
        Case("tanh(3*x - 2)", lambda x: np.tanh(3 * x - 2), ((2 / 3, 0.3),)),
        Case("tanh(20*x + 3)", lambda x: np.tanh(20 * x + 3), ((-0.15, 0.04),)),
        Case("erf(x)**2", lambda x: erf(x) ** 2, ((0.0, 0.5),)),
        Case("erf(2*x + 1)*x", lambda x: erf(2 * x + 1) * x, ((-0.5, 0.3),)),
        Case("abs(x - 1)", lambda x: np.abs(x - 1), ((1.0, POINT),)),
        Case("min(max(x, -1), 1)", lambda x: np.clip(x, -1, 1), ((-1.0, POINT), (1.0, POINT))),
        Case("log(1 + x**2)", lambda x: np.log1p(x * x), ((0.0, 0.5),)),
        Case("log(cosh(x))", lambda x: np.where(np.abs(x) < 300, np.log1p(2 * np.sinh(np.clip(x, -300, 300) / 2) ** 2), np.abs(x) - math.log(2)), ((0.0, 0.5),)),
        Case("sqrt(1 + x**2) - 1", lambda x: x * x / (1 + np.sqrt(1 + x * x)), ((0.0, 0.5),)),
        Case("x - tanh(x)", longer(lambda x: x - np.tanh(x)), ((0.0, 0.5),)),
        Case("x - atan(x)", longer(lambda x: x - np.arctan(x)), ((0.0, 0.5),)),
        Case("log(1 + x**4)", lambda x: np.log1p(x**4), ((0.0, 0.4),)),
        Case("1 - cos(x)*exp(-x**4/1000)", lambda x: 2 * np.sin(x / 2) ** 2 - np.cos(x) * np.expm1(-(x**4) / 1000), ((-5.0, 0.6), (-2.5, 0.6), (0.0, 0.6), (2.5, 0.6), (5.0, 0.6), (7.5, 0.6), (-7.5, 0.6))),
        Case("tanh(1000*(x - 33/10))", lambda x: np.tanh(1000 * (x - 3.3)), ((3.3, 1e-3),)),
        Case("1/(1 + 10**8*(x - 33/10)**2) + tanh(x)", lambda x: 1 / (1 + 1e8 * (x - 3.3) ** 2) + np.tanh(x), ((0.0, 0.5), (3.3, 1e-4))),
        Case("10/(1 + 10**10*(x - 33/10)**2) + tanh(x)", lambda x: 10 / (1 + 1e10 * (x - 3.3) ** 2) + np.tanh(x), ((0.0, 0.5), (3.3, 1e-5))),
        Case("1/(1 + 10**6*(x - 33/10)**2)", lambda x: 1 / (1 + 1e6 * (x - 3.3) ** 2), ((3.3, 1e-3),)),
        Case("sqrt(abs(x - 1))*tanh(x)", lambda x: np.sqrt(np.abs(x - 1)) * np.tanh(x), ((0.0, 0.5), (1.0, POINT))),
    )
}  # fmt: skip
erf = np.vectorize(math.erf, otypes=[float])
