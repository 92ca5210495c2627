"""Compiled derivatives of kernels: Gram matrices against central differences, near and at parallel inputs too."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.errors import DataError, DomainError
from symlimits.reading.rate_layers import Moving

SLOW = pytest.mark.slow
STEP = 1e-5
DIFFERENCE = 1e-8  # of a central difference in float64: STEP^2 times a third derivative, 1e-16 / STEP of rounding
X = np.random.default_rng(0).standard_normal((8, 3))
X[3], X[4], X[5], X[6] = X[2], 2 * X[2], -X[2], X[2] + 1e-7
AT = {"sigma_w": 1.25, "sigma_b": 0.4}


def differences(K: sl.Limit, name: str, data: np.ndarray) -> np.ndarray:
    up, down = (K(data, **AT | {name: AT[name] + h}) for h in (STEP, -STEP))
    return (up - down) / (2 * STEP)


def agrees(K: sl.Limit, name: str, data: np.ndarray = X) -> bool:
    expected = differences(K, name, data)
    found = K.derivative(name)(data, **AT)
    return bool(np.abs(found - expected).max() < DIFFERENCE * np.abs(expected).max())


PHIS = [act.erf, act.sin, act.absolute]  # smooth, a wave, and even with a kink


def test_a_gram_matrix_of_relu() -> None:
    assert agrees(sl.ntk(sl.mlp(3, act.relu)), "sigma_w")


@SLOW
@pytest.mark.parametrize("phi", PHIS, ids=str)
def test_gram_matrices(phi: sl.Activation) -> None:
    K, Theta = (kernel(sl.mlp(3, phi)) for kernel in (sl.nngp, sl.ntk))
    assert agrees(Theta, "sigma_w")
    assert agrees(Theta, "sigma_b")
    assert agrees(K, "sigma_w")
    compiled = Theta.derivative("sigma_w").bind(**AT).compile()
    value, rate = compiled.both(X)
    assert np.allclose(value, Theta(X, **AT), rtol=1e-12, atol=1e-12)
    assert (rate == rate.T).all()
    assert np.array_equal(rate, compiled(X))
    # a kernel that is homogeneous in the weights: another derivative would not fit
    assert not np.allclose(rate, Theta.derivative("sigma_b").bind(**AT)(X))


@SLOW
def test_without_closed_form() -> None:
    assert agrees(sl.nngp(sl.mlp(2, act.tanh)), "sigma_w", X[:4])


@SLOW
@pytest.mark.parametrize("b", ["0", "sigma_b**2"])
def test_residual_networks(b: str) -> None:
    w = "sigma_w**2"
    block = sl.Residual(act.relu, sl.Dense(w, b))
    longer = sl.Residual(act.relu, sl.Dense(w, b), act.relu, sl.Dense(w, b))
    net = sl.serial(sl.Dense(w, b), block, block, longer, act.relu, sl.Dense("sigma_w", "sigma_b"))
    assert agrees(sl.nngp(net), "sigma_w")
    assert agrees(sl.ntk(net), "sigma_w")


@SLOW
def test_certified() -> None:
    """Compiled code against the last line at gaps down to 1e-14 and at 0."""
    certificate = sl.ntk(sl.mlp("L", act.relu)).derivative("sigma_w").bind(L=1).check()
    assert certificate.ok
    assert certificate.links[1].passed


def test_relu_by_homogeneity() -> None:
    """Without biases K is sigma_w^(2 L + 2) times a constant: dK = (2 L + 2) K / sigma_w, to rounding."""
    Theta = sl.ntk(sl.mlp(3, act.relu, "sigma_w**2", 0))
    rate = Theta.derivative("sigma_w").bind(sigma_w="5/4").compile()
    value, found = rate.both(X, X[:3])
    assert np.allclose(found, 8 / 1.25 * value, rtol=1e-13, atol=0)
    out = np.empty((8, 3))
    assert rate(X, X[:3], out=out) is out
    assert np.array_equal(out, found)
    truth = Theta.bind(sigma_w="5/4").reference(1, 1, "1/2", digits=20)
    assert rate.pairs(1.0, 1.0, 0.5) == pytest.approx(8 / 1.25 * float(truth), rel=1e-14)
    assert "gufunc" in rate.source or "guvectorize" in rate.source


def test_refused() -> None:
    rate = sl.nngp(sl.mlp(1, act.relu, "sigma_w**2", "b_var")).derivative("b_var").bind(sigma_w=1, b_var=0)
    with pytest.raises(DomainError, match="variance zero that moves"):
        rate([[1.0, 0.0], [0.0, 0.0]])
    with pytest.raises(DataError, match="one space"):
        rate([[1.0, 0.0]], [[1.0]])
    with pytest.raises(DataError):
        rate([[np.nan, 0.0]])


def test_dual_numbers() -> None:
    """Each operation against SymPy's derivative at random numbers."""
    t = sp.Symbol("t")
    a, b = 2 + 3 * t, 5 - t**2
    x, y = Moving(np.array(8.0), np.array(3.0)), Moving(np.array(1.0), np.array(-4.0))  # at t = 2
    for found, expected in ((x * y, a * b), (x.over(y), a / b), (x.root(), sp.sqrt(a)), (x.inverse(), 1 / a)):
        assert float(found.value) == pytest.approx(float(expected.subs(t, 2)))
        assert float(found.rate) == pytest.approx(float(expected.diff(t).subs(t, 2)))
    zero = Moving(np.array(0.0), np.array(0.0))
    assert zero.root() == zero
    assert zero.inverse() == zero


@SLOW
def test_fitting() -> None:
    """The gradient of the evidence against its central difference."""
    Y = np.sin(X.sum(axis=1, keepdims=True)) @ [[1.0, 0.5]]
    data, targets = X[[0, 1, 2, 7]], Y[[0, 1, 2, 7]]
    dK = sl.nngp(sl.mlp(2, act.relu, "sigma_w**2", "1/10")).derivative("sigma_w")

    def posterior(s: float):  # type: ignore[no-untyped-def]
        return sl.posterior(sl.mlp(2, act.relu, s**2, "1/10"), data, targets, noise_var=0.1)

    up, down = (posterior(1.3 + h).log_evidence for h in (STEP, -STEP))
    gradient = posterior(1.3).evidence_gradient(dK(data, sigma_w=1.3))
    assert gradient == pytest.approx((up - down) / (2 * STEP), rel=1e-7)
    with pytest.raises(DataError):
        posterior(1.3).evidence_gradient(np.eye(3))
