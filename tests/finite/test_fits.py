"""Fits over sizes recover what was put in, with the errors that least squares has."""

from __future__ import annotations

import numpy as np
import pytest

from symlimits.errors import DataError, DomainError
from symlimits.finite.fits import extrapolate
from symlimits.finite.statistics import mean_test
from tests.binomial import binomial_agrees


@pytest.mark.parametrize("order", [0.5, 1, 2])
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_extrapolation_recovers_coefficients(order, degree):
    sizes, coefficients = (16, 32, 100, 512, 1000), (0.75, -3.0, 20.0, 5.0)[: degree + 1]
    means = [sum(c * n ** (-order * j) for j, c in enumerate(coefficients)) for n in sizes]
    fit = extrapolate(sizes, means, [1e-3, 2e-3, 1e-4, 1e-4, 3e-4], order, degree)
    # 1e-15 is the rounding of the means; the higher coefficients are seen through smallest^(order*degree)
    np.testing.assert_allclose(fit.coefficients, coefficients, rtol=1e-12 * 16 ** (order * degree))
    assert fit.limit == pytest.approx(0.75, rel=1e-12)
    assert fit.dof == 4 - degree
    assert fit.chi_square < 1e-15


def test_extrapolation_has_the_error_of_least_squares():
    sizes, errors = np.array([20, 40, 80, 160]), np.array([0.1, 0.2, 0.1, 0.3])
    design = (1.0 / sizes)[:, None] ** np.arange(3) / errors[:, None]
    expected = np.sqrt(np.linalg.inv(design.T @ design)[0, 0])
    assert extrapolate(sizes.tolist(), np.ones(4), errors, 1).standard_error == pytest.approx(expected, rel=1e-9)


def test_extrapolation_covers_the_limit():
    rng, sizes, repetitions = np.random.default_rng(4), (32, 64, 128, 512), 1000
    errors = np.array([0.02, 0.01, 0.02, 0.01])
    means = 2.0 - 3.0 / np.array(sizes) + 10.0 / np.square(sizes) + errors * rng.standard_normal((repetitions, 4))
    fits = [extrapolate(sizes, row, errors, 1) for row in means]
    covered = sum(not mean_test(fit.limit, fit.standard_error, 2.0, 0.05).rejected for fit in fits)
    assert binomial_agrees(covered, repetitions, 0.95)
    assert not binomial_agrees(covered, repetitions, 0.9)
    # chi-square has mean dof = 1 and variance 2: seven standard deviations of the average
    assert np.mean([fit.chi_square for fit in fits]) == pytest.approx(1.0, abs=7 * np.sqrt(2 / repetitions))


def test_extrapolation_of_exact_means():
    fit = extrapolate((32, 128, 512), [0.5, 0.5, 0.5], [0.0, 0.0, 0.0], 1)
    assert not mean_test(fit.limit, fit.standard_error, 0.5, 1e-6).rejected
    assert mean_test(fit.limit, fit.standard_error, 0.5 + 1e-9, 1e-6).rejected
    assert extrapolate((32, 128), [0.0, 0.0], [0.0, 0.0], 1).limit == 0.0
    assert extrapolate((32,), [0.25], [0.1], 1).standard_error == pytest.approx(0.1)


def test_extrapolation_refuses():
    with pytest.raises(DataError, match="one for each of 3 sizes"):
        extrapolate((1, 2, 3), [1, 2], [1, 2], 1)
    with pytest.raises(DataError, match="not finite"):
        extrapolate((1, 2), [1, 2], [1, np.inf], 1)
    with pytest.raises(DomainError, match="more sizes than the degree"):
        extrapolate((8, 8, 16), [1, 1, 2], [1, 1, 1], 1)
    with pytest.raises(DomainError, match="positive sizes"):
        extrapolate((0, 8), [1, 1], [1, 1], 1)
