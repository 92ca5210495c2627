"""LayerNorm, Concat, Product: their limits against recursions in mpmath and finite networks; orders without a limit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.errors import DomainError, NoRule
from symlimits.language.architecture import Repeat, Serial
from symlimits.language.network_tree import network_from_tree, network_to_tree
from symlimits.theory.programs.kernel_program import inputs, kernel_lines

Number = mp.mpf
State = list[Number]
SLOW = pytest.mark.slow
DIGITS = 40
ROUNDING = 1e-14  # of float64 through ten layers, relative to the kernel on its diagonal
POINTS = [("1", "1", "1"), ("2", "1/2", "1/3"), ("1/10", "5", "-1/2")]
FIRST, LAST, INNER, WITHOUT = sl.Dense(2, "1/10"), sl.Dense(1, 0), sl.Dense("3/2", "1/5"), sl.Dense("1/2", 0)


# the maps of kernels, typed here once more: Williams 1997, Cho and Saul 2009
def erf(K: State) -> State:
    a, b, k, theta = K
    m = (1 + 2 * a) * (1 + 2 * b)
    T = [2 / mp.pi * mp.asin(2 * x / mp.sqrt(y)) for x, y in ((a, (1 + 2 * a) ** 2), (b, (1 + 2 * b) ** 2), (k, m))]
    return [*T, theta * 4 / mp.pi / mp.sqrt(m - 4 * k**2)]


def relu(K: State) -> State:
    a, b, k, theta = K
    angle = mp.acos(max(mp.mpf(-1), min(mp.mpf(1), k / mp.sqrt(a * b))))
    T = (mp.sqrt(a * b) * mp.sin(angle) + k * (mp.pi - angle)) / (2 * mp.pi)
    return [a / 2, b / 2, T, theta * (mp.pi - angle) / (2 * mp.pi)]


def dense(K: State, layer: sl.Dense) -> State:
    w, b = (mp.mpf(sp.Rational(x).p) / sp.Rational(x).q for x in (layer.w_var, layer.bias_variance))
    values = [w * k + b for k in K[:3]]
    return [*values, values[2] + w * K[3]]


def norm(K: State) -> State:
    root = mp.sqrt(K[0] * K[1])
    return [mp.mpf(1), mp.mpf(1), K[2] / root, K[3] / root]


def mean(*parts: tuple[int, State]) -> State:
    total = sum(width for width, _ in parts)
    return [sum(width * K[i] for width, K in parts) / total for i in range(4)]


def times(first: State, second: State) -> State:
    kernels = [a * b for a, b in zip(first[:3], second[:3], strict=True)]
    return [*kernels, first[3] * second[2] + first[2] * second[3]]


def of_norms(K: State) -> State:
    for _ in range(2):
        K = [a + b for a, b in zip(K, dense(relu(norm(K)), INNER), strict=True)]
    return dense(erf(norm(K)), LAST)


def of_concats(K: State) -> State:
    """Three branches; the last is a concatenation itself, of two, and counts twice."""
    joined = mean((1, K), (1, dense(erf(K), INNER)), (2, mean((1, relu(K)), (1, dense(K, WITHOUT)))))
    return dense(erf(dense(joined, LAST)), LAST)


def of_products(K: State) -> State:
    for _ in range(2):
        K = dense(norm(times(dense(K, INNER), erf(dense(K, WITHOUT)))), INNER)
    return dense(times(dense(K, LAST), times(dense(K, WITHOUT), dense(K, INNER))), LAST)


BLOCK = sl.Residual(sl.LayerNorm(), act.relu, INNER)
CONCAT = sl.Concat((), (act.erf, INNER), (sl.Concat((act.relu,), (WITHOUT,)),))
GATE = sl.Product((INNER,), (WITHOUT, act.erf))
CUBE = sl.Product((LAST,), (WITHOUT,), (INNER,))
NETWORKS: dict[str, tuple[Serial, Callable[[State], State]]] = {
    "LayerNorm": (sl.serial(FIRST, Repeat((BLOCK,), 2), sl.LayerNorm(), act.erf, LAST), of_norms),
    "Concat": (sl.serial(FIRST, CONCAT, LAST, act.erf, LAST), of_concats),
    "Product": (sl.serial(FIRST, Repeat((GATE, sl.LayerNorm(), INNER), 2), CUBE, LAST), of_products),
}


def numbers(point: tuple[str, ...]) -> list[Number]:
    return [mp.mpf(sp.Rational(v).p) / sp.Rational(v).q for v in point]


@pytest.mark.parametrize("name", NETWORKS)
def test_references(name: str) -> None:
    net, after = NETWORKS[name]
    for point in POINTS[1:]:
        with mp.workdps(2 * DIGITS):
            truth = after(dense([*numbers(point), mp.mpf(0)], FIRST))
            for kernel, value in ((sl.nngp(net), truth[2]), (sl.ntk(net), truth[3])):
                assert abs(kernel.reference(*point, digits=30) / value - 1) < mp.mpf(10) ** -28


@SLOW
@pytest.mark.parametrize("name", NETWORKS)
def test_compiled_loops(name: str) -> None:
    """K and Theta to the last digits, where inputs are close, opposite or equal too."""
    net, after = NETWORKS[name]
    kernels = sl.nngp(net), sl.ntk(net)
    for gap in (0.0, 1e-15, 1e-9, 1e-3, 0.4, 1.0, -1e-9, -0.0):
        with mp.workdps(3 * DIGITS):
            rho = (1 - abs(mp.mpf(gap))) * mp.sign(mp.mpf(gap) or 1 / mp.mpf(np.copysign(1, gap)))
            starts = [(mp.mpf(2), mp.mpf("0.5"), rho), *((mp.mpf(v),) * 2 + (mp.mpf(1),) for v in (2, 0.5))]
            laws = [[a, b, c * mp.sqrt(a * b), mp.mpf(0)] for a, b, c in starts]
            found, first, second = (after(dense(law, FIRST)) for law in laws)
            for kernel, i in zip(kernels, (2, 3), strict=True):
                size = mp.sqrt(first[i] * second[i])
                assert abs(kernel.compile().pairs_with_gap(2.0, 0.5, gap) - found[i]) < ROUNDING * size, gap


@SLOW
def test_variances_are_one_after_a_norm() -> None:
    """The Gram matrix of networks with LayerNorm at close, equal and opposite rows; a row of zeros is refused."""
    X = np.random.default_rng(0).normal(size=(8, 4))
    X[1], X[2], X[3] = X[0], X[0] * (1 + 1e-9), -X[0]
    net = sl.serial(sl.Dense(2), Repeat((sl.LayerNorm(), act.relu, sl.Dense(2)), 30), sl.LayerNorm(), act.erf, LAST)
    K = sl.nngp(net)
    gram = K(X)
    np.testing.assert_array_equal(gram, gram.T)
    np.testing.assert_array_equal(np.diag(gram), gram[0, 0])
    np.testing.assert_array_equal(gram[0, 4:], gram[1, 4:])
    assert gram[0, 0] == pytest.approx(2 / np.pi * np.arcsin(2 / 3), rel=1e-15)
    assert np.linalg.eigvalsh(gram)[0] > -1e-13
    X[4] = 0
    with pytest.raises(DomainError, match=r"point 4 of X, of variance 0 at a LayerNorm.*a bias before it"):
        K(X)


CERTIFIED = {
    "LayerNorm": sl.serial(FIRST, sl.LayerNorm(), act.relu, INNER),
    "Concat": sl.serial(sl.Dense(1, 0), sl.Concat((), (act.relu, sl.Dense(2))), LAST),
    "Product": sl.serial(sl.Dense(1, 0), sl.Product((LAST,), (sl.Dense(1), act.erf)), LAST),
}
PLAIN = {
    "LayerNorm": sl.serial(FIRST, act.relu, INNER),  # as if it were not there
    "Concat": sl.serial(sl.Dense(1, 0), sl.Residual(act.relu, sl.Dense(2)), LAST),  # a sum, not a mean
    "Product": sl.serial(sl.Dense(1, 0), act.erf, LAST),  # one branch alone
}


@SLOW
@pytest.mark.parametrize(("name", "kernel"), [(name, sl.ntk) for name in CERTIFIED] + [("LayerNorm", sl.nngp)])
def test_certificates(name: str, kernel: Callable[[object], sl.Limit]) -> None:
    """Naive networks of three widths, lines, compiled code, and the network as a program where there is one."""
    limit = kernel(CERTIFIED[name])
    naive = replace(limit, experiment=replace(limit.experiment, sampler="naive"))
    cert = naive.certify(sizes=(16, 32, 64), seed=1)
    assert cert.ok, str(cert)
    assert [link.passed for link in cert.links] == [True, True, True, *([None] if name == "Concat" else [True])]
    wrong = kernel(PLAIN[name]).reference(*POINTS[1], digits=15)
    draw = naive.bind(**dict(zip("pqc", POINTS[1], strict=True))).experiment.at({})
    assert sl.limit(wrong, experiment=draw).certify(sizes=(16, 32, 64), seed=1).links[0].passed is False


@pytest.mark.parametrize("tangent", [False, True])
@pytest.mark.parametrize("name", ["LayerNorm", "Product"])
def test_the_master_theorem_leads_to_the_same_kernels(name: str, tangent: bool) -> None:
    """Backpropagation goes through the means of LayerNorm; what they add vanishes, line by line."""
    nets = {
        "LayerNorm": sl.serial(sl.Dense(2, "1/10"), sl.LayerNorm(), act.relu, sl.Dense("3/2", 0)),
        "Product": sl.serial(sl.Dense(2, 0), sl.Product((sl.Dense(1, 0),), (sl.Dense(2, 0), act.relu)), LAST),
    }
    lines = kernel_lines(nets[name], tangent)
    at = {s: value for s, value in inputs(*map(sp.Rational, POINTS[1])).items() if s in lines[-1].expr.free_symbols}
    program = sl.Limit(lines[-1:]).bind(**{s.name: value for s, value in at.items()}).evaluate()
    recursion = (sl.ntk if tangent else sl.nngp)(nets[name]).reference(*POINTS[1])
    assert program.value == pytest.approx(float(recursion), abs=1e-10)
    if tangent and name == "LayerNorm":
        assert any(step.rule == "what vanishes left out" for step in lines)


def test_storing_and_printing() -> None:
    for net, _ in NETWORKS.values():
        assert network_from_tree(json.loads(json.dumps(network_to_tree(net)))) == net
    kernel = sl.ntk(NETWORKS["Concat"][0])
    assert sl.load(kernel.to_json()).trace == kernel.trace
    assert "Earlier" not in kernel.latex() + str(kernel.recursion)
    assert r"\Theta^{\ell}}{\sqrt{K^{\ell}_{xx} K^{\ell}_{zz}}}" in sl.ntk(CERTIFIED["LayerNorm"]).latex()


def test_standard_parameterisation_weighs_by_width() -> None:
    """A concatenation of 3 and 5 units, by hand: means by width, and 8 inputs for the Dense layer after it."""
    net = sl.serial(
        *(sl.Dense(1, 0), sl.Concat((), (act.relu, sl.Dense(2, 0))), sl.Dense(1, 0)),
        parameterization="standard",
        widths=(3, 5),
    )
    p, q, c, d = 2.0, 0.5, 1 / 3, 4
    with mp.workdps(15):
        T = [float(v) for v in relu([*map(mp.mpf, (p, q, c, 1.0))])]
    theta = d * c + 1
    K = (3 * c + 5 * 2 * T[2]) / 8
    theta = (3 * theta + 5 * (3 * T[2] + 1 + 2 * T[3] * theta)) / 8
    assert sl.nngp(net).reference(2, "1/2", "1/3") == pytest.approx(K, rel=1e-14)
    assert sl.ntk(net).bind(d=4).reference(2, "1/2", "1/3") == pytest.approx(8 * K + 1 + theta, rel=1e-14)


GROWING = sl.Concat((), (sl.LayerNorm(), sl.Dense(1), act.erf, sl.Dense(1)))


def test_concatenations_that_grow() -> None:
    """Every repetition meets one branch more: written out they are the same."""
    grown = sl.serial(FIRST, Repeat((GROWING,), 3), LAST)
    written = sl.serial(FIRST, GROWING, GROWING, GROWING, LAST)
    assert sl.ntk(grown).reference(*POINTS[1]) == sl.ntk(written).reference(*POINTS[1])
    with pytest.raises(DomainError, match="depth L with different widths"):
        sl.nngp(sl.serial(FIRST, Repeat((GROWING,), "L"), LAST))


ORDERS = [
    (
        sl.serial(FIRST, act.relu, act.erf, LAST),
        r"two activations in a row, Max\(0, x\) and erf\(x\).*try: sl.Dense\(1\)",
    ),
    (sl.serial(FIRST, sl.LayerNorm(), act.relu, sl.Residual(act.erf, LAST), LAST), "two activations in a row"),
    (sl.serial(FIRST, LAST), "two Dense layers in a row.*try: act.linear between them"),
    (sl.serial(FIRST, Repeat((act.relu, INNER, LAST), 2), LAST), "two Dense layers in a row"),
    (sl.serial(FIRST, act.relu, sl.LayerNorm(), LAST), "LayerNorm of centred units.*before the activation"),
    (sl.serial(FIRST, CONCAT, act.relu, LAST), "at the end of every branch"),
    (sl.serial(FIRST, GATE, act.relu, LAST), "after a Product, whose units are not Gaussian"),
    (sl.serial(FIRST, GATE, sl.LayerNorm(), act.relu, LAST), "after what is not Gaussian"),
    (sl.serial(FIRST, sl.Concat((act.relu,), (INNER,)), sl.LayerNorm(), LAST), "LayerNorm after Concat"),
    (sl.serial(CONCAT, LAST), "Dense layers at both ends"),
    (sl.serial(FIRST, sl.Concat((), (Repeat((act.relu, INNER), "L"),)), LAST), "a Concat with L layers"),
]


@pytest.mark.parametrize(("net", "message"), ORDERS)
def test_orders_without_a_limit(net: object, message: str) -> None:
    with pytest.raises(NoRule, match=message):
        sl.nngp(net)  # type: ignore[arg-type]


def test_branches_that_are_none() -> None:
    with pytest.raises(DomainError, match=r"Residual of branches and trunk with 4 and 1 units"):
        sl.ntk(sl.serial(FIRST, CONCAT, sl.Residual(LAST, act.erf, LAST), LAST))
    with pytest.raises(DomainError, match="two branches or more"):
        sl.Concat((act.relu,))
    with pytest.raises(DomainError, match="a tuple of layers"):
        sl.Product(sl.Dense(1), sl.Dense(1))  # type: ignore[arg-type]
    with pytest.raises(DomainError, match="a Dense layer in every branch"):
        sl.Product((), (sl.Dense(1),))
