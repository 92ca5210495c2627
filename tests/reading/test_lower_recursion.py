"""Generated Gram steps against the recursion at 50 digits, and the layers that are read off a recursion."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.price import c, p, q
from symlimits.errors import NoRule, UnboundSymbol
from symlimits.language.architecture import Repeat
from symlimits.reading.lower_recursion import gram_kernel

DIGITS = 150  # 50 are wanted: near rho = 1 an arcsine halves them, and three discontinuous layers to an eighth
MIXED = sl.activation("max(x, 0) + x**2/10")  # a kink, and not homogeneous
GAPS = (0.0, -0.0, 1e-16, 1e-14, -1e-12, 1e-9, 1e-4, 0.03, -1e-3, 0.4, -0.6, 1.0)
# Each layer adds a few roundings of the size of the diagonal; 2e-15 measured.
TOLERANCE = 1e-14


class Recursion:
    """The same network in words of mpmath: closed forms of duals, iterated; variances kept exact."""

    def __init__(self, layers: Sequence[object]) -> None:
        self.layers = layers

    def __call__(self, p0: float, q0: float, gap: float) -> tuple[mp.mpf, mp.mpf, mp.mpf, mp.mpf]:
        """K, Theta and the sizes of both: the geometric means of their diagonals."""
        with mp.workdps(DIGITS):
            rho = mp.mpf(np.copysign(1, gap)) * (1 - abs(mp.mpf(gap)))
            K = [mp.mpf(p0), mp.mpf(q0), rho * mp.sqrt(mp.mpf(p0) * q0)]
            Theta = [mp.mpf(0)] * 3
            for layer in self.layers:
                K, Theta = self.after(layer, K, Theta)
            return K[2], Theta[2], mp.sqrt(K[0] * K[1]), mp.sqrt(Theta[0] * Theta[1])

    def after(self, layer: object, K: list[mp.mpf], Theta: list[mp.mpf]) -> tuple[list[mp.mpf], list[mp.mpf]]:
        if isinstance(layer, sl.Dense):
            w, b = (mp.mpf(sp.Rational(v).p) / sp.Rational(v).q for v in (layer.w_var, layer.bias_variance))
            return [w * k + b for k in K], [w * k + b + w * t for k, t in zip(K, Theta, strict=True)]
        T, dot = functions(layer)
        triples = [(K[0],) * 3, (K[1],) * 3, (K[0], K[1], K[2])]
        slopes = [self.at(dot, *triple) if dot else mp.mpf(0) for triple in triples]
        return [self.at(T, *triple) for triple in triples], [s * t for s, t in zip(slopes, Theta, strict=True)]

    def at(self, function: object, a: mp.mpf, b: mp.mpf, covariance: mp.mpf) -> mp.mpf:
        bound = mp.sqrt(a * b) * (1 - mp.mpf(10) ** (2 - DIGITS))
        return mp.re(function(a, b, max(-bound, min(bound, covariance))))  # type: ignore[operator]


_FUNCTIONS: dict[object, tuple[object, object]] = {}


def functions(phi: object) -> tuple[object, object]:
    if phi not in _FUNCTIONS:
        T = sl.dual(phi)
        smooth = not sl.activation(phi).discontinuities
        found = [sp.lambdify((p, q, c), line, "mpmath") for line in (T.expr, T.dot().expr if smooth else sp.S.Zero)]
        _FUNCTIONS[phi] = (found[0], found[1] if smooth else None)
    return _FUNCTIONS[phi]


def network(w: object, b: object, activations: Sequence[object]) -> list[object]:
    dense = sl.Dense(w, b)
    return [dense, *(layer for phi in activations for layer in (phi, dense))]


NETWORKS = {
    # several activations in one network: one compilation
    "homogeneous": network("3/2", None, [act.relu, act.leaky_relu("1/5"), act.absolute, act.linear, act.relu_power(2)]),
    "homogeneous, biased": network("3/2", "1/8", [act.relu, act.leaky_relu("1/5"), act.absolute, act.relu_power(3)]),
    "error functions": network("3/2", None, [act.erf, act.gelu, sl.activation("x*erf(x)"), act.normal_cdf]),
    "waves": network("3/2", "1/8", [act.sin, act.cos, act.gaussian, act.rbf, act.hermite(3)]),
    "growing": network("1/4", "1/16", [act.exp, act.polynomial([1, 2, "1/2"]), sl.activation("erf(x) + x/10")]),
}
STARTS = ((1.0, 1.0), (0.5, 3.0), (1e-3, 20.0))


FEW = ("homogeneous, biased", "error functions")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in FEW else pytest.mark.slow) for name in NETWORKS]
)
def test_generated_steps(name: str) -> None:
    layers = NETWORKS[name]
    loop = sl.ntk(sl.serial(*layers)).compile().loop
    exact = Recursion(layers)
    for a, b in STARTS:
        for gap in GAPS:
            K, Theta, size_K, size_Theta = exact(a, b, gap)
            computed_K, computed_Theta = loop.pairs(a, b, gap)
            assert abs(computed_K - K) <= TOLERANCE * size_K, ("K", a, b, gap)
            assert abs(computed_Theta - Theta) <= TOLERANCE * size_Theta, ("Theta", a, b, gap)


@pytest.mark.slow
def test_kink_without_homogeneity() -> None:
    """The gap of an inhomogeneous activation is a difference, right to one rounding of the diagonal.

    The NNGP kernel loses nothing by it; the tangent kernel has the arccosine of the next layer, where an error
    of 1e-16 in a gap of 1e-16 is one of 1e-8 in the angle.
    """
    layers = network("3/2", None, [MIXED, MIXED])
    loop, exact = sl.ntk(sl.serial(*layers)).compile().loop, Recursion(layers)
    for a, b in STARTS:
        for gap in GAPS:
            K, Theta, size_K, size_Theta = exact(a, b, gap)
            computed_K, computed_Theta = loop.pairs(a, b, gap)
            assert abs(computed_K - K) <= TOLERANCE * size_K
            assert abs(computed_Theta - Theta) <= (TOLERANCE if gap == 0 or abs(gap) > 1e-6 else 1e-8) * size_Theta
    X = np.array([[0.0, 0.0], [1.0, 2.0], [0.0, 0.0], [-1.0, -2.0]])
    kernel = sl.ntk(sl.serial(*layers))(X)
    assert np.isfinite(kernel).all()
    assert (kernel[0] == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("bias", [None, "1/8"])
def test_steps_of_the_sign(bias: str | None) -> None:
    """Discontinuous activations: the NNGP kernel, also of a zero row, where phi(0) is what counts."""
    layers = network("3/2", bias, [act.step, act.sign, act.step])
    loop, exact = sl.nngp(sl.serial(*layers)).compile().loop, Recursion(layers)
    for a, b in STARTS:
        for gap in GAPS:
            K, _, size, _ = exact(a, b, gap)
            # arcsin near 1 turns a rounding of rho into its square root, layer after layer
            tolerance = TOLERANCE if gap in (0, 1) or abs(gap) > 1e-3 else 1e-7
            assert abs(loop.pairs(a, b, gap)[0] - K) <= tolerance * size, (a, b, gap)


@pytest.mark.slow
def test_zero_rows_of_discontinuous_networks() -> None:
    zero, one = np.zeros(2), np.array([1.0, -1.0])
    step, sign = (sl.nngp(sl.mlp(1, phi, w_var=2, b_var=0)) for phi in (act.step, act.sign))
    np.testing.assert_allclose(step([zero, one, zero]), [[0.5, 0.5, 0.5], [0.5, 1.0, 0.5], [0.5, 0.5, 0.5]], rtol=1e-15)
    np.testing.assert_array_equal(sign([zero, one]), [[0, 0], [0, 2.0]])
    deep = sl.nngp(sl.mlp(3, act.step, w_var=2, b_var=0))([zero, zero, one])
    np.testing.assert_array_equal(deep[0, :2], 1.0)  # equal points: step(0)^2 = 1/4 first, then step^2 = 1/2


@pytest.mark.slow
def test_depth_50_relu_through_the_public_face() -> None:
    """Diagonal, near duplicates and the rest of a depth-50 Gram, to 1e-13 of the 50-digit recursion."""
    rng = np.random.default_rng(50)
    X = rng.normal(size=(12, 9))
    X[1] = X[0] + 1e-7 * rng.normal(size=9)  # gap about 1e-14
    X[2], X[3], X[4] = X[0], 3 * X[0], -X[0]
    X[5] = X[6] * (1 + 1e-15) + 1e-8 * rng.normal(size=9)
    net = sl.mlp(depth=50, activation=act.relu, w_var=2, b_var=0)
    exact = Recursion(network(2, None, [act.relu] * 50))
    for kernel, index in ((sl.nngp(net), 0), (sl.ntk(net), 1)):
        gram = kernel(X)
        np.testing.assert_array_equal(gram, gram.T)
        for i in range(len(X)):
            for j in range(i + 1):
                with mp.workdps(DIGITS):
                    a, b = ([mp.mpf(v) for v in X[k]] for k in (i, j))
                    aa, bb, ab = (mp.fdot(*pair) / 9 for pair in ((a, a), (b, b), (a, b)))
                    truth = exact_gram(exact, aa, bb, ab)[index]
                assert abs(gram[i, j] - truth) <= 1e-13 * abs(truth), (i, j)


def exact_gram(exact: Recursion, aa: mp.mpf, bb: mp.mpf, ab: mp.mpf) -> tuple[mp.mpf, mp.mpf]:
    K, Theta = [aa, bb, ab], [mp.mpf(0)] * 3
    for layer in exact.layers:
        K, Theta = exact.after(layer, K, Theta)
    return K[2], Theta[2]


def test_layers_in_their_order() -> None:
    """Repetitions of a block are repetitions of the whole block, whatever layers it has."""
    a, b = sl.Dense(2, "1/10"), sl.Dense("1/2", "3/10")
    blocks = {
        "Dense first": (
            (sl.Dense(1), act.erf, Repeat((a, act.relu), 2), b),
            [sl.Dense(1), act.erf, a, act.relu, a, act.relu, b],
        ),
        "four": (
            (sl.Dense(1), Repeat((act.relu, a, act.erf, b), 2), act.relu, a),
            [sl.Dense(1), *(act.relu, a, act.erf, b) * 2, act.relu, a],
        ),
        "once": ((sl.Dense(1), Repeat((act.erf, a, act.relu), 1), b), [sl.Dense(1), act.erf, a, act.relu, b]),
    }
    for name, (given, written_out) in blocks.items():
        loop = gram_kernel(sl.ntk(sl.serial(*given)).recursion)
        plain = gram_kernel(sl.ntk(sl.serial(*written_out)).recursion)
        assert loop.layers == plain.layers, name
        assert [s.step for s in loop.stages for _ in range(s.repeats)] == [s.step for s in plain.stages], name


def test_repetitions_share_one_stage() -> None:
    loop = gram_kernel(sl.ntk(sl.mlp(50, act.relu, 2, 0)).recursion)
    assert [stage.repeats for stage in loop.stages] == [50]
    assert len(loop.layers) == 51


def test_parity_and_degree_are_found() -> None:
    for phi, degree, parity in (
        (act.relu, 1, None),
        (act.absolute, 1, "even"),
        (act.erf, None, "odd"),
        (act.step, 0, None),
    ):
        (stage,) = gram_kernel(sl.nngp(sl.mlp(1, phi, 2, 0)).recursion).stages
        assert stage.parity == parity
        assert stage.normalized == (degree == 1)


def test_refusals() -> None:
    with pytest.raises(UnboundSymbol, match="sigma_b, sigma_w without a value"):
        gram_kernel(sl.nngp(sl.mlp(2, act.relu)).recursion)
    with pytest.raises(NoRule, match="two activations in a row"):
        gram_kernel(sl.nngp(sl.serial(sl.Dense(1), act.relu, act.erf, sl.Dense(1))).recursion)
    with pytest.raises(NoRule, match="any input kernel"):
        gram_kernel(sl.nngp(sl.mlp(2, act.relu, 2, 0)).bind(p=1).recursion)


def test_pickle() -> None:
    kernel = sl.ntk(sl.mlp(2, act.relu, 2, 0)).compile()
    X = np.eye(3)
    expected = kernel(X)
    copy = pickle.loads(pickle.dumps(kernel))
    assert copy == kernel
    np.testing.assert_array_equal(copy(X), expected)
