"""Tensor programs as JSON: there and back, and files that were tampered with."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

import symlimits as sl
from symlimits import activations as act
from symlimits.language.program_tree import program_from_tree, program_to_tree

NETS = {
    "mup": sl.training_program(sl.mlp(2, act.gelu, 1, "b"), [[1, "a"], [0, 1]], [1, "-1/3"], 2, "eta"),
    "ntk": sl.training_program(sl.mlp(3, act.relu, 2, 0), [[1, 0.5]], [1], 1, scaling="ntk"),
}


@pytest.mark.parametrize("scaling", NETS)
def test_there_and_back(scaling: str) -> None:
    program = NETS[scaling].tp.program
    last = len(program.instructions) - 1
    tree = json.loads(json.dumps(program_to_tree(program, last)))
    again = program_from_tree(tree)
    assert again.instructions == program.instructions
    assert again.matrices == program.matrices[: len(again.matrices)]
    assert again.symbols == program.symbols


def test_a_part_is_a_program() -> None:
    prog = NETS["mup"]
    place = prog.outputs[0][1].place
    again = program_from_tree(program_to_tree(prog.tp.program, place))
    assert again.instructions == prog.tp.program.instructions[: place + 1]
    assert len(again.matrices) == 1


z = {"symbol": "z_9", "assumptions": {"real": True}}
GOOD = {
    "instructions": [{"gaussian": ["x", 1]}, {"apply": [0, 0, False]}, {"map": 2}, {"trained": [1, 0, True, 2]}],
    "matrices": [{"initial": ["W", 1]}, {"updated": [0, [[1, 0, 1]]]}],
}
SPOILED: list[tuple[list[Any], Any]] = [
    (["instructions"], None),
    (["instructions"], [{}]),
    (["instructions"], [{"gaussian": ["x", 1]}] * 2),
    (["instructions", 0], {"gaussian": ["x", z]}),
    (["instructions", 0], {"gaussian": ["x y", 1]}),
    (["instructions", 0], {"mean": "x"}),
    (["instructions", 2], {"map": z}),
    (["instructions", 2], {"formula": {"symbol": "z_0", "assumptions": {"real": True}}}),
    (["instructions", 2], {"code": 1}),
    (["instructions", 1], {"apply": [1, 0, False]}),
    (["instructions", 1], {"apply": [0, 1, False]}),
    (["instructions", 1], {"apply": [0, 0, 1]}),
    (["instructions", 1], {"apply": [-1, 0, False]}),
    (["instructions", 1], {"apply": [True, 0, False]}),
    (["instructions", 1], {"apply": [7, 0, False]}),
    (["instructions", 3], {"trained": [1, 0, True]}),
    (["instructions", 3], {"trained": [0, 0, True, 2]}),
    (["matrices"], []),
    (["matrices", 0], {"initial": ["W", z]}),
    (["matrices", 1], {"updated": [1, []]}),
    (["matrices", 1], {"updated": [0, [[1, 0, 44]]]}),
    (["matrices", 1], {"updated": [0, [[z, 0, 1]]]}),
]


@pytest.mark.parametrize(("where", "what"), SPOILED)
def test_what_is_no_program(where: list[Any], what: Any) -> None:
    assert len(program_from_tree(GOOD).instructions) == 4  # the control
    tree = part = copy.deepcopy(GOOD)
    for key in where[:-1]:
        part = part[key]
    part[where[-1]] = what
    with pytest.raises(sl.SymlimitsError):
        program_from_tree(tree)


@pytest.mark.parametrize("tree", [None, 1, "x", [], {}, {"instructions": [1], "matrices": []}])
def test_no_tree_at_all(tree: Any) -> None:
    with pytest.raises(sl.errors.FormulaError, match="what program_to_tree writes"):
        program_from_tree(tree)
