"""The fan against the recursion in plain fractions, and against what the papers say of the cells."""

from __future__ import annotations

import random
import re
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import pytest
import sympy as sp
from direct import signature

import symlimits as sl
from symlimits.derivation.polyhedra import feasible
from symlimits.errors import DataError, DomainError
from symlimits.theory.scaling import Cell, Fan
from symlimits.theory.scaling.fan import _fan
from symlimits.theory.scaling.one_hidden import PLANES
from symlimits.theory.scaling.traits import named

MODELS = {  # name: dimension, properties in the order of the contract (theory of the 13 limit models)
    "MF": (0, "vanish finite evolve forgotten"),
    "NTK": (0, "finite finite constant kept"),
    "sym-default": (0, "finite diverge evolve forgotten"),
    "MF-NTK": (1, "vanish finite constant forgotten"),
    "NTK-sym-default": (1, "finite diverge constant forgotten"),
    "MF-sym-default": (1, "vanish diverge evolve forgotten"),
    "post-MF": (1, "vanish vanish evolve forgotten"),
    "pre-sym-default": (1, "diverge diverge evolve forgotten"),
    "post-NTK": (1, "vanish vanish constant kept"),
    "pre-NTK": (1, "diverge diverge constant kept"),
    "MF-NTK-sym-default": (2, "vanish diverge constant forgotten"),
    "post-MF-NTK": (2, "vanish vanish constant forgotten"),
    "pre-NTK-sym-default": (2, "diverge diverge constant forgotten"),
}
CASES = [("shared", "silu", 13), ("shared", "relu", 13), ("separate", "silu", 49), ("separate", "relu", 59)]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def fan(request: pytest.FixtureRequest) -> Fan:
    return sl.scaling.one_hidden_layer(*request.param[:2])


def points(fan: Fan, count: int, seed: int) -> list[tuple[Fraction, ...]]:
    """Random rational points; small denominators, so that lines are met often."""
    rng = random.Random(seed)
    size = len(fan.symbols)
    return [tuple(Fraction(rng.randint(-12, 12), 4) for _ in range(size)) for _ in range(count)]


def given(fan: Fan, point: tuple[Fraction, ...]) -> dict[str, Fraction]:
    return {symbol.name: x for symbol, x in zip(fan.symbols, point, strict=True)}


def rates(point: tuple[Fraction, ...]) -> tuple[Fraction, Fraction, Fraction]:
    return (point[0], point[1], point[-1])


def test_the_thirteen_models() -> None:
    fan = sl.scaling.one_hidden_layer(rates="shared")
    assert {c.name: (c.dimension, " ".join(c.properties.values())) for c in fan.cells} == MODELS
    assert [sum(c.dimension == k for c in fan.cells) for k in range(3)] == [3, 7, 3]
    assert all(c.settling == 1 for c in fan.cells)


@pytest.mark.parametrize(("rates", "phi", "count"), CASES)
def test_counts_and_names(rates: str, phi: str, count: int) -> None:
    cells = sl.scaling.one_hidden_layer(rates, phi).cells
    assert len(cells) == count
    assert len({c.name for c in cells}) == count


def test_separate_rates_have_thirteen_times_three_models_and_ten_that_grow() -> None:
    cells = sl.scaling.one_hidden_layer("separate").cells
    assert sum("grows" not in c.name for c in cells) == 39
    assert sum("a grows" in c.name for c in cells) == 10
    homogeneous = sl.scaling.one_hidden_layer("separate", "relu").cells
    assert sum("w grows" in c.name for c in homogeneous) == 10


def test_witnesses_lie_inside(fan: Fan) -> None:
    for cell in fan.cells:
        point = {symbol: cell.witness[symbol.name] for symbol in fan.symbols}
        assert all(relation.subs(point) == sp.true for relation in cell.inequalities), cell.name


def test_cells_are_disjoint(fan: Fan) -> None:
    for first, second in combinations(fan.cells, 2):
        assert not feasible([*first.constraints, *second.constraints], len(fan.symbols)), (first.name, second.name)


