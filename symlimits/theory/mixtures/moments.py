r"""Moments of several outputs: exact rationals at finite width, exponentials in the proportional limit.

Given Q the outputs $S$ (D x P) are $\mathcal{MN}(0, Q, K_0)$, so that by Wick's theorem
$$E\prod_{m=1}^{2k} S_{i_m x_m} = \sum_{\sigma,\pi} T_\sigma(K_0)\,G_{\sigma\pi}\,T_\pi(I),$$
with G the product of the layers' matrices over matchings (`derivation/matchings.py`). G is symmetric: outputs and
inputs are dual. Mixtures: Bassetti et al., arXiv 2406.03260 and 2411.15267; moments: derived here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, reduce
from operator import mul

import sympy as sp

from symlimits.derivation.matchings import Matching, layers, matchings, proportional
from symlimits.errors import DomainError

DEGREE = 4  # pairs of indices: there are (2k-1)!! matchings, 105 of four pairs and 945 of five


def mixing_moment(pairs: Sequence[tuple[int, int]], widths: Sequence[int] = (), ratio: object = None) -> sp.Expr:
    r"""The moment $E\prod_m Q_{i_m j_m}$ of the mixing matrix, of at most four factors.

    Widths give a rational; `ratio` = a gives the limit $\sum 1/N_l \to a$, exponentials of a.

    >>> mixing_moment([(0, 0), (1, 1)], widths=(2, 4))
    5/4
    >>> mixing_moment([(0, 0), (1, 1)], ratio="a")
    exp(2*a)/3 + 2*exp(-a)/3
    """
    flat = [index for pair in pairs for index in pair]
    row = _chain(_degree(flat), tuple(widths), ratio).row(0)
    return sp.expand(sum(entry for entry, pi in zip(row, matchings(len(pairs)), strict=True) if _equal(pi, flat)))


def output_moment(
    entries: Sequence[tuple[int, int]], covariance: sp.Matrix, widths: Sequence[int] = (), ratio: object = None
) -> sp.Expr:
    r"""The moment $E\prod_m S_{i_m x_m}$ of (output, input) pairs; zero for an odd number of them.

    `covariance` is $K_0$ (P, P), numbers or symbols.

    >>> K = sp.symbols("K")
    >>> output_moment([(0, 0), (0, 0), (1, 0), (1, 0)], sp.Matrix([[K]]), ratio="a")
    K**2*exp(2*a)
    """
    if len(entries) % 2:
        return sp.Integer(0)
    outputs, inputs = [i for i, _ in entries], [x for _, x in entries]
    k = _degree(outputs)
    left = [reduce(mul, (covariance[inputs[a], inputs[b]] for a, b in pi), sp.Integer(1)) for pi in matchings(k)]
    right = [int(_equal(pi, outputs)) for pi in matchings(k)]
    return sp.expand((sp.Matrix([left]) * _chain(k, tuple(widths), ratio) * sp.Matrix(right))[0])


@cache
def _chain(k: int, widths: tuple[int, ...], ratio: object) -> sp.Matrix:
    if ratio is None:
        return layers(k, widths)
    return proportional(k, sp.Symbol(ratio, positive=True) if isinstance(ratio, str) else sp.sympify(ratio))


def _equal(pi: Matching, indices: Sequence[int]) -> bool:
    """Whether the identity matrix gives one, not zero."""
    return all(indices[a] == indices[b] for a, b in pi)


def _degree(indices: Sequence[int]) -> int:
    k = len(indices) // 2
    if not 1 <= k <= DEGREE:
        raise DomainError(f"{len(indices)} indices", f"2 to {2 * DEGREE}", "a moment of lower degree")
    return k
