"""Means and covariances over random blocks: Gaussian, centred, with covariances that are blocks themselves."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.block import Block, Shape, shape
from symlimits.language.tree import register


@register
class MatrixMean(sp.Expr):
    """The mean of a matrix over the random blocks in it, which are centred.

    >>> f, Y = Block("f", (), (3, 1)), Block("Y", (), (3, 1))
    >>> MatrixMean(f - Y, (f,))
    E(-Y + f)
    """

    is_commutative = False

    def __new__(cls, matrix: Any, random: Any) -> MatrixMean:
        return sp.Expr.__new__(cls, sp.sympify(matrix), sp.Tuple(*random))

    matrix = property(lambda self: self.args[0], doc="What is averaged.")
    random = property(lambda self: tuple(self.args[1]), doc="The random blocks.")

    def _sympystr(self, printer: Any) -> str:
        return f"E({printer.doprint(self.matrix)})"


@register
class MatrixCovariance(sp.Expr):
    r"""The covariance $\mathrm{Cov}(g, h)$, rows of g by rows of h, of one column of two random matrices.

    Columns are independent and alike. `pairs` are triples (u, v, C): random blocks u, v and the block
    $C = \mathrm{Cov}(u, v)$; pairs that are not named are uncorrelated.

    >>> f, g, K = Block("f", (), (3, 1)), Block("g", (), (2, 1)), Block("K", (), (3, 2))
    >>> MatrixCovariance(f, g, [(f, g, K)])
    Cov(f, g)
    """

    is_commutative = False

    def __new__(cls, left: Any, right: Any, pairs: Any) -> MatrixCovariance:
        pairs = sp.Tuple(*(sp.Tuple(*pair) for pair in pairs))
        if any(shape(C) != (shape(u)[0], shape(v)[0]) for u, v, C in pairs):  # type: ignore[index]
            raise DomainError(f"covariances {pairs}", "(u, v, C) with C of rows of u by rows of v", "(f, f, K)")
        return sp.Expr.__new__(cls, left, right, pairs)

    left = property(lambda self: self.args[0], doc="The matrix whose rows count the rows.")
    right = property(lambda self: self.args[1], doc="The matrix whose rows count the columns.")

    @property
    def pairs(self) -> dict[tuple[Block, Block], sp.Expr]:
        """The covariance of each pair of random blocks."""
        return {(u, v): C for u, v, C in self.args[2]}

    def _sympystr(self, printer: Any) -> str:
        return f"Cov({printer.doprint(self.left)}, {printer.doprint(self.right)})"


@shape.register
def _(expr: MatrixMean) -> Shape | None:
    return shape(expr.matrix)


@shape.register
def _(expr: MatrixCovariance) -> Shape | None:
    left, right = shape(expr.left), shape(expr.right)
    return (left[0], right[0]) if left and right else None
