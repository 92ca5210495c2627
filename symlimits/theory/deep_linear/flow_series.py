r"""The gradient flow as a series in time, for one output and whitened data: exact coefficients, by Taylor's recursion.

On the forest the flow is polynomial, so that its coefficients follow from those before: with
$X = \sum_nX_n\tau^n$ for every quantity, products are sums of products and
$$(n + 1)U_{n+1} = [B_1E]_n,\quad (n + 1)M_{l,n+1} = [B_lEH_{l-1}^\top]_n,\quad (n + 1)V_{n+1} = [EH_L^\top]_n .$$
The coefficient of $\tau^n$ of the predictor is that of the infinitely wide network iff the forest is cut at tree depth
$\lceil n/2\rceil(L - 1)$ or more (found here, exactly, up to n = 7): half of what n steps of gradient descent need.
The target enters by its size s alone: $A_t = a_t\beta^\top/s$. Derived here.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from symlimits.finite.deep_linear_training import Array, check_size, transposed
from symlimits.memory import check_memory
from symlimits.theory.deep_linear.forest import Forest

s, tau = sp.symbols("s tau", positive=True)
BYTES = 200  # of a coefficient, a short polynomial


def flow_series(depth: int, order: int, tree_depth: int | None = None) -> sp.Expr:
    r"""$a_\tau$ up to $\tau^n$, n = `order`, for L = `depth` hidden layers, in the symbols s and tau.

    >>> flow_series(1, 3)
    -2*s*tau**2 + 2*s*tau + tau**3*(4*s**3/3 + 4*s/3)
    """
    coefficients = flow_coefficients(depth, order, tree_depth)
    return sp.Add(*(c * tau**n for n, c in enumerate(coefficients)))


def flow_coefficients(depth: int, order: int, tree_depth: int | None = None) -> list[sp.Expr]:
    """The coefficients of tau^0, ..., tau^order, polynomials in s; `tree_depth` is where the forest is cut.

    >>> flow_coefficients(2, 2)
    [0, 3*s, -9*s/2]
    """
    check_size(depth=depth, order=order)
    forest = Forest(depth, needed_depth(depth, order) if tree_depth is None else tree_depth, 1, 1)
    check_memory(BYTES * order * sum(w**2 for w in forest.widths), f"a series of order {order}", "a lower order")
    ring, scale = sp.ring("s", sp.QQ)
    parameters = [[weight] for weight in forest.network(object).start]
    found: list[sp.Expr] = []
    features: list[list[Array]] = [[] for _ in range(depth)]
    derivatives: list[list[Array]] = [[] for _ in range(depth)]
    errors: list[Array] = []
    for n in range(order + 1):
        _extend(parameters, features, derivatives, n)
        A = _product(_turned(derivatives[-1]), features[-1], n)
        found.append(sp.sympify(ring(A[0, 0]).as_expr().subs("s", s)))
        errors.append(np.array([[scale]], dtype=object) * (n == 0) - A)
        step = _step(features, derivatives, errors, n)
        for series, term in zip(parameters, step, strict=True):
            series.append(sp.QQ(1, n + 1) * term)
    return found


def needed_depth(depth: int, order: int) -> int:
    """The tree depth from which on the forest gives the coefficient of an order.

    >>> needed_depth(3, 4)
    4
    """
    return -(-order // 2) * (depth - 1)


def _extend(parameters: list[list[Array]], features: list[list[Array]], derivatives: list[list[Array]], n: int) -> None:
    """The n-th coefficients of features and derivatives."""
    first, *hidden, last = parameters
    features[0].append(first[n])
    derivatives[-1].append(last[n])
    for layer, M in enumerate(hidden, 1):
        features[layer].append(_product(M, features[layer - 1], n))
    for layer, M in reversed(list(enumerate(hidden, 1))):
        derivatives[layer - 1].append(_product(_turned(M), derivatives[layer], n))


def _step(features: list[list[Array]], derivatives: list[list[Array]], errors: list[Array], n: int) -> list[Array]:
    """The n-th coefficients of minus the gradient by every parameter."""
    back = [[_product(B, errors, j) for j in range(n + 1)] for B in derivatives]
    hidden = [_product(b, _turned(h), n) for b, h in zip(back[1:], features[:-1], strict=True)]
    return [back[0][n], *hidden, _product(features[-1], _turned(errors), n)]


def _product(x: list[Array], y: list[Array], n: int) -> Array:
    """The n-th coefficient of a product of series."""
    return sum((x[j] @ y[n - j] for j in range(1, n + 1)), x[0] @ y[n])


def _turned(series: list[Array]) -> list[Array]:
    return [transposed(x) for x in series]
