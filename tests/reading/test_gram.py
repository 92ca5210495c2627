"""Gram matrices of kernel recursions against the recursion in mpmath, for steps written by hand."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass

import mpmath as mp
import numpy as np
import pytest

from symlimits import memory
from symlimits.errors import DataError, DomainError, ResourceError
from symlimits.reading.gram import DenseUpdate, GramKernel, required_bytes
from symlimits.reading.gram_input import signed_gap
from symlimits.reading.gram_loop import TILE
from symlimits.reading.gram_source import Stage

DIGITS = 50
Dual = Callable[[mp.mpf, mp.mpf, mp.mpf], tuple[mp.mpf, mp.mpf]]

RELU = """
T = (sine + supplement * rho) / (2 * pi)
dot = supplement / (2 * pi)
Gamma = (pi * gap - (sine - angle * rho)) / (2 * pi)
"""
RELU_ANY = """
root = sqrt(p) * sqrt(q)
T = (s + supplement * c) / (2 * pi)
dot = supplement / (2 * pi)
Gamma = root * (pi * gap - (sine - angle * rho)) / (2 * pi)
"""
ABS = """
T = (2 / pi) * (sine + rho * (pi / 2 - angle))
dot = (2 / pi) * (pi / 2 - angle)
Gamma = gap - (2 / pi) * (sine - angle * rho)
"""
ERF = """
root = sqrt(1 + 2 * p + 2 * q + 4 * s * s)
T = (2 / pi) * angle_between(root, 2 * c)
dot = (4 / pi) / root
Gamma = sqrt(P) * sqrt(Q) - T
"""
# with alpha = pi T/2: sqrt(P Q) - T from alpha_p - alpha and alpha_q - alpha, each without cancellation
ERF_CLOSE = """
root = sqrt(1 + 2 * p + 2 * q + 4 * s * s)
alpha = angle_between(root, 2 * c)
T = (2 / pi) * alpha
dot = (4 / pi) / root
u, v, e, f, tiny = 1 + 2 * p, 1 + 2 * q, sqrt(1 + 4 * p), sqrt(1 + 4 * q), 1e-300
a = angle_between(e * root + 4 * p * c, 2 * u * (p * (p - q) + u * s * s) / (p * root + c * e + tiny))
b = angle_between(f * root + 4 * q * c, 2 * v * (q * (q - p) + v * s * s) / (q * root + c * f + tiny))
r = sqrt(P) * sqrt(Q)
Gamma = (4 / pi**2) * (alpha * (a + b) + a * b) / (r + T + tiny) if 2 * T > r else r - T
"""
ERF_DIAGONAL = "T = (2 / pi) * angle_between(sqrt(1 + 4 * p), 2 * p)"


def relu_dual(p: mp.mpf, q: mp.mpf, rho: mp.mpf) -> tuple[mp.mpf, mp.mpf]:
    angle = mp.acos(rho)
    return mp.sqrt(p * q) * (mp.sin(angle) + (mp.pi - angle) * rho) / (2 * mp.pi), (mp.pi - angle) / (2 * mp.pi)


def abs_dual(p: mp.mpf, q: mp.mpf, rho: mp.mpf) -> tuple[mp.mpf, mp.mpf]:
    return 2 / mp.pi * mp.sqrt(p * q) * (mp.sqrt(1 - rho**2) + rho * mp.asin(rho)), 2 / mp.pi * mp.asin(rho)


def erf_dual(p: mp.mpf, q: mp.mpf, rho: mp.mpf) -> tuple[mp.mpf, mp.mpf]:
    c, product = rho * mp.sqrt(p * q), (1 + 2 * p) * (1 + 2 * q)
    return 2 / mp.pi * mp.asin(2 * c / mp.sqrt(product)), 4 / mp.pi / mp.sqrt(product - 4 * c**2)


@dataclass(frozen=True)
class Net:
    """A kernel and the same in words of mpmath."""

    parts: tuple[tuple[Stage, Dual], ...]
    layers: tuple[DenseUpdate, ...]

    @property
    def kernel(self) -> GramKernel:
        return GramKernel(tuple(stage for stage, _ in self.parts), self.layers)

    def exact(self, p: mp.mpf, q: mp.mpf, rho: mp.mpf) -> tuple[mp.mpf, mp.mpf, mp.mpf]:
        """K, Theta and sqrt(p q) of the output."""
        first, *rest = self.layers
        c, Theta = first.w * rho * mp.sqrt(p * q) + first.b, first.t_T * rho * mp.sqrt(p * q) + first.t_1
        p, q = first.w * p + first.b, first.w * q + first.b
        duals = [dual for stage, dual in self.parts for _ in range(stage.repeats)]
        for layer, dual in zip(rest, duals, strict=True):
            cosine = c / mp.sqrt(p * q) if p * q else mp.mpf(0)
            cosine = max(min(cosine, mp.mpf(1)), mp.mpf(-1))  # 50 digits round too
            T, dot = dual(p, q, cosine)
            p, q = (layer.w * dual(v, v, mp.mpf(1))[0] + layer.b for v in (p, q))
            c, Theta = layer.w * T + layer.b, layer.t_T * T + layer.t_1 + layer.w * dot * Theta
        return c, Theta, mp.sqrt(p * q)


def ntk_layers(depth: int, w: float, b: float = 0.0) -> tuple[DenseUpdate, ...]:
    return (DenseUpdate.ntk(w, b),) * (depth + 1)


def relu_net(depth: int) -> Net:
    return Net(((Stage(RELU, "T = p / 2", depth, normalized=True), relu_dual),), ntk_layers(depth, 2.0))


STANDARD = (DenseUpdate(1.5, 0.0, 7.0, 0.0), DenseUpdate(1.5, 0.25, 64.0, 1.0), DenseUpdate(2.0, 0.0, 32.0, 0.0))
NETS = {
    "linear": Net((), ntk_layers(0, 1.5, 0.5)),
    "relu": relu_net(3),
    "relu_bias": Net(((Stage(RELU_ANY, "T = p / 2", 3), relu_dual),), ntk_layers(3, 1.75, 0.125)),
    "relu_first_bias": Net(
        ((Stage(RELU, "T = p / 2", 2, normalized=True), relu_dual),),
        (DenseUpdate.ntk(1.5, 0.5), *ntk_layers(1, 2.0)),
    ),
    "abs": Net(((Stage(ABS, "T = p", 4, normalized=True, parity="even"), abs_dual),), ntk_layers(4, 1.25)),
    "erf": Net(((Stage(ERF, ERF_DIAGONAL, 4, parity="odd"), erf_dual),), ntk_layers(4, 1.5)),
    "erf_bias": Net(((Stage(ERF, ERF_DIAGONAL, 4, parity="odd"), erf_dual),), ntk_layers(4, 1.5, 0.25)),
    "erf_no_parity": Net(((Stage(ERF, ERF_DIAGONAL, 2), erf_dual),), ntk_layers(2, 1.5, 0.25)),
    "mixed_standard": Net(
        (
            (Stage(ERF_CLOSE, ERF_DIAGONAL, 1, parity="odd"), erf_dual),
            (Stage(RELU, "T = p / 2", 1, normalized=True), relu_dual),
        ),
        STANDARD,
    ),
    "relu_then_erf": Net(
        (
            (Stage(RELU, "T = p / 2", 1, normalized=True), relu_dual),
            (Stage(ERF, ERF_DIAGONAL, 2, parity="odd"), erf_dual),
        ),
        ntk_layers(3, 1.5),
    ),
}
# (p, q, signed gap) at both ends, in the middle, near orthogonal
GAPS = [0.0, -0.0, 1.0, 0.5, -0.5, 0.999, *(s * 10.0**-k for k in (1, 3, 6, 10, 14, 16, 20, 30) for s in (1, -1))]
POINTS = [(p, q, g) for p, q in ((1.0, 1.0), (0.5, 3.0), (1e-6, 40.0)) for g in GAPS]


def cosine(gap: float) -> mp.mpf:
    return mp.mpf(np.copysign(1, gap)) * (1 - abs(mp.mpf(gap)))


def errors(net: Net, points: list[tuple[float, float, float]], floor: float) -> float:
    """The largest error of K and Theta, relative to themselves or `floor` times sqrt(p q) of the output."""
    K, Theta = net.kernel.pairs(*map(np.array, zip(*points, strict=True)))
    worst = mp.mpf(0)
    with mp.workdps(DIGITS):
        for k, (p, q, gap) in enumerate(points):
            exact_K, exact_Theta, bound = net.exact(mp.mpf(p), mp.mpf(q), cosine(gap))
            for computed, exact in ((K[k], exact_K), (Theta[k], exact_Theta)):
                worst = max(worst, abs(computed - exact) / max(abs(exact), floor * bound))
    return float(worst)


@pytest.mark.parametrize("name", NETS)
def test_pairs(name: str) -> None:
    # the state 1 - |rho| gives rho an absolute error of 1e-16 near 0, hence relative to the bound; 2.2e-15 measured
    assert errors(NETS[name], POINTS, floor=1.0) < 5e-15


def test_depth_50() -> None:
    """The conditioning trap: gaps from 1e-14 to 2, through 50 layers."""
    gaps = [0.0, *np.geomspace(1e-14, 1, 15), *(-np.geomspace(1e-14, 0.99, 15)), -0.0]
    assert errors(relu_net(50), [(1.0, 1.0, float(g)) for g in gaps], floor=0.0) < 5e-14  # 1.6e-14 measured


def data(rng: np.random.Generator, n: int = 60, d: int = 11) -> np.ndarray:
    """Random rows, a zero row, duplicates, parallel, antiparallel and nearly parallel ones."""
    X = rng.normal(size=(n, d))
    X[1] = 0
    X[2], X[3], X[4], X[5], X[6] = X[0], 2 * X[0], -X[0], 3 * X[0], -X[0] / 3
    X[7], X[8], X[9] = X[0] + 1e-7 * X[20], 5 * (X[0] + 1e-9 * X[21]), 1e-8 * X[22] - X[0]
    return X


@pytest.fixture
def X() -> np.ndarray:
    return data(np.random.default_rng(20261102))


FEW = ("relu", "erf_bias", "relu_then_erf")  # the others compile a kernel each
NAMES = [pytest.param(name, marks=[] if name in FEW else pytest.mark.slow) for name in NETS]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_gram(name: str, X: np.ndarray) -> None:
    net = NETS[name]
    K, Theta = net.kernel.both(X)
    chosen = [*range(10), 20, 40]
    with mp.workdps(DIGITS):
        rows = [[mp.mpf(v) for v in X[i]] for i in chosen]
        for a, i in enumerate(chosen):
            for b, j in enumerate(chosen):
                p, q, c = (mp.fdot(*pair) / X.shape[1] for pair in ((rows[a],) * 2, (rows[b],) * 2, (rows[a], rows[b])))
                rho = min(max(c / mp.sqrt(p * q), -1), 1) if p * q else mp.mpf(0)
                exact_K, exact_Theta, bound = net.exact(p, q, rho)
                for computed, exact in ((K[i, j], exact_K), (Theta[i, j], exact_Theta)):
                    assert abs(computed - exact) <= 1e-14 * max(abs(exact), bound), (name, i, j)


@pytest.mark.parametrize("name", NAMES)
def test_symmetric_positive_and_finite(name: str) -> None:
    X = data(np.random.default_rng(5), n=2 * TILE + 17)  # three tiles, the last not full
    for kernel in NETS[name].kernel.both(X):
        assert np.isfinite(kernel).all()
        assert np.array_equal(kernel, kernel.T)
        eigenvalues = np.linalg.eigvalsh(kernel)
        assert eigenvalues[0] >= -1e-12 * eigenvalues[-1]


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_two_data_sets(name: str) -> None:
    X = data(np.random.default_rng(6), n=TILE + 30)
    for full, part in zip(NETS[name].kernel.both(X), NETS[name].kernel.both(X, X[3:40]), strict=True):
        assert part.shape == (len(X), 37)
        scale = np.sqrt(np.outer(np.diag(full), np.diag(full)))[:, 3:40]
        assert (abs(full[:, 3:40] - part) <= 1e-14 * scale + 1e-300).all()


def test_diagonal_is_the_propagated_variance(X: np.ndarray) -> None:
    K, Theta = relu_net(7).kernel.both(X)
    p = np.array([float(mp.fdot(row, row)) for row in X]) * (2 / X.shape[1])
    np.testing.assert_allclose(np.diag(K), p, rtol=1e-15)
    np.testing.assert_allclose(np.diag(Theta), 8 * p, rtol=1e-15)


@pytest.mark.slow
def test_parallel_rows_are_exactly_parallel(X: np.ndarray) -> None:
    """Duplicates and powers of two to the bit; a factor 3 to rounding of the angle."""
    K, Theta = NETS["relu"].kernel.both(X)
    for kernel in (K, Theta):
        np.testing.assert_array_equal(kernel[0, 40:], kernel[2, 40:])
        np.testing.assert_array_equal(2 * kernel[0, 40:], kernel[3, 40:])
        np.testing.assert_allclose(kernel[0, [2, 3, 5]], kernel[0, 0] * np.array([1, 2, 3]), rtol=1e-15)
    # two opposite points share no active unit in the first layer
    one = relu_net(1).kernel
    assert one.nngp(X)[0, 4] == 0
    assert one.ntk(X)[0, 4] == 0


@pytest.mark.slow
def test_kernels_alone_are_the_kernels_of_both(X: np.ndarray) -> None:
    for net in (NETS["relu"], NETS["erf_bias"]):
        K, Theta = net.kernel.both(X)
        np.testing.assert_array_equal(net.kernel.ntk(X), Theta)
        np.testing.assert_allclose(net.kernel.nngp(X), K, rtol=1e-15)


@pytest.mark.slow
def test_out_is_filled_and_returned(X: np.ndarray) -> None:
    kernel = NETS["relu"].kernel
    K, Theta = kernel.both(X)
    out = (np.full_like(K, np.nan), np.full_like(K, np.nan))
    results = kernel.both(X, out=out)
    assert results[0] is out[0]
    assert results[1] is out[1]
    np.testing.assert_array_equal(out, (K, Theta))
    one = np.empty((len(X), 3))
    assert kernel.nngp(X, X[:3], out=one) is one


def test_data_are_left_alone_and_may_be_of_any_kind(X: np.ndarray) -> None:
    kernel = NETS["relu"].kernel
    expected = kernel.nngp(X)
    frozen = X.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(kernel.nngp(frozen), expected)
    np.testing.assert_array_equal(kernel.nngp(np.asfortranarray(X)), expected)
    np.testing.assert_array_equal(kernel.nngp(np.repeat(X, 2, axis=0)[::2]), expected)
    np.testing.assert_array_equal(X, frozen)
    integers = np.arange(12).reshape(4, 3)
    np.testing.assert_array_equal(kernel.nngp(integers.tolist()), kernel.nngp(integers.astype(float)))


def test_kernel_pickles(X: np.ndarray) -> None:
    kernel = NETS["relu"].kernel
    expected = kernel.nngp(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(kernel)).nngp(X), expected)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([1.0, 2.0], "shape"),
        (np.ones((2, 2, 2)), "shape"),
        (np.empty((0, 3)), "shape"),
        ([[1.0], [1.0, 2.0]], "lengths"),
        (np.array([[1, "a"]], dtype=object), "type object"),
        ([[1j, 2.0]], "complex"),
        ([[1.0, np.nan]], "row 0 of X"),
        ([[0.0, 1.0], [np.inf, 1.0]], "row 1 of X"),
        ([[1e200, 1.0]], "norm"),
        ([[1e-200, 0.0]], "norm"),
    ],
)
def test_wrong_data(wrong: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        NETS["relu"].kernel.nngp(wrong)  # type: ignore[arg-type]


def test_dimensions_must_match() -> None:
    with pytest.raises(DataError, match="X has 3 columns and Z has 2"):
        NETS["relu"].kernel.nngp(np.ones((4, 3)), np.ones((4, 2)))


def test_wrong_out(X: np.ndarray) -> None:
    n = len(X)
    shared = np.empty((n, n))
    for out in (np.empty((n, n + 1)), np.empty((n, n), np.float32), np.empty((n, 2 * n))[:, ::2], [[0.0]]):
        with pytest.raises(DataError, match="out "):
            NETS["relu"].kernel.nngp(X, out=out)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="overlaps"):
        NETS["relu"].kernel.both(X, out=(shared, shared))
    square = np.ones((5, 5))
    with pytest.raises(DataError, match="overlaps"):
        NETS["relu"].kernel.nngp(square, out=square)


def test_too_large_a_result_is_refused_before_it_is_allocated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (memory.available_bytes() or 1) > 0
    assert required_bytes(1000, 500, outputs=2, layers=4) == 8 * (2 * 1000 * 500 + 5 * 4 * 1500)
    monkeypatch.setattr(memory, "available_bytes", lambda: 10**6)
    with pytest.raises(ResourceError, match=r"needs .* GB; wanted: at most the 0\.001 GB"):
        NETS["relu"].kernel.nngp(np.ones((400, 2)))
    out = np.empty((400, 400))
    assert NETS["relu"].kernel.nngp(np.ones((400, 2)), out=out) is out, "memory of the caller is not counted"


def test_wrong_stages_and_layers() -> None:
    stage = Stage(RELU, "T = p / 2", 2, normalized=True)
    with pytest.raises(DomainError, match="2 Dense layers"):
        GramKernel((stage,), ntk_layers(1, 2.0))
    with pytest.raises(DomainError, match="normalized"):
        GramKernel((stage,), ntk_layers(2, 2.0, 0.1))
    with pytest.raises(DomainError, match="w is -1"):
        DenseUpdate.ntk(-1.0)
    with pytest.raises(DomainError, match="repeats"):
        Stage(RELU, "T = p / 2", 0)
    with pytest.raises(DomainError, match="parity"):
        Stage(RELU, "T = p / 2", parity="both")  # type: ignore[arg-type]


def test_overflow_of_a_variance_names_the_layer() -> None:
    deep = GramKernel((Stage(RELU, "T = p / 2", 40, normalized=True),), ntk_layers(40, 1e10))
    with pytest.raises(DomainError, match="after Dense layer"):
        deep.nngp(np.ones((2, 2)))


def test_pairs_refuses_what_is_no_kernel() -> None:
    for p, q, gap in ((-1.0, 1.0, 0.5), (1.0, np.nan, 0.5), (1.0, 1.0, 1.5)):
        with pytest.raises(DomainError):
            NETS["relu"].kernel.pairs(p, q, gap)


def test_signed_gap() -> None:
    rng = np.random.default_rng(8)
    p, q, closeness = rng.lognormal(size=300), rng.lognormal(size=300), 10.0 ** -rng.uniform(0, 15, 300)
    c = np.sqrt(p * q) * (1 - closeness) * rng.choice([-1, 1], 300)
    computed = signed_gap(p, q, c)
    with mp.workdps(DIGITS):
        for k in range(300):
            exact = 1 - abs(mp.mpf(c[k])) / mp.sqrt(mp.mpf(p[k]) * mp.mpf(q[k]))
            assert abs(abs(computed[k]) - exact) <= 1e-15 * exact
    assert (np.sign(computed) == np.sign(c)).all()
    assert signed_gap([0.0, 0.0], [1.0, 0.0], 0.0).tolist() == [1.0, 1.0]
    assert np.signbit(signed_gap(1.0, 1.0, -1.0))
