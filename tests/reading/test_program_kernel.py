"""Limits of programs compiled by Numba: the same numbers as the readable version, of which the source is no part."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.master import limit_lines
from symlimits.errors import DataError, DomainError, UnboundSymbol
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.straight_line import Definition, StraightLine
from symlimits.reading.program_kernel import ProgramKernel
from symlimits.reading.program_sampled import sampled
from symlimits.reading.program_stages import Stages
from tests.programs_by_hand import mup, tangent_kernel

ROUNDING = 1e-11  # of values of order one: sums in another order, and draws given nearly singular covariances
FEW = 2**8
g, h, u = sp.symbols("zeta_1 zeta_2 u", real=True)
c, y, z, s = sp.symbols("c_1_2 y z_3 s", real=True)


def small() -> StraightLine:
    """A covariance that is a mean, a law of its own with a parameter, a variable read twice, a formula as an entry."""
    own = GaussianExpectation(sp.cos(s * u), (u,), [[2]])
    drawn = StraightLine([Definition(z, sp.tanh(s * g) + h)], z**2)
    shared = GaussianExpectation(drawn, (g, h), [[1, c], [c, 1 + c**2]])
    again = GaussianExpectation(StraightLine([Definition(z, sp.tanh(s * g) + h)], z * g), (g, h), shared.covariance)
    first = Definition(c, GaussianExpectation(sp.tanh(g) * g, (g,), [[1]]) * own)
    return StraightLine([first, Definition(y, shared + 1)], y * again + own)


def test_the_same_numbers_as_the_readable_version() -> None:
    line = small()
    kernel = ProgramKernel(line, (s,), points=FEW)
    for value in (0.5, 2.0):
        found, known = kernel.bounded(value), sampled(line, {s: value}, points=FEW)
        assert abs(found.value - known.value) < ROUNDING
        assert abs(found.error - known.error) < ROUNDING
        assert found.method == known.method
    assert len(Stages(line).stages) == 2  # c, and what rests on it
    assert abs(replace(kernel, seed=1)(0.5) - kernel(0.5)) > ROUNDING  # the control: other points are seen


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_trained_networks_and_kernels(seed: int) -> None:
    """Two hidden layers after two steps; kinks and jumps, whose transposes' terms go by Stein's identity."""
    tp = sl.TensorProgram()
    A, x = tp.matrix("A"), tp.gaussian("x")
    y = tp.map(act.sign, A @ x)
    turns = tp.mean(y * (A @ tp.map(act.sign, A.T @ (y + A @ tp.map(act.relu, A.T @ y)))))
    trained, outputs = mup(act.erf, 2, 2)
    kernel, theta = tangent_kernel(act.tanh, 2)
    for program, scalar in ((trained, outputs[0]), (tp.program, turns), (kernel, theta)):
        line = limit_lines(program, scalar.place)[-1].expr
        args = tuple(sorted(line.free_symbols, key=str))
        values = [sp.Rational(k + 1, 2) for k in range(len(args))]
        known = sampled(line, dict(zip(args, values, strict=True)), FEW, seed=seed)
        assert abs(ProgramKernel(line, args, FEW, seed=seed)(*values) - known.value) < ROUNDING


def test_a_limit_is_compiled_as_a_function_of_its_symbols() -> None:
    prog = sl.training_program(sl.mlp(1, act.tanh, 1, 0), [[1]], [1], steps=1, lr="eta")
    limit = prog.limit(1)
    kernel = limit.compile()
    assert kernel.expr == limit.expr
    assert kernel.args == limit.arguments
    assert "@njit" in kernel.source
    found = kernel([[0.5], [2.0]])
    assert found.shape == (2, 1)
    assert abs(found[1, 0] - limit.evaluate(2).value) < ROUNDING
    assert isinstance(kernel(1.0), float)
    assert pickle.loads(pickle.dumps(kernel)) == kernel
    assert "ProgramKernel(" in repr(kernel)
    with pytest.raises(DataError, match="2 arguments"):
        kernel(1.0, 2.0)


def test_what_is_no_function() -> None:
    with pytest.raises(UnboundSymbol, match="s without"):
        ProgramKernel(small(), ())
    with pytest.raises(DomainError, match="points = 3"):
        ProgramKernel(small(), (s,), points=3)
