"""Training programs of residual and of tied networks: by hand, in the limit, and by their tangent kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dense_network import Array, Dense

import symlimits as sl
from symlimits import activations as act
from symlimits.language.program_handles import LowRank, Matrix, Vector
from symlimits.theory.programs import TrainingProgram

WIDTH = 60
TOLERANCE = 1e-12  # sums of 60 terms of order one, a few times forward and back; relative to the largest output
ETA = 0.7
X, Y = [[1.0, -0.5, 0.25], [2.0, 0.75, -1.0]], [1.0, -0.5]
DEPTH = 3
# multipliers and rates of the first layer, the further hidden ones and the readout, as powers of n
POWERS = {
    "mup": [(0, 1), (-0.5, 1), (-1, 1)],
    "ntk": [(0, 0), (-0.5, 0), (-0.5, 0)],
    "standard": [(0, -1), (0, -1), (0, -1)],
    "mean_field": [(0, 1), (-1, 2), (-1, 1)],
}
DENSE = sl.Dense(1, "1/2")
BLOCK = sl.Residual(act.tanh, DENSE)
PLAIN = sl.mlp(DEPTH, act.tanh, 1, "1/2")
RESIDUAL = sl.serial(DENSE, BLOCK, BLOCK, act.tanh, DENSE)
TIED = ((2, 3),)


def by_hand(prog: TrainingProgram, scaling: str, residual: bool, tied: bool) -> Array:
    """The outputs of a network with the initial weights of the program, trained (`dense_network`)."""
    run, p = prog.run(WIDTH, seed=3), prog.parameters[0]
    of_layer = ("1", "2", "2", "") if tied else ("1", "2", "3", "")
    columns = np.stack([run[p[f"U_{i + 1}"]] for i in range(3)], axis=1)
    matrices = [run[p[f"W_{l}"]] for l in of_layer[1:3]]
    biases = [run[p[f"b_{l}"]] for l in of_layer[:3]]
    first, hidden, last = POWERS[scaling]
    rows = [first, hidden, hidden, last]
    multipliers = [WIDTH**a for a, _ in rows]
    in_weights = 1.0 if scaling == "standard" else WIDTH ** hidden[0]
    spread = WIDTH**-0.5 if scaling == "standard" else 1.0  # vectors of the program are of order one
    weights = [columns, *(matrix / in_weights for matrix in matrices), spread * run[p["v"]][None]]
    multipliers[0] /= 3**0.5
    half = 0.5**0.5 if scaling == "ntk" else 1.0
    rates = [ETA * WIDTH**r for _, r in rows]
    out_rate = ETA * WIDTH ** min(first[1], 0)
    dense = Dense(
        weights, multipliers, rates, np.tanh, lambda h: 1 - np.tanh(h) ** 2,
        biases=[*biases, np.array([run[p["b_out"]]])], bias_multipliers=[half] * 4,
        bias_rates=[rates[0]] * 3 + [out_rate], residual=residual, tied=((1, 2),) if tied else (),
    )  # fmt: skip
    return dense.train(np.array(X), np.array(Y)[:, None], prog.steps)[..., 0]


def far(prog: TrainingProgram, expected: Array) -> float:
    assert np.abs(expected[-1] - expected[0]).min() > 1e6 * TOLERANCE  # training moves every output
    return float(np.abs(prog.run(WIDTH, seed=3)[prog.outputs] - expected).max() / max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("scaling", POWERS)
@pytest.mark.parametrize(("residual", "tied"), [(True, False), (False, True), (True, True)])
def test_training(scaling: str, residual: bool, tied: bool) -> None:
    """Two data, two steps; the plain, untied network is another one."""
    net = RESIDUAL if residual else PLAIN
    prog = sl.training_program(net, X, Y, 2, ETA, scaling, tied=TIED if tied else ())
    assert far(prog, by_hand(prog, scaling, residual, tied)) < TOLERANCE
    assert far(prog, by_hand(prog, scaling, not residual, tied)) > 1e6 * TOLERANCE
    if tied:
        dense = by_hand(sl.training_program(net, X, Y, 2, ETA, scaling), scaling, residual, False)
        assert far(prog, dense) > 1e6 * TOLERANCE


def test_networks_tend_to_the_limit() -> None:
    """One step of a residual and tied network: the mean over networks is at the limit, that of plain ones is not."""
    width, nets, sigmas = 128, 400, 4.9  # exceeded by a normal with probability 1e-6
    dense, data = sl.Dense(1, 0), ([[1, "1/2"], ["-1/3", 1]], [1, "-1/2"], 1)
    block = sl.Residual(act.erf, dense)
    prog = sl.training_program(sl.serial(dense, block, block, act.erf, dense), *data, tied=TIED)
    plain = sl.training_program(sl.mlp(3, act.erf, 1, 0), *data)
    limit = prog.limit(1).evaluate()
    found, other = (each.run(width, seed=0, nets=nets)[each.outputs[1][0]] for each in (prog, plain))
    allowed = sigmas * found.std() / nets**0.5 + limit.error + 1 / width  # the last for the bias
    assert abs(found.mean() - limit.value) < allowed
    assert abs(other.mean() - limit.value) > 2 * allowed


def tangent_kernel(prog: TrainingProgram) -> Any:
    """The sum over all parameters of products of derivatives, for two data, as a scalar of the program.

    f is the mean over units of the maximal update, whose weights of variance 1 have the multipliers of the NTK
    parameterisation over the root of n: derivatives by vectors come times n, those of a matrix are sums of c u v^T / n.
    """
    tp, parameters, total = prog.tp, list(prog.parameters[0].values()), 0
    first, second = (tp.gradient(f, *parameters) for f in prog.outputs[0])
    for a, b in zip(first, second, strict=True):
        if not isinstance(a, LowRank):
            total = total + tp.mean(a * b)
            continue
        for s, t in ((s, t) for s in pairs(a) for t in pairs(b)):
            total = total + tp.mean(s[0] * t[0]) * tp.mean(s[1] * t[1])
    return total


def pairs(gradient: LowRank) -> Any:
    """The outer products of a gradient, the coefficient in the left vector."""
    for term in gradient.terms:
        assert term.coefficient == 1
        yield tuple(Vector(gradient.program, place) for place in (term.left, term.right))


@pytest.mark.parametrize("phi", [act.erf, pytest.param(act.relu, marks=pytest.mark.slow)])
def test_the_tangent_kernel_of_the_engine_is_that_of_the_recursion(phi: Any) -> None:
    """The Master theorem knows no recursion: Theta' = Theta + Theta_f is what it says of the gradient."""
    dense = sl.Dense(1, 0)
    net = sl.serial(dense, sl.Residual(phi, dense), phi, dense)
    prog = sl.training_program(net, [[1, "1/2"], ["-1/3", 1]], [1, 0], steps=0)
    limit, law = prog.tp.limit(tangent_kernel(prog)), ("5/8", "5/9", "1/12")
    found = limit.evaluate()
    plain = float(sl.ntk(sl.serial(dense, phi, dense, phi, dense)).reference(*law))
    truth = float(sl.ntk(net).reference(*law))
    assert abs(found.value - truth) <= max(found.error, 1e-12) < 0.01 * abs(truth - plain)


