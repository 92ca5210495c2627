"""The conditioned sampler has the law of the whole network: both kernels, jointly, at every width."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from two_samples import agree, generator, of_matrices

from symlimits.errors import DomainError
from symlimits.finite.conditioned import conditioned
from symlimits.finite.kernel_experiment import KernelExperiment
from symlimits.finite.network import Draw, Sampler, _chain, _observe, empirical_kernels, shapes, whole_weights
from symlimits.language.activation import Activation, x
from symlimits.language.architecture import Concat, Dense, LayerNorm, Product, Residual, Serial, mlp, serial

RELU = Activation(sp.Max(x, 0))
TANH = Activation(sp.tanh(x))
GELU = Activation(x * (1 + sp.erf(x / sp.sqrt(2))) / 2)
SQUARE = Activation(x**2)  # large slopes where the features of the layer below are met: the memory shows
X = np.array([[1.0, 0.3], [-0.4, 0.8], [0.5, -1.2]])  # three points in the plane: a singular first layer
COUNT = 12_000
MANY = 300_000  # of the longer test

CASES = [
    (width, depth, (RELU, TANH, GELU)[(width + depth) % 3], (None, 0, "3/10")[(width + 2 * depth) % 3])
    for width in (1, 2, 3, 5, 17)
    for depth in (1, 2, 3, 4)
]


def kernels(
    net: Serial, data: np.ndarray, size: int, sampler: Sampler, seed: int, count: int = COUNT
) -> tuple[np.ndarray, ...]:
    draw = Draw(generator(seed), count, net.parameterization, iter(shapes(net, data.shape[1], size)), sampler)
    return _observe(_chain(net.layers, data.T[None], draw), count, ("nngp", "ntk"))


def functionals(
    net: Serial, data: np.ndarray, size: int, sampler: Sampler, seed: int, count: int = COUNT
) -> dict[str, np.ndarray]:
    K, theta = kernels(net, data, size, sampler, seed, count)
    jointly = {
        "K_00 Theta_11": K[:, 0, 0] * theta[:, 1, 1],
        "Theta_11 - K_11": theta[:, 1, 1] - K[:, 1, 1],
        "Theta_00/K_00": theta[:, 0, 0] / (1e-3 + K[:, 0, 0]),  # K may vanish
    }
    return of_matrices("K", K) | of_matrices("Theta", theta) | jointly


def same(net: Serial, data: np.ndarray, size: int, sampler: Sampler = conditioned, count: int = COUNT) -> bool:
    naive, ours = (functionals(net, data, size, s, k, count) for k, s in enumerate((whole_weights, sampler)))
    return agree(naive, ours)


@pytest.mark.parametrize(("width", "depth", "phi", "b_var"), CASES)
def test_law_of_both_kernels(width, depth, phi, b_var):
    assert same(mlp(depth, phi, "17/10", b_var), X, width)


@pytest.mark.slow
@pytest.mark.parametrize("width", [2, 4, 6])
def test_law_at_many_draws(width):
    assert same(mlp(3, GELU, 2, "3/10"), X, width, count=MANY)


@pytest.mark.parametrize("width", [1, 2, 5])
def test_law_where_the_memory_of_the_way_forward_shows(width):
    assert same(mlp(3, SQUARE, 2, None), X, width)


@pytest.mark.parametrize("b_var", [None, 0, "3/10"])
@pytest.mark.parametrize("widths", [(2, 1), (1, 3), (3, 2, 1)])
def test_standard_parameterization_with_unequal_widths(widths, b_var):
    assert same(mlp(len(widths), TANH, 2, b_var, "standard", widths=widths), X, 2)


@pytest.mark.parametrize(
    "data",
    [
        [[1.0, 2.0], [1.0, 2.0], [0.5, -1.0]],
        [[1.0, 2.0], [0.0, 0.0], [-2.0, -4.0]],
        [[1.0, 2.0], [1.0, 2.0 + 1e-9], [1e-6, 0.0]],
        [[0.0], [0.0]],
    ],
    ids=["equal", "vanishing and parallel", "nearly equal", "nothing"],
)
@pytest.mark.parametrize("b_var", [None, "3/10"])
def test_singular_inputs(data, b_var):
    assert same(mlp(2, TANH, 2, b_var), np.array(data), 4)


def test_layers_that_are_not_alike():
    net = serial(Dense(2), TANH, Dense(1, "1/2"), Dense("1/3"), RELU, TANH, Dense(3, 1))
    assert same(net, X, 3)


def test_residual_blocks():
    block = Residual(TANH, Dense(2, "1/2"), Residual(TANH, Dense(1)), TANH, Dense("1/3"))
    assert same(serial(Dense(2), block, block, RELU, Dense(3, 1)), X, 3)


@pytest.mark.slow
def test_layers_with_branches():
    """The way back goes once through every branch, and through LayerNorm; five units, of which it takes two away."""
    gate = Product((Dense(1, "1/2"),), (Dense("1/3"), TANH))
    net = serial(Dense(2), LayerNorm(), TANH, gate, Dense(2), Concat((), (RELU, Dense(1)), (TANH,)), Dense(3, 1))
    assert same(net, X, 5)


# ---------------------------------------------------------------------- samplers made wrong on purpose


def without_memory(h, outputs, batch, rng):
    """The way back through new weights, as if they were not those of the way forward."""
    forward, _ = conditioned(h, outputs, batch, rng)
    return forward, whole_weights(h, outputs, batch, rng)[1]


def without_projection(h, outputs, batch, rng):
    """Q (W Q)^T b + W'^T b: the new weights not projected off the features."""
    Q, R = np.linalg.qr(h)
    along = rng.standard_normal((batch, outputs, Q.shape[-1]))
    _, back = whole_weights(h, outputs, batch, rng)
    return along @ R, lambda b: Q @ (along.swapaxes(1, 2) @ b) + back(b)


