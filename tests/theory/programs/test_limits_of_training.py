"""Limits of training programs: against the recursion of deep linear networks, and against finite networks."""

from __future__ import annotations

import pytest

import symlimits as sl
from symlimits import activations as act

ROUNDING = 1e-12  # polynomials of a few hundred terms, in floats
SIGMAS = 4.9  # exceeded by a normal with probability 1e-6


@pytest.mark.parametrize(("depth", "steps"), [(1, 3), (2, 2), (3, 1)])
def test_special_is_general(depth: int, steps: int) -> None:
    """Deep linear networks: the maximal update moves every parameter by lr times the width, as their recursion does."""
    X, Y = [["1"], ["2"]], ["1", "1/2"]
    prog = sl.training_program(sl.mlp(depth, act.linear, 1, 0), X, Y, steps, lr="1/10")
    path = sl.deep_linear(depth).gradient_descent(Sxx=[[2.5]], Syx=[[1.0]], lr=0.1, steps=steps)
    for step in range(1, steps + 1):
        limit = prog.limit(step)
        assert limit.has_closed_form
        assert float(limit.reference()) == pytest.approx(path.predictors[step, 0, 0], abs=ROUNDING)


def test_learning_rates_and_labels_stay_symbols() -> None:
    """One hidden layer, one step: both layers move along each other, f = 2 eta y."""
    prog = sl.training_program(sl.mlp(1, act.linear, 1, 0), [[1]], ["y"], 1, lr="eta")
    limit = prog.limit(1)
    assert {symbol.name for symbol in limit.free_symbols} == {"eta", "y"}
    assert float(limit.reference(eta="1/4", y="3")) == pytest.approx(1.5, abs=ROUNDING)
    assert float(prog.limit(0).reference()) == 0


def test_networks_tend_to_the_limit() -> None:
    """Two hidden layers, two data, two steps of erf: the mean over networks is at the limit, and not a tenth off."""
    width, nets = 128, 400
    prog = sl.training_program(sl.mlp(2, act.erf, 1, 0), [[1, "1/2"], ["-1/3", 1]], [1, "-1/2"], 2)
    limit = prog.limit(2, datum=1).evaluate()
    found = prog.run(width, seed=0, nets=nets)[prog.outputs[2][1]]
    allowed = SIGMAS * found.std() / nets**0.5 + limit.error + 1 / width  # the last for the bias
    assert abs(found.mean() - limit.value) < allowed < 0.1 * abs(limit.value)
    assert found.std() < 1 / width**0.5


WRONG = [{"step": 3}, {"step": -1}, {"step": 1.5}, {"step": 1, "datum": 2}, {"step": 1, "output": 1}]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_has_no_limit(wrong: dict[str, int]) -> None:
    prog = sl.training_program(sl.mlp(1, act.tanh, 1, 0), [[1], [2]], [1, 0], 1)
    with pytest.raises(sl.errors.DomainError, match="a number from 0 to"):
        prog.limit(**wrong)


def test_powers_of_the_width_do_not_cancel_in_the_ntk_parameterisation() -> None:
    prog = sl.training_program(sl.mlp(1, act.tanh, 1, 0), [[1]], [1], 1, scaling="ntk")
    with pytest.raises(
        sl.errors.NoRule, match=r"f\^\{\(0\)\}.*n\^\(1/2\) times what tends to zero .*: it stays random"
    ):
        prog.limit(0)
