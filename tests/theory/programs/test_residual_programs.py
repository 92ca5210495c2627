"""Training programs of residual and of tied networks: by hand, in the limit, and by their tangent kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dense_network import Array, Dense

import symlimits as sl
from symlimits import activations as act
from symlimits.language.program_handles import LowRank, Matrix
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
    weights = [spread * columns, *(matrix / in_weights for matrix in matrices), spread * run[p["v"]][None]]
    if scaling == "standard":
        weights[0] = columns
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
