"""What a path says: shapes, where it ends, laws of neurons and weights, and what the limits of the theory ask for."""

from __future__ import annotations

import numpy as np
import pytest

import symlimits as sl
from symlimits.theory.deep_linear import RECURSED
from symlimits.theory.deep_linear.grams import Blocks, Vectors
from symlimits.theory.deep_linear.operator import critical_rate
from symlimits.theory.deep_linear.path import Path
from symlimits.theory.deep_linear.problem import Floats, problem_of_data
from symlimits.theory.deep_linear.sweep import bytes_needed
from symlimits.theory.deep_linear.weights import GaussianWeights, Increment

ROUNDING = 1e-12  # relative to the largest entry
SINGULAR = 1e-7  # singular values come from square roots of Grams whose eigenvalues have errors of 1e-15
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 3)), RNG.normal(size=(20, 2))
DATA = problem_of_data(X, Y)


def path(depth: int = 2, lr: float = 0.1, steps: int = 12) -> Path:
    return sl.deep_linear(depth).gradient_descent(DATA.Sxx, DATA.Syx, lr=lr, steps=steps)


def assert_close(found: Floats, wanted: Floats, tolerance: float = ROUNDING) -> None:
    assert np.abs(found - wanted).max() <= tolerance * max(1.0, float(np.abs(wanted).max()))


def test_shapes() -> None:
    found = path(3)
    assert found.predictors.shape == (13, 2, 3)
    assert {found.forward_gram(l).shape for l in range(4)} == {(13, 13, 3, 3)}
    assert {found.backward_gram(l).shape for l in range(1, 5)} == {(13, 13, 2, 2)}
    assert found.mixed_gram(2).shape == (13, 13, 2, 3)
    assert found.neuron_law(3).shape == (13, 13, 5, 5)
    assert (found.steps, found.lr, found.depth) == (12, 0.1, 3)
    assert repr(found) == "Path(depth 3, 3 inputs, 2 outputs, lr 0.1, 12 steps)"


def test_what_does_not_move() -> None:
    found = path(2)
    assert (found.forward_gram(0) == np.eye(3)).all()
    assert (found.backward_gram(3) == np.eye(2)).all()


def test_a_path_is_not_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        path().predictors[0] = 1.0


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_laws_of_neurons_are_covariances(depth: int) -> None:
    """Symmetric, without negative eigenvalues, the predictor at equal times; for one hidden layer of rank d + k."""
    found = path(depth)
    for l in range(1, depth + 1):
        law = found.neuron_law(l)
        matrix = law.transpose(0, 2, 1, 3).reshape(13 * 5, 13 * 5)
        assert_close(matrix, matrix.T)
        values = np.linalg.eigvalsh(matrix)
        assert values.min() > -ROUNDING * values.max()
        assert_close(law[range(13), range(13)][:, 3:, :3], found.predictors)
        if depth == 1:
            assert (values > ROUNDING * values.max()).sum() == 5


def test_mixed_covariances_at_two_times_depend_on_the_layer() -> None:
    """Only the diagonal is the predictor."""
    found = path(2)
    assert np.abs(found.mixed_gram(1)[3, 5] - found.mixed_gram(2)[3, 5]).max() > 0.01


def test_laws_of_the_outer_weights() -> None:
    found = path(2)
    U, V = found.weight_law(1), found.weight_law(3)
    assert isinstance(U, GaussianWeights)
    assert isinstance(V, GaussianWeights)
    assert U.vectors == "rows of U"
    assert V.vectors == "columns of V"
    for t in (0, 5, 12):
        assert np.array_equal(U.covariance[t], found.forward_gram(1)[t, t])
        assert np.array_equal(V.covariance[t], found.backward_gram(2)[t, t])
    assert np.array_equal(U.covariance[0], np.eye(3))


def test_the_first_increment_is_the_first_gradient() -> None:
    """B E H'/m with orthonormal H and B has the singular values of lr E_0."""
    law = path(3).weight_law(2)
    assert isinstance(law, Increment)
    assert_close(law.singular_values(1), np.linalg.svd(0.1 * DATA.Syx, compute_uv=False))
    assert law.singular_values(0).shape == (0,)


