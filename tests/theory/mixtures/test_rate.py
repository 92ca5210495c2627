"""The rate at which networks approach the proportional limit: powers, the coefficient, and wrong ones of both."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.certify import digest
from symlimits.derivation.trace import Step
from symlimits.errors import DomainError
from symlimits.theory.mixtures import expansion
from symlimits.theory.mixtures.rate import Gaps

SIZES = (32, 128, 512)
T = np.geomspace(0.1, 10, 20)


@pytest.mark.parametrize("corrections", [0, 1, 2])
def test_the_power_of_the_gap(corrections: int) -> None:
    claim = sl.output_law(ratio="1/2").rate(corrections)
    assert claim.expr == -(corrections + 1)
    assert claim.certify(sizes=SIZES).links[0].passed


def test_another_power_is_rejected() -> None:
    """The gap with a correction does not fall like 1/N, nor does that without one fall like 1/N^2."""
    without, one = (sl.output_law(ratio="1/2").rate(k) for k in (0, 1))
    for claim, other in ((without, one), (one, without)):
        assert not replace(claim, experiment=other.experiment).certify(sizes=SIZES).links[0].passed


def test_a_wrong_correction_leaves_the_first_power(monkeypatch: pytest.MonkeyPatch) -> None:
    series = expansion.layer_series(3)
    monkeypatch.setattr(expansion, "layer_series", lambda order, rectified=False: (series[0], 2 * series[1])[:order])
    claim = replace(sl.output_law(ratio="3/4").rate(0), trace=(Step(sp.Integer(-2), "a claim", "nobody"),))
    claim = replace(claim, experiment=Gaps(sp.Rational(3, 4), 1))
    assert not claim.certify(sizes=SIZES).links[0].passed


@pytest.mark.parametrize(("rectified", "depth"), [(False, 0.5), (True, 0.5)])
def test_the_coefficient_of_the_gap(rectified: bool, depth: float) -> None:
    """N times the gap at two widths, and what they tend to (Richardson): within the next order, 1/N^2."""
    phi = act.relu if rectified else act.linear
    limit = sl.output_law(ratio=sp.Rational(depth), activation=phi)
    gaps = []
    for N in (100, 200):
        law = sl.output_law(widths=(N,) * int(depth * N), activation=phi)
        gaps.append(N * (law.cf(T) - limit.cf(T)))
    found = limit.leading_gap()(T)
    size = np.abs(found).max()
    assert np.abs(2 * gaps[1] - gaps[0] - found).max() < 3e-3 * size
    assert np.abs(2 * gaps[1] - gaps[0] - 1.01 * found).max() > 3e-3 * size


def test_the_first_coefficient_is_that_of_the_theory() -> None:
    a, u = sp.Symbol("a"), expansion.u
    assert sp.expand(expansion.coefficient(1, a) + a * u * (u - 1) * (2 * u - 1) / 3) == 0


@pytest.mark.slow
def test_lines_of_the_coefficient() -> None:
    """A Gaussian mean, its Mellin inversion, one line for all terms (they would cancel); order 0 is the law itself."""
    law = sl.output_law(ratio="1/2", covariance=2)
    assert law.leading_gap(1).check().ok
    second = law.leading_gap(2)
    assert second.check().ok
    for at in ("1/2", "2603/1000", "10"):
        assert abs(second(float(sp.Rational(at))) - second.reference(at, digits=20)) < 1e-12
    assert abs(law.leading_gap(0)(1.5) - law.cf(1.5)) < 1e-14


def test_certificates_are_drawn_again() -> None:
    text = sl.output_law(ratio="1/2").rate().certify(sizes=(8, 16, 32)).to_json()
    found = sl.verify(text)
    assert found.ok, str(found)
    content = json.loads(text)
    content["claim"]["experiment"]["kept"] = 1
    assert not sl.verify(json.dumps(content | {"digest": digest(content)})).ok
    for key, value in (("kept", 6), ("kept", True), ("ratio", -1), ("rectified", 0)):
        with pytest.raises(sl.errors.FormulaError, match="gaps"):
            Gaps.from_record(Gaps(sp.S.Half, 0).record() | {key: value})


def test_refusals() -> None:
    for call in (
        lambda: sl.output_law(widths=(3,)).rate(),
        lambda: sl.output_law(ratio=1).rate(6),
        lambda: sl.output_law(ratio=1).rate(-1),
        lambda: sl.output_law(ratio=1).leading_gap(7),
        lambda: sl.output_law(ratio=1, outputs=2).rate(),
    ):
        with pytest.raises(sl.errors.DomainError):
            call()


@pytest.mark.parametrize(("size", "seed"), [(-1, 0), (2.5, 0), (True, 0), (3, "x"), (3, -1)])
@pytest.mark.parametrize("outputs", [1, 3])
def test_draws_need_a_number_and_a_seed(size: object, seed: object, outputs: int) -> None:
    with pytest.raises(DomainError):
        sl.output_law(ratio=1, outputs=outputs, covariance=[[1, 0], [0, 1]]).sample(size, seed)
