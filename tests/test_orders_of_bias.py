"""The claimed order of a bias is a part of the claim: one that is too high fails, and says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits.certify import Samples, check_samples


def with_bias(order: float, size: float) -> object:
    def draw(n: int, rng: np.random.Generator) -> np.ndarray:
        return 1 + size / n**order + 0.1 * rng.standard_normal(4096)

    return draw


@pytest.mark.parametrize("sizes", [(4, 8, 16), (4, 8, 16, 32)])
def test_orders(sizes: tuple[int, ...]) -> None:
    def link(experiment: object, order: int) -> sl.certify.Link:
        return sl.limit(sp.S.One, experiment=experiment, order=order).certify(sizes, seed=2).links[0]

    high = link(with_bias(1, 3.0), 2)
    assert high.passed is False
    assert "REFUTED with a bias of order 2, fits with order 1" in high.summary
    visible, invisible = link(with_bias(1, 3.0), 1), link(with_bias(1, 0.0), 1)
    assert visible.passed
    assert visible.details["bias"]["seen"]
    assert invisible.passed
    assert "a bias of order 1 is not seen" in invisible.summary
    assert link(with_bias(2, 3.0), 2).passed


def test_the_order_is_tested_by_the_model_that_the_limit_is_extrapolated_with() -> None:
    """Powers of N^-1/3 without noise to speak of: a bias of that order, and none of order 2/3 or 1/6 alone."""

    def link(bias: float, claimed: object) -> sl.certify.Link:
        def draw(n: int, rng: np.random.Generator) -> np.ndarray:
            return 1 + n**-bias + n ** (-2 * bias) + 1e-3 * rng.standard_normal(4096)

        return sl.limit(sp.S.One, experiment=draw, order=claimed).certify((8, 64, 512), seed=0).links[0]

    true = link(1 / 3, 1 / 3)
    assert true.passed, true.summary
    assert true.details["bias"]["seen"]
    false = link(1 / 6, 1 / 3)
    assert false.passed is False
    assert "REFUTED with a bias of order 0.333333, fits with order 0.166667" in false.summary


def test_the_order_of_a_law() -> None:
    """A share 1/N of uniform draws at zero."""

    def draw(n: int, rng: np.random.Generator) -> np.ndarray:
        return np.where(rng.random(65_536) < 1 / n, 0.0, rng.uniform(-2, 2, 65_536))

    t = sp.Symbol("t", real=True)
    for order, holds in ((1, True), (2, False)):
        claim = sl.limit(sp.sin(2 * t) / (2 * t), experiment=draw, kind="cf", order=order)
        link = claim.certify((4, 8, 16), seed=1).links[0]
        assert link.passed is holds
        assert ("fits with order 1" in link.summary) is not holds
        low, high = link.details["tests"][0]["intervals 95 %"][0]
        assert low < link.details["tests"][0]["differences"][0] < high


def test_an_order_that_is_not_tested_says_why() -> None:
    """Two sizes leave nothing to see a bias with; heavy tails at the size that an order is seen by hide it."""
    rng = np.random.default_rng(0)
    two = sl.limit(sp.S.One, order=1).compare({n: 1 + 0.1 * rng.standard_normal(500) for n in (8, 64)}).links[0]
    assert two.details["bias"] == {"order": 1, "not tested": "2 sizes, 3 are needed"}
    assert two.summary.endswith("; order not tested: 2 sizes, 3 are needed")
    # the order leans more on size 8 than the limit does: 0.55 and 0.52 of their standard errors
    light = [Samples(size, 1.0, 0.01, 100) for size in (4, 8, 16, 32)]
    heavy = [light[0], replace(light[1], kurtosis=65.0), *light[2:]]
    refused, tested = (check_samples(1.0, row, 1) for row in (heavy, light))
    assert "order not tested: a few draws make the variance" in refused.summary
    assert "p value" in tested.details["bias"]
    assert "not tested" not in tested.summary
    t = sp.Symbol("t", real=True)
    law = sl.limit(sp.exp(-(t**2) / 2), order=1, kind="cf").compare({n: rng.standard_normal(10**5) for n in (8, 64)})
    assert law.links[0].summary.endswith("; order not tested: 2 sizes, 3 are needed")
