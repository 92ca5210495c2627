"""The ladder for expectations without closed form: bounds that hold, rungs that agree, edges."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.activations import FORMULAS
from symlimits.errors import NoRule
from symlimits.reading.mehler import TERMS
from symlimits.reading.resolution import Floats
from symlimits.reading.sampled import PairExpectation, pair_of

NAMES = ("tanh", "sigmoid", "softplus", "silu", "elu")
SERIES_NOISE = 1e-13  # round-off of the series and of the panels that it is held against, of the kernel's size


def pair(name: str) -> PairExpectation:
    return pair_of(sl.dual(getattr(act, name)).definition)


def sizes(rule: PairExpectation, p: Floats, q: Floats) -> Floats:
    """sqrt(T(p, p, p) T(q, q, q))."""
    roots = {v: math.sqrt(rule.panels(np.array([v]), np.array([v]), np.zeros(1)).values[0]) for v in {*p, *q}}
    return np.array([roots[a] * roots[b] for a, b in zip(p, q, strict=True)])


def points(count: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """p, q in [1e-3, 1e3] and gaps down to 1e-16, on both sides; the ends are among them."""
    rng = np.random.default_rng(seed)
    grid = np.concatenate([[1e-3, 1e3], 10 ** rng.uniform(-3, 3, 30)])
    gap = np.where(rng.random(count) < 0.5, rng.uniform(0, 1, count), 10 ** rng.uniform(-16, 0, count))
    gap[: count // 20] = 0.0
    return rng.choice(grid, count), rng.choice(grid, count), gap * rng.choice([-1.0, 1.0], count)


def check_series(name: str, count: int) -> None:
    """With any number of terms the bound is above the error, and within a factor 100 of it beyond round-off."""
    rule = pair(name)
    p, q, gap = points(count, seed=1)
    truth, size = rule.panels(p, q, gap), sizes(rule, p, q)
    assert (truth.errors <= 3e-12 * size).all()  # panels alone; where they are that coarse the ladder has the series
    terms = np.random.default_rng(2).integers(2, TERMS, count) // 16 * 16 + 1
    ratios = []
    for n in np.unique(terms):
        k = terms == n
        found = rule.series(p[k], q[k], gap[k], int(n), goal=0.0)
        error = np.abs(found.values - truth.values[k])
        assert (error <= found.errors + truth.errors[k]).all()
        visible = found.errors > SERIES_NOISE * size[k]
        ratios.append(found.errors[visible] / np.maximum(error[visible], 1e-300))
    assert np.mean(np.concatenate(ratios) <= 100) >= 0.995
    assert np.concatenate(ratios).size > count // 20


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_bounds_of_the_series(name: str) -> None:
    check_series(name, 400)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tanh", "softplus"])  # odd, and neither
def test_bounds_of_the_series_at_ten_thousand_points(name: str) -> None:
    check_series(name, 10_000)


def test_a_bound_that_is_too_small_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A control: with bounds a hundredth as large the check above fails."""
    true_series = PairExpectation.series

    def optimistic(self: PairExpectation, *arguments: object, **options: object) -> object:
        found = true_series(self, *arguments, **options)  # type: ignore[arg-type]
        return found._replace(errors=found.errors / 100)

    monkeypatch.setattr(PairExpectation, "series", optimistic)
    with pytest.raises(AssertionError):
        check_series("tanh", 400)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_ladder_everywhere(name: str) -> None:
    """1e-12 of the size at every variance and correlation, the stated bound included."""
    rule = pair(name)
    p, q, gap = points(300, seed=3)
    found, size = rule.bounded(p, q, gap), sizes(rule, p, q)
    assert (found.errors <= 1e-12 * size).all()
    assert {*found.terms} >= {-1}
    assert (found.terms >= 0).any()
    other = rule.panels(q, p, gap)  # swapped: the other variable is integrated first
    assert (np.abs(found.values - other.values) <= found.errors + other.errors).all()
    np.testing.assert_allclose(rule.values(p, q, gap), found.values, rtol=0, atol=1e-14 * size.max())


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "point", [("1/1000", "2", "1/50"), ("4", "2", "-5/2"), ("3", "3", "3"), ("1/2", "1/2", "-1/2")]
)
def test_against_high_precision(name: str, point: tuple[str, str, str]) -> None:
    T = sl.dual(getattr(act, name))
    value = T.evaluate(*point)
    assert abs(value.value - T.reference(*point, digits=20)) <= value.error


SOME = ["tanh", *(pytest.param(name, marks=pytest.mark.slow) for name in NAMES[1:])]


