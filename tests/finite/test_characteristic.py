"""Product laws, whose high moments defeat a z-test, through characteristic functions and logarithms."""

from __future__ import annotations

import numpy as np
import pytest

from symlimits.errors import DataError, DomainError
from symlimits.finite.characteristic import characteristic_control, characteristic_test, log_moment_test
from symlimits.finite.statistics import moments, negative_control
from tests.binomial import binomial_agrees, fewer_than, more_than

POINTS = np.array([0.25, 0.5, 1.0, 2.0, 4.0])
LOG_GAUSSIAN = -(np.euler_gamma + np.log(2)) / 2  # E log|g|


def products(factors: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.prod(np.random.default_rng(factors).standard_normal((factors, *shape)), axis=0)


def two_gaussians(t: np.ndarray) -> np.ndarray:
    return (1 + t**2) ** -0.5


def test_false_alarms_and_power():
    samples, alpha = products(2, (1000, 400)), 0.05
    detectable = characteristic_test(samples[0], two_gaussians, POINTS, alpha).detectable
    # a law as far away as `detectable` from the claim at t = 4, by its real part: a mixture with an atom at 0
    true = two_gaussians(np.array([4.0]))[0]
    weight = detectable / (1 - true)
    atoms = np.random.default_rng(9).random(samples.shape) < weight
    alarms = sum(characteristic_test(s, two_gaussians, POINTS, alpha).rejected for s in samples)
    found = sum(characteristic_test(s, two_gaussians, POINTS, alpha).rejected for s in np.where(atoms, 0.0, samples))
    assert not more_than(alarms, 1000, alpha)
    assert not fewer_than(found, 1000, 0.95)


def test_a_skew_law_is_seen_by_its_imaginary_part():
    draws = np.random.default_rng(0).exponential(size=4000)
    exponential = characteristic_test(draws, lambda t: 1 / (1 - 1j * t), POINTS, 1e-6)
    assert not exponential.rejected
    assert characteristic_test(draws, lambda t: 1 / (1 + 1j * t), POINTS, 1e-6).rejected
    assert characteristic_test(draws, lambda t: (1 / (1 - 1j * t)).real, POINTS, 1e-6).rejected


def test_vectors():
    draws = np.random.default_rng(0).standard_normal((4000, 3))
    points = np.array([[1.0, 0, 0], [0, 0.5, 0.5], [0.3, -0.3, 1]])
    assert not characteristic_test(draws, lambda t: np.exp(-(t**2).sum(axis=1) / 2), points, 1e-6).rejected
    draws[:, 2] = draws[:, 1]
    assert characteristic_test(draws, lambda t: np.exp(-(t**2).sum(axis=1) / 2), points, 1e-6).rejected


def test_control():
    draws = products(2, (5000,))
    honest = characteristic_test(draws, two_gaussians, POINTS, 1e-6)
    assert not honest.rejected
    control = characteristic_control(draws, two_gaussians, POINTS, 1e-6)
    assert control.rejected
    assert control.statistic == pytest.approx(1.5 * honest.detectable, abs=honest.statistic)


def test_the_trap_is_handled():
    """Six Gaussians: the z-test of E s^2 alarms in 18 % of samples, that of E log|s| as promised."""
    samples = products(6, (1000, 2000))
    alarms = sum(log_moment_test(s, 6 * LOG_GAUSSIAN, 0.01).rejected for s in samples)
    assert binomial_agrees(alarms, 1000, 0.01)
    result = log_moment_test(samples[0], 6 * LOG_GAUSSIAN, 1e-6)
    assert not result.rejected
    assert log_moment_test(samples[0], 6 * LOG_GAUSSIAN + 1.5 * result.detectable, 1e-6).rejected
    assert log_moment_test(samples[0], 5 * LOG_GAUSSIAN, 1e-6).rejected, "five factors are told from six"
    logs = moments(np.log(np.abs(samples[0])))
    assert negative_control(logs.mean, logs.standard_error, 6 * LOG_GAUSSIAN, 1e-6).rejected


def test_refusals():
    with pytest.raises(DomainError, match="1 draws that are zero"):
        log_moment_test([1.0, 0.0, 2.0], 0.0, 0.05)
    with pytest.raises(DomainError, match="heavy tails"):
        log_moment_test(np.exp(products(6, (2000,)) ** 2 / 1e4), 0.0, 0.05)
    with pytest.raises(DataError, match="at most 1"):
        characteristic_test([1.0, 2.0], lambda t: 2 + 0 * t, POINTS, 0.05)
    with pytest.raises(DataError, match="points"):
        characteristic_test([[1.0, 2.0]], two_gaussians, POINTS, 0.05)
    with pytest.raises(DataError, match="not finite"):
        characteristic_test([1.0, np.inf], two_gaussians, POINTS, 0.05)
    with pytest.raises(DomainError, match="alpha"):
        characteristic_test([1.0, 2.0], two_gaussians, POINTS, 0)
