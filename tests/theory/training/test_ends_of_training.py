"""Where training ends: in a posterior for the last layer alone, in none for all layers; and what is refused there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import symlimits as sl
from symlimits import activations as act
from symlimits.errors import DataError, DomainError, SymlimitsError

NET = sl.mlp(depth=1, activation=act.relu, w_var=2, b_var=0)
RNG = np.random.default_rng(11)
X, Y, Z = RNG.standard_normal((5, 3)), RNG.standard_normal((5, 2)), RNG.standard_normal((3, 3))
NOISES = (0.0, 1e-3, 1e-2, 0.1, 0.3, 1.0, 3.0, 10.0)
APART = 1e-3  # of the covariance's size: eight decades above rounding


def posterior(prior: sl.Limit, noise: float) -> np.ndarray:
    return np.asarray(prior(Z) - prior(Z, X) @ np.linalg.solve(prior(X) + noise * np.eye(5), prior(X, Z)))


def test_the_end_for_all_layers_is_no_posterior() -> None:
    """Of the NNGP or of the NTK as a prior, whatever the noise and the scale of the prior are."""
    end = sl.trained_law(NET, X, Y).covariance(Z)
    for prior in (sl.nngp(NET), sl.ntk(NET)):
        for noise in NOISES:
            claimed = posterior(prior, noise)
            scale = (claimed * end).sum() / (claimed**2).sum()  # the best there is
            assert np.linalg.norm(scale * claimed - end) > APART * np.linalg.norm(end)
    last = sl.trained_law(NET, X, Y, kernel="nngp").covariance(Z)
    assert np.linalg.norm(posterior(sl.nngp(NET), 0) - last) < 1e-10


def test_training_the_last_layer_tends_to_the_posterior() -> None:
    """The distance falls at least as fast as the slowest mode, in the covariance as its square."""
    law, end = sl.trained_law(NET, X, Y, kernel="nngp"), sl.posterior(NET, X, Y, noise_var=0)
    slowest = law.training.lr * law.spectrum.values[0] / law.training.entries
    times = np.array([6.0, 8.0, 10.0]) / slowest
    for distances in (
        [np.abs(law.mean(Z, time=t) - end.mean(Z)).max() for t in times],
        [np.abs(law.covariance(Z, time=t) - end.covariance(Z)).max() ** 0.5 for t in times],
    ):
        assert (np.diff(np.log(distances)) < -2.0).all()
        assert distances[-1] < 1e-4


def test_kernels_that_are_kept_are_those_of_the_inputs() -> None:
    law, other, moving = sl.trained_law(NET, X, Y), Z + 1, Z.copy()
    apart = [sl.trained_law(NET, X, Y).mean(inputs) for inputs in (Z, other)]
    assert np.array_equal(law.mean(moving), apart[0])
    moving += 1
    assert np.array_equal(law.mean(moving), apart[1])
    law.covariance(Z, other)
    assert np.array_equal(law.mean(Z), apart[0])
    assert np.array_equal(law.covariance(Z), sl.trained_law(NET, X, Y).covariance(Z))


@pytest.mark.parametrize("given", [{}, {"momentum": 0.9}, {"momentum": 0.99}], ids=str)
def test_a_mode_that_stands_still_is_not_made_of_rounding(given: dict[str, float]) -> None:
    """Of a point that has two targets nothing but their mean is learned, however late."""
    X, Y = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), np.array([[1.0], [0.5], [-1.0]])
    net = sl.mlp(2, act.relu, 2, "1/10")
    mean = sl.trained_law(net, X[:2], np.array([[0.0], [0.5]])).mean(Z[:, :2])
    law, without = (sl.trained_law(net, X, Y, **given, **more) for more in ({}, {"rcond": 1e-12}))
    assert np.allclose(law.mean(Z[:, :2], time=1e5), mean, atol=1e-6)
    for time in (1e12, 1e18, 1e100, 1e300):
        assert np.allclose(without.mean(Z[:, :2], time=time), mean, atol=1e-12)
        with pytest.raises(DomainError, match="1 of 3 eigenvalues zero"):
            law.mean(Z[:, :2], time=time)


LAW = sl.trained_law(NET, X, Y)
POSTERIOR = sl.posterior(NET, X, Y)
XENT = sl.trained_law(NET, X, np.eye(2)[[0, 1, 0, 1, 0]], loss="xent", weight_decay=0.1)
TWICE, OPPOSED = np.concatenate([X, X[:1]]), np.concatenate([Y, -Y[:1]])
BAD: dict[str, tuple[Callable[[], object], type[SymlimitsError], str]] = {
    "Z of a law": (lambda: LAW.mean(Z[:, :2]), DataError, "2 columns, for training inputs of 3"),
    "Z of a covariance": (lambda: LAW.covariance(Z[0]), DataError, "Z"),
    "W of a covariance": (lambda: LAW.covariance(Z, Z[:, :2]), DataError, "W of 2 columns"),
    "Z of a posterior": (lambda: POSTERIOR.mean(Z[:, :2]), DataError, "2 columns"),
    "Z of a posterior's covariance": (lambda: POSTERIOR.covariance(np.ones((2, 4))), DataError, "4 columns"),
    "Z of the cross-entropy": (lambda: XENT.outputs(Z[:, :2], steps=1), DataError, "2 columns"),
    "Z of the mean cross-entropy": (lambda: XENT.mean(Z[:, :2], steps=1), DataError, "2 columns"),
    "labels as classes": (lambda: sl.trained_law(NET, X, [0, 1, 0, 1, 0], loss="xent"), DataError, "a row of k"),
    "labels as text": (lambda: sl.trained_law(NET, X, "labels"), DataError, "Y"),
    "labels of three axes": (lambda: sl.trained_law(NET, X, Y[:, :, None]), DataError, "Y"),
    "a negative time": (lambda: LAW.covariance(Z, time=-0.1), DomainError, "zero or more"),
    "a negative time of the cross-entropy": (lambda: XENT.outputs(Z, time=-1), DomainError, "zero or more"),
    "negative steps": (lambda: XENT.mean(Z, steps=-1), DomainError, "a whole number of steps"),
    "a singular kernel": (lambda: sl.trained_law(NET, TWICE, OPPOSED).covariance(Z), DomainError, "rcond=1e-12"),
    "a posterior of opposed data": (lambda: sl.posterior(NET, TWICE, OPPOSED, noise_var=0), DomainError, "noise"),
    "lr above the critical one": (
        lambda: sl.trained_law(NET, X, Y, lr=1.01 * LAW.critical_lr).covariance(Z, steps=1), DomainError, "forced=True",
    ),
    "no inputs": (lambda: sl.trained_law(NET, np.empty((0, 3)), np.empty((0, 1))), DataError, "X"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_the_door(name: str) -> None:
    call, kind, words = BAD[name]
    with pytest.raises(kind, match=words) as caught:
        call()
    assert "try:" in str(caught.value)
