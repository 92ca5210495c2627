"""The deep simulator against a plain one, against finite differences, and against what is known exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symlimits.errors import DataError, DomainError
from symlimits.finite.deep_training import Layers, layers, logistic, train
from symlimits.finite.optimizers import Adam

X = np.array([[1.0, -0.5], [0.3, 0.8], [-1.0, 0.2]])
GRADIENTS = np.array([0.7, -1.0, 0.4])
NET = Layers(3, (1.3, 0.7, 0.9), (0.8, 0.6, 1.1), (0.05, 0.04, 0.03))
ROUNDING = 1e-12  # the two add the same few products in different orders
DIFFERENCE = 1e-6  # central differences of a smooth function with step 1e-5: 1e-10 of truncation, 1e-11 of rounding


def outputs(weights: list[np.ndarray], net: Layers, x: np.ndarray) -> list[np.ndarray]:
    """The plain network, a point at a time and a layer at a time: preactivations and the logit."""
    h, found = x, []
    for index, w in enumerate(weights):
        h = net.multipliers[index] * np.array([sum(row[j] * h[j] for j in range(len(h))) for row in w])
        found.append(h)
        h = np.tanh(h)
    return found


def plain(rng: np.random.Generator, loss: Any, direction: Any, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """One network: gradients of sum_p g_p f(x_p) by central differences, g at the current logits."""
    shapes = [(3, 2), (3, 3), (1, 3)]
    weights = [std * rng.standard_normal((1, *shape))[0] for std, shape in zip(NET.stds, shapes, strict=True)]
    start = [outputs(weights, NET, x) for x in X]
    course = []
    for _ in range(steps):
        g = loss(np.array([outputs(weights, NET, x)[-1][0] for x in X]))
        moves = []
        for w in weights:
            gradient = np.zeros_like(w)
            for place in np.ndindex(*w.shape):
                values = []
                for shift in (1e-5, -1e-5):
                    w[place] += shift
                    values.append(sum(g[p] * outputs(weights, NET, x)[-1][0] for p, x in enumerate(X)))
                    w[place] -= shift
                gradient[place] = (values[0] - values[1]) / 2e-5
            moves.append(gradient)
        for w, gradient, rate in zip(weights, moves, NET.rates, strict=True):
            w -= rate * direction(gradient)
        now = [outputs(weights, NET, x) for x in X]
        pairs = zip(now, start, strict=True)
        course.append(rms([[a - b for a, b in zip(one, two, strict=True)] for one, two in pairs]))
    return rms(start), np.array(course)


def rms(values: list[list[np.ndarray]]) -> np.ndarray:
    return np.array([np.sqrt(np.mean([point[layer] ** 2 for point in values])) for layer in range(3)])


@pytest.mark.parametrize("gradients", [GRADIENTS, logistic([1, -1, 1])], ids=["frozen", "logistic"])
@pytest.mark.parametrize("optimizer", ["sgd", "sign"])
def test_against_a_plain_network(gradients: Any, optimizer: str) -> None:
    loss = gradients if callable(gradients) else lambda f: gradients
    direction = np.sign if optimizer == "sign" else lambda gradient: gradient
    init, course = plain(np.random.default_rng(3), loss, direction, steps=3)
    sizes = train(NET, X, gradients, np.random.default_rng(3), seeds=1, steps=3, optimizer=optimizer)
    np.testing.assert_allclose(sizes.init[0], init, rtol=ROUNDING)
    np.testing.assert_allclose(sizes.change[0], course, rtol=DIFFERENCE)


def test_adam_is_the_algorithm_with_bias_corrections() -> None:
    rule, mean, square = Adam(), 0.0, 0.0
    for t, gradient in enumerate([0.5, -2.0, 1e-8, 3.0], start=1):
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        expected = mean / (1 - 0.9**t) / np.sqrt(square / (1 - 0.999**t))
        np.testing.assert_allclose(rule(np.array([gradient])), expected, rtol=ROUNDING)


def test_adam_begins_as_its_sign_and_ignores_the_scale_of_the_loss() -> None:
    one, two, scaled = (
        train(NET, X, g, np.random.default_rng(1), seeds=2, optimizer=name)
        for name, g in (("adam", GRADIENTS), ("sign", GRADIENTS), ("adam", 1e-4 * GRADIENTS))
    )
    np.testing.assert_allclose(one.change[:, 0], two.change[:, 0], rtol=ROUNDING)
    assert abs(one.change[:, 1] / two.change[:, 1] - 1).max() > 1e-3
    np.testing.assert_allclose(scaled.change, one.change, rtol=1e-9)


def test_a_batch_of_networks_is_each_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seeds drawn one by one come from the same stream."""
    monkeypatch.setattr("symlimits.finite.deep_training.BATCH_ENTRIES", NET.width**2)
    together = train(NET, X, GRADIENTS, np.random.default_rng(5), seeds=3)
    rng = np.random.default_rng(5)
    for seed in range(3):
        alone = train(NET, X, GRADIENTS, rng, seeds=1)
        np.testing.assert_array_equal(together.change[seed], alone.change[0])


