"""Nets drawn at a finite width, and what is read off them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from symlimits.errors import DomainError
from symlimits.finite.program_twin import Array, check_counts, dense, run
from symlimits.language.domain import bindings
from symlimits.language.names import shown
from symlimits.language.program_handles import Matrix, Scalar, Vector
from symlimits.language.tensor_program import Program
from symlimits.points import check_seed


@dataclass(frozen=True, eq=False)
class Run:
    """Nets of one width and seed; `run[value]` is computed when it is first read, with all scalars it rests on."""

    program: Program
    width: int
    seed: int
    nets: int | None
    values: Mapping[sp.Symbol, sp.Expr]
    known: dict[int, Array] = field(default_factory=dict, repr=False)

    def __getitem__(self, value: Vector | Scalar | Matrix) -> Any:
        """A number, an array (width,) or (width, width) of the net; of `nets` nets one axis more, the first."""
        if not isinstance(value, Vector | Scalar | Matrix) or value.program is not self.program:
            raise DomainError(f"{shown(value)} of a run", "a vector, scalar or matrix of its program", "run[m]")
        if isinstance(value, Matrix):
            formed = dense(self.program, value.place, self.width, self.nets or 1, self._rng(), self.values)
            formed = formed.swapaxes(1, 2) if value.transposed else formed
            return formed[0] if self.nets is None else formed
        found = self.known.get(value.place)
        if found is None:
            found = self._read(value.place)
        if self.nets is not None:
            return found
        return found[0] if self.program.is_vector(value.place) else float(found[0])

    def _read(self, place: int) -> Array:
        """Scalars on the way are kept: outputs of one training are read one after another, from the last."""
        needed = self.program.needed([place])
        targets = [place, *(p for p in needed if p != place and not self.program.is_vector(p))]
        found = run(self.program, targets, self.width, self.nets or 1, self._rng(), self.values)
        self.known.update({p: array for p, array in found.items() if not self.program.is_vector(p)})
        return found[place]

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)


def checked_run(program: Program, width: int, seed: int, nets: int | None, values: Mapping[str, object]) -> Run:
    """The nets, if width, seed, their number and the names of the values are what they have to be."""
    check_counts(width, 1 if nets is None else nets)
    check_seed(seed)
    every = range(len(program.instructions))
    return Run(program, width, seed, nets, bindings(values, program.parameters(every)))
