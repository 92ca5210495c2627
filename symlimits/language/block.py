"""Matrices in formulas: indexed ones, the identity, transposes; and the shape of what is made of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.names import check_name
from symlimits.language.tree import register

Shape = tuple[sp.Expr, sp.Expr]


@register
class Block(sp.Expr):
    r"""One matrix of an indexed family, $C_l(t, s)$: a factor that does not commute.

    Arguments: the name of the family, the indices, the shape (rows, columns); indices and shape may hold symbols. A
    single index prints below the name, of several the first one does, and the others stand in parentheses. A name
    without indices is one matrix.

    >>> l, t, s, d = sp.symbols("l t s d", integer=True)
    >>> Block("Phi", (l, t, s), (d, d))
    Phi[l, t, s]
    """

    is_commutative = False

    def __new__(cls, name: str | sp.Symbol, indices: Any, shape: Any) -> Block:
        name = sp.Symbol(check_name(name.name if isinstance(name, sp.Symbol) else name), commutative=False)
        indices, shape = sp.Tuple(*indices), sp.Tuple(*shape)
        if len(shape) != 2 or not all(isinstance(entry, sp.Expr) for entry in (*indices, *shape)):
            raise DomainError(f"{name} of shape {shape}", "rows and columns", 'Block("A", (t,), (k, d))')
        return sp.Expr.__new__(cls, name, indices, shape)

    @property
    def name(self) -> str:
        """The name of the family."""
        return str(self.args[0].name)

    @property
    def indices(self) -> tuple[sp.Expr, ...]:
        """Which one of the family."""
        return tuple(self.args[1])

    @property
    def shape(self) -> Shape:
        """Rows and columns."""
        return self.args[2][0], self.args[2][1]

    @property
    def free_symbols(self) -> set[sp.Symbol]:
        """The symbols of the indices and of the shape; the name is none."""
        return self.args[1].free_symbols | self.args[2].free_symbols

    def _sympystr(self, printer: Any) -> str:
        return f"{self.name}[{', '.join(map(printer.doprint, self.indices))}]" if self.indices else self.name


@register
class Transposed(sp.Expr):
    """The transpose of a matrix.

    >>> Transposed(Block("A", (), (2, 3)))
    A'
    """

    is_commutative = False

    def __new__(cls, matrix: sp.Expr) -> Transposed:
        return sp.Expr.__new__(cls, sp.sympify(matrix))

    def _sympystr(self, printer: Any) -> str:
        (matrix,) = self.args
        return f"{printer.doprint(matrix)}'" if isinstance(matrix, Block) else f"({printer.doprint(matrix)})'"


@register
class IdentityMatrix(sp.Expr):
    """The identity matrix of n rows.

    >>> IdentityMatrix(3)
    I_3
    """

    is_commutative = False

    def __new__(cls, rows: Any) -> IdentityMatrix:
        return sp.Expr.__new__(cls, sp.sympify(rows))

    def _sympystr(self, printer: Any) -> str:
        return f"I_{printer.doprint(self.args[0])}"


@register
class Entry(sp.Expr):
    """One entry of a matrix, a scalar; rows and columns count from 0, and print from 1.

    >>> Entry(Block("A", (), (2, 3)), 0, 1)
    A[0, 1]
    """

    is_commutative = True

    def __new__(cls, matrix: sp.Expr, row: Any, column: Any) -> Entry:
        place = sp.Integer(row), sp.Integer(column)
        size = shape(matrix)
        if size is None or any(n.is_Integer and not 0 <= i < n for i, n in zip(place, size, strict=True)):
            raise DomainError(f"entry {place} of {matrix}", "a row and a column of a matrix", "Entry(A, 0, 0)")
        return sp.Expr.__new__(cls, matrix, *place)

    def _eval_is_real(self) -> bool:
        return True

    def _sympystr(self, printer: Any) -> str:
        matrix, row, column = self.args
        return f"{printer.doprint(matrix)}[{row}, {column}]"


@register
class Numbers(sp.Expr):
    """A matrix by its entries, which are scalar expressions.

    >>> Numbers([[1, 2], [3, 4]])
    [[1, 2], [3, 4]]
    """

    is_commutative = False

    def __new__(cls, entries: Any) -> Numbers:
        matrix = sp.ImmutableDenseMatrix(entries)
        return sp.Expr.__new__(cls, matrix)

    def _sympystr(self, printer: Any) -> str:
        return str(self.args[0].tolist())


def blocks(name: str, rows: Any, columns: Any) -> Callable[..., Block]:
    """The matrices of one name and one shape, as a function of their indices.

    >>> blocks("A", 2, 3)(4)
    A[4]
    """
    return lambda *indices: Block(name, indices, (rows, columns))


@singledispatch
def shape(expr: sp.Expr) -> Shape | None:
    """Rows and columns of a matrix expression, None for a scalar.

    Raises `DomainError` for products and sums whose shapes do not fit.

    >>> A, B = Block("A", (), (2, 3)), Block("B", (), (3, 4))
    >>> shape(5 * Transposed(A * B)), shape(sp.Symbol("x"))
    ((4, 2), None)
    """
    if expr.is_commutative:
        return None
    raise DomainError(f"a matrix {expr}", "sums, products, powers and transposes of blocks", "Block, Transposed")


@shape.register
def _(expr: Block) -> Shape:
    return expr.shape


@shape.register
def _(expr: Transposed) -> Shape | None:
    inner = shape(expr.args[0])
    return inner and (inner[1], inner[0])


@shape.register
def _(expr: IdentityMatrix) -> Shape:
    return expr.args[0], expr.args[0]


@shape.register
def _(expr: Numbers) -> Shape:
    rows, columns = expr.args[0].shape
    return sp.Integer(rows), sp.Integer(columns)


@shape.register
def _(expr: sp.Add) -> Shape | None:
    shapes = {shape(term) for term in expr.args}
    if len(shapes) > 1:
        raise DomainError(f"the sum {expr} of shapes {shapes}", "terms of one shape", "IdentityMatrix for a one")
    return shapes.pop()


@shape.register
def _(expr: sp.Mul) -> Shape | None:
    found: Shape | None = None
    for factor in filter(None, map(shape, expr.args)):
        if found is not None and found[1] != factor[0]:
            raise DomainError(f"the product {expr}", f"{found[1]} rows after {found[1]} columns", "Transposed")
        found = (found[0], factor[1]) if found else factor
    return found


@shape.register
def _(expr: sp.Pow) -> Shape | None:
    base = shape(expr.base)
    if base is None or (base[0] == base[1] and expr.exp.is_Integer and expr.exp > 0):
        return base
    raise DomainError(f"the power {expr}", "a positive integer power of a square matrix", "products of blocks")


@shape.register
def _(expr: sp.Sum) -> Shape | None:
    return shape(expr.function)
