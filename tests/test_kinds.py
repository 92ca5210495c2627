"""Claims about laws, log-moments and exponents: each with a false one that its test must reject."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits.certify import Question, judge, summarize
from symlimits.finite.functional import Functional

SIZES = (4, 8, 16)
s, t = sp.symbols("s t", real=True)
NORMAL = (1 + sp.erf(s / sp.sqrt(2))) / 2


def sums(size: int, rng: np.random.Generator) -> np.ndarray:
    """Standardised sums of uniform numbers, whose law tends to the normal one at order 1/N."""
    return rng.uniform(-1, 1, (20_000, size)).sum(axis=1) * np.sqrt(3 / size)


def walks(size: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((1024, size)).sum(axis=1)


def pairs(size: int, rng: np.random.Generator) -> np.ndarray:
    """A product of two Gaussians, at every size."""
    return rng.standard_normal((2048, 2)).prod(axis=1)


def sixes(size: int, rng: np.random.Generator) -> np.ndarray:
    """The trap: a product of six Gaussians, whose square has mean one and tails that no z-test bears."""
    return rng.standard_normal((2048, 6)).prod(axis=1)


def squares_of_sixes(size: int, rng: np.random.Generator) -> np.ndarray:
    return sixes(size, rng) ** 2


LOG = -3 * (sp.EulerGamma + sp.log(2))
CLAIMS: dict[str, tuple[Any, Any, Any, float]] = {  # kind and place: experiment, true line, false line, order
    "cdf in the limit": (sums, NORMAL, sp.erfc(-3 * s) / 2, 1),
    "cf in the limit": (sums, sp.exp(-(t**2) / 2), sp.exp(-3 * t**2), 1),
    "cf at every size": (pairs, 1 / sp.sqrt(1 + t**2), sp.exp(-(t**2) / 2), 0),
    "log at every size": (sixes, LOG, LOG + sp.Rational(1, 5), 0),
    "exponent": (walks, sp.Rational(1, 2), sp.Rational(3, 5), 1),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_true_claim_holds_and_a_false_one_breaks(name: str) -> None:
    experiment, true, false, order = CLAIMS[name]
    kind = name.split()[0]
    sizes = (4, 16, 64, 256) if kind == "exponent" else SIZES
    for line, holds in ((true, True), (false, False)):
        certificate = sl.limit(line, experiment=experiment, kind=kind, order=order).certify(sizes, seed=1)
        details = certificate.links[0].details
        assert certificate.links[0].passed is holds, str(certificate)
        assert details["control rejected"]
        assert details["detectable"] > 0
        assert details["power"] == 0.95
        assert (details["p value"] <= details["alpha"]) is not holds
        json.loads(certificate.to_json())


@pytest.mark.parametrize("name", CLAIMS)
def test_certificates_of_every_kind_are_verified(name: str) -> None:
    experiment, line, _, order = CLAIMS[name]
    kind = name.split()[0]
    sizes = (4, 16, 64, 256) if kind == "exponent" else SIZES
    text = sl.limit(line, experiment=experiment, kind=kind, order=order).certify(sizes, seed=1).to_json()
    for again in (sl.verify(text, experiment=experiment), sl.verify(text)):
        assert not again.differences, str(again)
    content = json.loads(text)
    content["links"][0]["details"]["p value"] /= 2
    assert {part.place for part in sl.verify(json.dumps(content)).differences} == {"details.p value"}


def test_an_exact_cdf_at_every_size() -> None:
    """The number of draws below a point is binomial, whatever the tails: the Cauchy law."""
    cauchy = sp.Rational(1, 2) + sp.atan(s) / sp.pi
    for line, holds in ((cauchy, True), (NORMAL, False)):
        claim = sl.limit(line, experiment=cauchy_draws, kind="cdf", order=0)
        assert claim.certify(SIZES, seed=2).links[0].passed is holds


def cauchy_draws(size: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_cauchy(2048)


def test_the_heavy_tail_trap() -> None:
    """A z-test of E X^2 = 1 is refused in words; the law and the log-moment of the same draws are tested."""
    with pytest.raises(sl.errors.DomainError, match=r"heavy tails.*characteristic"):
        sl.limit(sp.Integer(1), experiment=squares_of_sixes, order=0).certify(SIZES, seed=0)
    assert sl.limit(LOG, experiment=sixes, kind="log", order=0).certify(SIZES, seed=0).ok


def test_compare_of_a_law() -> None:
    rng = np.random.default_rng(3)
    samples = {size: np.concatenate([sums(size, rng) for _ in range(3)]) for size in SIZES}
    for line, holds in ((NORMAL, True), (NORMAL.subs(s, 2 * s), False)):
        claim = sl.limit(line, kind="cdf")
        assert claim.compare(samples).links[0].passed is holds


def test_refusals() -> None:
    with pytest.raises(sl.errors.DomainError, match="one of mean, cdf, cf, log, exponent"):
        sl.limit(NORMAL, kind="median")
    with pytest.raises(sl.errors.DomainError, match="a function of s"):
        sl.limit(sp.exp(-(t**2)), experiment=sums, kind="cdf").bind(t=1).certify(SIZES)
    with pytest.raises(sl.errors.DataError, match="zero"):
        sl.limit(LOG, experiment=zeros, kind="log", order=0).certify(SIZES)
    with pytest.raises(sl.errors.DomainError, match="or 0 for none"):
        sl.limit(LOG, order=-1)


def zeros(size: int, rng: np.random.Generator) -> np.ndarray:
    return np.zeros(64)


def one_sided(size: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_exponential(4096)


def two_sided(size: int, rng: np.random.Generator) -> np.ndarray:
    return rng.laplace(size=4096)


def test_a_characteristic_function_has_two_parts() -> None:
    """The real part of the exponential law is Laplace's whole function."""
    for experiment, holds in ((two_sided, True), (one_sided, False)):
        claim = sl.limit(1 / (1 + t**2), experiment=experiment, kind="cf", order=0)
        assert claim.certify(SIZES).links[0].passed is holds


