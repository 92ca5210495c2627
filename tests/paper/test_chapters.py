"""Documents of groups: one heading, what members share said once, and the tables of the plane of exponents."""

from collections import Counter

import pytest
import sympy as sp

from symlimits.finite.frozen_training import OBSERVED
from symlimits.paper.chapters import Section, chapters
from symlimits.paper.claims import MODELS, QUANTITIES, claims
from symlimits.paper.documents import Table
from symlimits.paper.plane import ACTIVATION, tables
from symlimits.paper.scope import facts, scope
from symlimits.theory.scaling import one_hidden_layer
from symlimits.theory.scaling.one_hidden import q, q_sigma

START, STEP = q_sigma + sp.Rational(1, 2), q + q_sigma  # of the logit, of a weight's increment
KERNEL = START + STEP + sp.Rational(1, 2)
EXPONENTS = {  # by hand: coherent sums gain a power of the width, incoherent ones the half of it
    "f_init": START,
    "f_a": KERNEL,
    "f_w": KERNEL,
    "f_aw": sp.Max(q_sigma + 2 * STEP + sp.Rational(1, 2), q_sigma + 3 * STEP + 1),
    "delta_a": STEP,
    "delta_w": STEP,
    "kernel": KERNEL,
    "kernel_increment": sp.Max(2 * STEP, STEP - sp.Rational(1, 2)),
}
POINTS = {"MF": (-1, 1), "NTK": (-sp.Rational(1, 2), 0), "sym-default": (-sp.Rational(1, 2), sp.Rational(1, 2))}


@pytest.fixture(scope="module")
def plane() -> tuple[Table, ...]:
    return tables()


def test_exponents_at_the_models(plane: tuple[Table, ...]) -> None:
    exponents, fan = plane[0], one_hidden_layer(activation=ACTIVATION)
    assert tuple(exponents.header[-3:]) == tuple(POINTS) == tuple(MODELS)
    for name, row in zip(QUANTITIES, exponents.rows, strict=True):
        values = [EXPONENTS[name].subs({q_sigma: x, q: y}) for x, y in POINTS.values()]
        assert list(row[-3:]) == [f"${value}$" for value in values], name
        assert sp.simplify(fan.derivation(name).expr - EXPONENTS[name]) == 0
    assert {row[-2] for row in exponents.rows} != {row[-1] for row in exponents.rows}


def test_the_models_are_thirteen(plane: tuple[Table, ...]) -> None:
    _, models, motions = plane
    assert Counter(row[1] for row in models.rows) == {"0": 3, "1": 7, "2": 3}
    assert [row[2] for row in models.rows[:3]] == [rf"$q_{{\sigma}} = {x}$, $q = {y}$" for x, y in POINTS.values()]
    letters = {letter for row in motions.rows for letter in row[0].split(", ")}
    shown = list(models.header).index("motion")
    assert {row[shown] for row in models.rows} <= letters
    assert all(len(row) == len(table.header) for table in plane for row in table.rows)


def test_one_section_a_limit_model() -> None:
    """Domain and regime are said once, and a power of the width has no order of an error."""
    headings = {f"power of the width in the {model} limit" for model in MODELS.values()}
    found = [claim for claim in claims("golikov2020").values() if claim.group in headings]
    built = {claim.name: claim.build() for claim in found}
    assert not any("error" in facts(limit).order for limit in built.values())
    assert "error of order n^-1" in facts(claims()["nngp-relu"].build()).order
    parts = [
        Section(claim.name, claim.title, claim.source, scope(built[claim.name]), claim.code, claim.group)
        for claim in found
    ]
    grouped = list(chapters(parts))
    assert len(grouped) == len(MODELS)
    for chapter, (x, y) in zip(grouped, POINTS.values(), strict=True):
        assert len(chapter.sections) == len(QUANTITIES)
        assert f"$q = {y}$" in chapter.about
        assert f"$q_{{\\sigma}} = {x}$" in chapter.about
        assert "width to infinity" in chapter.about
        assert not any(part.scope or part.source for part in chapter.sections)
        assert [part.title for part in chapter.sections] == [OBSERVED[name] for name in QUANTITIES]


def test_statements_on_their_own_stay_as_they_are() -> None:
    parts = [Section(name, name, "source", "q = 0", "", group) for name, group in (("a", ""), ("b", "g"), ("c", ""))]
    first, second, third = chapters(parts)
    assert (first.sections, third.sections) == ((parts[0],), (parts[2],))
    assert (second.title, second.about, second.sections[0].scope) == ("g", "source; q = 0", "")
