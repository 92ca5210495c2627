"""Scalars of programs as experiments: certificates against lines that are right or wrong, files, copies."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.trace import Step
from symlimits.finite.program_experiment import ProgramNetworks
from symlimits.language.straight_line import StraightLine

SIZES = (16, 32, 64)


def claim() -> sl.Limit:
    """E tanh(g)^2 over g from N(0, w), after a matrix of variance w; its Gaussian law holds as the width grows."""
    tp = sl.TensorProgram()
    W, x = tp.matrix("W", "w"), tp.gaussian("x")
    return tp.limit(tp.mean(tp.map(act.tanh, W @ x) ** 2, label="q"))


def off(limit: sl.Limit, factor: sp.Expr) -> sl.Limit:
    """The same claim with lines that are wrong by a factor."""
    lines = [StraightLine(step.expr.statements, factor * step.expr.output) for step in limit.trace]
    trace = tuple(Step(line, step.rule, step.source) for line, step in zip(lines, limit.trace, strict=True))
    return replace(limit, trace=trace)


def test_networks_agree_with_the_right_line_only() -> None:
    """False alarms at the rate of `compare`; the wrong line is off by a tenth, some 50 standard errors."""
    right = claim().bind(w=1)
    wrong = off(right, sp.Rational(11, 10))
    rng = np.random.default_rng(0)
    samples = {size: right.experiment.draws(size, 1000, rng) for size in SIZES}
    assert right.compare(samples).links[0].passed
    assert wrong.compare(samples).links[0].passed is False


def test_a_certificate_in_a_file_is_drawn_again(tmp_path: Path) -> None:
    file = tmp_path / "cert.json"
    cert = claim().bind(w="1/2").certify(sizes=SIZES)
    assert cert.links[0].passed
    file.write_text(cert.to_json())
    assert not sl.verify(file).differences
    assert "tensor program" in file.read_text()


def test_parameters_are_bound_or_given_by_the_point() -> None:
    nets = claim().experiment
    w = next(iter(claim().free_symbols))
    one, other = (e(8, np.random.default_rng(0)) for e in (nets.bind({w: sp.Integer(2)}), nets.at({w: sp.Integer(2)})))
    assert (one == other).all()
    with pytest.raises(sl.errors.UnboundSymbol):
        nets(8, np.random.default_rng(0))


def test_the_networks_are_a_copy() -> None:
    """What the author adds later to a program is no part of a claim made before."""
    tp = sl.TensorProgram()
    q = tp.mean(tp.gaussian("x") ** 2)
    nets = ProgramNetworks.of(tp.program, q.place)
    before = nets.record()
    tp.mean(tp.matrix("W") @ tp.gaussian("y"))
    assert nets.record() == before
    again = ProgramNetworks.from_record(json.loads(json.dumps(before)))
    assert (again(8, np.random.default_rng(1)) == nets(8, np.random.default_rng(1))).all()
    assert nets.required_bytes(10**4) > nets.required_bytes(10)


@pytest.mark.parametrize("record", [{}, {"values": [], "program": {}}, {"values": [1], "program": None}])
def test_what_is_no_record(record: dict[str, object]) -> None:
    with pytest.raises(sl.errors.FormulaError):
        ProgramNetworks.from_record(record)
