"""Fixed points, phases, depth scales and critical lines: against quadrature, iteration and the literature."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

import symlimits as sl
from symlimits import activations as act
from symlimits.errors import DomainError, FormulaError, SymlimitsError
from symlimits.language.activation import Activation, x
from symlimits.theory.depth.statements import q

ERF = sl.phase_diagram(act.erf)
NODES = np.linspace(-9.0, 9.0, 181)
WEIGHTS = np.exp(-(NODES**2) / 2) / np.exp(-(NODES**2) / 2).sum()
GAUSS = 1e-10  # the trapezoid rule, on tanh and erf at variances below 3


def numbers(phi: Activation) -> Callable[[np.ndarray], np.ndarray]:
    return sp.lambdify(x, phi.expr, ["scipy", "numpy"])


def mean(phi: Activation, variance: float, rho: float = 1.0) -> float:
    """E phi(u) phi(v) by the trapezoid rule in independent coordinates: shares nothing with the package."""
    f, root = numbers(phi), math.sqrt(variance)
    other = rho * NODES[:, None] + math.sqrt(1 - rho**2) * NODES[None, :]
    return float(WEIGHTS @ (f(root * NODES)[:, None] * f(root * other)) @ WEIGHTS)


def test_critical_lines_of_the_literature() -> None:
    line = ERF.critical_line()
    assert line.w_var.expr == sp.pi / 4 * sp.sqrt(1 + 4 * q)
    assert sp.simplify(line.b_var.expr - (q - 2 * line.w_var.expr / sp.pi * sp.asin(2 * q / (1 + 2 * q)))) == 0
    point = sl.phase_diagram(act.relu).critical_line()
    assert (point.w_var.expr, point.b_var.expr, point.is_point) == (2, 0, True)
    leaky = sl.phase_diagram(act.leaky_relu("alpha")).critical_line()
    (alpha,) = leaky.w_var.free_symbols - {q}
    assert sp.simplify(leaky.w_var.expr - 2 / (1 + alpha**2)) == 0
    assert leaky.is_point
    assert not line.is_point


@pytest.mark.slow
def test_statements_are_checked_and_a_wrong_line_is_not_taken() -> None:
    line = ERF.critical_line().b_var
    assert line.check().ok
    assert ERF.variance_slope.check().links[0].passed
    with pytest.raises(sl.errors.FalseLine):
        line.then(line.expr * sp.Rational(1001, 1000), because="a slip")


@pytest.mark.parametrize(("phi", "w", "b"), [(act.erf, 1.0, 0.1), (act.tanh, 4.0, 0.1)])
def test_fixed_points_phases_and_depth_scales(phi: Activation, w: float, b: float) -> None:
    """Iterated with means of an independent rule; slopes by differences of iterates."""
    found = sl.phase_diagram(phi).at(w, b)
    states, rhos = [0.1], [0.5]
    for _ in range(60):
        states.append(w * mean(phi, states[-1]) + b)
        rhos.append((w * mean(phi, found.q.value, rhos[-1]) + b) / found.q.value)
    assert found.q.value == pytest.approx(states[-1], abs=GAUSS)
    rate = (states[7] - states[-1]) / (states[6] - states[-1])  # far enough from the end for its digits
    assert math.exp(-1 / found.xi_q.value) == pytest.approx(rate, rel=1e-2)
    if found.phase == "ordered":
        assert found.chi.value < 1
        gaps = [1 - rho for rho in rhos]
        assert math.exp(-1 / found.xi_c.value) == pytest.approx(gaps[12] / gaps[11], rel=1e-2)
    else:
        assert found.phase == "chaotic"
        assert found.chi.value > 1
        assert found.rho.value == pytest.approx(rhos[-1], abs=1e-3)  # that far after sixty layers
        assert abs(w * mean(phi, found.q.value, found.rho.value) + b - found.q.value * found.rho.value) < GAUSS


def test_errors_hold_what_they_claim() -> None:
    """The fixed point of erf to thirty digits, and chi there."""
    found = ERF.at("3/2", "1/5")
    with mp.workdps(30):
        root = mp.findroot(lambda t: 3 / mp.pi * mp.asin(2 * t / (1 + 2 * t)) + mp.mpf(1) / 5 - t, 0.7)
        assert abs(root - found.q.value) < found.q.error < 1e-10
        assert abs(6 / mp.pi / mp.sqrt(1 + 4 * root) - found.chi.value) < found.chi.error < 1e-10


@pytest.mark.parametrize("phi", [pytest.param(act.erf, marks=pytest.mark.slow), act.tanh, act.elu])
def test_phases_beside_the_line(phi: Activation) -> None:
    diagram = sl.phase_diagram(phi)
    w, b = (float(value) for value in diagram.critical_line().points(0.7))
    assert diagram.at(w, b).phase == "critical"
    assert diagram.at(w, b).q.value == pytest.approx(0.7, abs=1e-10)
    assert diagram.at(0.99 * w, b).phase == "ordered"
    assert diagram.at(1.01 * w, b).phase == "chaotic"


def test_variances_that_vanish_grow_or_stay() -> None:
    relu = sl.phase_diagram(act.relu)
    assert "vanishes" in relu.at(1).note
    assert relu.at(1).q.value == 0
    assert relu.at(1).chi.value == 0.5
    away = relu.at(3, "1/10")
    assert (away.phase, away.q.value, away.chi) == ("diverging", math.inf, None)
    assert "diverging" in str(away)
    kept = relu.at(2, 0, start=7)
    assert (kept.phase, kept.q.value) == ("critical", 7)
    assert "every variance" in kept.note
    ordered = ERF.at("1/2")
    assert (ordered.q.value, ordered.rho, ordered.phase) == (0.0, None, "ordered")
    above = ERF.at(4)
    assert [point.is_stable for point in above.fixed_points] == [False, True]
    assert above.rho.value == pytest.approx(0, abs=2e-9)  # erf is odd, without biases


@pytest.mark.parametrize("phi", [act.cos, act.gaussian, act.softplus])
def test_maps_that_fall_or_meet_large_numbers(phi: Activation) -> None:
    """Variances jump over the fixed point of a map that falls; log(1 + e^x) has values where e^x has none."""
    found = sl.phase_diagram(phi).at(1)
    state = 1.0
    for _ in range(100):
        state = mean(phi, state)
    assert found.q.value == pytest.approx(state, abs=GAUSS)
    assert len(found.fixed_points) == 1
    assert sl.phase_diagram(phi).at(1, start=1e6).q.value == found.q.value


def test_a_map_that_leaves_the_floats() -> None:
    """V(q) = w e^{2q}: two fixed points, and beyond the second one variances grow."""
    diagram = sl.phase_diagram(act.exp)
    points = diagram.at("1/10").fixed_points
    assert [math.exp(2 * point.q.value) / 10 for point in points] == pytest.approx([p.q.value for p in points])
    assert [diagram.at("1/10", start=start).phase for start in (1, 2)] == ["ordered", "diverging"]


def test_fixed_points_out_of_sight() -> None:
    """erf near b_var/(1 - 2/pi) = 2.8e-10, relu at b_var/(1 - 0.95) = 2e9: neither diverges."""
    for phi, w, b in ((act.erf, 0.5, 1e-10), (act.relu, 1.9, 1e8)):
        with pytest.raises(DomainError, match="out of sight"):
            sl.phase_diagram(phi).at(w, b)
    assert sl.phase_diagram(act.relu).at(2, "1/10").phase == "diverging"


def test_points_of_the_line_are_on_it() -> None:
    """Where biases would need a negative variance there is no line."""
    softplus = sl.phase_diagram(act.softplus).critical_line()
    with pytest.raises(DomainError, match="b_var would be -"):
        softplus.points([1.0])
    with pytest.raises(DomainError, match="not positive"):
        softplus.points([0.0])
    with pytest.raises(DomainError, match="b_var would be nan"):
        sl.phase_diagram(act.exp).critical_line().points([1e4])
    w, b = ERF.critical_line().at(1)
    assert [w.value, b.value] == pytest.approx([float(v) for v in ERF.critical_line().points(1.0)], abs=1e-12)


@pytest.mark.parametrize(
    "bad", [{"w_var": -1}, {"w_var": 0}, {"w_var": 1, "b_var": -1}, {"w_var": 1, "start": 0}, {"w_var": "a"}]
)
def test_numbers_that_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(DomainError, match=r"a (positive|nonnegative) number"):
        ERF.at(**bad)
    for value in (True, float("nan"), sp.oo, [1, 2], object(), "1 +", 1j):
        with pytest.raises(SymlimitsError):
            ERF.at(value)


def test_activations_that_are_refused() -> None:
    with pytest.raises(DomainError, match="second moment"):
        sl.phase_diagram("exp(x**2/3)")
    with pytest.raises(DomainError, match="jumps"):
        sl.phase_diagram(act.sign)
    with pytest.raises(DomainError, match="forgets its input"):
        sl.phase_diagram("3")
    with pytest.raises(FormulaError):
        sl.phase_diagram("x +")
    with pytest.raises(DomainError, match="alpha free"):
        sl.phase_diagram(act.leaky_relu("alpha")).at(1)


@pytest.mark.slow
def test_picture(tmp_path: object) -> None:
    figure = ERF.picture(f"{tmp_path}/plane.png", sigma_w=2, sigma_b="1/2")
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words == ["ordered", "chaotic"]
    shade = figure.axes[0].collections[0].get_array().reshape(64, 96)
    assert shade[10, np.argmax(shade[10])] > 30  # the scale diverges at the line
    sigma_w = (np.argmax(shade[32]) + 0.5) * 2 / 96
    on_line = ERF.critical_line().points(np.linspace(0.1, 1, 200))
    nearest = np.argmin(np.abs(np.sqrt(on_line[1]) - 32.5 / 128))
    assert sigma_w == pytest.approx(math.sqrt(on_line[0][nearest]), abs=2 / 96)
