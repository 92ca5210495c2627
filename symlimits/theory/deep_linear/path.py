"""What the limit of training says: the path of the predictor, Grams of the neurons, laws of neurons and weights."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from symlimits.errors import DomainError
from symlimits.language.names import shown
from symlimits.theory.deep_linear.operator import kernel_operator
from symlimits.theory.deep_linear.problem import Floats, Problem
from symlimits.theory.deep_linear.sweep import Sweep
from symlimits.theory.deep_linear.weights import GaussianWeights, Increment


@dataclass(frozen=True, eq=False, repr=False)
class Path:
    r"""Gradient descent of `lr` on a deep linear network of infinite width, for `steps` steps.

    Times run over 0, ..., steps. Neurons are the pairs $(h_l, b_l)$: what enters them, $h_l = M_l \cdots M_2 U x$ for
    the d unit inputs, and what they do to the k outputs, $b_l = M_{l+1}^\top \cdots M_L^\top V^\top$.

    >>> from symlimits import deep_linear
    >>> path = deep_linear(depth=1).gradient_descent([[1.0]], [[2.0]], lr=0.1, steps=10)
    >>> path.predictors[10].round(10).tolist(), path.forward_gram(1)[10, 10].round(10).tolist()
    ([[1.9665416108]], [[2.1649414817]])
    """

    depth: int
    problem: Problem
    lr: float
    found: Sweep

    def __repr__(self) -> str:
        _, k, d = self.predictors.shape
        return f"Path(depth {self.depth}, {d} inputs, {k} outputs, lr {self.lr:g}, {self.steps} steps)"

    @property
    def steps(self) -> int:
        """The number of steps T."""
        return len(self.found.predictors) - 1

    @property
    def predictors(self) -> Floats:
        """$A_t$, an array (steps + 1, k, d)."""
        return _fixed(self.found.predictors)

    @property
    def errors(self) -> Floats:
        r"""$E_t = \Sigma_{yx} - A_t\Sigma_{xx}$, minus the gradient of the risk: (steps + 1, k, d)."""
        return self.problem.Syx - self.predictors @ self.problem.Sxx

    def forward_gram(self, layer: int) -> Floats:
        r"""$\Phi_l(t, s) = E\,h_l(t)h_l(s)^\top$ for l = 0, ..., L: an array (steps + 1, steps + 1, d, d).

        Raises `DomainError` for another layer.

        >>> from symlimits import deep_linear
        >>> path = deep_linear(depth=2).gradient_descent([[1.0]], [[2.0]], lr=0.1, steps=1)
        >>> [path.forward_gram(l)[1, 1].round(12).tolist() for l in (0, 1, 2)]
        [[[1.0]], [[1.04]], [[1.2]]]
        """
        return self._blocks(self.found.layers[self._layer(layer, 0, self.depth)].Phi)

    def backward_gram(self, layer: int) -> Floats:
        r"""$G_l(t, s) = E\,b_l(t)b_l(s)^\top$ for l = 1, ..., L + 1: (steps + 1, steps + 1, k, k).

        $b_{L+1}$ is the identity, the directions of the outputs. Raises `DomainError` for another layer.

        >>> from symlimits import deep_linear
        >>> path = deep_linear(depth=1).gradient_descent([[1.0]], [[2.0]], lr=0.1, steps=1)
        >>> path.backward_gram(1)[1, 1].round(12).tolist(), path.backward_gram(2)[1, 1].tolist()
        ([[1.04]], [[1.0]])
        """
        return self._blocks(self.found.layers[self._layer(layer, 1, self.depth + 1)].G)

    def mixed_gram(self, layer: int) -> Floats:
        """$E b_l(t)h_l(s)^T$ for l = 1, ..., L: (steps + 1, steps + 1, k, d); at t = s it is $A_t$ for every l."""
        return self._blocks(self.found.layers[self._layer(layer, 1, self.depth)].X)

    def neuron_law(self, layer: int) -> Floats:
        r"""The covariance of the Gaussian vector $(h_l(t), b_l(t))$ of one neuron, over times, for l = 1, ..., L.

        Returns an array (steps + 1, steps + 1, d + k, d + k). For L = 1 it is degenerate: of rank d + k over all times.
        Raises `DomainError` for another layer.

        >>> from symlimits import deep_linear
        >>> path = deep_linear(depth=1).gradient_descent([[1.0]], [[2.0]], lr=0.1, steps=1)
        >>> path.neuron_law(1)[1, 1].round(2)  # h = r + 0.2 q and b = q + 0.2 r
        array([[1.04, 0.4 ],
               [0.4 , 1.04]])
        """
        mixed = self.mixed_gram(layer)
        above = np.concatenate([self.forward_gram(layer), mixed.transpose(1, 0, 3, 2)], axis=3)
        return np.concatenate([above, np.concatenate([mixed, self.backward_gram(layer)], axis=3)], axis=2)

    @property
    def kernel_operator(self) -> Floats:
        r"""K at the end of the path, by which the whitened error moves, $\delta \leftarrow \delta - \eta K\delta$.

        A symmetric matrix (k r, k r), r the rank of $\Sigma_{xx}$, on errors (k, r) read by rows.
        """
        forward = [self.forward_gram(l)[-1, -1] for l in range(self.depth + 1)]
        backward = [self.backward_gram(l)[-1, -1] for l in range(1, self.depth + 2)]
        return kernel_operator(forward, backward, self.problem.Sxx, self.problem.rcond)

    @property
    def critical_rate(self) -> float:
        r"""$2/\lambda_{\max}(K)$ at the end of the path: above it the error grows from there; infinite without data.

        >>> from symlimits import deep_linear
        >>> path = deep_linear(depth=1).gradient_descent([[1.0]], [[2.0]], lr=0.1, steps=100)
        >>> round(path.critical_rate, 5)  # K = 2 sqrt(1 + 2^2) in the flow, a little less at this rate
        0.4555
        """
        if not self.problem.rank:
            return inf
        with np.errstate(over="ignore", invalid="ignore"):
            K = self.kernel_operator
        return float(2 / np.linalg.eigvalsh(K).max()) if np.isfinite(K).all() else 0.0  # Grams beyond the floats

    def weight_law(self, layer: int) -> GaussianWeights | Increment:
        r"""The law of a weight matrix: l = 1 is U, l = 2, ..., L are $M_l$, l = L + 1 is V.

        Of U the rows, of V the columns are independent Gaussian vectors; $M_l(t) - M_l(0)$ has deterministic singular
        values. Raises `DomainError` for another layer.

        >>> from symlimits import deep_linear
        >>> path = deep_linear(depth=2).gradient_descent([[1.0]], [[2.0]], lr=0.1, steps=1)
        >>> path.weight_law(1).covariance[1].round(12), path.weight_law(2).singular_values().round(12)
        (array([[1.04]]), array([0.2]))
        """
        l = self._layer(layer, 1, self.depth + 1)
        if l == 1:
            return GaussianWeights(l, "rows of U", self.forward_gram(1))
        if l == self.depth + 1:
            return GaussianWeights(l, "columns of V", self.backward_gram(self.depth))
        below, here = self.found.layers[l - 1], self.found.layers[l]
        return Increment(l, here.G, self.lr * self.errors, below.Phi)

    def _blocks(self, matrix: Floats) -> Floats:
        times = self.steps + 1
        rows, columns = (size // times for size in matrix.shape)
        return _fixed(matrix.reshape(times, rows, times, columns).transpose(0, 2, 1, 3))

    def _layer(self, layer: int, first: int, last: int) -> int:
        if isinstance(layer, bool) or not isinstance(layer, int | np.integer) or not first <= layer <= last:
            raise DomainError(f"layer {shown(layer)}", f"an integer from {first} to {last}", f"layer {last}")
        return int(layer)


def _fixed(array: Floats) -> Floats:
    """The same numbers, not to be written to: a path is what was computed."""
    view = array.view()
    view.setflags(write=False)
    return view
