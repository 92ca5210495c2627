"""The source of a compiled scalar function: a NumPy ufunc."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from symlimits.reading.condition import LOST, size
from symlimits.reading.lower import MATH, RHO, S, c, conditioned, p, q, separated_differences, statements
from symlimits.reading.waves import GAP

_S2 = sp.Symbol("s2", nonnegative=True)  # p q - c^2


def vectorized_source(expr: sp.Expr, arguments: Sequence[sp.Symbol]) -> str:
    """A module whose `kernel` is a NumPy ufunc of the arguments, in their order."""
    header, types, lines, expr, names = _prepared(expr, arguments)
    body = _indented([*lines, *statements({"result": expr}, names).splitlines(), "return result"])
    return f'{HEADER}\n\n@vectorize(["f8({types})"], cache=True)\ndef kernel({header}):\n{body}\n'


def guarded_source(expr: sp.Expr, arguments: Sequence[sp.Symbol]) -> str:
    """The same for a function of p, q and c, with NaN where its terms cancel to fewer than twelve digits.

    What counts is the size of the kernel, sqrt(T(p, p, p) T(q, q, q)): a small value between two points that are
    nearly opposite needs no digits of its own.
    """
    if not is_pair(arguments):
        return vectorized_source(expr, arguments)
    header, types, lines, expr, names = _prepared(expr, arguments)
    results = {"result": expr, "size": size(expr)}
    if results["size"] == expr:
        return vectorized_source(expr, arguments)
    body = _indented([*lines, *statements(results, names).splitlines(), "return result, size"])
    diagonals = [", ".join(names[s] for _ in arguments) for s in (p, q)]
    return _GUARD.format(header=header, types=types, body=body, p=diagonals[0], q=diagonals[1], lost=LOST)


def is_pair(arguments: Sequence[sp.Symbol]) -> bool:
    """Whether a function of these is a kernel of two variances and a covariance."""
    return {p, q, c} == set(arguments)


def _prepared(
    expr: sp.Expr, arguments: Sequence[sp.Symbol]
) -> tuple[str, str, list[str], sp.Expr, dict[sp.Symbol, str]]:
    """Arguments, their types, first lines, the well-conditioned expression and the names of its symbols."""
    names = {symbol: f"a{i}" for i, symbol in enumerate(arguments)}
    header, types = ", ".join(names.values()), ", ".join("f8" for _ in arguments)
    if not {p, q, c} <= set(arguments):
        return header, types, [], separated_differences(expr), names
    expr, lines = _with_square(conditioned(expr)), []
    a, b, d = names[p], names[q], names[c]
    if expr.has(_S2, GAP):
        lines += [f"s2 = gap_of_products({a}, {b}, {d}, {d})"]
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
    return header, types, lines, expr, names


def _indented(lines: Sequence[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)


def _with_square(expr: sp.Expr) -> sp.Expr:
    """s^2 as a symbol of its own where s stands in even powers alone: no root is taken to be squared again."""
    squared = expr.replace(lambda node: node.is_Pow and node.base == S and node.exp.is_even, _of_square)
    return expr if squared.has(S) else squared


def _of_square(power: sp.Pow) -> sp.Expr:
    return _S2 ** (power.exp / 2)


HEADER = f"""\
{MATH}
from numba import njit, vectorize

from symlimits.reading.special import difference_of_products, exp_cosh, exp_sinh, root_of_gap, top_cosh, top_sinh


@njit(error_model="numpy")
def angle_between(x, y):  # one number at a time: faster than the polynomial for vectors
    return atan2(y, x)
"""

_GUARD = (
    HEADER
    + """
from math import nan


@njit("Tuple((f8, f8))({types})", error_model="numpy")
def value({header}):
{body}


@vectorize(["f8({types})"], cache=True)
def kernel({header}):
    result, size = value({header})
    if abs(result) >= {lost} * size:
        return result
    first, first_size = value({p})
    second, second_size = value({q})
    known = first >= {lost} * first_size and second >= {lost} * second_size
    return result if known and {lost} * size <= sqrt(first) * sqrt(second) else nan
"""
)
