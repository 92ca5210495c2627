"""Reverse mode against differences of the finite twin, along random directions in vectors, scalars and matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.slopes import slope
from symlimits.language.program_handles import LowRank, Matrix, Scalar, Vector
from symlimits.theory.programs import TensorProgram

WIDTH, STEP = 20, 1e-4
TOLERANCE = 1e-7  # fourth-order differences: STEP^4 and rounding 1e-16/STEP, both far below

t = sp.Symbol("t", positive=True)
AT = 0.3  # where along the direction


class Moved:
    """A program whose matrix, vector and scalar are moved by t times a direction."""

    def __init__(self) -> None:
        self.tp = tp = TensorProgram()
        self.x, self.d, self.u, self.v = (tp.gaussian(name) for name in ("x", "d", "u", "v"))
        self.rank_one = LowRank(tp.program, tp.gradient(tp.mean(self.u * (tp.matrix("Z") @ self.v)), self._z()).terms)
        self.W = tp.matrix("W")

    def _z(self) -> Matrix:
        return Matrix(self.tp.program, 0)

    def matrix(self) -> Matrix:
        return self.W + t * self.rank_one

    def vector(self) -> Vector:
        return self.x + t * self.d

    def scalar(self) -> Scalar:
        return self.tp.mean(self.x * self.x) + t

    def along(self, gradient: Any) -> Scalar:
        """The derivative along the direction, by the gradient in the program's normalisation."""
        if isinstance(gradient, Vector):
            return self.tp.mean(gradient * self.d)
        if isinstance(gradient, Scalar):
            return gradient
        program, mean = self.tp.program, self.tp.mean
        parts = [mean(Vector(program, c.left) * self.u) * mean(Vector(program, c.right) * self.v)
                 * self.tp.map(lambda a, c=c: a * c.coefficient, 1) for c in gradient.terms]  # fmt: skip
        return sum(parts[1:], parts[0])


def network(p: Moved, W: Matrix, x: Vector, s: Scalar) -> Scalar:
    h = p.tp.map(act.tanh, W @ x)
    return p.tp.mean(p.tp.map(lambda a, b: sp.sin(a) * b**2, s, h))


def recurrent(p: Moved, W: Matrix, x: Vector, s: Scalar) -> Scalar:
    """Back-propagation through time: one matrix, three times."""
    h = x
    for _ in range(3):
        h = p.tp.map(act.erf, W @ h + x) * s
    return p.tp.mean(h * x) ** 2


def autoencoder(p: Moved, W: Matrix, x: Vector, s: Scalar) -> Scalar:
    """A matrix and its transpose; a mean that goes back into a map."""
    h = p.tp.map(act.gelu, W @ x)
    centred = h - p.tp.mean(h)
    y = W.T @ (centred / s) - x
    return p.tp.mean(y * y) / 2


def kinked(p: Moved, W: Matrix, x: Vector, s: Scalar) -> Scalar:
    h = p.tp.map(act.relu, W @ x)
    h = p.tp.map(lambda a, b, c: sp.Max(a, b) * sp.Abs(b - c) + sp.sign(b), h, x, s)
    return p.tp.mean(p.tp.map(act.elu, W.T @ h))


NETWORKS = [network, recurrent, autoencoder, kinked]


def slopes(build: Callable[..., Scalar], what: str, spoil: bool = False) -> tuple[float, float]:
    """The derivative along the direction: by differences, and by the gradient."""
    p = Moved()
    W, x, s = p.W, p.x, p.tp.mean(p.x * p.x)
    if what == "matrix":
        W = moved = p.matrix()
    elif what == "vector":
        x = moved = p.vector()
    else:
        s = moved = p.scalar()
    f = build(p, W, x, s)
    gradient = p.tp.gradient(f, moved)
    if spoil:
        gradient = LowRank(p.tp.program, tuple(term.transposed for term in gradient.terms))
    derivative = p.along(gradient)
    values = {k: p.tp.run(WIDTH, seed=1, t=AT + k * STEP)[f] for k in (-2, -1, 1, 2)}
    difference = (values[-2] - 8 * values[-1] + 8 * values[1] - values[2]) / (12 * STEP)
    return difference, p.tp.run(WIDTH, seed=1, t=AT)[derivative]


@pytest.mark.parametrize("build", NETWORKS)
@pytest.mark.parametrize("what", ["matrix", "vector", "scalar"])
def test_gradients_are_derivatives(build: Callable[..., Scalar], what: str) -> None:
    difference, derivative = slopes(build, what)
    assert abs(difference) > 1e-3
    assert derivative == pytest.approx(difference, rel=TOLERANCE)


@pytest.mark.parametrize("build", NETWORKS)
def test_a_transposed_gradient_is_noticed(build: Callable[..., Scalar]) -> None:
    difference, derivative = slopes(build, "matrix", spoil=True)
    assert abs(derivative - difference) > 1e4 * TOLERANCE * abs(difference)


def test_slopes_have_no_masses() -> None:
    """The slope of a jump is zero, that of a kink the mean of both sides, also inside of other functions."""
    x, y = sp.symbols("x y", real=True)
    assert slope(sp.sign(x) + sp.Heaviside(x - y), x) == 0
    assert slope(sp.Abs(sp.Abs(x) - 1), x).subs(x, sp.Rational(1, 2)) == -1
    assert slope(x * sp.Heaviside(x), x) == sp.Heaviside(x)
    assert slope(sp.Max(x, 0), x).subs(x, 0) == sp.Rational(1, 2)
    assert slope(sp.Piecewise((y, x > 0), (x * y, True)), x) == sp.Piecewise((0, x > 0), (y, True))


def test_what_does_not_matter_has_a_gradient_of_zero() -> None:
    tp = TensorProgram()
    W, x, y = tp.matrix("W"), tp.gaussian("x"), tp.gaussian("y")
    m = tp.mean(x * x)
    by_matrix, by_vector, by_scalar = tp.gradient(m, W, y, tp.mean(y))
    assert by_matrix.terms == ()
    run = tp.run(10)
    assert not run[by_vector].any()
    assert run[by_scalar] == 0


def test_a_trained_matrix_is_one_matrix() -> None:
    """The gradient by a trained matrix is exact; one through its updates would leave out a part, and is refused."""
    tp = TensorProgram()
    W, x = tp.matrix("W"), tp.gaussian("x")
    W1 = W - tp.gradient(tp.mean((W @ x) ** 2), W)
    m = tp.mean((W1 @ x) ** 2)
    assert len(tp.gradient(m, W1).terms) == 1
    for what in (W, x):
        with pytest.raises(sl.errors.NoRule, match="trained matrix"):
            tp.gradient(m, what)


def test_scalars_only() -> None:
    tp = TensorProgram()
    with pytest.raises(sl.errors.DomainError, match="a scalar of this program"):
        tp.gradient(tp.gaussian("x"), tp.gaussian("y"))
