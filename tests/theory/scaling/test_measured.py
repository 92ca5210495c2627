"""Exponents of finite networks against derived ones; a wrong one is refuted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from scipy.special import ndtri

import symlimits as sl
from symlimits.derivation.trace import Step
from symlimits.errors import DataError, DomainError, FormulaError
from symlimits.finite import frozen_training
from symlimits.finite.exponents import exponent_fit
from symlimits.finite.frozen_training import KINK_MOVE, MOVE
from symlimits.paper.verify import EXPERIMENTS
from symlimits.theory.scaling import one_hidden_layer
from symlimits.theory.scaling.claims import ONE, corrected_limit, exponent_limit
from symlimits.theory.scaling.exponents_figure import exponents_figure
from symlimits.theory.scaling.initialisation_corrected import initialisation_corrected
from symlimits.theory.scaling.measured import QUANTITIES, Measurement, measurements

ALPHA = 1e-6  # false alarms of a table, shared by its entries
# What the next power of the width adds to a slope over these widths, most where initial logits or second moves of the
# weights are smaller by a power of 1/6 or 1/3 only: 0.03 in the benchmark, and half as much again for its random part.
CROSSOVER = 0.05
HALF = sp.Rational(1, 2)


def allowed(found: Measurement, entries: int) -> float:
    return CROSSOVER - float(ndtri(ALPHA / entries / 2)) * found.standard_error


def test_increments_of_weights_and_kernels_in_every_cell() -> None:
    """What fluctuates least, at small widths; the other exponents are a slow test."""
    names = ("delta_a", "delta_w", "kernel")
    found = measurements(one_hidden_layer(activation="erf"), (2**8, 2**9, 2**10), nets=4, quantities=names)
    assert len(found) == 39
    for m in found:
        assert abs(m.deviation) < allowed(m, len(found)), m
        assert abs(m.measured - (m.derived - 0.5)) > allowed(m, len(found)), f"half an order less passes: {m}"


@pytest.mark.slow
def test_seven_exponents_of_thirteen_cells() -> None:
    found = measurements(one_hidden_layer(), [2**k for k in range(8, 13)], nets=12)
    assert len(found) == 13 * len(QUANTITIES)
    assert len({m.cell for m in found}) == 13
    for m in found:
        assert abs(m.deviation) < allowed(m, len(found)), m
        for wrong in (m.derived + 0.5, m.derived - 0.5):
            assert abs(m.measured - wrong) > allowed(m, len(found)), m
    assert np.mean([abs(m.deviation) for m in found]) < CROSSOVER


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "quantity"), [("MF", "f_a"), ("NTK", "f_aw"), ("NTK", "kernel_increment_trained"), ("MF-NTK", "f_init")]
)
def test_an_exponent_is_certified_and_that_of_another_law_refuted(cell: str, quantity: str) -> None:
    """The law of large numbers where it holds; half an order less is what the central limit theorem would say."""
    claim = exponent_limit(one_hidden_layer(), cell, quantity)
    certificate = claim.certify(sizes=(64, 256, 1024), seed=0)
    assert certificate.ok, str(certificate)
    assert quantity != "f_a" or sl.verify(certificate.to_json()).ok
    lines = tuple(Step(line.expr - HALF, line.rule, line.source) for line in claim.trace)
    false = replace(claim, trace=lines).certify(sizes=(64, 256, 1024), seed=0)
    assert not false.links[0].passed
    assert false.links[0].details["control rejected"]


@pytest.mark.slow
def test_the_increment_of_the_kernel_is_certified_where_neurons_cross_a_kink() -> None:
    """relu in NTK scaling, unseen inputs: -3/4. Taylor's rule, without kinks, says -1, as it is where phi is smooth."""
    widths = (64, 256, 1024, 4096)
    claim = exponent_limit(one_hidden_layer(activation="relu"), "NTK", "kernel_increment")
    certificate = claim.certify(sizes=widths, seed=0)
    assert certificate.ok, str(certificate)
    lines = tuple(Step(line.expr - HALF / 2, line.rule, line.source) for line in claim.trace)
    assert not replace(claim, trace=lines).certify(sizes=widths, seed=0).links[0].passed
    trained = exponent_limit(one_hidden_layer(activation="relu"), "NTK", "kernel_increment_trained")
    assert trained.certify(sizes=widths, seed=0).ok  # -1/2: at a trained input all that cross add up
    assert not replace(trained, trace=claim.trace).certify(sizes=widths, seed=0).links[0].passed
    smooth = exponent_limit(one_hidden_layer(activation="erf"), "NTK", "kernel_increment")
    assert smooth.certify(sizes=widths[:3], seed=0).ok


def test_rates_are_small_where_kinks_are_to_be_seen() -> None:
    """Only there: elsewhere increments are as large as weights at the smallest widths."""
    cells = {("relu", "NTK"): KINK_MOVE, ("relu", "MF"): MOVE, ("erf", "NTK"): MOVE}
    for (phi, cell), move in cells.items():
        claim = exponent_limit(one_hidden_layer(activation=phi), cell, "kernel_increment")
        assert claim.experiment.move == move
        trained = exponent_limit(one_hidden_layer(activation=phi), cell, "kernel_increment_trained").experiment
        assert (trained.move, trained.points == ONE) == (move, move == KINK_MOVE)
        record = claim.experiment.record()
        assert EXPERIMENTS["frozen training"](record).record() == record
    grown = one_hidden_layer("separate", "relu")
    names = [cell.name for cell in grown.cells if cell.limit_model is None]
    assert exponent_limit(grown, names[0], "kernel_increment").experiment.move == MOVE


