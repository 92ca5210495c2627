"""Experiments of output laws: what certificates keep of them, that they are drawn again, and that wrong ones fail."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.certify import digest
from symlimits.paper.certificate_file import check_draws
from symlimits.theory.mixtures.matrix_networks import PlaneExperiment
from symlimits.theory.mixtures.networks import LimitNetworks, Networks, outputs

ALPHA = 1e-6
SHORT = "limit, first line"  # no integral over a line is looked at; nothing is compiled, which `ok` would ask for
LAWS = {
    SHORT: {"ratio": "1/2"},
    "limit": {"ratio": "1/2"},
    "widths": {"widths": (3, 2)},
    "relu": {"widths": (2,), "activation": act.relu, "covariance": 2},
}
MARKED = [pytest.param(name, marks=[] if name == SHORT else pytest.mark.slow) for name in LAWS]


@cache
def stored(name: str) -> str:
    """A certificate of a law; sizes at which the depth of the limit is an integer."""
    claim = sl.output_law(**LAWS[name]).characteristic
    claim = replace(claim, trace=claim.trace[:1]) if name == SHORT else claim
    return claim.certify(sizes=(2, 4, 8), seed=1).to_json()


def edited(name: str, *path: object, value: object) -> str:
    """The file with another value at a place, its digest made right again."""
    content = json.loads(stored(name))
    place = content
    for key in path[:-1]:
        place = place[key]
    assert place[path[-1]] != value, "a change that changes nothing"
    place[path[-1]] = value
    return json.dumps(content | {"digest": digest(content)})


@pytest.mark.parametrize("name", MARKED)
def test_verify_draws_again_and_agrees(name: str) -> None:
    found = sl.verify(stored(name))
    assert not found.differences, str(found)
    assert not found.edited
    assert found.certificate.links[0].passed
    assert found.note == ""  # nothing was taken from the file
    assert found.certificate.to_json() == stored(name)


EDITS = [
    (SHORT, "ratio", 2, "simulation"),
    pytest.param("widths", "widths", [3, 20], "simulation", marks=pytest.mark.slow),
    pytest.param("widths", "widths", [], "simulation", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "key", "value", "part"), EDITS)
def test_edited_networks_are_refused(name: str, key: str, value: object, part: str) -> None:
    found = sl.verify(edited(name, "claim", "experiment", key, value=value))
    assert not found.ok
    assert part in {difference.part for difference in found.differences}


@pytest.mark.parametrize(("word", "value"), [("regime", "every width to infinity"), ("order", 2)])
def test_edited_words_are_refused(word: str, value: object) -> None:
    """The statement is derived anew from the networks, and says what the words must be."""
    found = sl.verify(edited(SHORT, "claim", word, value=value))
    assert "claim" in {difference.part for difference in found.differences}


@pytest.mark.parametrize(
    ("key", "value"), [("ratio", -1), ("ratio", 10**9), ("K", 0), ("rectified", "no"), ("K", None), ("K", "x")]
)
def test_strange_networks_are_refused_in_words(key: str, value: object) -> None:
    text = edited(SHORT, "claim", "experiment", key, value=value)
    with pytest.raises(sl.SymlimitsError):
        sl.verify(text)


@pytest.mark.parametrize("widths", [[3, -2], [True], "3", None, [2.5]])
def test_strange_widths_are_refused_in_words(widths: object) -> None:
    with pytest.raises(sl.errors.FormulaError, match="positive integers"):
        Networks.from_record(Networks((3,), sp.Integer(1)).record() | {"widths": widths})


@pytest.mark.parametrize(
    "wrong",
    [
        {"outputs": 0},
        {"covariance": [[1, 2], [2, 1]]},
        {"covariance": [[1, 2], [0, 9]]},
        {"widths": [0]},
        {"ratio": 1},
        {"widths": None},
        {"r": "x"},
        {"outputs": 10**6},
    ],
    ids=str,
)
def test_strange_networks_of_several_outputs_are_refused_in_words(wrong: dict[str, object]) -> None:
    pair = sl.output_law(widths=(5, 3), outputs=2, covariance=[[1, "1/2"], ["1/2", 2]]).characteristic.experiment
    assert PlaneExperiment.from_record(pair.record()).record() == pair.record()
    with pytest.raises(sl.SymlimitsError):
        PlaneExperiment.from_record(pair.record() | wrong)


@pytest.mark.slow
def test_two_outputs_are_drawn_again_from_their_file() -> None:
    """The networks come back with the file; of another ratio they give other numbers, and other words."""
    claim = sl.output_law(ratio="1/2", outputs=2, covariance=[[1, "1/2"], ["1/2", 2]]).characteristic
    claim = replace(claim, trace=claim.trace[:1])
    text = claim.certify(sizes=(2, 4, 8), seed=1).to_json()
    found = sl.verify(text)
    assert not found.differences, str(found)
    assert (found.note, found.certificate.links[0].passed) == ("", True)
    content = json.loads(text)
    content["claim"]["experiment"]["ratio"] = 2
    found = sl.verify(json.dumps(content | {"digest": digest(content)}))
    assert "simulation" in {difference.part for difference in found.differences}


def test_networks_that_would_take_hours_are_refused() -> None:
    with pytest.raises(sl.errors.DataError, match="random numbers"):
        check_draws(Networks((10**4, 10**4), sp.Integer(1)), (2, 4, 8))


def test_symbols_are_bound_in_the_networks_too() -> None:
    claim = sl.output_law(ratio="a", covariance="K").characteristic.bind(a="1/2", K=2)
    assert claim.experiment == LimitNetworks(sp.Rational(1, 2), sp.Integer(2))
    assert sl.output_law(widths=(3,), covariance="K").characteristic.bind(K=3).experiment == Networks(
        (3,), sp.Integer(3)
    )


@pytest.mark.parametrize("rectified", [False, True])
def test_the_sampler_of_the_limit_is_exact_in_law(rectified: bool) -> None:
    """Full networks against it, at width 4 and depth 2: Smirnov's bound; those of width 4 and depth 8 are rejected."""
    rng, count = np.random.default_rng(0), 2**14
    fast = LimitNetworks(sp.Rational(1, 2), sp.Integer(2), rectified)
    drawn = np.concatenate([fast(4, rng) for _ in range(4)])
    allowed = 2 * (np.log(4 / ALPHA) / (2 * count)) ** 0.5  # each empirical law is as near to the true one
    for depth, near in ((2, True), (8, False)):
        full = outputs((4,) * depth, 3, 2.0, rectified, count, rng)
        grid = np.sort(np.concatenate([drawn, full]))
        below = [np.searchsorted(np.sort(x), grid, "right") / count for x in (drawn, full)]
        assert (np.abs(below[0] - below[1]).max() < allowed) == near


@pytest.mark.slow
def test_another_ratio_is_rejected() -> None:
    claim = sl.output_law(ratio=1).characteristic
    assert claim.certify().links[0].passed
    wrong = replace(claim, experiment=replace(claim.experiment, ratio=sp.Rational(5, 4)))
    assert not wrong.certify().links[0].passed


def test_depths_that_are_no_integers_are_refused() -> None:
    with pytest.raises(sl.errors.DomainError, match="integers"):
        sl.output_law(ratio="1/3").characteristic.certify(sizes=(4, 8, 16))
