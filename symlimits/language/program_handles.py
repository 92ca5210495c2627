"""What an author of a tensor program holds: vectors, scalars and matrices that compute, each a place in the program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.activation import Activation, activation
from symlimits.language.names import shown
from symlimits.language.tensor_program import Formula, Map, Mean, Program, Term, Updated, n


@dataclass(frozen=True, eq=False)
class _Value:
    """A vector or a scalar of a program: sums, products, quotients and integer powers are instructions."""

    program: Program
    place: int

    __array_ufunc__ = None  # a NumPy number at the left leaves the operation to the handle

    @property
    def symbol(self) -> sp.Symbol:
        """What formulas of the program call it."""
        return self.program.symbols[self.place]

    @property
    def label(self) -> str:
        """Its name in LaTeX."""
        return self.program.labels.get(self.place, str(self.symbol))

    def __add__(self, other: Any) -> Any:
        return combined(self, other, lambda a, b: a + b)

    def __sub__(self, other: Any) -> Any:
        return combined(self, other, lambda a, b: a - b)

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, LowRank):
            return NotImplemented
        return combined(self, other, lambda a, b: a * b)

    def __truediv__(self, other: Any) -> Any:
        return combined(self, other, lambda a, b: a / b)

    def __radd__(self, other: Any) -> Any:
        return combined(self, other, lambda a, b: b + a)

    def __rsub__(self, other: Any) -> Any:
        return combined(self, other, lambda a, b: b - a)

    def __rmul__(self, other: Any) -> Any:
        return combined(self, other, lambda a, b: b * a)

    def __rtruediv__(self, other: Any) -> Any:
        return combined(self, other, lambda a, b: b / a)

    def __neg__(self) -> Any:
        return combined(self, -1, lambda a, b: b * a)

    def __pow__(self, other: Any) -> Any:
        return combined(self, other, lambda a, b: a**b)

    def __rpow__(self, other: Any) -> Any:
        return combined(self, other, lambda a, b: b**a)


class Vector(_Value):
    """A vector of the program's width."""

    def __repr__(self) -> str:
        return f"Vector({self.label})"


class Scalar(_Value):
    """A number that depends on the draws: a mean, or a formula of means."""

    def __repr__(self) -> str:
        return f"Scalar({self.label})"


@dataclass(frozen=True, eq=False)
class LowRank:
    r"""A matrix $\sum_k\frac{c_k}{n}u_kv_k^\top$, such as a gradient; numbers and scalars multiply it."""

    program: Program
    terms: tuple[Term, ...]

    def __add__(self, other: LowRank) -> LowRank:
        _check_same(self.program, other, LowRank)
        return LowRank(self.program, self.terms + other.terms)

    __array_ufunc__ = None

    def __sub__(self, other: LowRank) -> LowRank:
        _check_same(self.program, other, LowRank)
        return self + -other

    def __mul__(self, factor: Any) -> LowRank:
        if isinstance(factor, Vector):
            raise DomainError(f"{shown(factor)} times a matrix", "a number or a scalar", "gradient * tp.mean(x)")
        value = formula_of(self.program, factor)
        return LowRank(self.program, tuple(Term(value * t.coefficient, t.left, t.right) for t in self.terms))

    __rmul__ = __mul__

    def __truediv__(self, divisor: Any) -> LowRank:
        return self * (1 / divisor if isinstance(divisor, Scalar) else 1 / self.program.formula(divisor))

    def __neg__(self) -> LowRank:
        return self * -1

    def __repr__(self) -> str:
        return f"LowRank({len(self.terms)} {'term' if len(self.terms) == 1 else 'terms'})"