def test_draws_too_few_for_a_law_are_refused() -> None:
    samples = {size: np.random.default_rng(size).standard_cauchy(30) for size in SIZES}
    with pytest.raises(sl.errors.DomainError, match="draws so few"):
        sl.limit(sp.cos(t), kind="cf").compare(samples)


@pytest.mark.parametrize("kind", ["cf", "mean"])
def test_a_limit_is_not_tested_at_one_size(kind: str) -> None:
    samples = {size: np.random.default_rng(size).standard_normal(4000) for size in SIZES}
    claim = sl.limit(sp.exp(-(t**2) / 2) if kind == "cf" else 0, kind=kind)
    with pytest.raises(sl.errors.DomainError, match="samples at 1 sizes; wanted: at least 2"):
        claim.compare({4: samples[4]})
    assert claim.compare(samples).links[0].passed


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize(
    ("kind", "claim", "experiment"),
    [
        ("cdf", NORMAL * sp.Rational(6, 5), cauchy_draws),
        ("cdf", NORMAL - sp.Rational(1, 5), cauchy_draws),
        ("cf", 2 * sp.exp(-(t**2) / 2), two_sided),
        ("cf", -1 - sp.exp(-(t**2) / 2), two_sided),
    ],
)
def test_what_no_law_has_is_refused(order: int, kind: str, claim: sp.Expr, experiment: Any) -> None:
    with pytest.raises(sl.errors.DomainError, match=r"values between .*no law has this one"):
        sl.limit(claim, experiment=experiment, kind=kind, order=order).certify(SIZES)


def test_the_textbook_cdf_compiles() -> None:
    assert sl.limit(NORMAL, experiment=sums, kind="cdf").certify(SIZES).ok


@pytest.mark.parametrize("name", ["cdf in the limit", "cdf at every size", "cf at every size", "exponent", "mean"])
@pytest.mark.parametrize("side", [-1, 1])
def test_controls_of_broken_claims_move_away_from_the_draws(name: str, side: int) -> None:
    """A claim that is wrong by as much as the control moves it: once towards the draws, once away from them."""
    kind, order = name.split()[0], 1 if "limit" in name or name == "exponent" else 0
    rng = np.random.default_rng(5)
    draws = {size: 1 + rng.uniform(-1, 1, 4000) for size in (4, 8, 16, 32)}
    functional = Functional(kind, 1.0)
    samples = summarize(draws, [functional])
    value = {"cdf": 0.5, "cf": float(np.cos(1) * np.sin(1)), "exponent": 0.0, "mean": 1.0}[kind]
    honest = judge([Question(functional, value)], samples, order, 0.01)
    assert honest.passed
    wrong = judge([Question(functional, value + side * honest.details["control size"])], samples, order, 0.01)
    assert not wrong.passed
    assert wrong.details["control rejected"], wrong.summary
    assert "NOT REJECTED" not in wrong.summary
