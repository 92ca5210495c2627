"""Iterated maps: symbols, substitution, repetition."""

from __future__ import annotations

import pytest
import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.recursion import Recursion
from symlimits.reading.reference import reference

y, z, a = sp.symbols("y z a", positive=True)
L = sp.Symbol("L", integer=True, positive=True)
SQUARES = Recursion((y,), (a,), [((y**2,), 3)], y)
FIBONACCI = Recursion((y, z), (0, 1), [((z, y + z), L)], y)


def test_parts() -> None:
    assert (FIBONACCI.states, FIBONACCI.start, FIBONACCI.output) == ((y, z), (0, 1), y)
    assert FIBONACCI.stages == (((z, y + z), L),)
    assert FIBONACCI.free_symbols == {L}
    assert FIBONACCI.bound_symbols == [y, z]
    assert FIBONACCI.is_real
    assert FIBONACCI.func(*FIBONACCI.args) == FIBONACCI


@pytest.mark.parametrize(
    ("states", "start", "stages", "output"),
    [((y,), (1, 2), [((y,), 1)], y), ((y,), (1,), [((y, y), 1)], y), ((y,), (1,), [((y,), 1)], z)],
)
def test_refused(states: object, start: object, stages: object, output: object) -> None:
    with pytest.raises(DomainError, match="one start value and one map"):
        Recursion(states, start, stages, output)


def test_all_states_move_at_once() -> None:
    assert [FIBONACCI.subs(L, n).unroll() for n in range(1, 8)] == [1, 1, 2, 3, 5, 8, 13]
    assert FIBONACCI.subs(L, 0).unroll() == 0
    assert SQUARES.unroll() == a**8


def test_stages_follow_each_other() -> None:
    both = Recursion((y,), (a,), [((y**2,), 2), ((y + 1,), 3)], y)
    assert both.unroll() == a**4 + 3


def test_a_block_of_layers() -> None:
    block = Recursion((y,), (a,), [(((y**2,), (y + 1,)), 2)], y)
    assert sp.expand(block.unroll() - ((a**2 + 1) ** 2 + 1)) == 0
    assert block.stages == (((y**2 + 1,), 2),)
    assert len(list(block.repeated())) == 4


def test_an_open_depth_cannot_be_unrolled() -> None:
    with pytest.raises(DomainError, match="repeated L times"):
        FIBONACCI.unroll()


def test_states_are_bound_in_the_maps_only() -> None:
    """A start value may hold a symbol that is called like a state."""
    own = Recursion((y,), (y + a,), [((a * y,), 2)], y)
    assert own.free_symbols == {y, a}
    assert own.subs(y, 3).start == (3 + a,)
    assert own.subs(y, 3).stages == (((a * y,), 2),)
    assert own.subs({a: 2, y: 3}).unroll() == 20
    assert SQUARES.subs(y, 5) == SQUARES
    assert SQUARES.subs(a, 2).unroll() == 256


def test_substitution_does_not_capture() -> None:
    own = Recursion((y,), (y + a,), [((a * y,), 2)], y)
    inside = own.subs(a, y)
    assert (inside.start, inside.free_symbols) == ((2 * y,), {y})
    assert inside.subs(y, 3).unroll() == 54
    assert Recursion((y,), (a,), [((y**2,), 2)], y).subs(a, y).states == (y,), "start values are outside"


def test_its_value_is_its_reference() -> None:
    assert reference(FIBONACCI, {L: sp.S(50)}, 20) == 12586269025
    own = Recursion((y,), (y + a,), [((a * y,), 2)], y)
    assert reference(own, {a: sp.S(2), y: sp.S(3)}, 15) == 20
