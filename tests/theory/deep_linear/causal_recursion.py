"""The causal recursion as it is written, block matrices over all times, iterated until it stands: an oracle."""

from __future__ import annotations

import numpy as np


def causal_path(
    depth: int, Sxx: np.ndarray, Syx: np.ndarray, lr: float, steps: int, responses: bool = True
) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """Predictors (T + 1, k, d), and the Grams Phi_0, ..., Phi_L, G_1, ..., G_{L+1} as block matrices over times.

    Everything is strictly causal, so that as many sweeps as times and layers reach the fixed point. Without
    `responses` the terms R and S are dropped, which is wrong.
    """
    (k, d), T = Syx.shape, steps + 1
    one = {n: np.kron(np.ones((T, T)), np.eye(n)) for n in (d, k)}
    earlier = np.tril(np.ones((T, T)), -1)
    A = np.zeros((T, k, d))
    Phi, G = [one[d]] * (depth + 1), [one[k]] * (depth + 2)  # G[l], l = 1 to L + 1
    R, S = [np.zeros((T * d, T * k))] * (depth + 1), [np.zeros((T * k, T * d))] * (depth + 2)
    for _ in range(2 * T * (depth + 1)):
        E = [Syx - a @ Sxx for a in A]
        forwards = _diagonal([e.T for e in E])
        for l in range(1, depth + 1):
            C = R[l - 1] * responses + lr * Phi[l - 1] @ forwards
            D = S[l + 1] * responses + lr * G[l + 1] @ forwards.T
            C, D = C * np.kron(earlier, np.ones((d, k))), D * np.kron(earlier, np.ones((k, d)))
            left, right = np.linalg.inv(np.eye(T * d) - C @ D), np.linalg.inv(np.eye(T * k) - D @ C)
            R[l], S[l] = left @ C, right @ D
            Phi[l] = left @ (Phi[l - 1] + C @ G[l + 1] @ C.T) @ left.T
            G[l] = right @ (G[l + 1] + D @ Phi[l - 1] @ D.T) @ right.T
            whole = right @ (G[l + 1] @ C.T + D @ Phi[l - 1]) @ left.T
        A = np.stack([whole[t * k : (t + 1) * k, t * d : (t + 1) * d] for t in range(T)])
    return A, Phi, G[1:]


def blocks(gram: np.ndarray, times: int) -> np.ndarray:
    """A block matrix as an array (T, T, n, n)."""
    n = len(gram) // times
    return gram.reshape(times, n, times, n).transpose(0, 2, 1, 3)


def _diagonal(parts: list[np.ndarray]) -> np.ndarray:
    """The matrix with these blocks on its diagonal."""
    rows, columns = parts[0].shape
    out = np.zeros((len(parts) * rows, len(parts) * columns))
    for t, part in enumerate(parts):
        out[t * rows : (t + 1) * rows, t * columns : (t + 1) * columns] = part
    return out
