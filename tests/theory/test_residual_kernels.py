"""Residual blocks: their limit against a recursion in mpmath and against finite networks, and what has none."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.finite import network
from symlimits.language.architecture import Repeat
from symlimits.language.network_tree import network_from_tree, network_to_tree
from symlimits.language.recursion import Earlier, Recursion

Number = mp.mpf
State = list[Number]
DIGITS = 40
SLOW = pytest.mark.slow
ROUNDING = 1e-14  # of float64 through ten layers, relative
POINTS = [("1", "1", "1"), ("1", "1", "-1"), ("2", "1/2", "1/3"), ("1/10", "5", "-1/2")]
FIRST, LAST, INNER = sl.Dense(2, "1/10"), sl.Dense(1, 0), sl.Dense("3/2", "1/5")
BLOCK = sl.Residual(act.erf, INNER)
RESIDUAL = sl.serial(sl.Dense(2, 0), BLOCK, act.erf, LAST)


def of_erf(K: State) -> State:
    """The dual of erf and that of its derivative times Theta (Williams 1997), typed here once more."""
    a, b, k, theta = K
    m = (1 + 2 * a) * (1 + 2 * b)
    T = [2 / mp.pi * mp.asin(2 * x / mp.sqrt(y)) for x, y in ((a, (1 + 2 * a) ** 2), (b, (1 + 2 * b) ** 2), (k, m))]
    return [*T, theta * 4 / mp.pi / mp.sqrt(m - 4 * k**2)]


def of_dense(K: State, w: str, b: str) -> State:
    first, second = (mp.mpf(sp.Rational(x).p) / sp.Rational(x).q for x in (w, b))
    values = [first * k + second for k in K[:3]]
    return [*values, values[2] + first * K[3]]


def added(K: State, branch: Callable[[State], State]) -> State:
    return [a + b for a, b in zip(K, branch(K), strict=True)]


def shallow(K: State) -> State:
    return of_dense(of_erf(K), "3/2", "1/5")


def deep(K: State) -> State:
    """Two layers, with a residual block between them."""
    return of_dense(of_erf(added(shallow(K), shallow)), "1", "0")


NETWORKS = {
    "one block": ((BLOCK,), [shallow]),
    "repeated": ((Repeat((BLOCK,), 3),), [shallow] * 3),
    "nested": ((sl.Residual(act.erf, INNER, BLOCK, act.erf, LAST),), [deep]),
    "nested and repeated": (
        (BLOCK, Repeat((sl.Residual(act.erf, INNER, BLOCK, act.erf, LAST),), 2)),
        [shallow, deep, deep],
    ),
}


def truth(branches: Sequence[Callable[[State], State]], point: Sequence[Number]) -> State:
    K = of_dense([*point, mp.mpf(0)], "2", "1/10")
    for branch in branches:
        K = added(K, branch)
    return of_dense(of_erf(K), "1", "0")


@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param(name, marks=SLOW) if "nested" in name else name for name in NETWORKS])
def test_recursions(name: str) -> None:
    """Reference, evaluation and compiled loop of K and Theta."""
    layers, branches = NETWORKS[name]
    net = sl.serial(FIRST, *layers, act.erf, LAST)
    for point in POINTS:
        with mp.workdps(3 * DIGITS):
            known = truth(branches, [mp.mpf(sp.Rational(v).p) / sp.Rational(v).q for v in point])
            for kernel, value in ((sl.nngp(net), known[2]), (sl.ntk(net), known[3])):
                assert abs(kernel.reference(*point, digits=30) / value - 1) < mp.mpf(10) ** -28
                assert abs(kernel.compile().pairs(*map(float, map(sp.Rational, point))) / value - 1) < ROUNDING
                found = kernel.evaluate(*point)
                assert abs(found.value - value) <= found.error + 1e-100
                assert found.error < 1e-12 * abs(value)


@SLOW
def test_data_that_are_close_opposite_or_zero() -> None:
    """The compiled sum of a block keeps its digits where correlations are near one, and the Gram is symmetric."""
    kernel = sl.ntk(sl.serial(FIRST, Repeat((BLOCK,), 3), act.erf, LAST))
    X = np.random.default_rng(0).normal(size=(12, 4))
    X[0], X[2], X[3], X[4] = 0, X[1], X[1] * (1 + 1e-9), -X[1]
    gram = kernel(X)
    assert np.isfinite(gram).all()
    np.testing.assert_array_equal(gram, gram.T)
    np.testing.assert_array_equal(gram[1, 5:], gram[2, 5:])
    for gap in (1e-15, 1e-9, 1e-3, -1e-9):
        rho = (1 - abs(sp.Rational(gap))) * (1 if gap > 0 else -1)
        exact = kernel.reference(2, "1/2", rho, digits=25)
        assert abs(kernel.compile().pairs_with_gap(2.0, 0.5, gap) / float(exact) - 1) < ROUNDING


@pytest.mark.slow
def test_open_depth() -> None:
    K = sl.ntk(sl.serial(FIRST, Repeat((BLOCK,), "L"), act.erf, LAST))
    bound, numbers = K.bind(L=3), sl.ntk(sl.serial(FIRST, Repeat((BLOCK,), 3), act.erf, LAST))
    X = np.random.default_rng(1).normal(size=(3, 4))
    np.testing.assert_array_equal(bound(X), numbers(X))
    assert "L" in K.latex()
    assert "Earlier" not in K.latex() + str(K.recursion)
    (maps, _), *_ = K.recursion.stages
    first, *_ = K.recursion.states
    assert not maps[0].has(Earlier)
    assert maps[0].subs(first, 0) != maps[0] - first  # what a block adds depends on what it is added to


@pytest.mark.slow
def test_standard_parameterisation() -> None:
    """One block by hand: the first layer has d inputs, the others widths; each bias counts one."""
    d, widths = 3, (5, 5)
    net = sl.serial(FIRST, BLOCK, act.erf, LAST, parameterization="standard", widths=widths)
    X = np.random.default_rng(2).normal(size=(2, d))
    c = float(X[0] @ X[1]) / d
    K = [2 * float(v) / d + 0.1 for v in (X[0] @ X[0], X[1] @ X[1], X[0] @ X[1])]
    theta = d * c + 1
    T = [float(v) for v in of_erf([*K, theta])]
    K, theta = [k + 1.5 * t + 0.2 for k, t in zip(K, T[:3], strict=True)], theta + 5 * T[2] + 1 + 1.5 * T[3]
    T = [float(v) for v in of_erf([*K, theta])]
    assert sl.ntk(net)(X)[0, 1] == pytest.approx(5 * T[2] + 1 + T[3], rel=ROUNDING)
    unequal = sl.serial(FIRST, BLOCK, act.erf, LAST, parameterization="standard", widths=(5, 7))
    with pytest.raises(sl.errors.DomainError, match="equal widths"):
        network.empirical_ntk(unequal, X, 2, np.random.default_rng(0))


@pytest.mark.slow
@pytest.mark.parametrize("kernel", [sl.nngp, pytest.param(sl.ntk, marks=SLOW)])
def test_certificates(kernel: Callable[[object], sl.Limit]) -> None:
    """Finite networks, lines and compiled code."""
    cert = kernel(RESIDUAL).certify(sizes=(16, 32, 64), seed=0)
    assert cert.ok, str(cert)
    assert all(link.passed for link in cert.links)


@SLOW
def test_a_plain_kernel_is_rejected() -> None:
    plain = sl.ntk(sl.serial(sl.Dense(2, 0), act.erf, INNER, act.erf, LAST))
    wrong = replace(plain, experiment=sl.ntk(RESIDUAL).experiment).certify(sizes=(16, 32, 64), seed=0)
    assert not wrong.links[0].passed


def test_storing() -> None:
    for layers, _ in NETWORKS.values():
        net = sl.serial(FIRST, *layers, act.erf, LAST)
        assert network_from_tree(json.loads(json.dumps(network_to_tree(net)))) == net
    kernel = sl.ntk(RESIDUAL)
    assert sl.load(kernel.to_json()).trace == kernel.trace
    nested = sl.serial(FIRST, BLOCK, act.erf, LAST)
    for _ in range(20):
        nested = sl.serial(FIRST, sl.Residual(*nested.layers[1:]), act.erf, LAST)
    with pytest.raises(sl.errors.FormulaError):
        network_from_tree(network_to_tree(nested))


REFUSED = [
    (sl.serial(FIRST, sl.Residual(act.erf), LAST), r"ends with .*sl.Dense\(1\) as the last layer"),
    (sl.serial(FIRST, sl.Residual(act.erf, INNER, act.relu), LAST), "ends with a Dense layer"),
    (sl.serial(FIRST, sl.Residual(BLOCK), act.erf, LAST), "ends with a Dense layer"),
    (sl.serial(FIRST, act.erf, BLOCK, LAST), "a Dense layer between them"),
    (sl.serial(BLOCK, act.erf, LAST), "Dense layers at both ends"),
    (sl.serial(FIRST, act.erf, LAST, BLOCK), "Dense layers at both ends"),
    (sl.serial(FIRST, sl.Residual(Repeat((act.erf, INNER), "L")), act.erf, LAST), "a number in place of L"),
]


@pytest.mark.parametrize(("net", "message"), REFUSED)
def test_networks_without_a_limit(net: object, message: str) -> None:
    with pytest.raises(sl.errors.NoRule, match=message):
        sl.nngp(net)  # type: ignore[arg-type]


def test_blocks_that_are_none() -> None:
    with pytest.raises(sl.errors.DomainError, match="without layers"):
        sl.Residual()
    with pytest.raises(sl.errors.DomainError, match="a layer such as"):
        sl.Residual(act.erf, "dense")  # type: ignore[arg-type]
    y = sp.Symbol("y")
    with pytest.raises(sl.errors.DomainError, match="outside of a block"):
        Recursion((y,), (y,), [(((y**2,), (y + Earlier(y, 2),)), 1)], y)


@pytest.mark.slow
def test_a_block_of_features() -> None:
    """Between an activation and a Dense layer, with a branch that begins with one: second moments add there too."""
    net = sl.serial(FIRST, act.erf, sl.Residual(INNER, act.erf, INNER), LAST)
    K = of_erf(of_dense([*map(mp.mpf, (1, 2, 0.5)), mp.mpf(0)], "2", "1/10"))
    K = of_dense(added(K, lambda k: of_dense(of_erf(of_dense(k, "3/2", "1/5")), "3/2", "1/5")), "1", "0")
    assert sl.nngp(net).compile().pairs(1.0, 2.0, 0.5) == pytest.approx(float(K[2]), rel=ROUNDING)
    assert sl.ntk(net).compile().pairs(1.0, 2.0, 0.5) == pytest.approx(float(K[3]), rel=ROUNDING)
