"""Gram matrices of activations without closed form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.reading import gram_angular
from symlimits.reading.angular_table import AngularTable, angular_table
from symlimits.reading.gram_input import input_gaps, row_norms
from symlimits.reading.resolution import Floats


def data() -> Floats:
    """Rows that are zero, equal, opposite, parallel, near duplicates, large, small."""
    X = np.random.default_rng(0).normal(size=(11, 4))
    X[0], X[2], X[3], X[4], X[5] = 0.0, X[1], -X[1], 2 * X[1], X[1] * (1 + 1e-9)
    X[6] *= 20
    X[7] *= 1e-3
    X[8] = X[6] + 1e-3 * X[8]
    return X


def by_hand(name: str, X: Floats, depth: int, w: float, b: float) -> tuple[Floats, Floats]:
    """The recursion with the panel rule for every pair: exact covariances, no gaps, no series."""
    T, dot = sl.dual(getattr(act, name)), sl.dual(getattr(act, name)).dot()
    K = w * (X @ X.T) / X.shape[1] + b
    Theta = K.copy()
    for _ in range(depth):
        p = np.sqrt(np.outer(np.diag(K), np.diag(K)))
        c = np.clip(K, -p, p)
        np.fill_diagonal(c, np.diag(K))
        P, Q = np.broadcast_arrays(np.diag(K)[:, None], np.diag(K)[None, :])
        value, slope = T(P, Q, c), dot(P, Q, c)
        Theta = w * value + b + w * slope * Theta
        K = w * value + b
    return K, Theta


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "b_var"),
    [pytest.param("tanh", 0, marks=SLOW), pytest.param("silu", "1/10", marks=SLOW)],
)
def test_against_the_recursion_by_hand(name: str, b_var: object) -> None:
    X = data()
    net = sl.mlp(2, getattr(act, name), "3/2", b_var)
    K, Theta = by_hand(name, X, 2, 1.5, float(sp.Rational(b_var)))
    for kernel, truth in ((sl.nngp(net), K), (sl.ntk(net), Theta)):
        gram = kernel(X)
        scale = np.sqrt(np.outer(np.diag(truth), np.diag(truth))) + 1e-12 * truth.max()
        assert (np.abs(gram - truth) <= 1e-10 * scale).all()
        np.testing.assert_array_equal(gram, gram.T)
        np.testing.assert_array_equal(gram[1, 6:], gram[2, 6:])
        assert np.linalg.eigvalsh(gram)[0] >= -1e-12 * np.linalg.eigvalsh(gram)[-1]
        np.testing.assert_allclose(kernel(X, X[::-1]), gram[:, ::-1], rtol=0, atol=1e-13 * np.abs(gram).max())


@pytest.mark.slow
def test_one_layer_of_tanh() -> None:
    K = sl.nngp(sl.mlp(1, act.tanh, "3/2", "1/10"))
    value, truth = K.evaluate(1, 2, "1/2"), K.reference(1, 2, "1/2", digits=15)
    assert abs(value.value - truth) <= value.error <= 1e-13
    assert "series" in value.method


@SLOW
def test_closed_forms_and_series_in_one_network() -> None:
    net = sl.serial(sl.Dense(2), act.relu, sl.Dense(2), act.tanh, sl.Dense(1))
    gram = sl.ntk(net)(data())
    assert np.isfinite(gram).all()
    value = sl.ntk(net).evaluate(1, 2, "1/2")
    truth = sl.ntk(net).reference(1, 2, "1/2", digits=15)
    assert abs(value.value - truth) <= value.error <= 1e-10


@SLOW
def test_kinks_without_closed_form() -> None:
    clip = sl.activation("max(-1, min(1, x))")
    net = sl.mlp(1, clip, 2, 0)
    assert "panels" in sl.nngp(net).method
    value = sl.ntk(net).evaluate(3, 2, 1)
    assert abs(value.value - sl.ntk(net).reference(3, 2, 1, digits=15)) <= 1e-12


@pytest.mark.slow
def test_a_variance_beyond_the_breakpoints_is_refused() -> None:
    with pytest.raises(sl.SymlimitsError, match=r"variances up to 1e\+04"):
        sl.nngp(sl.mlp(1, act.tanh, 1, 0))(1e4 * np.ones((2, 2)))


def large() -> Floats:
    """Rows of all sizes, so that first variances go from 1e-3 to 1e3; equal, opposite, parallel and near ones."""
    random = np.random.default_rng(1)
    X = random.normal(size=(20, 4)) * 10 ** random.uniform(-1.5, 1.5, size=(20, 1))
    X[1], X[2], X[3], X[4], X[5] = X[0], -X[0], 2 * X[0], X[0] * (1 + 1e-9), 0.0
    X[6] = X[7] + 1e-3 * X[8]
    return X


@SLOW
@pytest.mark.parametrize("name", ["tanh", "silu"])
def test_large_variances_against_the_recursion_by_hand(name: str) -> None:
    X = large()
    net = sl.mlp(2, getattr(act, name), "3/2", "1/10")
    angular_table.cache_clear()
    for kernel, truth in zip((sl.nngp(net), sl.ntk(net)), by_hand(name, X, 2, 1.5, 0.1), strict=True):
        gram = kernel(X)
        assert (np.abs(gram - truth) <= 1e-12 * np.sqrt(np.outer(np.diag(truth), np.diag(truth)))).all()
        np.testing.assert_array_equal(gram, gram.T)
        np.testing.assert_array_equal(gram[0, 2:], gram[1, 2:])
        np.testing.assert_allclose(kernel(X, X[::-1]), gram[:, ::-1], rtol=0, atol=1e-13 * np.abs(gram).max())
    assert angular_table.cache_info().currsize > 0
    # pairs by the same code
    i, j = np.triu_indices(len(X))
    norms, loop = row_norms(X), sl.ntk(net).compile().loop
    inverses = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0.0)
    gaps = np.empty((len(X), len(X)))
    for row in range(len(X)):
        input_gaps(gaps[row], X[row] @ X.T, X[row], X, inverses[row], inverses)
    p = norms**2 / X.shape[1]
    pairs = loop.pairs(np.tile(p[i], 2), np.tile(p[j], 2), np.tile(gaps[i, j], 2))[1][: len(i)]
    assert (np.abs(pairs - gram[i, j]) <= 1e-13 * np.sqrt(np.diag(gram)[i] * np.diag(gram)[j])).all()


@SLOW
def test_a_table_that_is_too_short_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def shortened(*arguments: Any) -> AngularTable:
        table = angular_table(*arguments)
        assert table is not None
        ranks = table.ranks[: len(table.ranks) // 6]
        return replace(table, ranks=ranks, entries=np.ascontiguousarray(table.entries[:, : ranks.sum()]))

    kernel, X = sl.ntk(sl.mlp(1, act.tanh, 2, 0)), large()
    whole = kernel(X)
    monkeypatch.setattr(gram_angular, "angular_table", shortened)
    short = kernel(X)
    sizes = np.sqrt(np.outer(np.diag(whole), np.diag(whole)))
    assert (np.abs(short - whole) <= 1e-12 * sizes).all()
    assert (short != whole).any()
    # the control: were nothing said to be left out, the table would show
    rows = gram_angular._rows
    monkeypatch.setattr(gram_angular, "_rows", lambda *given: (rows(*given)[0], np.zeros(2)))
    assert (np.abs(kernel(X) - whole) > 1e-8 * sizes).any()
