"""The theory of kernels against formulas written down again in mpmath, and the words of its refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.price import c, p, q
from symlimits.finite import network
from symlimits.language.architecture import Repeat
from symlimits.theory import kernels

DIGITS = 40
Number = mp.mpf
Dual = Callable[[Number, Number, Number], Number]


def clipped(x: Number) -> Number:
    return max(Number(-1), min(Number(1), x))


# Cho and Saul 2009; Williams 1997; Price 1958: T and its derivative in c, typed here once more
def relu(a: Number, b: Number, k: Number) -> tuple[Number, Number]:
    theta = mp.acos(clipped(k / mp.sqrt(a * b)))
    return (mp.sqrt(a * b) * mp.sin(theta) + k * (mp.pi - theta)) / (2 * mp.pi), (mp.pi - theta) / (2 * mp.pi)


def erf(a: Number, b: Number, k: Number) -> tuple[Number, Number]:
    m = (1 + 2 * a) * (1 + 2 * b)
    return 2 / mp.pi * mp.asin(2 * k / mp.sqrt(m)), 4 / mp.pi / mp.sqrt(m - 4 * k**2)


def sine(a: Number, b: Number, k: Number) -> tuple[Number, Number]:
    return mp.exp(-(a + b) / 2) * mp.sinh(k), mp.exp(-(a + b) / 2) * mp.cosh(k)


DUALS = {"relu": relu, "erf": erf, "sin": sine}


def dense(w: Number, b: Number, K: list[Number]) -> list[Number]:
    return [w * k + b for k in K]


def recursion(
    dual: Callable[..., tuple[Number, Number]],
    depth: int,
    w: Number,
    b: Number,
    K: list[Number],
    widths: list[int] | None = None,
) -> tuple[Number, Number]:
    """K and Theta after `depth` hidden layers, NTK parameterisation or, with widths (d, N_1, ...), the standard one."""
    t_1 = b if widths is None else Number(1)
    Theta = (w if widths is None else widths[0]) * K[2] + t_1
    K = dense(w, b, K)
    for layer in range(depth):
        T = [dual(*law)[0] for law in ((K[0],) * 3, (K[1],) * 3, K)]
        slope = dual(*K)[1]
        Theta = (w if widths is None else widths[layer + 1]) * T[2] + t_1 + w * slope * Theta
        K = dense(w, b, T)
    return K[2], Theta


POINTS = [("1", "1", "1"), ("1", "1", "-1"), ("2", "1/2", "1/3"), ("1/10", "5", "-1/2"), ("3", "3", "0")]


@pytest.mark.parametrize("name", DUALS)
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("b_var", [pytest.param(0, marks=pytest.mark.slow), "1/10"])
def test_recursions(name: str, depth: int, b_var: object) -> None:
    net = sl.mlp(depth=depth, activation=getattr(act, name), w_var="3/2", b_var=b_var)
    for point in POINTS:
        with mp.workdps(3 * DIGITS):  # near rho = 1 half of the digits are lost
            K = [mp.mpf(sp.Rational(v).p) / sp.Rational(v).q for v in point]
            bias = mp.mpf(1) / 10 if b_var else mp.mpf(0)
            nngp, ntk = recursion(DUALS[name], depth, mp.mpf(3) / 2, bias, K)
            for kernel, truth in ((sl.nngp(net), nngp), (sl.ntk(net), ntk)):
                error = abs(kernel.reference(*point, digits=30) - truth)
                assert error <= mp.mpf(10) ** -28 * max(abs(truth), mp.mpf(10) ** -20), point
                value = kernel.evaluate(*point)
                assert abs(value.value - truth) <= value.error + 1e-100
                assert value.error <= 1e-13 * max(1, abs(truth))


def test_definition_and_closed_form_have_one_value() -> None:
    """Line 0, by quadrature, and the last line."""
    for kernel in (sl.nngp, sl.ntk):
        K = kernel(sl.mlp(2, act.erf, "3/2", "1/10"))
        first = sl.Derivation(K.trace[:1], K.domain, K.arguments).reference(2, "1/2", "1/3", digits=15)
        assert float(first) == pytest.approx(float(K.reference(2, "1/2", "1/3")), rel=1e-13)


@pytest.mark.slow
def test_no_bias_and_zero_bias() -> None:
    """The same in the NTK parameterisation; in the standard one a zero bias is trained."""
    X = np.random.default_rng(0).normal(size=(4, 3))
    for kernel in (sl.nngp, sl.ntk):
        none, zero = (kernel(sl.mlp(2, act.relu, 2, b)) for b in (None, 0))
        np.testing.assert_array_equal(none(X), zero(X))
    none, zero = (
        sl.ntk(sl.serial(sl.Dense(2, b), act.relu, sl.Dense(2, b), parameterization="standard", widths=(4,)))
        for b in (None, 0)
    )
    assert (zero(X) > none(X)).all()


@pytest.mark.slow
def test_standard_parameterisation() -> None:
    widths = (5, 7, 3)
    net = sl.mlp(3, act.erf, "3/2", "1/10", parameterization="standard", widths=widths)
    Theta, K = sl.ntk(net), sl.nngp(net)
    X = np.random.default_rng(3).normal(size=(4, 6))
    with mp.workdps(DIGITS):
        rows = [[mp.mpf(v) for v in row] for row in X]
        for i in range(4):
            for j in range(4):
                start = [mp.fdot(*pair) / 6 for pair in ((rows[i],) * 2, (rows[j],) * 2, (rows[i], rows[j]))]
                nngp, ntk = recursion(erf, 3, mp.mpf(3) / 2, mp.mpf(1) / 10, start, [6, *widths])
                assert abs(K(X)[i, j] - nngp) < 1e-14
                assert abs(Theta(X)[i, j] - ntk) < 1e-14 * 50
    bound = Theta.bind(d=6)
    np.testing.assert_allclose(bound(X), Theta(X), rtol=1e-15)
    first, second = X[0] @ X[0] / 6, X[1] @ X[1] / 6
    assert bound.evaluate(first, second, X[0] @ X[1] / 6).value == pytest.approx(Theta(X)[0, 1], rel=1e-13)
    assert "d" in {symbol.name for symbol in Theta.parameters}


@pytest.mark.slow
def test_standard_networks_agree_with_finite_ones() -> None:
    """Theta/s at width s N_l, for a hidden width and a dimension that differ."""
    net = sl.mlp(1, act.relu, 2, "1/10", parameterization="standard", widths=(2,))
    X = np.array([[1.0, 0.0, 1.0], [0.5, -1.0, 0.0]])
    rng = np.random.default_rng(4)
    draws = np.array([network.empirical_ntk(net, X, 256, rng) for _ in range(60)])
    # at s = 256 the first layer, which does not grow, is left out of the limit
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert (abs(draws.mean(axis=0) - sl.ntk(net)(X)) < 5 * error + 0.02 * abs(sl.ntk(net)(X))).all()


@pytest.mark.slow
def test_equal_and_different_widths() -> None:
    def theta(widths: tuple[int, ...]) -> np.ndarray:
        net = sl.mlp(2, act.erf, 1, 0, parameterization="standard", widths=widths)
        return sl.ntk(net)([[1.0, 2.0]])

    assert theta((4, 4)) != theta((4, 8)) != theta((8, 4))
    with pytest.raises(sl.errors.DomainError, match="depth L with different widths"):
        sl.ntk(sl.mlp("L", act.relu, 2, 0, parameterization="standard", widths=(4, 8)))
    symbolic = sl.ntk(sl.mlp("L", act.erf, 1, 0, parameterization="standard", widths=(4,)))
    np.testing.assert_allclose(symbolic([[1.0, 2.0]], L=2), theta((4, 4)), rtol=1e-15)


def test_symbolic_and_integer_depth() -> None:
    K = sl.ntk(sl.mlp("L", act.relu))
    assert "L" in K.latex()
    assert [count for _, count in K.recursion.stages] == [sp.Symbol("L", integer=True, positive=True)]
    point = {"p": 1, "q": 2, "c": "1/2", "sigma_w": "3/2", "sigma_b": "1/10"}
    unrolled = K.bind(L=2).recursion.unroll()
    value = sl.limit(unrolled).bind(**point).reference(digits=25)
    assert abs(K.bind(L=2, **point).reference(digits=25) - value) < mp.mpf(10) ** -23
    with pytest.raises(sl.errors.DomainError, match="L"):
        K.recursion.unroll()
    X = np.eye(3)
    numbers = K.bind(L=10, sigma_w=1, sigma_b=0)
    np.testing.assert_array_equal(numbers(X), sl.ntk(sl.mlp(10, act.relu, 1, 0))(X))


def test_arc_cosine_map_on_the_sphere() -> None:
    rho = sp.Symbol("rho", real=True)
    R = sl.nngp(sl.mlp(3, act.relu, 2, 0)).on_sphere(1)
    known = (sp.sqrt(1 - rho**2) + rho * (sp.pi - sp.acos(rho))) / sp.pi
    assert sp.simplify((R.expr - known).rewrite(sp.asin)) == 0
    assert R(1) == 1
    assert R(-1) == 0
    assert R(0) == pytest.approx(1 / np.pi, rel=1e-15)
    for gap in (1e-15, 1e-10, 1e-4):
        assert R(1 - gap) == pytest.approx(float(R.reference(sp.Rational(1 - gap))), rel=2e-16)
    slope = sl.ntk(sl.mlp(3, act.relu, 2, 0)).on_sphere("q")
    assert sp.simplify(slope.expr - (sp.asin(rho) / sp.pi + sp.Rational(1, 2))) == 0
    with pytest.raises(sl.errors.DomainError, match="rho"):
        R(1.5)


@pytest.mark.parametrize("name", ["relu", "erf", "sin", "gelu", "gaussian"])
def test_sphere_map_fixes_one(name: str) -> None:
    R = sl.nngp(sl.mlp(2, getattr(act, name), "3/2", "1/10")).on_sphere("3/2")
    assert abs(R.reference(1, digits=25) - 1) < mp.mpf(10) ** -24
    K = sl.nngp(sl.mlp(1, getattr(act, name), "3/2", "1/10"))
    q1 = sp.Rational(14, 15)  # 3/2 q1 + 1/10 = 3/2
    assert R(0.5) == pytest.approx(float(_layer(K, sp.Rational(3, 2), sp.Rational(1, 2))), rel=1e-14), q1


def _layer(K: sl.Limit, variance: sp.Rational, rho: sp.Rational) -> Number:
    """The last block of a recursion at K_xx = K_zz = variance, as a ratio."""
    first, second, mixed = K.recursion.states
    maps = K.recursion.stages[-1][0]
    point = {first: variance, second: variance, mixed: rho * variance}
    return sp.N(maps[2].subs(point, simultaneous=True) / maps[0].subs(point, simultaneous=True), 20)


def test_sphere_map_keeps_parameters() -> None:
    R = sl.nngp(sl.mlp(2, act.relu)).on_sphere("q")
    assert {symbol.name for symbol in R.parameters} == {"q", "sigma_b", "sigma_w"}
    assert R.bind(sigma_b=0, sigma_w=1, q=1)(1.0) == pytest.approx(1, rel=1e-15)
    with pytest.raises(sl.errors.NoRule, match="sphere map"):
        sl.dual(act.relu).on_sphere(1)


def test_layers_have_a_network_and_a_limit() -> None:
    assert network.supported_layers() == kernels.supported_layers()


@pytest.mark.slow
def test_serial_networks() -> None:
    """Different activations, and a linear layer: one Dense layer with the product of the variances."""
    X = np.random.default_rng(5).normal(size=(4, 3))
    mixed = sl.serial(sl.Dense(2, "1/10"), act.relu, sl.Dense(1), act.erf, sl.Dense("3/2"))
    with mp.workdps(DIGITS):
        rows = [[mp.mpf(v) for v in row] for row in X]
        start = [mp.fdot(*pair) / 3 for pair in ((rows[0],) * 2, (rows[1],) * 2, (rows[0], rows[1]))]
        K = dense(mp.mpf(2), mp.mpf(1) / 10, start)
        K = [relu(*law)[0] for law in ((K[0],) * 3, (K[1],) * 3, K)]
        truth = mp.mpf(3) / 2 * erf(*K)[0]
    assert abs(sl.nngp(mixed)(X)[0, 1] - truth) < 1e-15
    two = sl.serial(sl.Dense(2), act.linear, sl.Dense(3), act.relu, sl.Dense(1))
    one = sl.serial(sl.Dense(6), act.relu, sl.Dense(1))
    np.testing.assert_allclose(sl.nngp(two)(X), sl.nngp(one)(X), rtol=1e-15)
    repeated = sl.serial(sl.Dense(2), Repeat((act.relu, sl.Dense(2)), 2))
    np.testing.assert_array_equal(sl.ntk(repeated)(X), sl.ntk(sl.mlp(2, act.relu, 2, None))(X))


@pytest.mark.slow
def test_rows_that_are_zero_equal_or_parallel() -> None:
    X = np.random.default_rng(6).normal(size=(30, 4))
    X[0], X[2], X[3], X[4] = 0, X[1], 2 * X[1], -X[1]
    for phi in (act.relu, act.erf, act.gelu):
        for kernel in (sl.nngp, sl.ntk):
            gram = kernel(sl.mlp(2, phi, 2, "1/10"))(X)
            assert np.isfinite(gram).all()
            np.testing.assert_array_equal(gram, gram.T)
            np.testing.assert_array_equal(gram[1, 5:], gram[2, 5:])
            eigenvalues = np.linalg.eigvalsh(gram)
            assert eigenvalues[0] >= -1e-13 * eigenvalues[-1]


@pytest.mark.slow
@pytest.mark.parametrize("phi", [act.step, act.sign])
def test_discontinuous_activations(phi: object) -> None:
    net = sl.mlp(2, phi, 2, "1/10")
    gram = sl.nngp(net)(np.random.default_rng(7).normal(size=(5, 3)))
    assert np.isfinite(gram).all()
    for refused in (lambda: sl.ntk(net), lambda: sl.dual(phi).dot()):
        with pytest.raises(sl.errors.DomainError, match=r"jumps at x = 0.*continuous activation.*NNGP"):
            refused()


def test_activations_without_second_moment() -> None:
    with pytest.raises(sl.errors.DomainError, match=r"exp\(x\*\*2\).*only for variances p < 1/4"):
        sl.dual("exp(x**2)")
    with pytest.raises(sl.errors.DomainError, match="p < 1/2"):
        sl.nngp(sl.mlp(2, sl.activation("x*exp(x**2/2)"), 1, 0))


@pytest.mark.parametrize("name", ["p", "c", "rho", "u", "K_xx", "x"])
def test_parameters_that_would_be_taken_for_others(name: str) -> None:
    x = sp.Symbol("x", real=True)
    with pytest.raises(sl.SymlimitsError, match=name):
        sl.dual(sl.activation(sp.Max(x, 0) + sp.Symbol(name, positive=True) * x, symbol=x))
    with pytest.raises(sl.SymlimitsError, match=name):
        sl.nngp(sl.mlp(2, act.relu, w_var=sp.Symbol(name, positive=True)))


@pytest.mark.parametrize(
    ("net", "message"),
    [
        ([1, 2], "a network"),
        (None, "a network"),
        (sl.serial(act.relu, sl.Dense(1)), "Dense layers at both ends"),
        (sl.serial(sl.Dense(1), act.relu), "Dense layers at both ends"),
        (sl.serial(sl.Dense(1), act.relu, act.erf, sl.Dense(1)), r"two activations in a row.*try: sl.Dense\(1\)"),
        (sl.serial(sl.Dense(1), Repeat((act.relu,), 2), sl.Dense(1)), "two activations in a row"),
        (sl.serial(sl.Dense(1), sl.Dense(1)), "two Dense layers in a row.*try: act.linear between them"),
        (sl.serial(sl.Dense(1), Repeat((act.relu, sl.Dense(1), sl.Dense(2)), "L")), "two Dense layers in a row"),
        (sl.serial(sl.Dense(1), Repeat((Repeat((act.relu, sl.Dense(1)), 2),), 2)), "one level of repetition"),
    ],
)
def test_networks_without_a_limit(net: object, message: str) -> None:
    with pytest.raises(sl.SymlimitsError, match=message):
        sl.nngp(net)  # type: ignore[arg-type]


def test_equal_networks_share_their_derivation() -> None:
    first, second = (sl.ntk(sl.mlp(3, act.relu, 2, 0)) for _ in range(2))
    assert first is second
    assert sl.nngp(sl.mlp(3, act.relu, 2, 0)) != first


def test_experiment_of_a_point() -> None:
    """The inputs of the finite twin have the kernel of the point, and the units of a dual its law."""
    T = sl.dual(act.relu).bind(p="a**2")
    a = next(symbol for symbol in T.free_symbols if symbol.name == "a")
    point = {a: sp.Integer(3), q: sp.Integer(4), c: sp.Integer(-2)}
    assert T.experiment.at(point).law == (9, 4, -2)
    inputs = np.array(replace(T.experiment, sampler="exact").at(point).inputs)
    np.testing.assert_allclose(inputs @ inputs.T / 2, [[9, -2], [-2, 4]], atol=1e-14)
    assert p not in T.free_symbols


def test_one_name_one_meaning() -> None:
    with pytest.raises(sl.errors.DomainError, match="two symbols named sigma_w"):
        sl.nngp(sl.mlp("sigma_w", act.relu))
