"""LayerNorm, concatenations and products at finite width, against numerical derivatives of a network written again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import symlimits as sl
from symlimits import activations as act
from symlimits.errors import DomainError
from symlimits.finite import network
from symlimits.language.architecture import Repeat

X = np.array([[1.0, 0.5, -0.3], [0.3, -1.0, 0.8], [0.0, 0.4, 0.1]])
WIDTH = 5
STEP = 1e-5
DIGITS = 1e-7  # of central differences in float64, relative to the kernel's size


class Layers:
    """Dense layers of NTK parameterisation whose weights are drawn when they are met first, naively, in order."""

    def __init__(self, width: int, rng: np.random.Generator) -> None:
        self.width, self.rng = width, rng
        self.weights: list[np.ndarray] = []
        self.met = 0

    def __call__(self, w_var: float, b_var: float, h: np.ndarray, outputs: int = 0) -> np.ndarray:
        shapes = [(outputs or self.width, len(h)), *([(outputs or self.width, 1)] if b_var else [])]
        if self.met == len(self.weights):
            self.weights += [self.rng.standard_normal((1, *shape))[0] for shape in shapes]
        W, *bias = self.weights[self.met : self.met + len(shapes)]
        self.met += len(shapes)
        return np.sqrt(w_var / len(h)) * (W @ h) + sum(np.sqrt(b_var) * b for b in bias)


Forward = Callable[[Layers, np.ndarray], np.ndarray]


def derivatives(forward: Forward, X: np.ndarray, width: int, rng: np.random.Generator) -> np.ndarray:
    """Of the output on all data by every weight and bias: an array (parameters, data)."""
    dense, rows = Layers(width, rng), []

    def f() -> np.ndarray:
        dense.met = 0
        return forward(dense, X)[0]

    f()
    for weights in dense.weights:
        for index in np.ndindex(weights.shape):
            here, found = weights[index], []
            for side in (STEP, -STEP):
                weights[index] = here + side
                found.append(f())
            weights[index] = here
            rows.append((found[0] - found[1]) / (2 * STEP))
    return np.array(rows)


def unit(z: np.ndarray) -> np.ndarray:
    """As users define it: minus the mean over units, over their standard deviation."""
    return (z - z.mean(axis=0)) / z.std(axis=0)


def normed(dense: Layers, h: np.ndarray) -> np.ndarray:
    return dense(1, 0, np.tanh(unit(dense(1.5, 0.2, np.tanh(unit(dense(2, 0.1, h)))))), outputs=1)


def beside(dense: Layers, h: np.ndarray) -> np.ndarray:
    trunk = dense(2, 0.1, h)
    h = np.concatenate([trunk, dense(1.5, 0.2, np.tanh(trunk)), np.sin(trunk)])
    return dense(1, 0.3, np.tanh(dense(1, 0, h)), outputs=1)


def gated(dense: Layers, h: np.ndarray) -> np.ndarray:
    trunk = np.tanh(dense(2, 0.1, h))
    for _ in range(2):
        value = dense(1, 0.2, trunk)
        gate = np.sin(dense(1.5, 0, trunk))
        trunk = dense(2, 0, value * gate)
    return dense(1, 0, np.tanh(trunk), outputs=1)


GATE = sl.Product((sl.Dense(1, "1/5"),), (sl.Dense("3/2", 0), act.sin))
NETWORKS: dict[str, tuple[object, Forward]] = {
    "LayerNorm": (
        sl.serial(
            *(sl.Dense(2, "1/10"), sl.LayerNorm(), act.tanh, sl.Dense("3/2", "1/5"), sl.LayerNorm(), act.tanh),
            sl.Dense(1, 0),
        ),
        normed,
    ),
    "Concat": (
        sl.serial(
            sl.Dense(2, "1/10"),
            sl.Concat((), (act.tanh, sl.Dense("3/2", "1/5")), (act.sin,)),
            *(sl.Dense(1, 0), act.tanh, sl.Dense(1, "3/10")),
        ),
        beside,
    ),
    "Product": (
        sl.serial(sl.Dense(2, "1/10"), act.tanh, Repeat((GATE, sl.Dense(2, 0)), 2), act.tanh, sl.Dense(1, 0)),
        gated,
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_tangent_kernels_are_those_of_numerical_derivatives(name: str) -> None:
    net, forward = NETWORKS[name]
    theta = network.empirical_ntk(net, X, WIDTH, np.random.default_rng(3))  # type: ignore[arg-type]
    slopes = derivatives(forward, X.T, WIDTH, np.random.default_rng(3))
    np.testing.assert_allclose(theta, slopes.T @ slopes, atol=DIGITS * np.abs(theta).max())
    frozen = derivatives(forward, X.T, WIDTH, np.random.default_rng(4))  # the control: other weights
    assert np.abs(theta - frozen.T @ frozen).max() > 1e-2 * np.abs(theta).max()


@pytest.mark.parametrize(
    ("net", "size", "message"),
    [
        (sl.serial(sl.Dense(1, 1), sl.LayerNorm(), act.relu, sl.Dense(1)), 1, "LayerNorm of one unit"),
        (sl.serial(sl.Dense(1), sl.LayerNorm(), act.relu, sl.Dense(1)), 4, "all equal"),
        (
            sl.serial(
                *(sl.Dense(1), sl.Product((sl.Dense(1),), (sl.Dense(1), act.relu)), sl.Dense(1)),
                parameterization="standard",
                widths=(2, 2, 3),
            ),
            4,
            "Product of branches with 8 and 12 units",
        ),
    ],
)
def test_networks_that_are_none(net: object, size: int, message: str) -> None:
    with pytest.raises(DomainError, match=message):
        network.empirical_nngp(net, [[0.0, 0.0], [1.0, 2.0]], size, np.random.default_rng(0))  # type: ignore[arg-type]
