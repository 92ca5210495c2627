"""The law of trained networks: against its lines, against other routes, and at the door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from mpmath import mp
from scipy.linalg import expm

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.linear_motion import lam
from symlimits.matrix_letters import eta, mass, mu, omega, steps, time
from symlimits.reading.matrix_value import matrix_value
from symlimits.theory.training.claims import mean_limit
from symlimits.theory.training.statements import critical_rate

NET = sl.mlp(depth=1, activation=act.relu, w_var=2, b_var=0)
RNG = np.random.default_rng(7)
X, Y, Z = INPUTS, TARGETS, _ = RNG.standard_normal((5, 3)), RNG.standard_normal((5, 2)), RNG.standard_normal((3, 3))
DIGITS = 30
ROUNDING = 1e-11  # of values of order one: the condition of the kernel, about 50, times some roundings
INF = float("inf")

TRAININGS: list[dict[str, Any]] = [
    {},
    {"kernel": "nngp"},
    {"momentum": 0.6},
    {"weight_decay": 0.03},
    {"momentum": 0.9, "weight_decay": 0.1, "lr": 0.7},
]
DURATIONS: list[dict[str, Any]] = [{}, {"time": 12.5}, {"steps": 40}]
LATER = [pytest.param(given, marks=pytest.mark.slow) for given in TRAININGS[1:]]


def as_matrix(values: np.ndarray) -> Any:
    return mp.matrix(values.tolist())


@pytest.mark.parametrize("given", [TRAININGS[0], *LATER], ids=str)
def test_it_is_what_the_lines_say(given: dict[str, Any]) -> None:
    X, Y = INPUTS[:3], TARGETS[:3]
    law = sl.trained_law(NET, X, Y, **{"lr": 0.5, **given})
    K = sl.nngp(NET)
    Theta = K if given.get("kernel") == "nngp" else sl.ntk(NET)
    W = Z[:1]
    places = {"x": X, "z": Z, "w": W}
    with mp.workdps(DIGITS):
        blocks = {f"K_{a}{b}": as_matrix(K(places[a], places[b])) for a in places for b in places}
        blocks |= {f"Theta_{a}{b}": as_matrix(Theta(places[a], places[b])) for a in places for b in places}
        blocks |= {"Y": as_matrix(Y)}
    training = law.training
    exact = [sp.Rational(str(v)) for v in (training.lr, training.momentum, training.weight_decay)]
    for duration in DURATIONS:
        numbers = dict(zip((eta, mu, omega), exact, strict=True)) | {mass: sp.Integer(Y.size)}
        numbers |= {time: sp.Rational(str(duration.get("time", 0))), steps: sp.Integer(duration.get("steps", 0))}
        for quantity, found in (
            ("mean", law.mean(Z, **duration)),
            ("covariance", law.covariance(Z, W, **duration)),
        ):
            value = matrix_value(law.derivation(quantity, **duration).expr, blocks, numbers, DIGITS)
            truth = np.array(value.tolist(), dtype=np.float64)
            assert found.shape == truth.shape
            assert np.abs(found - truth).max() < ROUNDING


def test_the_first_and_the_last_moment_of_training() -> None:
    law = sl.trained_law(NET, X, Y)
    K = sl.nngp(NET)
    assert np.array_equal(law.mean(Z, time=0), np.zeros((3, 2)))
    assert np.allclose(law.covariance(Z, time=0), K(Z), atol=ROUNDING)
    assert np.allclose(law.mean(X), Y, atol=ROUNDING)
    assert np.allclose(law.covariance(X), 0, atol=ROUNDING)
    assert np.allclose(law.mean(Z, time=1e7), law.mean(Z), atol=ROUNDING)


def test_another_route_by_matrix_exponentials() -> None:
    law = sl.trained_law(NET, X, Y, lr=0.3)
    K, Theta = sl.nngp(NET), sl.ntk(NET)
    A, a = Theta(X), Theta(Z, X)
    B = a @ np.linalg.inv(A) @ (np.eye(5) - expm(-A * 0.3 * 20 / Y.size))
    assert np.allclose(law.mean(Z, time=20), B @ Y, atol=ROUNDING)
    Sigma = K(Z) + B @ K(X) @ B.T - B @ K(X, Z) - K(Z, X) @ B.T
    assert np.allclose(law.covariance(Z, time=20), Sigma, atol=ROUNDING)


def test_cross_covariances_are_blocks_of_one_covariance() -> None:
    law = sl.trained_law(NET, X, Y, lr=0.5, momentum=0.3)
    both = law.covariance(np.concatenate([Z, X]), steps=9)
    assert np.allclose(law.covariance(Z, X, steps=9), both[:3, 3:], atol=ROUNDING)
    assert np.allclose(law.covariance(Z, Z, steps=9), both[:3, :3], atol=ROUNDING)
    assert np.linalg.eigvalsh(both).min() > -ROUNDING
    assert np.abs(both[:3, 3:]).max() > 0.01


def test_after_all_time_it_is_a_posterior_for_the_last_layer_only() -> None:
    posterior = sl.posterior(NET, X, Y, noise_var=0)
    last, whole = (sl.trained_law(NET, X, Y, kernel=kernel) for kernel in ("nngp", "ntk"))
    assert np.allclose(last.mean(Z), posterior.mean(Z), atol=ROUNDING)
    assert np.allclose(last.covariance(Z), posterior.covariance(Z), atol=ROUNDING)
    assert np.abs(whole.covariance(Z) - posterior.covariance(Z)).max() > 0.01
    Theta = sl.ntk(NET)
    pretended = Theta(Z) - Theta(Z, X) @ np.linalg.solve(Theta(X), Theta(X, Z))  # the posterior of a prior Theta
    assert np.abs(whole.covariance(Z) - pretended).max() > 0.01


def test_weight_decay_is_the_noise_of_the_posterior() -> None:
    law = sl.trained_law(NET, X, Y, kernel="nngp", weight_decay=0.2 / Y.size)
    assert np.allclose(law.mean(Z), sl.posterior(NET, X, Y, noise_var=0.2).mean(Z), atol=ROUNDING)


def test_the_critical_rate_parts_what_converges_from_what_does_not() -> None:
    for given in ({}, {"momentum": 0.8}, {"momentum": 0.5, "weight_decay": 0.4}):
        critical = sl.trained_law(NET, X, Y, **given).critical_lr
        below, above = (sl.trained_law(NET, X, Y, lr=c * critical, forced=True, **given) for c in (0.99, 1.01))
        assert np.allclose(below.mean(Z, steps=40_000), below.mean(Z), atol=1e-6)
        assert np.abs(above.mean(X, steps=4000)).max() > 1e6
        with pytest.raises(sl.errors.DomainError, match="above the critical rate"):
            sl.trained_law(NET, X, Y, lr=1.01 * critical, **given).mean(Z, steps=3)
    with pytest.raises(sl.errors.DomainError, match="overflow"):
        above.mean(Z, steps=10**9)


def test_the_critical_rate_is_the_derived_one() -> None:
    largest = float(np.linalg.eigvalsh(sl.ntk(NET)(X))[-1])
    for ball, decay in ((0.0, 0.0), (0.8, 0.0), (0.5, 0.4)):
        derived = critical_rate(bool(ball), bool(decay)).subs({lam: largest, mass: Y.size, mu: ball, omega: decay})
        found = sl.trained_law(NET, X, Y, momentum=ball, weight_decay=decay).critical_lr
        assert found == pytest.approx(float(derived), rel=ROUNDING)


def test_singular_kernels_are_refused_at_infinite_time_and_right_before() -> None:
    twice, targets = np.concatenate([X, X[:1]]), np.concatenate([Y, Y[:1] + 1])
    law = sl.trained_law(NET, twice, targets)
    with pytest.raises(sl.errors.DomainError, match="1 of 6 eigenvalues zero"):
        law.mean(Z)
    assert np.allclose(law.mean(twice[:1], time=1e7), targets[[0, 5]].mean(axis=0), atol=1e-6)  # rounding times time
    known = sl.trained_law(NET, twice, targets, rcond=1e-10)
    assert np.allclose(known.mean(twice[:1]), targets[[0, 5]].mean(axis=0), atol=ROUNDING)
    ridge = sl.trained_law(NET, twice, targets, weight_decay=1e-3)
    assert np.isfinite(ridge.mean(Z)).all()


def test_evidence_and_posterior_by_another_route() -> None:
    post = sl.posterior(NET, X, Y, noise_var=0.3)
    K = sl.nngp(NET)
    C = K(X) + 0.3 * np.eye(5)
    assert np.allclose(post.mean(Z), K(Z, X) @ np.linalg.solve(C, Y), atol=ROUNDING)
    Sigma = K(Z) - K(Z, X) @ np.linalg.solve(C, K(X, Z))
    assert np.allclose(post.covariance(Z), Sigma, atol=ROUNDING)
    log = -0.5 * (np.trace(Y.T @ np.linalg.solve(C, Y)) + 2 * np.linalg.slogdet(2 * np.pi * C)[1])
    assert post.log_evidence == pytest.approx(log, abs=1e-10)
    one = sl.posterior(NET, X, Y[:, :1], noise_var=0.3)
    same = sl.output_law(widths=()).posterior(K(X), Y[:, 0], 0.3)
    assert one.log_evidence == pytest.approx(same.log_evidence, abs=1e-10)
    assert "5 points" in repr(post)


FILTERS = sl.serial(sl.Conv((2,), 2, "1/10", padding="valid"), act.relu, sl.Flatten(), sl.Dense(2, "1/10"))


@pytest.mark.slow
def test_networks_of_images() -> None:
    """A filter as large as the image makes a dense network of it."""
    of_images = FILTERS
    dense = sl.mlp(1, act.relu, 2, "1/10")
    images, tests = RNG.standard_normal((5, 2, 2)), RNG.standard_normal((3, 2, 2))
    rows, points = images.reshape(5, -1), tests.reshape(3, -1)
    law, same = sl.trained_law(of_images, images, Y), sl.trained_law(dense, rows, Y)
    assert np.allclose(law.mean(tests, steps=20), same.mean(points, steps=20), atol=ROUNDING)
    assert np.allclose(law.covariance(tests, images, time=9), same.covariance(points, rows, time=9), atol=ROUNDING)
    post, known = sl.posterior(of_images, images, Y), sl.posterior(dense, rows, Y)
    assert np.allclose(post.covariance(tests), known.covariance(points), atol=ROUNDING)
    with pytest.raises(sl.errors.DataError, match="one size"):
        law.mean(tests[:, :1])
    with pytest.raises(sl.errors.DataError, match=r"\(n, W, C\)"):
        law.mean(points)
    with pytest.raises(sl.errors.NoRule, match="trained for real"):
        mean_limit(law, of_images, tests, 2, [1.0, 0.0, 0.0])


BAD: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "labels of one axis": (lambda: sl.trained_law(NET, X, Y[:, 0]), sl.errors.DataError, r"Y\[:, None\]"),
    "labels too few": (lambda: sl.trained_law(NET, X, Y[:3]), sl.errors.DataError, "a row of Y"),
    "NaN in X": (lambda: sl.trained_law(NET, X * np.nan, Y), sl.errors.DataError, "NaN"),
    "NaN in Y": (lambda: sl.trained_law(NET, X, Y * np.nan), sl.errors.DataError, "NaN"),
    "no network": (lambda: sl.trained_law(3, X, Y), sl.errors.DomainError, "a network"),  # type: ignore[arg-type]
    "kernel": (lambda: sl.trained_law(NET, X, Y, kernel="rbf"), sl.errors.DomainError, "'ntk' or 'nngp'"),
    "loss": (lambda: sl.trained_law(NET, X, Y, loss="hinge"), sl.errors.DomainError, "'mse' or 'xent'"),
    "lr": (lambda: sl.trained_law(NET, X, Y, lr=0), sl.errors.DomainError, "learning rate"),
    "momentum": (lambda: sl.trained_law(NET, X, Y, momentum=1), sl.errors.DomainError, "below 1"),
    "weight decay": (lambda: sl.trained_law(NET, X, Y, weight_decay=-1), sl.errors.DomainError, "zero or more"),
    "rcond": (lambda: sl.trained_law(NET, X, Y, rcond=2), sl.errors.DomainError, "rcond"),
    "forced": (lambda: sl.trained_law(NET, X, Y, forced=1), sl.errors.DomainError, "True or False"),  # type: ignore[arg-type]
    "noise": (lambda: sl.posterior(NET, X, Y, noise_var=-1), sl.errors.DomainError, "noise_var"),
    "posterior labels": (lambda: sl.posterior(NET, X, Y[:, 0]), sl.errors.DataError, "a row of k outputs"),
    "rows for images": (lambda: sl.trained_law(FILTERS, X, Y), sl.errors.DataError, "axes of pixels"),
    "images for rows": (lambda: sl.trained_law(NET, X[..., None], Y), sl.errors.DataError, "two axes"),
    "standard": (
        lambda: sl.trained_law(sl.mlp(1, act.relu, 2, 0, "standard", (8,)), X, Y, kernel="nngp"),
        sl.errors.DomainError,
        "NTK parameterisation",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_the_door(name: str) -> None:
    call, kind, words = BAD[name]
    with pytest.raises(kind, match=words) as caught:
        call()
    assert isinstance(caught.value, sl.SymlimitsError)
    assert "try:" in str(caught.value)


def test_times_and_steps_at_the_door() -> None:
    law = sl.trained_law(NET, X, Y)
    for given in ({"time": -1}, {"time": "x"}, {"time": True}, {"steps": -1}, {"steps": 2.5}, {"steps": True}):
        with pytest.raises(sl.SymlimitsError):
            law.mean(Z, **given)
    with pytest.raises(sl.errors.DomainError, match="one of the two"):
        law.covariance(Z, time=1, steps=1)
    for wrong in (Z[:, :2], Z[0], Z * np.nan, "Z"):
        with pytest.raises(sl.errors.DataError):
            law.mean(wrong, time=1)
    assert np.array_equal(law.mean(Z, time=INF), law.mean(Z))
    assert np.array_equal(law.mean(Z, time="1/2"), law.mean(Z, time=0.5))
    assert law.mean(Z.astype(np.float32), time=1).dtype == np.float64
