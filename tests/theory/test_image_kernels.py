"""Kernels of images against loops over pixel pairs in plain Python, against dense networks, and against finite ones."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits import errors
from symlimits.finite.image_network import sample_images
from symlimits.language.architecture import Repeat, Residual, Serial
from symlimits.language.image_layers import AvgPool, Conv, Flatten, GlobalAvgPool
from symlimits.language.network_tree import network_from_tree, network_to_tree
from symlimits.reading import image_gram
from symlimits.theory.images.twin import ImageTwin

CLOSE = 1e-12  # both are float64; the oracle's angles lose digits at small gaps, which random images have not
W, B = "3/2", "1/10"


def relu(p: float, q: float, c: float) -> tuple[float, float]:
    """T and its derivative (Cho & Saul 2009)."""
    rho = max(-1.0, min(1.0, c / math.sqrt(p * q)))
    angle = math.acos(rho)
    T = math.sqrt(p * q) * (math.sin(angle) + (math.pi - angle) * rho) / (2 * math.pi)
    return T, (math.pi - angle) / (2 * math.pi)


def erf(p: float, q: float, c: float) -> tuple[float, float]:
    """T and its derivative (Williams 1997)."""
    D = (1 + 2 * p) * (1 + 2 * q)
    return 2 / math.pi * math.asin(2 * c / math.sqrt(D)), 4 / math.pi / math.sqrt(D - 4 * c * c)


DUALS = {"relu": relu, "erf": erf}


class Pair:
    """K and Theta of two images as dictionaries over pixel pairs; `grid` is the size of the image."""

    def __init__(self, x: np.ndarray, z: np.ndarray) -> None:
        self.grid = x.shape[:-1]
        self.K = {(a, b): float(x[a] @ z[b]) / x.shape[-1] for a in pixels(self.grid) for b in pixels(self.grid)}
        self.Theta = dict.fromkeys(self.K, 0.0)


def pixels(grid: tuple[int, ...]) -> list[tuple[int, ...]]:
    return list(product(*map(range, grid)))


def oracle(net: Serial, x: np.ndarray, z: np.ndarray) -> tuple[float, float]:
    """The NNGP kernel and the tangent kernel of two images."""
    pairs = through(net.layers, [Pair(x, x), Pair(z, z), Pair(x, z)])
    ((K,), (Theta,)) = pairs[2].K.values(), pairs[2].Theta.values()
    return K, Theta


def through(layers: tuple, pairs: list[Pair]) -> list[Pair]:
    for layer in layers:
        if isinstance(layer, Residual):
            branch = through(layer.layers, pairs)
            pairs = [made(p.grid, added(p.K, f.K), added(p.Theta, f.Theta)) for p, f in zip(pairs, branch, strict=True)]
        elif isinstance(layer, Conv | AvgPool | Flatten | GlobalAvgPool | sl.Dense):
            pairs = [linear(layer, pair) for pair in pairs]
        else:
            pairs = activated(layer, pairs)
    return pairs


def made(grid: tuple[int, ...], K: dict, Theta: dict) -> Pair:
    pair = Pair.__new__(Pair)
    pair.grid, pair.K, pair.Theta = grid, K, Theta
    return pair


def added(one: dict, other: dict) -> dict:
    return {key: one[key] + other[key] for key in one}


def activated(layer: object, pairs: list[Pair]) -> list[Pair]:
    dual = erf if layer.expr.has(sp.erf) else relu
    variances = [(pairs[0], pairs[0]), (pairs[1], pairs[1]), (pairs[0], pairs[1])]
    found = []
    for pair, (left, right) in zip(pairs, variances, strict=True):
        values = {(a, b): dual(left.K[a, a], right.K[b, b], k) for (a, b), k in pair.K.items()}
        Theta = {key: values[key][1] * t for key, t in pair.Theta.items()}
        found.append(made(pair.grid, {key: value[0] for key, value in values.items()}, Theta))
    return found


def linear(layer: object, pair: Pair) -> Pair:
    if isinstance(layer, Flatten):
        every = pixels(pair.grid)
        return made((), *({((), ()): sum(F[a, a] for a in every) / len(every)} for F in (pair.K, pair.Theta)))
    if isinstance(layer, GlobalAvgPool):
        return made((), *({((), ()): sum(F.values()) / len(F)} for F in (pair.K, pair.Theta)))
    if isinstance(layer, AvgPool):
        grid = tuple((n - f) // s + 1 for n, f, s in zip(pair.grid, layer.shape, layer.strides, strict=True))
        K, Theta = (window(layer, F, grid) for F in (pair.K, pair.Theta))
        return made(grid, K, Theta)
    w, b = float(layer.w_var), float(layer.bias_variance)
    if isinstance(layer, Conv):
        grid, means = convolved(layer, pair)
    else:
        grid, means = pair.grid, [pair.K, pair.Theta]
    K = {key: w * value + b for key, value in means[0].items()}
    return made(grid, K, {key: K[key] + w * value for key, value in means[1].items()})


def window(layer: AvgPool, F: dict, grid: tuple[int, ...]) -> dict:
    offsets = pixels(layer.shape)

    def at(a: tuple[int, ...], o: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(s * i + j for s, i, j in zip(layer.strides, a, o, strict=True))

    return {
        (a, b): sum(F[at(a, o), at(b, t)] for o in offsets for t in offsets) / len(offsets) ** 2
        for a in pixels(grid)
        for b in pixels(grid)
    }


def convolved(layer: Conv, pair: Pair) -> tuple[tuple[int, ...], list[dict]]:
    if layer.padding == "valid":
        grid = tuple((n - f) // s + 1 for n, f, s in zip(pair.grid, layer.shape, layer.strides, strict=True))
    else:
        grid = tuple(math.ceil(n / s) for n, s in zip(pair.grid, layer.strides, strict=True))
    offsets = pixels(layer.shape)

    def at(a: tuple[int, ...], o: tuple[int, ...]) -> tuple[int, ...]:
        low = [0 if layer.padding == "valid" else (f - 1) // 2 for f in layer.shape]
        place = tuple(s * i + j - k for s, i, j, k in zip(layer.strides, a, o, low, strict=True))
        wrap = layer.padding == "circular"
        return tuple(i % n for i, n in zip(place, pair.grid, strict=True)) if wrap else place

    def mean(F: dict) -> dict:
        return {
            (a, b): sum(F.get((at(a, o), at(b, o)), 0.0) for o in offsets) / len(offsets)
            for a in pixels(grid)
            for b in pixels(grid)
        }

    return grid, [mean(pair.K), mean(pair.Theta)]


END = (act.relu, sl.Flatten(), sl.Dense(1, "1/5"))
NETS = {
    "same": sl.serial(Conv((3, 3), W, B), act.relu, Conv((2, 3), W, B), *END),
    "valid": sl.serial(Conv((2, 2), W, 0, padding="valid"), act.relu, Conv((2, 1), W, B, padding="valid"), *END),
    "circular": sl.serial(Conv((3, 2), W, B, padding="circular"), act.relu, Conv((3, 3), W, 0, 1, "circular"), *END),
    "strides": sl.serial(Conv((3, 3), W, B, strides=(2, 1)), act.relu, Conv((2, 3), W, B, 2, "circular"), *END),
    "residual": sl.serial(Conv((3, 3), W, B), Residual(act.relu, Conv((3, 3), 1), act.relu, Conv((1, 1), 1)), *END),
    "pool": sl.serial(Conv((3, 3), W, B), act.relu, AvgPool((2, 2), strides=1), Conv((2, 2), W, B), *END),
    "global": sl.serial(Conv((3, 3), W, B), act.relu, AvgPool((1, 2)), GlobalAvgPool(), sl.Dense(1), act.relu,
                        sl.Dense(2)),
    "flat": sl.serial(Flatten(), sl.Dense(W, B), act.relu, sl.Dense(1)),
}  # fmt: skip
LINES = {
    "line": sl.serial(Conv((3,), W, B, 2), act.relu, AvgPool((2,)), Conv((3,), W, B, 1, "circular"), *END),
    "erf": sl.serial(Conv((3,), W, B), act.erf, Conv((2,), W, B, 1, "valid"), Residual(act.erf, Conv((3,), 1, 0)),
                     act.relu, GlobalAvgPool(), sl.Dense(1)),
}  # fmt: skip
DATA = np.random.default_rng(3).normal(size=(3, 4, 5, 2))


def both(net: Serial, X: np.ndarray, Z: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    return sl.ntk(net).compile().both(X, Z)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_loops_over_pixel_pairs(name: str) -> None:
    _check_against_loops(NETS[name], DATA)


@pytest.mark.slow
@pytest.mark.parametrize("name", LINES)
def test_loops_over_pixel_pairs_of_sequences(name: str) -> None:
    _check_against_loops(LINES[name], np.random.default_rng(4).normal(size=(3, 9, 2)))
    _check_against_loops(LINES[name], np.random.default_rng(4).normal(size=(2, 8, 1)))


def _check_against_loops(net: Serial, X: np.ndarray) -> None:
    found = both(net, X)
    for i, j in ((0, 0), (0, 1), (1, len(X) - 1)):
        truth = oracle(net, X[i], X[j])
        assert found[0][i, j] == pytest.approx(truth[0], rel=CLOSE)
        assert found[1][i, j] == pytest.approx(truth[1], rel=CLOSE)


def test_the_oracle_tells_paddings_apart() -> None:
    """The negative control: another padding, or one that begins a pixel later, is another kernel."""
    values = {
        padding: oracle(sl.serial(Conv((2, 3), W, B, 1, padding), act.relu, Conv((3, 3), W, B), *END), *DATA[:2])[0]
        for padding in ("same", "valid", "circular")
    }
    assert min(abs(a - b) for a in values.values() for b in values.values() if a != b) > 1e-3


@pytest.mark.slow
def test_one_pixel_is_the_dense_network() -> None:
    X = np.random.default_rng(5).normal(size=(5, 3))
    X[3], X[4] = 2 * X[0], X[1]
    images = sl.serial(Conv((1, 1), W, B), act.relu, Conv((1, 1), W, B, 1, "valid"), *END)
    dense = sl.serial(sl.Dense(W, B), act.relu, sl.Dense(W, B), act.relu, sl.Dense(1, "1/5"))
    for found, wanted in zip(both(images, X[:, None, None, :]), sl.ntk(dense).compile().both(X), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=4 * 2.0**-52 * 8)  # a few roundings a layer


@pytest.mark.slow
@pytest.mark.parametrize("name", ["same", "pool"])
def test_equal_and_parallel_images(name: str) -> None:
    """Without bias relu is homogeneous: K(x, 3 z) = 3 K(x, z); rows of equal images are equal."""
    layers = [replace(l, b_var=sp.Integer(0)) if isinstance(l, Conv | sl.Dense) else l for l in NETS[name].layers]
    net = sl.serial(*layers)
    X = np.concatenate([DATA, DATA[:1], 3 * DATA[:1]])
    for K in both(net, X):
        assert (K == K.T).all()
        np.testing.assert_array_equal(K[0], K[3])
        np.testing.assert_allclose(K[4], 3 * K[0], rtol=1e-13)
        np.testing.assert_allclose(K[4, 4], 9 * K[0, 0], rtol=1e-13)


def test_blocks_of_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded by blocks of images, whose size changes no bit; K(X, Z) is a part of K of both."""
    X = np.random.default_rng(6).normal(size=(11, 4, 5, 2))
    whole = both(NETS["same"], X)
    monkeypatch.setattr(image_gram, "TABLES", 8 * 8 * 20 * 3)
    for K, other, part in zip(whole, both(NETS["same"], X), both(NETS["same"], X[:4], X[4:]), strict=True):
        np.testing.assert_array_equal(K, other)
        np.testing.assert_array_equal(K[:4, 4:], part)


