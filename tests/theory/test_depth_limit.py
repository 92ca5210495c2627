"""Limits of depth: against recursions of many layers written again, against formulas, and against deep networks."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.errors import DomainError, NoRule, UnboundSymbol
from symlimits.language.architecture import Repeat, Serial
from symlimits.language.continuous_depth import ContinuousDepth
from symlimits.language.initial_value import InitialValue

SLOW = pytest.mark.slow
LAYERS = (100, 1000, 10_000)
SECOND_ORDER = 0.02  # of L times the error at L = 100: what the term 1/L^2 makes of it, and ten times less at 1000
POINT = (1, 2, "1/2")


def residual(phi: object, w: str = "w/L", b: str = "b/L") -> Serial:
    return sl.serial(sl.Dense(1), Repeat((sl.Residual(phi, sl.Dense(w, b)),), "L"), sl.Dense(1))


def of_relu(p: float, q: float, c: float) -> tuple[float, float]:
    """Cho and Saul 2009, typed here once more: T and its derivative."""
    angle = math.acos(max(-1.0, min(1.0, c / math.sqrt(p * q))))
    return (math.sqrt(p * q) * math.sin(angle) + c * (math.pi - angle)) / (2 * math.pi), 1 - angle / math.pi


def layers(depth: int, p: float, q: float, c: float, w: float, b: float) -> tuple[float, float]:
    """K and Theta of h + L^(-1/2) Dense(relu(h)), layer by layer, with Dense layers of variance one at both ends."""
    theta = c
    for _ in range(depth):
        T, slope = of_relu(p, q, c)
        theta += (w * T + b + w * slope / 2 * theta) / depth
        p, q, c = p + (w * p / 2 + b) / depth, q + (w * q / 2 + b) / depth, c + (w * T + b) / depth
    return c, c + theta


@pytest.mark.parametrize("kernel", [sl.nngp, sl.ntk])
def test_many_layers_differ_by_one_over_their_number(kernel: Callable[[object], sl.Limit]) -> None:
    """L times the error has a limit; for another equation, of a slightly smaller variance, it grows like L."""
    limit = kernel(residual(act.relu)).depth_limit().bind(w=2, b="1/3")
    right, wrong = (float(limit.reference(*POINT, digits=12)), float(_wrong(kernel).reference(*POINT, digits=12)))
    values = [layers(L, 1.0, 2.0, 0.5, 2.0, 1 / 3)[kernel is sl.ntk] for L in LAYERS]
    scaled = [L * (value - right) for L, value in zip(LAYERS, values, strict=True)]
    assert abs(scaled[0] / scaled[-1] - 1) < SECOND_ORDER
    assert abs(scaled[1] / scaled[-1] - 1) < SECOND_ORDER / 10
    others = [L * (value - wrong) for L, value in zip(LAYERS, values, strict=True)]
    assert abs(others[0] / others[-1] - 1) > 0.5


def _wrong(kernel: Callable[[object], sl.Limit]) -> sl.Limit:
    return kernel(residual(act.relu)).depth_limit().bind(w="1.9", b="1/3")


def test_closed_forms() -> None:
    """Linear networks, and relu on the diagonal: against exponentials written down from the equations."""
    p, c = sp.symbols("p c")
    w, b = sp.symbols("w b", positive=True)
    for diagonal, rate, start in ((False, w, c), (True, w / 2, p)):
        phi = act.relu if diagonal else act.linear
        K = sl.nngp(residual(phi)).depth_limit(diagonal)
        grown = start * sp.exp(rate) + b / rate * (sp.exp(rate) - 1)
        names = {s: sp.Symbol(s.name, positive=s.name in "wb" or None) for s in K.free_symbols}
        assert sp.simplify(K.expr.xreplace(names) - grown) == 0
    theta = sl.ntk(residual(act.relu, b="0")).depth_limit(diagonal=True)
    assert float(theta.bind(w=2).reference(3)) == pytest.approx(
        3 * math.e * (1 + 1 + 1), rel=1e-14
    )  # K + p e^(w/2)(1 + w/2)


@SLOW
def test_inputs_that_are_equal_opposite_or_parallel() -> None:
    """Where the velocity has a root: equal inputs have the value of the diagonal, the others one beside it."""
    for kernel in (sl.nngp, sl.ntk):
        K, on = (kernel(residual(act.relu, "1/L", "1/L")).depth_limit(diagonal) for diagonal in (False, True))
        assert abs(K.reference(1, 1, 1, digits=20) - on.reference(1, digits=20)) < 1e-18
        for point in ((1, 1, -1), (1, 4, 2)):
            value = float(K.reference(*point, digits=10))
            deep = [layers(L, *map(float, point), 1.0, 1.0)[kernel is sl.ntk] for L in LAYERS]
            assert abs((deep[-2] - value) / (deep[-1] - value) / 10 - 1) < 0.05


@SLOW
def test_lines() -> None:
    """The recursion, its equation, a solution: each equals the next, and a wrong velocity is found."""
    K = sl.nngp(residual(act.relu)).depth_limit(diagonal=True)
    assert [step.rule for step in K.trace[1:]] == [
        "equal states are one", "Euler's method read backwards", "affine differential equations",
    ]  # fmt: skip
    assert isinstance(K.definition, ContinuousDepth)
    assert r"\lim_{L \to \infty}" in K.latex()
    assert sl.load(K.to_json()).trace == K.trace
    mixed = sl.nngp(residual(act.erf)).depth_limit()
    head = mixed.expr
    assert isinstance(head, InitialValue)
    assert re.search(r"\\dot\{K_\{xz\}\}\$?\}? =", mixed.latex())
    halved = InitialValue(head.output, head.variables, [F / 2 for F in head.velocities], head.start, head.time)
    wrong = replace(mixed, trace=(mixed.trace[0], replace(mixed.trace[1], expr=halved)))
    links = {link.name: link.passed for link in (*mixed.check(seed=3).links, *wrong.check(seed=3).links)}
    assert links["lines"] is False
    assert mixed.check(seed=3).ok


@SLOW
def test_other_blocks() -> None:
    """Two layers in a branch, LayerNorm among them; a network after the blocks; other layers by 1/L are refused."""
    block = sl.Residual(sl.LayerNorm(), sl.Dense(2), act.erf, sl.Dense("3/L", "1/L"))
    net = sl.serial(sl.Dense(1, "1/5"), Repeat((block,), "L"), act.relu, sl.Dense(2, "1/10"))
    K = sl.nngp(net)
    limit = K.depth_limit().reference(*POINT, digits=10)
    errors = [float(K.bind(L=L).reference(*POINT, digits=10) - limit) for L in (8, 16)]
    assert errors[1] / errors[0] == pytest.approx(0.5, abs=0.05)
    for wrong in (residual(act.relu, w="2"), residual(act.relu, w="2/sqrt(L)", b="0"), sl.mlp(3, act.relu, 1, 0)):
        with pytest.raises(NoRule):
            sl.nngp(wrong).depth_limit()
    layers = residual(act.relu).layers
    with pytest.raises(NoRule, match="depth L outside of the block"):
        sl.nngp(sl.serial(*layers, act.relu, sl.Dense(1 / layers[1].count))).depth_limit()
    with pytest.raises(DomainError, match="True or False"):
        K.depth_limit(diagonal=1)  # type: ignore[arg-type]
    with pytest.raises(NoRule, match="many steps"):
        sl.nngp(residual(act.tanh, "1/L", "0")).depth_limit().reference(*POINT)
    with pytest.raises(UnboundSymbol):
        sl.nngp(residual(act.relu)).depth_limit().reference(*POINT)


@SLOW
@pytest.mark.parametrize(("kernel", "diagonal"), [(sl.nngp, False), (sl.ntk, True)])
def test_networks_as_deep_as_wide(kernel: Callable[[object], sl.Limit], diagonal: bool) -> None:
    limit = kernel(residual(act.relu, "1/L", "0")).depth_limit(diagonal)
    cert = limit.certify(sizes=(8, 16, 32), seed=0)
    assert cert.ok, str(cert)
    point = dict(zip("pqc", POINT[: len(limit.arguments)], strict=False))
    wrong = kernel(residual(act.relu, "2/L", "0")).depth_limit(diagonal).reference(*point.values(), digits=12)
    draw = limit.bind(**point).experiment.at({})
    assert sl.limit(wrong, experiment=draw).certify(sizes=(8, 16, 32), seed=0).links[0].passed is False