@pytest.mark.parametrize(("optimizer", "power"), [("sgd", 2), ("sign", 1), ("adam", 1)])
def test_the_gauge_leaves_every_size(optimizer: str, power: int) -> None:
    """(a + t, b - t, c - 2t) is the same training for SGD, (a + t, b - t, c - t) for Adam."""
    a, b, c, shift = (-0.5, 0.25, 0.5), (0.5, 0.5, 0.0), (0.0, -0.5, 1.0), (0.3, -0.7, 1.1)
    moved = [np.subtract(c, np.multiply(power, shift)), np.subtract(b, shift), np.add(a, shift)]
    found = []
    for one, two, three in ((a, b, c), moved[::-1]):
        net = layers(16, one, two, three, inputs=2, base_width=4, optimizer=optimizer)
        found.append(train(net, X, GRADIENTS, np.random.default_rng(2), seeds=2, optimizer=optimizer))
    np.testing.assert_allclose(found[0].change, found[1].change, rtol=1e-9)
    np.testing.assert_allclose(found[0].init, found[1].init, rtol=1e-9)


def test_at_the_base_width_exponents_do_not_matter() -> None:
    one = layers(64, (0, 0, 0), (0, 0.5, 0.5), (1, 1, 1), inputs=3, base_width=64)
    assert one == layers(64, (0, 1, 1), (0, 0, 0), (-1, -2, -1), inputs=3, base_width=64)
    assert one.stds == pytest.approx((3**-0.5, 0.125, 0.125), rel=1e-15)


def test_mean_field_multipliers() -> None:
    """All multipliers 1/n, weights of order one: h^2 is a sum of n random terms over n."""
    small, large = (
        train(layers(n, (0, 1, 1), (0, 0, 0), (-1, -2, -1), 2, base_width=16), X, GRADIENTS, np.random.default_rng(0))
        for n in (16, 256)
    )
    ratio = np.log(large.init.mean(axis=0) / small.init.mean(axis=0)) / np.log(16)
    np.testing.assert_allclose(ratio, [0, -0.5, -1.0], atol=0.15)  # eight networks: logits are known to a third


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"X": np.ones(3)}, DataError),
        ({"X": np.full((3, 2), np.nan)}, DataError),
        ({"gradients": [1.0]}, DataError),
        ({"optimizer": "lion"}, DomainError),
        ({"optimizer": ["sgd"]}, DomainError),
        ({"seeds": 0}, DomainError),
        ({"steps": 0}, DomainError),
    ],
)
def test_doors(change: dict[str, Any], error: type[Exception]) -> None:
    arguments: dict[str, Any] = {"net": NET, "X": X, "gradients": GRADIENTS, "rng": np.random.default_rng(0)} | change
    with pytest.raises(error):
        train(**arguments)
    with pytest.raises(DataError):
        layers(8, (0, 0), (0,), (0, 0), inputs=1)
