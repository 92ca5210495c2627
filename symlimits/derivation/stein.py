r"""Stein's identity in place of derivatives: $\mathbb E[g_jZ] = \sum_iC_{ji}\,\mathbb E\,\partial_iZ$, solved for them.

No map needs a derivative. Where C is singular a generalised inverse is enough: what the result multiplies is degenerate
in the same directions. Elimination $C = LDL^\top$ writes it in scalars, a pivot a Gaussian symbol.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp

from symlimits.language.reciprocal import Reciprocal

Naming = Callable[[str, sp.Expr], sp.Expr]


def solved(
    moments: dict[int, sp.Expr], covariance: Callable[[int, int], sp.Expr], named: Naming, vector: int
) -> dict[int, sp.Expr]:
    r"""$C^+m$ for moments by the places of their Gaussian symbols; intermediate scalars get names."""
    places = sorted(moments)
    if len(places) == 1:
        (k,) = places
        return {k: moments[k] / covariance(k, k) if moments[k] != 0 else sp.S.Zero}
    if all(moment == 0 for moment in moments.values()):
        return dict.fromkeys(places, sp.S.Zero)
    L = _eliminated(places, covariance, named)
    w: dict[int, sp.Expr] = {}
    for k in places:
        w[k] = named(f"w_{vector}_{k}", moments[k] - sp.Add(*(L[k, j] * w[j] for j in places if j < k)))
    found: dict[int, sp.Expr] = {}
    for k in reversed(places):
        back = sp.Add(*(L[j, k] * found[j] for j in places if j > k))
        found[k] = named(f"d_{vector}_{k}", Reciprocal(L[k, k], covariance(k, k)) * w[k] - back)
    return found


def _eliminated(
    places: Sequence[int], covariance: Callable[[int, int], sp.Expr], named: Naming
) -> dict[tuple[int, int], sp.Expr]:
    """The unit lower triangular L, with the pivots D on its diagonal."""
    L: dict[tuple[int, int], sp.Expr] = {}
    for k in places:
        before = [j for j in places if j < k]
        for j in before:
            inner = sp.Add(*(L[k, i] * L[j, i] * L[i, i] for i in before if i < j))
            L[k, j] = named(f"l_{k}_{j}", (covariance(k, j) - inner) * Reciprocal(L[j, j], covariance(j, j)))
        L[k, k] = named(f"l_{k}_{k}", covariance(k, k) - sp.Add(*(L[k, j] ** 2 * L[j, j] for j in before)))
    return L
