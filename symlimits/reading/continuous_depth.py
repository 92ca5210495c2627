r"""The reference value of a `ContinuousDepth`: the recursion at several depths, extrapolated in 1/L.

The value at L layers has an expansion in powers of 1/L where the maps are smooth; Aitken and Neville's scheme at
L = m, 2m, ..., km removes k of them. m doubles until two extrapolations agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import sympy as sp
from mpmath import mp, mpf

from symlimits.errors import NoRule
from symlimits.language.continuous_depth import ContinuousDepth
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.recursion import Recursion

MULTIPLES = 12  # depths m, 2m, ..., and as many digits more for what their differences lose
DEEPEST = 4096  # layers


def continuous_depth_value(expr: ContinuousDepth, values: Mapping[sp.Symbol, sp.Expr], digits: int) -> mpf:
    """The limit to `digits` digits; `NoRule` for maps without closed form, and where the depths do not suffice."""
    if expr.recursion.has(GaussianExpectation):
        raise NoRule("digits of a limit of depth without closed form", "an activation with a closed form", "the ODE")
    with mp.workdps(4 * digits + 2 * MULTIPLES):  # a slope loses three quarters of them where a correlation is one
        numbers = {symbol: value for symbol, value in values.items() if symbol not in expr.recursion.states}
        at_depth = _depths(expr.recursion, expr.depth, numbers)
        previous, m = None, 1
        while m * MULTIPLES <= DEEPEST:
            found = _extrapolated([(mpf(1) / (m * k), at_depth(m * k)) for k in range(1, MULTIPLES + 1)])
            if previous is not None and abs(found - previous) <= mpf(10) ** -digits * max(1, abs(found)):
                return found
            previous, m = found, 2 * m
    raise NoRule(f"a limit of depth from {DEEPEST} layers", f"{digits} digits", "fewer digits")


def _depths(recursion: Recursion, depth: sp.Symbol, values: Mapping[sp.Symbol, sp.Expr]) -> Callable[[int], mpf]:
    """The value at a number of layers, by maps as functions of mpmath numbers."""
    states, start = recursion.states, [mp.mpf(sp.N(e.subs(values), mp.dps)) for e in recursion.start]
    inverse = sp.Dummy("h")
    stages = [
        (_function((*states, inverse), [e.subs(depth, 1 / inverse).subs(values) for e in maps]), count)
        for maps, count in recursion.stages
    ]

    def at(layers: int) -> mpf:
        x, h = list(start), mpf(1) / layers
        for function, count in stages:
            for _ in range(layers if count == depth else int(count)):
                x = [mp.re(value) for value in function([*x, h])]
        return x[states.index(recursion.output)]

    return at


def _function(arguments: tuple[sp.Symbol, ...], exprs: list[sp.Expr]) -> Callable[[list[mpf]], list[mpf]]:
    return _lambdified(arguments, tuple(exprs))


@lru_cache(maxsize=64)
def _lambdified(arguments: tuple[sp.Symbol, ...], exprs: tuple[sp.Expr, ...]) -> Callable[[list[mpf]], list[mpf]]:
    found: Callable[[list[mpf]], list[mpf]] = sp.lambdify([arguments], list(exprs), "mpmath", cse=True)
    return found


def _extrapolated(points: list[tuple[mpf, mpf]]) -> mpf:
    """The value at 0 of the polynomial through points, by Neville's scheme."""
    steps, row = [h for h, _ in points], [value for _, value in points]
    for width in range(1, len(row)):
        row = [
            (steps[i] * row[i + 1] - steps[i + width] * row[i]) / (steps[i] - steps[i + width])
            for i in range(len(row) - 1)
        ]
    return row[0]
