"""A scalar of a tensor program as an experiment: nets of a width, drawn and run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.finite.program_twin import run
from symlimits.language.domain import Point
from symlimits.language.tensor_program import Program

ENTRIES = 2**22  # of all matrices of a call together: 32 MB
FEWEST, MOST = 16, 512  # nets of a call
DRAWS = 2**20  # nets times width of a size


@dataclass(frozen=True)
class ProgramNetworks:
    """`experiment(size, rng)` is an array of a scalar's values, a net each; `values` are numbers for its parameters."""

    program: Program
    target: int
    values: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()

    def __call__(self, size: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        return run(self.program, [self.target], size, self._nets(size), rng, dict(self.values))[self.target]

    def bind(self, given: Point) -> ProgramNetworks:
        """The same nets with values for some parameters."""
        kept = tuple((symbol, value.subs(given, simultaneous=True)) for symbol, value in self.values)
        return replace(self, values=(*kept, *given.items()))

    at = bind

    def wanted(self, size: int) -> int:
        """How many nets of a size a certificate draws."""
        return max(FEWEST, min(DRAWS // size, 4096))

    def record(self) -> dict[str, Any]:
        """What a certificate says of the nets: the instructions in words, and the numbers."""
        program = self.program
        lines = [f"{program.symbols[i]} = {program.instructions[i]}" for i in program.needed([self.target])]
        numbers = {str(symbol): str(value) for symbol, value in self.values}
        return {"kind": "tensor program", "target": self.target, "instructions": lines, "values": numbers}

    def _nets(self, size: int) -> int:
        return max(FEWEST, min(MOST, ENTRIES // size**2))
