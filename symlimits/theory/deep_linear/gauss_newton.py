r"""The part of the Hessian that makes gradient flow stiff, and its inverse in the equations of an implicit step.

With J the derivative of the predictor by the parameters, $\dot\theta = J^\top E$ has the derivative $-J^\top\Sigma J$
and a part of the size of the residual. The first has rank k d at most, and its eigenvalues are those of the kernel
operator, $J J^\top:\delta\mapsto\sum_lG_l\,\delta\,\Phi_{l-1}$, between roots of $\Sigma_{xx}$. Derived here.
"""

from __future__ import annotations

import numpy as np

from symlimits.finite.deep_linear_training import Array, Parameters, direction, fitted, transposed


class GaussNewton:
    """$W = -J^\top\\Sigma J$ at one state of a network."""

    def __init__(self, features: list[Array], derivatives: list[Array], Sxx: Array) -> None:
        self.features, self.derivatives = features, derivatives
        values, vectors = np.linalg.eigh(Sxx)
        self.root = vectors * np.sqrt(np.maximum(values, 0.0))
        d, k = len(Sxx), derivatives[0].shape[1]
        forward = [np.eye(d), *(H.T @ H for H in features)]
        backward = [*(B.T @ B for B in derivatives), np.eye(k)]
        self.size = float(
            sum(np.linalg.norm(G, 2) * np.linalg.norm(P, 2) for G, P in zip(backward, forward, strict=True))
        )
        K = sum(np.kron(G, self.root.T @ P @ self.root) for G, P in zip(backward, forward, strict=True))
        self.values, self.modes = np.linalg.eigh(K)

    def correction(self, residual: Parameters, matrix: Array) -> Parameters:
        r"""$(1 - A\otimes W)^{-1} - 1$ times the residuals of s stages, (s, ...) each; A = `matrix` is (s, s)."""
        seen = self._predicted(residual) @ self.root
        whitened = seen.reshape(len(seen), -1) @ self.modes
        damped = np.linalg.solve(np.eye(len(matrix)) + self.values[:, None, None] * matrix, -matrix)
        found = (damped @ whitened.T[:, :, None])[:, :, 0].T @ self.modes.T
        return direction(*self._fitted(residual), found.reshape(seen.shape) @ self.root.T)

    def _predicted(self, change: Parameters) -> Array:
        """J times changes of the parameters, (s, k, d)."""
        features, derivatives = self._fitted(change)
        first, *hidden, last = change
        between = zip(derivatives[1:], hidden, features[:-1], strict=True)
        whole = derivatives[0].T @ first + transposed(last) @ features[-1]
        return np.asarray(whole + sum(B.T @ (delta @ H) for B, delta, H in between))

    def _fitted(self, change: Parameters) -> tuple[list[Array], list[Array]]:
        """Features and derivatives in coordinates that may have grown."""
        wide = [x.shape[-2] for x in [*change[:-2], change[-1]]] if len(change) > 2 else [change[0].shape[-2]]
        features, derivatives = (
            [fitted(x, w, x.shape[-1]) for x, w in zip(xs, wide, strict=True)]
            for xs in (self.features, self.derivatives)
        )
        return features, derivatives
