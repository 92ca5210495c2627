"""Nets drawn at a finite width, and what is read off them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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

Value = Vector | Scalar


@dataclass(frozen=True, eq=False)
class Run:
    """Nets of one width and seed; what is read is computed then, and scalars on the way are kept.

    `run[m]` is a number, `run[x]` an array (width,), `run[W]` the matrix, formed, (width, width); tuples and lists of
    scalars or vectors, also of tuples, give arrays of their shape, computed together. With `nets` nets there is one
    axis more, the first.
    """

    program: Program
    width: int
    seed: int
    nets: int | None
    values: Mapping[sp.Symbol, sp.Expr]
    known: dict[int, Array] = field(default_factory=dict)

    def __repr__(self) -> str:
        nets = "" if self.nets is None else f", nets={self.nets}"
        values = "".join(f", {symbol}={value}" for symbol, value in self.values.items())
        return f"Run(width={self.width}, seed={self.seed}{nets}{values})"

    def __getitem__(self, what: Any) -> Any:
        if isinstance(what, Matrix) and what.program is self.program:
            formed = dense(self.program, what.place, self.width, self.nets or 1, self._rng(), self.values)
            formed = formed.swapaxes(1, 2) if what.transposed else formed
            return formed[0] if self.nets is None else formed
        found = self._found([self._checked(value) for value in _leaves(what)])
        every = _arranged(what, lambda value: found[value.place])
        if self.nets is not None:
            return every
        return float(every[0]) if np.ndim(every[0]) == 0 else every[0]

    def _checked(self, value: Any) -> int:
        if not isinstance(value, Value) or value.program is not self.program:
            raise DomainError(f"{shown(value)} of a run", "a vector, scalar or matrix of its program", "run[m]")
        return value.place

    def _found(self, places: list[int]) -> Mapping[int, Array]:
        """What is asked for, in one pass; outputs of a training are often read one after another, from the last."""
        new = [place for place in places if place not in self.known]
        if not new:
            return self.known
        scalars = [p for p in self.program.needed(new) if not self.program.is_vector(p) and p not in new]
        found = run(self.program, [*new, *scalars], self.width, self.nets or 1, self._rng(), self.values)
        self.known.update({p: array for p, array in found.items() if not self.program.is_vector(p)})
        return {**self.known, **found}

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)


def _leaves(what: Any) -> Iterator[Any]:
    """The values in tuples of tuples."""
    if not isinstance(what, tuple | list):
        yield what
        return
    if not what:
        raise DomainError("nothing of a run", "a vector, scalar or matrix of its program", "run[m]")
    for part in what:
        yield from _leaves(part)


def _arranged(what: Any, array: Callable[[Value], Array]) -> Array:
    """One array for tuples of tuples, nets first."""
    if not isinstance(what, tuple | list):
        return array(what)
    parts = [_arranged(part, array) for part in what]
    if len({part.shape for part in parts}) > 1:
        raise DomainError("values of several shapes at once", "scalars alone, or vectors alone", "run[m], run[x]")
    return np.stack(parts, axis=1)


def checked_run(program: Program, width: int, seed: int, nets: int | None, values: Mapping[str, object]) -> Run:
    """The nets, if width, seed, their number and the names of the values are what they have to be."""
    check_counts(width, 1 if nets is None else nets)
    check_seed(seed)
    every = range(len(program.instructions))
    return Run(program, width, seed, nets, bindings(values, program.parameters(every)))
