"""More points for a limit that is sampled: an error as small as asked for, and one that is honest."""

from __future__ import annotations

import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.errors import DomainError, NoRule
from symlimits.reading.program_sampled import WIDE, sampled

SEEDS = range(20)
FEW = 2**7


def mean_of_a_square() -> tuple[sp.Expr, float]:
    """The line of the theorem, which is sampled, and the value of the last line, a closed form."""
    tp = sl.TensorProgram()
    x, A, B = tp.gaussian("x"), tp.matrix("A"), tp.matrix("B")
    h = tp.map(act.erf, A @ tp.map(act.erf, B @ x))
    limit = tp.limit(tp.mean(h * h))
    assert limit.has_closed_form
    return limit.definition, float(limit.reference(digits=15))


def test_errors_cover_a_value_that_is_known() -> None:
    """Within the six standard errors for every seed; a value that is off by nine of them is never within."""
    line, truth = mean_of_a_square()
    found = [sampled(line, {}, points=FEW, seed=seed) for seed in SEEDS]
    assert all(abs(value.value - truth) < value.error for value in found)
    off = 1.5 * max(value.error for value in found)
    assert not any(abs(value.value - truth - off) < value.error / WIDE for value in found)


def test_an_error_that_is_asked_for() -> None:
    prog = sl.training_program(sl.mlp(1, act.erf, 1, 0), [[1]], [1], steps=2)
    limit = prog.limit(2)
    coarse, more, fine = limit.evaluate(), limit.evaluate(points=2**13), limit.evaluate(error=1e-5)
    assert coarse.error > more.error > fine.error
    assert fine.error <= 1e-5
    assert abs(coarse.value - fine.value) < coarse.error
    assert "8192 Sobol points" in more.method
    with pytest.raises(NoRule, match=r"error of 1e-12, of 8 scrambles"):
        sl.training_program(sl.mlp(1, act.erf, 1, 0), [[1]], [1], steps=1).limit(1).evaluate(error=1e-12)


def test_closed_forms_have_an_error_too() -> None:
    closed = sl.limit("sqrt(a)")
    assert closed.evaluate(2, error=1e-15) == closed.evaluate(2) == closed.evaluate(2, points=2**10)
    with pytest.raises(NoRule, match="error of 1e-20"):
        closed.evaluate(2, error=1e-20)


@pytest.mark.parametrize("wrong", [{"points": 1000}, {"points": True}, {"error": 0}, {"error": "1"}, {"error": -1.0}])
def test_wrong_accuracies(wrong: dict[str, object]) -> None:
    with pytest.raises(DomainError, match=next(iter(wrong))):
        sl.limit("a**2").evaluate(1, **wrong)
    with pytest.raises(DomainError, match="one of them"):
        sl.limit("a**2").evaluate(1, points=16, error=1.0)
