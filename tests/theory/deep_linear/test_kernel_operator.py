"""The kernel operator: what it says of the end of training, and of rates that are too large."""

from __future__ import annotations

import numpy as np
import pytest

from symlimits.errors import DataError, DomainError, ResourceError
from symlimits.theory.deep_linear.flow import gradient_flow
from symlimits.theory.deep_linear.flow_end import flow_end
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


@pytest.mark.parametrize("depth", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_the_end_of_the_flow_by_two_integrators(depth: int) -> None:
    """Implicit steps to the end, or the closed form of one layer, against the flow at a late time."""
    Sxx, Syx = problem(2)
    late = gradient_flow(depth, Sxx, Syx, [25.0], rtol=1e-8)
    assert np.abs(late.errors).max() < FLOW
    for found, wanted in zip(flow_end(depth, problem_of(Sxx, Syx)), late.grams_at(), strict=True):
        for Gram, truth in zip(found, wanted, strict=True):
            np.testing.assert_allclose(Gram, truth, atol=FLOW)
    K = operator_at(late, Sxx)
    assert abs(critical_rate(depth, Sxx, Syx) * np.linalg.eigvalsh(K).max() / 2 - 1) < FLOW
    assert abs(late.critical_rate / critical_rate(depth, Sxx, Syx) - 1) < FLOW


@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize("condition", [1e1, 1e4, 1e10])
def test_data_of_any_condition(depth: int, condition: float) -> None:
    """Aligned modes decouple: where one ends is said by its target, which floats hold to 1e-6, not by its time."""
    variances, slopes = np.array([1.0, 1 / condition]), np.array([1.5, -2.0])
    ends = [flow_end(depth, problem_of([[1.0]], [[slope]])) for slope in slopes]
    Phi, G = ([[float(Gram[0, 0]) for Gram in end[side]] for end in ends] for side in (0, 1))
    modes = [variances[j] * np.dot(G[i], Phi[j]) for i in range(2) for j in range(2)]
    Q, W = (np.linalg.qr(np.random.default_rng(seed).standard_normal((2, 2)))[0] for seed in (0, 1))
    Sxx = W * variances @ W.T
    found = critical_rate(depth, (Sxx + Sxx.T) / 2, Q * (slopes * variances) @ W.T)
    assert abs(found * max(modes) / 2 - 1) < FLOW
    fast = critical_rate(depth, [[1.0]], [[slopes[0]]])
    assert abs(found / fast - 1) > 0.05  # the control: the slow mode counts, through the Grams of the outputs


@pytest.mark.parametrize("depth", [1, 2])
def test_units_and_numbers_beyond_the_floats(depth: int) -> None:
    """A rate goes by the unit of Sxx; what no float holds is refused in words."""
    one = critical_rate(depth, [[1.0]], [[2.0]])
    for unit in (1e-140, 1e140):
        assert abs(critical_rate(depth, [[unit]], [[2 * unit]]) * unit / one - 1) < FLOW
    with pytest.raises(DataError, match="entries up to 1e\\+160"):
        critical_rate(depth, [[1e160]], [[1.0]])
    with pytest.raises(DomainError, match=r"minimiser with entries up to 1e\+280"):
        critical_rate(depth, [[1e-140]], [[1e140]])


def test_what_counts_as_zero_does_not_count() -> None:
    Sxx, Syx = np.diag([1.0, 1e-9]), np.array([[1.0, 2e-9]])
    alone = critical_rate(2, np.diag([1.0, 0.0]), [[1.0, 0.0]])
    assert abs(critical_rate(2, Sxx, Syx, rcond=1e-6) / alone - 1) < FLOW
    assert abs(critical_rate(2, Sxx, Syx) / alone - 1) > 0.05


def test_without_data_no_rate_is_critical() -> None:
    assert critical_rate(2, np.zeros((2, 2)), np.zeros((1, 2))) == np.inf


def test_a_flow_that_does_not_end_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symlimits.theory.deep_linear.flow_end.STEPS", 3)
    with pytest.raises(ResourceError, match="not ended after 3 steps"):
        critical_rate(2, [[1.0]], [[2.0]])


def test_rcond_says_which_directions_count() -> None:
    S = np.diag([1.0, 1e-8])
    assert len(spectrum(S).values) == 2
    assert len(spectrum(S, rcond=1e-6).values) == 1
    np.testing.assert_allclose(minimiser(S, [[1.0, 1e-8]]), [[1.0, 1.0]])
    np.testing.assert_allclose(minimiser(S, [[1.0, 1e-8]], rcond=1e-6), [[1.0, 0.0]])
    with pytest.raises(DomainError, match="rcond"):
        spectrum(S, rcond=-1.0)
    with pytest.raises(DataError, match="square"):
        spectrum([[1.0, 2.0]])
    with pytest.raises(DomainError, match="positive eigenvalue"):
        spectrum(np.zeros((2, 2)))


def test_one_cutoff() -> None:
    """The same eigenvalues count for the problem, its minimiser, its projector and the operator."""
    tiny = np.diag([1.0, 100 * float(np.finfo(float).eps)])  # below 64 d roundings
    data = problem_of(tiny, [[1.0, 0.0]])
    assert data.rank == len(spectrum(tiny).values) == 1
    assert minimiser(tiny, [[1.0, 1.0]]).tolist() == [[1.0, 0.0]]
    assert kernel_operator([np.eye(2)] * 2, [np.eye(1)] * 2, tiny).shape == (1, 1)


@pytest.mark.parametrize("Syx", [[[1.0]], [1.0, 2.0], [["a", "b"]], [[np.nan, 1.0]], [[1.0], [1.0, 2.0]]])
def test_a_minimiser_of_other_shapes(Syx: list) -> None:
    with pytest.raises(DataError):
        minimiser(np.eye(2), Syx)
    with pytest.raises(DataError):
        minimiser(Syx, np.eye(2))
