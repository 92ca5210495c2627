"""Straight lines as data: what is bound, what is free, what is refused, and JSON."""

from __future__ import annotations

import json

import pytest
import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.block import Block, IdentityMatrix, blocks
from symlimits.language.straight_line import Definition, Loop, StraightLine, definitions, loops
from symlimits.language.tree import from_tree, to_tree
from symlimits.theory.deep_linear.recursion import recursion

x, y, z, eta = sp.symbols("x y z eta", positive=True)
t, s, u, T = sp.symbols("t s u T", integer=True)
A, M = blocks("A", 2, 2), Block("M", (), (2, 2))
SCALARS = StraightLine([Definition(y, 1 + x), Definition(z, y**2 + y)], y * z)
POWERS = StraightLine([Definition(A(0), IdentityMatrix(2)), Loop(t, 1, T, [Definition(A(t), A(t - 1) * M)])], A(T))


def test_parts() -> None:
    assert [definition.target for definition in definitions(SCALARS.statements)] == [y, z]
    assert (SCALARS.output, SCALARS.free_symbols, SCALARS.bound_symbols) == (y * z, {x}, [y, z])
    assert (POWERS.free_symbols, POWERS.bound_symbols, POWERS.inputs) == ({T}, [t], {"M"})
    (loop,) = loops(POWERS.statements)
    assert (loop.index, loop.ends, loop.step) == (t, (1, T), 1)
    assert SCALARS.is_commutative
    assert SCALARS.is_real
    assert not POWERS.is_commutative


@pytest.mark.parametrize("line", [SCALARS, POWERS, recursion(2, 3), recursion(sp.Symbol("L", integer=True), T, 2, 1)])
def test_it_comes_back_from_json(line: StraightLine) -> None:
    back = from_tree(json.loads(json.dumps(to_tree(line))))
    assert back == line
    assert line.func(*line.args) == line


def test_substitution_leaves_what_is_bound() -> None:
    assert SCALARS.subs(x, 2).free_symbols == set()
    assert SCALARS.subs(y, 2) == SCALARS
    assert POWERS.subs(t, 5) == POWERS
    assert POWERS.subs(T, 3).output == A(3)


def test_substitution_does_not_capture() -> None:
    """A value that holds a y is not the y that is defined."""
    moved = SCALARS.subs(x, y)
    assert moved.free_symbols == {y}
    assert y not in moved.bound_symbols
    assert moved.statements[0].expression == 1 + y


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: Definition(x + 1, y), "a symbol or a block"),
        (lambda: Definition(A(0), x), "of the expression's shape"),
        (lambda: Definition(x, A(0)), "of the expression's shape"),
        (lambda: Definition(A(0), Block("B", (), (2, 3))), "of the expression's shape"),
        (lambda: Loop(t, 0, t, []), "ends without it"),
        (lambda: Loop(t, 0, 3, [], 2), "1 or -1"),
        (lambda: Loop(t, 0, 3, [x]), "a definition or a loop"),
        (lambda: StraightLine([x], x), "a definition or a loop"),
        (lambda: StraightLine([Loop(t, 0, 3, [Definition(x, t)])], x), "a block with indices"),
        (lambda: StraightLine([Definition(x, y), Definition(x, z)], x), "one for each symbol"),
        (lambda: StraightLine([Definition(y, z), Definition(z, x)], y), "in their order"),
        (lambda: StraightLine([Definition(x, x + 1)], x), "in their order"),
        (lambda: StraightLine([Loop(t, 0, 3, [Definition(A(t), x * M)]), Definition(x, z)], x), "in their order"),
    ],
)
def test_refused(build: object, words: str) -> None:
    with pytest.raises(DomainError, match=words):
        build()  # type: ignore[operator]


def test_a_definition_by_zero_has_any_shape() -> None:
    assert Definition(A(0), 0).expression == 0
