r"""The head $\frac{1}{2\pi i}\int g(w)\,dw$ over a vertical line of the complex plane: a Mellin-Barnes integral."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.bound import BoundVariable
from symlimits.language.tree import register


@register
class LineIntegral(BoundVariable):
    r"""$\frac{1}{2\pi i}\int_{c - i\infty}^{c + i\infty} g(w)\,dw$, the same for every c inside a strip.

    Arguments: the integrand, real on the real axis and analytic in the strip; its variable (bound);
    the strip (low, high), whose ends may be infinite. So a law is written by its Mellin transform,
    $e^{-z} = \frac{1}{2\pi i}\int \Gamma(w) z^{-w} dw$ for Re w > 0.

    >>> w, z = sp.Symbol("w"), sp.Symbol("z", positive=True)
    >>> LineIntegral(sp.gamma(w) * z**-w, w, (0, sp.oo))
    line integral(gamma(w)/z**w; 0 < re w < oo)
    """

    def __new__(cls, integrand: Any, variable: sp.Symbol, strip: Any) -> LineIntegral:
        if not isinstance(variable, sp.Symbol):
            raise DomainError(f"the variable {variable}", "a symbol", "LineIntegral(g, w, (0, oo))")
        return sp.Expr.__new__(cls, sp.sympify(integrand), variable, checked_strip(strip, variable))

    @property
    def strip(self) -> tuple[sp.Expr, sp.Expr]:
        """Between which real parts the line may lie."""
        return tuple(self.args[2])

    def _sympystr(self, printer: Any) -> str:
        """For the terminal."""
        low, high = map(printer.doprint, self.strip)
        return f"line integral({printer.doprint(self.integrand)}; {low} < re {self.variable} < {high})"


def checked_strip(strip: Any, variable: sp.Symbol) -> sp.Tuple:
    """The ends of a strip, in order and without the variable."""
    ends = sp.Tuple(*map(sp.sympify, strip))
    if len(ends) != 2 or ends.has(variable) or (ends[0] < ends[1]) == sp.false:
        raise DomainError(f"the strip {tuple(ends)}", "two numbers in order", "(0, oo)")
    return ends
