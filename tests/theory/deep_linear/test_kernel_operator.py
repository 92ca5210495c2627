"""The kernel operator: what it says of the end of training, and of rates that are too large."""

from __future__ import annotations

import numpy as np
import pytest

from symlimits.errors import DomainError
from symlimits.theory.deep_linear.lazy import gradient_descent
from symlimits.theory.deep_linear.operator import (
    critical_rate,
    kernel_operator,
    late_factor,
    minimiser,
    operator_at,
    spectrum,
)

RATE = 1e-6  # of a factor that errors of 1e-10 tell, above the rounding of predictors of size one


def problem(rank: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    X, target = rng.standard_normal((3, rank)), rng.standard_normal((2, 3))
    Sxx = X @ X.T / np.linalg.norm(X, 2) ** 2
    return Sxx, target @ Sxx


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_the_late_factor_of_the_error(depth: int, rank: int) -> None:
    Sxx, Syx = problem(rank)
    lr = 0.4 * critical_rate(depth, Sxx, Syx)
    path = gradient_descent(depth, Sxx, Syx, lr, 1500)
    away = np.linalg.norm((path.predictors - minimiser(Sxx, Syx)) @ Sxx, axis=(1, 2))
    late = np.flatnonzero((away < 1e-7 * away[0]) & (away > 1e-9 * away[0]))[:-1]
    factor = late_factor(operator_at(path, Sxx), lr)
    assert len(late) > 3
    assert np.abs(away[late[-1] + 1] / away[late[-1]] - factor) < 1e-3
    assert abs((away[late[-1]] / away[late[0]]) ** (1 / (late[-1] - late[0])) - factor) < 1e-3


def test_the_late_factor_to_six_digits() -> None:
    path = gradient_descent(2, [[1.0]], [[2.0]], 0.05, 60)
    away = np.abs(path.predictors.ravel() - 2)
    (place, *_) = np.flatnonzero(away < 1e-9)
    found = away[place] / away[place - 1]
    assert abs(found - late_factor(operator_at(path, [[1.0]]), 0.05)) < RATE


def test_at_the_start_it_is_the_tangent_kernel() -> None:
    Sxx, _ = problem(3)
    K = kernel_operator([np.eye(3)] * 4, [np.eye(2)] * 4, Sxx)
    np.testing.assert_allclose(np.linalg.eigvalsh(K), np.repeat(4 * np.linalg.eigvalsh(Sxx), 2), atol=1e-12)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_rates_beyond_the_critical_one_do_not_end_there(depth: int) -> None:
    """Below it the minimiser of the flow is reached; well above it the path oscillates or diverges."""
    rate = critical_rate(depth, [[1.0]], [[2.0]])
    path = gradient_descent(depth, [[1.0]], [[2.0]], 0.95 * rate, 400)
    assert abs(path.predictors[-1, 0, 0] - 2) < 1e-9
    assert late_factor(operator_at(path, [[1.0]]), 0.95 * rate) < 1
    try:
        end = gradient_descent(depth, [[1.0]], [[2.0]], 1.6 * rate, 60).predictors[-3:, 0, 0]
        assert np.abs(end - 2).max() > 0.01
    except DomainError:
        pass


def test_critical_rates() -> None:
    """Known for one hidden layer: K = P + Q; and smaller for larger targets and more layers."""
    for target in (0.5, 2.0):
        found = critical_rate(1, [[1.0]], [[target]])
        assert abs(found * (1 + target**2) ** 0.5 - 1) < 1e-8
    rates = [critical_rate(depth, [[1.0]], [[2.0]]) for depth in (1, 2, 3)]
    assert rates[0] > rates[1] > rates[2]
    assert critical_rate(2, [[1.0]], [[3.0]]) < rates[1]
    with pytest.raises(DomainError, match="range"):
        critical_rate(1, np.diag([1.0, 0.0]), [[1.0, 1.0]])


def test_rcond_says_which_directions_count() -> None:
    S = np.diag([1.0, 1e-8])
    assert len(spectrum(S).values) == 2
    assert len(spectrum(S, rcond=1e-6).values) == 1
    np.testing.assert_allclose(minimiser(S, [[1.0, 1e-8]]), [[1.0, 1.0]])
    np.testing.assert_allclose(minimiser(S, [[1.0, 1e-8]], rcond=1e-6), [[1.0, 0.0]])
    with pytest.raises(DomainError, match="rcond"):
        spectrum(S, rcond=-1.0)
