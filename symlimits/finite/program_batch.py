"""Nets of a tensor program side by side: what is drawn and computed, instruction by instruction, and then forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.names import check_name
from symlimits.language.tensor_program import (
    Apply,
    Formula,
    Gaussian,
    Initial,
    Map,
    Mean,
    Program,
    Trained,
    n,
)

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """The instructions that targets need, and what may be forgotten after each: places, matrices by -1 - place."""

    program: Program
    targets: tuple[int, ...]
    places: tuple[int, ...]
    forgotten: Mapping[int, tuple[int, ...]]

    def most(self) -> tuple[int, int]:
        """The largest numbers of matrices and of vectors that are held at a time."""
        held: set[int] = set()
        matrices = vectors = 0
        for place in self.places:
            held.update([place, *_matrix(self.program, place)])
            matrices = max(matrices, sum(thing < 0 for thing in held))
            vectors = max(vectors, sum(thing >= 0 and self.program.is_vector(thing) for thing in held))
            held.difference_update(self.forgotten.get(place, ()))
        return matrices, vectors


def planned(program: Program, targets: Sequence[int]) -> Plan:
    """What targets need, dead code left out, and when each value is read for the last time."""
    places = tuple(program.needed(targets))
    last: dict[int, int] = {}
    for place in places:
        for thing in (place, *program.parents(place), *_matrix(program, place)):
            last[thing] = place
    forgotten: dict[int, list[int]] = {}
    for thing, place in last.items():
        if thing not in targets:
            forgotten.setdefault(place, []).append(thing)
    return Plan(program, tuple(targets), places, {place: tuple(things) for place, things in forgotten.items()})


def _matrix(program: Program, place: int) -> tuple[int, ...]:
    what = program.instructions[place]
    return (-1 - what.matrix,) if isinstance(what, Apply) else ()


class Batch:
    """Some nets, instruction by instruction; scalars are (nets, 1) and vectors (nets, n), so that they broadcast."""

    def __init__(
        self, plan: Plan, width: int, nets: int, numbers: Mapping[sp.Symbol, float], seed: tuple[int, int]
    ) -> None:
        self.plan, self.program, self.width, self.nets = plan, plan.program, width, nets
        self.numbers, self.seed = numbers, seed
        self.held: dict[int, Array] = {}

    def run(self) -> None:
        """All instructions, in order; what nothing reads any more is forgotten, the targets are kept."""
        for place in self.plan.places:
            self.held[place] = self.value(place)
            for thing in self.plan.forgotten.get(place, ()):
                del self.held[thing]

    def results(self) -> dict[int, Array]:
        """The targets: scalars (nets,), vectors (nets, n)."""
        kept = {target: self.held[target] for target in self.plan.targets}
        return {target: a if self.program.is_vector(target) else a[:, 0] for target, a in kept.items()}

    def value(self, place: int) -> Array:
        """What one instruction gives."""
        match self.program.instructions[place]:
            case Gaussian(_, variance):
                return self.normals(place, (self.nets, self.width), variance)
            case Apply(matrix, vector, transposed):
                x = self.held[vector]
                A = self.matrix(matrix)
                return (x[:, None] @ A)[:, 0] if transposed else (A @ x[..., None])[..., 0]
            case Trained(_, _, _, expansion):
                return self.held[expansion]
            case Map(expr):
                return np.broadcast_to(self.formula(expr), (self.nets, self.width))
            case Mean(expr):
                entries = self.formula(expr)
                return entries if entries.shape[-1] == 1 else entries.mean(axis=1, keepdims=True)
            case Formula(expr):
                return self.formula(expr)

    def matrix(self, index: int) -> Array:
        """An initial matrix, drawn when it is first met."""
        if -1 - index not in self.held:
            what = self.program.matrices[index]
            assert isinstance(what, Initial)
            self.held[-1 - index] = self.normals(-1 - index, (self.nets, self.width, self.width), what.variance / n)
        return self.held[-1 - index]

    def dense(self, index: int) -> Array:
        """An initial or a trained matrix, formed from what was run."""
        what = self.program.matrices[index]
        if isinstance(what, Initial):
            return self.matrix(index)
        total = self.matrix(what.initial).copy()
        for term in what.terms:
            left = self.formula(term.coefficient) * self.held[term.left] / self.width
            total += left[:, :, None] * self.held[term.right][:, None, :]
        return total

    def normals(self, thing: int, shape: tuple[int, ...], variance: sp.Expr) -> Array:
        """Draws from N(0, variance), from the stream of one matrix or vector."""
        size = float(variance.subs(self.numbers))
        if not size >= 0:
            raise DomainError(f"the variance {variance} = {size}", "zero or larger", "other numbers for its symbols")
        key = (self.seed[1], int(thing < 0), abs(thing))
        stream = np.random.Generator(np.random.SFC64(np.random.SeedSequence(self.seed[0], spawn_key=key)))
        drawn = stream.standard_normal(shape)
        drawn *= sqrt(size)
        return drawn

    def formula(self, expr: sp.Expr) -> Array:
        """A formula of earlier values, (nets, n) or (nets, 1)."""
        symbols = sorted(expr.free_symbols, key=lambda s: (self.program.places.get(s, -1), s.name))
        arguments = [
            self.held[self.program.places[s]] if s in self.program.places else self.numbers[s] for s in symbols
        ]
        value = np.asarray(compiled(expr, tuple(symbols))(*arguments), dtype=np.float64)
        return value if value.ndim == 2 else np.broadcast_to(value, (self.nets, 1))


def compiled(expr: sp.Expr, symbols: tuple[sp.Symbol, ...]) -> Callable[..., Any]:
    """A formula as a NumPy function of its symbols; formulas that differ in names alone are one function.

    >>> a, b = sp.symbols("a b", real=True)
    >>> compiled(a * sp.tanh(b), (a, b)) is compiled(b * sp.tanh(a), (b, a))
    True
    """
    for symbol in symbols:
        check_name(symbol.name)  # names are printed into code, which is run
    arguments = tuple(sp.Symbol(f"a{i}", real=True, positive=s.is_positive) for i, s in enumerate(symbols))
    return _lambdified(expr.xreplace(dict(zip(symbols, arguments, strict=True))), arguments)


@lru_cache(maxsize=4096)
def _lambdified(expr: sp.Expr, symbols: tuple[sp.Symbol, ...]) -> Callable[..., Any]:
    return sp.lambdify(symbols, expr, modules=["scipy", "numpy"], cse=True)