@pytest.mark.parametrize("name", [*(name for name in FORMULAS if name not in NAMES), *SOME])
def test_three_routes(name: str) -> None:
    """Closed form or series, quadrature of the definition, and draws with control variates."""
    T = sl.dual(getattr(act, name))
    law = (2, sp.Rational(7, 10), sp.Rational(3, 5))
    value = T.evaluate(*law)
    definition = sl.Derivation(T.trace[:1], T.domain, T.arguments)
    truth = definition.reference(*law, digits=30 if T.has_closed_form else 20)
    assert abs(value.value - truth) <= value.error <= 1e-12 * max(1.0, abs(value.value))
    estimate, error = drawn(getattr(act, name).expr, *map(float, law))
    assert abs(estimate - value.value) <= 5 * error  # false alarms: 6e-7
    assert abs(estimate - 1.5 * value.value) > 5 * error


def drawn(phi: sp.Expr, p: float, q: float, c: float) -> tuple[float, float]:
    """The mean of phi(u) phi(v) over draws and its standard error, after what polynomials explain is taken out."""
    x, y = np.random.default_rng(5).normal(size=(2, 200_000))
    u, v = math.sqrt(p) * x, c / math.sqrt(p) * x + math.sqrt(q - c * c / p) * y
    f = sp.lambdify(sp.Symbol("x", real=True), phi, ["scipy", "numpy"])
    draws = np.asarray(f(u)) * np.asarray(f(v))
    controls = np.stack([u * v - c, u * u - p, v * v - q, u, v])  # of mean 0
    slopes = np.linalg.lstsq((controls - controls.mean(axis=1, keepdims=True)).T, draws - draws.mean(), rcond=None)[0]
    rest = draws - slopes @ controls
    return rest.mean(), rest.std() / math.sqrt(rest.size) + 1e-15


@pytest.mark.slow
@pytest.mark.parametrize("name", ["relu", "step", "gelu", "gabor"])
def test_panels_agree_with_closed_forms(name: str) -> None:
    T = sl.dual(getattr(act, name))
    rule = pair_of(T.definition)
    p, q, gap = points(200, seed=4)
    rho = np.copysign(1 - np.abs(gap), gap)
    found, size = rule.panels(p, q, gap), sizes(rule, p, q)
    exact = T(p, q, rho * np.sqrt(p * q))
    blur = 1e-7 if name == "step" else 1e-12  # the covariance is rounded: near rho = 1 a step sees the root of that
    assert (np.abs(found.values - exact) <= found.errors + blur * size).all()


@pytest.mark.slow
def test_two_different_factors_and_one_variable() -> None:
    u, v = sp.symbols("u v", real=True)
    law = [[1, sp.Rational(1, 2)], [sp.Rational(1, 2), 2]]
    shifted = sl.GaussianExpectation(sp.tanh(u + 1) * sp.exp(-(v**2)), (u, v), law)
    value = sl.limit(shifted).evaluate()
    assert abs(value.value - sl.limit(shifted).reference(digits=20)) <= value.error
    alone = sl.limit(sl.GaussianExpectation(sp.tanh(u) ** 2, (u,), [[3]]))
    assert abs(alone.evaluate().value - alone.reference(digits=20)) <= alone.evaluate().error


@pytest.mark.slow
def test_variance_zero() -> None:
    for name in NAMES:
        T = sl.dual(getattr(act, name))
        at_zero = float(getattr(act, name)(sp.S.Zero))
        assert T(0.0, 0.0, 0.0) == pytest.approx(at_zero**2, abs=1e-15)
        assert T(0.0, 2.0, 0.0) == pytest.approx(at_zero * T(1e-30, 2.0, 0.0) / (at_zero or 1.0), abs=1e-14)


@pytest.mark.slow
def test_too_fast_is_nan_and_no_product_is_refused() -> None:
    x = sp.Symbol("x", real=True)
    fast = PairExpectation(sp.exp(x**2 / 8) * sp.tanh(x), sp.exp(x**2 / 8) * sp.tanh(x), x)
    assert np.isfinite(fast.bounded([1.0], [1.0], [0.5]).values).all()
    assert np.isnan(fast.bounded([5.0], [5.0], [0.5]).values).all()
    u, v = sp.symbols("u v", real=True)
    with pytest.raises(NoRule, match="a product"):
        pair_of(sl.GaussianExpectation(sp.tanh(u * v), (u, v), [[1, 0], [0, 1]]))


def test_it_pickles() -> None:
    rule = pair("tanh")
    again = pickle.loads(pickle.dumps(rule))
    assert again == rule
    assert again.bounded([1.0], [1.0], [0.5]).values == rule.bounded([1.0], [1.0], [0.5]).values
