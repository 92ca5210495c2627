"""Where maps jump, Stein's identity in place of a derivative: sign networks and trained relu networks, against nets."""

from __future__ import annotations

import pytest

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.master import BEYOND, limit_lines
from symlimits.language.activation import Activation
from symlimits.language.program_handles import Scalar
from symlimits.reading.program_sampled import sampled
from symlimits.theory.programs import TensorProgram

SIGMAS = 4.9  # of a normal: a true limit is refused once in a million
CONTROL = 2 * SIGMAS  # that a wrong one lies off, so that it is missed as seldom
BIAS = 4.0  # over the width, of the mean over nets: ten times the difference that is seen at width 64
POINTS = 2**13


def sign_network() -> tuple[TensorProgram, Scalar]:
    """A and A' in turns between signs: y' sign(A sign(A' sign(A u)) + u), as a mean."""
    tp = TensorProgram()
    A, u = tp.matrix("A"), tp.gaussian("u")
    y = tp.map(act.sign, A @ u)
    x = tp.map(act.sign, A.T @ y)
    return tp, tp.mean(y * tp.map(act.sign, A @ x))


def trained(activation: Activation, optimizer: str) -> tuple[TensorProgram, Scalar]:
    X, Y = [[1, "1/2"]], ["3"]
    prog = sl.training_program(sl.mlp(2, activation, 1, 0), X, Y, 2, lr="1/2", optimizer=optimizer)
    return prog.tp, prog.outputs[2][0]


CASES = {
    "signs of one matrix and its transpose": sign_network,
    "sign descent": lambda: trained(act.tanh, "sign"),
    "relu": lambda: trained(act.relu, "sgd"),
}


@pytest.mark.parametrize("case", CASES)
def test_nets_tend_to_the_limit_and_not_to_that_without_the_transpose(case: str) -> None:
    """One width: the mean over nets is at the limit, and the limit without the second term is as far off as asked."""
    width, nets = 400, 400
    tp, scalar = CASES[case]()
    trace = limit_lines(tp.program, scalar.place)
    assert BEYOND in trace[0].source
    limit = sampled(trace[-1].expr, {}, points=POINTS)
    wrong = sampled(limit_lines(tp.program, scalar.place, transpose_correction=False)[-1].expr, {}, points=POINTS)
    found = tp.run(width, seed=0, nets=nets)[scalar]
    deviation = found.std() / nets**0.5
    assert abs(found.mean() - limit.value) < SIGMAS * deviation + limit.error + BIAS / width
    assert abs(wrong.value - limit.value) > CONTROL * deviation + wrong.error + limit.error + BIAS / width
