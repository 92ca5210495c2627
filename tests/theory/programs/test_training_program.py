"""Training programs against a dense network that was written by hand, at one width and to the rounding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import sympy as sp
from dense_network import Array, Dense

import symlimits as sl
from symlimits import activations as act
from symlimits.language.architecture import Serial
from symlimits.language.program_handles import Matrix
from symlimits.theory.programs import TrainingProgram

WIDTH = 60
TOLERANCE = 1e-12  # sums of 60 terms of order one, a few times forward and back; relative to the largest output
X, Y = [["1", "-1/2", "0.3"], ["2", "1/3", "-1"]], [["1"], ["-1/2"]]
ETA = 0.7
HALF = 0.5

# a, b, c of the first layer, of each further hidden one, of the readout: W = n^-a w, w from N(0, n^-2b), rate n^-c
SGD = {
    "mup": [(0, 0, -1), (HALF, 0, -1), (1, 0, -1)],
    "ntk": [(0, 0, 0), (HALF, 0, 0), (HALF, 0, 0)],
    "standard": [(0, 0, 1), (0, HALF, 1), (0, HALF, 1)],
    "mean_field": [(0, 0, -1), (1, 0, -2), (1, 0, -1)],
}
SIGN = {  # each entry of w moves by the rate: coherent sums of n moves through the multiplier stay of order one
    "mup": [(0, 0, 0), (HALF, 0, HALF), (1, 0, 0)],
    "ntk": [(0, 0, HALF), (HALF, 0, 1), (HALF, 0, HALF)],
    "mean_field": [(0, 0, 0), (1, 0, 0), (1, 0, 0)],
    "standard": [(0, 0, 1), (0, HALF, 1), (0, HALF, 1)],
}
Rows = Sequence[tuple[float, float, float]]


def numbers(rows: Sequence[Sequence[str]]) -> Array:
    return np.array([[float(sp.Rational(value)) for value in row] for row in rows])


def tanh_slope(h: Array) -> Array:
    return 1 - np.tanh(h) ** 2


def outputs_of(prog: TrainingProgram, **values: Any) -> Array:
    """The outputs (steps + 1, m, k) of one net."""
    found = prog.run(WIDTH, seed=3, **values)[prog.outputs]
    return found if found.ndim == 3 else found[..., None]


def by_hand(prog: TrainingProgram, rows: Rows, **how: Any) -> Dense:
    """The network with the initial weights of the program, which has Gaussian vectors of order one: w n^b."""
    run, p = prog.run(WIDTH, seed=3), prog.parameters[0]
    (_, b, _), (*hidden, _), (_, last, _) = rows[0], rows[1:], rows[-1]
    columns = np.stack([run[p[name]] for name in p if name.startswith("U")], axis=1)
    readouts = np.stack([run[p[name]] for name in p if name.startswith("v")])
    matrices = [run[p[name]] for name in p if isinstance(p[name], Matrix)]
    weights = [columns * WIDTH**-b, *(w * WIDTH**a for w, (a, _, _) in zip(matrices, hidden, strict=True))]
    weights.append(readouts * WIDTH**-last)
    multipliers = [WIDTH**-a for a, _, _ in rows]
    multipliers[0] /= columns.shape[1] ** 0.5
    none = [0.0] * len(rows)
    how = {"biases": [np.zeros(len(w)) for w in weights], "bias_multipliers": none, "bias_rates": none} | how
    return Dense(weights, multipliers, [ETA * WIDTH**-c for _, _, c in rows], np.tanh, tanh_slope, **how)


def agree(prog: TrainingProgram, dense: Dense, inputs: Any = X, labels: Any = Y) -> bool:
    expected = dense.train(numbers(inputs), numbers(labels), prog.steps)
    assert np.abs(expected[-1] - expected[0]).min() > 1e6 * TOLERANCE  # training moves every output
    found = outputs_of(prog)
    assert found.shape == expected.shape
    return bool(np.abs(found - expected).max() <= TOLERANCE * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("scaling", SGD)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_gradient_descent(scaling: str, depth: int) -> None:
    net = sl.mlp(depth, act.tanh, 1, 0)
    prog = sl.training_program(net, X, Y, steps=2, lr=ETA, scaling=scaling)
    first, hidden, last = SGD[scaling]
    rows = [first, *[hidden] * (depth - 1), last]
    assert agree(prog, by_hand(prog, rows))
    if depth > 1:
        assert not agree(prog, by_hand(prog, rows, transposed=True))


@pytest.mark.parametrize("scaling", SIGN)
def test_sign_descent_on_one_datum(scaling: str) -> None:
    prog = sl.training_program(sl.mlp(2, act.tanh, 1, 0), X[:1], Y[:1], 3, ETA, scaling, optimizer="sign")
    assert agree(prog, by_hand(prog, SIGN[scaling], sign=True), X[:1], Y[:1])
    assert not agree(prog, by_hand(prog, SIGN[scaling], sign=True, transposed=True), X[:1], Y[:1])


def test_signs_of_one_hidden_layer_may_have_several_data() -> None:
    """The gradient of a vector is a vector: its signs need no rank."""
    prog = sl.training_program(sl.mlp(1, act.tanh, 1, 0), X, Y, 2, ETA, optimizer="sign")
    assert agree(prog, by_hand(prog, [SIGN["mup"][0], SIGN["mup"][2]], sign=True))


def test_signs_of_sums_are_refused() -> None:
    with pytest.raises(sl.errors.NoRule, match="2 outer products"):
        sl.training_program(sl.mlp(2, act.tanh, 1, 0), X, Y, 1, ETA, optimizer="sign")


ABC = sl.scaling.abc(depth=2)
POINTS = [
    ABC.at(a=["-1/2", 0, "1/2"], b=["1/2", "1/2", "1/2"], c=[0, 0, 0]),
    ABC.at(a=["1/4", "-1/3", "2/5"], b=["-1/5", "5/6", "1/2"], c=["1/3", "1/2", "-1/6"]),
]


@pytest.mark.parametrize("point", POINTS)
def test_a_point_of_abc(point: Any) -> None:
    prog = sl.training_program(sl.mlp(2, act.tanh, 1, 0), X, Y, 2, ETA, scaling=point)
    rows = [tuple(map(float, row)) for row in zip(point.a, point.b, point.c, strict=True)]
    assert agree(prog, by_hand(prog, rows))


def test_the_same_network_in_another_gauge_is_the_same_program() -> None:
    """Powers of n between multiplier, deviation and rate: muP as Yang and Hu write it, and as the convention does."""
    net = sl.mlp(2, act.tanh, 1, 0)
    one, other = (sl.training_program(net, X, Y, 1, ETA, scaling) for scaling in ("mup", POINTS[0]))
    assert one.tp.program.instructions == other.tp.program.instructions


def test_several_outputs() -> None:
    labels = [["1", "-1/2"], ["0", "2"]]
    prog = sl.training_program(sl.mlp(2, act.tanh, 1, 0), X, labels, 2, ETA)
    assert len(prog.outputs[1][0]) == 2
    assert agree(prog, by_hand(prog, SGD["mup"]), X, labels)


def test_biases_of_the_maximal_update() -> None:
    """They start from N(0, b_var), and move at the rate of the first layer; that of the output at lr."""
    prog = sl.training_program(sl.mlp(2, act.tanh, 1, "1/2"), X, Y, 2, ETA)
    run, p = prog.run(WIDTH, seed=3), prog.parameters[0]
    biases = [run[p["b_1"]], run[p["b_2"]], np.array([run[p["b_out"]]])]
    assert all(np.abs(bias).min() > 0 for bias in biases)
    rates = [ETA * WIDTH, ETA * WIDTH, ETA]
    how = {"biases": biases, "bias_multipliers": [1.0, 1.0, 1.0], "bias_rates": rates}
    assert agree(prog, by_hand(prog, SGD["mup"], **how))


def test_variances_of_the_ntk_parameterisation_are_multipliers() -> None:
    prog = sl.training_program(sl.mlp(2, act.tanh, 2, "1/2"), X, Y, 2, ETA, scaling="ntk")
    run, p = prog.run(WIDTH, seed=3), prog.parameters[0]
    biases = [run[p["b_1"]], run[p["b_2"]], np.array([run[p["b_out"]]])]
    how = {"biases": biases, "bias_multipliers": [0.5**0.5] * 3, "bias_rates": [ETA] * 3}
    dense = by_hand(prog, SGD["ntk"], **how)
    dense.weights[1] /= 2**0.5  # the matrix of the program holds its multiplier
    dense.multipliers = [multiplier * 2**0.5 for multiplier in dense.multipliers]
    assert agree(prog, dense)


def test_a_bias_of_the_standard_parameterisation_starts_at_zero_and_is_trained() -> None:
    net, labels = sl.mlp(2, act.tanh, 1, 0, parameterization="standard", widths=(1, 1)), [["1", "-1/2"], ["0", "2"]]
    prog = sl.training_program(net, X, labels, 2, ETA, scaling="standard")
    ones, rates = [1.0, 1.0, 1.0], [ETA / WIDTH] * 3
    assert agree(prog, by_hand(prog, SGD["standard"], bias_multipliers=ones, bias_rates=rates), X, labels)


def test_initial_variances() -> None:
    """The same draws, larger by the root of the variance."""
    one, two = (sl.training_program(sl.mlp(2, act.tanh, w, 0), X, Y, 0) for w in (1, 2))
    for name in ("U_1", "W_2", "v"):
        first, second = (prog.run(10)[prog.parameters[0][name]] for prog in (one, two))
        assert np.abs(second / first - 2**0.5).max() < TOLERANCE


def test_symbols_get_their_values_at_the_run() -> None:
    """A learning rate, a datum, a label, a slope and a variance left open."""
    s = sp.Symbol("s", positive=True)
    phi = sl.activation(sp.tanh(s * sp.Symbol("x", real=True)), symbol=sp.Symbol("x", real=True))
    open_ = sl.training_program(sl.mlp(2, phi, "w", 0), [["a", 1]], ["y"], 2, "eta")
    values = {"s": 2.0, "w": 1.5, "a": 0.5, "y": 1.0, "eta": 0.1}
    closed = sl.training_program(sl.mlp(2, sl.activation("tanh(2*x)"), 1.5, 0), [[0.5, 1]], [1.0], 2, 0.1)
    assert np.abs(outputs_of(open_, **values) - outputs_of(closed)).max() < TOLERANCE
    with pytest.raises(sl.errors.UnboundSymbol, match="eta"):
        open_.run(WIDTH)[open_.outputs[1][0]]


def test_labels() -> None:
    prog = sl.training_program(sl.mlp(2, act.tanh, 1, 0), X, Y, 1)
    assert prog.outputs[1][0].label == "f^{(1)}(x_{1})"
    assert prog.hidden[0][1][1].label == "h_{2}^{(0)}(x_{2})"
    assert prog.losses[1].label == r"\mathcal{L}^{(1)}"
    assert prog.parameters[1]["U_1"].label == "U_{1}^{(1)}"


def test_labels_of_derivatives() -> None:
    """What is called the derivative by h is n times the derivative of the loss by h."""
    prog = sl.training_program(sl.mlp(2, act.tanh, 1, 0), X, Y, 1, scaling="ntk")
    program = prog.tp.program
    places = {label: place for place, label in program.labels.items()}
    f, h = prog.outputs[0][1], prog.hidden[0][1][0]
    by_output, by_hidden = prog.tp.gradient(prog.losses[0], f, h)
    assert places[r"\bar f^{(0)}(x_{2})"] == by_output.place
    assert places[r"\bar h_{1}^{(0)}(x_{2})"] == by_hidden.place


def test_data_that_are_zero() -> None:
    """The first layer says nothing of them, in any step; an odd network without bias gives zero."""
    prog = sl.training_program(sl.mlp(2, act.tanh, 1, 0), [[1, 0], [0, 0]], [1, 1], 2)
    assert (prog.run(WIDTH)[[row[1] for row in prog.outputs]] == 0).all()
    assert prog.run(WIDTH)[prog.outputs[2][0]] != prog.run(WIDTH)[prog.outputs[0][0]]


NET = sl.mlp(2, act.tanh, 1, 0)
WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"net": "mlp"}, sl.errors.DomainError, "a network"),
    ({"net": sl.serial(sl.Dense(1), act.relu)}, sl.errors.DomainError, "a linear readout"),
    ({"net": sl.serial(sl.Dense(1))}, sl.errors.DomainError, "a hidden layer at least"),
    ({"net": Serial((sl.Dense(1), "convolution", sl.Dense(1)))}, sl.errors.NoRule, "Dense layers and activations"),
    ({"net": sl.mlp("L", act.tanh, 1, 0)}, sl.errors.DomainError, "an integer depth"),
    ({"net": sl.mlp(2, act.tanh, 1, 0, "standard", widths=(1, 2))}, sl.errors.NoRule, "one width"),
    ({"X": [1, 2]}, sl.errors.DataError, "X = "),
    ({"X": [[1, 2], [1]]}, sl.errors.DataError, "all of one length"),
    ({"X": "x"}, sl.errors.DataError, "X = "),
    ({"X": []}, sl.errors.DataError, "X = "),
    ({"X": [[1, float("nan")], [1, 2]]}, sl.errors.DomainError, "X is NaN"),
    ({"Y": [1]}, sl.errors.DataError, "2 inputs and 1 labels"),
    ({"Y": [["v"], [1]]}, sl.errors.DomainError, "the symbol v"),
    ({"X": [["U_1", 1], [0, 1]]}, sl.errors.DomainError, "the symbol U_1"),
    ({"lr": "W_2"}, sl.errors.DomainError, "the symbol W_2"),
    ({"lr": 0}, sl.errors.DomainError, "a positive rate"),
    ({"steps": -1}, sl.errors.DomainError, "steps = -1"),
    ({"steps": 1.5}, sl.errors.DomainError, "steps = 1.5"),
    ({"scaling": "muP"}, sl.errors.DomainError, "mup, ntk, standard, mean_field"),
    ({"scaling": sl.scaling.abc(depth=2)}, sl.errors.DomainError, "a point of sl.scaling.abc"),
    ({"scaling": sl.scaling.named("muP", depth=3)}, sl.errors.DomainError, "3 hidden layers for a network of 2"),
    ({"scaling": sl.scaling.named("muP-adam", depth=2)}, sl.errors.DomainError, "one for the same optimizer"),
    ({"optimizer": "adam"}, sl.errors.DomainError, "'sgd' or 'sign'"),
]


@pytest.mark.parametrize(("given", "error", "message"), WRONG)
def test_what_is_refused(given: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        sl.training_program(**{"net": NET, "X": X, "Y": Y} | given)
