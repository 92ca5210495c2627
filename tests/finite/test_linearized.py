"""Linear models beside networks: Jacobians by differences, an explicit optimiser, two paths, linear networks."""

from __future__ import annotations

import numpy as np
import pytest

import symlimits as sl
from symlimits import activations as act
from symlimits.errors import DomainError
from symlimits.finite.descent import LINEAR, OPTIMIZERS, Descent, layer_rates
from symlimits.finite.linearized import (
    in_outputs,
    in_parameters,
    kernel,
    required_bytes,
    tangents,
    trained_beside,
)
from symlimits.finite.trained_networks import DenseLayer, Recipe, drawn, forward, trained_outputs

X = np.array([[1.0, 0.2], [-0.4, 1.1], [0.3, -0.6]])
Y = {"mse": np.array([[1.0, 0.0], [-0.5, 0.3], [0.3, 1.0]]), "xent": np.eye(2)[[0, 1, 1]]}
STEP, DIFFERENCES = 1e-5, 1e-7  # central differences, and their error: STEP^2 and rounding over STEP
PATHS = 1e-10  # between two ways through the same steps: rounding of some dozens of them
WIDTH = 6


def net(depth: int = 2, phi: object = act.erf) -> sl.language.architecture.Serial:
    return sl.mlp(depth, phi, w_var=1.5, b_var=0.2)


def jacobian(depth: int) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Of one network, by central differences: (outputs, parameters), outputs in the order (k, n); layers' sizes."""
    layers = drawn(net(depth), 2, 2, WIDTH, 1, np.random.default_rng(0))
    columns, sizes = [], []
    for layer in layers:
        if not isinstance(layer, DenseLayer):
            continue
        for array in layer.theta:
            sizes.append(array.size)
            for place in range(array.size):
                seen = []
                for sign in (1, -1):
                    array.flat[place] += sign * STEP
                    seen.append(forward(layers, X.T[None]).ravel().copy())
                    array.flat[place] -= sign * STEP
                columns.append((seen[0] - seen[1]) / (2 * STEP))
    return np.stack(columns, axis=1), forward(layers, X.T[None]).ravel(), sizes


def model(depth: int, batch: int = 1, seed: int = 0) -> tuple[np.ndarray, list]:
    return tangents(drawn(net(depth), 2, 2, WIDTH, batch, np.random.default_rng(seed)), X, 2)


@pytest.mark.parametrize("depth", [1, 2])
def test_the_kernel_is_that_of_the_jacobian(depth: int) -> None:
    J, f, _ = jacobian(depth)
    found, linear = model(depth)
    assert np.allclose(found.ravel(), f, rtol=0, atol=PATHS)
    assert np.abs(kernel(linear, 2).reshape(6, 6) - J @ J.T).max() < DIFFERENCES * np.abs(J @ J.T).max()


def test_adam_on_an_explicit_jacobian() -> None:
    """Algorithm 1 of Kingma and Ba without epsilon, on all parameters of the linear model in one vector."""
    depth, lr, steps, targets = 2, 0.3, 6, Y["xent"].T
    J, start, sizes = jacobian(depth)
    hidden = [(0, 1), (0, 1), (1, 1), (0, 1), (1, 0), (0, 0)]  # axes of width n: of weights and biases in turn
    rates = np.concatenate([np.full(s, lr * WIDTH ** (-sum(h) / 2)) for s, h in zip(sizes, hidden, strict=True)])
    theta, mean, square = np.zeros(len(rates)), np.zeros(len(rates)), np.zeros(len(rates))
    for t in range(1, steps + 1):
        f = (start + J @ theta).reshape(2, 3)
        p = np.exp(f) / np.exp(f).sum(axis=0)
        gradient = J.T @ ((p - targets) / 3).ravel()
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        theta -= rates * (mean / (1 - 0.9**t)) / np.sqrt(square / (1 - 0.999**t))
    descent = Descent(lr, steps, "adam", loss="xent")
    f, linear = model(depth)
    *_, last = in_parameters(descent, f, linear, targets, layer_rates(descent, depth + 1, WIDTH))
    assert np.abs(last.ravel() - (start + J @ theta)).max() < 1e2 * DIFFERENCES  # ratios of differences, six times
    assert np.abs(last - f).max() > 0.1


@pytest.mark.parametrize("loss", ["mse", "xent"])
@pytest.mark.parametrize("optimizer", LINEAR)
def test_outputs_and_parameters_move_alike(optimizer: str, loss: str) -> None:
    descent, targets = Descent(0.4, 25, optimizer, 0.8, loss), Y[loss].T
    f, linear = model(2, batch=3, seed=1)
    one = np.stack(list(in_outputs(descent, f, kernel(linear, 2), targets)))
    other = np.stack(list(in_parameters(descent, f, linear, targets, layer_rates(descent, 3, WIDTH))))
    assert one.shape == (26, 3, 2, 3)
    assert np.abs(one - other).max() < PATHS
    assert np.abs(one[-1] - one[0]).max() > 0.1


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_network_that_is_linear_is_its_linearisation(optimizer: str) -> None:
    one_layer = sl.serial(sl.Dense(1.5, 0.2))
    descent = Descent(0.3, 20, optimizer)
    found = trained_beside(one_layer, X, Y["mse"], descent, WIDTH, 4, np.random.default_rng(0), times=(0, 20))
    assert np.abs(found.f - found.f_lin).max() < PATHS
    assert np.array_equal(found.kernels[:, 0], found.kernels[:, 1])
    assert np.abs(found.f[:, -1] - found.f[:, 0]).max() > 0.1


@pytest.mark.parametrize("optimizer", LINEAR)
def test_the_network_is_that_of_trained_outputs(optimizer: str) -> None:
    descent = Descent(0.4, 12, optimizer, 0.7)
    found = trained_beside(net(phi=act.relu), X, Y["mse"], descent, 32, 3, np.random.default_rng(3))
    recipe = Recipe(0.4, 12, 0.7 if optimizer == "momentum" else 0.0)
    known = trained_outputs(net(phi=act.relu), X, Y["mse"], X, recipe, 32, 3, np.random.default_rng(3))
    assert np.abs(found.f[:, -1] - known).max() < PATHS


def test_what_is_refused() -> None:
    with pytest.raises(DomainError, match="overflow"):
        trained_beside(net(phi=act.relu), X, Y["mse"], Descent(1e3, 300), 16, 2, np.random.default_rng(0))
    assert required_bytes(net(), 2, 3, 2, 2**10, 1, 50) < 2**28 < required_bytes(net(), 2, 3, 2, 2**16, 1, 50)
