"""Gradient flow: closed forms, series, small steps, stiff data, data outside of the range."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from scipy.linalg import sqrtm

import symlimits as sl
from symlimits.errors import DataError, DomainError, ResourceError, SymlimitsError
from symlimits.language.block import Block
from symlimits.reading.reference import reference
from symlimits.theory.deep_linear.flow import gradient_flow
from symlimits.theory.deep_linear.flow_closed import aligned_flow, scalar_flow
from symlimits.theory.deep_linear.flow_series import flow_coefficients, flow_series, needed_depth, s, tau, taylor
from symlimits.theory.deep_linear.lazy import gradient_descent
from symlimits.theory.deep_linear.spectrum import minimiser

SXX = np.array([[1.0, 0.2], [0.2, 0.5]])
SYX = np.array([[1.0, 0.25], [-0.5, 0.5]])
ROUNDING = 1e-13  # a few hundred roundings
NEGLIGIBLE = 1e-9  # at time 0.01, the term of order 7 for L = 3 is 1e-10, that of order 5 1e-7
TIMES = np.linspace(0, 3, 7)


def test_the_lines_of_the_closed_form_agree() -> None:
    """Six lines, five of them differential equations that are integrated to 20 digits, and the lazy network."""
    found = sl.deep_linear(1).flow_closed()
    point = dict(zip(found.arguments, (sp.Rational(1, 3), sp.Integer(2), sp.Rational(3, 4)), strict=True))
    values = [reference(line.expr, point, 20) for line in found.trace]
    assert len(values) == 6
    assert max(abs(value / values[-1] - 1) for value in values) < 1e-18
    path = gradient_flow(1, [[1 / 3]], [[2.0]], [0.75])
    assert abs(path.predictors[0, 0, 0] - found(1 / 3, 2.0, 0.75)) <= path.error + ROUNDING
    for depth in (2, 3):
        with pytest.raises(DomainError, match="one hidden layer"):
            sl.deep_linear(depth).flow_closed()


@pytest.mark.slow
def test_the_closed_form_is_checked_and_stored() -> None:
    found = sl.deep_linear(1).flow_closed()
    assert found.check().ok
    assert sl.load(found.to_json()).check().ok


def test_the_closed_form_solves_its_equation() -> None:
    """As one formula: A' = 2 (b - a A) sqrt(1 + A^2), at 30 digits, and A = 0 at the start."""
    x, t = sp.Rational(3, 2), sp.Symbol("t", positive=True)
    A = scalar_flow(1, x, t)
    gap = A.diff(t) - 2 * (x - A) * sp.sqrt(1 + A**2)
    assert all(abs(gap.subs(t, at).evalf(30)) < 1e-25 for at in (sp.Rational(1, 7), 2))
    assert abs(scalar_flow(1, x, sp.Rational(1, 10**9)).evalf(20) / (2 * x / 10**9) - 1) < 1e-8


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
        left = exact - flow_series(1, order).expr.subs({s: size, tau: at}).evalf(40)
        assert abs(left / (coefficients[order + 1].subs(s, size) * at ** (order + 1)) - 1) < 0.02
    known = 3 * s * tau - sp.Rational(9, 2) * s * tau**2 + (8 * s**3 + sp.Rational(9, 2) * s) * tau**3
    assert sp.expand(flow_series(2, 3).expr - known) == 0


@pytest.mark.parametrize("depth", [2, 3])
def test_series_against_the_flow(depth: int) -> None:
    """At a time where the next term is below rounding of the difference."""
    at = 0.01
    value = float(flow_series(depth, 6).expr.subs({s: 1, tau: sp.Float(at, 30)}))
    path = gradient_flow(depth, [[1.0]], [[1.0]], [at])
    assert abs(path.predictors[0, 0, 0] - value) < NEGLIGIBLE
    shorter = float(flow_series(depth, 4).expr.subs({s: 1, tau: sp.Float(at, 30)}))
    assert abs(path.predictors[0, 0, 0] - shorter) > NEGLIGIBLE  # so that the last terms are seen


def test_the_series_of_the_closed_form() -> None:
    """Taylor's polynomial of A_t by SymPy, in powers of y = tau: coth has a pole, so that c is written y c."""
    y = sp.Symbol("y", positive=True)
    rho = sp.sqrt(1 + s**2)
    T = sp.series(sp.tanh(rho * y) / rho, y, 0, 7).removeO()
    whole = sp.series(2 * s * T * (1 + T) / ((1 + T) ** 2 - s**2 * T**2), y, 0, 6).removeO()
    found = sl.deep_linear(1).flow_series(5).expr.subs(tau, y)
    assert sp.expand(whole - found) == 0
    assert sp.expand(whole - sl.deep_linear(1).flow_series(4).expr.subs(tau, y)) != 0


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_matrices_of_a_name_have_one_shape(depth: int) -> None:
    """As compiled code wants it, though layers differ in width."""
    shapes: dict[str, set[tuple[int, int]]] = {}
    for block in taylor(depth, 3).atoms(Block):
        shapes.setdefault(block.name, set()).add(block.shape)
    assert all(len(found) == 1 for found in shapes.values())
    assert {f"M_{layer}" for layer in range(2, depth + 1)} < set(shapes)


@pytest.mark.parametrize(
    ("depth", "order"), [(1, 2), *(pytest.param(*case, marks=pytest.mark.slow) for case in [(2, 3), (3, 3), (4, 4)])]
)
def test_the_series_is_a_derivation(depth: int, order: int) -> None:
    found = sl.deep_linear(depth).flow_series(order)
    assert found.check().ok
    assert found.latex().count(r"\text{(") == len(found.trace)
    assert sl.load(found.to_json()) == found
    with pytest.raises(DomainError, match="at most"):
        sl.deep_linear(depth).flow_series(1000)


