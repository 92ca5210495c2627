"""Training on the cross-entropy in the kernel regime: against other routes, conserved sums, and at the door."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import expit

import symlimits as sl
from symlimits import activations as act

NET = sl.mlp(depth=1, activation=act.relu, w_var=2, b_var=0)
RNG = np.random.default_rng(5)
X, Z = RNG.standard_normal((4, 3)), RNG.standard_normal((2, 3))
Y = np.eye(3)[[0, 1, 2, 0]]
INTEGRATED = 1e-6  # two integrations, each to 1e-9 a step


def law(**given: Any) -> Any:
    return sl.trained_law(NET, X, Y, loss="xent", **given)


def test_two_classes_are_the_logistic_equation() -> None:
    """h = f_1 - f_2 obeys h' = -2 eta/n Theta (sigmoid(h) - y): integrated apart."""
    y = np.array([1.0, 0.0, 1.0, 1.0])
    Theta = sl.ntk(NET)(X)
    flow = solve_ivp(
        lambda _, h: -2 * 0.3 / 4 * Theta @ (expit(h) - y), (0, 20), np.zeros(4), method="Radau", rtol=1e-10, atol=1e-12
    )
    found = sl.trained_law(NET, X, np.stack([y, 1 - y], axis=1), loss="xent", lr=0.3).outputs(X, time=20)
    assert np.abs(found[:, 0] - found[:, 1] - flow.y[:, -1]).max() < INTEGRATED


def test_sums_over_outputs_are_conserved() -> None:
    start = RNG.standard_normal((6, 3))
    for given in ({"time": 30.0}, {"steps": 40}):
        found = law(lr=0.4).outputs(Z, start=start, **given)
        assert np.allclose(found.sum(axis=1), start[4:].sum(axis=1), atol=INTEGRATED)
    decayed = law(lr=0.4, weight_decay=0.1).outputs(Z, steps=40, start=start)
    assert np.allclose(decayed.sum(axis=1), start[4:].sum(axis=1), atol=INTEGRATED)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_small_steps_are_the_flow(momentum: float) -> None:
    """First order in the step, at fixed friction over the root of the rate."""
    errors = []
    for h in (0.1, 0.05):
        friction = (1 - momentum) * h if momentum else 1.0
        scale = h**2 if momentum else h
        fine = law(lr=scale, momentum=1 - friction if momentum else 0.0)
        steps = round(8 / h)
        errors.append(np.abs(fine.outputs(Z, steps=steps) - fine.outputs(Z, time=steps)).max())
    assert 1.7 < errors[0] / errors[1] < 2.3


def test_training_learns_the_labels_and_decay_holds_it_back() -> None:
    found = law(lr=1.0).outputs(X, time=300)
    assert (found.argmax(axis=1) == Y.argmax(axis=1)).all()
    held = law(lr=1.0, weight_decay=0.1).outputs(X, time=300)
    assert np.abs(held).max() < np.abs(found).max()


def test_the_mean_is_that_of_paths_from_drawn_starts() -> None:
    trained = law(lr=0.4)
    assert np.allclose(trained.mean(Z, steps=0), 0, atol=1e-12)  # starts are drawn in pairs
    mean = trained.mean(Z, steps=30, members=512, seed=1)
    again = trained.mean(Z, steps=30, members=512, seed=2)
    assert np.abs(mean - again).max() < 0.1  # some eight standard errors
    assert np.abs(mean - trained.outputs(Z, steps=30)).max() > 1e-4  # the softmax is not linear


def test_the_door() -> None:
    for wrong in (Y[:, :1], 2 * Y, -Y + 0.5):
        with pytest.raises(sl.errors.DataError, match="probabilities"):
            sl.trained_law(NET, X, wrong, loss="xent")
    trained = law(lr=0.1)
    with pytest.raises(sl.errors.DomainError, match="infinite time"):
        trained.outputs(Z)
    with pytest.raises(sl.errors.ResourceError, match="fastest motion"):
        trained.outputs(Z, time=1e9)
    with pytest.raises(sl.errors.DataError, match="start of shape"):
        trained.outputs(Z, steps=1, start=np.zeros((2, 3)))
    with pytest.raises(sl.errors.DomainError, match="power of two"):
        trained.mean(Z, steps=1, members=3)
    with pytest.raises(sl.errors.DomainError, match="seed = -1"):
        trained.mean(Z, steps=1, seed=-1)
    with pytest.raises(sl.errors.DomainError, match="above the critical rate"):
        law(lr=1.01 * trained.critical_lr).outputs(Z, steps=1)
    assert "CrossEntropyLaw(4 points, 3 outputs" in repr(trained)