def without_fresh_part(h, outputs, batch, rng):
    """Q (W Q)^T b alone."""
    Q, R = np.linalg.qr(h)
    along = rng.standard_normal((batch, outputs, Q.shape[-1]))
    return along @ R, lambda b: Q @ (along.swapaxes(1, 2) @ b)


def with_a_root_of_the_diagonal(h, outputs, batch, rng):
    """W'^T b with independent columns, as if the derivatives at two inputs were orthogonal."""
    Q, R = np.linalg.qr(h)
    along = rng.standard_normal((batch, outputs, Q.shape[-1]))

    def back(b):
        norms = np.linalg.norm(b, axis=1, keepdims=True)
        fresh = rng.standard_normal((batch, h.shape[1], b.shape[2])) * norms
        return Q @ (along.swapaxes(1, 2) @ b) + fresh - Q @ (Q.swapaxes(1, 2) @ fresh)

    return along @ R, back


def with_more_variance(h, outputs, batch, rng):
    """Weights of variance 1.1."""
    return conditioned(h * np.sqrt(1.1), outputs, batch, rng)


@pytest.mark.parametrize("width", [2, 5])
def test_a_sampler_without_memory_is_rejected(width):
    assert not same(mlp(3, SQUARE, 2, None), X, width, without_memory)


@pytest.mark.parametrize(
    "wrong", [without_projection, without_fresh_part, with_a_root_of_the_diagonal, with_more_variance]
)
@pytest.mark.parametrize("width", [5, 17])
def test_wrong_samplers_are_rejected(wrong, width):
    assert not same(mlp(3, TANH, "17/10", "3/10"), X, width, wrong)


# ------------------------------------------------------------------------------------ exact identities


@pytest.mark.parametrize(("n", "points"), [(1, 3), (3, 3), (40, 3), (3, 1), (2, 5)])
def test_what_is_known_of_the_weights(n, points):
    """(W h)^T b = h^T (W^T b) in every draw, and one datum alone has E |W^T b|^2 = n |b|^2."""
    rng = generator(0)
    h, b = rng.standard_normal((2000, n, points)), rng.standard_normal((1, 4, points))
    forward, back = conditioned(h, 4, 2000, rng)
    result = back(b)
    np.testing.assert_allclose(forward.swapaxes(1, 2) @ b, h.swapaxes(1, 2) @ result, rtol=1e-11, atol=1e-11)
    ratios = np.square(result).sum(axis=1)[:, 0] / np.square(b).sum(axis=1)[:, 0]
    error = np.sqrt(2 * n / 2000)  # chi-square of n degrees of freedom
    assert abs(ratios.mean() - n) < 5 * error
    assert abs(1.5 * ratios.mean() - n) > 5 * error


def test_no_hidden_layer_has_nothing_random():
    net = serial(Dense(2, "1/4"))
    for naive, exact in zip(*(empirical_kernels(net, X, 7, generator(0), s) for s in ("naive", "exact")), strict=True):
        np.testing.assert_array_equal(naive, exact)


def test_widths_beyond_the_reach_of_whole_weights():
    K, theta = empirical_kernels(mlp(3, RELU, 2, 0), X, 10**5, generator(0), sampler="exact")
    angle_free = np.square(X).sum(axis=1) / 2  # relu with w_var = 2 keeps K(x, x), and adds it up in Theta
    np.testing.assert_allclose(K.diagonal(), 2 * angle_free, rtol=0.05)  # fluctuations of order 1/sqrt(width)
    np.testing.assert_allclose(theta.diagonal(), 8 * angle_free, rtol=0.05)


def test_experiments_choose_their_sampler():
    net = mlp(2, TANH, 2, 0)
    assert KernelExperiment(net, X, "ntk").sampler == "exact"
    with pytest.raises(DomainError, match="'exact' or 'naive'"):
        KernelExperiment(net, X, "ntk", sampler="fast")
    for sampler in ("exact", "naive"):
        experiment = KernelExperiment(net, X, "ntk", sampler=sampler)
        np.testing.assert_array_equal(experiment.draws(8, 5, generator(0)), experiment.draws(8, 5, generator(0)))
    infinite = mlp(1, Activation(sp.exp(x)), 10**6, 0)
    for observable in ("nngp", "ntk"):
        with pytest.raises(DomainError, match="overflows"):
            KernelExperiment(infinite, X, observable).draws(8, 1, generator(0))
