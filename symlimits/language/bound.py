"""Heads of one function of one bound variable: what integrals over a line and means over layers have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import sympy as sp

from symlimits.language.substitution import renaming


class BoundVariable(sp.Expr):
    """Abstract: arguments are a function, its variable (bound), and what the head says besides."""

    is_commutative = True

    @property
    def integrand(self) -> sp.Expr:
        """The function inside."""
        return self.args[0]

    @property
    def variable(self) -> sp.Symbol:
        """Its variable."""
        return self.args[1]

    @property
    def free_symbols(self) -> set[sp.Symbol]:
        """Symbols that are not bound."""
        return (self.integrand.free_symbols - {self.variable}) | self.args[2].free_symbols

    @property
    def bound_symbols(self) -> list[sp.Symbol]:
        """The variable."""
        return [self.variable]

    def _eval_is_real(self) -> bool:
        return True

    def _eval_subs(self, old: sp.Basic, new: sp.Basic) -> sp.Basic | None:
        if old == self.variable:
            return self
        names = renaming((self.variable,), self, new) if old in self.integrand.free_symbols else {}
        return self.renamed(names).subs(old, new) if names else None

    def renamed(self, names: Mapping[sp.Symbol, sp.Symbol]) -> Self:
        """The same with another name for the variable."""
        return self.func(self.integrand.xreplace(names), names.get(self.variable, self.variable), self.args[2])

    def _eval_derivative(self, parameter: sp.Symbol) -> sp.Expr:
        return self.func(self.integrand.diff(parameter), self.variable, self.args[2])
