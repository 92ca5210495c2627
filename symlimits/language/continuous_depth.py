r"""The head of a limit of depth: $\lim_{L\to\infty}$ of a recursion whose number of layers is L."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.recursion import Recursion
from symlimits.language.tree import register


@register
class ContinuousDepth(sp.Expr):
    r"""$\lim_{L\to\infty}$ of a recursion in which one block is repeated L times, with steps of 1/L.

    >>> y, y0 = sp.symbols("y y0")
    >>> L = sp.Symbol("L", integer=True, positive=True)
    >>> ContinuousDepth(Recursion((y,), (y0,), [((y + y / L,), L)], y), L)
    lim L -> oo of y after L x (y -> y + y/L) from y = y0
    """

    is_commutative = True

    def __new__(cls, recursion: Any, depth: Any) -> ContinuousDepth:
        if not isinstance(recursion, Recursion) or [count for _, count in recursion.blocks].count(depth) != 1:
            raise DomainError(f"a limit of depth {depth}", "a recursion with one block repeated so often", "Repeat")
        return sp.Expr.__new__(cls, recursion, depth)

    @property
    def recursion(self) -> Recursion:
        """The recursion of any depth."""
        return self.args[0]

    @property
    def depth(self) -> sp.Symbol:
        """The symbol of the depth."""
        return self.args[1]

    @property
    def free_symbols(self) -> set[sp.Symbol]:
        """All but the depth, which is bound."""
        return self.recursion.free_symbols - {self.depth}

    @property
    def bound_symbols(self) -> list[sp.Symbol]:
        """The depth."""
        return [self.depth]

    def _eval_is_real(self) -> bool:
        return True

    def _eval_subs(self, old: sp.Basic, new: sp.Basic) -> sp.Basic | None:
        return self if old == self.depth else None

    def _sympystr(self, printer: Any) -> str:
        return f"lim {printer.doprint(self.depth)} -> oo of {printer.doprint(self.recursion)}"
