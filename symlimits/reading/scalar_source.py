"""The source of a compiled scalar function: a NumPy ufunc."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from symlimits.reading.lower import GAP, MATH, RHO, S, c, conditioned, p, q, separated_differences, statements

_S2 = sp.Symbol("s2", nonnegative=True)  # p q - c^2


def vectorized_source(expr: sp.Expr, arguments: Sequence[sp.Symbol]) -> str:
    """A module whose `kernel` is a NumPy ufunc of the arguments, in their order."""
    names = {symbol: f"a{i}" for i, symbol in enumerate(arguments)}
    lines = []
    if {p, q, c} <= set(arguments):
        expr = conditioned(expr)
        a, b, d = names[p], names[q], names[c]
        expr = _with_square(expr)
        if expr.has(_S2, GAP):
            lines += [f"s2 = max(difference_of_products({a}, {b}, {d}, {d}), 0.0)"]
            names[_S2] = "s2"
        if expr.has(GAP):
            lines += [f"g = s2/max(sqrt({a})*sqrt({b}) + abs({d}), 1e-300)"]
            names[GAP] = "g"
        if expr.has(S):
            lines += [f"s = root_of_gap({a}, {b}, {d})"]
            names[S] = "s"
        if expr.has(RHO):
            lines += [f"rho = {d}/max(sqrt({a}), 1e-170)/max(sqrt({b}), 1e-170)"]  # the root of no float is smaller
            names[RHO] = "rho"
    else:
        expr = separated_differences(expr)
    lines += statements({"result": expr}, names).splitlines()
    lines.append("return result")
    header = ", ".join(names[symbol] for symbol in arguments)
    types = ", ".join("f8" for _ in arguments)
    body = "\n".join(f"    {line}" for line in lines)
    return f'{_HEADER}\n\n@vectorize(["f8({types})"], cache=True)\ndef kernel({header}):\n{body}\n'


def _with_square(expr: sp.Expr) -> sp.Expr:
    """s^2 as a symbol of its own where s stands in even powers alone: no root is taken to be squared again."""
    squared = expr.replace(lambda node: node.is_Pow and node.base == S and node.exp.is_even, _of_square)
    return expr if squared.has(S) else squared


def _of_square(power: sp.Pow) -> sp.Expr:
    return _S2 ** (power.exp / 2)


_HEADER = f"""\
{MATH}
from numba import njit, vectorize

from symlimits.reading.special import difference_of_products, exp_cosh, exp_sinh, root_of_gap, top_cosh, top_sinh


@njit(error_model="numpy")
def angle_between(x, y):  # one number at a time: faster than the polynomial for vectors
    return atan2(y, x)
"""
