"""Special = general: the calculus of scaling cells and of deep networks against the engine of programs."""

from dataclasses import replace
from fractions import Fraction

import pytest
import sympy as sp

from symlimits import activations as act
from symlimits.derivation.calculus import Calculus
from symlimits.derivation.n_series import Precision, Series
from symlimits.derivation.orders import PRECISIONS, estimate, exponents
from symlimits.errors import DataError, DomainError
from symlimits.theory.programs.deep import deep_program
from symlimits.theory.programs.one_hidden import QUANTITIES, one_hidden_program
from symlimits.theory.programs.scaling_link import parameterisation_equals_general, special_equals_general
from symlimits.theory.scaling import one_hidden_layer
from symlimits.theory.scaling.named import named

CELLS = one_hidden_layer().cells
STEPS = (1, 2)


def exponents_at(cell, step, **how):
    q = cell.witness["q"]
    known = one_hidden_program(cell.witness["q_sigma"], q, q, step, **how)
    found = exponents(known.program, [known.targets[name] for name in QUANTITIES])
    assert all(said.certified for said in found)
    return {name: said.value for name, said in zip(QUANTITIES, found, strict=True)}


def claimed(cell):
    return {name: cell.values[name] for name in QUANTITIES}


@pytest.mark.parametrize("cell", [c for c in CELLS if c.name in ("MF", "NTK", "MF-NTK")], ids=lambda c: c.name)
def test_exponents_of_a_cell(cell):
    link = special_equals_general(cell)
    assert (link.passed, link.details) == (True, {"different": {}})


@pytest.mark.slow
@pytest.mark.parametrize("how", [{}, {"unseen": True}, {"phi": act.silu}, {"phi": act.erf}], ids=str)
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_the_whole_table_is_certified_and_equal(cell, how):
    """8 quantities, 13 cells, two steps: at the datum and at an unseen input, generic and named activations."""
    for step in STEPS:
        assert exponents_at(cell, step, **how) == claimed(cell)


@pytest.mark.slow
def test_separate_rates_at_the_step_of_settling():
    """49 models, output weights that outgrow their start among them."""
    links = {cell.name: special_equals_general(cell) for cell in one_hidden_layer("separate").cells}
    assert len(links) == 49
    assert {name for name, link in links.items() if not link.passed} == set()


def test_a_low_order_is_wrong_somewhere_and_certified_nowhere_there():
    """What the second order alone decides is seen to be open at the first, in all cells but those of the measure."""
    wrong = 0
    for cell in CELLS:
        known = one_hidden_program(cell.witness["q_sigma"], cell.witness["q"], cell.witness["q"], steps=1)
        for name, value in claimed(cell).items():
            said = [estimate(known.program, known.targets[name], precision) for precision in PRECISIONS[:2]]
            assert all(what.value == value for what in said if what.certified)
            assert all(what.value >= value for what in said)  # bounds from above
            wrong += sum(what.value != value for what in said)
    assert wrong > 0


def said_at(precisions):
    """What each precision says of all 208 cases, beside the truth."""
    for cell in CELLS:
        for step in STEPS:
            known = one_hidden_program(cell.witness["q_sigma"], cell.witness["q"], cell.witness["q"], step)
            for name, value in claimed(cell).items():
                for precision in precisions:
                    yield precision, estimate(known.program, known.targets[name], precision), value


@pytest.mark.slow
def test_no_fixed_order_certifies_a_wrong_exponent(monkeypatch):
    """The control: if what Taylor's formula leaves out is forgotten, low orders certify wrong exponents."""
    precisions = (*PRECISIONS[:3], Precision(1, Fraction(2)))
    cases = [*said_at(precisions)]
    assert len(cases) == 208 * len(precisions)
    assert all(said.value == value if said.certified else said.value >= value for _, said, value in cases)
    tracked = Calculus.composed
    monkeypatch.setattr(Calculus, "composed", lambda *args: Series(tracked(*args).levels))
    forgetful = [(precision, said.value != value) for precision, said, value in said_at(precisions) if said.certified]
    wrong = {precision: sum(bad for at, bad in forgetful if at == precision) for precision in precisions}
    print({f"order {p.order}, window {p.window}": f"{count} of 208 wrong" for p, count in wrong.items()})
    assert min(wrong[PRECISIONS[0]], wrong[PRECISIONS[1]]) > 0


def test_a_wrong_exponent_breaks_the_link():
    """The negative control: coherent where the central limit theorem rules."""
    cell = one_hidden_layer()["NTK"]
    wrong = replace(cell, exponents={**cell.exponents, "f_init": cell.exponents["f_init"] + sp.Rational(1, 2)})
    link = special_equals_general(wrong)
    assert link.passed is False
    assert link.details["different"] == {f"f_init, step {step}": ["1/2", "0"] for step in STEPS}


def test_the_link_does_not_apply_to_kinks():
    link = special_equals_general(one_hidden_layer(activation="relu")["NTK"], act.relu)
    assert link.passed is None
    assert "Max(0, x)" in link.summary


@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize("name", ["SP", "NTK", "muP", "MFP"])
def test_named_parameterisations(name, depth):
    assert parameterisation_equals_general(named(name, depth)).passed


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_deep_mean_field(depth):
    link = parameterisation_equals_general(named("deep-MF", depth))
    assert link.passed, link.details


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SP", "NTK", "muP", "MFP", "deep-MF"])
def test_later_steps_and_deeper_networks(name):
    for depth, steps in ((1, 3), (2, 3), (3, 2), (5, 1)):
        link = parameterisation_equals_general(named(name, depth), steps)
        assert link.passed, (depth, steps, link.details)


def test_a_wrong_rate_breaks_the_link():
    """Exponents of muP against the program of the tangent kernel's parameterisation."""
    mup, ntk = named("muP", 2), named("NTK", 2)
    found = deep_program(ntk.a, ntk.b, ntk.c, steps=1)
    said = exponents(found.program, [found.targets["dh2"], found.targets["f"]])
    assert [what.value for what in said] == [-sp.Rational(1, 2), 0]
    assert [mup.after(1)["dh2"], mup.after(1)["f"]] == [0, -sp.Rational(1, 2)]


@pytest.mark.parametrize("name", ["SP-adam", "NTK-adam", "muP-adam", "MFP-adam"])
def test_the_first_step_by_signs(name):
    for depth in (1, 2, 3):
        link = parameterisation_equals_general(named(name, depth))
        assert link.passed, link.details


def test_later_signs_and_growth_are_outside():
    assert "sign(x)" in parameterisation_equals_general(named("muP-adam", 2), steps=2).summary
    link = parameterisation_equals_general(named("PyTorch", 2))
    assert link.passed is None
    assert "n^(1/2)" in link.summary


def test_doors():
    with pytest.raises(DomainError, match="steps = 0"):
        one_hidden_program(0, 0, 0, steps=0)
    with pytest.raises(DataError, match="2, 2 and 3 exponents"):
        deep_program([0, 0], [0, 0], [0, 0, 0], steps=1)