@pytest.mark.parametrize("layer", [2, 3])
def test_increments_have_the_norm_that_their_grams_say(layer: int) -> None:
    r"""$\|\Delta M\|_F^2 = \eta^2\sum_{s,u}\mathrm{tr}\,G_l(u,s)E_s\Phi_{l-1}(s,u)E_u^\top$."""
    found = path(3)
    law = found.weight_law(layer)
    assert isinstance(law, Increment)
    values, moves = law.singular_values(), 0.1 * found.errors[:-1]
    G, Phi = found.backward_gram(layer)[:-1, :-1], found.forward_gram(layer - 1)[:-1, :-1]
    squared = np.einsum("usab,sbi,suij,uaj->", G, moves, Phi, moves)
    assert (values**2).sum() == pytest.approx(squared, rel=SINGULAR)
    assert (np.diff(values) <= 0).all()
    assert values.shape == (24,)


def small_network(steps: int, lr: float) -> tuple[Floats, Floats]:
    """Two hidden layers, exactly: a network of zeros and ones, and by how much its inner layer moves.

    The Golub-Kahan bidiagonalisation of a wide Gaussian matrix has entries that tend to one: from each input M is
    J = identity + superdiagonal, from each output its transpose; blocks of size n are exact for 2 n - 1 steps.
    """
    n = steps // 2 + 1
    J = np.eye(n) + np.eye(n, k=1)
    M = np.zeros((5 * n, 5 * n))
    for i in range(5):
        M[i * n : (i + 1) * n, i * n : (i + 1) * n] = J if i < 3 else J.T
    roots, start = np.eye(5 * n)[::n], M.copy()
    U, V = roots[:3].T, roots[3:]
    for _ in range(steps):
        E = DATA.Syx - V @ M @ U @ DATA.Sxx
        U, M, V = U + lr * M.T @ V.T @ E, M + lr * V.T @ E @ U.T, V + lr * E @ (M @ U).T
    return np.asarray(V @ M @ U), M - start


def test_two_hidden_layers_are_a_network_of_zeros_and_ones() -> None:
    for steps in (1, 4, 7):
        found = path(2, steps=steps)
        predictor, moved = small_network(steps, 0.1)
        assert_close(found.predictors[-1], predictor)
        law, singular = found.weight_law(2), np.linalg.svd(moved, compute_uv=False)
        assert isinstance(law, Increment)
        kept = min(len(singular), 2 * steps)
        assert_close(law.singular_values()[:kept], singular[:kept], SINGULAR)
        assert np.abs(path(2, lr=0.11, steps=steps).predictors[-1] - predictor).max() > 1e-3  # another path is seen


# --------------------------------------------------------------------------------------------- what theory asks for


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_path_ends_at_the_minimiser_of_least_norm(depth: int) -> None:
    """With inputs in a plane: nothing ever moves outside of it."""
    flat = problem_of_data(X @ np.diag([1.0, 1.0, 0.0]) @ np.linalg.qr(RNG.normal(size=(3, 3)))[0], Y)
    found = sl.deep_linear(depth).gradient_descent(flat.Sxx, flat.Syx, lr=0.15, steps=150)
    assert flat.rank == 2
    assert_close(found.predictors[-1], flat.minimiser(), 1e-9)
    assert np.abs(found.predictors @ (np.eye(3) - flat.projector)).max() < ROUNDING


def test_one_hidden_layer_closes_without_memory() -> None:
    """A, P = Phi_1(t, t) and Q = G_1(t, t) of the next step follow from those of this one."""
    found, lr = path(1, lr=0.2, steps=30), 0.2
    A, P, Q = np.zeros((2, 3)), np.eye(3), np.eye(2)
    for t in range(31):
        assert_close(found.predictors[t], A)
        assert_close(found.forward_gram(1)[t, t], P)
        assert_close(found.backward_gram(1)[t, t], Q)
        E = DATA.Syx - A @ DATA.Sxx
        A, P, Q = (
            A + lr * (E @ P + Q @ E) + lr**2 * E @ A.T @ E,
            P + lr * (E.T @ A + A.T @ E) + lr**2 * E.T @ Q @ E,
            Q + lr * (E @ A.T + A @ E.T) + lr**2 * E @ P @ E.T,
        )
    assert np.abs(path(2, lr=0.2, steps=30).predictors[3] - found.predictors[3]).max() > 0.01  # another depth is seen


