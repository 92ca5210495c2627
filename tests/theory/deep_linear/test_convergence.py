"""The exponential bound of the risk, and the rate at the end of gradient flow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import symlimits as sl
from symlimits.errors import DomainError
from symlimits.theory.deep_linear.convergence import exponential_bound
from symlimits.theory.deep_linear.flow import gradient_flow
from symlimits.theory.deep_linear.flow_end import flow_end
from symlimits.theory.deep_linear.operator import kernel_operator
from symlimits.theory.deep_linear.problem import problem

RATE = 1e-4  # of a rate measured on excesses of 1e-10 to 1e-16: errors of 1e-5 and less, by which the kernel differs


def data(rank: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(seed).standard_normal((3, rank))
    return X @ X.T / 3, np.random.default_rng(seed + 1).standard_normal((2, rank)) @ X.T / 3


@pytest.mark.parametrize(
    "depth", [1, 2, pytest.param(3, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("rank", [2, 3])
def test_the_risk_is_below_its_bound(depth: int, rank: int) -> None:
    Sxx, Syx = data(rank)
    times = np.linspace(0, 6, 13)
    path = gradient_flow(depth, Sxx, Syx, times)
    found = sl.deep_linear(depth).flow_bound(Sxx, Syx, times)
    assert found.holds()
    assert found.implied()
    assert found.status == ("proved" if depth == 1 else "observed")
    off = np.eye(3) - Sxx @ np.linalg.pinv(Sxx, rcond=1e-10)
    assert np.abs(path.predictors @ off).max() < 1e-9
    np.testing.assert_allclose(found.slowest[0], found.rate, rtol=1e-9)  # at the start it is sharp
    faster = replace(found, bound=found.start * np.exp(-4 * found.slowest.max() * times), rate=4 * found.rate)
    assert not faster.holds()  # the control: a rate that is no bound is refuted
    assert not faster.implied()
    assert "FAILS" in str(faster)


def test_the_bound_of_many_problems() -> None:
    """Of all shapes, sizes of the target and ranks: no least eigenvalue of K falls below that at the start."""
    rng = np.random.default_rng(5)
    for _ in range(6):
        d, k, n = (int(x) for x in rng.integers(1, 4, 3))
        X = rng.standard_normal((d, n)) * rng.choice([0.3, 1.0, 2.0])
        Sxx, Syx = X @ X.T / n, rng.choice([0.1, 1.0, 5.0]) * rng.standard_normal((k, n)) @ X.T / n
        found = sl.deep_linear(2).flow_bound(Sxx, Syx, np.linspace(0, 4, 9))
        assert found.holds()
        assert found.implied()


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_rate_at_the_end_is_that_of_the_kernel_operator(depth: int) -> None:
    """The slope of the logarithm of the excess between two late times, against twice the least eigenvalue of K.

    The next eigenvalue is twice as large and more, so that its mode is gone.
    """
    Sxx, Syx = np.array([[1.0, 0.1], [0.1, 0.3]]), np.array([[1.0, -0.8]])
    values = np.linalg.eigvalsh(kernel_operator(*flow_end(depth, problem(Sxx, Syx)), Sxx))
    times = np.array([14.0, 18.0]) / values[0]
    assert values[1] > 2 * values[0]
    found = exponential_bound(gradient_flow(depth, Sxx, Syx, times, rtol=1e-12), Sxx, Syx)
    slope = np.log(found.excess[0] / found.excess[1]) / (times[1] - times[0])
    assert 1e-16 < found.excess[1] < found.excess[0] < 1e-8
    assert abs(slope / found.slowest[-1] - 1) < RATE
    assert abs(slope / found.rate - 1) > 100 * RATE  # the control: the kernel at the start


def test_a_risk_without_minimum_has_no_bound() -> None:
    with pytest.raises(DomainError, match="range"):
        sl.deep_linear(1).flow_bound(np.diag([1.0, 0.0]), [[1.0, 1.0]], [0.0, 0.1])
    still = sl.deep_linear(1).flow_bound([[1.0]], [[0.0]], [0.0, 1.0])
    assert still.holds()
    assert still.excess.tolist() == [0.0, 0.0]