def test_every_point_is_in_the_cell_of_its_signature(fan: Fan) -> None:
    """Coverage and signatures at once: a cell exactly where the plain recursion is stable, one signature a cell."""
    homogeneous = fan.net.traits.homogeneous
    seen: dict[str, object] = {}
    hits = 0
    for point in points(fan, 100, seed=3) + [tuple(map(_fraction, c.witness.values())) for c in fan.cells]:
        answer, wanted = fan.at(**given(fan, point)), signature(*rates(point), homogeneous)
        if isinstance(answer, Cell):
            hits += 1
            assert seen.setdefault(answer.name, wanted) == wanted, (point, answer.name)
        else:
            assert answer.kind == wanted, (point, answer)
    assert len(seen) == len(fan.cells) == len(set(seen.values()))
    assert hits >= len(fan.cells)


def _fraction(number: sp.Rational) -> Fraction:
    return Fraction(int(number.p), int(number.q))


def test_where_the_stable_set_is_not_convex_a_verdict_names_what_holds_on_all_of_it() -> None:
    fan = sl.scaling.one_hidden_layer(rates="separate", activation="relu")
    verdict = fan.at(q_sigma="-1/2", q_a=1, q_w="1/2")  # s_a = 1/2, s_w = 0
    q_sigma, q_a, q_w = fan.symbols
    assert verdict.all_failing == (q_a + 2 * q_sigma + q_w <= 0,)
    assert fan.at(q_sigma="-1/2", q_a=1, q_w=0).stable  # where q_a + q_sigma <= 0 fails too


def test_verdicts_name_an_inequality_that_is_broken(fan: Fan) -> None:
    count = 0
    for point in points(fan, 40, seed=5):
        answer = fan.at(**given(fan, point))
        if not answer.stable:
            count += 1
            place = {
                symbol: sp.Rational(x.numerator, x.denominator) for symbol, x in zip(fan.symbols, point, strict=True)
            }
            assert answer.failing.subs(place) == sp.false
            assert all(relation.subs(place) == sp.false for relation in answer.all_failing)
    assert count > 10


def test_the_default_of_pytorch() -> None:
    cell = sl.scaling.one_hidden_layer("separate").at(q_sigma="-1/2", q_a=1, q_w=0)
    assert isinstance(cell, Cell)
    assert (cell.settling, cell.dominant, cell.properties["init"]) == (2, "both", "forgotten")
    place = dict(zip(PLANES["separate"].symbols, (sp.Rational(-1, 2), 1, 0), strict=True))
    values = {name: formula.subs(place) for name, formula in cell.exponents.items()}
    assert (values["delta_a"], values["delta_w"], values["f_a"]) == (sp.Rational(1, 2), 0, 1)


def test_without_parity_the_answer_is_another() -> None:
    """All sums coherent: logits at the start would be larger, and only mean-field rates could move them."""
    wrong = _fan("shared", named("silu"), False)
    assert len(wrong.cells) != 13
    assert all(
        any(r == sp.Eq(sp.Add(*wrong.symbols), 0) for r in c.inequalities) or c.dimension == 0 for c in wrong.cells
    )
    verdict = wrong.at(q_sigma="-1/2", q=0)  # the NTK
    assert not verdict.stable


def test_floats_are_taken_as_decimals_and_said_so() -> None:
    fan = sl.scaling.one_hidden_layer()
    assert fan.at(q_sigma=-0.9, q="9/10").notes == ("q_sigma = -0.9 is taken as -9/10",)
    assert "is taken as 1/10" in repr(fan.at(q_sigma=0.1, q=-3))
    assert fan.at(q_sigma="-1/2", q=0).notes == ()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("joint",), "'shared' or 'separate'"),
        ((3,), "'shared' or 'separate'"),
        (("shared", "swish"), "softplus"),
        (("shared", 7), "an activation, its name or a formula"),
        (("shared", "step"), "which jumps at x = 0"),
        (("shared", sl.activations.monomial(0)), "constant"),
    ],
)
def test_unknown_rates_and_activations(arguments: tuple[object, ...], words: str) -> None:
    with pytest.raises(DomainError, match=words):
        sl.scaling.one_hidden_layer(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("exponents", "words"),
    [
        ({"q_sigma": 0}, "q_sigma, q with rates='shared'"),
        ({"q_sigma": 0, "q": 0, "q_a": 0}, "q_sigma, q with rates"),
        ({"sigma": 0, "eta": 0}, "the exponents sigma, eta; wanted: q_sigma, q with rates"),
        ({"q_sigma": "sqrt(2)", "q": 0}, "a rational number"),
        ({"q_sigma": float("nan"), "q": 0}, "a finite real number"),
        ({"q_sigma": "x", "q": 0}, "a rational number"),
    ],
)
def test_unknown_exponents(exponents: dict[str, object], words: str) -> None:
    with pytest.raises(DomainError, match=words):
        sl.scaling.one_hidden_layer().at(**exponents)


