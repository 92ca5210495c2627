"""Expectations of users' formulas, held against a plain quadrature that shares nothing with the panels of the rules."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from mpmath import mp

import symlimits as sl
from symlimits.errors import NoRule
from symlimits.reading import pair_source
from symlimits.reading.panels import Panels
from symlimits.reading.sampled import PairExpectation, pair_of

Floats = npt.NDArray[np.float64]
ENOUGH = 1e-12  # of sqrt(T(p, p, p) T(q, q, q)): what the ladder promises
TRUTH = 5e-15  # of the same: the rounding of the quadrature below, which adds ten thousand terms
REACH, RATIO, WIDEST = 9.5, 1.6, 0.6  # the density is below 1e-20 beyond; panels grow from special places by the ratio


class Case(NamedTuple):
    """A formula, the same in code that does not cancel, and where it is special: (place, width there)."""

    formula: str
    f: Callable[[Floats], Floats]
    places: tuple[tuple[float, float], ...]
    bound: float = ENOUGH  # more where a narrow place amplifies the rounding of arguments


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


def erf(x: Floats) -> Floats:
    return np.array([math.erf(value) for value in np.ravel(x)]).reshape(np.shape(x))


def log_cosh(x: Floats) -> Floats:
    near = np.minimum(np.abs(x), 300.0)
    return np.where(np.abs(x) < 300.0, np.log1p(2 * np.sinh(near / 2) ** 2), np.abs(x) - math.log(2))


def wave(x: Floats) -> Floats:
    return 2 * np.sin(x / 2) ** 2 - np.cos(x) * np.expm1(-(x**4) / 1000)


POINT = 1e-13  # the width of a kink
MIDDLE = (0.0, 0.5)
WAVE = tuple((2.5 * k, 0.6) for k in range(-3, 4))
QUICK = (Case("tanh(20*x + 3)", lambda x: np.tanh(20 * x + 3), ((-0.15, 0.04),)),)
OTHERS = (
    Case("log(cosh(x))", log_cosh, (MIDDLE,)),
    Case("min(max(x, -1), 1)", lambda x: np.clip(x, -1, 1), ((-1.0, POINT), (1.0, POINT))),
    Case("tanh(3*x - 2)", lambda x: np.tanh(3 * x - 2), ((2 / 3, 0.3),)),
    Case("erf(x)**2", lambda x: erf(x) ** 2, (MIDDLE,)),
    Case("erf(2*x + 1)*x", lambda x: erf(2 * x + 1) * x, ((-0.5, 0.3),)),
    Case("abs(x - 1)", lambda x: np.abs(x - 1), ((1.0, POINT),)),
    Case("log(1 + x**2)", lambda x: np.log1p(x * x), (MIDDLE,)),
    Case("sqrt(1 + x**2) - 1", lambda x: x * x / (1 + np.sqrt(1 + x * x)), (MIDDLE,)),
    Case("x - tanh(x)", longer(lambda x: x - np.tanh(x)), (MIDDLE,)),
    Case("x - atan(x)", longer(lambda x: x - np.arctan(x)), (MIDDLE,)),
    Case("log(1 + x**4)", lambda x: np.log1p(x**4), ((0.0, 0.4),)),
    Case("1 - cos(x)*exp(-x**4/1000)", wave, WAVE),
    Case("tanh(1000*(x - 33/10))", lambda x: np.tanh(1000 * (x - 3.3)), ((3.3, 1e-3),)),
    Case(
        "1/(1 + 10**8*(x - 33/10)**2) + tanh(x)",
        lambda x: 1 / (1 + 1e8 * (x - 3.3) ** 2) + np.tanh(x),
        (MIDDLE, (3.3, 1e-4)),
    ),
    Case(
        "10/(1 + 10**10*(x - 33/10)**2) + tanh(x)",
        lambda x: 10 / (1 + 1e10 * (x - 3.3) ** 2) + np.tanh(x),
        (MIDDLE, (3.3, 1e-5)),
    ),
    Case("1/(1 + 10**6*(x - 33/10)**2)", lambda x: 1 / (1 + 1e6 * (x - 3.3) ** 2), ((3.3, 1e-3),), 2 * ENOUGH),
    Case("sqrt(abs(x - 1))*tanh(x)", lambda x: np.sqrt(np.abs(x - 1)) * np.tanh(x), (MIDDLE, (1.0, POINT))),
)
CASES = {case.formula: case for case in QUICK + OTHERS}
FEW = ((1000.0, 1000.0, 0.99), (1.0, 1.0, 1.0), (1000.0, 1000.0, 1.0), (1e-3, 1e-3, -1.0), (1e-3, 1e3, -0.9))
POINTS = (
    *FEW,
    (1000.0, 1000.0, 1 - 1e-8),
    (30.0, 30.0, 0.99),
    (1.0, 4.0, 0.999),
    (1.0, 1.0, 0.5),
    (1e-3, 1e-3, 0.99),
    (4.0, 4.0, 1.0),
    (10.0, 300.0, -1.0),
    (1000.0, 0.5, 0.0),
)


def dual_of(formula: str) -> PairExpectation:
    return pair_of(sl.dual(sl.activation(formula)).definition)


def check(case: Case, points: Iterable[tuple[float, float, float]]) -> None:
    """Values to 1e-12, with the bound and without, and no bound below the true error."""
    rule = dual_of(case.formula)
    for p, q, rho in points:
        size = math.sqrt(by_quadrature(case, p, p, 1.0) * by_quadrature(case, q, q, 1.0))
        truth = by_quadrature(case, p, q, rho)
        law = [np.array([value]) for value in (p, q, math.copysign(1 - abs(rho), rho))]
        found, quick = rule.bounded(*law), rule.values(*law)
        assert found.errors[0] <= case.bound * size, (p, q, rho)
        assert abs(found.values[0] - truth) <= found.errors[0] + TRUTH * size, (p, q, rho)
        assert abs(quick[0] - truth) <= ENOUGH * size, (p, q, rho)


@pytest.mark.slow
@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.formula)
def test_users_formulas(case: Case) -> None:
    check(case, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("formula", list(CASES)[::2])
def test_all_formulas_everywhere(formula: str) -> None:
    check(CASES[formula], POINTS)


@pytest.mark.parametrize("p", [1e-3, 4.0, 1000.0])
def test_the_quadrature_itself(p: float) -> None:
    """Against a closed form, its finer self, and mpmath on the diagonal."""
    smooth, steep = Case("erf(x)", erf, (MIDDLE,)), CASES["tanh(20*x + 3)"]
    for rho in (0.99, -0.5, 1.0):
        exact = 2 / math.pi * math.asin(2 * rho * p / (1 + 2 * p))
        assert abs(by_quadrature(smooth, p, p, rho) - exact) <= TRUTH
    assert abs(by_quadrature(steep, p, 1.0, 0.9) - by_quadrature(steep, p, 1.0, 0.9, finer=1.5)) <= TRUTH
    root = mp.sqrt(p)
    ends = [-12, *sorted((mp.mpf("-0.15") + k * mp.mpf("0.1")) / root for k in range(-9, 10) if abs(k / root) < 90), 12]
    truth = mp.quad(lambda x: mp.tanh(20 * root * x + 3) ** 2 * mp.npdf(x), sorted(ends))
    assert abs(by_quadrature(steep, p, p, 1.0) - truth) <= TRUTH


@pytest.mark.slow
def test_without_grades_the_values_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A control: the check finds a rule that meets no steep place in its smoothed form."""
    true_breakpoints = pair_source.breakpoints

    def plain(f: object, x: object) -> Panels:
        found = true_breakpoints(f, x)  # type: ignore[arg-type]
        return Panels(found.sharp, (), found.radius, found.places, found.noise)

    monkeypatch.setattr(pair_source, "breakpoints", plain)
    with pytest.raises(AssertionError):
        check(CASES["tanh(20*x + 3)"], FEW)


