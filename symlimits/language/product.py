r"""The head $\mathbb E f(q)$ over a product $q = \prod_l q_l$ of independent mean squares: the layers of a network.

Why a head of its own: as a `GaussianExpectation` over all units it has a variable for each, as `sp.Integral`s of the
densities one integral for each layer, which neither print nor have values beyond three, and a `LineIntegral` is what
Mellin's inversion makes of it. Characteristic functions and densities of output laws begin with it, linear and ReLU.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.bound import BoundVariable
from symlimits.language.tree import register

Layer = tuple[sp.Integer, sp.Rational, sp.Integer]  # units N, the probability that one is positive, equal layers


@register
class ProductExpectation(BoundVariable):
    r"""$\mathbb E[f(q); q > 0]$, $q = \prod_l \chi^2_{k_l}/(p_l N_l)$, $k_l$ binomial $(N_l, p_l)$: N_l where p_l = 1.

    Arguments: f, its positive variable q (bound), and the layers as triples (N, p, count), count equal ones each.

    >>> q, t = sp.symbols("q t", positive=True)
    >>> ProductExpectation(sp.exp(-t * q), q, [(5, 1, 1), (3, 1, 2)])
    E[exp(-q*t); q = chi2(3)/3 * chi2(3)/3 * chi2(5)/5]
    """

    def __new__(cls, integrand: Any, variable: sp.Symbol, layers: Iterable[Any]) -> ProductExpectation:
        if not isinstance(variable, sp.Symbol) or not variable.is_positive:
            raise DomainError(f"the variable {variable}", "a positive symbol", "Symbol('q', positive=True)")
        rows = sorted(tuple(map(sp.sympify, layer)) for layer in layers)
        if not rows or not all(_is_layer(row) for row in rows):
            wanted = "triples of whole numbers N and count, and a probability 0 < p <= 1 between them"
            raise DomainError(f"the layers {rows}", wanted, "(100, 1, 5) for five layers of 100 units")
        return sp.Expr.__new__(cls, sp.sympify(integrand), variable, sp.Tuple(*(sp.Tuple(*row) for row in rows)))

    @property
    def layers(self) -> list[Layer]:
        """Units, the probability that one is positive, and how many such layers there are."""
        return [tuple(layer) for layer in self.args[2]]

    def _sympystr(self, printer: Any) -> str:
        """For the terminal."""
        show = printer.doprint
        factors = [
            f"chi2({show(N)})/{show(N)}" if p == 1 else f"chi2(binomial({show(N)}, {show(p)}))/{show(p * N)}"
            for N, p, count in self.layers
            for _ in range(min(count, 3))
        ]
        more = " * ..." if any(count > 3 for *_, count in self.layers) else ""
        return f"E[{show(self.integrand)}; {show(self.variable)} = {' * '.join(factors)}{more}]"


def _is_layer(row: tuple[sp.Basic, ...]) -> bool:
    if len(row) != 3 or not all(isinstance(number, sp.Rational) for number in row):
        return False
    N, p, count = row
    return bool(N.is_Integer and count.is_Integer and N > 0 and count > 0 and 0 < p <= 1)
