"""Gram matrices of activations without closed form."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
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
    [pytest.param("tanh", 0, marks=SLOW), pytest.param("silu", "1/10", marks=SLOW), pytest.param("elu", 0, marks=SLOW)],
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


def test_a_variance_beyond_the_breakpoints_is_refused() -> None:
    with pytest.raises(sl.SymlimitsError, match="finite variance"):
        sl.nngp(sl.mlp(1, act.tanh, 1, 0))(1e4 * np.ones((2, 2)))
