"""Certificates of trained laws: every damping regime, the fourth link, and computed again from their files."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

import symlimits as sl
from symlimits import activations as act
from symlimits.certify import digest
from symlimits.errors import DataError, FormulaError, SymlimitsError
from symlimits.finite.trained_networks import Recipe, TrainedOutputs
from symlimits.paper.claims import find
from symlimits.theory.training.claims import _order, mean_limit, variance_limit
from symlimits.theory.training.law import TrainedLaw
from symlimits.theory.training.law_link import LawProgram

NET = sl.mlp(depth=1, activation=act.erf, w_var=2, b_var="1/10")
X, Y = np.array([[1.0, 0.2], [-0.9, 0.6]]), np.array([[1.0], [-0.5]])
Z = np.array([[0.4, 1.0], [1.0, 0.2]])  # a test input and a training input
WIDTHS = (16, 32, 64)
STEPS = 4

REGIMES: dict[str, dict[str, Any]] = {
    "overdamped": {"momentum": 0.2, "lr": 0.1},
    "underdamped": {"momentum": 0.5, "lr": 0.3},
    "changing sign": {"momentum": 0.05, "lr": 1.0},
}


def regimes(law: TrainedLaw) -> set[str]:
    """Where the modes lie: x = lr lamda/m against $(1 -+ sqrt mu)^2$."""
    root = law.training.momentum**0.5
    x = law.training.lr * law.spectrum.values / law.training.entries
    names = np.where(x < (1 - root) ** 2, "overdamped", np.where(x < (1 + root) ** 2, "underdamped", "changing sign"))
    return set(names.tolist())


@pytest.mark.parametrize(("phi", "last", "order"), [(act.relu, False, 0.5), (act.relu, True, 1), (act.elu, False, 1)])
def test_orders_know_where_the_slope_jumps(phi: Any, last: bool, order: float) -> None:
    """elu bends in its second derivative alone, as in the exponents of `linearization`."""
    experiment = TrainedOutputs(
        sl.mlp(1, phi, 1, 0), ((1.0,),), ((2.0,),), ((1.0,),), Recipe(0.5, 3, last_layer=last), (1.0,)
    )
    assert _order(experiment) == order


@pytest.mark.slow
@pytest.mark.parametrize("regime", REGIMES)
def test_damping_regimes(regime: str) -> None:
    """Mean, and variance with the cross term of a test and a training input, of networks trained for real."""
    law = sl.trained_law(NET, X, Y, **REGIMES[regime])
    assert regime in regimes(law)
    assert mean_limit(law, NET, Z, STEPS, [1.0, 1.0]).certify(sizes=WIDTHS, seed=1).ok
    assert variance_limit(law, NET, Z, STEPS, [1.0, 1.0]).certify(sizes=WIDTHS, seed=1).ok


@pytest.mark.slow
@pytest.mark.parametrize("given", [{"weight_decay": 0.3}, {"kernel": "nngp", "weight_decay": 0.3}], ids=str)
def test_variances_with_decay(given: dict[str, Any]) -> None:
    law = sl.trained_law(NET, X, Y, lr=0.5, **given)
    assert variance_limit(law, NET, Z, 6, [1.0, 1.0]).certify(sizes=WIDTHS, seed=2).ok
    without = sl.trained_law(NET, X, Y, lr=0.5).covariance(Z, steps=6)
    assert not variance_limit(law, NET, Z, 6, [1.0, 1.0], without).certify(sizes=WIDTHS, seed=2).ok


@cache
def stored() -> str:
    law = sl.trained_law(NET, X, Y, lr=0.3, momentum=0.2)
    return mean_limit(law, NET, Z, STEPS, [1.0, 1.0]).certify(sizes=WIDTHS, seed=3).to_json()


def edited(**recipe: Any) -> str:
    """A file in which another training stands, with its digest made right."""
    content = json.loads(stored())
    content["claim"]["experiment"]["recipe"].update(recipe)
    content["claim"]["general"]["networks"]["recipe"].update(recipe)
    return json.dumps(content | {"digest": digest(content)})


def test_certificates_are_computed_again() -> None:
    found = sl.verify(stored())
    assert found.ok, str(found)
    assert found.certificate.to_json() == stored()
    wrong = sl.verify(edited(steps=2))
    assert not wrong.ok
    assert {"simulation", "general"} <= {difference.part for difference in wrong.differences}


def test_files_that_are_none_or_ask_for_too_much() -> None:
    with pytest.raises(DataError):
        sl.verify(edited(steps=10**9))
    for wrong in ({"steps": 2.5}, {"loss": "hinge"}, {"last_layer": "x"}, {"other": 1}):
        with pytest.raises(SymlimitsError):
            sl.verify(edited(**wrong))
    draw = TrainedOutputs(NET.with_rates(1, 2), ((1.0,),), ((2.0,),), ((1.0,),), Recipe(0.5, 3), (1.0,), pairs=True)
    assert TrainedOutputs.from_record(json.loads(json.dumps(draw.record()))) == draw
    assert LawProgram.from_record(json.loads(json.dumps(LawProgram(draw).record()))) == LawProgram(draw)
    with pytest.raises(FormulaError, match="parts missing"):
        LawProgram.from_record({"kind": "x"})


@pytest.mark.slow
def test_the_engine_beside_the_law() -> None:
    """Kernels by backpropagation in the lines of the law; a number that is off is found, other cases are told."""
    law = sl.trained_law(NET, X, Y, lr=0.3, kernel="nngp", weight_decay=0.2)
    claim = variance_limit(law, NET, Z, STEPS, [1.0, -0.5])
    assert claim.general.link(claim, {}).passed
    off = replace(claim, trace=(replace(claim.trace[0], expr=claim.expr * (1 + 1e-8)),))
    assert claim.general.link(off, {}).passed is False
    deep = sl.mlp(depth=1, activation=act.tanh, w_var=2, b_var=0)
    told = LawProgram(replace(claim.experiment, network=deep)).link(claim, {})
    assert "without a closed form" in told.summary
    deep = sl.mlp(depth=5, activation=act.erf, w_var=2, b_var=0)
    assert "5 hidden layers" in LawProgram(replace(claim.experiment, network=deep)).link(claim, {}).summary
    many = np.concatenate([X] * 6) * np.arange(1, 13)[:, None]
    asked = mean_limit(sl.trained_law(NET, many, np.ones((12, 1))), NET, Z, 1, [1.0, 0.0])
    assert "14 points" in asked.general.link(asked, {}).summary


@pytest.mark.slow
@pytest.mark.parametrize("name", ["law-mean", "law-variance"])
def test_the_claims(name: str) -> None:
    assert find(name).build().certify(seed=0).ok
