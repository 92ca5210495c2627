"""Ranges, domains and their test points."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.errors import DomainError, FalseLine
from symlimits.language.domain import (
    CORRELATION,
    DEPTH,
    NONNEGATIVE,
    POSITIVE,
    REAL,
    WIDE,
    Domain,
    Range,
    bindings,
    describe,
    natural_domain,
)
from symlimits.language.expectation import GaussianExpectation

p, q = sp.symbols("p q", positive=True)
rho, c = sp.symbols("rho c", real=True)
L = sp.Symbol("L", integer=True, positive=True)
PAIR = Domain({p: POSITIVE, q: POSITIVE, rho: CORRELATION}, {c: rho * sp.sqrt(p * q)})


@pytest.mark.parametrize(
    ("interval", "inside", "outside"),
    [
        (POSITIVE, ("1/1000", 1, 10**9), (0, -1)),
        (NONNEGATIVE, (0, 1), ("-1/1000",)),
        (REAL, (0, -5, 7), ()),
        (CORRELATION, (-1, 0, 1), ("1001/1000", -2)),
        (Range(sp.S.Zero, sp.S.One, (False, True)), (1, "1/2"), (0, 2)),
    ],
)
def test_ranges(interval: Range, inside: tuple[object, ...], outside: tuple[object, ...]) -> None:
    assert all(interval.contains(sp.Rational(value)) for value in inside)
    assert not any(interval.contains(sp.Rational(value)) for value in outside)
    rng = random.Random(0)
    drawn = [interval.draw(rng) for _ in range(200)]
    assert all(value.is_Rational and interval.contains(value) for value in drawn)
    assert all(interval.contains(value) for value in interval.corners())
    assert len(set(drawn)) > 100


@pytest.mark.parametrize(
    ("interval", "distance"),
    [(POSITIVE, lambda x: x), (NONNEGATIVE, lambda x: x), (REAL, abs), (Range(-sp.oo, 3), lambda x: 3 - x)],
)
def test_wide_draws_meet_eight_decades(interval: Range, distance: Callable[[sp.Expr], sp.Expr]) -> None:
    rng = random.Random(0)
    sizes = [float(distance(interval.draw(rng, WIDE))) for _ in range(400)]
    assert 0.9e-4 <= min(sizes) < 2e-4
    assert 0.5e4 < max(sizes) <= 1.1e4
    assert 0.3 < sum(size < 1 for size in sizes) / 400 < 0.7
    moderate = [float(distance(interval.draw(rng))) for _ in range(400)]
    assert 0.09 <= min(moderate) < max(moderate) <= 11


def test_wide_draws_come_close_to_both_ends() -> None:
    rng = random.Random(0)
    values = [CORRELATION.draw(rng, WIDE) for _ in range(400)]
    assert all(CORRELATION.contains(value) for value in values)
    gaps = [float(1 - abs(value)) for value in values]
    assert 1e-6 < min(gaps) < 3e-6
    assert sum(gap > 0.1 for gap in gaps) > 150
    assert {sp.sign(value) for value in values if abs(value) > sp.Rational(999, 1000)} == {1, -1}


def test_coordinates_are_stratified() -> None:
    points = PAIR.mixed_points(seed=0, corners=0, interior=8, decades=WIDE)
    decades = sorted(math.floor(math.log10(point[p])) for point in points)
    assert decades == list(range(-4, 4))


def test_corners_and_names() -> None:
    assert CORRELATION.corners() == [0, 1, -1]
    assert POSITIVE.corners() == [1]
    assert NONNEGATIVE.corners() == [1, 0]
    assert [describe(i) for i in (POSITIVE, NONNEGATIVE, CORRELATION)] == ["(0, oo)", "[0, oo)", "[-1, 1]"]


def test_points_begin_with_the_corners_and_are_reproducible() -> None:
    points = list(PAIR.points(seed=1, count=20))
    assert [point[rho] for point in points[:3]] == [0, 1, -1]
    assert points == list(PAIR.points(seed=1, count=20))
    assert points[3:] != list(PAIR.points(seed=2, count=20))[3:]
    assert all(point[c] == point[rho] * sp.sqrt(point[p] * point[q]) for point in points)
    assert all(set(point) == {p, q, rho, c} for point in points)


def test_mixed_points() -> None:
    points = PAIR.mixed_points(seed=3, corners=2, interior=4)
    assert len(points) == 6
    assert all(abs(point[rho]) in (0, 1) for point in points[:2])
    assert all(0 < abs(point[rho]) < 1 or point[rho] == 0 for point in points[2:])
    assert len(PAIR.mixed_points(seed=3, corners=99, interior=0)) == 3


def test_a_domain_without_coordinates_has_one_point() -> None:
    assert list(Domain().points()) == [{}]


def test_exchanged_names_are_put_in_at_once() -> None:
    swapped = Domain({p: POSITIVE, q: POSITIVE}, {c: p / q})
    assert next(swapped.points())[c] == 1
    assert swapped.restrict({p: q, q: p}).dependent[c] == q / p


def test_restrict_and_check() -> None:
    left = PAIR.restrict({p: sp.S(2)})
    assert left.symbols == (q, rho, c)
    assert left.dependent[c] == rho * sp.sqrt(2 * q)
    PAIR.check({p: sp.S(3), rho: sp.S(-1), c: sp.S(9)})
    PAIR.check({p: q})  # a symbol may have any value
    with pytest.raises(DomainError, match=r"rho = 3/2; wanted: rho in \[-1, 1\]"):
        PAIR.check({rho: sp.Rational(3, 2)})
    with pytest.raises(DomainError, match=r"\(0, oo\)"):
        PAIR.check({p: sp.S.Zero})


def test_integers() -> None:
    """A depth is drawn as an integer inside its range: a small positive number does not become zero."""
    many = Domain({L: POSITIVE})
    drawn = [point[L] for point in many.points(seed=0, count=300)]
    assert all(value.is_Integer and value >= 1 for value in drawn)
    assert {point[L] for point in Domain({L: DEPTH}).points(count=100)} == {1, 2, 3}


def test_equal_domains_have_equal_hashes() -> None:
    one, other = Domain({p: POSITIVE, q: REAL}), Domain({q: REAL, p: POSITIVE})
    assert one == other
    assert hash(one) == hash(other)


def test_natural_domain() -> None:
    t = sp.Symbol("t", nonnegative=True)
    found = natural_domain(p + rho + t + L)
    assert found.ranges == {L: DEPTH, p: POSITIVE, rho: REAL, t: NONNEGATIVE}


def test_bindings() -> None:
    assert bindings({"p": 0.1, "c": "p/2"}, {p, c}) == {p: sp.Rational(1, 10), c: p / 2}
    with pytest.raises(DomainError, match=r"one of the free symbols \(c, p\)"):
        bindings({"z": 1}, {p, c})
    with pytest.raises(DomainError, match="every symbol has a value"):
        bindings({"z": 1}, set())


def test_a_covariance_lies_where_the_pair_has_a_law() -> None:
    """Of a claim of one's own: its lines are compared where they have values, and only there."""
    claim = sl.limit(sl.dual(act.erf).definition).apply(sl.rules.price).apply(sl.rules.gaussian_integrals)
    true = "2/pi*asin(2*c/sqrt((1 + 2*p)*(1 + 2*q)))"
    assert claim.then(true, because="an antiderivative").trace[-1].rule == "an antiderivative"
    with pytest.raises(FalseLine, match="is false"):
        claim.then(f"2*{true}", because="a slip of the pen")
    u, v = sp.symbols("u v", real=True)
    one, two = (GaussianExpectation(u * v, (u, v), [[variance, c], [c, p]]) for variance in (p, 2 * p))
    assert natural_domain(one).dependent == {c: rho * p}
    assert not natural_domain(one + two).dependent  # two laws: nobody knows
    assert not natural_domain(one + rho).dependent
