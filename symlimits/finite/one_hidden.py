r"""Finite networks with one hidden layer, trained by gradient descent on all data, many networks at once.

$$f(x) = \sigma\sum_{r=1}^d a_r\,\phi(w_r\cdot x),$$
$$a_r \leftarrow a_r - \eta_a\sigma\,\mathbb E\,g\,\phi(w_r\cdot x),
\qquad w_r \leftarrow w_r - \eta_w\sigma\,\mathbb E\,g\,a_r\phi'(w_r\cdot x)\,x,$$
with g the derivative of the loss by the logit and the mean over the data (Golikov 2020, arXiv 2006.06574, section 2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Array = npt.NDArray[np.float64]
Function = Callable[[Array], Array]
Gradient = Callable[[int, Array], Array]  # of the step and the logits (nets, n): g, (nets, n) or (n,)


@dataclass(frozen=True)
class Weights:
    """Readouts `a` (nets, width) and hidden weights `w` (nets, width, dimension) of several networks."""

    a: Array
    w: Array


@dataclass(frozen=True)
class OneHidden:
    r"""What networks of one width have in common; `phi` and its derivative `slope` act on arrays.

    `rates` are $(\eta_a, \eta_w)$. With `sigma_start` the part of the logit that is there at the start is
    multiplied by it in place of sigma, at every step: $f = f_\sigma - f^{(0)}_\sigma + f^{(0)}_{start}$.
    """

    phi: Function
    slope: Function
    sigma: float
    rates: tuple[float, float]
    sigma_start: float | None = None


@dataclass(frozen=True)
class WidthPowers:
    r"""How networks scale with width: $\sigma\propto d^{q_\sigma}$, $\eta_a\propto d^{q_a}$, $\eta_w\propto d^{q_w}$.

    `q_start`, where it is given, is the power of the factor of the logit that is there at the start.
    """

    q_sigma: float
    q_a: float
    q_w: float
    q_start: float | None = None

    def net(
        self, phi: Function, slope: Function, width: float, sigma: float = 1.0, rates: tuple[float, float] = (1.0, 1.0)
    ) -> OneHidden:
        """The network of a width; `sigma` and `rates` are the factors of the powers.

        >>> WidthPowers(-1, 1, 1).net(np.tanh, np.cosh, 4, sigma=2).sigma
        0.5
        """
        start = None if self.q_start is None else sigma * width**self.q_start
        moves = (rates[0] * width**self.q_a, rates[1] * width**self.q_w)
        return OneHidden(phi, slope, sigma * width**self.q_sigma, moves, start)


@dataclass(frozen=True)
class State:
    """Networks after some steps, their hidden features (nets, width, points) and logits (nets, points)."""

    weights: Weights
    features: Array
    logits: Array


def draw(nets: int, width: int, dimension: int, rng: np.random.Generator) -> Weights:
    """Standard normal weights.

    >>> draw(2, 8, 3, np.random.default_rng(0)).w.shape
    (2, 8, 3)
    """
    return Weights(rng.standard_normal((nets, width)), rng.standard_normal((nets, width, dimension)))


def logistic(y: Array) -> Gradient:
    r"""The gradient of the loss log(1 + exp(-y f)), $\ell'(f) = -y/(1 + e^{yf})$, for labels of 1 and -1.

    >>> logistic(np.array([1.0]))(0, np.zeros((1, 1)))
    array([[-0.5]])
    """
    return lambda step, logits: -y * expit(-y * logits)


def frozen(g: Array) -> Gradient:
    """Gradients that are given, g[k] (n,) at step k, whatever the logits.

    >>> frozen(np.array([[1.0], [2.0]]))(1, np.zeros((1, 1)))
    array([2.])
    """
    return lambda step, logits: g[step]


def train(
    net: OneHidden, first: Weights, X: Array, steps: int, gradient: Gradient, at: Array | None = None
) -> Iterator[State]:
    """The states before the first step and after each, on data X (n, dimension) and further points `at`, in this order.

    >>> net = OneHidden(np.tanh, lambda z: 1 / np.cosh(z) ** 2, sigma=1 / 64, rates=(64.0, 64.0))
    >>> X, y = np.eye(2), np.array([1.0, -1.0])
    >>> states = list(train(net, draw(3, 64, 2, np.random.default_rng(0)), X, 50, logistic(y)))
    >>> len(states), bool((states[-1].logits * y > 0).all())
    (51, True)
    """
    points = X if at is None else np.concatenate([X, at])
    inner = first.w @ points.T
    features, weights, n = net.phi(inner), first, len(X)
    start = ((net.sigma if net.sigma_start is None else net.sigma_start) - net.sigma) * neuron_sums(first.a, features)
    for step in range(steps + 1):
        logits = net.sigma * neuron_sums(weights.a, features) + start
        yield State(weights, features, logits)
        if step < steps:
            g = np.broadcast_to(gradient(step, logits[:, :n]), (len(logits), n))
            weights = _moved(net, weights, inner[..., :n], features[..., :n], X, g)
            inner = weights.w @ points.T
            features = net.phi(inner)


def _moved(net: OneHidden, old: Weights, inner: Array, features: Array, X: Array, g: Array) -> Weights:
    """One step; both layers move by gradients at the old weights."""
    (eta_a, eta_w), mean = net.rates, g / len(X)
    step_a = (features @ mean[..., None])[..., 0]
    step_w = (net.slope(inner) * mean[:, None, :]) @ X * old.a[..., None]
    return Weights(old.a - eta_a * net.sigma * step_a, old.w - eta_w * net.sigma * step_w)


def neuron_sums(a: Array, features: Array) -> Array:
    """Sums over neurons of readouts (nets, width) times features (nets, width, points).

    >>> neuron_sums(np.ones((1, 2)), np.array([[[1.0], [2.0]]]))
    array([[3.]])
    """
    return (a[:, None, :] @ features)[:, 0, :]
