r"""The rate of change of a dual activation without closed form, in expectations of products by Price's theorem:

    dT = E phi''(u) phi(v) dp/2 + E phi(u) phi''(v) dq/2 + E phi'(u) phi'(v) dc,

and so for dot, the dual of phi'. Values come from the series and panels of `sampled`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy as sp

from symlimits.language.activation import Activation
from symlimits.reading.gram_input import Floats
from symlimits.reading.pair_source import parity
from symlimits.reading.rate_layers import Dual, Moving, Pairs, constant
from symlimits.reading.sampled import PairExpectation


def sampled_dual(phi: sp.Expr, x: sp.Symbol, pairs: Pairs, tangent: bool) -> Dual:
    """An activation phi(x) at all pairs; with `tangent` false dot is left out.

    Raises `DomainError` where a derivative of phi that is asked for jumps to a Dirac mass.
    """
    f = derivatives(phi, 3 if tangent else 2)
    P, Q = (_variance(f, x, moving) for moving in (pairs.p, pairs.q))
    sign = pairs.side if parity(phi, x) < 0 else np.ones_like(pairs.side)
    T = _pair(f[:3], x, pairs).times(sign)
    dot = _pair(f[1:], x, pairs) if tangent else constant(np.zeros_like(T.value))
    Gamma = P.root() * Q.root() - T
    equal = (pairs.gap.value == 0.0) & (pairs.side > 0.0) & (pairs.p.value == pairs.q.value)
    Gamma = Moving(*(np.where(equal, 0.0, part) for part in Gamma))
    return Dual(P, Q, T, dot, Gamma, sign)


def derivatives(phi: sp.Expr, count: int) -> list[sp.Expr]:
    """phi and so many of its derivatives."""
    found = [phi]
    for _ in range(count):
        found.append(Activation(found[-1]).derivative().expr)
    return found


def _pair(f: Sequence[sp.Expr], x: sp.Symbol, pairs: Pairs) -> Moving:
    """E f(u) f(v), for f and its two derivatives."""
    signed = np.copysign(pairs.gap.value, pairs.side)
    p, q, gap = np.broadcast_arrays(pairs.p.value, pairs.q.value, signed)
    second = _means(f[2], f[0], x, p, q, gap) * pairs.p.rate + _means(f[2], f[0], x, q, p, gap) * pairs.q.rate
    rate = 0.5 * second + _means(f[1], f[1], x, p, q, gap) * pairs.kernel.rate
    return Moving(_means(f[0], f[0], x, p, q, gap), rate)


def _variance(f: Sequence[sp.Expr], x: sp.Symbol, variance: Moving) -> Moving:
    """E phi(u)^2 and its rate, E (phi'^2 + phi phi'') dp."""
    p = variance.value
    slope = _means(f[1], f[1], x, p, p, np.zeros_like(p)) + _means(f[2], f[0], x, p, p, np.zeros_like(p))
    return Moving(_means(f[0], f[0], x, p, p, np.zeros_like(p)), slope * variance.rate)


def _means(f: sp.Expr, g: sp.Expr, x: sp.Symbol, p: Floats, q: Floats, gap: Floats) -> Floats:
    """E f(u) g(v) for arrays of one shape."""
    flat = (np.ascontiguousarray(part.ravel()) for part in (p, q, gap))
    return PairExpectation(f, g, x).values(*flat).reshape(gap.shape)