def test_names_of_cells_and_quantities_are_checked() -> None:
    fan = sl.scaling.one_hidden_layer()
    with pytest.raises(DomainError, match="one of MF, NTK"):
        fan["mean field"]
    with pytest.raises(DomainError, match="one of f_init"):
        fan.derivation("f_b")
    with pytest.raises(DomainError, match="a plane"):
        sl.scaling.one_hidden_layer("separate").figure("x.png")


def test_a_derivation_without_a_cell_holds_wherever_exponents_settle() -> None:
    """In one way with silu: the line has the values of every cell. In three with relu and two rates: name a cell."""
    for rates in ("shared", "separate"):
        fan = sl.scaling.one_hidden_layer(rates)
        whole = fan.derivation("f_aw").expr
        for cell in fan.cells:
            place = {symbol: cell.witness[symbol.name] for symbol in fan.symbols}
            assert whole.subs(place) == cell.values["f_aw"], cell.name
    fan = sl.scaling.one_hidden_layer("separate", "relu")
    with pytest.raises(DomainError, match=r"3 regions.*try: fan.derivation\('f_aw', 'MF'\)"):
        fan.derivation("f_aw")
    assert len(fan.derivation("f_aw", "MF").trace) > 1


def test_networks_are_those_of_the_point() -> None:
    fan = sl.scaling.one_hidden_layer(activation="erf")
    wide = fan.networks(q_sigma="-3/4", q="3/4", sigma="1/2", eta=8)
    assert (wide.powers.q_sigma, wide.powers.q_a, wide.powers.q_w) == (-0.75, 0.75, 0.75)
    assert (wide.start, wide.later, wide.sigma, wide.eta, wide.phi) == (-0.25, 0.25, 0.5, 8.0, fan.phi)
    refused = [({"q_sigma": -1, "q": 2}, "divergent"), ({"q_sigma": -1}, "q_sigma, q"), ({"sigma": 0}, "the exponents")]
    for exponents, words in [*refused, ({"q_sigma": -1, "q": 1, "eta": 0}, "eta = 0")]:
        with pytest.raises(DomainError, match=words):
            fan.networks(**exponents)
    with pytest.raises(DomainError, match="separate rates"):
        sl.scaling.one_hidden_layer("separate").networks(q_sigma=-1, q_a=1, q_w=1)


def test_table_and_figure(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    fan = sl.scaling.one_hidden_layer()
    text = fan.latex()
    assert all(text.count(f"\n{name} &") == 1 for name in MODELS)
    assert text.count("{") == text.count("}")
    fan.figure(tmp_path / "plane.svg")
    drawn = (tmp_path / "plane.svg").read_text(encoding="utf-8")
    one_line = re.sub(r"- -->.*?<!-- ", "-", drawn, flags=re.DOTALL)  # a name may stand in two lines
    assert all(one_line.count(f"<!-- {name} -->") == 1 for name in MODELS)
    with pytest.raises(DataError, match="a place for"):
        fan.figure(tmp_path / "plane.nothing")
    with pytest.raises(DomainError, match="the path of"):
        fan.figure(None)


def test_planes() -> None:
    assert {name: plane.dimension for name, plane in PLANES.items()} == {"shared": 2, "separate": 3}
