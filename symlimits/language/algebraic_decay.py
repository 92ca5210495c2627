r"""The head of what an iterated map leaves at large depth: $\lim_{\ell\to\infty}\ell\,g(x_\ell)$."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp
from sympy.printing.precedence import PRECEDENCE

from symlimits.errors import DomainError
from symlimits.language.bound import BoundVariable
from symlimits.language.substitution import renaming
from symlimits.language.tree import register


@register
class AlgebraicDecay(BoundVariable):
    r"""$\lim_{\ell\to\infty}\ell\,g(x_\ell)$ for $x_{\ell+1} = F(x_\ell)$ from a small $x_1 > 0$, where $x_\ell \to 0$.

    Arguments: g, with g(0) = 0; the state x (bound), a positive symbol; the map F, with F(0) = 0 and F'(0) = 1: without
    a slope below one the decay is algebraic. The limit does not depend on where it starts.

    >>> x = sp.Symbol("x", positive=True)
    >>> AlgebraicDecay(x, x, x - x**2)
    lim l*(x) as l -> oo, x -> -x**2 + x
    """

    precedence = PRECEDENCE["Lambda"]  # in brackets inside sums and powers

    def __new__(cls, integrand: Any, variable: Any, image: Any) -> AlgebraicDecay:
        if not isinstance(variable, sp.Symbol) or not variable.is_positive:
            raise DomainError(f"the state {variable}", "a positive symbol", "Symbol('x', positive=True)")
        return sp.Expr.__new__(cls, sp.sympify(integrand), variable, sp.sympify(image))

    @property
    def image(self) -> sp.Expr:
        """The map F, of the state."""
        return self.args[2]

    @property
    def free_symbols(self) -> set[sp.Symbol]:
        """Symbols that are not the state."""
        return (self.integrand.free_symbols | self.image.free_symbols) - {self.variable}

    def renamed(self, names: Mapping[sp.Symbol, sp.Symbol]) -> AlgebraicDecay:
        """The same with another name for the state."""
        return AlgebraicDecay(*(arg.xreplace(names) for arg in self.args))

    def _eval_subs(self, old: sp.Basic, new: sp.Basic) -> sp.Basic | None:
        if old == self.variable:
            return self
        names = renaming((self.variable,), self, new) if old in self.free_symbols else {}
        return self.renamed(names).subs(old, new) if names else None

    def _eval_derivative(self, parameter: sp.Symbol) -> sp.Expr:
        return sp.Derivative(self, parameter, evaluate=False) if parameter in self.free_symbols else sp.S.Zero

    def _sympystr(self, printer: Any) -> str:
        """For the terminal."""
        g, x, F = map(printer.doprint, self.args)
        return f"lim l*({g}) as l -> oo, {x} -> {F}"