def test_what_counts_as_zero_is_said_of_flows_too() -> None:
    """The flow is that of the data as they are; what is said of them is by rcond."""
    Sxx, Syx = np.diag([1.0, 1e-6]), [[1.0, 1e-6]]
    flows = [sl.deep_linear(2).gradient_flow(Sxx, Syx, [1.0, 3.0], rcond=rcond) for rcond in (None, 1e-4)]
    assert [flow.problem.rank for flow in flows] == [2, 1]
    assert np.array_equal(*(flow.predictors for flow in flows))
    rates = [sl.deep_linear(2).flow_bound(Sxx, Syx, [1.0], rcond=rcond).rate for rcond in (None, 1e-4)]
    np.testing.assert_allclose(rates, [6e-6, 6.0], rtol=ROUNDING)


STIFF = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]  # modes of data of condition 1e4
LONG = np.array([0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5])  # the slowest mode ends at about 1e5


def test_stiff_data_by_the_closed_form() -> None:
    """One hidden layer, aligned data of condition 1e4, from the first moves to the end."""
    values = np.array([1.0, 1e-2, 1e-4])
    Sxx, Syx = STIFF * values @ STIFF.T, (np.array([[1.0, 0, 0], [0, -2.0, 0], [0, 0, 0.5]]) * values) @ STIFF.T
    path = gradient_flow(1, (Sxx + Sxx.T) / 2, Syx, LONG)
    gap = np.abs(path.predictors - aligned_flow((Sxx + Sxx.T) / 2, Syx, LONG)).max()
    assert gap <= path.error < 1e-9


def test_stiff_data_of_two_hidden_layers() -> None:
    """It ends at the minimiser, and is the same in other units of time."""
    target = np.random.default_rng(1).standard_normal((2, 3))
    Sxx = STIFF * np.array([1.0, 1e-2, 1e-4]) @ STIFF.T
    Sxx = (Sxx + Sxx.T) / 2
    path = gradient_flow(2, Sxx, target @ Sxx, LONG)
    assert np.abs(path.predictors[-1] - target).max() <= path.error < 1e-9
    assert np.abs(path.predictors[-3] - target).max() > 0.1  # so that the slow mode is seen
    slow = gradient_flow(2, 1e-6 * Sxx, 1e-6 * target @ Sxx, 1e6 * LONG)
    assert np.abs(slow.predictors - path.predictors).max() <= path.error + slow.error


def test_a_large_target_and_a_long_time() -> None:
    """The end of a flow with a target of a thousand, whose kernel grows by as much, and what rounding makes of it."""
    path = gradient_flow(2, [[1e-3]], [[1.0]], [10.0, 1e3, 1e300])
    np.testing.assert_allclose(path.predictors[1:].ravel(), 1e3, rtol=1e-12)
    assert path.error < 1e-9
    tiny = gradient_flow(2, [[1.0]], [[1e-9]], [1.0]).predictors[0, 0, 0]
    assert (
        abs(tiny / (1e-9 * (1 - np.exp(-3))) - 1) < 1e-6
    )  # the tangent kernel's, up to rounding of numbers of size one


def test_outside_of_the_range_the_flow_is_followed_while_it_is_finite() -> None:
    """Without data A = sinh 2bt for one hidden layer; two are infinite at a time that the refusal names."""
    path = gradient_flow(1, [[0.0]], [[1.0]], [0.5, 2.0])
    assert "no minimum" in path.note
    np.testing.assert_allclose(path.predictors.ravel(), np.sinh([1.0, 4.0]), rtol=1e-10)
    flat, target = np.diag([1.0, 0.0]), [[1.0, 1.0]]
    early = gradient_flow(2, flat, target, [0.5])
    a, b, c = (gradient_descent(2, flat, target, 0.5 / n, n).predictors[-1] for n in (50, 100, 200))
    assert np.abs((8 * c - 6 * b + a) / 3 - early.predictors[0]).max() < 1e-3 < np.abs(c - early.predictors[0]).max()
    with pytest.raises(DomainError, match="outside the range") as refusal:
        sl.deep_linear(2).gradient_flow(flat, target, [0.5, 3.0])
    assert "times below 1.14" in refusal.value.wanted
    assert gradient_flow(2, np.eye(2), target, [0.5]).note == ""


def test_room_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symlimits.memory.available_bytes", lambda: 10**6)
    assert gradient_flow(2, np.eye(2), np.eye(2), np.linspace(0, 1, 9)).predictors.shape == (9, 2, 2)
    with pytest.raises(ResourceError, match="states of a flow"):
        gradient_flow(2, np.eye(2), np.eye(2), np.linspace(0, 1, 10**5))


def test_doors() -> None:
    for times in ([], [1.0, 0.5], [-1.0], [float("nan")]):
        with pytest.raises(DataError, match="times"):
            gradient_flow(1, [[1.0]], [[1.0]], times)
    with pytest.raises(DataError, match="Sxx"):
        gradient_flow(1, np.ones((2, 1, 1)), np.ones((2, 1, 1)), [1.0])
    np.testing.assert_allclose(minimiser(np.diag([2.0, 0.0]), [[4.0, 0.0]]), [[2.0, 0.0]])
    for order in (0, -1, 1.5, True, "3", None):
        with pytest.raises(SymlimitsError, match="order"):
            sl.deep_linear(2).flow_series(order)  # type: ignore[arg-type]
