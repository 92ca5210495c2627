r"""Second moments of a network's features and of its tangent kernel at one input, exact at every width.

Let phi be positively homogeneous, phi(t z) = t phi(z) for t > 0, and the network without biases. Then phi(z) = d z,
where the slope d takes one of two values by the sign of z, and

    h' = D W h,    G' = D (H + W G W^T / n) D,    H = |h|^2/n,

are the features of the next layer and the tangent kernel between its units: D holds the slopes, W the weights, n the
width below. The sign of z is independent of |z|, and what it makes of W is undone by the next layer's weights, whose
columns are symmetric: G, h h^T and the output have the law that they have with **slopes that are independent of the
weights** (Hanin and Nica 2020, arXiv 1909.05989, section on the law of paths). Hence the map of a layer on

    E tr X tr Y / n^2    and    E tr(X Y) / n^2,    X, Y in {h h^T, G},

is linear: Isserlis' formula for two bilinear forms in rows of W, then a sum over the units, n' pairs of equal ones with
E d^4 and n'(n'-1) pairs of different ones with (E d^2)^2. Weights are scaled so that E d^2 = 1; every moment here is
a ratio in which the scale of the weights and of the input cancels.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, product

import sympy as sp

from symlimits.language.recursion import Recursion

H, G = "H", "G"  # h h^T, and the tangent kernel between the units of a layer
A, B, C, D, F = sp.symbols("A B C D F", nonnegative=True)
MEAN_H, MEAN_G = sp.symbols("S T", nonnegative=True)
SECOND = (A, B, C, D, F)
# E tr X tr Y / n^2 and E tr(X Y) / n^2 by their matrices; of one vector, (tr h h^T)^2 = tr (h h^T)^2
TRACES = {(H, H): A, (G, H): B, (G, G): D}
PRODUCTS = {(H, H): A, (G, H): C, (G, G): F}

Map = tuple[sp.Expr, ...]


def second_moments(widths: Sequence[sp.Expr], slopes: sp.Expr, output: sp.Symbol) -> Recursion:
    r"""The recursion of the five moments through hidden layers of these widths to one output, of slope one.

    `slopes` is $\mathbb E d^4/(\mathbb E d^2)^2$; `output` is A, for $\mathbb E f^4$, or D, for $\mathbb E\Theta^2$,
    where $\mathbb E f^2 = 1$ and the first layer has the tangent kernel 1.

    >>> n = sp.Symbol("n", positive=True)
    >>> sp.expand(second_moments((n,), sp.Integer(1), A).unroll())
    3 + 6/n
    """
    size = 1 if output == A else len(SECOND)  # the fourth moment of the features needs no other
    start = (sp.S.One, *[sp.S.Zero] * (size - 1))
    layers = [(layer_map(width, slopes)[:size], len(list(group))) for width, group in groupby(widths)]
    return Recursion(SECOND[:size], start, [*layers, (layer_map(sp.S.One, sp.S.One)[:size], 1)], output)


def mean_kernel(depth: int) -> Recursion:
    r"""The recursion of $\mathbb E|h|^2/n$ and $\mathbb E\,\mathrm{tr}\,G/n$ through `depth` hidden layers.

    >>> mean_kernel(3).unroll()
    4
    """
    return Recursion((MEAN_H, MEAN_G), (1, 0), [((MEAN_H, MEAN_H + MEAN_G), depth + 1)], MEAN_G)


def layer_map(width: sp.Expr, slopes: sp.Expr) -> Map:
    """The moments after a layer of this width, whose order is that of `SECOND`.

    >>> layer_map(sp.Integer(1), sp.Integer(1))[0]
    3*A
    """
    same, different = slopes / width, (width - 1) / width
    kinds = ((TRACES, H, H), (TRACES, G, H), (PRODUCTS, G, H), (TRACES, G, G), (PRODUCTS, G, G))

    def summed(X: str, Y: str, traces: bool) -> sp.Expr:
        apart = _mean((X, 1, 1), (Y, 2, 2)) if traces else _mean((X, 1, 2), (Y, 2, 1))
        return same * _mean((X, 1, 1), (Y, 1, 1)) + different * apart

    return tuple(summed(X, Y, table is TRACES) for table, X, Y in kinds)


Entry = tuple[str, int, int]


def _mean(first: Entry, second: Entry) -> sp.Expr:
    r"""$\mathbb E\,T^X_{ij}T^Y_{kl}$ over the weights, $T^X_{ij} = a_X\delta_{ij} + w_i^\top Xw_j/n$.

    $a_G = \mathrm{tr}\,hh^\top/n$, and zero for $hh^\top$ itself; $w_i$ are rows of weights, standard and independent.
    """
    (X, i, j), (Y, k, l) = first, second
    total = (int(i == k and j == l) + int(i == l and j == k)) * PRODUCTS[_sorted(X, Y)]
    if i == j and k == l:  # the means of both forms, or what stands on the diagonal: a_G = tr h h^T / n
        total += sum(_traces(*pair) for pair in product((X, H)[: 1 + (X == G)], (Y, H)[: 1 + (Y == G)]))
    return total


def _traces(X: str, Y: str) -> sp.Expr:
    return TRACES[_sorted(X, Y)]


def _sorted(X: str, Y: str) -> tuple[str, str]:
    return (X, Y) if X <= Y else (Y, X)