@dataclass(frozen=True, eq=False)
class Matrix:
    """A matrix of the program, or its transpose: `A @ x`, `A.T @ y`, `A + gradient`, `A - lr * gradient`."""

    program: Program
    place: int
    transposed: bool = False

    @property
    def T(self) -> Matrix:
        """The transpose."""
        return Matrix(self.program, self.place, not self.transposed)

    def __matmul__(self, vector: Vector) -> Vector:
        _check_same(self.program, vector, Vector)
        return Vector(self.program, self.program.apply(self.place, vector.place, self.transposed))

    def __add__(self, other: LowRank) -> Matrix:
        _check_same(self.program, other, LowRank)
        new = tuple(term.transposed if self.transposed else term for term in other.terms)
        what = self.program.matrices[self.place]
        before, initial = (what.terms, what.initial) if isinstance(what, Updated) else ((), self.place)
        return Matrix(self.program, self.program.add_matrix(Updated(initial, before + new)), self.transposed)

    def __sub__(self, other: LowRank) -> Matrix:
        _check_same(self.program, other, LowRank)
        return self + -other

    def __repr__(self) -> str:
        what = self.program.matrices[self.place]
        name = what.name if not isinstance(what, Updated) else self.program.matrices[what.initial].name  # type: ignore[union-attr]
        updates = f" + {len(what.terms)} of rank one" if isinstance(what, Updated) else ""
        return f"Matrix({name}{updates}{', transposed' if self.transposed else ''})"


_WANTED: dict[type[Any], tuple[str, str]] = {
    Vector: ("a vector of the program", "tp.gaussian, tp.map, or W @ x"),
    LowRank: ("a gradient by a matrix, or a sum of such", "tp.gradient(m, W)"),
}


def combined(left: Any, right: Any, operation: Callable[[sp.Expr, sp.Expr], sp.Expr]) -> Any:
    """A new vector or scalar from two values, one of them of a program."""
    program = next(value.program for value in (left, right) if isinstance(value, _Value))
    return mapped(program, operation, left, right)


def mapped(program: Program, function: Any, *values: Any, label: str | None = None) -> Vector | Scalar:
    r"""$\phi(x^1, \dots, x^k)$ entry by entry of vectors, scalars and numbers: a vector if one of them is.

    `function` is an activation, a formula in x, or a Python function of SymPy expressions. Raises `DomainError` for
    values of another program, and for functions that bring in names of instructions.
    """
    arguments = [formula_of(program, value) for value in values]
    expr = _called(program, function, arguments)
    if not isinstance(expr, sp.Expr):
        raise DomainError(f"a map to {shown(expr)}", "a SymPy expression", "tp.map(lambda a, b: a * b, x, y)")
    expr = program.named(expr)
    if expr.has(sp.zoo, sp.nan, sp.oo, sp.I):
        raise DomainError(f"a map to {expr}", "values that are finite and real", "no division by zero, no root of -1")
    for symbol in expr.free_symbols - set(program.places) - {n}:
        program.formula(symbol, "a map")
    places = [program.places[s] for s in expr.free_symbols if s in program.places]
    if any(isinstance(value, Vector) for value in values) or any(map(program.is_vector, places)):
        return Vector(program, program.append(Map(expr), label))
    return Scalar(program, program.append(Formula(expr), label))


def mean(program: Program, value: Any, label: str | None = None) -> Scalar:
    r"""$\frac1n\sum_i x_i$ of a vector."""
    _check_same(program, value, Vector)
    return Scalar(program, program.append(Mean(value.symbol), label))


def formula_of(program: Program, value: Any) -> sp.Expr:
    """What formulas of the program write for a value: its symbol, or an exact number or formula."""
    if isinstance(value, _Value):
        _check_same(program, value, _Value)
        return value.symbol
    return program.formula(value)


def _called(program: Program, function: Any, arguments: list[sp.Expr]) -> Any:
    if callable(function) and not isinstance(function, Activation | sp.Basic):
        try:
            return function(*arguments)
        except TypeError as error:  # NumPy's functions take no symbols
            wanted = f"a Python function of {len(arguments)} SymPy expression{'s' * (len(arguments) > 1)}"
            raise DomainError(f"a map that fails: {error}", wanted, "SymPy's functions: sympy.tanh") from error
    phi = function if isinstance(function, Activation) else activation(function)
    if len(arguments) != 1:
        raise DomainError(f"{len(arguments)} arguments of an activation", "one", "a function: lambda a, b: a * b")
    for parameter in phi.parameters:
        program.formula(parameter, "a map")
    return phi(arguments[0])


def _check_same(program: Program, value: Any, kind: type[Any]) -> None:
    """Vectors of two programs may have two widths: they do not compose."""
    if not isinstance(value, kind):
        given = f"{shown(value)} of type {type(value).__name__}"
        raise DomainError(given, *_WANTED[kind])
    if value.program is not program:
        raise DomainError(f"{shown(value)} of another program", "values of one program, of one width", "one program")