@pytest.mark.slow
def test_what_oscillates_too_fast_far_out() -> None:
    """Fast where few panels are needed, and NaN, at once, where there are too many."""
    rule = dual_of("sin(50*x)*tanh(x)")
    found = rule.bounded([0.1, 1000.0], [0.1, 1000.0], [0.5, 0.5])
    assert found.errors[0] <= 1e-12 * found.sizes[0]
    assert np.isnan(found.values[1])
    with pytest.raises(NoRule, match="steep places"):
        sl.dual("sin(50*x)*tanh(x)").evaluate(1000, 1000, 500)


@pytest.mark.slow
def test_the_last_rung_where_a_function_cancels() -> None:
    """1e-12 of the function is below its rounding in float64: mpmath takes over."""
    T = sl.dual("1 - sqrt(1 - tanh(x)**4)")
    point = ("1/1000", "1/1000", "1/1000")
    value = T.evaluate(*point)
    assert "quadrature" in value.method
    assert abs(value.value - T.reference(*point, digits=25)) <= value.error <= 1e-12 * value.value


@pytest.mark.slow
def test_the_gram_matrix_of_a_steep_activation() -> None:
    """One layer: the Gram matrix of tanh(20 x + 3) at inputs of norm 1e-3 to 1e3."""
    X = np.array([[1e3**0.5, 0.0], [1e3**0.5 * 0.99, 1e3**0.5 * math.sqrt(1 - 0.99**2)], [0.03, 0.01], [-2.0, 1.0]])
    case = CASES["tanh(20*x + 3)"]
    gram = sl.nngp(sl.mlp(1, sl.activation(case.formula), 1, 0))(X)
    K = X @ X.T / X.shape[1]
    for i, j in ((0, 1), (0, 2), (0, 3), (1, 1), (2, 3)):
        rho = 1.0 if i == j else K[i, j] / math.sqrt(K[i, i] * K[j, j])
        size = math.sqrt(gram[i, i] * gram[j, j])
        assert abs(gram[i, j] - by_quadrature(case, K[i, i], K[j, j], rho)) <= 1e-10 * size


@pytest.mark.slow
def test_the_reason_names_what_is_left() -> None:
    method = sl.dual("erf(2*x + 1)*x").method
    assert "Price's theorem leaves an integral of E[u*v*erf(2*u + 1)*erf(2*v + 1)]" in method
