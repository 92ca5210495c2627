"""Exact polyhedra against brute force over sign vectors, against HiGHS, and against identities."""

from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from symlimits.derivation.affine import Affine, as_fraction, coprime, row
from symlimits.derivation.cones import Cone
from symlimits.derivation.polyhedra import Constraint, faces, feasible, implied, minimal, simplest, witness
from symlimits.errors import DomainError

SLACK = 1e-7  # of HiGHS, whose tolerances are 1e-7; the integer systems below are far from it where they have interior
small = st.integers(-3, 3)


def forms(dimension):
    return st.builds(lambda c, k: Affine(tuple(c), k), st.tuples(*[small] * dimension), small)


def systems(dimension, most=7):
    constraint = st.builds(Constraint, forms(dimension), st.sampled_from(["<", "<=", "="]))
    return st.lists(constraint, max_size=most)


def highs_finds(constraints, dimension):
    """Whether the largest common slack of the strict constraints, at most 1, is positive, in floating point."""
    upper, equal = [], []
    for known in constraints:
        numbers = [float(c) for c in known.form.coefficients], float(known.form.constant)
        (equal if known.relation == "=" else upper).append((*numbers, float(known.relation == "<")))
    found = linprog(
        [0.0] * dimension + [-1.0],
        A_ub=[[*c, strict] for c, _, strict in upper] or None,
        b_ub=[-k for _, k, _ in upper] or None,
        A_eq=[[*c, 0.0] for c, _, _ in equal] or None,
        b_eq=[-k for _, k, _ in equal] or None,
        bounds=[(None, None)] * dimension + [(None, 1.0)],
        method="highs",
    )
    strict = any(known.relation == "<" for known in constraints)
    return found.status != 2 and (found.status == 3 or not strict or -found.fun > SLACK)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.integers(1, 4).flatmap(lambda n: st.tuples(st.just(n), systems(n))))
def test_feasibility_is_that_of_highs_and_the_witness_satisfies(drawn):
    dimension, constraints = drawn
    point = witness(constraints, dimension)
    assert (point is not None) == highs_finds(constraints, dimension) == feasible(constraints, dimension)
    assert point is None or all(constraint.holds(point) for constraint in constraints)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(systems(2))
def test_the_witness_is_in_the_relative_interior(constraints):
    """What the witness satisfies with equality, all solutions do."""
    point = witness(constraints, 2)
    for form in (known.form for known in constraints if point is not None and known.form(point) == 0):
        assert implied(constraints, Constraint(form, "="))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(forms(2), min_size=1, max_size=4), systems(2, most=2))
def test_faces_are_the_feasible_sign_vectors(drawn, region):
    found = {face.signs: face for face in faces(drawn, region, dimension=2)}
    for signs in product((-1, 0, 1), repeat=len(drawn)):
        cut = [Constraint(-f if s > 0 else f, "<" if s else "=") for f, s in zip(drawn, signs, strict=True)]
        assert (signs in found) == feasible([*region, *cut], 2)
    for signs, face in found.items():
        assert all(known.holds(face.witness) for known in (*region, *face.constraints))
        assert signs == tuple((f(face.witness) > 0) - (f(face.witness) < 0) for f in drawn)


def test_faces_without_a_region_have_the_characteristic_of_the_space():
    """The faces of an arrangement of lines in the plane: vertices - edges + cells = 1, and dimensions are right."""
    x, y = Affine.variables(2)
    found = faces([x, y, x + y - 1, x - y, 2 * x + 1])
    counts = [sum(face.dimension == d for face in found) for d in range(3)]
    assert counts[0] - counts[1] + counts[2] == 1
    assert all(len({s for s in face.signs if not s}) == (face.dimension < 2) for face in found)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(systems(3, most=6))
def test_minimal_describes_the_same_set_without_a_constraint_to_spare(constraints):
    kept = minimal(constraints)
    assert set(kept) <= set(constraints)
    assert all(implied(kept, constraint) for constraint in constraints)
    assert not any(implied([other for other in kept if other is not one], one) for one in kept)


