"""A scalar of a tensor program as an experiment: what a certificate draws beside its limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from symlimits.errors import FormulaError
from symlimits.finite.program_twin import Array, required_bytes, run
from symlimits.language.program_tree import program_from_tree, program_to_tree
from symlimits.language.tensor_program import Initial, Instruction, Program, Updated
from symlimits.language.tree import from_tree, to_tree

ENTRIES = 2**22  # of one matrix, all networks of a call together: 32 MB
FEWEST, MOST = 16, 512  # networks of a call
DRAWS, MOST_DRAWS = 2**20, 4096  # networks times width, and networks, of one size in a certificate


@dataclass(frozen=True)
class ProgramNetworks:
    """The scalar in place `target`, the last of `instructions`, on networks of any width: `experiment(size, rng)`.

    A copy of what the program is now: instructions that are appended to it later change nothing. `values` are numbers
    for parameters.
    """

    instructions: tuple[Instruction, ...]
    matrices: tuple[Initial | Updated, ...]
    values: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()

    @classmethod
    def of(cls, program: Program, target: int) -> ProgramNetworks:
        """The networks of a scalar of a program.

        >>> from symlimits.language.tensor_program import Gaussian, Mean
        >>> program = Program()
        >>> x = program.symbols[program.append(Gaussian("x", sp.Integer(1)))]
        >>> nets = ProgramNetworks.of(program, program.append(Mean(x**2)))
        >>> nets(1000, np.random.default_rng(0)).mean().round(1)
        np.float64(1.0)
        """
        return cls(tuple(program.instructions[: target + 1]), tuple(program.matrices))

    def bind(self, given: Mapping[sp.Symbol, sp.Expr]) -> ProgramNetworks:
        """The same networks with values for some parameters."""
        kept = tuple((symbol, value.subs(given, simultaneous=True)) for symbol, value in self.values)
        return replace(self, values=(*kept, *given.items()))

    at = bind

    def __call__(self, size: int, rng: np.random.Generator) -> Array:
        """A chunk of draws."""
        return self.draws(size, _nets(size), rng)

    def wanted(self, size: int) -> int:
        """How many networks of a size a certificate draws."""
        return max(FEWEST, min(DRAWS // size, MOST_DRAWS))

    def draws(self, size: int, count: int, rng: np.random.Generator) -> Array:
        """`count` independent networks of width `size`: an array (count,)."""
        program, target = self._program()
        return run(program, [target], size, count, rng, dict(self.values))[target]

    def required_bytes(self, size: int) -> int:
        """Memory for a call, estimated."""
        program, target = self._program()
        return required_bytes(program, [target], size, _nets(size))

    def _program(self) -> tuple[Program, int]:
        program = Program()
        program.matrices.extend(self.matrices)
        for instruction in self.instructions:
            program.append(instruction)
        return program, len(self.instructions) - 1

    def record(self) -> dict[str, Any]:
        """The networks as JSON, for a certificate; `from_record` reads it."""
        values = [[to_tree(symbol), to_tree(value)] for symbol, value in self.values]
        return {"kind": "tensor program", "program": program_to_tree(*self._program()), "values": values}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> ProgramNetworks:
        """The networks of a record; `FormulaError` for what is none."""
        try:
            values = tuple((from_tree(symbol), from_tree(value)) for symbol, value in record["values"])
            program = program_from_tree(record["program"])
            target = len(program.instructions) - 1
            if program.is_vector(target):
                raise ValueError
            return replace(cls.of(program, target), values=values)
        except (KeyError, TypeError, ValueError, IndexError):
            wanted = "what ProgramNetworks.record writes"
            raise FormulaError("networks with parts missing", wanted, "a certificate of this version") from None


def _nets(size: int) -> int:
    return max(FEWEST, min(MOST, ENTRIES // size**2))
