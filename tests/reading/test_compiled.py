"""The compiled reading by head: functions, and kernels of data."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.reading.compiled import RecursionKernel, compiled
from symlimits.reading.kernel import ScalarKernel

NET = sl.mlp(depth=2, activation=act.relu, w_var=2, b_var="1/10")


@pytest.fixture(scope="module")
def kernel() -> RecursionKernel:
    return sl.ntk(NET).compile()


def data(n: int, d: int = 3) -> np.ndarray:
    X = np.random.default_rng(n).normal(size=(n, d))
    X[0] = 0
    X[2], X[3] = X[1], -2 * X[1]
    return X


def test_head_decides(kernel: RecursionKernel) -> None:
    x = sp.Symbol("x", real=True)
    assert isinstance(compiled(x**2, (x,)), ScalarKernel)
    assert isinstance(kernel, RecursionKernel)
    assert kernel.is_tangent
    assert not sl.nngp(NET).compile().is_tangent
    assert "def gram" in kernel.source


@pytest.mark.slow
def test_pairs_agree_with_gram(kernel: RecursionKernel) -> None:
    X = data(6)
    gram = X @ X.T / 3
    p, q = np.diag(gram)[:, None], np.diag(gram)[None, :]
    bound = np.sqrt(p * q)
    pairs = kernel.pairs(p, q, np.clip(gram, -bound, bound))
    np.testing.assert_allclose(pairs, kernel(X), rtol=1e-7, atol=1e-12)  # near rho = 1 the doubles p, q, c say no more
    np.testing.assert_allclose(pairs[0], kernel(X)[0], rtol=1e-14)
    assert type(kernel.pairs(1, 2, "1/2")) is float


def test_shapes_and_out(kernel: RecursionKernel) -> None:
    X, Z = data(7), data(5)
    out = np.empty((7, 5))
    assert kernel(X, Z, out=out) is out
    np.testing.assert_array_equal(kernel(X, Z), out)
    assert kernel(X).shape == (7, 7)
    np.testing.assert_allclose(kernel(Z, X).T, out, rtol=1e-14)


@pytest.mark.slow
def test_symmetric_positive_and_the_same_for_equal_rows(kernel: RecursionKernel) -> None:
    X = data(40)
    for gram in (kernel(X), sl.nngp(NET)(X)):
        assert np.isfinite(gram).all()
        np.testing.assert_array_equal(gram, gram.T)
        eigenvalues = np.linalg.eigvalsh(gram)
        assert eigenvalues[0] >= -1e-13 * eigenvalues[-1]
        np.testing.assert_array_equal(gram[1, 4:], gram[2, 4:])
        assert gram[1, 1] == gram[2, 2]


def test_dimension_comes_from_the_data() -> None:
    """In the standard parameterisation the tangent kernel of the first layer is x.z, whatever d is."""
    net = sl.mlp(1, act.relu, 2, 0, parameterization="standard", widths=(4,))
    kernel = sl.ntk(net).compile()
    one, padded = np.array([[1.0, 2.0]]), np.array([[1.0, 2.0, 0.0]])
    # Theta = 4 T(K) + 1 + 2 (1/2) (x.x + 1), K = 2 x.x/d, T = K/2
    for X, d in ((one, 2), (padded, 3)):
        assert kernel(X)[0, 0] == pytest.approx(4 * 5 / d + 1 + 6, rel=1e-15)
    with pytest.raises(sl.errors.UnboundSymbol, match="d without a value"):
        kernel.pairs(1, 1, 0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([[1.0], [1.0, 2.0]], "different lengths"),
        ("abc", "entries of type"),
        (1.0, "shape"),
        ([[np.nan]], "NaN"),
        (np.ones((2, 2, 2)), "shape"),
    ],
)
def test_wrong_data(kernel: RecursionKernel, wrong: object, message: str) -> None:
    with pytest.raises(sl.errors.DataError, match=message):
        kernel(wrong)
    with pytest.raises(sl.errors.DataError, match=message):
        kernel(np.ones((2, 2)), wrong)
    with pytest.raises(sl.SymlimitsError):
        kernel.pairs(1.0, 1.0, "x")
