"""Exponentials that come in pairs, as hyperbolic functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import sympy as sp

from symlimits.derivation.factors import product


def merge_waves(terms: Iterable[sp.Expr], ordered: Callable[[sp.Expr], sp.Expr] = sp.factor) -> list[sp.Expr]:
    r"""Terms $k e^a$, $m e^b$ by cosh and sinh of (a-b)/2, where that is shorter.

    `ordered` puts arguments of the functions in order.

    >>> a, b = sp.symbols("a b")
    >>> merge_waves([sp.exp(a - b) / 2, -sp.exp(-a - b) / 2])
    [exp(-b)*sinh(a)]
    """
    waves: dict[sp.Expr, list[sp.Expr]] = {}
    others = []
    for term in terms:
        factors = sp.Mul.make_args(term)
        exponents = [factor.args[0] for factor in factors if isinstance(factor, sp.exp)]
        if exponents:
            rest = product(sp.S.One, *(factor for factor in factors if not isinstance(factor, sp.exp)))
            waves.setdefault(sp.Add(*exponents), []).append(rest)
        else:
            others.append(term)
    return others + _paired({exponent: sp.Add(*rests) for exponent, rests in waves.items()}, ordered)


def _paired(waves: dict[sp.Expr, sp.Expr], ordered: Callable[[sp.Expr], sp.Expr]) -> list[sp.Expr]:
    """Greedily, the pair that saves most first."""
    done: list[sp.Expr] = []
    left = list(waves.items())
    while left:
        one = left.pop()
        pairs = [_pair(*one, *other, ordered) for other in left]
        gains = [_cost(one) + _cost(other) - sp.count_ops(pair) for other, pair in zip(left, pairs, strict=True)]
        best = max(range(len(left)), key=gains.__getitem__, default=None)
        if best is None or gains[best] <= 0:
            done.append(product(sp.S.One, one[1], sp.exp(one[0])))
        else:
            left.pop(best)
            done.append(pairs[best])
    return done


def _cost(wave: tuple[sp.Expr, sp.Expr]) -> int:
    return int(sp.count_ops(wave[1] * sp.exp(wave[0])))


def _pair(a: sp.Expr, k: sp.Expr, b: sp.Expr, m: sp.Expr, ordered: Callable[[sp.Expr], sp.Expr]) -> sp.Expr:
    half = ordered((a - b) / 2)
    if half.could_extract_minus_sign():
        half, k, m = -half, m, k
    even, odd = (min((total, sp.factor(total)), key=sp.count_ops) for total in (k + m, k - m))
    waves = product(even, sp.cosh(half)) + product(odd, sp.sinh(half))
    return product(sp.S.One, sp.exp(ordered((a + b) / 2)), waves)