def test_black_pixels() -> None:
    """Without bias black parts have variance zero and no correlation; what is left is finite and right."""
    X = DATA.copy()
    X[:, :, 2:] = 0.0
    net = sl.serial(Conv((1, 1), 2, 0), act.relu, Flatten(), sl.Dense(1))
    K, Theta = both(net, X)
    part = both(net, X[:, :, :2])
    np.testing.assert_allclose(K, part[0] * 2 / 5, rtol=1e-14)
    np.testing.assert_allclose(Theta, part[1] * 2 / 5, rtol=1e-14)


FIRST = Conv((3, 3), 2, 0)
WRONG = {
    "dense after conv": (sl.serial(FIRST, act.relu, sl.Dense(1)), "sl.Flatten\\(\\) or sl.GlobalAvgPool"),
    "no end": (sl.serial(sl.Dense(1), FIRST), "Flatten"),
    "no readout": (sl.serial(FIRST, act.relu, Flatten(), sl.Dense(1), act.relu), "sl.Dense\\(1\\) at the end"),
    "flatten twice": (sl.serial(FIRST, Flatten(), Flatten(), sl.Dense(1)), "no image is left"),
    "conv after flatten": (sl.serial(Flatten(), FIRST, sl.Dense(1)), "before Flatten"),
    "two activations": (sl.serial(FIRST, act.relu, AvgPool((2, 2)), act.relu, Flatten(), sl.Dense(1)), "sl.Conv"),
    "activation of data": (sl.serial(act.relu, FIRST, Flatten(), sl.Dense(1)), "first"),
    "axes": (sl.serial(FIRST, act.relu, AvgPool((2,)), Flatten(), sl.Dense(1)), "number of axes"),
    "strided branch": (sl.serial(FIRST, Residual(act.relu, Conv((3, 3), 1, 0, 2)), Flatten(), sl.Dense(1)), "strides"),
    "pool in a branch": (sl.serial(FIRST, Residual(act.relu, AvgPool((2, 2)), FIRST), Flatten(), sl.Dense(1)), "size"),
    "activation of flattened pixels": (sl.serial(FIRST, Flatten(), act.relu, sl.Dense(1)), "before sl.Flatten"),
    "branch of flattened pixels": (
        sl.serial(FIRST, Flatten(), Residual(sl.Dense(1), act.relu, sl.Dense(1)), sl.Dense(1)), "sl.Dense\\(2, 0\\)"),
    "activations repeated": (sl.serial(FIRST, Repeat((act.relu,), 2), Flatten(), sl.Dense(1)), "sl.Conv"),
    "two dense": (sl.serial(FIRST, act.relu, Flatten(), sl.Dense(1), sl.Dense(1)), "act.linear"),
    "filters in a Concat": (sl.serial(sl.Dense(1), sl.Concat((FIRST,), ()), sl.Dense(1)), "sl.Flatten"),
    "branch of data": (sl.serial(Residual(FIRST), Flatten(), sl.Dense(1)), "sl.Conv"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_orders_that_are_refused(name: str) -> None:
    net, advice = WRONG[name]
    with pytest.raises(errors.NoRule, match=advice):
        sl.ntk(net)


def test_layers_that_are_refused() -> None:
    for wrong in ({"strides": "s"}, {"strides": (1, 1, 1)}, {"strides": 0}, {"padding": "full"}, {"w_var": -1}):
        with pytest.raises(errors.DomainError):
            Conv(**{"shape": (3, 3), "w_var": 1} | wrong)
    for shape in ((3, 3, 3), (), (2.5, 1), "33", (sp.Symbol("f"), 1), (True, 1)):
        with pytest.raises(errors.DomainError, match="positive integers"):
            AvgPool(shape)
    with pytest.raises(errors.DomainError, match="parameterization='ntk'"):
        sl.nngp(sl.serial(FIRST, Flatten(), sl.Dense(1), parameterization="standard", widths=()))


def test_data_that_are_refused() -> None:
    K = sl.ntk(NETS["valid"])
    with pytest.raises(errors.DataError, match=r"X\[..., None\]"):
        K(DATA[..., 0])
    with pytest.raises(errors.DataError, match=r"reshape"):
        K(DATA.reshape(3, -1))
    with pytest.raises(errors.DataError, match=r"under a filter of 2.*padding='same'"):
        K(DATA[:, :1])
    with pytest.raises(errors.DataError, match="one size"):
        K(DATA, DATA[:, 1:])
    with pytest.raises(errors.DataError, match="infinity"):
        K(DATA * np.inf)
    with pytest.raises(errors.UnboundSymbol, match="sigma_w"):
        sl.nngp(sl.serial(Conv((3, 3), "sigma_w**2"), act.relu, Flatten(), sl.Dense(1)))(DATA)
    with pytest.raises(errors.DataError, match="two"):
        K.reference(DATA[0])


def test_latex_has_pixels() -> None:
    tex = sl.ntk(sl.serial(Conv((3, 3), "sigma_w**2", B, 2), act.relu, Flatten(), sl.Dense(1))).latex()
    assert r"\sum_{\beta \in \{-1, 0, 1\}^{2}} \frac{x(2 \alpha + \beta) \cdot z(2 \alpha' + \beta)}{C}" in tex
    assert r"\frac{1}{P} \sum_{\beta} T^{\ell}_{xz}(\beta, \beta)" in tex


def test_networks_are_stored() -> None:
    for net in (*NETS.values(), *LINES.values()):
        assert network_from_tree(network_to_tree(net)) == net


def test_bound_parameters_and_reference() -> None:
    symbolic = sl.serial(Conv((3, 3), "sigma_w**2", "sigma_b**2"), act.relu, Conv((2, 3), "sigma_w**2", B), *END)
    K = sl.ntk(symbolic).bind(sigma_w=sp.sqrt(sp.Rational(3, 2)), sigma_b=sp.sqrt(sp.Rational(1, 10)))
    truth = oracle(NETS["same"], DATA[0], DATA[1])[1]
    assert float(K.reference(DATA[0], DATA[1], digits=20)) == pytest.approx(truth, rel=CLOSE)


def test_a_depth_that_is_open_and_a_stored_kernel() -> None:
    repeated = sl.serial(Conv((3,), W, B), Repeat((act.relu, Conv((3,), W, B)), "L"), *END)
    written = sl.serial(Conv((3,), W, B), *[act.relu, Conv((3,), W, B)] * 2, *END)
    X = np.random.default_rng(8).normal(size=(2, 5, 2))
    found = sl.ntk(repeated).bind(L=2)(X)
    np.testing.assert_array_equal(found, sl.ntk(written)(X))
    np.testing.assert_array_equal(sl.load(sl.ntk(written).to_json())(X), found)
    with pytest.raises(errors.NoRule, match="sphere"):
        sl.ntk(written).on_sphere(1)
    with pytest.raises(errors.NoRule, match="closed form"):
        sl.nngp(sl.serial(Conv((3,), W, B), act.tanh, Flatten(), sl.Dense(1)))(X)


# ------------------------------------------------------------------- against finite networks

SIZES = (16, 64, 256)  # channels


CERTIFIED = [("ntk", name) for name in ("same", "valid", "circular", "strides", "residual", "pool", "global", "line")]
CERTIFIED += [("nngp", name) for name in ("same", "residual", "pool")]


@pytest.mark.slow
@pytest.mark.parametrize(("observable", "name"), CERTIFIED)
def test_certificates(observable: str, name: str) -> None:
    kernel = sl.ntk if observable == "ntk" else sl.nngp
    certificate = kernel((NETS | LINES)[name]).certify(sizes=SIZES, seed=1)
    assert certificate.ok, certificate
    assert [link.passed for link in certificate.links[:3]] == [True, True, True]
    assert [link.name for link in certificate.links[3:]] == ["general"]  # of short programs: test_image_link.py
    if (observable, name) == ("nngp", "same"):
        assert sl.verify(certificate.to_json()).ok
        assert not sl.verify(certificate.to_json().replace('"padding": "same"', '"padding": "circular"')).ok


@pytest.mark.slow
@pytest.mark.parametrize(("name", "wrong"), [("same", {"padding": "circular"}), ("circular", {"padding": "same"})])
def test_another_padding_is_rejected(name: str, wrong: dict) -> None:
    """The negative control: networks whose first filter has another padding."""
    net = NETS[name]
    other = replace(net, layers=(replace(net.layers[0], **wrong), *net.layers[1:]))
    K = replace(sl.nngp(net), experiment=ImageTwin(other, "nngp"))
    link = K.certify(sizes=(64, 256, 1024), seed=1).links[0]
    assert link.passed is False, link


@pytest.mark.slow
def test_naive_networks_and_exact_ones() -> None:
    """Both samplers draw one law: means of both kernels agree at 8 channels, within 5 standard errors (alpha 1e-6)."""
    for name in ("same", "pool"):
        for observable in ("nngp", "ntk"):
            draws = [
                sample_images(NETS[name], DATA[:2], 8, 3000, np.random.default_rng(7), (observable,), sampler)[0][
                    :, 0, 1
                ]
                for sampler in ("naive", "exact")
            ]
            error = math.hypot(*(d.std() / math.sqrt(len(d)) for d in draws))
            assert abs(draws[0].mean() - draws[1].mean()) < 5 * error
