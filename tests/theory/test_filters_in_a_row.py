"""Two filters with nothing between them: their maps hold, against networks and their derivatives written by hand."""

from __future__ import annotations

import numpy as np
import pytest

import symlimits as sl
from symlimits import activations as act
from symlimits.language.activation import Activation
from symlimits.language.architecture import Serial

W1, B1, W2, B2, W3 = 2.0, 0.3, 1.5, 0.2, 1.2
PIXELS, CHANNELS, NETWORKS = 5, 20, 4000
X = np.random.default_rng(3).normal(size=(2, PIXELS, 2))
TOO_FAR = 6.0  # standard errors, of three numbers each: alpha = 6e-9 for a normal mean, and room for its tails


def network(*between: Activation, padding: str = "circular") -> Serial:
    first, second = sl.Conv((3,), "2", "3/10"), sl.Conv((3,), "3/2", "1/5", padding=padding)
    return sl.serial(first, *between, second, sl.Flatten(), sl.Dense("6/5"))


@pytest.mark.slow
def test_an_activation_that_does_nothing_may_be_left_out() -> None:
    for kernel in (sl.nngp, sl.ntk):
        assert np.array_equal(kernel(network())(X), kernel(network(act.linear))(X))


def test_networks_have_these_kernels() -> None:
    """Both kernels of a linear network are means of products of squares of weights: no width biases them."""
    draws = drawn(np.random.default_rng(4))
    for found, kernel in zip(draws, (sl.nngp, sl.ntk), strict=True):
        mean, error = found.mean(0), found.std(0) / np.sqrt(NETWORKS)
        assert (np.abs(mean - kernel(network())(X)) < TOO_FAR * error).all()
        wrong = kernel(network(padding="same"))(X)
        assert (np.abs(mean - wrong) > TOO_FAR * error).any()


def moved(field: np.ndarray, by: int, circular: bool) -> np.ndarray:
    """The field at the pixel `by` further on, over the axis before the last."""
    rolled = np.roll(field, -by, axis=-2)
    if not circular and by:
        rolled[..., [-1] if by > 0 else [0], :] = 0.0
    return rolled


def drawn(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """K given the last hidden layer and the tangent kernel, of networks of a few channels: (networks, 2, 2) each."""
    sides, N, C = (-1, 0, 1), CHANNELS, X.shape[-1]
    first = rng.normal(size=(3, NETWORKS, 1, C, N)) * np.sqrt(W1 / (3 * C))
    second = rng.normal(size=(3, NETWORKS, 1, N, N)) * np.sqrt(W2 / (3 * N))
    last = rng.normal(size=(NETWORKS, 1, PIXELS, N)) * np.sqrt(W3 / (PIXELS * N))
    biases = [np.sqrt(b) * rng.normal(size=(NETWORKS, 1, 1, N)) for b in (B1, B2)]
    inputs = [moved(X[None], by, False) for by in sides]
    z1 = sum(h @ w for h, w in zip(inputs, first, strict=True)) + biases[0]
    hidden = [moved(z1, by, True) for by in sides]
    z2 = sum(h @ w for h, w in zip(hidden, second, strict=True)) + biases[1]
    K = W3 / (PIXELS * N) * np.einsum("miac,mjac->mij", z2, z2)
    back2 = np.broadcast_to(last, z2.shape)
    back1 = sum(moved(back2 @ np.swapaxes(w, -1, -2), -by, True) for by, w in zip(sides, second, strict=True))
    parts = [(inputs, back1, W1 / (3 * C), B1), (hidden, back2, W2 / (3 * N), B2)]
    return K, K + sum(of_weights(layer, back, w, b) for layer, back, w, b in parts)


def of_weights(layer: list[np.ndarray], back: np.ndarray, w: float, b: float) -> np.ndarray:
    """Products of the derivatives by one layer's weights and biases."""
    slopes = [np.einsum("miac,miad->micd", np.broadcast_to(h, (NETWORKS, *h.shape[1:])), back) for h in layer]
    total = sum(w * np.einsum("micd,mjcd->mij", g, g) for g in slopes)
    bias = back.sum(axis=2)
    return np.asarray(total + b * np.einsum("mic,mjc->mij", bias, bias))
