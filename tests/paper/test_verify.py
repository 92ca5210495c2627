"""A certificate is computed again, and whoever edits a number in it is found out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.certify import differences, digest
from symlimits.cli import main
from symlimits.language.architecture import Repeat
from symlimits.language.network_tree import network_from_tree, network_to_tree
from symlimits.reading.latex_text import balanced
from symlimits.surroundings import surroundings

SIZES = (8, 16, 32)


@cache
def stored(name: str = "linear") -> str:
    """A certificate that takes little time: its lines hold no integral."""
    return sl.dual(getattr(act, name)).certify(SIZES, seed=3).to_json()


def edited(text: str, change: Callable[[Any], None], sign: bool = False) -> str:
    """The file after a change by hand; with `sign` its digest is made right again."""
    content = json.loads(text)
    change(content)
    return json.dumps(content | ({"digest": digest(content)} if sign else {}))


def put(*path: Any) -> Callable[[Any], None]:
    """A change of one place: the path to it, and the new value."""

    def change(content: Any) -> None:
        for key in path[:-2]:
            content = content[key]
        assert content[path[-2]] != path[-1], "a change that changes nothing"
        content[path[-2]] = path[-1]

    return change


def test_an_honest_certificate() -> None:
    found = sl.verify(stored())
    assert found.ok, str(found)
    assert not found.differences
    assert found.certificate.to_json() == stored()
    assert "NOT" not in str(found)


EDITS = {
    "simulation": [
        put("links", 0, "details", "estimate", 0.25),
        put("links", 0, "details", "p value", 0.5),
        put("links", 0, "details", "sizes", "16", 2, 7),
        put("links", 0, "passed", False),
    ],
    "lines": [put("links", 1, "details", "points", 1), put("links", 1, "summary", "all is well")],
    "compiled": [put("links", 2, "details", "error", 1e-9), put("links", 2, "level", "statistical")],
    "claim": [put("claim", "value", "midpoint", "0.3"), put("claim", "latex", "T = 0"), put("claim", "hash", "0")],
    "certificate": [put("statement", "T = 0"), put("ok", False)],
}


@pytest.mark.parametrize("part", EDITS)
def test_an_edited_number_is_found_at_its_link(part: str) -> None:
    computed = json.loads(stored())
    assert not differences(computed, computed, same_machine=True)
    for change in EDITS[part]:
        found = differences(json.loads(edited(stored(), change)), computed, same_machine=True)
        assert [difference.part for difference in found] == [part]


@pytest.mark.parametrize("sign", [False, True])
def test_a_file_with_an_edited_number_is_not_verified(sign: bool) -> None:
    """With a digest made right again, too."""
    found = sl.verify(edited(stored(), put("links", 0, "details", "estimate", 0.25), sign))
    assert not found.ok
    assert {difference.part for difference in found.differences} == {"simulation"}
    assert found.edited is not sign


def test_an_edited_line_breaks_the_chain() -> None:
    """A coefficient of the last line, changed everywhere it is said: the lines themselves tell."""

    def change(content: Any) -> None:
        last = content["claim"]["derivation"]["trace"][-1]
        last["expr"] = {"head": "Mul", "args": [3, last["expr"]]}

    found = sl.verify(edited(stored(), change, sign=True))
    assert {"lines", "general", "certificate", "claim"} == {difference.part for difference in found.differences}
    assert found.certificate.failed == ("lines", "general")


def test_another_seed_gives_other_numbers() -> None:
    found = sl.verify(edited(stored(), put("seed", 4), sign=True))
    assert "simulation" in {difference.part for difference in found.differences}


def test_other_versions_are_named_and_rounding_is_allowed() -> None:
    def change(content: Any) -> None:
        content["versions"]["numpy"] = "1.0"
        content["links"][0]["details"]["estimate"] *= 1 + 1e-12
        content["links"][2]["details"]["error"] *= 3

    found = sl.verify(edited(stored(), change, sign=True))
    assert found.ok, str(found)
    assert found.versions == (f"numpy 1.0 (here {surroundings()['numpy']})",)
    too_much = edited(stored(), change, sign=True).replace('"numpy": "1.0"', '"numpy": "1.1"')
    content = json.loads(too_much)
    content["links"][0]["details"]["estimate"] *= 1 + 1e-6
    assert not sl.verify(json.dumps(content | {"digest": digest(content)})).ok


def squares(size: int, rng: np.random.Generator) -> np.ndarray:
    return (rng.standard_normal((64, size)) ** 2).mean(axis=1)


def test_an_experiment_of_ones_own_is_drawn_again_when_it_is_given() -> None:
    u = sp.Symbol("u", real=True)
    claim = sl.limit(sl.GaussianExpectation(u**2, (u,), [[1]]), experiment=squares).then(1, because="the variance")
    text = claim.certify(SIZES, seed=1).to_json()
    assert json.loads(text)["claim"]["experiment"] == {"kind": "the author's", "name": "squares"}
    drawn, kept = sl.verify(text, experiment=squares), sl.verify(text)
    assert drawn.ok, str(drawn)
    assert not drawn.note
    assert "nothing was drawn" in kept.note
    wrong = sl.verify(text, experiment=lambda size, rng: 1.01 * squares(size, rng))
    assert "simulation" in {difference.part for difference in wrong.differences}
    assert not wrong.ok


@pytest.mark.slow
def test_samples_of_the_author_are_judged_again() -> None:
    rng = np.random.default_rng(0)
    samples = {size: rng.normal(1.0, 1.0, 200) for size in SIZES}
    u = sp.Symbol("u", real=True)
    text = sl.limit(sl.GaussianExpectation(u**2, (u,), [[1]])).compare(samples).to_json()
    found = sl.verify(text)
    assert found.ok, str(found)
    assert "nothing was drawn" in found.note
    assert not sl.verify(edited(text, put("links", 0, "details", "estimate", 2.0))).ok


def test_networks_come_back_from_json() -> None:
    dense = sl.Dense("sigma_w**2", "1/3")
    leaky = act.leaky_relu("1/10")
    nets = [
        sl.mlp("L", act.gelu),
        sl.serial(dense, Repeat((leaky, dense), 3), act.erf, sl.Dense(1)),
        sl.mlp(2, act.relu, 2, 0, parameterization="standard", widths=(64, "N")),
    ]
    for net in nets:
        assert network_from_tree(json.loads(json.dumps(network_to_tree(net)))) == net


BAD = [
    "not json",
    "{}",
    '{"format": "symlimits certificate 1"}',
    '{"format": "symlimits certificate 2", "claim": {}, "links": [], "versions": {}, "seed": 0}',
    '{"format": "symlimits certificate 2", "claim": {}, "links": [3], "versions": {}, "seed": 0}',
    '{"format": "symlimits certificate 2", "claim": [], "links": [], "versions": {}, "seed": 0}',
]


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_certificate_is_refused(text: str) -> None:
    with pytest.raises(sl.SymlimitsError, match="wanted"):
        sl.verify(text)


@pytest.mark.parametrize(
    "change",
    [
        put("seed", -1),
        put("claim", "order", "one"),
        put("claim", "experiment", "network", {"layers": [{"conv": {}}], "parameterization": "ntk", "widths": None}),
        put("claim", "experiment", "network", 3),
        put("claim", "experiment", "values", 3),
        put("claim", "derivation", "trace", []),
        put("claim", "derivation", None),
        put("links", 0, "details", "sizes", {"many": 3}),
        put("links", 0, "details", "sizes", {"0": [1.0, 1.0, 1]}),
    ],
)
def test_broken_parts_are_refused_in_words(change: Callable[[Any], None]) -> None:
    with pytest.raises(sl.SymlimitsError, match="wanted"):
        sl.verify(edited(stored(), change))


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "linear.json"
    path.write_text(stored())
    assert main(["verify", "--workers", "1", str(path)]) == 0
    assert capsys.readouterr().out.rstrip().endswith("\nverified")
    path.write_text(edited(stored(), put("links", 0, "details", "value", 0.7)))
    assert main(["verify", "--workers", "1", str(path)]) == 1
    assert "simulation: details.value is 0.7 in the file" in capsys.readouterr().out
    assert main(["verify", str(tmp_path / "none.json")]) == 2


def test_the_forms_of_a_certificate(tmp_path: Path) -> None:
    """JSON, LaTeX and a picture beside each other."""
    arguments = ["certify", "dual-linear", "--sizes", "8,16,32", "--workers", "1", "--picture", "--out", str(tmp_path)]
    assert main(arguments) == 0
    names = [f"dual-linear.certificate.{ending}" for ending in ("json", "pdf", "tex")]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert (tmp_path / names[1]).read_bytes().startswith(b"%PDF")
    assert balanced((tmp_path / names[2]).read_text())
    assert sl.verify(tmp_path / names[0]).ok


def test_a_picture_needs_a_folder_and_means(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["certify", "dual-linear", "--picture"]) == 2
    assert "--out" in capsys.readouterr().err
    with pytest.raises(sl.errors.DataError, match="means at several sizes"):
        sl.dual(act.linear).check().picture()


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    certificate = sl.dual(act.linear).certify(SIZES, seed=3)
    with pytest.raises(sl.errors.NoRule, match="plot"):
        certificate.picture()


ODD = [
    put("links", 0, "details", "drawn"),
    put("links", 0, "details", 5),
    put("links", 0, "details", "sizes", {"8": [1.0, 1.0, float("inf"), 0.0, 3.0]}),
    put("links", 0, "details", {"drawn": "here", "kind": "decided"}),
    put("claim", "kind", [1]),
    put("claim", "order", 10**400),
    put("claim", "experiment", "kind", [1]),
]


@pytest.mark.parametrize("change", ODD)
def test_strange_parts_are_refused_in_words(change: Callable[[Any], None]) -> None:
    with pytest.raises(sl.SymlimitsError, match="wanted"):
        sl.verify(edited(stored(), change))


def test_a_link_twice_is_refused() -> None:
    def change(content: Any) -> None:
        content["links"].insert(0, content["links"][0] | {"summary": "another"})

    with pytest.raises(sl.errors.FormulaError, match="twice"):
        sl.verify(edited(stored(), change, sign=True))
