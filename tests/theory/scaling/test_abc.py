"""abc-parameterisations: derived conditions against the theorems of Yang and Hu, muP found, gauge invariance."""

import random
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits.derivation.maxplus import MaxPlus
from symlimits.derivation.polyhedra import Constraint, implied
from symlimits.errors import DataError, DomainError
from symlimits.theory.scaling.abc import MAX_DEPTH, abc, gauge_power
from symlimits.theory.scaling.named import NAMES, named, table
from symlimits.theory.scaling.passes import MOVES

H = Fraction(1, 2)
BOTH = ("sgd", "adam")


def by_theorem(point):
    """r_1, ..., r_L, t and o as Yang and Hu write them for SGD, and their sign-like counterparts."""
    a, b, c, depth = point.a, point.b, point.c, point.depth
    o = a[-1] + b[-1]
    first = [int(layer == 0) for layer in range(depth)]
    if point.optimizer == "sgd":
        t = 2 * a[-1] + c[-1]
        return [min(o, t) + c[l] - 1 + 2 * a[l] + first[l] for l in range(depth)], t, o
    return [a[l] + c[l] - 1 + first[l] for l in range(depth)], a[-1] + c[-1], o


def random_point(rng, depth, optimizer, spread=4):
    """Stable initialisation in half of the draws, small halves elsewhere, so that equalities are met often."""
    a, c = ([Fraction(rng.randint(-spread, spread), 2) for _ in range(depth + 1)] for _ in range(2))
    b = [(H if layer else 0) - x for layer, x in enumerate(a)]
    b[-1] += Fraction(rng.randint(-1, 3), 2)
    if rng.random() < 0.2:
        b[rng.randrange(depth)] += H
    return abc(depth, optimizer).at(a=a, b=b, c=c)


@pytest.mark.parametrize("optimizer", BOTH)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_verdicts_are_those_of_the_theorem(depth, optimizer):
    rng, seen = random.Random(depth), set()
    for _ in range(300):
        point = random_point(rng, depth, optimizer, spread=2)
        r_layers, t, o = by_theorem(point)
        r = min(r_layers)
        starts = all(
            x + y == (H if layer else 0) for layer, (x, y) in enumerate(zip(point.a[:-1], point.b[:-1], strict=True))
        )
        stable = starts and o >= H and r >= 0 and t >= 1 and o + r >= 1
        nontrivial = stable and (t == 1 or o + r == 1)
        assert (point.stable, point.nontrivial, point.feature_learning) == (stable, nontrivial, nontrivial and r == 0)
        assert (list(point.r_layers), point.readout) == (r_layers, t)
        assert not starts or point.r == r
        seen.add(point.verdict)
    assert len(seen) >= 3  # no verdict is always the same


@pytest.mark.parametrize("optimizer", BOTH)
def test_a_gauge_changes_nothing(optimizer):
    rng = random.Random(7)
    for depth in (1, 2, 3):
        point = random_point(rng, depth, optimizer)
        shifts = [Fraction(rng.randint(-20, 20), rng.randint(1, 9)) for _ in range(depth + 1)]
        moved = point.gauged(*shifts)
        assert moved.a != point.a
        for name in ("stable", "r", "r_layers", "readout", "verdict", "update_exponents"):
            assert getattr(moved, name) == getattr(point, name)


def test_a_wrong_gauge_changes_the_exponents():
    """The gauge of Adam, applied to SGD."""
    point = named("muP", 2)
    wrong = abc(2).at(a=[x + 1 for x in point.a], b=[x - 1 for x in point.b], c=[x - 1 for x in point.c])
    assert wrong.r_layers != point.r_layers


@pytest.mark.parametrize(("depth", "faces", "classes"), [(1, 18, 8), (2, 54, 16)])
def test_faces_with_one_rate_for_all_layers(depth, faces, classes):
    found = abc(depth).regimes(c=0)
    assert (len(found), len({regime.maximal[1:] for regime in found})) == (faces, classes)


@pytest.mark.parametrize("optimizer", BOTH)
@pytest.mark.parametrize("depth", [1, 2])
def test_mup_is_the_only_maximal_point_up_to_the_gauge(depth, optimizer):
    family = abc(depth, optimizer)
    (face,) = (regime.face for regime in family.regimes() if all(regime.maximal[1:]))
    assert face.dimension == len(family.gauges) == depth + 1
    found, known = family.maximal_update(), named("muP" if optimizer == "sgd" else "muP-adam", depth)
    shifts = [x - y for x, y in zip(known.a, found.a, strict=True)]
    moved = found.gauged(*shifts)
    assert (moved.a, moved.b, moved.c) == (known.a, known.b, known.c)
    for form in (constraint.form for constraint in face.constraints if constraint.relation == "="):
        for direction in family.gauges:  # the face is the orbit: it contains every gauge direction
            assert form(direction) == form.constant


def test_mup_of_one_rate_is_one_point():
    family = abc(2)
    (face,) = (regime.face for regime in family.regimes(c=0) if all(regime.maximal[1:]))
    assert face.dimension == 0
    found = family.maximal_update(c=0)
    assert (found.a, found.b) == (named("muP", 2).a, named("muP", 2).b)
    assert found.maximal
    assert not named("NTK", 2).maximal


