"""Finite networks with one hidden layer: against a loop over neurons, and against numerical gradients."""

from __future__ import annotations

import numpy as np
import pytest

from symlimits.errors import DomainError
from symlimits.finite.frozen_training import REFERENCE, FrozenTraining, kernel, problem, sizes
from symlimits.finite.one_hidden import OneHidden, Weights, WidthPowers, draw, frozen, logistic, train

ROUNDING = 1e-12  # sums of some hundred terms of order one
DIFFERENCE = 1e-6  # of a central difference: its own error is of order 1e-9
NET = OneHidden(np.tanh, lambda z: 1 - np.tanh(z) ** 2, sigma=0.3, rates=(0.7, 0.4))


def loss(weights: Weights, X: np.ndarray, y: np.ndarray) -> float:
    f = NET.sigma * sum(a * np.tanh(X @ w) for a, w in zip(weights.a[0], weights.w[0], strict=True))
    return float(np.log1p(np.exp(-y * f)).mean())


def test_a_step_follows_the_numerical_gradient() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((5, 3)), np.array([1.0, -1, 1, 1, -1])
    first = draw(1, 4, 3, rng)
    *_, last = train(NET, first, X, 1, logistic(y))
    for name, rate in (("a", NET.rates[0]), ("w", NET.rates[1])):
        start = getattr(first, name)
        slope = np.zeros(start.shape)
        for index in np.ndindex(start.shape):
            ends = []
            for side in (1, -1):
                moved = {"a": first.a.copy(), "w": first.w.copy()}
                moved[name][index] += side * 1e-5
                ends.append(loss(Weights(**moved), X, y))
            slope[index] = (ends[0] - ends[1]) / 2e-5
        step = getattr(last.weights, name) - start
        assert np.abs(step + rate * slope).max() < DIFFERENCE
        assert np.abs(step).max() > 1000 * DIFFERENCE, "a test of nothing"


def test_networks_are_independent_of_each_other() -> None:
    rng = np.random.default_rng(1)
    X, g = rng.standard_normal((4, 3)), rng.standard_normal((2, 4))
    first = draw(3, 8, 3, rng)
    together = [state.logits for state in train(NET, first, X, 2, frozen(g))]
    for k in range(3):
        alone = train(NET, Weights(first.a[k : k + 1], first.w[k : k + 1]), X, 2, frozen(g))
        for state, all_logits in zip(alone, together, strict=True):
            assert np.abs(state.logits[0] - all_logits[k]).max() < ROUNDING


def test_further_points_do_not_train() -> None:
    rng = np.random.default_rng(2)
    X, Z, y = rng.standard_normal((4, 3)), rng.standard_normal((6, 3)), np.array([1.0, -1, 1, -1])
    first = draw(2, 8, 3, rng)
    *_, alone = train(NET, first, X, 3, logistic(y))
    *_, both = train(NET, first, X, 3, logistic(y), at=Z)
    assert both.logits.shape == (2, 10)
    assert np.abs(both.logits[:, :4] - alone.logits).max() < ROUNDING


def test_parts_add_up_and_the_kernel_is_that_of_gradients() -> None:
    X, g = problem()
    powers = WidthPowers(-0.5, 0, 0)
    net = powers.net(NET.phi, NET.slope, 16)
    first = draw(2, 16, X.shape[1], np.random.default_rng(3))
    begin, *_, end = train(net, first, X, 3, frozen(g))
    found = sizes(net, begin, end, X)
    change = np.sqrt(((end.logits - begin.logits) ** 2).mean(axis=1))
    assert np.abs(found["f_change"] - change).max() < ROUNDING
    inner = first.w @ X.T
    jacobian_a = net.sigma * np.tanh(inner)
    jacobian_w = (net.sigma * first.a[..., None] * net.slope(inner))[:, :, None, :] * X.T
    expected = np.einsum("sri,srj->sij", jacobian_a, jacobian_a) + np.einsum("srpi,srpj->sij", jacobian_w, jacobian_w)
    assert np.abs(kernel(net, first, begin.features, X) - expected).max() < ROUNDING * 100


def test_the_start_has_a_scale_of_its_own() -> None:
    X, g = problem()
    powers = WidthPowers(-1, 1, 1, q_start=-0.5)
    first = draw(1, 64, X.shape[1], np.random.default_rng(4))
    corrected = list(train(powers.net(NET.phi, NET.slope, 64), first, X, 2, frozen(g)))
    plain = list(train(WidthPowers(-1, 1, 1).net(NET.phi, NET.slope, 64), first, X, 2, frozen(g)))
    assert np.abs(corrected[0].logits - 8 * plain[0].logits).max() < ROUNDING
    moved, expected = (states[2].logits - states[0].logits for states in (corrected, plain))
    assert np.abs(moved - expected).max() < ROUNDING


def test_draws_do_not_depend_on_how_many_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = FrozenTraining(NET.phi, NET.slope, WidthPowers(-1, 1, 1), "delta_a", nets=6)
    assert experiment(REFERENCE, np.random.default_rng(0)).shape == (6,)
    monkeypatch.setattr("symlimits.finite.frozen_training.LARGEST", 1)
    assert experiment(REFERENCE, np.random.default_rng(0)).shape == (6,)


def test_refusals() -> None:
    with pytest.raises(DomainError, match="one of f_init"):
        FrozenTraining(NET.phi, NET.slope, WidthPowers(-1, 1, 1), "loss")
