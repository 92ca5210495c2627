r"""Finite networks trained for real beside their linearisations, which start from the same parameters.

The linear model is $f^{lin} = f_0 + J_0(\theta - \theta_0)$ with the Jacobian $J_0$ of the network at its start. It is
held as it comes from backpropagation: of every layer the features h and the derivatives $\delta$ by its outputs, so
that $J_0$ of a weight $W_{ij}$ is $\delta_ih_j$ and no array of (outputs, parameters) is made. It is trained by the
same optimiser on the same loss, either in its parameters, or, where the optimiser is linear in the gradients, in its
outputs by the kernel $\hat\Theta_0 = J_0J_0^\top$. Arrays have the axes (network, unit, column), columns are pairs
(output, datum).
Source: Lee et al. 2019, arXiv 1902.06720, section 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from symlimits.errors import DomainError
from symlimits.finite.descent import LINEAR, Descent, Mover, layer_rates
from symlimits.finite.trained_networks import DenseLayer, Layer, drawn, forward
from symlimits.language.architecture import Dense, Serial

Array = npt.NDArray[np.float64]
COPIES = 10  # arrays of a layer's weights held at once: Adam's two in both models, parameters, gradients, a start


@dataclass(frozen=True, eq=False)
class Tangent:
    r"""A layer of the linear model: $\delta$ (batch, outputs, columns), h (batch or 1, inputs, columns), its scales."""

    delta: Array
    h: Array
    scales: tuple[float, float]

    def kernel(self) -> Array:
        r"""$\delta\cdot\delta'\,(s_W^2\,h\cdot h' + s_b^2)$, (batch, columns, columns)."""
        grams = self.scales[0] ** 2 * (_transpose(self.h) @ self.h) + self.scales[1] ** 2
        return np.asarray((_transpose(self.delta) @ self.delta) * grams)

    def value(self, moved: Sequence[Array]) -> Array:
        """What moved weights and biases add to the outputs, (batch, columns)."""
        inner = self.scales[0] * (moved[0] @ self.h) + self.scales[1] * moved[1]
        return np.asarray((self.delta * inner).sum(axis=1))

    def gradients(self, slope: Array) -> list[Array]:
        """Those of the loss by weights and biases, for derivatives by the outputs (batch, columns)."""
        back = self.delta * slope[:, None]
        weights = self.scales[0] * (back @ _transpose(np.broadcast_to(self.h, (len(back), *self.h.shape[1:]))))
        return [weights, self.scales[1] * back.sum(axis=2, keepdims=True)]


def tangents(layers: Sequence[Layer], X: Array, outputs: int) -> tuple[Array, list[Tangent]]:
    """The outputs (batch, k, n) at X (n, d), and the linear model there, the last layer first."""
    n = len(X)
    f = forward(list(layers), np.tile(X.T[None], (1, 1, outputs)))
    back = np.broadcast_to(np.repeat(np.eye(outputs), n, axis=1), (len(f), outputs, outputs * n))
    found = []
    for layer in reversed(layers):
        if isinstance(layer, DenseLayer):
            found.append(Tangent(back, layer.h, layer.scales))
        back = layer.backward(back)
    return f[..., :n], found


def kernel(model: Sequence[Tangent], outputs: int) -> Array:
    r"""$\hat\Theta = JJ^\top$ (batch, k, n, k, n) of a linear model.

    >>> from symlimits import activations as act, mlp
    >>> X = np.array([[1.0, 0.0], [0.5, 1.0]])
    >>> layers = drawn(mlp(1, act.relu, 2, 0), 2, 3, 64, 5, np.random.default_rng(0))
    >>> kernel(tangents(layers, X, 3)[1], 3).shape
    (5, 3, 2, 3, 2)
    """
    total = sum((layer.kernel() for layer in model), np.zeros(()))
    columns = total.shape[-1]
    return np.asarray(total.reshape(-1, outputs, columns // outputs, outputs, columns // outputs))


def in_outputs(descent: Descent, f: Array, Theta: Array, Y: Array) -> Iterator[Array]:
    r"""Outputs (batch, k, n) of the linear model at every step, from f: $f \mathrel{-}= \eta\,\Theta\,u$.

    u is the direction of the slopes of the loss, for targets (k, n); `Theta` is (batch, k, n, k, n), or (n, n) for one
    kernel of all networks and outputs.
    """
    direction = descent.direction()
    path = "...ab,...kb->...ka" if Theta.ndim == 2 else "zkalb,zlb->zka"
    yield f
    for _ in range(descent.steps):
        f = f - descent.lr * np.einsum(path, Theta, direction(descent.slope(f, Y)), optimize=True)
        yield f


def in_parameters(
    descent: Descent, f: Array, model: Sequence[Tangent], Y: Array, rates: Sequence[Sequence[float]]
) -> Iterator[Array]:
    """Outputs of the linear model at every step, its parameters moved by any optimiser; `rates` for each layer."""
    batch, start = len(f), f
    moved = [[np.zeros((batch, layer.delta.shape[1], width)) for width in (layer.h.shape[1], 1)] for layer in model]
    movers = [Mover(descent, rate) for rate in rates]
    yield f
    for _ in range(descent.steps):
        slope = descent.slope(f, Y).reshape(batch, -1)
        for layer, arrays, mover in zip(model, moved, movers, strict=True):
            mover(arrays, layer.gradients(slope))
        value = sum((layer.value(arrays) for layer, arrays in zip(model, moved, strict=True)), np.zeros(()))
        f = start + value.reshape(start.shape)
        yield f


def linear_path(descent: Descent, f: Array, model: Sequence[Tangent], Y: Array, width: int) -> Iterator[Array]:
    """Outputs of the linear model at every step, the cheaper way."""
    if descent.optimizer in LINEAR:
        return in_outputs(descent, f, kernel(model, f.shape[1]), Y)
    return in_parameters(descent, f, model, Y, layer_rates(descent, len(model), width))


@dataclass(frozen=True, eq=False)
class Trained:
    r"""Networks beside their linearisations: `f` and `f_lin` (batch, steps + 1, n, k), in the order of steps.

    `kernels` (batch, times, n, k, n, k) are $\hat\Theta_t$ at the `times`, `movement` (batch, steps + 1) is
    $\|\theta_t - \theta_0\|$.
    """

    f: Array
    f_lin: Array
    kernels: Array
    movement: Array


def trained_beside(
    network: Serial,
    X: Array,
    Y: Array,
    descent: Descent,
    size: int,
    batch: int,
    rng: np.random.Generator,
    times: Sequence[int] = (),
) -> Trained:
    """A batch of networks of width `size`, trained on X (n, d), Y (n, k); kernels are taken at the steps `times`.

    Raises `DomainError` where outputs leave the floats.

    >>> from symlimits import activations as act, mlp
    >>> X, Y = np.array([[1.0], [-0.5]]), np.array([[1.0], [0.0]])
    >>> rng, descent = np.random.default_rng(0), Descent(lr=0.2, steps=20)
    >>> found = trained_beside(mlp(1, act.erf, 1, 0), X, Y, descent, 1024, 3, rng, times=(0, 20))
    >>> bool(np.abs(found.f - found.f_lin).max() < 0.01)
    True
    """
    layers = drawn(network, X.shape[1], Y.shape[1], size, batch, rng)
    targets, outputs = Y.T, Y.shape[1]
    f, model = tangents(layers, X, outputs)
    with np.errstate(over="ignore", invalid="ignore"):  # refused below, in the user's words
        linear = np.stack(list(linear_path(descent, f, model, targets, size)), axis=1)
        seen, kernels, movement = [f], [], [np.zeros(batch)]
        wanted = set(times)
        if 0 in wanted:
            kernels.append(kernel(model, outputs))
        for t, now in enumerate(_descended(layers, X, targets, descent, size), 1):
            seen.append(now)
            movement.append(_movement(layers))
            if t in wanted:
                kernels.append(kernel(tangents(layers, X, outputs)[1], outputs))
                forward(layers, X.T[None])  # the features that the next step goes back through
    shape = (batch, len(kernels), outputs, len(X), outputs, len(X))
    Theta = (np.stack(kernels, axis=1) if kernels else np.zeros(shape)).transpose(0, 1, 3, 2, 5, 4)
    real = np.stack(seen, axis=1)
    _check_finite(real, linear, descent, size)
    return Trained(real.swapaxes(2, 3), linear.swapaxes(2, 3), Theta, np.stack(movement, axis=1))


def _descended(layers: list[Layer], X: Array, targets: Array, descent: Descent, size: int) -> Iterator[Array]:
    """Outputs after each step."""
    dense = [layer for layer in layers if isinstance(layer, DenseLayer)]
    rates = layer_rates(descent, len(dense), size)
    movers = [Mover(descent, rate) for rate in reversed(rates)]
    f = forward(layers, X.T[None])
    for _ in range(descent.steps):
        back = descent.slope(f, targets)
        for layer in reversed(layers):
            back = layer.backward(back)
        for layer, mover in zip(dense, movers, strict=True):
            mover(layer.theta, layer.gradients)
        f = forward(layers, X.T[None])
        yield f


def _movement(layers: Sequence[Layer]) -> Array:
    """The distance of the parameters from their start, (batch,)."""
    total: Array = np.zeros(())
    for layer in layers:
        if isinstance(layer, DenseLayer):
            pairs = zip(layer.theta, layer.start, strict=True)
            total = total + sum(((now - start) ** 2).sum(axis=(1, 2)) for now, start in pairs)
    return np.sqrt(total)


def _check_finite(real: Array, linear: Array, descent: Descent, size: int) -> None:
    for name, values in (("the network", real), ("its linearisation", linear)):
        if not np.isfinite(values).all():
            given = f"lr = {descent.lr:.6g}, with which outputs of {name} of width {size} overflow"
            raise DomainError(given, "steps that do not diverge", "a smaller lr, or a larger width")


def required_bytes(network: Serial, features: int, n: int, outputs: int, size: int, batch: int, steps: int) -> int:
    """Memory of `trained_beside`, estimated: weights, features at all columns, and outputs over time."""
    columns = n * outputs
    layers = sum(isinstance(layer, Dense) for layer in network.flat())
    seen = 6 * layers * size * columns + 4 * columns**2 + 4 * (steps + 1) * columns
    return 8 * batch * (COPIES * weights(network, features, outputs, size) + seen)


def weights(network: Serial, features: int, outputs: int, size: int) -> int:
    """The weights of a network of width `size`."""
    layers = sum(isinstance(layer, Dense) for layer in network.flat())
    return size * (features + outputs) + max(0, layers - 2) * size**2


def _transpose(a: Array) -> Array:
    return a.swapaxes(-1, -2)
