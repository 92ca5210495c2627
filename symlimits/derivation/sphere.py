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
    if len(recursion.states) < 3 or not recursion.stages:
        raise NoRule("the sphere map of this recursion", "a kernel recursion with a layer", "sl.nngp(net)")
    first, second, mixed, *others = recursion.states
    point = {first: variance, second: variance, mixed: variance * rho}
    maps = dict(zip(recursion.states, recursion.stages[-1][0], strict=True))
    if recursion.output == mixed:
        return _ordered(maps[mixed].subs(point, simultaneous=True)) / _ordered(
            maps[first].subs(point, simultaneous=True)
        )
    (tangent,) = others
    return _ordered(sp.diff(maps[tangent].subs(point, simultaneous=True), tangent))


def _ordered(expr: sp.Expr) -> sp.Expr:
    return expr if expr.has(GaussianExpectation, sp.Integral) else collect(expr)