NET = sl.serial(DENSE, BLOCK, BLOCK, act.tanh, DENSE)
WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"tied": ((1, 2),)}, sl.errors.DomainError, "from 2 to 3"),
    ({"tied": ((2, 4),)}, sl.errors.DomainError, "from 2 to 3"),
    ({"tied": ((2, 2),)}, sl.errors.DomainError, "none of them twice"),
    ({"tied": ((2,),)}, sl.errors.DomainError, "groups of hidden layers"),
    ({"tied": (2, 3)}, sl.errors.DomainError, "groups of hidden layers"),
    ({"tied": "23"}, sl.errors.DomainError, "groups of hidden layers"),
    ({"net": sl.serial(BLOCK, act.tanh, DENSE), "X": X, "Y": Y}, sl.errors.DomainError, "before the first Dense layer"),
    ({"net": sl.serial(DENSE, BLOCK), "X": X, "Y": Y}, sl.errors.DomainError, "a linear readout"),
    (
        {"net": sl.serial(DENSE, BLOCK, sl.Residual(act.tanh, sl.Dense(2)), DENSE), "tied": TIED},
        sl.errors.DomainError,
        "layers that are alike",
    ),
]


@pytest.mark.parametrize(("given", "error", "message"), WRONG)
def test_what_is_refused(given: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        sl.training_program(**{"net": NET, "X": X, "Y": Y} | given)


def test_tied_layers_have_one_matrix() -> None:
    prog = sl.training_program(NET, X, Y, 1, tied=TIED)
    matrices = [name for name, handle in prog.parameters[1].items() if isinstance(handle, Matrix)]
    assert matrices == ["W_2"]
    with pytest.raises(sl.errors.NoRule, match="2 outer products"):
        sl.training_program(NET, X[:1], Y[:1], 1, optimizer="sign", tied=TIED)
