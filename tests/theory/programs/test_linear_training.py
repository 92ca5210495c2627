"""Training of linear networks as a program: line 0 of limits, which the causal recursion follows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sympy as sp

import symlimits as sl
from symlimits.derivation.master import Walk
from symlimits.errors import NoRule
from symlimits.language.straight_line import StraightLine
from symlimits.limits import Limit
from symlimits.paper.verify import verify
from symlimits.reading.rings import RATIONALS
from symlimits.reading.straight_line import run
from symlimits.theory.programs import linear_training
from symlimits.theory.programs.linear_training import LIMIT, RECURSION, LinearTraining

S, R = ((sp.S(1), sp.Rational(1, 5)), (sp.Rational(1, 5), sp.Rational(1, 2))), sp.Rational(1, 10)
SLOW = pytest.mark.slow
SIZES = [(2, 2, 2, 2), *(pytest.param(*size, marks=SLOW) for size in ((1, 2, 2, 2), (3, 2, 1, 1), (3, 1, 1, 3)))]
Y = ((sp.S(1), sp.Rational(1, 4)), (sp.Rational(-1, 2), sp.Rational(1, 2)))


def limits(depth: int, d: int, k: int, steps: int) -> Any:
    return sl.deep_linear(depth).limits([row[:d] for row in S[:d]], [row[:d] for row in Y[:k]], R, steps)


def fraction(line: sp.Expr) -> str:
    assert isinstance(line, StraightLine)
    return str(run(line, RATIONALS, {})[line.output])


def rules(claim: Limit) -> list[str]:
    return [step.rule for step in claim.trace]


@pytest.mark.parametrize(("depth", "d", "k", "steps"), SIZES)
def test_lines_equal_the_recursion_as_fractions(depth: int, d: int, k: int, steps: int) -> None:
    """Not one digit differs: of entries of A, no two of which are equal, and of powers of increments."""
    asked = limits(depth, d, k, steps)
    claims = [asked.predictor((i, j)) for i in range(k) for j in range(d)]
    claims += [asked.increment(layer, power) for layer in range(2, depth + 1) for power in (1, 2)]
    for claim in claims:
        assert rules(claim) == [LIMIT, RECURSION, "sweep over numbers"]
        assert fraction(claim.trace[0].expr) == fraction(claim.trace[1].expr)
    assert len({claim.expr for claim in claims[: k * d]}) == k * d


def test_without_the_transposes_term_the_lines_break() -> None:
    """From the first step on with two layers; with one, no matrix meets its transpose."""
    for depth in (1, 2):
        claim = limits(depth, 2, 2, 1).predictor()
        trained = linear_training._trained(LinearTraining(depth, 2, 2, 1))
        walk = Walk(trained.tp.program, transpose_correction=False)
        line = walk.scalars.line(walk.run(trained.predictor(0, 0).place))
        data = claim.trace[0].expr.statements[:8]
        wrong = replace(claim.trace[0], expr=StraightLine([*data, *line.statements], line.output))
        assert replace(claim, trace=(wrong, *claim.trace[1:])).check().links[0].passed == (depth == 1)


def test_paths_in_letters() -> None:
    claim = sl.deep_linear(2).path_limit(2)
    assert rules(claim)[:2] == [LIMIT, RECURSION]
    assert sl.load(claim.to_json()).trace == claim.trace


@SLOW
def test_a_certificate_from_the_training_on() -> None:
    certificate = limits(2, 2, 1, 2).increment().certify(sizes=(16, 64, 256))
    assert [link.passed for link in certificate.links] == [True, True, None]
    assert verify(certificate.to_json()).ok


def test_longer_trainings_begin_with_the_recursion() -> None:
    for asked in (limits(2, 2, 2, 3), limits(4, 1, 1, 1), limits(1, 1, 1, 4)):
        assert rules(asked.predictor()) == ["definition", "sweep over numbers"]
    assert rules(sl.deep_linear(1).path_limit(4))[0] == "definition"
    with pytest.raises(NoRule, match="at most 3 layers, 2 steps"):
        LinearTraining(1, 2, 2, 3).predictor((0, 0), S, Y, R)


def test_lines_are_the_same_whatever_was_asked_before() -> None:
    asked, derive = LinearTraining(2, 1, 1, 2), linear_training._derived.__wrapped__
    before = derive(asked, "increment", (2, 1))
    derive(asked, "increment", (2, 2))
    assert derive(asked, "increment", (2, 1)) == before
