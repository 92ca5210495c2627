"""Straight lines over rings: the same statements, the same value, in every arithmetic."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from mpmath import mp, mpf

from symlimits.errors import DataError, DomainError, NoRule, UnboundSymbol
from symlimits.language.block import Block, Entry, IdentityMatrix, Numbers, Transposed, blocks
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.straight_line import Definition, Loop, StraightLine
from symlimits.reading.reference import reference
from symlimits.reading.ring import Ring
from symlimits.reading.rings import FLOATS, RATIONALS, as_polynomial, digits, modulo, polynomials
from symlimits.reading.straight_line import run

x, y, z = sp.symbols("x y z", positive=True)
t, u, T = sp.symbols("t u T", integer=True)
PRIME = 10007
FRACTIONS = Ring("fractions", lambda number: Fraction(int(number.p), int(number.q)))  # what stands in for flint
A, M = blocks("A", 2, 2), Block("M", (), (2, 2))
SCALARS = StraightLine([Definition(y, x**2 + sp.Rational(1, 3)), Definition(z, y**3 - 2 * x)], y * z)
# A_t = I + sum over the past of A_u M': what an empty sum is, transposes, sums
GROWTH = StraightLine(
    [Loop(t, 0, T, [Definition(A(t), IdentityMatrix(2) + sp.Sum(x * A(u) * Transposed(M), (u, 0, t - 1)))])], A(T)
)
ENTRIES = [[1, 2], [sp.Rational(1, 2), -1]]
ROUNDING = 1e-14  # a few operations in float64, relative


def growth(ring: Ring, steps: int = 5) -> Any:
    memory = run(GROWTH, ring, {x: sp.Rational(2, 5), "M": ENTRIES, T: steps})
    return memory[A(steps)]


def expected(steps: int = 5) -> sp.Matrix:
    """A_t = (I + x M') A_{t-1} for t > 1, and A_1 = I + x M'."""
    return (sp.eye(2) + sp.Rational(2, 5) * sp.Matrix(ENTRIES).T) ** steps


@pytest.mark.parametrize("ring", [FRACTIONS, RATIONALS])
def test_rationals_are_exact(ring: Ring) -> None:
    found = [[sp.Rational(str(entry)) for entry in row] for row in growth(ring).tolist()]
    assert sp.Matrix(found) == expected()
    value = run(SCALARS, ring, {x: "3/7"})[SCALARS.output]
    assert sp.Rational(str(value)) == value_at(sp.Rational(3, 7))


def value_at(point: sp.Expr) -> sp.Expr:
    first = point**2 + sp.Rational(1, 3)
    return sp.expand(first * (first**3 - 2 * point))


def test_floats() -> None:
    truth = np.array(expected(), dtype=float)
    assert np.abs(growth(FLOATS) - truth).max() < ROUNDING * np.abs(truth).max()
    assert growth(FLOATS).dtype == np.float64


def test_integers_modulo_a_prime() -> None:
    found = growth(modulo(PRIME)).tolist()
    assert found == [[int(e.p) * pow(int(e.q), -1, PRIME) % PRIME for e in row] for row in expected().tolist()]
    assert run(SCALARS, modulo(PRIME), {x: 5})[SCALARS.output] == value_at(sp.Integer(5)).p * pow(81, -1, PRIME) % PRIME


def test_a_fraction_that_a_prime_does_not_have() -> None:
    with pytest.raises(DomainError, match="modulo 7"):
        modulo(7).convert(sp.Rational(1, 14))


def test_numbers_of_many_digits() -> None:
    (entry,) = growth(digits(40))[0, :1]
    with mp.workdps(40):
        truth = mpf(expected()[0, 0].p) / expected()[0, 0].q
        assert isinstance(entry, mpf)
        assert abs(entry - truth) < mpf(10) ** -37 * abs(truth)


def test_polynomials() -> None:
    value = run(SCALARS, polynomials(x), {x: x})[SCALARS.output]
    assert sp.expand(as_polynomial(value, x).as_expr() - value_at(x)) == 0
    found = run(GROWTH, polynomials(x), {x: x, "M": ENTRIES, T: 3})[A(3)]
    assert sp.expand(as_polynomial(found[0, 1], x).as_expr() - ((sp.eye(2) + x * sp.Matrix(ENTRIES).T) ** 3)[0, 1]) == 0


def test_an_empty_sum_is_zero() -> None:
    assert growth(FRACTIONS, 0).tolist() == [[1, 0], [0, 1]]


def test_downwards() -> None:
    down = [Definition(A(3), IdentityMatrix(2)), Loop(t, 2, 0, [Definition(A(t), A(t + 1) * M)], -1)]
    found = run(StraightLine(down, A(0)), FRACTIONS, {"M": ENTRIES})[A(0) ** 2]
    assert sp.Matrix(found.tolist()) == sp.Matrix(ENTRIES) ** 6


def test_inputs_may_be_families() -> None:
    line = StraightLine([Definition(A(0), M * Block("B", (1,), (2, 2)))], A(0))
    found = run(line, FRACTIONS, {"M": ENTRIES, "B": {(1,): [[0, 1], [1, 0]]}})[A(0)]
    assert found.tolist() == [[2, 1], [-1, Fraction(1, 2)]]


def test_functions_where_the_ring_has_them() -> None:
    """Roots and expectations over floats and mpmath; rationals and polynomials refuse them."""
    v = sp.Symbol("v", real=True)
    head = GaussianExpectation(v**4, (v,), [[x + 1]])  # 3 (x + 1)^2
    line = StraightLine([Definition(y, sp.sqrt(x) + 2 * head), Definition(z, sp.pi * y)], z)
    truth = sp.pi * (sp.sqrt(2) + 6 * 9)
    assert abs(run(line, FLOATS, {x: 2})[z] / float(truth) - 1) < ROUNDING
    with mp.workdps(30):
        assert abs(run(line, digits(30), {x: 2})[z] / mp.mpmathify(truth.evalf(30)) - 1) < mpf(10) ** -27
    with pytest.raises(NoRule, match="over rationals"):
        run(line, RATIONALS, {x: 2})
    with pytest.raises(NoRule, match="modulo"):
        run(StraightLine([Definition(y, sp.pi * x)], y), modulo(7), {x: 2})


def test_the_reference_of_a_straight_line_is_its_value() -> None:
    line = StraightLine([Definition(y, x**2 + sp.sqrt(2)), Definition(z, 1 / y)], y + z)
    truth = (sp.Integer(9) + sp.sqrt(2)) + 1 / (sp.Integer(9) + sp.sqrt(2))
    with mp.workdps(30):
        assert abs(reference(line, {x: sp.Integer(3)}, 30) - mp.mpmathify(truth.evalf(35))) < mpf(10) ** -28
        doubled = reference(2 * line + x, {x: sp.Integer(3)}, 30)
        assert abs(doubled - mp.mpmathify((2 * truth + 3).evalf(35))) < mpf(10) ** -27


@pytest.mark.parametrize(
    ("line", "inputs", "error", "words"),
    [
        (SCALARS, {}, UnboundSymbol, "x without a value"),
        (GROWTH, {x: 1, T: 1}, UnboundSymbol, "M without a value"),
        (GROWTH, {x: 1, "M": [1, 2], T: 1}, DataError, "rows and columns"),
        (StraightLine([Definition(A(0), A(1))], A(0)), {}, DomainError, "no value"),
        (StraightLine([Loop(t, 0, 1, [Definition(A(0), M)])], A(0)), {"M": ENTRIES}, DomainError, "defined twice"),
        (GROWTH, {x: 1, "M": ENTRIES, T: 10**9}, DomainError, "at most 100000"),
        (StraightLine([Definition(A(t**2), M)], A(0)), {"M": ENTRIES, t: 1}, NoRule, "sums and products of integers"),
    ],
)
def test_refused(line: StraightLine, inputs: dict[Any, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        run(line, FRACTIONS, inputs)


def test_functions_of_entries_and_of_indices() -> None:
    """What is no polynomial is read by the ring, also where it holds what comes from matrices."""
    total = sp.Sum(sp.sqrt(u) * Entry(A(u), 0, 0), (u, 1, 3))
    line = StraightLine([Loop(t, 1, 3, [Definition(A(t), t * x * IdentityMatrix(2))])], sp.exp(-total) * sp.sqrt(total))
    wanted = 2 * x + sum(u_ * sp.sqrt(u_) * x for u_ in (1, 2, 3)) - 2 * x
    truth = (sp.exp(-wanted) * sp.sqrt(wanted)).subs(x, sp.Rational(1, 3)).evalf(50)
    assert run(line, FLOATS, {x: sp.Rational(1, 3)})[line.output] == pytest.approx(float(truth), rel=ROUNDING)
    assert abs(reference(line, {x: sp.Rational(1, 3)}, 40) - mp.mpmathify(truth)) < mpf(10) ** -40
    with pytest.raises(NoRule, match="over rationals"):
        run(line, RATIONALS, {x: sp.Rational(1, 3)})[line.output]


def test_references_are_right_where_definitions_cancel() -> None:
    """Also where more digits are lost than twice as many bring."""
    for power in (10, 60, 100):
        small = x / 10**power
        line = StraightLine([Definition(y, sp.sqrt(1 + small)), Definition(z, y - 1)], 10**power * z)
        found = reference(line, {x: sp.sqrt(2)}, 30)
        with mp.workdps(900):
            h = mp.sqrt(2) / mpf(10) ** power
            truth = mp.sqrt(2) / (mp.sqrt(1 + h) + 1)
            assert abs(found - truth) < mpf(10) ** -29
    zero = StraightLine([Definition(y, sp.sqrt(x)), Definition(z, y**2 - x)], z)
    assert abs(reference(zero, {x: sp.sqrt(2)}, 30)) < mpf(10) ** -60
    lost = StraightLine([Definition(y, sp.sqrt(1 + x / 10**400)), Definition(z, y - 1)], 10**400 * z)
    with pytest.raises(NoRule, match="digits"):
        reference(lost, {x: sp.sqrt(2)}, 30)


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_references_at_the_ends_of_ranges(steps: int) -> None:
    """No step at all, one, some; with numbers that are rational, zero, and neither."""
    line = GROWTH.subs(T, steps).subs(M, Numbers(ENTRIES))
    entry = StraightLine(line.statements, Entry(line.output, 1, 0))
    power = sp.Matrix(ENTRIES).T
    for number in (sp.S.Zero, sp.Rational(2, 5), sp.sqrt(2), sp.pi / 10**40):
        state, total = sp.eye(2), sp.zeros(2, 2)
        for _ in range(steps):
            total += state * power * number
            state = (sp.eye(2) + total).applyfunc(sp.expand)
        truth = mp.mpmathify(state[1, 0].evalf(60))
        with mp.workdps(60):
            assert abs(reference(entry, {x: number}, 30) - truth) <= mpf(10) ** -29 * abs(truth)
