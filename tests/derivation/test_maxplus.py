"""Max-plus numbers against the numbers that they are the exponents of, at random rational points."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
import sympy as sp

from symlimits.derivation.affine import Affine
from symlimits.derivation.corners import corners
from symlimits.derivation.maxplus import ZERO, Graded, MaxPlus
from symlimits.derivation.polyhedra import Constraint
from symlimits.errors import DomainError

x, y = Affine.variables(2)
BAND = (Constraint(x + y, "<="), Constraint(-x - y - Fraction(1, 2), "<="))


def points(count: int, seed: int = 0) -> list[tuple[Fraction, Fraction]]:
    rng = random.Random(seed)
    return [(Fraction(rng.randint(-40, 40), 8), Fraction(rng.randint(-40, 40), 8)) for _ in range(count)]


def random_forms(rng: random.Random, count: int) -> list[Affine]:
    return [rng.randint(-3, 3) * x + rng.randint(-3, 3) * y + Fraction(rng.randint(-4, 4), 2) for _ in range(count)]


@pytest.mark.parametrize("seed", range(8))
def test_pruning_keeps_the_maximum_in_the_region(seed: int) -> None:
    number = MaxPlus.of(*random_forms(random.Random(seed), 12))
    pruned = number.pruned(BAND)
    inside = [p for p in points(3000, seed) if all(c.holds(p) for c in BAND)]
    assert len(inside) > 50
    assert all(pruned.at(p) == number.at(p) for p in inside)
    assert pruned.forms <= number.forms
    assert pruned.equals(number, BAND)


@pytest.mark.parametrize("seed", range(8))
def test_no_form_that_is_left_can_go(seed: int) -> None:
    pruned = MaxPlus.of(*random_forms(random.Random(seed), 12)).pruned(BAND)
    for form in pruned.forms:
        assert not MaxPlus(pruned.forms - {form}).equals(pruned, BAND)


def test_arithmetic_is_that_of_powers() -> None:
    rng = random.Random(1)
    a, b = (MaxPlus.of(*random_forms(rng, 3)) for _ in range(2))
    for p in points(40):
        first, second = a.at(p), b.at(p)
        assert first is not None
        assert second is not None
        assert (a + b).at(p) == max(first, second)
        assert (a * b).at(p) == first + second
        assert a.power(Fraction(1, 2)).at(p) == first / 2
    assert (a * ZERO) == ZERO
    assert (a + ZERO) == a
    assert ZERO.expr(sp.symbols("x y")) == -sp.oo


def test_parity_is_that_of_products_of_signs() -> None:
    """An odd function of a sign times an odd one is even: (d^e + s d^o)(d^e' + s d^o') for s = 1, -1."""
    rng, root = random.Random(2), Fraction(2) ** 40  # d is the fourth power of the root
    for _ in range(20):
        e, o, f, u = (rng.randint(-8, 8) for _ in range(4))
        a, b = (
            Graded(MaxPlus.of(0 * x + Fraction(i, 4)), MaxPlus.of(0 * x + Fraction(j, 4))) for i, j in ((e, o), (f, u))
        )
        product = a * b
        values = [(root**e + s * root**o) * (root**f + s * root**u) for s in (1, -1)]
        even, odd = (values[0] + values[1]) / 2, (values[0] - values[1]) / 2
        for part, number in ((product.even, even), (product.odd, odd)):
            found = part.at((0, 0))
            assert found is not None
            assert root ** int(4 * found) <= number <= 2 * root ** int(4 * found)


def test_sums_follow_the_two_laws() -> None:
    one = MaxPlus.of(0 * x)
    assert Graded(even=one).summed().at((0, 0)) == 1
    assert Graded(odd=one).summed().at((0, 0)) == Fraction(1, 2)
    assert Graded(scattered=one).summed().at((0, 0)) == Fraction(1, 2)
    assert (Graded(odd=one) * Graded(odd=one)).summed().at((0, 0)) == 1


def test_floats_are_refused() -> None:
    with pytest.raises(DomainError, match="affine forms"):
        MaxPlus({x})  # type: ignore[arg-type]
    with pytest.raises(DomainError):
        MaxPlus.of(x).power(0.5)  # type: ignore[arg-type]


def test_corners_of_a_strip() -> None:
    frame = corners(BAND, 2)
    assert len(frame.corners) == 2
    assert len(frame.lines) == 1
    assert frame.directions == ()
