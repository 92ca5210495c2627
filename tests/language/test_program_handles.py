"""What an author of a tensor program holds: operations are instructions, equal ones are one, names do not collide."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits.language.program_handles import Scalar, Vector
from symlimits.language.tensor_program import Apply, Trained

ROUNDING = 1e-13  # entries of order ten, a few operations


def program() -> tuple[Any, ...]:
    tp = sl.TensorProgram()
    return tp, tp.matrix("W"), tp.gaussian("x"), tp.gaussian("y")


def test_operations_are_those_of_arrays() -> None:
    tp, _, x, y = program()
    m, s = tp.mean(x * y), sp.Symbol("s", positive=True)
    values = {
        "vectors": (2 * x - y / 3 + 1, lambda x, y, m: 2 * x - y / 3 + 1),
        "scalars": ((1 - m) ** 2 / (m + 3), lambda x, y, m: (1 - m) ** 2 / (m + 3)),
        "both": (m * x + y**3 - m, lambda x, y, m: m * x + y**3 - m),
        "at the right": (1 / (1 + x**2) - x, lambda x, y, m: 1 / (1 + x**2) - x),
        "symbols": (s * x + "s/2", lambda x, y, m: 0.5 * x + 0.25),
        "numpy": (np.float64(0.5) * x - np.int64(2), lambda x, y, m: 0.5 * x - 2),
        "powers": (2**x, lambda x, y, m: 2**x),
        "negative": (-x, lambda x, y, m: -x),
        "nothing left": (0 * x, lambda x, y, m: 0 * x),
    }
    run = tp.run(7, seed=2, s=0.5)
    given = run[x], run[y], run[m]
    for name, (handle, formula) in values.items():
        expected = formula(*given)
        assert isinstance(handle, Vector if np.ndim(expected) else Scalar), name
        assert np.abs(run[handle] - expected).max() < ROUNDING, name


def test_a_mean_is_a_mean() -> None:
    tp, W, x, y = program()
    run = tp.run(9)
    assert run[tp.mean(x * y)] == pytest.approx((run[x] * run[y]).mean(), rel=ROUNDING)
    assert run[tp.mean(W @ x)] == pytest.approx((run[W] @ run[x]).mean(), rel=ROUNDING)


def test_equal_instructions_are_one() -> None:
    tp, W, x, y = program()
    assert (W @ (x + y)).place == (W @ (y + x)).place
    assert (W @ x).place != (W.T @ x).place
    assert tp.map("tanh(x)", x).place == tp.map(sp.tanh, x).place


def test_a_trained_matrix_is_an_initial_one_and_means() -> None:
    tp, W, x, y = program()
    W1 = W - tp.gradient(tp.mean(y * (W @ x)), W)
    place = (W1 @ y).place
    what = tp.program.instructions[place]
    assert isinstance(what, Trained)
    kinds = [type(tp.program.instructions[p]) for p in tp.program.needed([place])]
    assert kinds.count(Apply) == 1
    assert repr(W1.T) == "Matrix(W + 1 of rank one, transposed)"


@pytest.mark.parametrize("name", ["W", "x", "s", "n", "z_3", "theta_0"])
def test_names_that_are_taken(name: str) -> None:
    tp, _, x, _ = program()
    tp.map(lambda a: a * sp.Symbol("s", positive=True), x)
    for draw in (tp.matrix, tp.gaussian):
        with pytest.raises(sl.errors.DomainError, match="a name that nothing else of the program has"):
            draw(name)


@pytest.mark.parametrize("formula", ["W*x", "y*x", "z_0 + x", "theta_1*x"])
def test_formulas_with_names_of_the_program(formula: str) -> None:
    """Data that are called as a matrix or a vector would be taken for it."""
    tp, _, x, _ = program()
    with pytest.raises(sl.errors.DomainError, match="another name"):
        tp.map(sl.activation(sp.sympify(formula), symbol=sp.Symbol("x")), x)


def test_two_programs_do_not_compose() -> None:
    """Two programs may have two widths."""
    (_, W, x, _), (other, V, z, _) = program(), program()
    for compose in (lambda: W @ z, lambda: x + z, lambda: other.mean(x), lambda: V @ x, lambda: x * other.mean(z)):
        with pytest.raises(sl.errors.DomainError, match="one program"):
            compose()


def test_scalars_multiply_gradients_and_vectors_do_not() -> None:
    tp, W, x, y = program()
    g = tp.gradient(tp.mean(y * (W @ x)), W)
    m = tp.mean(x * x)
    run = tp.run(8)
    ones = W + m * g / 2 - (g - 2 * g) * m
    assert np.abs(run[ones] - run[W] - 1.5 * run[m] * np.outer(run[y], run[x]) / 8).max() < ROUNDING
    with pytest.raises(sl.errors.DomainError, match="a number or a scalar"):
        x * g


def test_a_symbol_called_n_is_the_width_whatever_it_is_assumed_to_be() -> None:
    """A file keeps the name alone, so that a parameter n would be another thing once it is read."""
    tp, _, x, _ = program()
    values = [x * "n", x * sp.Symbol("n"), tp.map(lambda a: a * sp.Symbol("n", real=True), x)]
    assert len({tp.mean(value).place for value in values}) == 1
    assert tp.exponent(tp.mean(values[1] * x)) == 1
    assert tp.exponent(tp.mean(x * x * sp.Symbol("s"))) == 0  # control
    for label in (["n"], [sp.Symbol("n")]):
        prog = sl.training_program(sl.mlp(1, "x", 1, 0), [[1]], label, steps=1)
        assert prog.tp.exponent(prog.outputs[1][0]) == sp.Rational(3, 2)  # n v and n U overlap by n^(-1/2)


def test_a_name_is_one_symbol_whatever_it_is_assumed_to_be() -> None:
    """Arguments are given by names: two symbols of one name could not both have a value."""
    tp = sl.TensorProgram()
    x = tp.gaussian("x", "s")
    m = tp.mean(x * x * sp.Symbol("s")) + tp.map(lambda a: a * sp.Symbol("s", positive=True), tp.mean(x))
    assert [symbol.name for symbol in tp.limit(m).arguments] == ["s"]
    assert tp.limit(m).evaluate(s=3).value == 9
    prog = sl.training_program(sl.mlp(1, "x", 1, 0), [["a"]], [sp.Symbol("a")], steps=1, lr=sp.Symbol("a", real=True))
    assert prog.limit(1).evaluate(a=2).value == 2 * 2**4  # two layers: 2 lr x^2 y
    assert prog.run(8, a=2)[prog.outputs[1]].shape == (1,)
