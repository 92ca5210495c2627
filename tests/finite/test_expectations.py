"""Gaussian expectations by Monte Carlo: a third route to every dual activation, unbiased, with honest errors."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
import pytest
from scipy.stats import kstest
from two_samples import generator

import symlimits as sl
from symlimits import activations as act
from symlimits.errors import DataError, DomainError
from symlimits.finite.expectations import IMAGES, LEAST, Estimate, gaussian_expectation
from symlimits.finite.network import numpy_function
from symlimits.finite.statistics import mean_test, negative_control
from symlimits.language.activation import x

ALPHA = 1e-6  # false alarms of this file
FAMILY = 100  # tests of one mean in it, at most
DRAWS = 400_000
POINTS = [(0.5, 1.2, -0.3), (1.0, 1.0, 0.9), (0.7, 0.7, 0.7)]  # variances small enough for products of exponentials
QUICK = ("relu", "gelu", "erf", "sign", "exp", "tanh")


def relu(z: np.ndarray) -> np.ndarray:
    return np.maximum(z, 0.0)


def of_activation(name: str, law: tuple[float, float, float], seed: int) -> Estimate:
    function = numpy_function(getattr(act, name).expr, x)
    return gaussian_expectation(function, function, *law, DRAWS, generator(seed))


def agrees(estimate: Estimate, value: float) -> bool:
    return not mean_test(estimate.value, estimate.standard_error, value, ALPHA / FAMILY).rejected


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in act.FORMULAS]
)
def test_dual_activations_by_a_third_route(name):
    dual = sl.dual(getattr(act, name))
    for seed, law in enumerate(POINTS):
        estimate, value = of_activation(name, law, seed), dual.evaluate(*law).value
        assert agrees(estimate, value), (law, estimate, value)
        control = negative_control(estimate.value, estimate.standard_error, value, ALPHA / FAMILY)
        print(f"{name} at {law}: detects {control.detectable:.2g}, gain {estimate.gain:.3g}")
        assert control.rejected
        assert not agrees(estimate, value + 0.02 * (1 + abs(value))), "a value wrong by 2 %"


def test_two_functions():
    """E relu(u) v = c E relu'(u) = c/2, by Stein's lemma."""
    estimate = gaussian_expectation(relu, lambda z: z, 2.0, 0.5, -0.6, DRAWS, generator(0))
    assert agrees(estimate, -0.3)
    assert not agrees(estimate, -0.303)


@pytest.mark.parametrize(
    "law", [(1.0, 2.0, 0.0), (1.0, 2.0, -sqrt(2.0)), (2.0, 2.0, 2.0), (0.0, 1.0, 0.0), (3.0, 0.0, 0.0)]
)
def test_quadratic_forms_have_no_variance_left(law):
    p, q, c = law
    estimate = gaussian_expectation(lambda z: z, lambda z: z, *law, LEAST, generator(0))
    assert estimate.value == pytest.approx(c, abs=1e-14 * sqrt(p * q))
    assert estimate.standard_error <= 1e-15
    squares = gaussian_expectation(np.square, np.square, *law, LEAST, generator(0))
    assert squares.value == pytest.approx(p * q + 2 * c**2, rel=1e-13, abs=1e-13)
    assert squares.gain == inf or p * q == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "function", [relu, pytest.param(np.tanh, marks=pytest.mark.slow), np.sign], ids=["relu", "tanh", "sign"]
)
def test_the_estimate_is_unbiased_and_its_error_honest(function):
    """z-scores of many small samples, where a regression on the same draws would show, are those of N(0, 1)."""
    law, repeats = (1.0, 1.3, 0.4), 2000
    true = gaussian_expectation(function, function, *law, 4_000_000, generator(99))
    rng = generator(7)
    small = [gaussian_expectation(function, function, *law, LEAST, rng) for _ in range(repeats)]
    z = np.array([(e.value - true.value) / e.standard_error for e in small])
    assert kstest(z, "norm").pvalue > ALPHA
    assert kstest(z * 1.3, "norm").pvalue < ALPHA, "errors too small by 30 % would be found"
    assert kstest(z + 0.3, "norm").pvalue < ALPHA, "a bias of 0.3 errors would be found"


def test_the_gain_is_what_it_says():
    """Against the variance of plain means at the same number of products."""
    law, count, repeats = (1.0, 1.0, 0.7), 2000, 400
    rng = generator(3)
    ours = [gaussian_expectation(relu, relu, *law, count, rng) for _ in range(repeats)]
    root = np.linalg.cholesky([[1.0, 0.7], [0.7, 1.0]])
    u, v = root @ rng.standard_normal((repeats, 2, IMAGES * (count * 9 // 10))).transpose(1, 0, 2).reshape(2, -1)
    plain = (relu(u) * relu(v)).reshape(repeats, -1).mean(axis=1)
    measured = plain.var() / np.var([e.value for e in ours])
    stated = np.mean([e.gain for e in ours])
    print(f"gain {stated:.0f} stated, {measured:.0f} measured")
    assert abs(np.log(measured / stated)) < 5 * sqrt(4 / repeats)  # the log of a ratio of two sample variances
    assert stated > 100


def test_the_generator_decides():
    first, again, other = (gaussian_expectation(relu, np.tanh, 1, 1, 0.5, 5000, generator(k)) for k in (0, 0, 1))
    assert first == again != other


def test_what_is_refused():
    with pytest.raises(DomainError, match="c\\^2 <= p q"):
        gaussian_expectation(relu, relu, 1, 1, 1.1, LEAST, generator(0))
    with pytest.raises(DomainError, match="1000 draws or more"):
        gaussian_expectation(relu, relu, 1, 1, 1, 10, generator(0))
    with pytest.raises(DataError, match="not finite"):
        gaussian_expectation(np.exp, np.exp, 1e6, 1e6, 0, LEAST, generator(0))
    with pytest.raises(DataError, match="another shape"):
        gaussian_expectation(lambda z: 1.0, lambda z: 1.0, 1, 1, 0, LEAST, generator(0))
