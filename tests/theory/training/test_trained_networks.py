"""Finite networks, trained for real, beside the laws: three widths, both error rates fixed, and wrong claims."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symlimits as sl
from symlimits import activations as act
from symlimits.finite.network import empirical_kernels
from symlimits.finite.trained_networks import Recipe, TrainedOutputs, drawn, forward, step, trained_outputs
from symlimits.theory.training.claims import mean_limit, variance_limit

RELU = sl.mlp(depth=1, activation=act.relu, w_var=2, b_var=0)
ERF = sl.mlp(depth=1, activation=act.erf, w_var=2, b_var="1/10")
RNG = np.random.default_rng(1)
X, Y = RNG.standard_normal((4, 3)), np.array([[1.0], [-1.0], [0.5], [0.0]])
Z = np.concatenate([RNG.standard_normal((2, 3)), X[:1]])  # the last is a training input
WIDTHS = (16, 32, 64)
DIFFERENCE = 1e-6  # of central differences: their error is its square, rounding is 1e-16 over it
EXACT = 1e-12  # two routes in floats


def trained(steps: int = 6, **given: Any) -> sl.Limit:
    return mean_limit(sl.trained_law(RELU, X, Y, lr=0.2, **given), RELU, Z, steps, [1.0, 0.5, -0.5])


def test_means_of_networks() -> None:
    found = trained().certify(sizes=WIDTHS, seed=1)
    assert found.ok
    assert "control rejected" in found.links[0].summary


def test_a_law_of_another_rate_is_rejected() -> None:
    """The mean that 3 steps would give, claimed of 6."""
    claim = trained(6)
    wrong = trained(3)
    assert not sl.limit(wrong.expr, experiment=claim.experiment, order=1).certify(sizes=WIDTHS, seed=1).ok


@pytest.mark.slow
@pytest.mark.parametrize(
    "given",
    [{"kernel": "nngp"}, {"momentum": 0.6}, {"weight_decay": 0.2}, {"momentum": 0.5, "weight_decay": 0.1}],
    ids=str,
)
def test_means_of_other_trainings(given: dict[str, Any]) -> None:
    assert trained(12, **given).certify(sizes=WIDTHS, seed=2).ok


@pytest.mark.slow
@pytest.mark.parametrize("given", [{}, {"kernel": "nngp"}, {"momentum": 0.6}], ids=str)
@pytest.mark.parametrize("weights", [[1.0, 0.0, 0.0], [1.0, -1.0, 0.0], [1.0, 0.0, 1.0]], ids=str)
def test_covariances_with_cross_terms(given: dict[str, Any], weights: list[float]) -> None:
    """Sums of two outputs: at two test inputs, at a test and a training input."""
    law = sl.trained_law(ERF, X, Y, lr=0.3, **given)
    assert variance_limit(law, ERF, Z, 5, weights).certify(sizes=WIDTHS, seed=3).ok


@pytest.mark.slow
def test_what_is_left_out_is_seen() -> None:
    """Without the cross terms of test and training inputs the claim is rejected."""
    law = sl.trained_law(ERF, X, Y, lr=0.3)
    K = sl.nngp(ERF)
    B = np.column_stack([sl.trained_law(ERF, X, e[:, None], lr=0.3).mean(Z, steps=5)[:, 0] for e in np.eye(4)])
    without = K(Z) + B @ K(X) @ B.T
    assert not variance_limit(law, ERF, Z, 5, [1.0, 0, 0], without).certify(sizes=WIDTHS, seed=4).ok


@pytest.mark.slow
def test_networks_trained_to_the_end_are_no_posterior() -> None:
    """Of data where the two differ by half; the law at 30 steps is within 2 % of that at infinite time."""
    inputs, tests, targets = np.array([[1.2, 2.0], [-0.1, -0.2], [1.1, 0.1]]), np.array([[0.4, 0.8]]), np.ones((3, 1))
    rate = 0.3 * sl.trained_law(ERF, inputs, targets).critical_lr
    law = sl.trained_law(ERF, inputs, targets, lr=rate)
    wrong = sl.posterior(ERF, inputs, targets, noise_var=0).covariance(tests)
    end = law.covariance(tests)[0, 0]
    assert wrong[0, 0] < 0.65 * end
    assert law.covariance(tests, steps=30)[0, 0] == pytest.approx(end, rel=0.02)
    widths = (32, 64, 128)  # at 16 the bias has terms beyond 1/N
    assert variance_limit(law, ERF, tests, 30, [1.0]).certify(sizes=widths, seed=5).ok
    assert not variance_limit(law, ERF, tests, 30, [1.0], wrong).certify(sizes=widths, seed=5).ok


def test_gradients_are_those_of_the_loss() -> None:
    """Central differences of the loss in every kind of weight, two outputs, two hidden layers."""
    net = sl.mlp(depth=2, activation=act.erf, w_var=2, b_var=1)
    targets = RNG.standard_normal((4, 2))
    layers = drawn(net, 3, 2, 5, 2, np.random.default_rng(0))

    def loss() -> float:
        return float(0.5 * ((forward(layers, X.T[None]) - targets.T) ** 2).mean(axis=(1, 2)).sum())

    step(layers, (forward(layers, X.T[None]) - targets.T) / targets.size, Recipe(0.0, 1))
    for layer in layers[::2]:
        for theta, gradient in zip(layer.theta, layer.gradients, strict=True):  # type: ignore[attr-defined]
            theta[1, 0, 0] += DIFFERENCE
            high = loss()
            theta[1, 0, 0] -= 2 * DIFFERENCE
            low = loss()
            theta[1, 0, 0] += DIFFERENCE
            assert gradient[1, 0, 0] == pytest.approx((high - low) / (2 * DIFFERENCE), abs=1e-8)


def test_small_steps_move_outputs_by_the_tangent_kernel_of_the_network() -> None:
    """One step of a tiny rate: f - f_0 = -lr/n Theta_hat (f_0 - Y), Theta_hat of the same weights."""
    rate, width = 1e-7, 16
    start = trained_outputs(ERF, X, Y, X, Recipe(rate, 0), width, 400, np.random.default_rng(3))
    moved = trained_outputs(ERF, X, Y, X, Recipe(rate, 1), width, 400, np.random.default_rng(3))
    pairs = -(moved - start)[..., 0] * len(X) / rate  # Theta_hat (f_0 - Y)
    expected = [empirical_kernels(ERF, X, width, np.random.default_rng(seed))[1] for seed in range(400)]
    theta = np.mean(expected, axis=0)
    # E Theta_hat (f_0 - Y) = -E Theta_hat Y, for Theta_hat is even in the last layer and f_0 is odd
    error = pairs.std(axis=0) / 20 + np.std(expected, axis=0).sum(axis=1) / 20
    assert (np.abs(pairs.mean(axis=0) + theta @ Y[:, 0]) < 6 * error).all()


def test_pairs_cancel_at_the_start() -> None:
    draw = TrainedOutputs(
        RELU, *(tuple(map(tuple, a.tolist())) for a in (X, Y, Z)), Recipe(0.1, 0), (1.0, 2.0, 3.0), pairs=True
    )
    assert np.abs(draw(8, np.random.default_rng(0))).max() < EXACT


def test_last_layer_training_leaves_the_others() -> None:
    layers = drawn(ERF, 3, 1, 4, 2, np.random.default_rng(0))
    before = [layer.theta[0].copy() for layer in (layers[0], layers[2])]  # type: ignore[attr-defined]
    step(layers, forward(layers, X.T[None]) - Y.T, Recipe(0.1, 1, last_layer=True))
    assert np.array_equal(layers[0].theta[0], before[0])  # type: ignore[attr-defined]
    assert not np.array_equal(layers[2].theta[0], before[1])  # type: ignore[attr-defined]


def test_the_doors_of_experiments() -> None:
    law = sl.trained_law(RELU, X, Y)
    with pytest.raises(sl.errors.DataError, match="one for each row"):
        mean_limit(law, RELU, Z, 3, [1.0])
    with pytest.raises(sl.errors.DomainError, match="whole number of steps"):
        mean_limit(law, RELU, Z, 2.5, [1.0, 0.0, 0.0])  # type: ignore[arg-type]
    with pytest.raises(sl.errors.DomainError, match="NTK parameterisation"):
        drawn(sl.mlp(1, act.relu, 2, 0, "standard", (8,)), 3, 1, 4, 1, np.random.default_rng(0))
    with pytest.raises(sl.errors.DataError, match="a row of Y for each"):
        TrainedOutputs(RELU, ((1.0,),), ((1.0,), (2.0,)), ((1.0,),), Recipe(0.1, 1), (1.0,))