def test_aligned_data_decouple_into_scalar_paths() -> None:
    U, W = (np.linalg.qr(RNG.normal(size=(n, n)))[0] for n in (2, 3))
    variances, slopes = np.array([1.0, 0.5, 0.2]), np.array([0.8, -0.3])
    Sxx, Syx = W @ np.diag(variances) @ W.T, U @ np.eye(2, 3) * np.append(slopes, 0) @ W.T
    found = sl.deep_linear(3).gradient_descent(Sxx, Syx, lr=0.1, steps=20).predictors
    modes = np.zeros((21, 2, 3))
    for i in range(2):
        scalar = sl.deep_linear(3).gradient_descent([[variances[i]]], [[slopes[i]]], lr=0.1, steps=20)
        modes[:, i, i] = scalar.predictors[:, 0, 0]
    assert_close(found, U @ modes @ W.T)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_small_targets_are_lazy(depth: int) -> None:
    """A_t over the target tends to the path of the tangent kernel, with an error of second order."""
    errors = []
    for target in (1e-2, 1e-3):
        found = sl.deep_linear(depth).gradient_descent([[1.0]], [[target]], lr=0.05, steps=20)
        lazy = 1 - (1 - (depth + 1) * 0.05) ** np.arange(21)
        errors.append(np.abs(found.predictors[:, 0, 0] / target - lazy).max())
    assert 95 < errors[0] / errors[1] < 105
    assert errors[0] < 1e-3


# ---------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda p: p.forward_gram(3), "an integer from 0 to 2"),
        (lambda p: p.forward_gram(-1), "an integer from 0 to 2"),
        (lambda p: p.backward_gram(0), "an integer from 1 to 3"),
        (lambda p: p.mixed_gram(True), "an integer from 1 to 2"),
        (lambda p: p.weight_law(4), "an integer from 1 to 3"),
        (lambda p: p.weight_law(1.0), "an integer from 1 to 3"),
        (lambda p: p.weight_law(2).singular_values(13), "an integer from 0 to 12"),
    ],
)
def test_layers_and_times_out_of_range(ask: object, words: str) -> None:
    with pytest.raises(sl.errors.DomainError, match=words):
        ask(path())  # type: ignore[operator]


def test_a_path_that_diverges_is_no_result() -> None:
    with pytest.raises(
        sl.errors.DomainError, match=r"leaves the range of floats at step .* below the critical one, 0\.\d+"
    ):
        sl.deep_linear(2).gradient_descent(DATA.Sxx, DATA.Syx, lr=50.0, steps=40, forced=True)


def test_data_without_a_minimum_are_allowed() -> None:
    """No rate is too large for a minimum that is not there; at step 15 the predictor is a float, and Grams are none."""
    for steps in (12, 15):
        found = sl.deep_linear(2).gradient_descent([[1.0, 0.0], [0.0, 0.0]], [[1.0, 1.0]], lr=0.1, steps=steps)
        assert found.problem.note.startswith("0.71 of Syx lies outside the range of Sxx")
        assert found.critical_rate < 1e-3


def test_data_without_a_minimum_are_named_where_their_path_diverges() -> None:
    with pytest.raises(sl.errors.DomainError, match="outside the range of Sxx"):
        sl.deep_linear(2).gradient_descent([[1.0, 0.0], [0.0, 0.0]], [[1.0, 1.0]], lr=0.1, steps=20)


