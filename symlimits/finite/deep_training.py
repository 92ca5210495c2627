r"""Finite deep networks under an abc-parameterisation, trained for a few steps: how large everything becomes.

The network is $h^1 = W^1 x,\; h^{l+1} = W^{l+1}\phi(h^l),\; f = W^{L+1}\phi(h^L)$ with $W^l = m_l w^l$, entries of
$w^l$ from $N(0, s_l^2)$, and learning rate $\eta_l$ for $w^l$. With the base width $n_0 = 1$,
$$m_l = (n/n_0)^{-a_l},\qquad s_l = s_{l,0}\,(n/n_0)^{-b_l},\qquad \eta_l = \eta_{l,0}\,(n/n_0)^{-c_l}$$
is the definition 1.1 of Yang & Hu, arXiv 2011.14522. At the base width all the parts of a change are of the same size;
the farther n is from it, the farther smaller powers are behind. From a base width as large as the smallest width,
a sum of two powers would be taken for one in between (-0.78 for -1/2, layer 2 of the standard parameterisation).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from symlimits.errors import DataError, DomainError
from symlimits.finite.optimizers import DIRECTIONS, Direction
from symlimits.finite.threads import one_thread

Array = npt.NDArray[np.float64]
Map = Callable[[Array], Array]

BASE_WIDTH = 1
STEP = 0.5  # the change of each preactivation at the base width, roughly, in units of its size
BATCH_ENTRIES = 2**24  # weights of one layer held at a time: 128 MB


@dataclass(frozen=True)
class Layers:
    """The numbers of one network: for each of its L + 1 layers the multiplier, the standard deviation, the rate."""

    width: int
    multipliers: tuple[float, ...]
    stds: tuple[float, ...]
    rates: tuple[float, ...]

    @property
    def depth(self) -> int:
        """The number of hidden layers, L."""
        return len(self.stds) - 1


@dataclass(frozen=True)
class Sizes:
    """Root mean squares over the units and the batch of $h^1, \\dots, h^L, f$, one row a network.

    `init` is (seeds, L + 1), of the values at initialisation; `change` is (seeds, steps, L + 1), of the differences
    from there after each step.
    """

    init: Array
    change: Array

    def named(self) -> dict[str, Array]:
        """The columns by name: h1, ..., hL, f at initialisation, and dh1, ..., dhL, df after the last step."""
        names = [*(f"h{layer}" for layer in range(1, self.init.shape[1])), "f"]
        changes = {f"d{name}": self.change[:, -1, column] for column, name in enumerate(names)}
        return {name: self.init[:, column] for column, name in enumerate(names)} | changes


def layers(
    width: int,
    a: Sequence[float],
    b: Sequence[float],
    c: Sequence[float],
    inputs: int,
    optimizer: str = "sgd",
    base_width: int = BASE_WIDTH,
    step: float = STEP,
) -> Layers:
    """The numbers at `width` of the network whose base is ordinary: multipliers one, variance 1/fan-in.

    `a`, `b`, `c` are the exponents of the L + 1 layers, first to last; `step` scales the rates of the base network.

    >>> mup = layers(256, a=(-0.5, 0, 0.5), b=(0.5, 0.5, 0.5), c=(0, 0, 0), inputs=4, base_width=64)
    >>> mup.multipliers, mup.stds
    ((2.0, 1.0, 0.5), (0.25, 0.0625, 0.0625))
    """
    if not len(a) == len(b) == len(c) >= 2:
        given = f"{len(a)}, {len(b)} and {len(c)} exponents"
        raise DataError(given, "one of each kind for each of two layers or more", "a=(0, 0), b=(0, 0.5), c=(0, 1)")
    check_optimizer(optimizer)
    ratio, depth = width / base_width, len(a) - 1
    fans = [inputs, *[base_width] * depth]
    if optimizer == "sgd":  # the gradient of h^l is as small as the last layer's weights are
        rates = [step * (sqrt(base_width) if layer < depth else 1.0) / fan for layer, fan in enumerate(fans)]
    else:
        rates = [step / fan for fan in fans]
    return Layers(
        width,
        tuple(ratio ** -float(power) for power in a),
        tuple(fan**-0.5 * ratio ** -float(power) for fan, power in zip(fans, b, strict=True)),
        tuple(rate * ratio ** -float(power) for rate, power in zip(rates, c, strict=True)),
    )


def logistic(labels: npt.ArrayLike) -> Map:
    """The gradient of the mean logistic loss log(1 + exp(-y f)) in the logits, for labels y = 1 or -1, shape (P,)."""
    y = np.asarray(labels, dtype=np.float64)
    return lambda f: -y * expit(-y * f) / y.size


def tanh_derivative(h: Array) -> Array:
    """phi' of phi = tanh."""
    return 1 - np.tanh(h) ** 2


