"""What the limit of training says: the path of the predictor, Grams of the neurons, laws of neurons and weights."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from symlimits.errors import DomainError
from symlimits.finite.deep_linear_training import PLAIN, Rule
from symlimits.language.names import shown
from symlimits.memory import check_memory
from symlimits.theory.deep_linear.grams import Grams
from symlimits.theory.deep_linear.operator import kernel_operator
from symlimits.theory.deep_linear.problem import Floats, Problem
from symlimits.theory.deep_linear.weights import GaussianWeights, Increment


@dataclass(frozen=True, eq=False, repr=False)
class Path:
    r"""Training of a deep linear network of infinite width on a problem: by steps, or by gradient flow.

    `times` (T,) are 0, ..., steps, or those of the flow, at which everything is said; `lr` is the learning rate, of a
    flow None; `error` estimates what the predictors are off by beyond rounding: zero for steps; `rule` holds momentum
    and decay, `batches` the number of minibatches that are taken in turn. `grams` is where the covariances come from,
    the causal recursion or a network in coordinates. Neurons are the pairs $(h_l, b_l)$: what
    enters them, $h_l = M_l \cdots M_2 U x$ for the d unit inputs, and what they do to the k outputs,
    $b_l = M_{l+1}^\top \cdots M_L^\top V^\top$.

    >>> from symlimits import deep_linear
    >>> path = deep_linear(depth=1).gradient_descent([[1.0]], [[2.0]], lr=0.1, steps=10)
    >>> path
    Path(depth 1, 1 inputs, 1 outputs, lr 0.1, 10 steps)
    >>> path.predictors[10].round(10).tolist(), path.forward_gram(1)[10, 10].round(10).tolist()
    ([[1.9665416108]], [[2.1649414817]])
    """

    problem: Problem
    times: Floats
    predictors: Floats
    grams: Grams
    lr: float | None = None
    error: float = 0.0
    rule: Rule = PLAIN
    batches: int = 1

    def __post_init__(self) -> None:
        for name in ("times", "predictors"):
            object.__setattr__(self, name, _fixed(getattr(self, name)))

    def __repr__(self) -> str:
        _, k, d = self.predictors.shape
        whole = f"depth {self.depth}, {d} inputs, {k} outputs, {self._how}"
        return f"Path({'; '.join(filter(None, (whole, self.note)))})"

    @property
    def depth(self) -> int:
        """The number of hidden layers, L."""
        return self.grams.depth

    @property
    def steps(self) -> int:
        """The number of times after the first, T - 1: the steps of gradient descent."""
        return len(self.times) - 1

    @property
    def note(self) -> str:
        """What is to be known about the problem, such as a part of Syx outside of the range of Sxx; empty if nothing.

        >>> from symlimits import deep_linear
        >>> deep_linear(2).gradient_descent([[1.0, 0.0], [0.0, 0.0]], [[4.0, 3.0]], steps=3).note
        '0.6 of Syx lies outside the range of Sxx: no data have it, and the risk has no minimum'
        """
        return self.problem.note

    @property
    def errors(self) -> Floats:
        r"""$E_t = \Sigma_{yx} - A_t\Sigma_{xx}$, minus the gradient of the risk: (T, k, d)."""
        return self.problem.Syx - self.predictors @ self.problem.Sxx

    @property
    def risks(self) -> Floats:
        r"""$R(A_t) - \frac12E|y|^2$, the risk beside that of the predictor zero: (T,), from 0 downwards.

        >>> from symlimits import deep_linear
        >>> deep_linear(1).gradient_descent([[1.0]], [[2.0]], lr=0.1, steps=50).risks[[0, -1]].round(9).tolist()
        [0.0, -2.0]
        """
        A, Sxx, Syx = self.predictors, self.problem.Sxx, self.problem.Syx
        return np.asarray((A * (0.5 * A @ Sxx - Syx)).sum(axis=(1, 2)))

    def forward_gram(self, layer: int) -> Floats:
        r"""$\Phi_l(t, s) = E\,h_l(t)h_l(s)^\top$ for l = 0, ..., L: an array (T, T, d, d).

        Raises `DomainError` for another layer.

        >>> from symlimits import deep_linear
        >>> path = deep_linear(depth=2).gradient_descent([[1.0]], [[2.0]], lr=0.1, steps=1)
        >>> [path.forward_gram(l)[1, 1].round(12).tolist() for l in (0, 1, 2)]
        [[[1.0]], [[1.04]], [[1.2]]]
        """
        return _fixed(self.grams.forward(self._layer(layer, 0, self.depth)))

    def backward_gram(self, layer: int) -> Floats:
        r"""$G_l(t, s) = E\,b_l(t)b_l(s)^\top$ for l = 1, ..., L + 1: (T, T, k, k).

        $b_{L+1}$ is the identity, the directions of the outputs. Raises `DomainError` for another layer.

        >>> from symlimits import deep_linear
        >>> path = deep_linear(depth=1).gradient_descent([[1.0]], [[2.0]], lr=0.1, steps=1)
        >>> path.backward_gram(1)[1, 1].round(12).tolist(), path.backward_gram(2)[1, 1].tolist()
        ([[1.04]], [[1.0]])
        """
        return _fixed(self.grams.backward(self._layer(layer, 1, self.depth + 1)))

    def mixed_gram(self, layer: int) -> Floats:
        """$E b_l(t)h_l(s)^T$ for l = 1, ..., L: (T, T, k, d); at t = s it is $A_t$ for every l."""
        return _fixed(self.grams.mixed(self._layer(layer, 1, self.depth)))

    def neuron_law(self, layer: int) -> Floats:
        r"""The covariance of the Gaussian vector $(h_l(t), b_l(t))$ of one neuron, over times, for l = 1, ..., L.

        Returns an array (T, T, d + k, d + k). For L = 1 it is degenerate: of rank d + k over all times.
        Raises `DomainError` for another layer.

        >>> from symlimits import deep_linear
        >>> path = deep_linear(depth=1).gradient_descent([[1.0]], [[2.0]], lr=0.1, steps=1)
        >>> path.neuron_law(1)[1, 1].round(2)  # h = r + 0.2 q and b = q + 0.2 r
        array([[1.04, 0.4 ],
               [0.4 , 1.04]])
        """
        mixed, n = self.mixed_gram(layer), sum(self.predictors.shape[1:])
        check_memory(16 * (len(self.times) * n) ** 2, f"the law of a neuron at {len(self.times)} times", "fewer steps")
        above = np.concatenate([self.forward_gram(layer), mixed.transpose(1, 0, 3, 2)], axis=3)
        return np.concatenate([above, np.concatenate([mixed, self.backward_gram(layer)], axis=3)], axis=2)

    def grams_at(self, place: int = -1) -> tuple[list[Floats], list[Floats]]:
        r"""$\Phi_0, \dots, \Phi_L$ and $G_1, \dots, G_{L+1}$ at one time, by its place: the last one by default."""
        return self.grams.at(place)

    @property
    def kernel_operator(self) -> Floats:
        r"""K at the end of the path, by which the whitened error moves, $\delta \leftarrow \delta - \eta K\delta$.

        A symmetric matrix (k r, k r), r the rank of $\Sigma_{xx}$, on errors (k, r) read by rows.
        """
        forward, backward = self.grams_at()
        return kernel_operator(forward, backward, self.problem.Sxx, self.problem.rcond)

    @property
    def critical_rate(self) -> float:
        r"""$2/\lambda_{\max}(K)$ where this path ends: above it the error grows from there; infinite without data.

        Of a path that has not converged it is not that of the minimiser, which is `deep_linear(depth).critical_rate`.

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
        return Increment(l, len(self.times), self.grams)

    def singular_values(self, layer: int) -> Floats:
        """Of $M_l(T) - M_l(0)$ for l = 2, ..., L, where the path ends, in descending order."""
        if self.depth == 1:
            raise DomainError(f"layer {shown(layer)} of one hidden layer", "a matrix between two", "deep_linear(2)")
        return self.grams.singular_values(self._layer(layer, 2, self.depth), self.steps)

    @property
    def _how(self) -> str:
        """How it was trained, in words."""
        if self.lr is None:
            return f"flow to time {self.times[-1]:g}"
        mu, decay = self.rule.momentum, self.rule.weight_decay
        words = [f"momentum {mu:g}"] * bool(mu) + [f"weight decay {decay:g}"] * bool(decay)
        minibatches = [f"{self.batches} minibatches in turn"] * (self.batches > 1)
        return ", ".join([f"lr {self.lr:g}", *words, *minibatches, f"{self.steps} steps"])

    def _layer(self, layer: int, first: int, last: int) -> int:
        if isinstance(layer, bool) or not isinstance(layer, int | np.integer) or not first <= layer <= last:
            raise DomainError(f"layer {shown(layer)}", f"an integer from {first} to {last}", f"layer {last}")
        return int(layer)


def _fixed(array: Floats) -> Floats:
    """The same numbers, not to be written to: a path is what was computed."""
    view = array.view()
    view.setflags(write=False)
    return view
