"""The derivative almost everywhere: what gradient descent takes for the slope of a function with kinks and jumps."""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

STEPS = (sp.Abs, sp.sign, sp.Heaviside)  # constant, or a constant times a smooth function, between their jumps
REAL = sp.Symbol("x", real=True).assumptions0


def slope(expr: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
    r"""$\partial\,$expr$/\partial\,$symbol without the Dirac masses of its jumps.

    At a kink it is the mean of the slopes on both sides, as sign(0) = 0 and Heaviside(0) = 1/2 say; of a `Piecewise`,
    the slope of the branch that is taken.

    >>> x, y = sp.symbols("x y", real=True)
    >>> slope(sp.Max(x, 0) * y, x), slope(sp.sign(x) + x**2, x), slope(sp.Abs(sp.log(x)), x)
    (y*Heaviside(x), 2*x, sign(log(x))/x)
    """
    if isinstance(expr, sp.Add):  # a first layer has as many terms as data have features: most do not matter
        return sp.Add(*(slope(term, symbol) for term in expr.args if symbol in term.free_symbols))
    others = sorted(expr.free_symbols - {symbol}, key=lambda s: (len(s.name), s.name))
    names = {s: sp.Symbol(f"x{i}", real=True) for i, s in enumerate([symbol, *others]) if s.assumptions0 == REAL}
    back = {name: s for s, name in names.items()}
    return _slope(expr.xreplace(names), names.get(symbol, symbol)).xreplace(back)


@lru_cache(maxsize=4096)
def _slope(expr: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
    """Of one formula for all symbols: a program has the same one at every step and datum."""
    frozen: dict[sp.Symbol, sp.Expr] = {}

    def freeze(node: sp.Expr) -> sp.Expr:
        """SymPy knows no slope of Abs of what it does not know to be real."""
        is_abs = isinstance(node, sp.Abs)
        constant = sp.Dummy("s", real=True)
        frozen[constant] = sp.sign(node.args[0]) if is_abs else node
        return constant * node.args[0] if is_abs else constant

    between = expr.replace(lambda node: isinstance(node, STEPS) and node.has(symbol), freeze)
    found = sp.diff(between, symbol).replace(sp.DiracDelta, lambda *_: sp.Integer(0))
    for constant in reversed(frozen):  # the outer ones hold the inner ones
        found = found.xreplace({constant: frozen[constant]})
    return found
