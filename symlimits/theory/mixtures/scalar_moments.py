r"""Exact moments of $s\,|\,q \sim N(0, qK)$: $\mathbb E\prod_{m=1}^{2k} s_{i_m}$ by Isserlis' theorem times E q^k."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from symlimits.errors import DomainError
from symlimits.theory.mixtures.mixing import MixingLaw


def moment(mixing: MixingLaw, K: sp.Matrix, powers: Sequence[int]) -> sp.Expr:
    r"""$\mathbb E\prod_i s_i^{k_i}$.

    >>> moment(MixingLaw((2,), None), sp.eye(2), (2, 2))
    2
    """
    indices = [i for i, power in enumerate(powers) for _ in range(power)]
    return sp.simplify(_isserlis(indices, K) * mixing.moment(len(indices) // 2))


def cumulants(moments: Sequence[sp.Expr]) -> list[sp.Expr]:
    """All cumulants of a law from its moments 0, 1, ..., k (the one of order 0 is zero).

    >>> cumulants([1, 0, 1, 0, 3])
    [0, 0, 1, 0, 0]
    """
    found = [sp.S.Zero]
    for n in range(1, len(moments)):
        known = (sp.binomial(n - 1, j - 1) * found[j] * moments[n - j] for j in range(1, n))
        found.append(sp.simplify(moments[n] - sp.Add(*known)))
    return found


def correlation_of_squares(mixing: MixingLaw, K: sp.Matrix) -> sp.Matrix:
    """The correlations of s_i^2 and s_j^2, an (n, n) matrix."""
    p, n = mixing.moment(2), K.shape[0]
    if any(K[i, i] == 0 for i in range(n)):
        raise DomainError("an output that is always 0", "a variance > 0", "other inputs")

    def entry(i: int, j: int) -> sp.Expr:
        return sp.simplify((p - 1 + 2 * p * K[i, j] ** 2 / (K[i, i] * K[j, j])) / (3 * p - 1))

    return sp.Matrix(n, n, entry)


def _isserlis(indices: list[int], K: sp.Matrix) -> sp.Expr:
    """E of a product of Gaussian variables."""
    if not indices:
        return sp.S.One
    first, *rest = indices
    return sp.Add(*(K[first, other] * _isserlis(rest[:i] + rest[i + 1 :], K) for i, other in enumerate(rest)))
