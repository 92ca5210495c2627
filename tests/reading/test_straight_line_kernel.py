"""Compiled straight lines: against the interpreter in exact arithmetic, on the recursion and on random programs."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp

from symlimits import errors
from symlimits.language.block import Block, Entry, IdentityMatrix, Numbers, Transposed, blocks
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.straight_line import Definition, Loop, StraightLine
from symlimits.reading import straight_line_source
from symlimits.reading.compiled import compiled
from symlimits.reading.rings import RATIONALS, digits
from symlimits.reading.straight_line import run
from symlimits.reading.straight_line_kernel import LoopKernel
from symlimits.reading.straight_line_room import integers, rooms
from symlimits.theory.deep_linear.recursion import eta, recursion

ROUNDING = 1e-12  # relative to the largest entry: some thousand operations in float64
x, y, z, v = sp.symbols("x y z v", real=True)
t, s, u, T = sp.symbols("t s u T", integer=True)
A, B, M = blocks("A", 2, 2), blocks("B", 2, 2), Block("M", (), (2, 2))
GIVEN = [[1, "1/2"], ["-1/3", 2]]
POWERS = StraightLine([Definition(A(0), IdentityMatrix(2)), Loop(t, 1, T, [Definition(A(t), x * A(t - 1) * M)])], A(T))


def floats(matrix: Any) -> np.ndarray:
    array = np.asarray(matrix, dtype=object)
    return np.array([float(sp.Rational(str(entry))) for entry in array.flat]).reshape(array.shape)


def assert_close(found: Any, wanted: Any) -> None:
    found, wanted = np.asarray(found), floats(wanted)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= ROUNDING * max(1.0, np.abs(wanted).max())


def assert_same_blocks(kernel: LoopKernel, values: tuple[Any, ...], **inputs: Any) -> None:
    """Every matrix that the interpreter defines in fractions, and no other one."""
    memory = run(kernel.expr, RATIONALS, {**dict(zip(kernel.args, values, strict=True)), **inputs})
    found = kernel.blocks(*values, **inputs)
    assert {name: set(family) for name, family in found.items()} == {n: set(f) for n, f in memory.blocks.items()}
    for name, family in memory.blocks.items():
        for place, block in family.items():
            assert_close(found[name][place], block)
    wanted = memory[kernel.expr.output]
    assert_close(kernel(*values, **inputs), wanted if isinstance(wanted, np.ndarray) else np.array(wanted))


# --------------------------------------------------------------------------------------------------- the recursion


def data(d: int, k: int) -> dict[str, list[list[sp.Rational]]]:
    """Covariances of d inputs with two directions at most, and targets that are not aligned with them."""
    rows = [[sp.Rational(i * j % 5 - 2, 3) for j in range(1, d + 1)] for i in range(1, 3)]
    Sxx = [[sum(row[i] * row[j] for row in rows) / 2 for j in range(d)] for i in range(d)]
    return {"Sigma_xx": Sxx, "Sigma_yx": [[sp.Rational(1 + i - 2 * j, 4) for j in range(d)] for i in range(k)]}


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_the_recursion(depth: int) -> None:
    assert_same_blocks(LoopKernel(recursion(depth, 3), (eta,)), ("1/10",), **data(1, 1))


@pytest.mark.slow
@pytest.mark.parametrize(("d", "k"), [(2, 1), (3, 3), (4, 2), (8, 4)])
def test_the_recursion_of_matrices(d: int, k: int) -> None:
    for depth, steps in ((1, 4), (2, 3), (3, 3), (4, 2)):
        assert_same_blocks(LoopKernel(recursion(depth, steps, d, k), (eta,)), ("1/10",), **data(d, k))


def test_thirty_digits() -> None:
    line = recursion(2, 5)
    memory = run(line, digits(30), {eta: "1/7", **data(1, 1)})
    found = LoopKernel(line, (eta,))("1/7", **data(1, 1))
    assert found == pytest.approx(float(memory[line.output][0, 0]), rel=ROUNDING)


def test_the_source_is_the_same_for_any_depth_and_number_of_steps() -> None:
    first, *others = (LoopKernel(recursion(*size), (eta,)).source for size in ((1, 0), (1, 1), (2, 3), (5, 200)))
    assert set(others) == {first}


# ------------------------------------------------------------------------------------------------- random programs


def program(rng: random.Random, rows: int) -> StraightLine:
    """Scalars, a loop up and one down that read each other, sums, powers, transposes, entries; inputs x and M."""
    P, Q, given = blocks("P", rows, rows), blocks("Q", rows, rows), Block("M", (), (rows, rows))
    last = rng.randint(2, 4)

    def number() -> sp.Expr:
        return rng.choice([sp.Rational(rng.randint(-3, 3), rng.randint(1, 4)), x, y, z / 3, t, 1 + x * y])

    def matrix(past: list[sp.Expr]) -> sp.Expr:
        read = rng.choice([*past, given, given**2, IdentityMatrix(rows), constant])
        return rng.choice([read, Transposed(read), read * rng.choice(past), Transposed(read + given) * read, read**2])

    constant = Numbers([[sp.Rational(i - j, 1 + i) + (x if i == j else 0) for j in range(rows)] for i in range(rows)])
    P_sum = sp.Sum(sp.Rational(1, 3) * P(u) * rng.choice([given, Transposed(P(u)), P(t - 1)]), (u, 0, t - 1))
    Q_sum = sp.Sum(u * x * P(u) * Q(t + 1), (u, t, last - rng.randint(0, 2)))
    up = number() * matrix([P(t - 1), P(0)]) + rng.choice([1, x]) * P_sum
    down = matrix([Q(t + 1), P(t), P(last - t)]) + number() * Q_sum
    statements = [
        Definition(y, x**2 / 3 - rng.randint(0, 2)),
        Definition(P(0), rng.choice([IdentityMatrix(rows), constant])),
        Definition(z, Entry(P(0) + y * given, 0, rows - 1) + sp.Sum(x**2 / (1 + u) ** 2, (u, 0, 3))),
        Loop(t, 1, last, [Definition(P(t), up)]),
        Definition(Q(last), given * Transposed(given)),
        Loop(t, last - 1, 0, [Definition(Q(t), down)], -1),
    ]
    total = sp.Sum(Entry(Q(u), rows - 1, 0) ** 2 * u, (u, 0, last))
    return StraightLine(statements, rng.choice([Q(0), Entry(Q(0) * P(last), 0, 0) - z, total + y, P(last) - Q(1)]))


def assert_program(seed: int, rows: int) -> None:
    line = program(random.Random(seed), rows)
    given = [[f"{(i + 2 * j) % 5 - 2}/5" for j in range(rows)] for i in range(rows)]
    assert_same_blocks(compiled(line, (x,)), (sp.Rational(3, 4),), M=given)


@pytest.mark.parametrize("seed", [1, 2])
def test_random_programs(seed: int) -> None:
    assert_program(seed, 2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 18))
@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_more_random_programs(seed: int, rows: int) -> None:
    assert_program(seed, rows)


def test_matrices_in_loops_are_matrices_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large matrices are arrays in memory, small ones variables: the same program, both ways."""
    line = StraightLine(
        [*POWERS.subs(T, 5).statements, Definition(y, Entry(A(2) * Transposed(M) + IdentityMatrix(2), 1, 0))],
        y * (A(5) + Numbers([[x, 1], [0, y]]) ** 3),
    )
    monkeypatch.setattr(straight_line_source, "UNROLLED", 0)
    assert "range(2)" in LoopKernel(line, (x,)).source
    assert_same_blocks(LoopKernel(line, (x,)), ("1/3",), M=GIVEN)