def test_a_boundary_point_implies_no_strict_inequality():
    x, y = Affine.variables(2)
    closed = [Constraint(x, "<="), Constraint(y, "<=")]
    assert implied(closed, Constraint(x + y, "<="))
    assert not implied(closed, Constraint(x + y, "<"))
    assert implied([Constraint(x, "="), Constraint(y, "=")], Constraint(x - 2 * y, "="))
    assert implied([Constraint(x, "<"), Constraint(-x, "<")], Constraint(y, "<"))  # no solution: everything follows


def test_a_cube_has_its_faces_and_its_vertices():
    x, y, z = Affine.variables(3)
    region = [Constraint(sign * v - 1, "<=") for v in (x, y, z) for sign in (-1, 1)]
    found = faces([known.form for known in region], region)
    assert [sum(face.dimension == d for face in found) for d in range(4)] == [8, 12, 6, 1]
    cone = Cone.whole(4).cut((0, 0, 0, -1), open=True)
    for known in region:
        cone = cone.cut(row(known.form))
    assert sorted(cone.rays) == sorted((*corner, 1) for corner in product((-1, 1), repeat=3))
    assert cone.dimension == 4


@settings(deadline=None, derandomize=True)
@given(st.fractions(-4, 4, max_denominator=20), st.fractions(-4, 4, max_denominator=20))
def test_simplest_has_the_smallest_denominator(a, b):
    low, high = min(a, b), max(a, b)
    if low == high:
        return
    found = simplest(low, high)
    assert low < found < high
    inside = {
        Fraction(k, d) for d in range(1, found.denominator + 1) for k in range(-5 * d, 5 * d) if low * d < k < high * d
    }
    assert min(f.denominator for f in inside) == found.denominator
    assert min(abs(f) for f in inside if f.denominator == found.denominator) == abs(found)


@settings(deadline=None, derandomize=True)
@given(
    forms(3), forms(3), st.tuples(*[st.fractions(-5, 5, max_denominator=9)] * 3), st.fractions(-9, 9, max_denominator=9)
)
def test_affine_forms_are_added_and_scaled_as_their_values(f, g, point, factor):
    assert (f + g)(point) == f(point) + g(point)
    assert (f - g)(point) == f(point) - g(point)
    assert (factor * f)(point) == factor * f(point)
    assert (2 - f)(point) == 2 - f(point)
    primitive = f.primitive()
    assert coprime(row(f)) == row(f) == row(primitive)
    assert primitive(point) * f(point) >= 0
    assert f.expr(range(3)).free_symbols == set()


@pytest.mark.parametrize("value", [0.5, True, "1/2", None])
def test_what_is_not_exact_is_refused(value):
    with pytest.raises(DomainError, match="an integer, a Fraction or a SymPy Rational"):
        as_fraction(value)
    with pytest.raises(DomainError):
        Affine((value,), 0)


def test_forms_of_other_dimensions_and_relations_are_refused():
    x, _ = Affine.variables(2)
    (z,) = Affine.variables(1)
    with pytest.raises(DomainError, match="as many variables"):
        x + z
    with pytest.raises(DomainError, match="2 variables"):
        witness([Constraint(z, "<")], 2)
    with pytest.raises(DomainError, match="'<', '<=' or '='"):
        Constraint(x, ">")
    with pytest.raises(DomainError, match="no form"):
        faces([])


def test_no_float_is_made():
    rng = np.random.default_rng(0)
    rows = rng.integers(-9, 10, size=(8, 4)).tolist()
    found = faces([Affine(tuple(r[:3]), r[3]) for r in rows[:5]])
    numbers = [x for face in found for x in face.witness]
    assert numbers
    assert all(type(x) is Fraction for x in numbers)
    assert all(first.signs != second.signs for first, second in pairwise(found))
