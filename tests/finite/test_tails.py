"""A z-test that would lie is refused from the draws alone; one that is honest is not."""

from __future__ import annotations

import numpy as np
import pytest

from symlimits.errors import DomainError
from symlimits.finite.kernel_experiment import KernelExperiment
from symlimits.finite.statistics import EMPTY, mean_test, merge, moments
from symlimits.finite.tails import refuse_heavy, trusted, trusted_sum
from symlimits.language.activation import Activation, x
from symlimits.language.architecture import mlp
from tests.binomial import binomial_agrees, more_than


def squared_products(factors: int, repetitions: int, draws: int = 2000) -> np.ndarray:
    """Squares of products of Gaussians, with mean 1: (repetitions, draws)."""
    rng = np.random.default_rng(factors)
    values = np.ones((repetitions, draws))
    for _ in range(factors):
        values *= rng.standard_normal(values.shape)
    return values**2


def alarms(samples: np.ndarray, alpha: float) -> tuple[int, int]:
    """False alarms of a z-test of the true mean 1: of all samples, and of those that are not refused."""
    everywhere = trusting = 0
    for sample in samples:
        part = moments(sample)
        rejected = mean_test(part.mean, part.standard_error, 1.0, alpha).rejected
        everywhere += rejected
        trusting += rejected and trusted(part, alpha).light
    return everywhere, trusting


def test_the_trap_of_six_gaussians():
    """Nominal 1 %, 18 % in truth."""
    samples = squared_products(6, 1000)
    everywhere, trusting = alarms(samples, 0.01)
    assert more_than(everywhere, 1000, 0.1)
    assert binomial_agrees(everywhere, 1000, 0.185)
    assert trusting == 0
    assert not any(trusted(sample, alpha).light for sample in samples[:200] for alpha in (0.05, 0.01, 1e-6))


@pytest.mark.parametrize("factors", [1, 2, 3])
def test_tests_that_are_not_refused_alarm_as_promised(factors):
    """Refusal may not select the samples that alarm: counted are alarms among all samples."""
    _, trusting = alarms(squared_products(factors, 1000), 0.01)
    assert not more_than(trusting, 1000, 0.01)


@pytest.mark.parametrize("count", [64, 256, 2000])
def test_gaussian_draws_are_trusted(count):
    rng = np.random.default_rng(0)
    refused = sum(not trusted(rng.standard_normal(count), alpha).light for alpha in (0.05, 1e-6) for _ in range(200))
    assert refused == 0


@pytest.mark.parametrize("observable", ["nngp", "ntk"])
def test_networks_of_width_32_are_trusted(observable):
    experiment = KernelExperiment(mlp(2, Activation(abs(x)), 2, 0), ((1.0, 0.5), (-0.3, 1.0)), observable)
    assert trusted(experiment.draws(32, 4096, np.random.default_rng(1)), 0.01).light


def test_symmetric_heavy_tails_are_refused_too():
    """Their skewness is zero or none; a few draws make the variance."""
    rng = np.random.default_rng(8)
    assert not any(trusted(rng.standard_cauchy(2000), 0.05).light for _ in range(100))
    assert not any(trusted(rng.standard_t(2, 2000) ** 3, 0.05).light for _ in range(100))


def test_the_shape_of_merged_chunks_decides():
    draws = squared_products(6, 1)[0]
    total = EMPTY
    for chunk in np.split(draws, 100):
        total = merge(total, moments(chunk))
    whole, merged = trusted(draws), trusted(total)
    assert merged.light is whole.light is False
    assert merged.reason == whole.reason
    assert merged.spread == pytest.approx(whole.spread, rel=1e-12)


def test_a_heavy_part_without_weight_does_no_harm():
    """The smallest size enters an extrapolated limit with a small share of its error."""
    rng = np.random.default_rng(3)
    heavy, light = moments(squared_products(6, 1)[0]), moments(rng.standard_normal(2000))
    assert trusted_sum([heavy, light], [0.02, 1.0]).light
    assert not trusted_sum([heavy, light], [1.0, 0.02]).light


def test_the_prediction_of_false_alarms():
    """chi-square with one degree of freedom has skewness sqrt(8): at n = 100 and 1 %, cosh(x^3 g/3) = 2.6."""
    samples = np.random.default_rng(5).standard_normal((4000, 100)) ** 2
    everywhere, _ = alarms(samples, 0.01)
    predicted = np.cosh(2.5758**3 / 3 * 8**0.5 / 100**0.5)
    assert binomial_agrees(everywhere, 4000, 0.01 * predicted)
    assert not binomial_agrees(everywhere, 4000, 0.01)


def test_constant_draws_are_trusted():
    assert trusted([0.1] * 100).light
    assert trusted([0.1] * 99 + [0.1 + 2e-17]).light
    assert trusted([0.1] * 999 + [np.nextafter(0.1, 1)]).light, "one rounding is not a heavy tail"


def test_refusals_say_what_to_do():
    with pytest.raises(DomainError, match=r"heavy tails.*kind='cf'.*kind='log'"):
        refuse_heavy(trusted(squared_products(6, 1)[0]))
    one = np.zeros(1000)
    one[0] = 1.0
    with pytest.raises(DomainError, match="false alarms"):
        refuse_heavy(trusted(one))
    with pytest.raises(DomainError, match="two draws"):
        trusted([1.0])
