r"""Finite networks trained for real: every weight drawn, every gradient taken, and nothing linearised.

Networks of the NTK parameterisation, $z = \sqrt{w/N}\,G h + \sqrt b\,g$, G and g from N(0, 1), are trained on the loss
$\frac1{2nk}\|f(X) - Y\|^2 + \frac\omega2\|\theta - \theta_0\|^2$, or with the mean cross-entropy over the n points in
place of the squares, by gradient descent, with heavy-ball momentum $v \leftarrow \mu v - \eta\nabla$,
$\theta \leftarrow \theta + v$. A layer's own rates multiply the gradient of the loss, not the decay. Arrays have the
axes (network, unit, datum).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp
from scipy.special import softmax

from symlimits.errors import DataError, DomainError, FormulaError
from symlimits.finite.deep_linear_experiments import frozen
from symlimits.finite.network import checked_data, numpy_function
from symlimits.language.activation import Activation, x
from symlimits.language.architecture import Dense, Serial
from symlimits.language.network_tree import network_from_tree, network_to_tree

Array = npt.NDArray[np.float64]
NETS = 512  # networks of a call
BATCH_ENTRIES = 2**22  # weights of a layer held at a time: 32 MB
DRAWS, FEWEST, MOST = 2**18, 2**11, 2**13  # networks times width, and networks, of one size in a certificate
SQUARES = 8  # times as many of squares, which have heavier tails
MOVES = 16  # of a weight take the time of a random number
LOSSES = ("mse", "xent")
Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Recipe:
    """How the networks are trained: the learning rate, steps, momentum, weight decay, the last layer alone or all, and
    the loss, "mse" or "xent".

    >>> Recipe(lr=0.1, steps=10).momentum
    0.0
    """

    lr: float
    steps: int
    momentum: float = 0.0
    weight_decay: float = 0.0
    last_layer: bool = False
    loss: str = "mse"

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise DomainError(f"loss = {self.loss!r:.40}", "'mse' or 'xent'", "loss='mse'")

    def back(self, f: Array, Y: Array) -> Array:
        """The derivatives of the loss by the outputs f (batch, k, n), for targets Y (n, k)."""
        return (f - Y.T) / Y.size if self.loss == "mse" else (softmax(f, axis=1) - Y.T) / len(Y)


class Layer:
    """One layer with its weights, as a batch of networks has it."""

    def forward(self, h: Array) -> Array:
        """What it makes of its inputs."""
        raise NotImplementedError

    def backward(self, back: Array) -> Array:
        """Derivatives by the output to derivatives by the input, and by the weights on the way."""
        raise NotImplementedError

    def move(self, recipe: Recipe) -> None:
        """A step against the gradient."""

    def double(self, sign: float) -> None:
        """A second batch of networks behind the first, with this sign of its weights."""


class DenseLayer(Layer):
    """Weights (batch, outputs, inputs) and biases (batch, outputs, 1)."""

    def __init__(self, layer: Dense, inputs: int, outputs: int, batch: int, rng: np.random.Generator) -> None:
        self.scales = sqrt(float(layer.w_var) / inputs), sqrt(float(layer.bias_variance))
        self.rates = float(layer.w_rate), float(layer.b_rate)
        self.start = [rng.standard_normal((batch, outputs, inputs)), rng.standard_normal((batch, outputs, 1))]
        self.theta = [array.copy() for array in self.start]
        self.velocity = [np.zeros_like(array) for array in self.start]
        self.gradients: list[Array] = []
        self.h: Array = np.empty(0)

    def forward(self, h: Array) -> Array:
        self.h = h
        return self.scales[0] * (self.theta[0] @ h) + self.scales[1] * self.theta[1]

    def backward(self, back: Array) -> Array:
        h = np.broadcast_to(self.h, (len(back), *self.h.shape[1:]))
        weights = self.scales[0] * (back @ h.swapaxes(1, 2))
        self.gradients = [weights, self.scales[1] * back.sum(axis=2, keepdims=True)]
        return self.scales[0] * (self.theta[0].swapaxes(1, 2) @ back)

    def double(self, sign: float) -> None:
        self.start = [np.concatenate([array, sign * array]) for array in self.start]
        self.theta = [array.copy() for array in self.start]
        self.velocity = [np.zeros_like(array) for array in self.start]

    def move(self, recipe: Recipe) -> None:
        moving = zip(self.rates, self.theta, self.start, self.velocity, self.gradients, strict=True)
        for rate, theta, start, velocity, gradient in moving:
            velocity *= recipe.momentum
            velocity -= recipe.lr * (rate * gradient + recipe.weight_decay * (theta - start))
            theta += velocity


class ActivationLayer(Layer):
    """An activation and its derivative, almost everywhere."""

    def __init__(self, layer: Activation) -> None:
        self.phi, self.slope = numpy_function(layer.expr, x), numpy_function(_slope(layer.expr), x)
        self.h: Array = np.empty(0)

    def forward(self, h: Array) -> Array:
        self.h = h
        return self.phi(h)

    def backward(self, back: Array) -> Array:
        return back * self.slope(self.h)


@lru_cache(maxsize=64)
def _slope(expr: sp.Expr) -> sp.Expr:
    return sp.diff(expr, x).replace(sp.DiracDelta, lambda *_: sp.Integer(0))


def drawn(network: Serial, features: int, outputs: int, size: int, batch: int, rng: np.random.Generator) -> list[Layer]:
    """The layers of a batch of networks of width `size`, with their weights."""
    if network.parameterization != "ntk":
        given = f"parameterization = {network.parameterization!r} in training"
        raise DomainError(given, "the NTK parameterisation", "parameterization='ntk'")
    flat = list(network.flat())
    dense = [i for i, layer in enumerate(flat) if isinstance(layer, Dense)]
    found: list[Layer] = []
    inputs = features
    for i, layer in enumerate(flat):
        if isinstance(layer, Dense):
            after = outputs if i == dense[-1] else size
            found.append(DenseLayer(layer, inputs, after, batch, rng))
            inputs = after
        elif isinstance(layer, Activation):
            found.append(ActivationLayer(layer))
        else:
            given = f"training networks with a layer {type(layer).__name__}"
            raise DomainError(given, "dense layers and activations", "their `ntk`")
    return found


def trained_outputs(
    network: Serial,
    X: Array,
    Y: Array,
    Z: Array,
    recipe: Recipe,
    size: int,
    batch: int,
    rng: np.random.Generator,
    pairs: bool = False,
) -> Array:
    """Outputs (batch, m, k) at Z (m, d) of networks of width `size` after training on X (n, d), Y (n, k).

    In `pairs`, the second half of the batch starts as the first with the other sign of the last layer.

    >>> from symlimits import activations as act, mlp
    >>> rng, recipe = np.random.default_rng(0), Recipe(lr=0.5, steps=200)
    >>> X, Y = np.array([[1.0]]), np.array([[2.0]])
    >>> f = trained_outputs(mlp(1, act.relu, 2, 0), X, Y, X, recipe, 64, 5, rng)
    >>> bool(np.allclose(f, 2.0))
    True
    """
    layers = drawn(network, X.shape[1], Y.shape[1], size, batch // 2 if pairs else batch, rng)
    if pairs:
        for layer in layers:
            layer.double(-1.0 if layer is layers[-1] else 1.0)
    data = np.concatenate([X, Z]).T[None]
    for _ in range(recipe.steps):
        f = forward(layers, data[..., : len(X)])
        step(layers, recipe.back(f, Y), recipe)
    return np.asarray(forward(layers, data)[..., len(X) :].swapaxes(1, 2))


def forward(layers: list[Layer], h: Array) -> Array:
    """The outputs (batch, k, data)."""
    for layer in layers:
        h = layer.forward(h)
    return h


def step(layers: list[Layer], back: Array, recipe: Recipe) -> None:
    """One step of all layers, or of the last one."""
    for layer in layers[-1:] if recipe.last_layer else reversed(layers):
        back = layer.backward(back)
    for layer in layers[-1:] if recipe.last_layer else layers:
        layer.move(recipe)


@dataclass(frozen=True)
class TrainedOutputs:
    r"""The number $u\cdot f(Z) - c$ of each trained network, of its first output, or its `square`.

    `weights` are u (m,), `centre` is c. In `pairs`, the mean over two networks that differ in the sign of the last
    layer at the start, so that their outputs there cancel: the same mean, and a fraction of the variance. A call is an
    experiment.

    >>> from symlimits import activations as act, mlp
    >>> draw = TrainedOutputs(mlp(1, act.relu, 2, 0), ((1.0,),), ((2.0,),), ((1.0,),), Recipe(0.5, 3), (1.0,))
    >>> draw(32, np.random.default_rng(0)).shape
    (512,)
    """

    network: Serial
    X: Rows
    Y: Rows
    Z: Rows
    recipe: Recipe
    weights: tuple[float, ...]
    centre: float = 0.0
    square: bool = False
    pairs: bool = False

    def __post_init__(self) -> None:
        inputs, targets, tests = (len(checked_data(rows)) for rows in (self.X, self.Y, self.Z))
        if inputs != targets or len(self.weights) != tests:
            given = f"{inputs} inputs, {targets} targets, {tests} tests, {len(self.weights)} weights"
            raise DataError(given, "a row of Y for each of X, a weight for each row of Z", "weights=(1.0,)")

    def __call__(self, size: int, rng: np.random.Generator) -> Array:
        X, Y, Z = (np.asarray(rows) for rows in (self.X, self.Y, self.Z))
        f = trained_outputs(self.network, X, Y, Z, self.recipe, size, self._batch(size), rng, self.pairs)[..., 0]
        numbers = f @ np.asarray(self.weights) - self.centre
        numbers = numbers**2 if self.square else numbers
        return np.asarray(numbers.reshape(2, -1).mean(axis=0) if self.pairs else numbers)

    def wanted(self, size: int) -> int:
        """The draws of one size in a certificate."""
        return (SQUARES if self.square else 1) * max(FEWEST, min(MOST, DRAWS // size)) // (1 + self.pairs)

    def required_bytes(self, size: int) -> int:
        """Memory for a call, estimated: weights, start, velocity and gradients of the hidden layers."""
        return 8 * 5 * self._batch(size) * self._entries(size)

    def record(self) -> dict[str, Any]:
        """What the experiment is, in a certificate."""
        names = ("X", "Y", "Z", "weights", "centre", "square", "pairs")
        about = {"network": network_to_tree(self.network), "recipe": vars(self.recipe)}
        return {"kind": "trained networks"} | about | {name: getattr(self, name) for name in names}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> TrainedOutputs:
        """The networks of a record; `FormulaError` for what is none."""
        try:
            given = {name: frozen(record[name]) for name in ("X", "Y", "Z", "weights", "centre", "square", "pairs")}
            recipe = Recipe(**record["recipe"])
            flags = given["square"], given["pairs"], recipe.last_layer
            if not isinstance(recipe.steps, int) or not all(isinstance(flag, bool) for flag in flags):
                raise ValueError
            return cls(network_from_tree(record["network"]), recipe=recipe, **given)
        except (KeyError, TypeError, ValueError):
            wanted = "what TrainedOutputs.record writes"
            raise FormulaError("networks with parts missing", wanted, "a certificate of this version") from None

    def work(self, size: int, rounds: int | None = None) -> float:
        """The random numbers of a certificate at one size, and what its steps take the time of; by rounds, if any."""
        nets = self._batch(size) * (rounds + 1) if rounds else self.wanted(size)
        return float(nets) * self._entries(size) * (1 + self.recipe.steps / MOVES)

    def _entries(self, size: int) -> int:
        """The weights of the largest layer."""
        hidden = sum(isinstance(layer, Dense) for layer in self.network.flat()) - 1
        return size * max(size if hidden > 1 else 1, len(self.X[0]))

    def _batch(self, size: int) -> int:
        """An even number of networks."""
        return 2 * max(1, min(NETS, BATCH_ENTRIES // self._entries(size)) // 2)
