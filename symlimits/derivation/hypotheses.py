"""What the Master theorem asks of maps: values everywhere, and no more than polynomial (or exponential) growth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from functools import lru_cache

import sympy as sp
from sympy.core.function import AppliedUndef

from symlimits.errors import DomainError, NoRule
from symlimits.language.activation import activation, x

WANTED = "maps with all moments, as the Master theorem asks"


def check_map(expr: sp.Expr, vectors: Set[sp.Symbol], granted: Sequence[type[sp.Function]] = ()) -> None:
    """Raise `NoRule` for a formula with a function of one vector that has no moments, or with poles of several.

    Kinks and jumps may be.

    Of `granted` functions it is a hypothesis that they grow no faster than a polynomial.

    >>> z = sp.Symbol("z", real=True)
    >>> check_map(z**3 * sp.tanh(z) * sp.sign(z), {z})
    """
    if expr.atoms(AppliedUndef, sp.Integral):
        raise NoRule(f"the limit of the map {expr}", "functions that are known", ".exponent(...), for any function")
    if granted:
        expr = expr.xreplace({found: found.args[0] for found in expr.atoms(*granted)})
    _check_poles(expr, vectors)
    for curve in _curves(expr, vectors):
        _check(curve.xreplace(dict.fromkeys(curve.free_symbols, x)))


def _check_poles(expr: sp.Expr, vectors: Set[sp.Symbol]) -> None:
    """What several values enter is divided by only where it is known to have no zero, scalars taken as positive."""
    for power in expr.atoms(sp.Pow):
        divisor = power.base
        if power.exp.is_negative and divisor.free_symbols & vectors and len(divisor.free_symbols) > 1:
            scalars = {s: sp.Dummy(s.name, positive=True) for s in divisor.free_symbols - vectors}
            if not divisor.xreplace(scalars).is_nonzero:
                raise NoRule(f"the limit of a map with the divisor {divisor}", WANTED, "a divisor without zeros")


def _curves(expr: sp.Expr, vectors: Set[sp.Symbol]) -> Iterator[sp.Expr]:
    """The largest parts of a formula that are functions of one vector, and no polynomials."""
    inside = expr.free_symbols & vectors
    if inside and expr.free_symbols <= vectors and len(inside) == 1:
        if not expr.is_polynomial(*inside):
            yield expr
    elif inside:
        for part in expr.args:
            yield from _curves(part, vectors)


@lru_cache(maxsize=1024)
def _check(curve: sp.Expr) -> None:
    try:
        fast = activation(curve).growth != 0
    except DomainError as refusal:
        raise NoRule(f"the limit of a map: {refusal.given}", WANTED, "another map") from None
    if fast:
        raise NoRule(f"the limit of the map {curve}", WANTED, "a slower function")