VERDICTS = {  # the rows of Yang and Hu: verdict and r for two hidden layers or more
    "SP": ("stable, nontrivial, kernel regime", H),
    "NTK": ("stable, nontrivial, kernel regime", H),
    "muP": ("stable, nontrivial, feature learning", 0),
    "MFP": ("stable, nontrivial, feature learning", 0),
    "NTK-adam": ("stable, nontrivial, kernel regime", H),
    "SP-adam": ("unstable", 0),
    "muP-adam": ("stable, nontrivial, feature learning", 0),
    "MFP-adam": ("stable, nontrivial, feature learning", 0),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_named_rows(name):
    for depth in (2, 3):
        point = named(name, depth)
        assert (point.verdict, point.r) == VERDICTS[name]
        assert name == "SP-adam" or point.stable
    assert named("SP", 1).r == Fraction(3, 2)
    assert set(VERDICTS) | {"PyTorch", "PyTorch-adam", "deep-MF", "deep-MF-adam"} == set(NAMES)


def test_what_breaks_is_said():
    point = abc(2).at(a=0, b=[0, "1/2", "1/2"], c=0)  # standard, rates that do not shrink
    text = repr(point)
    assert not point.stable
    assert "-2*a_3 - c_3 + 1 <= 0" in text
    logits = named("SP-adam", 2)
    assert logits.update_exponents["df"] == H  # logits n^(1/2)
    assert len(logits.failing) == 1  # o + r_2 < 1


def test_a_float_is_its_decimal_and_this_is_said():
    point = abc(1).at(a=[0.1, 0], b=[-0.1, "1/2"], c=1.0)
    assert point.a[0] == sp.Rational(1, 10)
    assert point.notes == ("a[0] = 0.1 is taken as 1/10", "b[0] = -0.1 is taken as -1/10")
    assert "0.1 is taken as 1/10" in repr(point)


@pytest.mark.parametrize("optimizer", BOTH)
def test_chains_of_lines_hold(optimizer):
    """Every stage of the derivation has the same value at random points of the region where its premises hold."""
    family = abc(3, optimizer)
    names = family.exponents.names
    lines = (*family.exponents.updates, *family.exponents.changes, family.exponents.inherited)
    for line in lines:
        assert line.settled.equals(line.pruned, line.premises)
    assert optimizer == "adam" or any(len(line.pruned.forms) < len(line.settled.forms) for line in lines)
    assert family.limits("r_2" if optimizer == "sgd" else "r").latex().count(r"\\") >= 1
    assert all(constraint in family.exponents.stable for constraint in family.exponents.equalities)
    assert names.dimension == len(family.symbols) == 12


def test_a_premise_left_out_changes_the_answer():
    line = abc(2).exponents.updates[0]
    assert len(line.settled.pruned(line.premises[:2]).forms) > len(line.pruned.forms)
    assert not line.settled.equals(line.pruned, line.premises[:2])


def test_no_condition_is_implied_by_the_others():
    stable = abc(2).exponents.stable
    for one in stable:
        assert not implied([other for other in stable if other is not one], one)
    extra = Constraint(2 * stable[-1].form, "<=")
    assert implied(stable, extra)


def test_a_depth_may_be_an_integer_of_numpy():
    assert abc(np.int64(2)) == abc(2)


def test_bad_input():
    with pytest.raises(DomainError, match="one of sgd, adam, sign"):
        sl.scaling.abc(2, optimizer="rmsprop")
    for depth in (0, MAX_DEPTH + 1, True, 2.0, "2"):
        with pytest.raises(DomainError, match="hidden layers"):
            abc(depth)
    with pytest.raises(DataError, match="a with 2 exponents; wanted: one for each of 3 layers"):
        abc(2).at(a=[0, 0], b=0, c=0)
    with pytest.raises(DomainError, match="a rational number"):
        abc(1).at(a=sp.sqrt(2), b=0, c=0)
    with pytest.raises(DomainError, match="some stable parameterisation"):
        abc(1).regimes(a=0, b=0)
    with pytest.raises(DomainError, match="updated maximally"):
        abc(2).maximal_update(a=0, c=1)  # standard: no initialisation makes it maximal
    with pytest.raises(DomainError, match="one of f, r_1"):
        abc(1).limits("r_9")
    with pytest.raises(DomainError, match="one of SP, NTK"):
        named("nup", 2)
    with pytest.raises(DomainError, match="number of steps"):
        named("muP", 2).after(0)


def test_the_table_is_for_booktabs():
    text = table(depth=2)
    assert text.count(r"\\") == 1 + len(NAMES)
    assert text.splitlines()[1] == r"\toprule"
    assert "unstable" in text
    assert "kernel regime" in text
    assert {MOVES[row.optimizer] for row in NAMES.values()} == {"sgd", "sign"}
    assert (gauge_power("sgd"), gauge_power("adam")) == (2, 1)
    assert MaxPlus() not in [line.pruned for line in abc(2).exponents.updates]


@pytest.mark.parametrize(
    ("exponents", "words"),
    [({"a": 0, "b": 0, "d": 1}, "exponents d"), ({"a": 0}, "no exponents b"), ({}, "no exponents a and b")],
)
def test_names_of_exponents_are_checked(exponents, words):
    with pytest.raises(DomainError, match=f"{words}; wanted: a, b and c"):
        abc(2).at(**exponents)