def train(
    net: Layers,
    X: npt.ArrayLike,
    gradients: npt.ArrayLike | Map,
    rng: np.random.Generator,
    seeds: int = 8,
    steps: int = 3,
    optimizer: str = "sgd",
    phi: Map = np.tanh,
    derivative: Map = tanh_derivative,
) -> Sizes:
    """`seeds` networks, trained on the whole batch X (P, d) for `steps` steps of "sgd", "sign" or "adam".

    `gradients` are those of the loss in the P logits: an array (P,), frozen for all steps, or a function of the
    logits (batch, P) such as `logistic(y)`. `phi` and `derivative` act on arrays. Raises `DataError` for another shape,
    `DomainError` for an unknown optimizer.

    >>> net = layers(64, a=(0, 0.5, 0.5), b=(0, 0, 0), c=(0, 0, 0), inputs=2)
    >>> sizes = train(net, np.eye(2), [1.0, -1.0], np.random.default_rng(0), seeds=5)
    >>> sizes.init.shape, sizes.change.shape
    ((5, 3), (5, 3, 3))
    """
    x = np.asarray(X, dtype=np.float64)
    check_optimizer(optimizer)
    _check_training(net, x, gradients, seeds, steps)
    frozen = None if callable(gradients) else np.asarray(gradients, dtype=np.float64)
    loss: Map = gradients if frozen is None else lambda f: np.broadcast_to(frozen, f.shape)  # type: ignore[assignment]
    batch = max(1, BATCH_ENTRIES // net.width**2)
    parts = []
    with one_thread():
        for start in range(0, seeds, batch):
            network = Network(net, x, min(batch, seeds - start), rng, phi, derivative, DIRECTIONS[optimizer])
            parts.append(_course(network, loss, steps))
    return Sizes(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


class Network:
    """A batch of networks: weights (batch, fan-out, fan-in) that `step` moves."""

    def __init__(
        self,
        net: Layers,
        x: Array,
        batch: int,
        rng: np.random.Generator,
        phi: Map,
        derivative: Map,
        rule: type[Direction],
    ) -> None:
        fans = [x.shape[1], *[net.width] * net.depth, 1]
        shapes = [(batch, after, before) for before, after in pairwise(fans)]
        self.net, self.x, self.phi, self.derivative = net, x, phi, derivative
        self.weights = [std * rng.standard_normal(shape) for std, shape in zip(net.stds, shapes, strict=True)]
        self.moves = [rule() for _ in self.weights]

    def forward(self) -> list[Array]:
        """h^1, ..., h^L (batch, n, P), and the logits (batch, 1, P)."""
        h, out = self.x.T[None], []
        for layer, (w, multiplier) in enumerate(zip(self.weights, self.net.multipliers, strict=True)):
            h = multiplier * (w @ (self.phi(h) if layer else h))
            out.append(h)
        return out

    def step(self, h: Sequence[Array], loss: Map) -> None:
        """Move every weight against its gradient, from the last layer to the first."""
        back = loss(h[-1][:, 0])[:, None]
        for layer in reversed(range(len(self.weights))):
            w, multiplier = self.weights[layer], self.net.multipliers[layer]
            below = self.phi(h[layer - 1]) if layer else np.broadcast_to(self.x.T, (len(w), *self.x.T.shape))
            gradient = multiplier * (back @ below.swapaxes(1, 2))
            if layer:
                back = multiplier * (w.swapaxes(1, 2) @ back) * self.derivative(h[layer - 1])
            w -= self.net.rates[layer] * self.moves[layer](gradient)


def _course(network: Network, loss: Map, steps: int) -> tuple[Array, Array]:
    """Sizes at initialisation (batch, L + 1), and of the changes (batch, steps, L + 1)."""
    h = start = network.forward()
    changes = []
    for _ in range(steps):
        network.step(h, loss)
        h = network.forward()
        changes.append(_sizes([now - before for now, before in zip(h, start, strict=True)]))
    return _sizes(start), np.stack(changes, axis=1)


def _sizes(values: Sequence[Array]) -> Array:
    return np.stack([np.sqrt(np.mean(value**2, axis=(1, 2))) for value in values], axis=1)


def check_optimizer(optimizer: object) -> None:
    """Raise `DomainError` for what is not the name of an optimizer."""
    if not isinstance(optimizer, str) or optimizer not in DIRECTIONS:
        raise DomainError(f"optimizer = {optimizer!r}", f"one of {', '.join(DIRECTIONS)}", "optimizer='sgd'")


def _check_training(net: Layers, x: Array, gradients: npt.ArrayLike | Map, seeds: int, steps: int) -> None:
    if x.ndim != 2 or not x.size or not np.isfinite(x).all():
        raise DataError(f"data of shape {x.shape}", "finite numbers, a point a row", "X of shape (P, d)")
    if not callable(gradients) and np.shape(gradients) != (len(x),):
        given = f"gradients of shape {np.shape(gradients)}"
        raise DataError(given, f"one for each of {len(x)} points", "an array of that length, or logistic(labels)")
    if seeds < 1 or steps < 1:
        raise DomainError(f"{seeds} seeds, {steps} steps", "one or more of each", "seeds=8, steps=3")
