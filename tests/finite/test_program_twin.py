"""The finite twin of a tensor program: laws of what it draws, the same draws whatever is asked, errors at the door."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.finite import program_batch, program_twin
from symlimits.finite.program_twin import run

ERROR_RATE = 1e-6
SIGMAS = 4.9  # of a standard normal: exceeded with probability 1e-6


def program() -> tuple[Any, ...]:
    tp = sl.TensorProgram()
    W, x = tp.matrix("W", "w"), tp.gaussian("x", 4)
    h = W @ x
    return tp, W, x, h, tp.mean(h * h)


def test_variances() -> None:
    """Entries of W from N(0, w/n), of x from N(0, 4): mean squares within 4.9 standard errors, and no others."""
    tp, W, x, _, _ = program()
    nets = tp.run(20, seed=0, nets=500, w=3)
    for values, variance in ((nets[W] * 20**0.5, 3), (nets[x], 4)):
        squares = values**2 / variance
        error = (2 / squares.size) ** 0.5
        assert abs(squares.mean() - 1) < SIGMAS * error
        assert abs(1.1 * squares.mean() - 1) > SIGMAS * error  # a variance off by a tenth is noticed


def test_the_nets_are_the_same_whatever_is_asked() -> None:
    tp, W, x, h, m = program()
    one, other = tp.run(12, seed=7, nets=4, w=1), tp.run(12, seed=7, nets=4, w=1)
    first = one[m]
    assert (other[x] == one[x]).all()
    assert (other[m] == first).all()
    assert np.abs((one[W] @ one[x][..., None])[..., 0] - one[h]).max() < 1e-14
    tp.gaussian("y")  # added later: what was drawn stays
    assert (tp.run(12, seed=7, nets=4, w=1)[m] == first).all()
    assert (tp.run(12, seed=8, nets=4, w=1)[m] != first).all()


def test_batches_are_independent_nets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nets in batches of two: no two alike, and no batch another's repetition."""
    monkeypatch.setattr(program_twin, "BATCH_ENTRIES", 2 * program_twin.NARROW**2)
    tp, _, _, _, m = program()
    values = np.sort(tp.run(10, seed=0, nets=7, w=1)[m])
    assert values.shape == (7,)
    assert all(a < b for a, b in pairwise(values))


def test_scalars_broadcast() -> None:
    """Constants, formulas of n and means of scalars are values of every net."""
    tp = sl.TensorProgram()
    x = tp.gaussian("x")
    two = tp.map(lambda a: 2 * a, 1)
    c = tp.map(lambda a, b: 0 * a + b, x, two)
    assert (tp.run(5, nets=3)[two] == 2).all()
    assert (tp.run(5, nets=3)[c] == np.full((3, 5), 2.0)).all()
    assert tp.run(5)[tp.mean(c)] == 2


@pytest.mark.parametrize("phi", [act.relu, act.absolute, act.sign, act.gelu, act.elu, act.erf, act.hermite(3)])
def test_activations(phi: sl.Activation) -> None:
    tp = sl.TensorProgram()
    x = tp.gaussian("x")
    nets = tp.run(50, nets=2)
    value = sp.lambdify(sp.Symbol("x", real=True), phi.expr, "mpmath")
    expected = np.vectorize(lambda entry: float(value(entry)))(nets[x])
    assert np.abs(nets[tp.map(phi, x)] - expected).max() < 1e-14


def test_one_function_for_formulas_that_differ_in_names() -> None:
    program_batch._lambdified.cache_clear()
    prog = sl.training_program(sl.mlp(2, act.tanh, 1, 0), [[1, 0], [0, 1]], [1, -1], 3)
    prog.run(8)[prog.losses[3]]
    instructions = len(prog.tp.program.instructions)
    assert program_batch._lambdified.cache_info().currsize < instructions / 4


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"width": 0}, sl.errors.DomainError, "width = 0"),
    ({"width": 2.5}, sl.errors.DomainError, "width = 2.5"),
    ({"nets": 0}, sl.errors.DomainError, "nets = 0"),
    ({"nets": True}, sl.errors.DomainError, "nets = True"),
    ({"seed": -1}, sl.errors.DomainError, "seed = -1"),
    ({"w": -1}, sl.errors.DomainError, "the variance w/n"),
    ({"w": "a"}, sl.errors.UnboundSymbol, "w = a"),
    ({"q": 1}, sl.errors.DomainError, "a value for q"),
    ({"w": 10**400}, sl.SymlimitsError, "w"),
]


@pytest.mark.parametrize(("given", "error", "message"), WRONG)
def test_what_is_refused(given: dict[str, Any], error: type[Exception], message: str) -> None:
    tp, _, _, _, m = program()
    with pytest.raises(error, match=message):
        tp.run(**{"width": 4, "w": 1} | given)[m]


def test_a_parameter_without_a_number() -> None:
    tp, _, x, _, m = program()
    nets = tp.run(4)
    assert nets[x].shape == (4,)
    with pytest.raises(sl.errors.UnboundSymbol, match="w without a value"):
        nets[m]


def test_nets_too_large_for_memory_are_refused_before_anything_is_drawn() -> None:
    tp, W, _, _, m = program()
    for what in (m, W):
        with pytest.raises(sl.errors.ResourceError, match="GB"):
            tp.run(10**7, w=1)[what]


def test_what_overflows_is_refused() -> None:
    tp = sl.TensorProgram()
    x = tp.gaussian("x", 10**8)
    with pytest.raises(sl.errors.DomainError, match="not finite at width 10"):
        tp.run(10)[tp.mean(tp.map(act.exp, x))]


def test_values_of_another_program() -> None:
    tp, _, x, _, _ = program()
    stranger = sl.TensorProgram().gaussian("x")
    with pytest.raises(sl.errors.DomainError, match="of its program"):
        tp.run(4)[stranger]
    with pytest.raises(sl.errors.DomainError, match="values of one program"):
        x + stranger


def test_the_state_of_the_generator_is_the_seed() -> None:
    tp, _, x, _, _ = program()
    one = run(tp.program, [x.place], 3, 2, np.random.default_rng(0))
    other = run(tp.program, [x.place], 3, 2, np.random.default_rng(0))
    assert (one[x.place] == other[x.place]).all()
