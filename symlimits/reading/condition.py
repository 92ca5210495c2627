r"""How many digits a formula loses: the size of its terms beside its value.

Sums of terms that cancel are what costs a closed form its digits: the dual of $x^2\operatorname{erf}(x)$ is of order
$p^3$ for small p, and its terms of order p. The size of a formula is the same formula with absolute values for all
terms of its sums; rounding is at most a few units in the last place of the size.
"""

from __future__ import annotations

import sympy as sp

from symlimits.reading.waves import less, top_cosh, top_sinh, toward

LOST = 2 * 2.0**-52 / 1e-12  # of the size of the terms: a value below it has fewer than twelve digits
_EXPONENTIAL = (sp.exp, top_sinh, top_cosh)  # an error of the first argument is one of the value, relative


def size(expr: sp.Expr) -> sp.Expr:
    """The formula with absolute values in the places of its terms, at least as large as its value.

    What stands inside other functions than exponentials counts as known.

    >>> x, y = sp.symbols("x y", positive=True)
    >>> size(x * (x - y)), size(x + y)
    (x*(x + y), x + y)
    """
    if expr.is_number or (expr.is_Symbol and expr.is_positive):
        return sp.Abs(expr)
    if expr.is_Add or expr.is_Mul:
        return expr.func(*map(size, expr.args))
    if expr.is_Pow and expr.exp.is_number:
        return _of_power(expr)
    if isinstance(expr, _EXPONENTIAL):
        return sp.Abs(expr) * (1 + size(expr.args[0]))
    if isinstance(expr, toward):
        return expr.func(expr.args[0], *map(size, expr.args[1:]))
    if isinstance(expr, less):
        return sp.Abs(expr, evaluate=False)
    return size(expr.args[0]) if isinstance(expr, sp.Abs) else sp.Abs(expr)


def _of_power(power: sp.Pow) -> sp.Expr:
    """1/b is as uncertain, relative, as b is."""
    base, terms = power.base, size(power.base)
    if base == terms or power.exp.is_positive:
        return terms**power.exp
    return terms ** (-power.exp) * sp.Abs(base) ** (2 * power.exp)