def test_unseen_inputs_are_those_that_are_not_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same networks see another increment there, and their own again where "elsewhere" is the training data."""
    claim = exponent_limit(one_hidden_layer(activation="erf"), "MF", "kernel_increment")
    unseen = claim.experiment.at(claim.domain.dependent)
    seen = replace(unseen, quantity="kernel_increment")
    there, here = (twin(64, np.random.default_rng(0)) for twin in (seen, unseen))
    assert not np.isclose(there, here, rtol=1e-3).any()
    monkeypatch.setattr(frozen_training, "elsewhere", lambda points: frozen_training.problem(points)[0])
    np.testing.assert_allclose(unseen(64, np.random.default_rng(0)), there, rtol=1e-12)
    assert unseen.required_bytes(64) == 2 * seen.required_bytes(64)


def test_the_claim_of_the_table_and_its_negation() -> None:
    claim = exponent_limit(one_hidden_layer(activation="erf"), "NTK", "f_aw")
    certificate = claim.certify(sizes=(16, 64, 256), seed=0)
    assert certificate.ok, str(certificate)
    assert [link.passed for link in certificate.links] == [True] * 4  # the fourth: the engine
    record = claim.experiment.record()
    assert EXPERIMENTS["frozen training"](record).record() == record
    # without the parity grade the product of two increments would add up coherently: half an order more
    lines = tuple(Step(line.expr + HALF, line.rule, line.source) for line in claim.trace)
    assert not replace(claim, trace=lines).certify(sizes=(16, 64, 256), seed=0).links[0].passed


@pytest.mark.slow
def test_the_corrected_mean_field_in_exponents() -> None:
    """All of what the four properties speak of is of order one at every width."""
    corrected, widths = initialisation_corrected(), [2**k for k in range(8, 13)]
    rng = np.random.default_rng(0)
    seen = [corrected.experiment("f", nets=12).measure(width, rng) for width in widths]
    for name in ("f_init", "f_change", "kernel", "kernel_increment", "delta_a", "delta_w"):
        squares = np.array([s[name] for s in seen]) ** 2
        roots = np.sqrt(squares.mean(axis=1))
        errors = squares.std(axis=1, ddof=1) / np.sqrt(12) / (2 * roots)
        fit = exponent_fit(widths, roots, errors, correction=None)
        expected = 0.0 if name == "f_change" else float(corrected.exponents[name])
        assert expected == 0
        assert abs(fit.exponent) < allowed(Measurement("IC-MF", name, 0, fit.exponent, fit.standard_error), 6), name


@pytest.mark.slow
def test_the_corrected_logit_is_a_claim_about_networks_of_its_own() -> None:
    """The start's own factor keeps it: without it the same networks give half a power less, and the claim fails."""
    claim = corrected_limit(initialisation_corrected("erf"), "f_init")
    certificate = claim.certify(sizes=(16, 64, 256), seed=0)
    assert [link.passed for link in certificate.links] == [True, None, True, True]
    plain = replace(claim, experiment=replace(claim.experiment, corrected=False))
    assert not plain.certify(sizes=(16, 64, 256), seed=0).links[0].passed


def test_exponents_of_the_corrected_mean_field_as_claims() -> None:
    moved = corrected_limit(initialisation_corrected("erf"), "f_aw")
    place = moved.domain.dependent
    assert {str(symbol): str(value) for symbol, value in place.items()} == {
        "q_sigma": "-1",
        "q": "1",
        "q_start": "-1/2",
    }
    for quantity in ("f_init", "f_a", "kernel", "kernel_increment"):
        claim = corrected_limit(initialisation_corrected("erf"), quantity)
        assert claim.expr.subs(place) == initialisation_corrected("erf").exponents[quantity]
        record = claim.experiment.record()
        assert EXPERIMENTS["frozen training"](record).record() == record


def test_the_picture(tmp_path: Path) -> None:
    found = [Measurement(cell, name, 0.0, 0.1, 0.01) for cell in ("MF", "NTK") for name in ("f", "kernel")]
    figure = exponents_figure(found, tmp_path / "exponents.png")
    left, right = figure.axes
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["logit", "kernel"]
    assert [label.get_text() for label in right.get_xticklabels()] == ["MF", "NTK"]
    assert (tmp_path / "exponents.png").stat().st_size > 1000
    with pytest.raises(DataError, match="a place for"):
        exponents_figure(found, tmp_path / "exponents.docx")
    with pytest.raises(DataError, match="no measurements"):
        exponents_figure([])


def test_foreign_records_are_refused() -> None:
    record = exponent_limit(one_hidden_layer(activation="erf"), "NTK", "f_aw").experiment.record()
    for wrong in ({"rates": "three"}, {"activation": None}, {"quantity": "loss"}, {"move": 0}, {"points": "all"}):
        with pytest.raises(FormulaError, match=r"networks|the tree None"):
            EXPERIMENTS["frozen training"](record | wrong)


def test_refusals() -> None:
    fan = one_hidden_layer(activation="erf")
    with pytest.raises(DomainError, match="that has networks"):
        exponent_limit(fan, "MF", "kernel_a")
    with pytest.raises(DomainError, match="one of"):
        exponent_limit(fan, "MF", "loss")
    with pytest.raises(DomainError, match="one of"):
        exponent_limit(fan, "mean field", "f_a")
    with pytest.raises(DomainError, match="3 or more"):
        measurements(fan, (256, 512))
