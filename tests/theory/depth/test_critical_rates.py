"""Algebraic rates at criticality against maps iterated to ten thousand layers, with controls."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.trace import Step
from symlimits.errors import DomainError, NoRule
from symlimits.language.activation import Activation, x
from symlimits.theory.depth.decay import correlation_decay, correlation_power, tangent_ratio, variance_decay
from symlimits.theory.depth.iteration import _followed, _in_series, iterated
from symlimits.theory.depth.iteration import _network as network
from symlimits.theory.depth.rate import Decay
from symlimits.theory.depth.statements import mean, q, u

RELU = sl.phase_diagram(act.relu)
ERF = sl.phase_diagram(act.erf)


def on_the_line(phi: Activation, at: float) -> Decay:
    diagram = sl.phase_diagram(phi)
    return diagram.decay(*(float(value) for value in diagram.critical_line().points(at)), start=at)


def test_rates_of_the_literature() -> None:
    r"""$9\pi^2/2\ell^2$ and 1/4 for relu, 1/3 for smooth."""
    assert correlation_decay(act.relu).expr == 9 * sp.pi**2 / 2
    assert (tangent_ratio(act.relu).expr, tangent_ratio(act.erf).expr) == (sp.Rational(1, 4), sp.Rational(1, 3))


@pytest.mark.parametrize("phi", [act.erf, *(pytest.param(f, marks=pytest.mark.slow) for f in (act.tanh, act.sin))])
def test_smooth_rates_are_of_the_second_derivative(phi: Activation) -> None:
    r"""$2/R''(1)\ell$ with $R''(1) = \sigma_w^2q\,\mathbb E\phi''^2$, by quadrature."""
    at = sp.Rational(3, 2)
    second = mean(phi.expr.diff(x, 2).subs(x, u) ** 2).subs(q, at)
    w = sl.phase_diagram(phi).critical_line().w_var.reference(at, digits=15)
    known = 2 / (w * at * sl.limit(second).reference(digits=15))
    assert correlation_decay(phi).reference(at, digits=15) == pytest.approx(known, rel=1e-12)


@pytest.mark.slow
def test_kinks_are_told_by_their_jumps_not_by_their_names() -> None:
    shifted = sl.activation("max(x, 0) + x/3")
    assert correlation_power(shifted) == correlation_power(act.absolute) == sp.Rational(1, 2)
    # a x + b |x|: the jump of the slope is 2b, E phi'^2 = a^2 + b^2; relu is a = b = 1/2, the shifted one a = 5/6
    ratio = (sp.Rational(25, 36) + sp.Rational(1, 4)) / sp.Rational(1, 2)
    assert sp.simplify(correlation_decay(shifted).expr / correlation_decay(act.relu).expr - ratio**2) == 0
    alpha = sp.Symbol("alpha", real=True)
    leaky = correlation_decay(act.leaky_relu("alpha")).expr
    (alpha,) = leaky.free_symbols
    assert sp.simplify(leaky - 9 * sp.pi**2 / 2 * (1 + alpha**2) ** 2 / (1 - alpha) ** 4) == 0
    assert correlation_power(act.relu_power(2)) == 1  # its slope is continuous


def test_lines_hold_and_a_wrong_constant_does_not() -> None:
    for lines in (correlation_decay(act.erf), tangent_ratio(act.erf), variance_decay(act.erf)[1]):
        assert lines.check().ok
        wrong = Step(lines.expr * sp.Rational(10001, 10000), "a slip", "nobody")
        assert replace(lines, trace=(*lines.trace[:-1], wrong)).check().links[0].passed is False
    assert sl.load(correlation_decay(act.erf).to_json()).check().ok
    assert "dominant balance" in correlation_decay(act.erf).explain()


@pytest.mark.parametrize("diagram", [RELU, pytest.param(ERF, marks=pytest.mark.slow)], ids=["relu", "erf"])
def test_maps_iterated_confirm_the_rate(diagram: sl.theory.depth.PhaseDiagram) -> None:
    """Constant and exponent and ratio, each of which, made wrong, is rejected."""
    decay = diagram.decay(2) if diagram is RELU else on_the_line(act.erf, 1.0)
    found = decay.iterate(depth=5000)
    assert decay._iteration(found).passed
    wrong = replace(decay.derivation, trace=(Step(decay.derivation.expr * sp.Rational(1001, 1000), "a slip", ""),))
    other = 1 if decay.exponent == 2 else 2
    third = replace(decay.ntk_ratio, trace=(Step(decay.ntk_ratio.expr + sp.Rational(1, 100), "a slip", ""),))
    controls = (replace(decay, derivation=wrong), replace(decay, exponent=sp.Integer(other)))
    for control in (*controls, replace(decay, ntk_ratio=third)):
        assert control._iteration(found).passed is False


@pytest.mark.slow
def test_networks_agree_with_the_iterated_maps() -> None:
    """The compiled kernels of whole networks, at one depth: they carry the gap in a way of their own."""
    w, b = (float(value) for value in ERF.critical_line().points(1.0))
    for rho in (0.3, -0.4):
        _agree(w, b, rho)


def _agree(w: float, b: float, rho: float) -> None:
    maps = iterated(act.erf, w, b, 1.0, rho, 48)
    variance, gap, ratio = network(act.erf, sp.Float(w, 17), sp.Float(b, 17), 1.0, rho, 48)
    assert variance == pytest.approx(maps.variance[-1], rel=1e-12)
    assert gap == pytest.approx(maps.gap[-1], rel=1e-10)
    assert ratio == pytest.approx(maps.ratio[-1], rel=1e-10)
    series = _followed(_in_series(act.erf, w, b), 1.0, 1 - rho, [48])[0]  # a third way, for what has no closed form
    assert series == pytest.approx((variance, gap, ratio), rel=1e-10)


def test_without_biases_the_variance_decays_and_correlations_stop() -> None:
    r"""erf at $\sigma_w^2 = \pi/4$: $\ell q_\ell \to 1/2$; where $\rho$ ends depends on its start, and so the NTK."""
    decay = ERF.decay(sp.pi / 4)
    assert (decay.quantity, decay.exponent, decay.ntk_ratio) == ("variance", 1, None)
    assert decay.constant.value == 0.5
    first, second = (decay.iterate(rho, depth=1200) for rho in (0.5, 0.1))
    assert decay._iteration(first).passed
    ends = [found.end(found.gap) for found in (first, second)]
    assert ends[0] == pytest.approx(0.5678, abs=1e-3)
    assert abs(ends[1] - ends[0]) > 0.1
    assert abs(first.end(first.ratio) - 1 / 3) > 0.05
    assert abs(first.gap[-1] / first.gap[0] - 1) < 1e-2  # it stops: no power of the depth


def test_points_that_are_not_critical() -> None:
    with pytest.raises(DomainError, match=r"chi_1 - 1 = -0\.2028.*w_var=1\.254"):
        ERF.decay(1, "1/10")
    with pytest.raises(DomainError, match="diverges"):
        RELU.decay(3)
    with pytest.raises(DomainError, match=r"try: w_var=0\.785"):
        ERF.decay("1/2")
    with pytest.raises(DomainError, match="repels"):
        on_the_line(act.silu, 0.5)
    with pytest.raises(NoRule, match="the identity"):
        sl.phase_diagram(act.linear).decay(1)
    decay = RELU.decay(2)
    for bad in ({"rho": 1.0}, {"rho": -1.5}, {"rho": "a"}, {"depth": 10}, {"depth": 1e4}, {"depth": True}):
        with pytest.raises(DomainError):
            decay.iterate(**bad)
    with pytest.raises(DomainError, match="5000"):
        decay.check(depth=100)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("phi", "at"), [(act.erf, 0.4), (act.sin, 0.5), (act.tanh, 1.0), (act.gelu, 10.0), (act.absolute, 2.0)]
)
def test_rates_at_ten_thousand_layers(phi: Activation, at: float) -> None:
    assert on_the_line(phi, at).check().ok


@pytest.mark.slow
def test_rates_of_other_kinks_and_of_tanh_without_biases() -> None:
    assert sl.phase_diagram(act.leaky_relu("1/5")).decay(sp.Rational(50, 26)).check().ok
    assert sl.phase_diagram(act.tanh).decay(1).check(depth=5000).ok
