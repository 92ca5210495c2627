r"""The kernel operator of a deep linear network: how fast training ends, and which learning rates are too large.

Near a minimiser the whitened error moves by $\delta \leftarrow \delta - \eta K\delta$,
$$K:\ \delta\mapsto\sum_{l=1}^{L+1}G_l\,\delta\,\Sigma_{xx}^{1/2}\Phi_{l-1}\Sigma_{xx}^{1/2}$$
on the range of $\Sigma_{xx}$, with the Grams at that time: the predictor moves by $\eta\sum_l G_lE\Phi_{l-1}$ to first
order. K is symmetric and positive; the late factor of the error is $\max|1 - \eta\lambda_i(K)|$, and the minimiser is
stable iff $\eta < 2/\lambda_{\max}(K)$. Derived here.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from symlimits.finite.deep_linear_training import Array
from symlimits.theory.deep_linear.flow_end import flow_end
from symlimits.theory.deep_linear.problem import Problem, check_reached, positive_integer, problem
from symlimits.theory.deep_linear.spectrum import spectrum

if TYPE_CHECKING:
    from symlimits.theory.deep_linear.path import Path


def kernel_operator(
    forward: Sequence[Array], backward: Sequence[Array], Sxx: npt.ArrayLike, rcond: float | None = None
) -> Array:
    r"""K as a symmetric matrix (k r, k r), r the rank of Sxx, on errors (k, r) read by rows.

    `forward` are $\Phi_0, \dots, \Phi_L$ (d, d), `backward` $G_1, \dots, G_{L+1}$ (k, k), at one time.

    >>> kernel_operator([np.eye(1)] * 3, [np.eye(1)] * 3, [[0.5]])  # at the start, L = 2
    array([[1.5]])
    """
    values, vectors = spectrum(Sxx, rcond)
    root = vectors * np.sqrt(values)
    return np.asarray(sum(np.kron(G, root.T @ Phi @ root) for G, Phi in zip(backward, forward, strict=True)))


def operator_at(path: Path, Sxx: npt.ArrayLike, place: int = -1, rcond: float | None = None) -> Array:
    """K at one time of a path, by its place: the last one by default."""
    forward, backward = path.grams_at(place)
    return kernel_operator(forward, backward, Sxx, rcond)


def late_factor(K: Array, lr: float) -> float:
    r"""$\max_i|1 - \eta\lambda_i(K)|$: what the error is multiplied by at each step, in the end; below one if stable.

    >>> late_factor(np.diag([1.0, 4.0]), 0.25)
    0.75
    """
    return float(np.abs(1 - lr * np.linalg.eigvalsh(K)).max())


def critical_rate(depth: int, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, rcond: float | None = None) -> float:
    r"""$2/\lambda_{\max}(K_\infty)$ of the minimiser that small rates lead to, the limit of gradient flow.

    Gradient descent cannot end there at a larger rate: it oscillates, diverges, or is thrown to a flatter minimiser.
    A rate below it converges from the start only if no K on the way is larger. To rounding for one hidden layer; to
    about 1e-6 from two on, where the flow is integrated, in a number of steps that grows with the logarithm of the
    condition of the data. Infinite where Sxx is zero. Raises as `problem` does, and `DomainError` where Syx has a part
    outside of the range of Sxx, so that there is no minimiser; `ResourceError` for want of memory.

    >>> round(critical_rate(1, [[1.0]], [[2.0]]), 5)  # K = P + Q = 2 sqrt(1 + 2^2)
    0.44721
    >>> round(critical_rate(2, [[1.0, 0.0], [0.0, 1e-10]], [[2.0, 1e-10]]), 4)
    0.2
    """
    return critical(positive_integer(depth, "depth"), problem(Sxx, Syx, rcond))


def critical(depth: int, data: Problem) -> float:
    """The critical rate of data that have been checked."""
    check_reached(data)
    if not data.rank:
        return inf
    forward, backward = flow_end(depth, data)
    return float(2 / np.linalg.eigvalsh(kernel_operator(forward, backward, data.Sxx, data.rcond)).max())
