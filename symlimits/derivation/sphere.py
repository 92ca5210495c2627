r"""A kernel recursion on inputs of equal norm: one scalar map of the correlation."""

from __future__ import annotations

import sympy as sp

from symlimits.derivation.collect import collect
from symlimits.errors import NoRule
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.recursion import Recursion

rho = sp.Symbol("rho", real=True)


def on_sphere(recursion: Recursion, variance: sp.Expr) -> sp.Expr:
    r"""The last block's map at $K(x,x) = K(z,z) = q$, $K(x,z) = q\rho$.

    For the kernel itself the correlation after the block, $R(\rho)$; for the tangent kernel the
    factor that multiplies $\Theta$.
    """
    if not 3 <= len(recursion.states) <= 4 or not recursion.stages:
        raise NoRule("the sphere map of this recursion", "a kernel recursion with a layer", "sl.nngp(net)")
    first, second, mixed, *others = recursion.states
    point = {first: variance, second: variance, mixed: variance * rho}
    maps = dict(zip(recursion.states, recursion.stages[-1][0], strict=True))
    if recursion.output == mixed:
        kernel, norm = (maps[state].subs(point, simultaneous=True) for state in (mixed, first))
        return _quotient(kernel, norm)
    (tangent,) = others
    line = maps[tangent].subs(point, simultaneous=True)
    return _quotient(sp.diff(line, tangent), sp.S.One)


def _quotient(above: sp.Expr, below: sp.Expr) -> sp.Expr:
    """In order; a denominator that is a sum stays whole."""
    if above.has(GaussianExpectation, sp.Integral):
        return above / below
    below = _in_order(below)
    whole = _in_order(above) / below
    return whole if isinstance(below, sp.Add) else min((collect(sp.expand(whole)), whole), key=sp.count_ops)


def _in_order(expr: sp.Expr) -> sp.Expr:
    return min((expr, collect(sp.expand(expr))), key=sp.count_ops)
