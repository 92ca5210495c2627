"""Width exponents of training programs against the rule of alignment, which knows nothing of programs."""

from __future__ import annotations

import pytest

import symlimits as sl
from symlimits import activations as act


@pytest.mark.parametrize("name", ["SP", "NTK", "muP", "MFP", "deep-MF"])
def test_special_is_general(name: str) -> None:
    """Two hidden layers after a step: all exponents of abc-parameterisations, from the network as it is trained."""
    point = sl.scaling.named(name, depth=2)
    prog = sl.training_program(sl.mlp(2, act.erf, 1, 0), [[1]], ["y"], steps=1, lr="eta", scaling=point)
    (before,), (after,) = prog.hidden
    values = {"h1": before[0], "h2": before[1], "f": prog.outputs[0][0]}
    values |= {"dh1": after[0] - before[0], "dh2": after[1] - before[1], "df": prog.outputs[1][0] - values["f"]}
    assert {name: prog.tp.exponent(value) for name, value in values.items()} == dict(point.after(1))


def test_the_first_step_of_standard_parameterisation_at_a_constant_rate_explodes() -> None:
    """What PyTorch does by default: the output moves like n."""
    prog = sl.training_program(sl.mlp(1, act.erf, 1, 0), [[1]], ["y"], 1, "eta", scaling=sl.scaling.named("PyTorch", 1))
    assert prog.tp.exponent(prog.outputs[1][0] - prog.outputs[0][0]) == 1
