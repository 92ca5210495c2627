"""Gradient flow: closed forms, series, small steps, the closed equation of one hidden layer, the bound of the risk."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from scipy.linalg import sqrtm

from symlimits.errors import DataError, DomainError
from symlimits.theory.deep_linear.flow import gradient_flow
from symlimits.theory.deep_linear.flow_closed import aligned_flow, riccati_residual, scalar_flow
from symlimits.theory.deep_linear.flow_series import flow_coefficients, flow_series, needed_depth, s, tau
from symlimits.theory.deep_linear.lazy import gradient_descent
from symlimits.theory.deep_linear.operator import exponential_bound
from symlimits.theory.deep_linear.spectrum import minimiser

SXX = np.array([[1.0, 0.2], [0.2, 0.5]])
SYX = np.array([[1.0, 0.25], [-0.5, 0.5]])
ROUNDING = 1e-13  # a few hundred roundings
NEGLIGIBLE = 1e-9  # at time 0.01, the term of order 7 for L = 3 is 1e-10, that of order 5 1e-7
TIMES = np.linspace(0, 3, 7)


def test_the_closed_form_solves_its_equation() -> None:
    a, b, t = sp.symbols("a b t", positive=True)
    assert riccati_residual(a, b, t) == 0
    c = a + sp.sqrt(a**2 + b**2) * sp.coth(sp.sqrt(a**2 + b**2) * t)
    u, C = sp.symbols("u C")
    sinh = ((u - 1 / u) / 2).subs(u, (C + b) / (C - b))  # of log u
    assert sp.simplify(sinh.subs(C, c) - scalar_flow(a, b, t)) == 0
    assert sp.limit(scalar_flow(1, 2, t), t, 0) == 0


def test_one_hidden_layer_by_its_closed_form() -> None:
    """Whitened data with several inputs and outputs, and aligned ones where a mode has no data."""
    target = np.array([[1.0, -0.5, 0.3], [0.2, 2.0, 0.0]])
    mixed = np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1.0]])
    deficient = mixed @ np.diag([1.0, 0.0, 0.3]) @ mixed.T
    for Sxx, Syx in ((np.eye(3), target), (deficient, np.diag([1.0, 0.0, -0.4])[:2] @ mixed.T)):
        path = gradient_flow(1, Sxx, Syx, TIMES)
        gap = np.abs(path.predictors - aligned_flow(Sxx, Syx, TIMES)).max()
        assert gap <= 10 * path.error + ROUNDING
        assert gap < 1e-10
    with pytest.raises(DomainError, match="aligned"):
        aligned_flow(SXX, SYX, TIMES)


def test_one_hidden_layer_closes_on_the_predictor() -> None:
    """P = (I + A'A)^(1/2), Q = (I + AA')^(1/2) along the flow, for data of any kind."""
    path = gradient_flow(1, SXX, SYX, TIMES)
    for place, A in enumerate(path.predictors):
        forward, backward = path.grams_at(place)
        np.testing.assert_allclose(forward[1], sqrtm(np.eye(2) + A.T @ A), atol=1e-10)
        np.testing.assert_allclose(backward[0], sqrtm(np.eye(2) + A @ A.T), atol=1e-10)


@pytest.mark.parametrize("depth", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_small_steps_tend_to_the_flow(depth: int) -> None:
    """Gradient descent at a fixed time, extrapolated to step zero by Richardson's rule of three steps."""
    flow = gradient_flow(depth, SXX, SYX, [1.0], rtol=1e-10)
    a, b, c = (gradient_descent(depth, SXX, SYX, 1 / n, n).predictors[-1] for n in (50, 100, 200))
    limit = (8 * c - 6 * b + a) / 3
    assert np.abs(c - flow.predictors[0]).max() > 1e-4
    assert np.abs(limit - flow.predictors[0]).max() < 1e-5


@pytest.mark.parametrize("depth", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_the_estimate_of_the_error_is_no_less_than_the_error(depth: int) -> None:
    rough, fine = (gradient_flow(depth, SXX, SYX, [0.5, 1.0], rtol=rtol) for rtol in (1e-7, 1e-11))
    assert np.abs(rough.predictors - fine.predictors).max() <= rough.error < 1e-4


@pytest.mark.parametrize(("depth", "order"), [(1, 6), (2, 7), (3, 4), pytest.param(4, 3, marks=pytest.mark.slow)])
def test_series_need_half_the_depth_that_steps_need(depth: int, order: int) -> None:
    truth = flow_coefficients(depth, order, needed_depth(depth, order) + 1)
    assert flow_coefficients(depth, order) == truth
    for n in range(1, order + 1):
        cut = needed_depth(depth, n) - 1
        if cut >= 0:
            assert flow_coefficients(depth, n, cut)[n] != truth[n]


def test_series() -> None:
    """Against the closed form of one hidden layer, at 40 digits, and the known terms of two."""
    at, size = sp.Rational(1, 1000), sp.Rational(3, 2)
    exact = scalar_flow(1, size, at).evalf(40)
    coefficients = flow_coefficients(1, 7)
    for order in (3, 4, 5, 6):  # what is left out is the next term
        left = exact - flow_series(1, order).subs({s: size, tau: at}).evalf(40)
        assert abs(left / (coefficients[order + 1].subs(s, size) * at ** (order + 1)) - 1) < 0.02
    known = 3 * s * tau - sp.Rational(9, 2) * s * tau**2 + (8 * s**3 + sp.Rational(9, 2) * s) * tau**3
    assert sp.expand(flow_series(2, 3) - known) == 0


@pytest.mark.parametrize("depth", [2, 3])
def test_series_against_the_flow(depth: int) -> None:
    """At a time where the next term is below rounding of the difference."""
    at = 0.01
    value = float(flow_series(depth, 6).subs({s: 1, tau: sp.Float(at, 30)}))
    path = gradient_flow(depth, [[1.0]], [[1.0]], [at])
    assert abs(path.predictors[0, 0, 0] - value) < NEGLIGIBLE
    shorter = float(flow_series(depth, 4).subs({s: 1, tau: sp.Float(at, 30)}))
    assert abs(path.predictors[0, 0, 0] - shorter) > NEGLIGIBLE  # so that the last terms are seen


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("rank", [2, 3])
def test_the_risk_is_below_its_bound(depth: int, rank: int) -> None:
    X = np.random.default_rng(0).standard_normal((3, rank))
    Sxx, Syx = X @ X.T / 3, np.random.default_rng(1).standard_normal((2, rank)) @ X.T / 3
    path = gradient_flow(depth, Sxx, Syx, np.linspace(0, 6, 13), rtol=1e-9)
    found = exponential_bound(path, Sxx, Syx)
    assert found.holds()
    off = np.eye(3) - Sxx @ np.linalg.pinv(Sxx, rcond=1e-10)
    assert np.abs(path.predictors @ off).max() < 1e-9
    faster = found.excess[0] * np.exp(-8 * (depth + 1) * np.linalg.eigvalsh(Sxx).max() * path.times)
    assert (found.excess > faster)[1:6].all()  # the control: a rate that is no bound is refuted


def test_doors() -> None:
    for times in ([], [1.0, 0.5], [-1.0], [float("nan")]):
        with pytest.raises(DataError, match="times"):
            gradient_flow(1, [[1.0]], [[1.0]], times)
    with pytest.raises(DataError, match="Sxx"):
        gradient_flow(1, np.ones((2, 1, 1)), np.ones((2, 1, 1)), [1.0])
    np.testing.assert_allclose(minimiser(np.diag([2.0, 0.0]), [[4.0, 0.0]]), [[2.0, 0.0]])
