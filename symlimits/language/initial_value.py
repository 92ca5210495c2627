r"""The head of a differential equation: $f(x(t))$ where $\dot x = F(x)$ and $x(0) = x_0$."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.substitution import renaming
from symlimits.language.tree import register


@register
class InitialValue(sp.Expr):
    r"""$f(x(t))$, x the solution of $\dot x = F(x)$ from $x(0) = x_0$.

    Arguments: the output f; its variables x (bound); their velocities F, of the variables and of parameters; their
    values at the start; the time.

    >>> x, t = sp.symbols("x t", positive=True)
    >>> InitialValue(x, [x], [-x], [1], t)
    x at t, from dx/dt = -x, x(0) = 1
    """

    is_commutative = True

    def __new__(cls, output: Any, variables: Any, velocities: Any, start: Any, time: Any) -> InitialValue:
        x, F, x0 = (sp.Tuple(*map(sp.sympify, part)) for part in (variables, velocities, start))
        if not len(x) == len(F) == len(x0) > 0 or not all(isinstance(symbol, sp.Symbol) for symbol in x):
            given = f"{len(x)} variables, {len(F)} velocities and {len(x0)} values at the start"
            raise DomainError(given, "one of each for every variable", "InitialValue(x, [x], [-x], [1], t)")
        return sp.Expr.__new__(cls, sp.sympify(output), x, F, x0, sp.sympify(time))

    @property
    def output(self) -> sp.Expr:
        """What is asked for, of the variables."""
        return self.args[0]

    @property
    def variables(self) -> tuple[sp.Symbol, ...]:
        """What moves."""
        return tuple(self.args[1])

    @property
    def velocities(self) -> tuple[sp.Expr, ...]:
        """How it moves."""
        return tuple(self.args[2])

    @property
    def start(self) -> tuple[sp.Expr, ...]:
        """Where it is at time zero."""
        return tuple(self.args[3])

    @property
    def time(self) -> sp.Expr:
        """When it is asked for."""
        return self.args[4]

    @property
    def free_symbols(self) -> set[sp.Symbol]:
        """Symbols that are not bound."""
        inside = self.output.free_symbols | self.args[2].free_symbols
        return (inside - set(self.variables)) | self.args[3].free_symbols | self.time.free_symbols

    @property
    def bound_symbols(self) -> list[sp.Symbol]:
        """The variables."""
        return list(self.variables)

    def renamed(self, names: Mapping[sp.Symbol, sp.Symbol]) -> InitialValue:
        """The same with other names for variables."""
        output, variables, velocities = (arg.xreplace(names) for arg in self.args[:3])
        return InitialValue(output, variables, velocities, *self.args[3:])

    def _eval_is_real(self) -> bool:
        return True

    def _eval_subs(self, old: sp.Basic, new: sp.Basic) -> sp.Basic | None:
        if old in self.variables:
            return self
        names = renaming(self.variables, self, new) if old in self.free_symbols else {}
        return self.renamed(names).subs(old, new) if names else None

    def _sympystr(self, printer: Any) -> str:
        """For the terminal."""
        said = printer.doprint
        moves = [f"d{said(x)}/dt = {said(F)}" for x, F in zip(self.variables, self.velocities, strict=True)]
        starts = [f"{said(x)}(0) = {said(value)}" for x, value in zip(self.variables, self.start, strict=True)]
        return f"{said(self.output)} at {said(self.time)}, from {', '.join(moves + starts)}"
