"""Layer descriptions: what is stored, and what is refused at the door."""

from __future__ import annotations

import pickle

import pytest
import sympy as sp

from symlimits.errors import DomainError, FormulaError
from symlimits.language.activation import activation
from symlimits.language.architecture import Dense, Repeat, Serial, mlp, serial
from symlimits.language.network_values import bound

RELU = activation("max(x, 0)")
L = sp.Symbol("L", integer=True, positive=True)


def test_dense() -> None:
    assert Dense(0.1, "1/3") == Dense(sp.Rational(1, 10), sp.Rational(1, 3))
    assert Dense(2).b_var is None
    assert Dense(2).bias_variance == 0
    assert Dense("sigma**2").w_var == sp.Symbol("sigma", positive=True) ** 2
    assert Dense(0, 0) == Dense(0, 0)
    assert pickle.loads(pickle.dumps(Dense(2, 1))) == Dense(2, 1)


@pytest.mark.parametrize(("w", "b"), [(-1, 0), (1, -0.5), ("-sigma**2", 0), (1, "-1/2")])
def test_negative_variances(w: object, b: object) -> None:
    with pytest.raises(DomainError, match="zero or larger"):
        Dense(w, b)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, None, [1]])
def test_variances_that_are_no_numbers(value: object) -> None:
    with pytest.raises(DomainError):
        Dense(value, 0)


def test_mlp() -> None:
    net = mlp(3, RELU, 2, 0)
    assert list(net.flat()) == [Dense(2, 0), *[RELU, Dense(2, 0)] * 3]
    assert mlp(3, "max(x, 0)", 2, 0) == net
    assert mlp(sp.S(2), RELU).layers[0] == Dense("sigma_w**2", "sigma_b**2")
    assert hash(net) == hash(mlp(3, RELU, 2, 0))


def test_an_open_depth() -> None:
    net = mlp("L", RELU)
    assert net.layers[1].count == L
    with pytest.raises(DomainError, match="depth L"):
        list(net.flat())
    assert list(bound(net, {L: sp.S(2)}).flat()) == list(mlp(2, RELU).flat())
    with pytest.raises(DomainError, match="depth = 0"):
        bound(net, {L: sp.S.Zero})


@pytest.mark.parametrize("depth", [0, -1, 1.5, "1/2", "-L/L", float("inf"), True])
def test_depths_that_are_none(depth: object) -> None:
    with pytest.raises(DomainError):
        mlp(depth, RELU)


def test_bound_puts_numbers_in() -> None:
    alpha = sp.Symbol("alpha", positive=True)
    x = sp.Symbol("x", real=True)
    net = mlp(1, activation(sp.erf(alpha * x), symbol=x), "sigma**2", "sigma", "standard", ("n",))
    sigma, n = sp.symbols("sigma n", positive=True)
    found = bound(net, {sigma: sp.S(2), alpha: sp.S(3), n: sp.S(5)})
    first, second, _ = found.flat()
    assert (first, second.expr) == (Dense(4, 2), sp.erf(3 * x))
    assert (found.widths, found.parameterization) == ((5,), "standard")


def test_widths() -> None:
    assert mlp(2, RELU, 2, 0, "standard", (8, "n")).widths == (8, sp.Symbol("n", positive=True))
    for widths in ((8,), (8, 8, 8)):
        with pytest.raises(DomainError, match="2 hidden layers"):
            mlp(2, RELU, 2, 0, "standard", widths)
    with pytest.raises(DomainError, match="1 widths for 2 hidden layers"):
        serial(Dense(1), RELU, Repeat((Dense(1), RELU), 1), Dense(1), parameterization="standard", widths=(8,))
    for widths in (8, "88", (0, 8), (8, -1), (8, 1.5)):
        with pytest.raises(DomainError):
            mlp(2, RELU, 2, 0, "standard", widths)


def test_parameterizations() -> None:
    with pytest.raises(DomainError, match="without widths"):
        mlp(2, RELU, 2, 0, "standard")
    with pytest.raises(DomainError, match="'ntk' or 'standard'"):
        mlp(2, RELU, 2, 0, "mup")


def test_serial() -> None:
    net = serial(Dense(2, 0), RELU, Repeat([Dense(1), RELU], 2), Dense(1))
    assert isinstance(net, Serial)
    assert len(list(net.flat())) == 7
    for layers in ((), (RELU,)):
        with pytest.raises(DomainError, match="without a Dense layer"):
            serial(*layers)
    with pytest.raises(DomainError, match="a layer such as"):
        serial(Dense(1), "relu")
    with pytest.raises(DomainError, match="depth = 0"):
        Repeat((Dense(1),), 0)


def test_an_activation_must_be_one() -> None:
    with pytest.raises(FormulaError):
        mlp(2, "a*x + b")
