"""Limits of programs as claims: three links, values by the best reading, files, and a claim that has to fail."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.certify.lines import check_lines
from symlimits.certify.samples import Samples, check_samples
from symlimits.derivation.master import limit_lines
from symlimits.language.activation import Activation
from symlimits.limits import Limit
from symlimits.theory.programs import TensorProgram
from symlimits.theory.programs.limits import program_limit
from symlimits.theory.programs.rate import convergence_rate
from tests.programs_by_hand import KERNEL_X, mup, tangent_kernel

SIZES = (32, 64, 128)
WIDE = (16, 32, 64, 128, 256)  # a slope and its correction ask for more of them
POINT = ("1", "1/2", "-1/3", "3/4")


def turns() -> tuple[TensorProgram, Limit, Limit]:
    """A and its transpose in turns: the limit, and what it would be without the transpose's term."""
    tp = TensorProgram()
    A, u = tp.matrix("A"), tp.gaussian("u")
    y = tp.map(act.tanh, A @ u)
    m = tp.mean(y * (A @ tp.map(act.tanh, A.T @ y)))
    limit = tp.limit(m)
    return tp, limit, replace(limit, trace=limit_lines(tp.program, m.place, transpose_correction=False))


@pytest.mark.slow
def test_three_links_and_a_false_claim() -> None:
    _, right, wrong = turns()
    certificate = right.certify(sizes=SIZES)
    assert certificate.ok
    assert "independent samples" in certificate.links[1].summary
    refused = wrong.certify(sizes=SIZES)
    assert [link.passed for link in refused.links[:2]] == [False, True]


def test_a_line_that_is_wrong_by_a_tenth_breaks_the_second_link() -> None:
    _, right, _ = turns()
    last = right.trace[-1]
    moved = replace(last, expr=last.expr.func(last.expr.statements, last.expr.output * sp.Rational(11, 10)))
    assert check_lines(right.trace, right.domain).passed
    assert check_lines((*right.trace[:-1], moved), right.domain).passed is False


@pytest.mark.parametrize("phi", [pytest.param(act.tanh, marks=pytest.mark.slow), act.erf], ids=["tanh", "erf"])
def test_tangent_kernels_are_read_in_digits(phi: Activation) -> None:
    """Means of functions of two Gaussians, or closed forms: nothing is left to be sampled."""
    limit = program_limit(tangent_kernel(phi, 2)[1])
    assert limit.arguments == (*KERNEL_X[0], *KERNEL_X[1])
    found = limit.evaluate(*POINT)
    assert "sampled" not in found.method
    assert abs(found.value - float(limit.reference(*POINT, digits=15))) <= found.error < 1e-11


def test_trained_networks_are_sampled_and_say_so() -> None:
    limit = program_limit(mup(act.tanh, 1, 2)[1][0])
    found = limit.evaluate()
    assert found.method == "sampled: 8 scrambles of 2048 Sobol points"
    assert 0 < found.error < 1e-2
    assert limit.method.startswith("a straight line, its expectations sampled")
    assert abs(float(limit()) - found.value) <= found.error
    with pytest.raises(sl.errors.NoRule, match="samples"):
        limit.reference()


def test_files_hold_programs_lines() -> None:
    _, limit, _ = turns()
    assert sl.load(limit.to_json()).trace == limit.trace


def test_a_closed_limit_is_printed_where_it_is_the_line_s_value() -> None:
    """Line 0 is sampled; where the last line is another number, the value of line 0 is what networks are held to."""
    tp = TensorProgram()
    m = tp.mean(tp.map(act.erf, tp.matrix("A") @ tp.map(act.erf, tp.gaussian("x"))) ** 2)
    limit = tp.limit(m)
    (question,) = limit._questions({}, 0)
    assert question.error == 0
    assert question.value == pytest.approx(float(limit.reference(digits=15)), abs=1e-14)
    last = limit.trace[-1]
    moved = replace(last, expr=last.expr.func(last.expr.statements, last.expr.output * sp.Rational(11, 10)))
    (again,) = replace(limit, trace=(*limit.trace[:-1], moved))._questions({}, 0)
    assert abs(again.value - question.value) < again.error < 1e-3


def test_the_error_of_a_sampled_value_is_allowed_for() -> None:
    """Means off by twenty standard errors: refuted, unless the value is known no better; off by more they are again."""
    samples = [Samples(size, 1.0, 0.01, 1000) for size in (32, 64, 128)]
    plain, allowed, off = (
        check_samples(value, samples, order=0, value_error=error)
        for value, error in ((1.2, 0.0), (1.2, 0.2), (1.5, 0.2))
    )
    assert [link.passed for link in (plain, allowed, off)] == [False, True, False]
    assert allowed.details["detectable"] == pytest.approx(plain.details["detectable"] + 0.2)
    assert "limit 1.2 +- 0.2," in allowed.summary


def test_files_of_trained_networks_are_small() -> None:
    """Two hidden layers, two steps: what the means share is written once, and comes back as it was."""
    limit = program_limit(mup(act.erf, 2, 2)[1][0])
    text = limit.to_json()
    assert len(text) < 500_000
    assert sl.load(text).trace == limit.trace
    assert '"symlimits derivation 2"' in text
    assert '"symlimits derivation 1"' in sl.dual(act.relu).to_json()  # which readers of the first format know


@pytest.mark.slow
def test_one_net_differs_by_the_root_of_the_width() -> None:
    """Trained networks, two steps; from a number that is not their limit they keep a distance."""
    scalar = mup(act.erf, 2, 2)[1][0]
    rate = convergence_rate(program_limit(scalar))
    assert rate.certify(sizes=WIDE).ok
    away = replace(rate, experiment=replace(rate.experiment, limit=0.5))
    assert away.certify(sizes=WIDE).links[0].passed is False


def test_rates_want_numbers() -> None:
    with pytest.raises(sl.errors.UnboundSymbol, match="x_1_1"):
        convergence_rate(program_limit(tangent_kernel(act.erf, 1)[1]))


def test_what_has_no_limit_here() -> None:
    tp = TensorProgram()
    with pytest.raises(sl.errors.DomainError, match="scalar of a tensor program"):
        program_limit(tp.gaussian("x"))  # type: ignore[arg-type]
