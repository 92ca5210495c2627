"""Dual activations as experiments: sign images and control variates, unbiased, with honest errors."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from math import pi, sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest
from two_samples import generator

import symlimits as sl
from symlimits import activations as act
from symlimits import certify as links
from symlimits.errors import DataError, DomainError
from symlimits.finite.expectation_experiment import ANTITHETIC, ExpectationExperiment, groups, with_controls
from symlimits.finite.expectations import BATCH
from symlimits.finite.kernel_experiment import CHUNK, KernelExperiment, inputs_with_gram
from symlimits.finite.statistics import mean_test, moments, negative_control
from symlimits.language.architecture import serial
from symlimits.theory.twin import Twin, features

ALPHA = 1e-6  # false alarms of this file
FAMILY = 100  # tests of one mean in it, at most
LAWS = [(1.0, 1.3, 0.4), (4.9, 3.2, -0.6)]
SIZES = (8, 16, 32)
CHUNKS = 2000  # of which z-scores are taken: their distribution function is known to 0.06


def simulated(T: sl.Limit) -> links.Link:
    """The first link alone."""
    return T._simulation(SIZES, 0, None, None, None, links.ALPHA)


def truth(name: str, law: tuple[float, float, float]) -> float:
    return sl.dual(getattr(act, name)).evaluate(*law).value


def of(name: str, law: tuple[float, float, float]) -> ExpectationExperiment:
    return with_controls(getattr(act, name), getattr(act, name), *law)


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", ["relu", "erf", "tanh", "gelu"])
def test_draws_are_unbiased_and_their_errors_honest(name, law):
    """The z-scores of many chunks against the value by closed form or quadrature are those of N(0, 1)."""
    draws = of(name, law).draws(64, CHUNKS * CHUNK, generator(7)).reshape(CHUNKS, CHUNK)
    z = (draws.mean(axis=1) - truth(name, law)) / (draws.std(axis=1, ddof=1) / sqrt(CHUNK))
    student = partial(kstest, cdf="t", args=(CHUNK - 1,))
    assert student(z).pvalue > ALPHA
    assert student(z * 1.4).pvalue < ALPHA, "errors too small by 30 % would be found"
    assert student(z + 0.3).pvalue < ALPHA, "a bias of 0.3 errors would be found"


def test_any_coefficients_are_unbiased():
    """What the pilot finds decides the variance, never the mean."""
    fitted = of("relu", LAWS[0])
    for coefficients in (fitted.coefficients, (0.0, 0.0, 0.0), (1.0, -2.0, 0.5)):
        draws = moments(replace(fitted, coefficients=coefficients).draws(16, 20_000, generator(1)))
        value = truth("relu", LAWS[0])
        assert not mean_test(draws.mean, draws.standard_error, value, ALPHA / FAMILY).rejected
        assert negative_control(draws.mean, draws.standard_error, value, ALPHA / FAMILY).rejected
        print(f"{coefficients}: standard error {draws.standard_error:.2g}")


@pytest.mark.parametrize(("name", "least"), [("relu", 20), ("erf", 4), ("tanh", 4), ("gelu", 15)])
def test_the_variance_at_equal_units_is_a_fraction_of_that_of_networks(name, least):
    """Whole factors below what is found here (relu 62, erf 9, tanh 10, gelu 39), so that chance decides nothing."""
    law = (1.0, 1.0, 0.5)
    phi, inputs = getattr(act, name), tuple(map(tuple, inputs_with_gram(*law)))
    networks = KernelExperiment(features(phi), inputs).draws(64, 5000, generator(0)).var()
    ours = of(name, law).draws(64, 5000, generator(0)).var()
    print(f"{name}: variance of networks over that of sign images with controls {networks / ours:.1f}")
    assert networks / ours > least


def test_two_functions():
    """E relu(u) erf(v) = E u erf(v)/2 = c E erf'(v)/2, by parity and Stein's lemma."""
    p, q, c = 2.0, 0.5, -0.6
    value = c / sqrt(pi * (1 + 2 * q))
    draws = moments(with_controls(act.relu, act.erf, p, q, c).draws(32, 20_000, generator(0)))
    assert not mean_test(draws.mean, draws.standard_error, value, ALPHA / FAMILY).rejected
    assert mean_test(draws.mean, draws.standard_error, 1.01 * value, ALPHA / FAMILY).rejected


@pytest.mark.parametrize("law", [(1.0, 2.0, -sqrt(2.0)), (2.0, 2.0, 2.0), (0.0, 1.0, 0.0), (0.0, 0.0, 0.0)])
def test_singular_laws(law):
    draws = moments(of("gelu", law).draws(32, 5000, generator(3)))
    assert not mean_test(draws.mean, draws.standard_error, truth("gelu", law), ALPHA / FAMILY).rejected
    assert mean_test(draws.mean, draws.standard_error, truth("gelu", law) + 0.1, ALPHA / FAMILY).rejected


@pytest.mark.parametrize("phi", [act.linear, act.hermite(2), act.polynomial([1, 2, 3])])
def test_controls_that_would_leave_rounding_are_left_out(phi):
    """He_2 at c = 1/100: the value is 1e-4, the terms 1, and rounding of the terms no chance."""
    T = sl.dual(phi).bind(p=1, q=1, c="1/100")
    experiment = T.experiment.at({})
    assert experiment.coefficients == (0.0, 0.0, 0.0)
    link = simulated(T)
    assert link.passed, link.summary
    assert link.details["standard error"] > 1e-8


def test_draws_are_a_function_of_the_seed_alone():
    experiment, again = of("erf", LAWS[0]), of("erf", LAWS[0])
    assert experiment == again
    sent = pickle.loads(pickle.dumps(experiment))
    first, second, other = sent(20, generator(0)), again(20, generator(0)), again(20, generator(1))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_sizes_count_units():
    assert [groups(size) for size in (1, 4, 5, 512)] == [1, 1, 2, 128]
    experiment = of("relu", LAWS[0])
    assert [len(experiment(size, generator(0))) for size in (1, 512, 4 * BATCH)] == [CHUNK, CHUNK, 1]
    assert experiment.required_bytes(2**24) == 128 * 2**22
    variances = [experiment.draws(size, 4000, generator(2)).var() for size in (8, 128)]
    assert abs(np.log(variances[0] / variances[1] / 16)) < 5 * sqrt(6 / 4000)  # kurtosis of 8 units: 4 at most


def test_what_is_refused():
    with pytest.raises(DomainError, match="c\\^2 <= p q"):
        with_controls(act.relu, act.relu, 1.0, 1.0, 1.1)
    with pytest.raises(DataError, match="not finite"):
        with_controls(act.exp, act.exp, 1e6, 1e6, 0.0)
    point = {"p": 1, "q": 1, "c": 0}
    bound = [sl.dual(act.relu).bind(**point).experiment, sl.ntk(sl.mlp(1, act.relu, 2, 0)).bind(**point).experiment]
    assert isinstance(bound[0].at({}), ExpectationExperiment)
    with pytest.raises(DomainError, match="other networks than a dual's"):
        replace(bound[1], sampler=ANTITHETIC).at({})
    for layers in ((sl.Dense(2), act.relu, sl.Dense(1)), (sl.Dense(1), act.relu, act.relu, sl.Dense(1))):
        with pytest.raises(DomainError, match="other networks than a dual's"):
            replace(bound[0], network=serial(*layers)).at({})
    with pytest.raises(DomainError, match="other networks than a dual's"):
        replace(bound[0], observable="ntk").at({})


# ------------------------------------------------------------------------------ certificates of duals


@pytest.mark.parametrize("sampler", [ANTITHETIC, "exact", "naive"])
def test_every_sampler_has_the_mean_of_the_dual(sampler):
    T = sl.dual(act.relu)
    link = simulated(replace(T, experiment=replace(T.experiment, sampler=sampler)))
    assert link.passed, link.summary
    assert link.details["order"] == 0
    assert link.details["bias"] is None


def test_a_wrong_experiment_is_rejected():
    """The networks of another activation, and a control whose expectation is taken 10 % too low."""
    T = sl.dual(act.erf).bind(p=1, q=1, c="1/2")
    assert simulated(T).passed
    other = Twin(features(act.tanh), "nngp", T.experiment.values, ANTITHETIC)
    assert not simulated(replace(T, experiment=other)).passed
    right = T.experiment.at({})

    def shifted(size: int, rng: np.random.Generator) -> np.ndarray:
        return right(size, rng) - 0.1 * right.coefficients[0]

    assert not simulated(replace(T, experiment=shifted)).passed


@pytest.mark.slow
def test_journals_executors_and_verify_draw_the_same(tmp_path: Path):
    T, path = sl.dual(act.erf).dot().bind(p=1, q="3/2", c="1/2"), tmp_path / "erf.journal"
    assert any(T.experiment.at({}).coefficients)
    whole = T.certify(SIZES, seed=2, journal=path)
    assert whole.ok, str(whole)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) // 2]))
    with ThreadPoolExecutor(2) as executor:
        assert T.certify(SIZES, seed=2, journal=path, executor=executor) == whole
    text = whole.to_json()
    assert text.count(f'"{ANTITHETIC}"') == 1
    verified = sl.verify(text)
    assert verified.ok, str(verified)
    assert sl.verify(text.replace(f'"{ANTITHETIC}"', '"exact"')).differences


@pytest.mark.slow
def test_networks_of_ones_own_are_compared_at_their_widths():
    """Exact at every width: a layer that loses two units, a bias of order 1/width, is not the dual."""
    x, rng = np.array([[1.0, 0.5], [0.7, 1.0]]), generator(4)
    p, q, c = (float(a @ b) for a, b in (x[[0, 0]], x[[1, 1]], x))
    T = sl.dual(act.relu).bind(p=p, q=q, c=c)

    def kernels(width: int) -> np.ndarray:
        hidden = np.maximum(rng.standard_normal((2000, width, 2)) @ x.T, 0)
        return (hidden[..., 0] * hidden[..., 1]).mean(axis=1)

    samples = {width: kernels(width) for width in (16, 64, 256)}
    assert T.compare(samples).links[0].passed
    biased = {width: draws * (1 - 2 / width) for width, draws in samples.items()}
    assert not T.compare(biased).links[0].passed
