"""Derivatives of kernels: against central differences of the kernel in 50 digits, and against a wrong chain rule."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.tangent import rate_of, tangent
from symlimits.errors import DomainError, NoRule, UnboundSymbol
from symlimits.language.recursion import Recursion
from symlimits.reading.reference import reference

SLOW = pytest.mark.slow
STEP = sp.Rational(1, 10**14)  # of a central difference, whose error is of order STEP^2
EXACT = sp.Float("1e-24")  # relative: STEP^2 times third derivatives, which are below a thousand here
POINTS = [("1", "1", "3/10"), ("2", "1/2", "-9/10"), ("1", "1", "1"), ("1", "4", "-2"), ("1", "1", "999999999/10**9")]
NEAR = sp.Rational(10**9 - 1, 10**9)
VALUES = {"sigma_w": sp.Rational(5, 4), "sigma_b": sp.Rational(1, 3)}


def difference(K: sl.Limit, name: str, point: tuple[object, ...], digits: int = 50, step: sp.Expr = STEP) -> sp.Expr:
    """(K(s + h) - K(s - h)) / (2 h)."""
    ends = [K.bind(**VALUES | {name: VALUES[name] + h}).reference(*point, digits=digits) for h in (step, -step)]
    return (ends[0] - ends[1]) / (2 * step)


def test_a_relu_layer() -> None:
    """The tangent kernel inside of its domain, and where both inputs are one."""
    K = sl.ntk(sl.mlp(1, act.relu))
    derivative = K.derivative("sigma_w").bind(**VALUES)
    for point in ((1, 1, "3/10"), (1, 1, 1)):
        expected = difference(K, "sigma_w", point)
        assert abs(derivative.reference(*point, digits=30) - expected) <= EXACT * abs(expected)


@SLOW
@pytest.mark.parametrize(
    ("kernel", "phi", "depth"),
    [(sl.ntk, act.relu, 4), (sl.nngp, act.erf, 2)],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_central_differences(kernel: Callable[..., sl.Limit], phi: sl.Activation, depth: int) -> None:
    K = kernel(sl.mlp("L", phi)).bind(L=depth)
    for name in VALUES:
        derivative = K.derivative(name).bind(**VALUES)
        for p, q, c in POINTS:
            point = (p, q, NEAR if c.startswith("9999") else c)
            found, expected = derivative.reference(*point, digits=30), difference(K, name, point)
            assert abs(found - expected) <= EXACT * abs(expected), (name, point)


@SLOW
@pytest.mark.parametrize(("kernel", "c"), [(sl.nngp, "3/10"), (sl.ntk, "3/10")])
def test_without_closed_form(kernel: Callable[..., sl.Limit], c: str) -> None:
    """tanh by Price's theorem, E phi''(u) phi(v)/2 and so on, at 20 digits."""
    K = kernel(sl.mlp(1, act.tanh))
    found = K.derivative("sigma_w").bind(**VALUES).reference(1, 1, c, digits=18)
    expected = difference(K, "sigma_w", (1, 1, c), digits=24, step=sp.Rational(1, 10**6))
    assert abs(found - expected) < 1e-11 * abs(expected)  # STEP^2 = 1e-12 is the error of the difference


def test_a_dropped_term_is_seen() -> None:
    """The chain rule without its term in dp is another number: what the comparison above would reject."""
    K = sl.nngp(sl.mlp(1, act.erf))
    whole = K.derivative("sigma_w").expr
    p_rate = rate_of(whole.states[0])
    stages = [
        ([tuple(line if i != 5 else line.subs(p_rate, 0) for i, line in enumerate(layer)) for layer in layers], count)
        for layers, count in whole.blocks
    ]
    wrong = Recursion(whole.states, whole.start, stages, whole.output)
    values = {s: VALUES.get(s.name, sp.Integer(1)) for s in whole.free_symbols if s.name != "c"}
    values |= {s: sp.Rational(3, 10) for s in whole.free_symbols if s.name == "c"}
    expected = difference(K, "sigma_w", (1, 1, "3/10"))
    assert abs(reference(whole, values, 30) - expected) < EXACT * expected
    assert abs(reference(wrong, values, 30) - expected) > 1e-3 * expected


@SLOW
def test_second_derivatives() -> None:
    """Without biases K is sigma_w^4 times a constant at depth one; a derivative of a derivative is not compiled."""
    first = sl.nngp(sl.mlp(1, act.relu, "sigma_w**2", 0)).derivative("sigma_w")
    second = first.derivative("sigma_w")
    values = [rate.bind(sigma_w=2).reference(1, 1, "1/2", digits=20) for rate in (first, second)]
    assert abs(values[1] - values[0] * 3 / 2) < 1e-18
    with pytest.raises(NoRule, match="derivative of a derivative"):
        second([[1.0]], sigma_w=2)
    with pytest.raises(NoRule, match="sphere map"):
        first.on_sphere(1)


def test_what_a_recursion_makes_of_it() -> None:
    y, y0, w = sp.symbols("y y0 w", positive=True)
    power = Recursion((y,), (w * y0,), [((w * y**2,), 2)], y)
    assert sp.expand(tangent(power, w).unroll() - power.unroll().diff(w)) == 0
    lines = sl.ntk(sl.mlp("L", act.erf)).derivative("sigma_b")
    assert len(lines.trace) == 2
    assert "chain rule" in lines.trace[0].rule
    assert r"\dot{\Theta}" in lines.latex()
    assert "L + 1" in lines.latex()
    assert sl.load(lines.to_json()).expr == lines.expr


@SLOW
def test_parameters_of_activations() -> None:
    """The slope of leaky relu: K = sigma_w^2 T_a, against calculus on the one-layer kernel."""
    a = sp.Symbol("a", positive=True)
    K = sl.nngp(sl.mlp(1, act.leaky_relu(a), 1, 0))
    found = K.derivative("a").bind(a="1/5").reference(1, 1, "1/2", digits=25)
    h = sp.Rational(1, 10**13)
    ends = [K.bind(a=sp.Rational(1, 5) + e).reference(1, 1, "1/2", digits=45) for e in (h, -h)]
    assert abs(found - (ends[0] - ends[1]) / (2 * h)) < 1e-22  # digits asked for, and h^2 = 1e-26
    with pytest.raises(NoRule, match="parameter of an activation"):
        K.derivative("a").bind(a="1/5")([[1.0, 0.0]])


def test_refused() -> None:
    K = sl.nngp(sl.mlp("L", act.relu))
    with pytest.raises(UnboundSymbol, match="sigma_b, sigma_w"):
        K.derivative("sigma")
    with pytest.raises(DomainError, match="argument p"):
        K.derivative("p")
    with pytest.raises(NoRule, match="depth L"):
        K.derivative("L")
    with pytest.raises(NoRule, match="kernel of a network"):
        sl.nngp(sl.mlp(1, act.sign)).on_sphere("q").derivative("sigma_w")
    with pytest.raises(NoRule, match="images"):
        sl.nngp(sl.serial(sl.Conv((2,), "w"), act.relu, sl.Flatten(), sl.Dense(1))).derivative("w")
    with pytest.raises(UnboundSymbol):
        K.derivative("sigma_w")([[1.0]])
