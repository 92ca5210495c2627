"""Certificates of training at infinite width, and wrong claims that must be rejected."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from causal_recursion import causal_path

from symlimits.errors import DataError, DomainError
from symlimits.limits import Limit
from symlimits.theory.deep_linear.claims import increment_limit, neuron_limit, predictor_limit, rate_limit
from symlimits.theory.deep_linear.lazy import gradient_descent

SXX = [[1.0, 0.2], [0.2, 0.5]]
SYX = [[1.0, 0.25], [-0.5, 0.5]]
DATA = SXX, SYX, 0.1, 3
FAR, MANY = (64, 512, 4096), (64, 128, 256, 512)


def with_value(claim: Limit, value: float) -> Limit:
    """The same networks, held against another number."""
    return replace(claim, trace=(replace(claim.trace[0], expr=sp.Float(value)),))


@pytest.mark.parametrize("depth", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_predictors(depth: int) -> None:
    assert predictor_limit(depth, *DATA).certify(sizes=FAR).links[0].passed


def test_dropped_responses_are_rejected() -> None:
    """The predictor of the recursion without its response terms, for two hidden layers, is no limit of networks."""
    wrong, _, _ = causal_path(2, np.array(SXX), np.array(SYX), 0.1, 3, responses=False)
    claim = with_value(predictor_limit(2, *DATA), float(wrong[-1, 0, 0]))
    assert not claim.certify(sizes=FAR).links[0].passed


@pytest.mark.parametrize("depth", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_the_rate_of_predictors(depth: int) -> None:
    assert rate_limit(depth, *DATA).certify(sizes=MANY).ok


@pytest.mark.slow
def test_another_path_has_another_rate() -> None:
    """Of a rate that is 5 % larger: the distance of networks to it does not vanish."""
    other = gradient_descent(2, SXX, SYX, 0.105, 3)
    assert not rate_limit(2, *DATA, path=other).certify(sizes=(256, 1024, 4096, 16384)).links[0].passed


@pytest.mark.parametrize("layer", [1, 2])
@pytest.mark.parametrize("which", ["forward gram", "backward gram"])
@pytest.mark.slow
def test_the_rate_of_grams(which: str, layer: int) -> None:
    assert rate_limit(2, *DATA, quantity=which, layer=layer).certify(sizes=MANY).ok


@pytest.mark.slow
@pytest.mark.parametrize("depth", [2, 3])
def test_increments(depth: int) -> None:
    claim = increment_limit(depth, *DATA)
    assert claim.certify(sizes=FAR).links[0].passed
    if depth == 2:
        wrong = with_value(claim, 1.05 * float(claim.expr))
        assert not wrong.certify(sizes=FAR).links[0].passed


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "layer"), [(1, 1), (2, 1), (2, 2)])
def test_neurons_are_gaussian(depth: int, layer: int) -> None:
    claim = neuron_limit(depth, *DATA, layer=layer)
    assert claim.certify(sizes=FAR).links[0].passed
    (t,) = claim.arguments
    wrong = replace(claim, trace=(replace(claim.trace[0], expr=claim.expr.subs(t, sp.Rational(3, 2) * t)),))
    assert not wrong.certify(sizes=FAR).links[0].passed


@pytest.mark.slow
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_networks_drawn_in_full(depth: int) -> None:
    """The same claims against networks whose weights are all drawn."""
    for claim, sizes in (
        (predictor_limit(depth, *DATA), (32, 64, 128)),
        (rate_limit(depth, *DATA), (32, 64, 128, 256)),
    ):
        naive = replace(claim, experiment=replace(claim.experiment, sampler="naive"))
        assert naive.certify(sizes=sizes).links[0].passed


def test_words() -> None:
    claim = rate_limit(2, *DATA, quantity="forward gram")
    assert "forward gram" in claim.observable
    assert claim.check().ok
    with pytest.raises(DataError, match="entry"):
        predictor_limit(2, *DATA, entry=(5, 0))
    with pytest.raises(DomainError, match="quantity"):
        rate_limit(2, *DATA, quantity="weights")
