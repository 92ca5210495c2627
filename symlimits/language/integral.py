r"""The head $\frac{1}{2\pi i}\int g(w)\,dw$ over a vertical line of the complex plane: a Mellin-Barnes integral."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.substitution import renaming
from symlimits.language.tree import register


@register
class LineIntegral(sp.Expr):
    r"""$\frac{1}{2\pi i}\int_{c - i\infty}^{c + i\infty} g(w)\,dw$, the same for every c inside a strip.

    Arguments: the integrand, real on the real axis and analytic in the strip; its variable (bound);
    the strip (low, high), whose ends may be infinite. So a law is written by its Mellin transform,
    $e^{-z} = \frac{1}{2\pi i}\int \Gamma(w) z^{-w} dw$ for Re w > 0.

    >>> w, z = sp.Symbol("w"), sp.Symbol("z", positive=True)
    >>> LineIntegral(sp.gamma(w) * z**-w, w, (0, sp.oo))
    line integral(gamma(w)/z**w; 0 < re w < oo)
    """

    is_commutative = True

    def __new__(cls, integrand: Any, variable: sp.Symbol, strip: Any) -> LineIntegral:
        if not isinstance(variable, sp.Symbol):
            raise DomainError(f"the variable {variable}", "a symbol", "LineIntegral(g, w, (0, oo))")
        ends = sp.Tuple(*map(sp.sympify, strip))
        if len(ends) != 2 or ends.has(variable) or (ends[0] < ends[1]) == sp.false:
            raise DomainError(f"the strip {tuple(ends)}", "two numbers in order", "LineIntegral(g, w, (0, oo))")
        return sp.Expr.__new__(cls, sp.sympify(integrand), variable, ends)

    @property
    def integrand(self) -> sp.Expr:
        """The function under the integral."""
        return self.args[0]

    @property
    def variable(self) -> sp.Symbol:
        """The complex variable."""
        return self.args[1]

    @property
    def strip(self) -> tuple[sp.Expr, sp.Expr]:
        """Between which real parts the line may lie."""
        return tuple(self.args[2])

    @property
    def free_symbols(self) -> set[sp.Symbol]:
        """Symbols that are not bound by the integral."""
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

    def renamed(self, names: Mapping[sp.Symbol, sp.Symbol]) -> LineIntegral:
        """The same integral with another name for its variable."""
        return self.func(self.integrand.xreplace(names), names.get(self.variable, self.variable), self.strip)

    def _sympystr(self, printer: Any) -> str:
        """For the terminal."""
        low, high = map(printer.doprint, self.strip)
        return f"line integral({printer.doprint(self.integrand)}; {low} < re {self.variable} < {high})"

    def _eval_derivative(self, parameter: sp.Symbol) -> sp.Expr:
        return self.func(self.integrand.diff(parameter), self.variable, self.strip)
