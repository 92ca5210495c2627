r"""Reverse mode on tensor programs: gradients as instructions of the same program, in one normalisation.

With $\bar x = n\,\partial f/\partial x$ for vectors and $\bar\theta = \partial f/\partial\theta$ for scalars, the way
back through each instruction is
$$\theta = \mathrm{mean}\,\phi:\ \bar x \mathrel{+}= \bar\theta\,\partial_x\phi;\qquad
y = \phi:\ \bar x \mathrel{+}= \bar y\,\partial_x\phi,\quad
\bar\theta \mathrel{+}= \mathrm{mean}(\bar y\,\partial_\theta\phi);$$
$$y = Ax:\ \bar x \mathrel{+}= A^\top\bar y,\quad \nabla_A \mathrel{+}= \tfrac1n\,\bar y x^\top,$$
no powers of n beside. A matrix that is used twice adds up its uses, so that tied weights and back-propagation through
time need nothing more. A trained matrix is one matrix: what was added to it is not differentiated. Derived here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from symlimits.derivation.slopes import slope
from symlimits.errors import DomainError, NoRule
from symlimits.language.tensor_program import Apply, Formula, Map, Mean, Program, Term, Trained, Updated


@dataclass(frozen=True)
class MatrixPlace:
    """A matrix, by its place in `program.matrices`."""

    index: int


Wanted = int | MatrixPlace
Gradient = int | tuple[Term, ...]


def gradients(program: Program, scalar: int, wanted: Sequence[Wanted]) -> tuple[Gradient, ...]:
    r"""The derivatives of a scalar by vectors, scalars and matrices, appended to the program.

    For a vector the place of $n\,\partial f/\partial x$, for a scalar that of $\partial f/\partial\theta$, for a matrix
    the terms of $\nabla_A = \sum\frac{c}{n}uv^\top$: none if f does not rest on it. Raises `DomainError` for a vector
    in place of the scalar, `NoRule` where f also rests on what is wanted through the updates of a trained matrix.

    >>> from symlimits.language.tensor_program import Gaussian, Initial
    >>> program = Program()
    >>> A = program.add_matrix(Initial("A", sp.Integer(1)))
    >>> x = program.append(Gaussian("x", sp.Integer(1)))
    >>> h = program.symbols[program.apply(A, x)]
    >>> f = program.append(Mean(h**2))
    >>> gradients(program, f, [MatrixPlace(A)])
    ((Term(coefficient=1, left=3, right=0),),)
    >>> program.instructions[3]
    Map(expr=2*z_1)
    """
    if program.is_vector(scalar):
        given = f"the gradient of the vector {program.symbols[scalar]}"
        raise DomainError(given, "the gradient of a scalar", "its mean")
    _refuse_updates(program, scalar, wanted)
    sweep = _Sweep(program, scalar, wanted)
    return tuple(sweep.result(what) for what in wanted)


class _Sweep:
    """One way back; `bars` collects what each place is told by those that read it."""

    def __init__(self, program: Program, scalar: int, wanted: Sequence[Wanted]) -> None:
        self.program = program
        self.terms: dict[int, list[Term]] = {what.index: [] for what in wanted if isinstance(what, MatrixPlace)}
        self.bars: defaultdict[int, sp.Expr] = defaultdict(lambda: sp.S.Zero)
        self.bars[scalar] = sp.S.One
        self.way = _way(program, scalar, wanted)
        for place in sorted(self.way, reverse=True):
            self.back(place)

    def back(self, place: int) -> None:
        """Hand on what a place was told."""
        bar = self.bars[place] = self.named(place)
        if bar == 0:
            return
        match self.program.instructions[place]:
            case Apply(matrix, vector, transposed) | Trained(matrix, vector, transposed, _):
                self.through_matrix(matrix, vector, transposed, bar)
            case Map(expr):
                for parent in self.told(place):
                    self.bars[parent] += self.averaged(parent, bar * slope(expr, self.program.symbols[parent]))
            case Mean(expr):
                for parent in self.told(place):
                    self.bars[parent] += bar * self.averaged(parent, slope(expr, self.program.symbols[parent]))
            case Formula(expr):
                for parent in self.told(place):
                    self.bars[parent] += bar * slope(expr, self.program.symbols[parent])

    def through_matrix(self, matrix: int, vector: int, transposed: bool, bar: sp.Expr) -> None:
        """Of A x, and of its transpose: the vector is told by the other one, the matrix by an outer product."""
        if vector in self.way:
            self.bars[vector] += self.program.symbols[
                self.program.apply(matrix, self.vector_place(bar), not transposed)
            ]
        if matrix in self.terms:
            term = Term(sp.S.One, self.vector_place(bar), vector)
            self.terms[matrix].append(term.transposed if transposed else term)

    def told(self, place: int) -> list[int]:
        """The parents that lie on the way."""
        return [parent for parent in self.program.parents(place) if parent in self.way]

    def averaged(self, parent: int, expr: sp.Expr) -> sp.Expr:
        """What a vector is told entry by entry, and a scalar by the mean over entries."""
        if self.program.is_vector(parent) or not self.has_vectors(expr):
            return expr
        return self.program.symbols[self.program.append(Mean(expr))]

    def has_vectors(self, expr: sp.Expr) -> bool:
        """Whether a formula has entries."""
        places = self.program.places
        return any(self.program.is_vector(places[symbol]) for symbol in expr.free_symbols if symbol in places)

    def named(self, place: int) -> sp.Expr:
        """What a place was told, as one symbol where it is more than a number."""
        bar = self.bars[place]
        if bar.is_number or bar in self.program.places:
            return bar
        kind = Map if self.has_vectors(bar) else Formula
        return self.program.symbols[self.program.append(kind(bar))]

    def vector_place(self, bar: sp.Expr) -> int:
        """The place of a vector, which may be one number in all its entries."""
        place = self.program.places.get(bar)
        return place if place is not None and self.program.is_vector(place) else self.program.append(Map(bar))

    def result(self, what: Wanted) -> Gradient:
        """The derivative by one thing that was wanted."""
        if isinstance(what, MatrixPlace):
            return tuple(self.terms[what.index])
        bar = self.bars[what]
        if self.program.is_vector(what):
            return self.vector_place(bar)
        return self.program.places[bar] if bar in self.program.places else self.program.append(Formula(bar))


def _way(program: Program, scalar: int, wanted: Sequence[Wanted]) -> set[int]:
    """The places that the scalar rests on and that rest on what is wanted; trained matrices are one matrix each."""
    vectors = {what for what in wanted if isinstance(what, int)}
    matrices = {what.index for what in wanted if isinstance(what, MatrixPlace)}
    found: set[int] = set()
    for place in _reached(program, scalar):
        what = program.instructions[place]
        uses = isinstance(what, Apply | Trained) and what.matrix in matrices
        if place in vectors or uses or found.intersection(_read(program, place)):
            found.add(place)
    return found


def _reached(program: Program, scalar: int) -> list[int]:
    found: set[int] = set()
    waiting = [scalar]
    while waiting:
        place = waiting.pop()
        if place not in found:
            found.add(place)
            waiting.extend(_read(program, place))
    return sorted(found)


def _read(program: Program, place: int) -> tuple[int, ...]:
    """What an instruction reads, a trained matrix held fixed."""
    what = program.instructions[place]
    return (what.vector,) if isinstance(what, Trained) else program.parents(place)


def _refuse_updates(program: Program, scalar: int, wanted: Sequence[Wanted]) -> None:
    """A derivative that leaves out a part in silence would be a wrong one."""
    vectors = {what for what in wanted if isinstance(what, int)}
    matrices = {what.index for what in wanted if isinstance(what, MatrixPlace)}
    used = {what.matrix for what in map(program.instructions.__getitem__, _reached(program, scalar))
            if isinstance(what, Trained)}  # fmt: skip
    for matrix in used:
        updated = program.matrices[matrix]
        assert isinstance(updated, Updated)
        rest = program.needed(_places(program, updated.terms))
        multiplied = {what.matrix for what in map(program.instructions.__getitem__, rest)
                      if isinstance(what, Apply | Trained)}  # fmt: skip
        if updated.initial in matrices or vectors.intersection(rest) or multiplied & matrices:
            raise NoRule(
                "a gradient by what a trained matrix was made from",
                "the gradient by the trained matrix itself, or by a copy of the vector that training did not use",
                "tp.gradient(f, W1) with W1 = W - lr * tp.gradient(loss, W), or tp.gradient(f, x) with f of x = 1 * x0",
            )


def _places(program: Program, terms: Sequence[Term]) -> list[int]:
    scalars = (program.places[s] for term in terms for s in term.coefficient.free_symbols if s in program.places)
    return [*scalars, *(place for term in terms for place in (term.left, term.right))]
