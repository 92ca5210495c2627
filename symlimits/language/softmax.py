"""The head of a softmax of each row of a matrix."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.block import Shape, shape
from symlimits.language.tree import register


@register
class RowSoftmax(sp.Expr):
    r"""$\mathrm{softmax}(f)_{ik} = e^{f_{ik}}/\sum_je^{f_{ij}}$: the rows of a matrix as probabilities.

    >>> from symlimits.language.block import Block
    >>> RowSoftmax(Block("f", (), (3, 2)))
    softmax(f)
    """

    is_commutative = False

    def __new__(cls, matrix: Any) -> RowSoftmax:
        matrix = sp.sympify(matrix)
        if shape(matrix) is None:
            raise DomainError(f"the softmax of {matrix}", "a matrix", 'RowSoftmax(Block("f", (), (n, k)))')
        return sp.Expr.__new__(cls, matrix)

    matrix = property(lambda self: self.args[0], doc="The matrix of logits.")

    def _sympystr(self, printer: Any) -> str:
        return f"softmax({printer.doprint(self.matrix)})"


@shape.register
def _(expr: RowSoftmax) -> Shape | None:
    return shape(expr.matrix)
