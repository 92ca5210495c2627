"""Limits: a derivation about an experiment. (What certification finds is tested in test_certify.)"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.errors import DataError, DomainError, SymlimitsError, UnboundSymbol
from symlimits.language.domain import POSITIVE, Domain, Range

a = sp.Symbol("a", positive=True)
u = sp.Symbol("u", real=True)


def mean_square(size: int, rng: np.random.Generator) -> np.ndarray:
    """Means of `size` squares of N(0, 2): the value is 2 at every size."""
    return (2 * rng.normal(size=(256, size)) ** 2).mean(axis=1)


def variance(value: object) -> sl.Limit:
    return sl.limit(sl.GaussianExpectation(u**2, (u,), [[value]]), experiment=mean_square, name="V")


def test_a_claim_of_ones_own_from_the_definition_to_the_certificate() -> None:
    claim = variance(2).then(2, because="the definition of the variance")
    certificate = claim.certify(sizes=(8, 32, 128), seed=0)
    assert certificate.ok
    assert [link.passed for link in certificate.links] == [True, True, None]
    assert not variance(sp.Rational(21, 10)).certify(sizes=(8, 32, 128), seed=0).ok


def test_the_domain_of_a_claim() -> None:
    assert sl.limit(a).domain == Domain({a: POSITIVE})
    narrow = sl.limit(sp.Abs(a - 1), domain=Domain({a: Range(1, 3)})).then(a - 1, because="a >= 1")
    assert narrow.evaluate(2).value == 1.0
    with pytest.raises(DomainError):
        narrow.evaluate("1/2")
    with pytest.raises(SymlimitsError):
        sl.limit(sp.Abs(a - 1)).then(a - 1, because="not below 1")


def test_an_experiment_is_made_at_one_point() -> None:
    with pytest.raises(UnboundSymbol, match="bind"):
        variance(a).certify(sizes=(8, 32, 128))
    assert variance(a).bind(a=2).certify(sizes=(8, 32, 128)).links[0].passed


def test_the_point_of_samples() -> None:
    rng = np.random.default_rng(1)
    samples = {size: mean_square(size, rng) for size in (8, 32, 128)}
    assert variance(a).compare(samples, a=2).ok
    assert not variance(a).compare(samples, a="21/10").ok
    with pytest.raises(UnboundSymbol, match=r"compare\(samples, a="):
        variance(a).compare(samples)


@pytest.mark.parametrize(
    "samples",
    [
        [1.0, 2.0],
        {"wide": [1.0] * 8},
        {0: [1.0] * 8},
        {8: [1.0] * 7},
        {8: [np.nan] * 8},
        {8: np.ones((8, 2))},
        {8: ["a"] * 8},
        {2.5: [1.0] * 8},
        {8: list(range(8))},
    ],
    ids=["list", "name", "zero", "few", "nan", "table", "text", "fraction", "one size"],
)
def test_samples_that_cannot_be_used(samples: object) -> None:
    with pytest.raises((DataError, DomainError)):
        variance(2).compare(samples)  # type: ignore[arg-type]


def test_dot_takes_the_experiment_along() -> None:
    T = sl.dual(act.relu)
    assert "derivatives" in T.dot().observable
    assert T.dot().certify(sizes=(16, 64, 256)).ok
    with pytest.raises(DomainError, match="jumps"):
        sl.dual(act.step).dot()


def test_it_prints_as_an_equation() -> None:
    assert str(variance(2)).startswith("V = ")


def test_two_symbols_of_one_name() -> None:
    with pytest.raises(DomainError, match="two symbols named a"):
        sl.limit(a + sp.Symbol("a", real=True))


@pytest.mark.parametrize(
    "wrong",
    [{"experiment": 3}, {"experiment": lambda size: size}, {"order": -1}, {"order": "1"}, {"domain": {a: 1}}],
    ids=["no function", "one argument", "negative order", "order as text", "domain of numbers"],
)
def test_claims_refused_at_the_door(wrong: dict[str, object]) -> None:
    with pytest.raises(DomainError):
        sl.limit(a, **wrong)  # type: ignore[arg-type]


def test_samples_are_held_against_the_definition() -> None:
    rng = np.random.default_rng(1)
    samples = {size: mean_square(size, rng) for size in (8, 32, 128)}
    slip = variance(2)
    slip = replace(slip, trace=(*slip.trace, replace(slip.trace[0], expr=sp.Integer(3))))
    assert slip.compare(samples).failed == ("lines",)
    with pytest.raises(DataError, match="8 are NaN"):
        variance(2).compare({8: [np.nan] * 8, 16: [1.0] * 8})
