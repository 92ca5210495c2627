"""Wrong types at the doors of tensor programs: a SymlimitsError each, short, in the house's three parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act

tp = sl.TensorProgram()
W, x = tp.matrix("W"), tp.gaussian("x")
m = tp.mean(x * x)
stranger = sl.TensorProgram()
y = stranger.gaussian("x")
NET = sl.mlp(2, act.tanh, 1, 0)
PROG = sl.training_program(NET, [[1, 0]], [1], steps=1)


def train(**given: Any) -> object:
    return sl.training_program(**{"net": NET, "X": [[1, 0]], "Y": [1], "steps": 1} | given)


ODD: list[Any] = [object(), {"a": 1}, b"x", lambda: 0, float("nan"), 1j, sp.oo, int, 10**5000, sp.true, {1}, True]
ODD += [sp.Matrix([1, 2]), sp.Symbol("x") > 0, "\ud800", "", "a b", np.array([1.0, 2.0]), tp, NET]
NO_FORMULA = [j for j in ODD if not callable(j)]
NO_NAME: list[Any] = [
    None,
    1,
    True,
    b"x",
    ("W",),
    "a b",
    "",
    "x y",
    "__a",
    "lambda",
    "z_1",
    "theta_2",
    "n",
    "W",
    "x",
    "f(x)",
]
NO_LABEL: list[Any] = [1, True, b"x", "", "\0", ("h",)]

DOORS: dict[str, tuple[Callable[[Any], object], list[Any]]] = {
    "name of a matrix": (tp.matrix, NO_NAME),
    "name of a vector": (tp.gaussian, NO_NAME),
    "variance of a matrix": (lambda j: tp.matrix("A", j), [*ODD, None, -1, "x", "W", "A", "theta_1"]),
    "variance of a vector": (lambda j: tp.gaussian("a", j), [*ODD, None, -1, "x", "W", "a", "z_1"]),
    "function": (lambda j: tp.map(j, x), [*NO_FORMULA, None, "W", "f(x)", lambda a: "a", lambda a: 1.5]),
    "function that fails": (lambda j: tp.map(j, x), [np.tanh, np.exp, lambda a: a / 0, lambda a, b: a]),
    "function that is not real": (lambda j: tp.map(j, x), [lambda a: a * sp.I, lambda a: sp.sqrt(-1) + a]),
    "value": (lambda j: tp.map(act.tanh, j), [*ODD, None, y, W]),
    "values of an activation": (lambda j: tp.map(act.tanh, x, j), [x, m, 1]),
    "label": (lambda j: tp.map(act.tanh, x, label=j), NO_LABEL),
    "mean": (tp.mean, [*ODD, None, 1, m, W, y]),
    "gradient": (lambda j: tp.gradient(j, x), [*ODD, None, 1, x, W, stranger.mean(y)]),
    "wanted": (lambda j: tp.gradient(m, j), [*ODD, None, 1, y, tp.gradient(m, W)]),
    "limit of a program": (tp.limit, [*ODD, None, 1, x, W, stranger.mean(y)]),
    "name of a limit": (lambda j: tp.limit(m, name=j), NO_LABEL),
    "exponent": (tp.exponent, [*ODD, None, 1, W, y]),
    "step of a limit": (PROG.limit, [None, True, -1, 2, "1", 0.5]),
    "product": (lambda j: W @ j, [*ODD, None, 1, m, W, y]),
    "update": (lambda j: W + j, [*ODD, None, 1, m, W, x, stranger.gradient(stranger.mean(y), stranger.matrix("W"))]),
    "downdate": (lambda j: W - j, [*ODD, None, 1, m, W, x]),
    "sum": (lambda j: x + j, [*NO_FORMULA[:5], None, y, W]),
    "factor of a gradient": (lambda j: tp.gradient(m, W) * j, [None, "", float("nan"), x, y, W]),
    "width": (tp.run, [None, 0, -1, 2.5, "8", True, [8]]),
    "seed": (lambda j: tp.run(4, j), [None, -1, 2.5, "8", True, np.random.default_rng(0)]),
    "nets": (lambda j: tp.run(4, nets=j), [0, -1, 2.5, "8", True]),
    "value of a symbol": (lambda j: tp.run(4, zz=j), [1]),
    "reading": (lambda j: tp.run(4)[j], [*ODD, None, 0, "x", y, stranger.mean(y), (), [x, []], (x, m), (x, 1)]),
    "net": (lambda j: train(net=j), [*ODD[:-1], None, 1, act.tanh, sl.Dense(1)]),
    "X": (lambda j: train(X=j), [*ODD, None, 1, [], [[]], [1], [[1], [1, 2]], [["x y"]]]),
    "Y": (lambda j: train(Y=j), [*ODD, None, 1, [], [[]], [1, 2], [[1], [1, 2]], [None], [["x y"]]]),
    "steps": (lambda j: train(steps=j), [*ODD, None, -1, 1.5, "2"]),
    "lr": (lambda j: train(lr=j), [*ODD, None, 0, -1, "v", "U_1"]),
    "scaling": (lambda j: train(scaling=j), [*ODD, None, "muP", "NTK", sl.scaling.abc(depth=2)]),
    "optimizer": (lambda j: train(optimizer=j), [*ODD, None, "adam", "SGD"]),
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
def test_refused_in_the_house_s_words(door: str) -> None:
    enter, visitors = DOORS[door]
    for visitor in visitors:
        try:
            with pytest.raises(sl.SymlimitsError) as refusal:
                enter(visitor)
        except Exception as error:
            pytest.fail(f"{door} with {type(visitor).__name__}: {type(error).__name__} {str(error)[:200]}")
        except BaseException:
            pytest.fail(f"{door} with {type(visitor).__name__} {str(visitor)[:60]} is let in")
        error = refusal.value
        assert all((error.given, error.wanted, error.advice)), door
        assert len(str(error)) < 700, door


def test_what_is_right_passes() -> None:
    """The control: the same doors open."""
    program = sl.TensorProgram()
    A, a = program.matrix("A", "s**2/2"), program.gaussian("a", 0.5)
    h = program.map("tanh(x)", A @ a + np.float64(0.5) * a, label=r"\phi(h)")
    q = program.mean(h, label="q") / 3 - sp.Rational(1, 2) + "b"
    A1 = A - (program.gradient(q, A) / q + program.gradient(q, A) * 2)
    run = program.run(6, seed=1, nets=2, s=1, b="1/3")
    assert run[A1 @ a].shape == run[A1][:, 0].shape == (2, 6)
    assert h.label == r"\phi(h)"
    again = sl.training_program(NET, np.eye(2), np.array([1.0, -1.0]), lr="eta", steps=0)
    assert again.losses[0].label == r"\mathcal{L}^{(0)}"


def test_an_output_that_starts_at_random_is_named() -> None:
    """The bias of the last layer is one number, which no width averages."""
    prog = sl.training_program(sl.mlp(1, act.tanh, 1, 1), [[1]], [1], steps=1)
    with pytest.raises(sl.errors.NoRule, match="b_out, which starts at random"):
        prog.limit(1)
    control = sl.serial(sl.Dense(w_var=1, b_var=1), act.erf, sl.Dense(w_var=1, b_var=0))
    assert sl.training_program(control, [[1]], [1], steps=0).limit(0).evaluate().value == 0


def test_a_run_says_what_was_drawn() -> None:
    program = sl.TensorProgram()
    program.gaussian("a", "s**2")
    assert repr(program.run(8, seed=3)) == "Run(width=8, seed=3)"
    assert repr(program.run(8, nets=2, s="1/2")) == "Run(width=8, seed=0, nets=2, s=1/2)"
