r"""Tensor programs: vectors of one width n, random matrices, coordinatewise maps and means, as instructions in order.

A trained matrix is never formed: $A_t = A_0 + \sum_k\frac{c_k}{n}u_kv_k^\top$, so that
$A_tx = A_0x + \sum_kc_k\,\mathrm{mean}(v_kx)\,u_k$ are instructions again. The language is that of Yang, arXiv
2006.14548 and 2011.14522.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.formula import exact
from symlimits.language.names import check_name, shown

n = sp.Symbol("n", positive=True)  # the width
# Names of what instructions give, and of what limits define.
RESERVED = re.compile(r"(z|zeta|theta|E)_\d+|[acdlmwz](_\d+){2,}|k_[gz]\d+_[gz]\d+")


@dataclass(frozen=True)
class Gaussian:
    """A vector of independent entries from N(0, variance), independent of everything before."""

    name: str
    variance: sp.Expr


@dataclass(frozen=True)
class Apply:
    """An initial matrix, or its transpose, times a vector; both by their places."""

    matrix: int
    vector: int
    transposed: bool


@dataclass(frozen=True)
class Trained:
    """A trained matrix, or its transpose, times a vector: the same vector as instruction `expansion` gives."""

    matrix: int
    vector: int
    transposed: bool
    expansion: int


@dataclass(frozen=True)
class Map:
    """A vector, entry by entry: a formula in symbols of earlier vectors and scalars, n and parameters."""

    expr: sp.Expr


@dataclass(frozen=True)
class Mean:
    r"""A scalar: $\frac1n\sum_i$ of a formula in symbols of earlier vectors and scalars, n and parameters."""

    expr: sp.Expr


@dataclass(frozen=True)
class Formula:
    """A scalar: a formula in symbols of earlier scalars, n and parameters."""

    expr: sp.Expr


VectorInstruction = Gaussian | Apply | Trained | Map
ScalarInstruction = Mean | Formula
Instruction = VectorInstruction | ScalarInstruction


@dataclass(frozen=True)
class Initial:
    """A matrix of independent entries from N(0, variance/n)."""

    name: str
    variance: sp.Expr


@dataclass(frozen=True)
class Term:
    r"""A matrix of rank one, $\frac{c}{n}uv^\top$: c a formula of scalars, u and v by their places."""

    coefficient: sp.Expr
    left: int
    right: int

    @property
    def transposed(self) -> Term:
        """Its transpose."""
        return Term(self.coefficient, self.right, self.left)


@dataclass(frozen=True)
class Updated:
    """An initial matrix, by its place, and what training added to it."""

    initial: int
    terms: tuple[Term, ...]


class Program:
    """Instructions in their order; grown by appending only, and equal instructions are one.

    `instructions[i]` gives the vector or scalar that formulas call `symbols[i]`, z_i or theta_i; `matrices` are
    initial or updated ones; `labels` are LaTeX for those that have a name.
    """

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []
        self.symbols: list[sp.Symbol] = []
        self.matrices: list[Initial | Updated] = []
        self.labels: dict[int, str] = {}
        self.places: dict[sp.Symbol, int] = {}
        self._known: dict[Instruction, int] = {}
        self._symbols = {n.name: n}  # of parameters and the width, by their names

    def append(self, instruction: Instruction, label: str | None = None) -> int:
        """The place of an instruction, at the end unless it is there already."""
        if instruction not in self._known:
            place = len(self.instructions)
            letter = "z" if isinstance(instruction, VectorInstruction) else "theta"
            self._known[instruction] = place
            self.instructions.append(instruction)
            self.symbols.append(sp.Symbol(f"{letter}_{place}", real=True))
            self.places[self.symbols[place]] = place
        place = self._known[instruction]
        if label is not None:
            self.labels.setdefault(place, label)
        return place

    def add_matrix(self, matrix: Initial | Updated) -> int:
        """The place of a matrix."""
        if matrix not in self.matrices:
            self.matrices.append(matrix)
        return self.matrices.index(matrix)

    def apply(self, matrix: int, vector: int, transposed: bool = False, label: str | None = None) -> int:
        """The place of a matrix, or its transpose, times a vector."""
        what = self.matrices[matrix]
        if isinstance(what, Initial):
            return self.append(Apply(matrix, vector, transposed), label)
        total: sp.Expr = self.symbols[self.apply(what.initial, vector, transposed)]
        for term in what.terms:
            term = term.transposed if transposed else term
            overlap = self.append(Mean(self.symbols[term.right] * self.symbols[vector]))
            total += term.coefficient * self.symbols[overlap] * self.symbols[term.left]
        return self.append(Trained(matrix, vector, transposed, self.append(Map(total))), label)

    def is_vector(self, place: int) -> bool:
        """Whether an instruction gives a vector."""
        return isinstance(self.instructions[place], VectorInstruction)

    def parents(self, place: int) -> tuple[int, ...]:
        """The places that an instruction reads, in order; of a trained matrix, what it was worked out as."""
        match self.instructions[place]:
            case Gaussian():
                return ()
            case Apply(_, vector, _):
                return (vector,)
            case Trained(_, _, _, expansion):
                return (expansion,)
            case Map(expr) | Mean(expr) | Formula(expr):
                return tuple(sorted(self.places[s] for s in expr.free_symbols if s in self.places))

    def needed(self, targets: Iterable[int]) -> list[int]:
        """The places that the targets rest on, themselves included, in order: everything else is dead code."""
        found: set[int] = set()
        waiting = list(targets)
        while waiting:
            place = waiting.pop()
            if place not in found:
                found.add(place)
                waiting.extend(self.parents(place))
        return sorted(found)

    def parameters(self, targets: Iterable[int]) -> set[sp.Symbol]:
        """The free symbols that the targets rest on: of formulas and of variances, without the width."""
        free: set[sp.Symbol] = set()
        for place in self.needed(targets):
            match self.instructions[place]:
                case Gaussian(_, variance):
                    free |= variance.free_symbols
                case Apply(matrix, _, _):
                    free |= self.matrices[matrix].variance.free_symbols  # type: ignore[union-attr]
                case Map(expr) | Mean(expr) | Formula(expr):
                    free |= expr.free_symbols
        return free - set(self.places) - {n}

    def names(self) -> Iterator[str]:
        """The names of what is drawn: initial matrices and Gaussian vectors."""
        yield from (matrix.name for matrix in self.matrices if isinstance(matrix, Initial))
        yield from (what.name for what in self.instructions if isinstance(what, Gaussian))

    def new_name(self, name: str) -> str:
        """A name that nothing drawn has yet, nor any parameter; else `DomainError`."""
        check_name(name)
        parameters = {symbol.name for symbol in self.parameters(range(len(self.instructions)))}
        if name in parameters.union(self.names(), {n.name}) or RESERVED.fullmatch(name):
            raise DomainError(f"the name {name}", "a name that nothing else of the program has", f"{name}_2")
        return name

    def named(self, expr: sp.Expr) -> sp.Expr:
        """A formula with one symbol for each name, the first that came: arguments and files know names alone."""
        free = expr.free_symbols - self.places.keys()
        return expr.xreplace({symbol: self._symbols.setdefault(symbol.name, symbol) for symbol in free})

    def formula(self, value: object, name: str = "value") -> sp.Expr:
        """A number, an exact string or a formula in parameters, which may not be called as instructions are."""
        expr = self.named(exact(value, name))
        taken = {s.name for s in expr.free_symbols} & set(self.names())
        wrong = taken | {s.name for s in expr.free_symbols if RESERVED.fullmatch(s.name)}
        if wrong:
            given = f"{name} = {shown(value)} with the symbol {min(wrong)}"
            raise DomainError(given, "symbols that are no vector, matrix or scalar of the program", "another name")
        return expr
