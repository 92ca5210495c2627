"""The kernel operator: what it says of the end of training, and of rates that are too large."""

from __future__ import annotations

import numpy as np
import pytest

from symlimits.errors import DomainError
from symlimits.theory.deep_linear.flow import converged
from symlimits.theory.deep_linear.lazy import gradient_descent
from symlimits.theory.deep_linear.operator import critical_rate, kernel_operator, late_factor, operator_at
from symlimits.theory.deep_linear.problem import problem as problem_of
from symlimits.theory.deep_linear.spectrum import minimiser, spectrum

RATE = 1e-6  # of a factor that errors of 1e-10 tell, above the rounding of predictors of size one

FLOW = 1e-5  # the flow ends where the residual is 1e-7 of what it was
LATE = 1e-4  # of errors below 1e-6, whose squares are not seen, along the mode that is left last


def problem(rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Data that are not aligned, so that the error meets every mode."""
    rng = np.random.default_rng(3)
    Q, target = np.linalg.qr(rng.standard_normal((3, 3)))[0], rng.standard_normal((2, 3))
    Sxx = Q * np.array([1.0, 0.6, 0.3 if rank == 3 else 0.0]) @ Q.T
    return Sxx, target @ Sxx


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize(
    ("depth", "lr"), [(1, 0.2), (2, 0.1), (3, 0.06), pytest.param(4, 0.04, marks=pytest.mark.slow)]
)
def test_the_late_factor_of_the_error(depth: int, lr: float, rank: int) -> None:
    Sxx, Syx = problem(rank)
    path = gradient_descent(depth, Sxx, Syx, lr, 250)
    away = np.linalg.norm((path.predictors - minimiser(Sxx, Syx)) @ Sxx, axis=(1, 2))
    late = np.flatnonzero((away < 1e-6 * away[0]) & (away > 1e-10 * away[0]))
    values, vectors = spectrum(Sxx)
    whitened = ((path.predictors - minimiser(Sxx, Syx)) @ vectors * np.sqrt(values)).reshape(len(away), -1)
    eigenvalues, modes = np.linalg.eigh(operator_at(path, Sxx))
    along = whitened @ modes[:, np.abs(1 - lr * eigenvalues).argmax()]
    factor, found = late_factor(operator_at(path, Sxx), lr), abs(along[late[-1]] / along[late[-2]])
    assert len(late) > 10
    assert abs(found - factor) < LATE
    assert abs(found - late_factor(operator_at(path, Sxx, 0), lr)) > 100 * LATE  # the control


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
        assert abs(found * (1 + target**2) ** 0.5 - 1) < FLOW
    rates = [critical_rate(depth, [[1.0]], [[2.0]]) for depth in (1, 2, 3)]
    assert rates[0] > rates[1] > rates[2]
    assert critical_rate(2, [[1.0]], [[3.0]]) < rates[1]
    with pytest.raises(DomainError, match="range"):
        critical_rate(1, np.diag([1.0, 0.0]), [[1.0, 1.0]])


@pytest.mark.parametrize("target", [1e-2, 1e-4, 1e-9])
def test_small_targets_have_the_rate_of_the_tangent_kernel(target: float) -> None:
    """K moves by the square of the target from (L + 1) Sxx; a target below the integrator's tolerance ends at once."""
    assert abs(critical_rate(2, [[1.0]], [[target]]) * 3 / 2 - 1) < target**2 + FLOW


@pytest.mark.parametrize("depth", [1, 2])
def test_what_rounding_leaves_outside_of_the_range_is_no_target(depth: int) -> None:
    """Up to what the problem counts as rounding; its note and the critical rate agree."""
    flat, inside = np.diag([1.0, 0.0]), critical_rate(depth, np.diag([1.0, 0.0]), [[1.0, 0.0]])
    for part in (1e-8, 1.3e-7):
        assert problem_of(flat, [[1.0, part]]).note == ""
        assert abs(critical_rate(depth, flat, [[1.0, part]]) / inside - 1) < FLOW
    assert problem_of(flat, [[1.0, 1e-6]]).note
    with pytest.raises(DomainError, match="range"):
        critical_rate(depth, flat, [[1.0, 1e-6]])


def test_one_hidden_layer_needs_no_flow() -> None:
    """The closed form at the minimiser against the end of the flow, on data that are not aligned."""
    Sxx, Syx = problem(2)
    K = operator_at(converged(1, Sxx, Syx), Sxx)
    assert abs(critical_rate(1, Sxx, Syx) * np.linalg.eigvalsh(K).max() / 2 - 1) < FLOW


def test_rcond_says_which_directions_count() -> None:
    S = np.diag([1.0, 1e-8])
    assert len(spectrum(S).values) == 2
    assert len(spectrum(S, rcond=1e-6).values) == 1
    np.testing.assert_allclose(minimiser(S, [[1.0, 1e-8]]), [[1.0, 1.0]])
    np.testing.assert_allclose(minimiser(S, [[1.0, 1e-8]], rcond=1e-6), [[1.0, 0.0]])
    with pytest.raises(DomainError, match="rcond"):
        spectrum(S, rcond=-1.0)
