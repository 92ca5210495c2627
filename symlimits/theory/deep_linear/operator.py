r"""The kernel operator of a deep linear network: how fast training ends, and which learning rates are too large.

Near a minimiser the whitened error moves by $\delta \leftarrow \delta - \eta K\delta$,
$$K:\ \delta\mapsto\sum_{l=1}^{L+1}G_l\,\delta\,\Sigma_{xx}^{1/2}\Phi_{l-1}\Sigma_{xx}^{1/2}$$
on the range of $\Sigma_{xx}$, with the Grams at that time: the predictor moves by $\eta\sum_l G_lE\Phi_{l-1}$ to first
order. K is symmetric and positive; the late factor of the error is $\max|1 - \eta\lambda_i(K)|$, and the minimiser is
stable iff $\eta < 2/\lambda_{\max}(K)$. Derived here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from symlimits.finite.deep_linear_training import Array, check_size
from symlimits.theory.deep_linear.flow import check_reached, converged
from symlimits.theory.deep_linear.lazy import LazyPath
from symlimits.theory.deep_linear.problem import problem
from symlimits.theory.deep_linear.spectrum import RCOND, minimiser, spectrum


def kernel_operator(
    forward: Sequence[Array], backward: Sequence[Array], Sxx: npt.ArrayLike, rcond: float = RCOND
) -> Array:
    r"""K as a symmetric matrix (k r, k r), r the rank of Sxx, on errors (k, r) read by rows.

    `forward` are $\Phi_0, \dots, \Phi_L$ (d, d), `backward` $G_1, \dots, G_{L+1}$ (k, k), at one time.

    >>> kernel_operator([np.eye(1)] * 3, [np.eye(1)] * 3, [[0.5]])  # at the start, L = 2
    array([[1.5]])
    """
    values, vectors = spectrum(Sxx, rcond)
    root = vectors * np.sqrt(values)
    return np.asarray(sum(np.kron(G, root.T @ Phi @ root) for G, Phi in zip(backward, forward, strict=True)))


def operator_at(path: LazyPath, Sxx: npt.ArrayLike, place: int = -1, rcond: float = RCOND) -> Array:
    """K at one time of a path, by its place: the last one by default."""
    forward, backward = path.grams_at(place)
    return kernel_operator(forward, backward, Sxx, rcond)


def late_factor(K: Array, lr: float) -> float:
    r"""$\max_i|1 - \eta\lambda_i(K)|$: what the error is multiplied by at each step, in the end; below one if stable.

    >>> late_factor(np.diag([1.0, 4.0]), 0.25)
    0.75
    """
    return float(np.abs(1 - lr * np.linalg.eigvalsh(K)).max())


def critical_rate(depth: int, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, rcond: float = RCOND) -> float:
    r"""$2/\lambda_{\max}(K_\infty)$ of the minimiser that small rates lead to, the limit of gradient flow.

    Gradient descent cannot end there at a larger rate: it oscillates, diverges, or is thrown to a flatter minimiser.
    A rate below it converges from the start only if no K on the way is larger. From two hidden layers on the flow is
    integrated: seconds for data of condition 1000, and `ResourceError` beyond about that; K of a path of one's own is
    `operator_at(path, Sxx)`.

    >>> round(critical_rate(1, [[1.0]], [[2.0]]), 5)  # K = P + Q = 2 sqrt(1 + 2^2)
    0.44721
    """
    check_size(depth=depth)
    xx, yx = np.asarray(Sxx, dtype=np.float64), np.asarray(Syx, dtype=np.float64)
    if depth == 1:
        check_reached(problem(xx, yx))
        K = _one_hidden(minimiser(xx, yx, rcond), xx, rcond)
    else:
        K = operator_at(converged(depth, xx, yx), xx, -1, rcond)
    return float(2 / np.linalg.eigvalsh(K).max())


def _one_hidden(A: Array, Sxx: Array, rcond: float) -> Array:
    r"""K of one hidden layer at a predictor of the flow, where $\Phi_1 = (I + A^\top A)^{1/2}$, $G_1$ the other way."""
    k, d = A.shape
    return kernel_operator([np.eye(d), _hyperbolic(A.T @ A)], [_hyperbolic(A @ A.T), np.eye(k)], Sxx, rcond)


def _hyperbolic(N: Array) -> Array:
    """The root of I + N, N symmetric and positive."""
    values, vectors = np.linalg.eigh(N)
    return np.asarray(vectors * np.sqrt(1 + np.maximum(values, 0.0)) @ vectors.T)
