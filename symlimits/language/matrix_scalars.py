"""Numbers that a matrix has, as matrices of one entry: its trace, the logarithm of its determinant."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.block import Shape, shape
from symlimits.language.tree import register


class _OfSquare(sp.Expr):
    """A number of a square matrix; it does not commute, as a matrix of one entry does not in a product of others."""

    is_commutative = False

    def __new__(cls, matrix: Any) -> _OfSquare:
        matrix = sp.sympify(matrix)
        size = shape(matrix)
        if size is None or size[0] != size[1]:
            raise DomainError(f"{cls.__name__} of {matrix}", "a square matrix", 'Block("A", (), (n, n))')
        return sp.Expr.__new__(cls, matrix)

    matrix = property(lambda self: self.args[0], doc="The square matrix.")


@register
class TraceOf(_OfSquare):
    """The sum of the diagonal.

    >>> from symlimits.language.block import Block
    >>> TraceOf(Block("A", (), (3, 3)))
    tr(A)
    """

    def _sympystr(self, printer: Any) -> str:
        return f"tr({printer.doprint(self.matrix)})"


@register
class LogDeterminant(_OfSquare):
    """The logarithm of the determinant of a positive matrix.

    >>> from symlimits.language.block import Block
    >>> LogDeterminant(Block("A", (), (3, 3)))
    log det(A)
    """

    def _sympystr(self, printer: Any) -> str:
        return f"log det({printer.doprint(self.matrix)})"


@shape.register
def _(expr: _OfSquare) -> Shape | None:
    return sp.S.One, sp.S.One
