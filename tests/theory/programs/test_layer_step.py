"""The maps of one layer from its tensor program: against the recursion as typed, and against wrong ways back."""

from __future__ import annotations

import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.master import Walk
from symlimits.language.activation import Activation, x
from symlimits.language.architecture import Serial
from symlimits.language.expectation import GaussianExpectation, pair_expectation
from symlimits.language.program_handles import Scalar
from symlimits.language.recursion import Earlier
from symlimits.reading.reference import reference
from symlimits.theory import kernels
from symlimits.theory.branch_maps import multiplied, normalized
from symlimits.theory.programs import layer_step
from symlimits.theory.programs.forward import _standardized
from symlimits.theory.programs.kernel_program import inputs, kernel_lines
from symlimits.theory.programs.layer_step import GRANTED, K_xx, K_xz, K_zz, LayerStep, Theta, activation_step, phi
from symlimits.theory.programs.tensor_program import TensorProgram

u, v = sp.symbols("u v", real=True)
a, d = sp.symbols("a d", positive=True)
DIGITS, TOLERANCE = 15, 1e-12  # of values of order one: some digits are lost in the depth
LAW = K_xx, K_zz, K_xz
STATES = (*LAW, Theta)


def of_activation(f: Activation) -> tuple[sp.Expr, ...]:
    """Lee et al. 2019, appendix, typed here once more."""
    slope = f.derivative()
    laws = ((K_xx,) * 3, (K_zz,) * 3, LAW)
    maps = [pair_expectation(f(u) * f(v), u, v, *law) for law in laws]
    return (*maps, pair_expectation(slope(u) * slope(v), u, v, *LAW) * Theta)


def of_dense(w: sp.Expr, b: sp.Expr, own: sp.Expr) -> tuple[sp.Expr, ...]:
    return (*(w * K + b for K in LAW), own + w * Theta)


def layers(net: Serial) -> list[tuple[sp.Expr, ...]]:
    """The maps of a network's layers, after the first."""
    return [layer for maps, _ in sl.ntk(net).trace[0].expr.blocks for layer in maps]


def test_maps_are_those_that_were_typed() -> None:
    """As expressions, so that every later line is the same; activations with sums, kinks and a parameter."""
    tilted = sl.activation(sp.Max(x, 0) + a * x, symbol=x)
    for f in (act.relu, act.gelu, act.linear, act.tanh, act.hermite(3), tilted):
        for w_var, b_var in ((sp.Rational(3, 2), sp.S.Zero), (a + 1, a * (a + 2))):
            net = sl.serial(sl.Dense(1), f, sl.Dense(w_var, b_var))
            assert layers(net) == [of_activation(f), of_dense(w_var, b_var, w_var * K_xz + b_var)], f
    for b_var, trained in ((None, 0), (0, 1), (a, 1)):
        net = sl.mlp(2, act.erf, a, b_var, parameterization="standard", widths=(5, 7))
        own = [width * K_xz + trained for width in (5, 7)]
        assert layers(net) == [
            maps for line in own for maps in (of_activation(act.erf), of_dense(a, sp.sympify(b_var or 0), line))
        ]
        start = sl.ntk(net).trace[0].expr.start[-1].xreplace({kernels.dimension: d})
        assert start == d * kernels.c + trained


def test_a_residual_block_adds_what_was_before() -> None:
    """By the same states, some layers back."""
    net = sl.serial(sl.Dense(1), sl.Residual(act.relu, sl.Dense(a), act.erf, sl.Dense(1)), sl.Dense(1))
    assert layers(net)[4] == tuple(state + Earlier(state, 4) for state in STATES)


def test_definition_says_where_its_maps_come_from() -> None:
    line = sl.ntk(sl.mlp(2, act.relu)).trace[0]
    assert line.rule == "Master theorem, layer by layer"
    assert "2006.14548" in line.source
    rules = [step.rule for step in activation_step().lines(tangent=True)]
    assert rules[0] == "Master theorem"
    assert rules[-2:] == ["functions of two Gaussians", "definitions put in"]


def limit(scalar: Scalar) -> sp.Expr:
    return layer_step._map(scalar)


