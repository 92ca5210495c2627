"""Parts that several expressions share: written once, read back the same, and counted as if they were written out."""

from __future__ import annotations

import json

import pytest
import sympy as sp

from symlimits.errors import FormulaError
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.shared_parts import shared_parts
from symlimits.language.straight_line import Definition, StraightLine
from symlimits.language.tree import MAX_NODES, from_trees, shared_trees, to_tree

g, x, y, z = sp.symbols("g x y z", real=True)


def test_round_trip() -> None:
    inner = Definition(z, sp.tanh(g * x) ** 2 + 1)
    heads = [GaussianExpectation(StraightLine([inner], z * f), (g,), [[x + 1]]) for f in (g, g**2, sp.cos(g))]
    exprs = [StraightLine([Definition(y, heads[0] + heads[1])], y * heads[2]), heads[0] ** 2]
    shared = shared_parts(exprs)
    assert sp.Tuple(inner) in shared
    assert heads[0] in shared
    assert shared.index(sp.Tuple(inner)) < shared.index(heads[0])
    places = {part: k for k, part in enumerate(shared)}
    trees, parts = json.loads(json.dumps([[to_tree(e, places) for e in exprs], shared_trees(shared)]))
    assert from_trees(trees, parts) == exprs
    assert json.dumps([trees, parts]).count('"tanh"') == 1


ONE = {"head": "Add", "args": [1, {"symbol": "x", "assumptions": {}}]}
DOUBLED = [{"head": "Mul", "args": [{"shared": k}, {"shared": k}]} for k in range(40)]
HOSTILE = {
    "a part that comes later": ([{"shared": 1}], [{"shared": 1}, ONE]),
    "a part in itself": ([{"shared": 0}], [{"head": "sin", "args": [{"shared": 0}]}]),
    "no part": ([{"shared": 3}], [ONE]),
    "a part from the end": ([{"shared": -1}], [ONE]),
    "a truth for a place": ([{"shared": True}], [ONE, ONE]),
    "a text for a place": ([{"shared": "0"}], [ONE]),
    "parts that double": ([{"shared": 40}], [ONE, *DOUBLED]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_parts(name: str) -> None:
    trees, parts = HOSTILE[name]
    with pytest.raises(FormulaError):
        from_trees(trees, parts)


def test_levels_count_through_parts() -> None:
    chain = [{"head": "sin", "args": [{"symbol": "x", "assumptions": {}}]}]
    chain += [{"head": "sin", "args": [{"shared": k}]} for k in range(150)]
    assert from_trees([{"shared": 150}], chain)[0].has(sp.sin)
    with pytest.raises(FormulaError, match=f"{MAX_NODES} nodes"):
        from_trees([{"shared": 250}], chain + [{"head": "sin", "args": [{"shared": k}]} for k in range(150, 250)])