# --------------------------------------------------------------------------------------------------- as an object


def test_it_broadcasts() -> None:
    kernel = LoopKernel(POWERS.subs(T, 3), (x,))
    cube = np.linalg.matrix_power(floats(GIVEN), 3)
    points = np.array([[0.5], [-2.0], [0.0]])
    found = kernel(points, M=GIVEN)
    assert found.shape == (3, 1, 2, 2)
    assert np.allclose(found, points[..., None, None] ** 3 * cube, rtol=ROUNDING)
    assert kernel([], M=GIVEN).shape == (0, 2, 2)
    trace = LoopKernel(StraightLine(kernel.expr.statements, Entry(A(3), 0, 0)), (x,))(2.0, M=GIVEN)
    assert isinstance(trace, float)


def test_it_is_data() -> None:
    kernel = LoopKernel(POWERS.subs(T, 3), (x,))
    again = pickle.loads(pickle.dumps(kernel))
    assert again == kernel
    assert again.source == kernel.source
    assert again(1.0, M=GIVEN).tolist() == kernel(1.0, M=GIVEN).tolist()
    assert repr(kernel).startswith("LoopKernel(expr=A[3] after 2 definitions, args=(x,)")


def test_inputs_with_indices() -> None:
    """Those of a family come by their indices; what the ranges do not reach is not read."""
    line = StraightLine([], sp.Sum(u * B(u), (u, 2, 4)))
    given = {(i,): floats(GIVEN) * i for i in range(9)}
    assert np.allclose(LoopKernel(line, ())(B=given), floats(GIVEN) * (4 + 9 + 16), rtol=ROUNDING)
    with pytest.raises(errors.DomainError, match="no float"):  # the third is missing
        LoopKernel(line, ())(B={(2,): GIVEN, (4,): GIVEN})


