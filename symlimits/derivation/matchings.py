r"""Moments of products of Wishart matrices, exactly: the calculus of perfect matchings.

A Wishart matrix $W = \frac1N \sum_{a=1}^N g_a g_a^\top$ with $g_a \sim N(0, S)$ independent is quadratic in Gaussian
vectors. Let $T_\sigma(S) = \prod_{\{i,j\}\in\sigma} S_{ij}$ for a matching $\sigma$ of 2k indices into k pairs. By
Wick's theorem (Isserlis 1918), with one free sample index a to each cycle of $\sigma \cup \pi$,
$$E\,T_\sigma(W) = \sum_\pi N^{c(\sigma,\pi)-k}\; T_\pi(S),$$
c the number of cycles of the union. A layer of a deep linear network is one application of this matrix; the matrices
of all widths commute, so that the order of layers is irrelevant. Derived here; zonal polynomials: James 1964.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import sympy as sp

Matching = tuple[tuple[int, int], ...]

WIDTH = sp.Symbol("N", positive=True)


@cache
def matchings(k: int) -> tuple[Matching, ...]:
    """All (2k-1)!! perfect matchings of 0 .. 2k-1, the one of neighbours first.

    >>> matchings(2)
    (((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2)))
    """
    return tuple(_matched(tuple(range(2 * k))))


def _matched(points: tuple[int, ...]) -> list[Matching]:
    if not points:
        return [()]
    first, *others = points
    pairs = ((other, tuple(p for p in others if p != other)) for other in others)
    return [((first, other), *tail) for other, left in pairs for tail in _matched(left)]


def cycles(one: Matching, other: Matching) -> tuple[int, ...]:
    """The numbers of pairs of `one` in each cycle of the union, largest first: a partition of k.

    >>> cycles(((0, 1), (2, 3)), ((0, 2), (1, 3))), cycles(((0, 1), (2, 3)), ((0, 1), (2, 3)))
    ((2,), (1, 1))
    """
    partner = {a: b for pair in one for a, b in (pair, pair[::-1])}
    across = {a: b for pair in other for a, b in (pair, pair[::-1])}
    left, lengths = set(partner), []
    while left:
        at, length = min(left), 0
        while at in left:
            left -= {at, partner[at]}
            at, length = across[partner[at]], length + 1
        lengths.append(length)
    return tuple(sorted(lengths, reverse=True))


def layer(k: int, width: sp.Expr = WIDTH) -> sp.Matrix:
    r"""What one layer does to moments of degree k: $N^{c(\sigma,\pi)-k}$, a matrix over the matchings.

    >>> layer(2).row(0)
    Matrix([[1, 1/N, 1/N]])
    """
    found = matchings(k)
    return sp.Matrix(len(found), len(found), lambda i, j: width ** (len(cycles(found[i], found[j])) - k))


def layers(k: int, widths: Sequence[object]) -> sp.Matrix:
    """A product of layers, width by width; over integers the entries are exact rationals.

    >>> layers(2, [2, 4]).row(0)
    Matrix([[5/4, 7/8, 7/8]])
    """
    return sp.prod([layer(k, sp.sympify(width)) for width in widths], start=sp.eye(len(matchings(k))))


def swaps(k: int) -> sp.Matrix:
    r"""The matrix B of a layer's first order, $1 + B/N + O(N^{-2})$: matchings that one exchange parts.

    >>> swaps(2).row(0)
    Matrix([[0, 1, 1]])
    """
    found = matchings(k)
    return sp.Matrix(len(found), len(found), lambda i, j: int(len(cycles(found[i], found[j])) == k - 1))


def proportional(k: int, ratio: sp.Expr) -> sp.Matrix:
    r"""The limit of products of layers with $\sum 1/N_l \to a$ and $\max 1/N_l \to 0$: the exponential of aB.

    B is symmetric with integer eigenvalues, so that $e^{aB} = \sum_b e^{ab} P_b$ with rational projections
    $P_b = \prod_{b' \ne b} (B - b')/(b - b')$.

    >>> from symlimits.derivation.matchings import proportional
    >>> proportional(2, sp.Symbol("a"))[0, 1]
    exp(2*a)/3 - exp(-a)/3
    """
    B, one = swaps(k), sp.eye(len(matchings(k)))
    eigenvalues = sorted(B.eigenvals())
    total = sp.zeros(*B.shape)
    for b in eigenvalues:
        others = [(B - c * one) / (b - c) for c in eigenvalues if c != b]
        total += sp.exp(ratio * b) * sp.prod(others, start=one)
    return total.applyfunc(sp.expand)


def invariant_layer(k: int) -> tuple[tuple[tuple[int, ...], ...], sp.Matrix]:
    r"""A layer on products of traces $p_\lambda = \prod_i \mathrm{tr}\,S^{\lambda_i}$: the partitions, and its matrix.

    >>> invariant_layer(2)[0]
    ((1, 1), (2,))
    >>> invariant_layer(2)[1]
    Matrix([
    [  1,       2/N],
    [1/N, 1 + 1/N]])
    """
    found = matchings(k)
    shapes = [cycles(found[0], other) for other in found]
    partitions = tuple(sorted(set(shapes)))
    rows = [found[shapes.index(partition)] for partition in partitions]
    powers = [[WIDTH ** (len(cycles(row, other)) - k) for other in found] for row in rows]
    sums = [
        [sum(p for p, shape in zip(row, shapes, strict=True) if shape == mu) for mu in partitions] for row in powers
    ]
    return partitions, sp.Matrix(sums)


def spectrum(k: int) -> tuple[sp.Expr, ...]:
    r"""The eigenvalues of a layer, one to each partition of k (on its zonal polynomial), largest first.

    They are found from the characteristic polynomial. The one of the partition $\kappa$ is
    $\prod_{(i,j)\in\kappa} (1 + (2(j-1)-(i-1))/N)$, as the tests check.

    >>> spectrum(2)
    ((N + 2)/N, (N - 1)/N)
    """
    _, matrix = invariant_layer(k)
    eigenvalue = sp.Dummy("lambda")
    polynomial = sp.numer(sp.together((matrix * WIDTH**k).charpoly(eigenvalue).as_expr(eigenvalue)))
    factors = [
        (sp.Poly(f, eigenvalue), power)
        for f, power in sp.factor_list(polynomial, WIDTH, eigenvalue)[1]
        if f.has(eigenvalue)
    ]
    roots = [-f.coeff_monomial(1) / f.coeff_monomial(eigenvalue) for f, power in factors for _ in range(power)]
    return tuple(sorted((sp.factor(root / WIDTH**k) for root in roots), key=lambda r: -r.subs(WIDTH, 2 * k)))