@pytest.mark.parametrize("depth", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_long_paths_are_those_of_the_recursion(depth: int) -> None:
    """By the network in coordinates; forced, by the recursion: the predictors, and all that is said of neurons."""
    net, steps = sl.deep_linear(depth), RECURSED + 20
    long, recursed = (net.gradient_descent(DATA.Sxx, DATA.Syx, 0.05, steps, forced=forced) for forced in (False, True))
    assert (type(long.grams), type(recursed.grams)) == (Vectors, Blocks)
    np.testing.assert_allclose(long.predictors, recursed.predictors, atol=1e-12)
    for layer in range(1, depth + 1):
        np.testing.assert_allclose(long.neuron_law(layer), recursed.neuron_law(layer), atol=1e-12)
    short = net.gradient_descent(DATA.Sxx, DATA.Syx, 0.05, RECURSED)
    assert type(short.grams) is Blocks
    np.testing.assert_allclose(short.predictors, long.predictors[: RECURSED + 1], atol=1e-12)


def test_a_rate_above_the_critical_one_is_refused_unless_forced() -> None:
    """At 1.5 times the critical rate errors do not fall; half of it passes."""
    net, critical = sl.deep_linear(2), sl.deep_linear(2).critical_rate([[1.0]], [[2.0]])
    assert critical == critical_rate(2, [[1.0]], [[2.0]])
    assert critical == pytest.approx(path_of_one(2, 0.01).critical_rate, rel=0.02)  # where small steps end
    with pytest.raises(sl.errors.DomainError, match=f"above the critical rate {critical:.6g} of the minimiser"):
        net.gradient_descent([[1.0]], [[2.0]], lr=1.5 * critical, steps=40)
    forced = net.gradient_descent([[1.0]], [[2.0]], lr=1.5 * critical, steps=40, forced=True)
    assert abs(forced.errors[-5:]).max() > 0.1
    assert abs(net.gradient_descent([[1.0]], [[2.0]], lr=0.5 * critical, steps=40).errors[-1]).max() < 1e-3


def test_the_rate_is_judged_by_the_minimiser_not_by_the_path() -> None:
    """A rate just above ends at a flatter minimiser; a path that is short, or has no step, tells nothing."""
    net = sl.deep_linear(2)
    thrown = net.gradient_descent([[1.0]], [[2.0]], lr=0.215, steps=400, forced=True)
    assert abs(thrown.errors[-1]).max() < 1e-3
    assert thrown.critical_rate > 0.215 > net.critical_rate([[1.0]], [[2.0]])
    for steps in (1, 3, 400):
        with pytest.raises(sl.errors.DomainError, match="above the critical rate"):
            net.gradient_descent([[1.0]], [[2.0]], lr=0.215, steps=steps)
    for lr in (5.0, 1e300):
        assert net.gradient_descent([[1.0]], [[2.0]], lr=lr, steps=0).predictors.tolist() == [[[0.0]]]


def test_the_rate_is_judged_before_the_path() -> None:
    """A path that no memory would hold is refused for its rate."""
    with pytest.raises(sl.errors.DomainError, match="above the critical rate"):
        sl.deep_linear(2).gradient_descent(DATA.Sxx, DATA.Syx, lr=5.0, steps=10**6)


@pytest.mark.parametrize("momentum", [0.3, 0.9])
def test_momentum_allows_larger_rates(momentum: float) -> None:
    """Heavy-ball is stable iff lr lambda < 2 (1 + momentum), and the target is so small that K stays what it is."""
    net, target = sl.deep_linear(2), [[1e-3]]
    critical = (1 + momentum) * net.critical_rate([[1.0]], target)
    below = net.gradient_descent([[1.0]], target, lr=0.97 * critical, steps=600, momentum=momentum)
    assert abs(below.errors[-1]).max() < 1e-6
    with pytest.raises(sl.errors.DomainError, match="above the critical rate"):
        net.gradient_descent([[1.0]], target, lr=1.03 * critical, steps=600, momentum=momentum)
    above = net.gradient_descent([[1.0]], target, lr=1.03 * critical, steps=60, momentum=momentum, forced=True)
    assert abs(above.errors[-2:]).max() > abs(above.errors[0]).max()


def test_rates_that_no_minimiser_judges() -> None:
    """With decay training ends elsewhere; minibatches have risks of their own."""
    net, lr = sl.deep_linear(2), 1.1 * sl.deep_linear(2).critical_rate(DATA.Sxx, DATA.Syx)
    assert net.train(X, Y, lr=lr, steps=3, weight_decay=0.1).steps == 3
    assert net.train(X, Y, lr=lr, steps=3, batches=2).steps == 3
    with pytest.raises(sl.errors.DomainError, match="above the critical rate"):
        net.train(X, Y, lr=lr, steps=3)


def path_of_one(depth: int, lr: float) -> Path:
    return sl.deep_linear(depth).gradient_descent([[1.0]], [[2.0]], lr=lr, steps=400)


def test_memory_is_asked_for_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the network in coordinates, and of the recursion, which a forced path is."""
    net, data = sl.deep_linear(2), (np.eye(2), np.eye(2))
    monkeypatch.setattr("symlimits.memory.available_bytes", lambda: 10**8)
    with pytest.raises(sl.errors.ResourceError, match="a path of 1000000 steps needs"):
        net.gradient_descent(*data, steps=10**6)
    monkeypatch.setattr("symlimits.memory.available_bytes", lambda: 10**9)
    assert bytes_needed(2, 2, 2, 10_000) > 10**9
    with pytest.raises(sl.errors.ResourceError, match="a path of 10000 steps needs"):
        net.gradient_descent(*data, steps=10_000, forced=True)


def test_doors() -> None:
    with pytest.raises(sl.errors.DomainError, match="depth = 0"):
        sl.deep_linear(0)
    for lr in (0, -1, "x", float("nan")):
        with pytest.raises(sl.SymlimitsError):
            path(lr=lr)  # type: ignore[arg-type]
    for steps in (-1, 1.5, True):
        with pytest.raises(sl.errors.DomainError, match="steps"):
            path(steps=steps)  # type: ignore[arg-type]
