r"""The head of an inverse spherical transform on positive 2 x 2 matrices: a line integral for each eigenvalue."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.integral import checked_strip
from symlimits.language.substitution import renaming
from symlimits.language.tree import register


@register
class SphericalIntegral(sp.Expr):
    r"""$\frac{1}{(2\pi i)^2}\int\!\!\int h_1(\alpha)\,h_2(\beta)\,\Omega_{\alpha\beta}(x, y)\,d\alpha\,d\beta$,
    $\Omega_{\alpha\beta} = 4(\alpha - \beta)\,Q_{\alpha-\beta-1/2}(\cosh\rho)\,e^{-(\alpha+\beta)G}$ with
    $x = e^{G+\rho} > y = e^{G-\rho}$.

    Of a random matrix $Q = e^G\,O\,\mathrm{diag}(e^\rho, e^{-\rho})\,O^\top$, O uniform, with the spherical transform
    $\mathbb E\,e^{(\alpha+\beta)G}P_{\alpha-\beta-1/2}(\cosh\rho) = h_1(\alpha)h_2(\beta)$ it is the density of
    $(G, \rho)$ over $\sinh\rho$: Mellin's inversion in G, Mehler's and Fock's in $\rho$, with
    $\pi\tan(\pi w)P_{w-1/2} = Q_{-w-1/2} - Q_{w-1/2}$ of Legendre's functions. Both lines run in one strip, that of
    alpha not left of that of beta.

    Arguments: $h_1$ and $h_2$, both functions of one variable (bound), real on the real axis; the strip; x and y.

    >>> w, x, y = sp.symbols("w x y", positive=True)
    >>> SphericalIntegral(sp.gamma(w), sp.gamma(w), w, (0, sp.oo), x, y)
    spherical integral(gamma(w), gamma(w) at x, y; 0 < re w < oo)
    """

    is_commutative = True

    def __new__(cls, first: Any, second: Any, variable: sp.Symbol, strip: Any, x: Any, y: Any) -> SphericalIntegral:
        if not isinstance(variable, sp.Symbol):
            raise DomainError(f"the variable {variable}", "a symbol", "SphericalIntegral(g, h, w, (0, oo), x, y)")
        ends = checked_strip(strip, variable)
        eigenvalues = sp.Tuple(sp.sympify(x), sp.sympify(y))
        return sp.Expr.__new__(cls, sp.sympify(first), sp.sympify(second), variable, ends, *eigenvalues)

    @property
    def first(self) -> sp.Expr:
        """The function of alpha."""
        return self.args[0]

    @property
    def second(self) -> sp.Expr:
        """The function of beta."""
        return self.args[1]

    @property
    def variable(self) -> sp.Symbol:
        """The complex variable of both functions."""
        return self.args[2]

    @property
    def strip(self) -> tuple[sp.Expr, sp.Expr]:
        """Between which real parts the lines may lie."""
        return tuple(self.args[3])

    @property
    def eigenvalues(self) -> tuple[sp.Expr, sp.Expr]:
        """x > y."""
        return self.args[4], self.args[5]

    @property
    def free_symbols(self) -> set[sp.Symbol]:
        """Symbols that are not bound by the integrals."""
        functions = (self.first.free_symbols | self.second.free_symbols) - {self.variable}
        return functions.union(*(part.free_symbols for part in self.args[3:]))

    @property
    def bound_symbols(self) -> list[sp.Symbol]:
        """The variable."""
        return [self.variable]

    def _eval_is_real(self) -> bool:
        return True

    def _eval_subs(self, old: sp.Basic, new: sp.Basic) -> sp.Basic | None:
        functions = sp.Tuple(self.first, self.second)
        if old != self.variable:
            names = renaming((self.variable,), self, new) if old in functions.free_symbols else {}
            return self._renamed(names).subs(old, new) if names else None
        return self.func(*functions, self.variable, *(part.subs(old, new) for part in self.args[3:]))

    def _renamed(self, names: dict[sp.Symbol, sp.Symbol]) -> SphericalIntegral:
        functions = (part.xreplace(names) for part in self.args[:3])
        return self.func(*functions, *self.args[3:])

    def _sympystr(self, printer: Any) -> str:
        """For the terminal."""
        first, second, w, _, x, y = map(printer.doprint, self.args)
        low, high = map(printer.doprint, self.strip)
        return f"spherical integral({first}, {second} at {x}, {y}; {low} < re {w} < {high})"