def test_rooms() -> None:
    """Triangles take their square; what runs nowhere takes none."""
    body = [Definition(A(t, s), sp.Sum(A(t - 1, u), (u, 0, s))), Loop(u, 5, 3, [Definition(B(u), M)])]
    line = StraightLine([Loop(t, 1, 4, [Loop(s, 0, t - 1, body)])], A(4, 4))
    assert {name: room.intervals for name, room in rooms(line).items()} == {
        **{"M": (), "A": ((0, 4), (0, 4)), "B": ((0, -1),)}
    }
    assert integers(POWERS) == {T}


# --------------------------------------------------------------------------------------------------------- refusals


def twice() -> StraightLine:
    return StraightLine([Loop(t, 0, 3, [Definition(A(0), x * IdentityMatrix(2))])], A(0))


EARLY = StraightLine([Definition(A(0), x * A(1)), Definition(A(1), M)], A(0))
SCALAR = StraightLine([Definition(y, x**400)], Entry(y * IdentityMatrix(2), 0, 0))
MEAN = GaussianExpectation(sp.tanh(v) ** 2, (v,), [[1]])


@pytest.mark.parametrize(
    ("line", "values", "inputs", "error", "words"),
    [
        (POWERS.subs(T, 2).subs(x, MEAN), (), {"M": GIVEN}, errors.NoRule, "expectation without closed form"),
        (POWERS.subs(T, 2).subs(x, sp.zeta(x)), (2.0,), {"M": GIVEN}, errors.NoRule, "compiled code for zeta"),
        (POWERS.subs(T, 2).subs(A(2), A(t)), (2.0,), {"M": GIVEN}, errors.UnboundSymbol, "t without a value"),
        (StraightLine([Definition(A(T**2), IdentityMatrix(2))], A(0)), (), {}, errors.NoRule, "the index T"),
        (POWERS, (2.0,), {"M": GIVEN}, errors.UnboundSymbol, "T without a value"),
        (StraightLine([], Block("B", (0,), (2, 0))), (), {"B": {(0,): GIVEN}}, errors.NoRule, "0 as a number of rows"),
        (StraightLine([], IdentityMatrix(T)), (), {}, errors.UnboundSymbol, "T without a value"),
        (POWERS.subs(T, 2).subs(x, x * z), (2.0,), {"M": GIVEN}, errors.UnboundSymbol, "z without a value"),
        (POWERS.subs(T, 2), (2.0,), {}, errors.UnboundSymbol, "M without a value"),
        (POWERS.subs(T, 2), (2.0,), {"M": GIVEN, "K": GIVEN}, errors.DataError, "a value for K"),
        (POWERS.subs(T, 2), (2.0,), {"M": [[1, 2]]}, errors.DataError, r"shape \(1, 2\)"),
        (POWERS.subs(T, 2), (2.0, 1.0), {"M": GIVEN}, errors.DataError, "2 arguments"),
        (POWERS.subs(T, 10**6), (2.0,), {"M": GIVEN}, errors.DomainError, "1000000 values of t"),
        (twice(), (2.0,), {}, errors.DomainError, r"A\[0\] defined twice"),
        (EARLY, (2.0,), {"M": GIVEN}, errors.DomainError, "no float"),
        (StraightLine([Definition(A(0), x * A(0) + M)], A(0)), (2.0,), {"M": GIVEN}, errors.DomainError, "no float"),
        (SCALAR, (10.0,), {}, errors.DomainError, "no float"),
        (StraightLine([Definition(Block("A", (0,), (2, 1)), 0)], A(1)), (), {}, errors.NoRule, "of shapes"),
    ],
)  # fmt: skip
def test_refusals(
    line: StraightLine, values: tuple[float, ...], inputs: dict[str, Any], error: Any, words: str
) -> None:
    with pytest.raises(error, match=words):
        LoopKernel(line, (x,)[: len(values)])(*values, **inputs)


def test_memory_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> int:
        return 100

    monkeypatch.setattr("symlimits.memory.available_bytes", none)
    with pytest.raises(errors.ResourceError, match="44 numbers"):
        LoopKernel(POWERS.subs(T, 9), (x,))(1.0, M=GIVEN)


def test_integers_do_not_wrap_around() -> None:
    """Products of constants are those of floats."""
    line = StraightLine([Definition(y, sp.Integer(10) ** 10), Definition(z, y**4)], Entry(z * IdentityMatrix(2), 0, 0))
    assert LoopKernel(line, ())() == pytest.approx(1e40, rel=ROUNDING)


def test_the_right_kernel_is_chosen() -> None:
    choices: list[tuple[StraightLine, Callable[..., Any]]] = [
        (StraightLine([Definition(y, 1 + x)], y**2), lambda a: (1 + a) ** 2),
        (StraightLine([Definition(y, sp.Sum(x**u, (u, 0, 3)))], y**2), lambda a: (1 + a + a**2 + a**3) ** 2),
    ]
    for line, function in choices:
        assert compiled(line, (x,))(0.5) == pytest.approx(function(0.5), rel=ROUNDING)
