"""Expressions in place of symbols, without capture: a bound symbol that a new expression holds is renamed first."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import count

import sympy as sp


def fresh(symbol: sp.Symbol, taken: Collection[str]) -> sp.Symbol:
    """A symbol with the same assumptions and a name that is not taken: its own name with a number.

    >>> fresh(sp.Symbol("u"), {"u", "u_1"})
    u_2
    """
    name = next(name for name in map(f"{symbol.name}_{{}}".format, count(1)) if name not in taken)
    return sp.Symbol(name, **symbol._assumptions_orig)


def renaming(bound: Collection[sp.Symbol], body: sp.Basic, new: sp.Basic) -> dict[sp.Symbol, sp.Symbol]:
    """New names for the bound symbols of a head that an expression to be put into it holds, by name."""
    outside = {symbol.name for symbol in new.free_symbols}
    taken = outside | {symbol.name for symbol in body.atoms(sp.Symbol)}
    renamed: dict[sp.Symbol, sp.Symbol] = {}
    for symbol in bound:
        if symbol.name in outside:
            renamed[symbol] = fresh(symbol, taken)
            taken.add(renamed[symbol].name)
    return renamed


def substituted(expr: sp.Expr, values: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
    """`expr.subs(values, simultaneous=True)`, where SymPy would let heads and integrals capture symbols of the values.

    >>> s, a = sp.symbols("s a")
    >>> substituted(sp.Integral(a * s, (s, 0, 1)), {a: s})
    Integral(s*s_1, (s_1, 0, 1))
    """
    known = {symbol: value for symbol, value in values.items() if symbol in expr.free_symbols}
    new = sp.Tuple(*known.values())
    return _apart(expr, new).subs(known, simultaneous=True) if known else expr


def _apart(expr: sp.Basic, new: sp.Basic) -> sp.Basic:
    """The same expression, its bound symbols named otherwise than the free symbols of `new`."""
    if not expr.args or not new.free_symbols:
        return expr
    args = [_apart(arg, new) for arg in expr.args]
    expr = expr if all(a is b for a, b in zip(args, expr.args, strict=True)) else expr.func(*args)
    names = renaming(getattr(expr, "bound_symbols", ()), expr, new)
    if not names:
        return expr
    if isinstance(expr, sp.Integral):
        return _renamed_integral(expr, names)
    return expr.renamed(names)


def _renamed_integral(integral: sp.Integral, names: Mapping[sp.Symbol, sp.Symbol]) -> sp.Integral:
    """One variable: its ends lie outside of what it binds."""
    (variable, *ends), *others = integral.limits
    if others:
        return integral.xreplace(names)
    return sp.Integral(integral.function.xreplace(names), (names[variable], *ends))


def valued(expr: sp.Expr, values: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
    """`expr.subs(values, simultaneous=True)` for numbers: each Max and Min gets all of them at once.

    One by one SymPy compares the alternatives anew, with symbols in them, after each.

    >>> x, y = sp.symbols("x y", real=True)
    >>> valued(2 * sp.Max(x, y, 1), {x: sp.Integer(3), y: sp.Integer(2)})
    6
    """
    extremes = {node: node.xreplace(dict(values)) for node in expr.atoms(sp.Max, sp.Min)}
    return (expr.xreplace(extremes) if extremes else expr).subs(values, simultaneous=True)
