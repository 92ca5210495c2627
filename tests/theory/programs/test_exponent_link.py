"""The fourth link of exponents of cells: the fan's calculus against the engine, at every witness."""

from dataclasses import replace

import pytest
import sympy as sp

from symlimits.certify.certificate import Link
from symlimits.derivation.trace import Step
from symlimits.limits import Limit
from symlimits.theory.programs.exponent_link import ExponentProgram
from symlimits.theory.programs.one_hidden import QUANTITIES
from symlimits.theory.scaling import exponent_limit, one_hidden_layer

ERF = one_hidden_layer(activation="erf")
NAMES = [cell.name for cell in ERF.cells]


def linked(claim: Limit, cell: str) -> Link:
    where = ERF[cell].witness
    return claim.general.link(claim, {symbol: sp.sympify(where[symbol.name]) for symbol in claim.arguments})


@pytest.mark.parametrize("cell", ["MF", "NTK", *(pytest.param(name, marks=pytest.mark.slow) for name in NAMES)])
def test_every_quantity_of_a_cell(cell: str) -> None:
    links = [linked(exponent_limit(ERF, cell, quantity), cell) for quantity in QUANTITIES]
    assert all(link.passed for link in links), [link.summary for link in links]


def test_another_exponent_is_refused() -> None:
    claim = exponent_limit(ERF, "NTK", "f_aw")
    wrong = replace(claim, trace=(*claim.trace, Step(claim.expr + sp.S.Half, "a slip", "nowhere")))
    link = linked(wrong, "NTK")
    assert link.passed is False
    assert "differs" in link.summary


def test_kinks_are_outside() -> None:
    fan = one_hidden_layer(activation="relu")
    claim = exponent_limit(fan, "NTK", "f_aw")
    link = claim.general.link(
        claim, {symbol: sp.sympify(fan["NTK"].witness[symbol.name]) for symbol in claim.arguments}
    )
    assert link.passed is None
    assert "does not apply" in link.summary


def test_records() -> None:
    program = exponent_limit(ERF, "MF", "kernel_increment").general
    assert program.unseen
    assert ExponentProgram.from_record(program.record()).record() == program.record()
