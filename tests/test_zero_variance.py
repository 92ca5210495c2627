"""Variances of zero: E phi(0) phi(v), for closed forms and for those without, in every reading."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.language.activation import Activation, x

DIGITS = 20
ROUNDING = 4e-15  # of float64 code, relative to sqrt(E phi(0)^2 E phi(v)^2)
CLOSED = [act.relu, act.erf, act.gelu, act.step, act.sign, act.exp, act.gaussian, act.absolute, act.cos]
CLOSED += [act.leaky_relu("1/10"), act.polynomial([1, 2, 3])]
NUMERIC = [act.tanh, act.sigmoid]
POINTS = [(0, 2, 0), (2, 0, 0), (0, 0, 0)]


def number(value: sp.Expr) -> mp.mpf:
    return mp.mpf(sp.Float(value.evalf(30), 30)._mpf_)


def mean(phi: Activation, variance: int) -> mp.mpf:
    """E phi(v) by mpmath between the kinks (all of them at 0): no formula and no quadrature of ours."""
    if variance == 0:
        return number(phi(sp.S.Zero))
    sides = (phi.branches.pieces[0], -1), (phi.branches.pieces[-1], 1)
    functions = [(sp.lambdify(x, piece, "mpmath"), side * mp.sqrt(variance)) for piece, side in sides]
    return mp.fsum(mp.quad(lambda z, f=f, r=r: f(r * z) * mp.npdf(z), [0, 2, 6, 16]) for f, r in functions)


@pytest.mark.parametrize("phi", [*CLOSED, *NUMERIC], ids=str)
@pytest.mark.parametrize("point", POINTS)
def test_reference_is_the_definition(phi: Activation, point: tuple[int, int, int]) -> None:
    T = sl.dual(phi)
    with mp.workdps(30):
        truth = mean(phi, point[0]) * mean(phi, point[1])
        found = number(T.reference(*point, digits=DIGITS))
        assert abs(found - truth) <= mp.mpf(10) ** (1 - DIGITS) * (1 + abs(truth))


@pytest.mark.parametrize("phi", CLOSED, ids=str)
@pytest.mark.parametrize("point", POINTS)
def test_evaluate_is_honest_at_zero(phi: Activation, point: tuple[int, int, int]) -> None:
    T = sl.dual(phi)
    value, truth = T.evaluate(*point), T.reference(*point)
    size = 1 + abs(float(truth))
    assert abs(value.value - truth) <= value.error <= 2 * ROUNDING * size
    assert abs(T(*map(float, point)) - value.value) <= 2 * ROUNDING * size


@pytest.mark.parametrize("point", POINTS)
def test_the_error_of_a_zero_is_a_number(point: tuple[int, int, int]) -> None:
    """tanh(0) = 0: nothing is relative to it."""
    value = sl.dual(act.tanh).evaluate(*point)
    assert value.value == 0
    assert value.error <= ROUNDING


def test_a_jump_that_no_sample_reaches_is_told_from_a_function_that_grows() -> None:
    with pytest.raises(sl.errors.DomainError, match="standard deviations"):
        sl.dual("x*Heaviside(x-1)").evaluate("1e-12", "1e-12", "3e-13")


@pytest.mark.slow
def test_numeric_ones_and_grams() -> None:
    T = sl.dual(act.sigmoid)
    value = T.evaluate(0, 2, 0)
    assert abs(value.value - T.reference(0, 2, 0)) <= value.error <= 1e-12
    K = sl.nngp(sl.mlp(1, act.step, 1, 0))
    assert float(K.reference(0, 2, 0)) == 0.25
    np.testing.assert_array_equal(K([[0.0, 0.0], [1.0, 1.0]]), [[0.25, 0.25], [0.25, 0.5]])


def test_what_stays_outside() -> None:
    T = sl.dual(act.relu)
    for point in ((0, 2, "1/10"), (-1, 2, 0), (0, -1, 0)):
        for call in (T.evaluate, T.reference):
            with pytest.raises(sl.errors.DomainError):
                call(*point)
    with pytest.raises(sl.errors.DomainError):  # a positive symbol that is no variance
        sl.limit("1/a").evaluate(0)


def test_a_derivative_at_zero() -> None:
    """The slope of relu at 0 counts as the mean of both sides: E step(0) step(v) = 1/4."""
    assert float(sl.dual(act.relu).dot().reference(0, 2, 0)) == 0.25
