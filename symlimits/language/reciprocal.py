"""One over a number, or zero where the number is zero: what a generalised inverse does to each pivot."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symlimits.language.tree import register

NOTHING = 1e-10  # of the size that is given beside it: rounding, and no pivot


@register
class Reciprocal(sp.Function):
    r"""$p^+$: 1/p, or 0 where p is zero beside a size.

    >>> Reciprocal(4, 8), Reciprocal(0, 8)
    (1/4, 0)
    """

    nargs = 2

    @classmethod
    def eval(cls, pivot: sp.Expr, size: sp.Expr) -> sp.Expr | None:
        """A number where both are numbers."""
        if not (pivot.is_number and size.is_number):
            return None
        return 1 / pivot if abs(pivot) > NOTHING * abs(size) else sp.S.Zero

    def _eval_is_real(self) -> bool:
        return True

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return (
            printer.doprint(self.args[0]) + r"^{+}"
            if exp is None
            else rf"({printer.doprint(self.args[0])}^{{+}})^{{{exp}}}"
        )