def test_hypothesis_reproduces_itself() -> None:
    """Different entries have no inner product: with two probes in place of one everything is zero."""
    tp = TensorProgram()
    first, second = layer_step._inputs(tp)
    W, one, other = tp.matrix("W", a), tp.gaussian("one"), tp.gaussian("other")
    through = [tuple(tp.map(lambda h: phi(h), h) for h in (first, second)), (W @ first, W @ second)]
    for y, y_prime in through:
        back = tp.gradient(tp.mean(one * y), first)
        same, crossed = (tp.gradient(tp.mean(probe * y_prime), second) for probe in (one, other))
        assert limit(tp.mean(back * same)) != 0
        assert limit(tp.mean(back * crossed)) == 0


def test_transpose_on_the_way_back() -> None:
    r"""$\bar x\cdot x = \bar y\cdot y$ for $\bar y = y$: by the transpose's correction; W itself in its place fails."""
    tp = TensorProgram()
    h, _ = layer_step._inputs(tp)
    W = tp.matrix("W", a)
    y = W @ h
    back = tp.gradient(tp.mean(y * y), h) / 2
    assert limit(tp.mean(back * h)) == limit(tp.mean(y * y)) == a * K_xx
    assert limit(tp.mean((W @ y) * h)) == 0
    walk = Walk(tp.program, transpose_correction=False, granted=GRANTED)
    assert walk.scalars.line(walk.run(tp.mean(back * h).place)).statements[-1].expression == 0


def test_layers_without_weights_are_limits_too() -> None:
    """What `branch_maps.py` writes of LayerNorm and of a product of branches, by reverse mode through the means."""
    tp = TensorProgram()
    pairs, probe = layer_step._inputs(tp), tp.gaussian("v")
    x, z = (_standardized(tp, h) for h in pairs)
    back = [tp.gradient(tp.mean(probe * y), h) for y, h in zip((x, z), pairs, strict=True)]
    found = LayerStep(tp.mean(x * z), layer_step._passed_on(tp, *back)).maps(STATES)
    typed = [sp.sympify(line).replace(GaussianExpectation, lambda F, us, C: C[0, 1]) for line in normalized(STATES)]
    assert [sp.simplify(one - other) for one, other in zip(found, typed, strict=True)] == [0, 0, 0, 0]

    other, theta = tuple(tp.gaussian(name, a) for name in ("r_1", "r_2")), sp.Symbol("theta", real=True)
    common = tp.gaussian("common", d)
    branch = tuple(r + common for r in other)  # of variances a + d, and of covariance d
    both = [one * two for one, two in zip(pairs, branch, strict=True)]
    gradients = [
        tp.gradient(tp.mean(probe * y), *hs) for y, hs in zip(both, zip(pairs, branch, strict=True), strict=True)
    ]
    (of_x, of_r), (of_z, of_s) = gradients
    tangent = limit(Theta * tp.mean(of_x * of_z) + theta * tp.mean(of_r * of_s))
    product = multiplied(1, STATES, (a + d, a + d, d, theta))
    assert sp.expand(limit(tp.mean(both[0] * both[1])) - product[2]) == 0
    assert sp.expand(tangent - product[3]) == 0


def test_lost_factor_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the slope of the activation lost on the way back, the program of the whole network would say so."""
    net, (p, q, c) = sl.mlp(2, act.erf, "3/2", "1/10"), map(sp.Rational, ("2", "1/2", "1/3"))
    engine = reference(kernel_lines(net, tangent=True)[-1].expr, inputs(p, q, c), DIGITS)
    assert abs(sl.ntk(net).reference(p, q, c, digits=DIGITS) - engine) < TOLERANCE
    tp = TensorProgram()
    probe = tp.gaussian("v")
    straight_through = LayerStep(activation_step().kernel, Theta * tp.mean(probe * probe))
    monkeypatch.setattr(kernels, "activation_step", lambda: straight_through)
    wrong = kernels._kernel.__wrapped__(net, tangent=True)
    assert abs(wrong.reference(p, q, c, digits=DIGITS) - engine) > 0.1
