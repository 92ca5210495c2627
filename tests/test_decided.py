"""Runs until a claim is decided: true ones accepted, false ones rejected, the same on any executor."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act

SIZES = (8, 16, 32)


def biased(size: int, rng: np.random.Generator) -> np.ndarray:
    """Mean 1 + 1/size, standard deviation one."""
    return 1 + 1 / size + rng.standard_normal(64)


ONE = sl.limit(sp.Integer(1), experiment=biased)


def test_a_true_claim_is_accepted_and_a_false_one_rejected() -> None:
    true = ONE.certify(SIZES, resolution=0.1).links[0]
    assert true.passed, true.summary
    assert true.details["control rejected"]
    assert true.details["verdict"] == "accepted"
    for off in (0.1, 0.3):
        false = sl.limit(1 + sp.Rational(str(off)), experiment=biased).certify(SIZES, resolution=0.1).links[0]
        assert false.passed is False
        assert false.details["p value"] <= false.details["alpha"] == 1e-6
        assert false.details["rounds"] < true.details["rounds"] or off == 0.1


def test_a_finer_resolution_takes_more_rounds() -> None:
    rounds = [ONE.certify(SIZES, resolution=r).links[0].details["rounds"] for r in (0.2, 0.1)]
    assert rounds[0] < rounds[1]


def test_the_same_on_any_executor_and_verified() -> None:
    alone = ONE.certify(SIZES, resolution=0.2).to_json()
    with ThreadPoolExecutor(3) as executor:
        assert ONE.certify(SIZES, executor=executor, resolution=0.2).to_json() == alone
    assert sl.verify(alone, experiment=biased).ok
    with pytest.raises(sl.DataError, match="the experiment"):
        sl.verify(alone)


def test_networks() -> None:
    K = sl.nngp(sl.mlp(1, act.relu, 2, 0))
    link = K.certify(SIZES, resolution=0.2).links[0]
    assert link.passed, link.summary


def test_refusals(tmp_path) -> None:
    for wrong in (0, -1, "x", True, float("inf")):
        with pytest.raises(sl.DomainError, match="resolution"):
            ONE.certify(SIZES, resolution=wrong)
    with pytest.raises(sl.DomainError, match="journal"):
        ONE.certify(SIZES, resolution=0.1, journal=tmp_path / "j")
    t = sp.Symbol("t", real=True)
    with pytest.raises(sl.DomainError, match="kind 'cf'"):
        sl.limit(sp.exp(-(t**2)), experiment=biased, kind="cf").certify(SIZES, resolution=0.1)
    heavy = sl.limit(sp.Integer(0), experiment=cauchy)
    with pytest.raises(sl.DomainError, match="heavy tails"):
        heavy.certify(SIZES, resolution=1.0)


def cauchy(size: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_cauchy(64)


def sixes_squared(size: int, rng: np.random.Generator) -> np.ndarray:
    """Mean one, and tails that no normal test bears."""
    return rng.standard_normal((8, 6)).prod(axis=1) ** 2


def test_heavy_tails_are_never_decided_early() -> None:
    for seed in range(3):
        with pytest.raises(sl.DomainError, match="heavy tails"):
            sl.limit(sp.Integer(1), experiment=sixes_squared, order=0).certify((2, 3, 4), seed=seed, resolution=0.9)


def one(size: int, rng: np.random.Generator) -> float:
    return 1 + float(rng.standard_normal())


def test_one_draw_a_call_is_enough() -> None:
    link = sl.limit(sp.Integer(1), experiment=one, order=0).certify(SIZES, resolution=0.3).links[0]
    assert link.passed, link.summary
