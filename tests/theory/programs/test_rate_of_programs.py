"""One network differs from its limit by n^(-1/2); from a wrong limit by order one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.master import limit_lines
from symlimits.errors import FormulaError, UnboundSymbol
from symlimits.finite.program_deviations import ProgramDeviations
from symlimits.theory.programs import TrainingProgram
from symlimits.theory.programs.rate import convergence_rate

X, Y = [[1, "1/2"], ["-1/3", 1]], [1, "-1/2"]
SIZES = (64, 128, 256, 512)
SLOPE = 0.08  # around -1/2: five standard errors of what a certificate draws, by 2048 or more networks a size


def trained(depth: int, steps: int) -> TrainingProgram:
    return sl.training_program(sl.mlp(depth, act.erf, 1, 0), X, Y, steps)


@pytest.mark.slow
@pytest.mark.parametrize("depth", [1, 2])
def test_training_converges_at_half_a_power_of_the_width(depth: int) -> None:
    """muP, two data, two steps; without the transposes' terms, which one hidden layer has none of, it is another."""
    prog = trained(depth, 2)
    rate = prog.rate(2, datum=1)
    certificate = rate.certify(sizes=SIZES)
    assert certificate.ok, str(certificate)
    assert abs(certificate.links[0].details["estimate"] + 0.5) < SLOPE
    wrong = without_transposes(prog)
    if depth == 1:
        assert wrong.experiment.limit == rate.experiment.limit
    else:
        refused = wrong.certify(sizes=SIZES).links[0]
        assert refused.passed is False
        assert refused.details["estimate"] > -0.25  # not half of the exponent: the distance stays


def without_transposes(prog: TrainingProgram) -> sl.Limit:
    lines = limit_lines(prog.tp.program, prog.outputs[2][1].place, transpose_correction=False)
    return convergence_rate(replace(prog.limit(2, datum=1), trace=lines))


def test_a_rate_and_a_wrong_one() -> None:
    """One hidden layer, one step: the program's own limit, and one that is a tenth off."""
    prog = sl.training_program(sl.mlp(1, act.erf, 1, 0), [[1]], [1], 1)
    rate = prog.rate(1)
    certificate = rate.certify(sizes=(16, 64, 256))
    assert certificate.links[0].passed, str(certificate)
    wrong = replace(rate, experiment=replace(rate.experiment, limit=1.1 * rate.experiment.limit))
    assert wrong.certify(sizes=(16, 64, 256)).links[0].passed is False


def test_a_rate_in_a_file_is_drawn_again() -> None:
    prog = sl.training_program(sl.mlp(1, act.linear, 1, 0), [[1]], [1], 1, lr="1/10")
    text = prog.rate(1).certify(sizes=(16, 32, 64)).to_json()
    assert sl.verify(text).ok
    content = json.loads(text)
    record = content["claim"]["experiment"]
    assert ProgramDeviations.from_record(record).limit == pytest.approx(0.2)  # 2 eta y, in either layer half of it
    with pytest.raises(FormulaError):
        ProgramDeviations.from_record({"limit": 1.0})


def test_a_rate_is_of_a_number() -> None:
    prog = sl.training_program(sl.mlp(1, act.linear, 1, 0), [[1]], ["y"], 1, lr="eta")
    with pytest.raises(UnboundSymbol, match="eta"):
        prog.rate(1)
