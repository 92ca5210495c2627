r"""The equations $x + h\sum_lG_lxP_l = b$ of an implicit step, with symmetric and positive $G_l$ (k, k), $P_l$ (r, r).

Small ones are solved as k r equations, by elimination; larger ones by conjugate gradients, where the sum is near to
one product: with $\bar G$ and $\bar P$ the means over l, the step $x + h(L + 1)\bar Gx\bar P = b$ is solved by
eigenvalues, and takes the place of a preconditioner. Source: Hestenes and Stiefel (1952).
"""

from __future__ import annotations

import numpy as np

from symlimits.finite.deep_linear_training import Array

SMALL = 100  # equations, up to which elimination is as fast
SOLVED = 1e-10  # of the residual, relative: far below the tolerance of a step


def solved(G: Array, P: Array, h: float, b: Array) -> Array:
    """The solution x (k, r), for G (L + 1, k, k), P (L + 1, r, r) and b (k, r).

    >>> solved(np.ones((2, 1, 1)), np.ones((2, 1, 1)), 0.5, np.ones((1, 1)))
    array([[0.5]])
    """
    return eliminated(G, P, h, b) if b.size <= SMALL else iterated(G, P, h, b)


def eliminated(G: Array, P: Array, h: float, b: Array) -> Array:
    """By elimination."""
    K = np.einsum("lab,lij->aibj", G, P).reshape(b.size, b.size)
    return np.asarray(np.linalg.solve(np.eye(b.size) + h * K, b.ravel()).reshape(b.shape))


def iterated(G: Array, P: Array, h: float, b: Array) -> Array:
    """By conjugate gradients."""
    (g, U), (p, V) = (np.linalg.eigh(each.mean(axis=0)) for each in (G, P))
    damping = 1 + h * len(G) * np.outer(g, p)

    def near(r: Array) -> Array:
        return np.asarray(U @ (U.T @ r @ V / damping) @ V.T)

    x = near(b)
    r = b - _applied(G, P, h, x)
    q = z = near(r)
    for _ in range(b.size):
        if np.linalg.norm(r) <= SOLVED * np.linalg.norm(b):
            break
        w, rho = _applied(G, P, h, q), np.vdot(r, z)
        a = rho / np.vdot(q, w)
        x, r = x + a * q, r - a * w
        z = near(r)
        q = z + np.vdot(r, z) / rho * q
    return x


def _applied(G: Array, P: Array, h: float, x: Array) -> Array:
    return np.asarray(x + h * (G @ x @ P).sum(axis=0))
