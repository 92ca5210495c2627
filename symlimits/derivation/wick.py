r"""Wick's theorem (Isserlis 1918): $\mathbb E\,g_1\cdots g_{2k} = \sum_{\text{pairings}}\prod C_{ij}$."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import sympy as sp

Powers = tuple[tuple[sp.Symbol, int], ...]


def wick(powers: Powers, covariance: Callable[[sp.Symbol, sp.Symbol], sp.Expr]) -> sp.Expr:
    """The mean of a product of powers of centred Gaussian symbols.

    >>> g, h = sp.symbols("g h")
    >>> wick(((g, 2), (h, 2)), lambda a, b: sp.Symbol("p" if a == b else "c"))
    2*c**2 + p**2
    """

    @cache
    def mean(powers: Powers) -> sp.Expr:
        left = [(g, power) for g, power in powers if power]
        if not left:
            return sp.S.One
        (g, power), *rest = left
        lowered = ((g, power - 1), *rest)
        total = sp.S.Zero
        for i, (other, times) in enumerate(lowered):
            if times and covariance(g, other) != 0:
                partners = (*lowered[:i], (other, times - 1), *lowered[i + 1 :])
                total += times * covariance(g, other) * mean(partners)
        return sp.expand(total)

    return mean(powers) if sum(power for _, power in powers) % 2 == 0 else sp.S.Zero
