"""The lazy network against the causal recursion, the forest, plain networks of other rules, and reference paths."""

from __future__ import annotations

import numpy as np
import pytest
from causal_recursion import blocks, causal_path

from symlimits.errors import DataError, DomainError
from symlimits.finite.deep_linear_training import Rule
from symlimits.theory.deep_linear.forest import Forest
from symlimits.theory.deep_linear.lazy import gradient_descent
from symlimits.theory.deep_linear.problem import problem
from symlimits.theory.deep_linear.sweep import sweep

ROUNDING = 1e-12  # some thousand roundings of numbers up to 10
SXX = np.array([[1.0, 0.2], [0.2, 0.5]])
SYX = np.array([[1.0, 0.25], [-0.5, 0.5]])
WIDE = (np.diag([1.0, 0.5, 0.0]), np.array([[1.0, -0.3, 0.0]]))  # three inputs, one without data; one output


def test_reference_paths() -> None:
    """Two paths that an independent program gave, to the digits that were printed."""
    path = gradient_descent(1, [[1.0]], [[2.0]], 0.1, 10)
    forward, backward = path.grams_at(-1)
    found = [path.predictors[-1, 0, 0], forward[-1][0, 0], backward[0][0, 0]]
    np.testing.assert_allclose(found, [1.96654161075643, 2.1649414816666, 2.1649414816666], rtol=1e-13)
    path = gradient_descent(3, np.diag([1, 0.25]), SYX, 0.05, 20)
    asked = [0.99992057910060, 0.91691583638630, -0.49996028955030, 1.83383167277259]
    np.testing.assert_allclose(path.predictors[-1].ravel(), asked, rtol=1e-13)
    forward, backward = path.grams_at(-1)
    np.testing.assert_allclose([np.trace(forward[-1]), np.trace(backward[0])], [7.0793863646069] * 2, rtol=1e-13)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("data", [(SXX, SYX), WIDE], ids=["full", "deficient"])
def test_against_the_causal_recursion(depth: int, data: tuple[np.ndarray, np.ndarray]) -> None:
    Sxx, Syx = data
    path = gradient_descent(depth, Sxx, Syx, 0.1, 6)
    A, Phi, G = causal_path(depth, Sxx, Syx, 0.1, 6)
    np.testing.assert_allclose(path.predictors, A, atol=ROUNDING)
    for layer in range(depth + 1):
        np.testing.assert_allclose(path.forward_gram(layer), blocks(Phi[layer], 7), atol=ROUNDING)
        np.testing.assert_allclose(path.backward_gram(layer + 1), blocks(G[layer], 7), atol=ROUNDING)


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(("d", "k", "rank"), [(8, 4, 8), (8, 4, 5), (4, 2, 4), (3, 4, 2), (1, 1, 1)])
def test_the_recursion_in_rows_of_blocks(depth: int, d: int, k: int, rank: int) -> None:
    """The other public route, on data of many sizes and ranks, at a rate where paths converge."""
    rng = np.random.default_rng(d + rank)
    basis, target = np.linalg.qr(rng.standard_normal((d, d)))[0][:, :rank], rng.standard_normal((k, d))
    Sxx = basis * np.linspace(0.3, 1, rank) @ basis.T
    Syx = 1.5 * target / np.linalg.norm(target, 2) @ Sxx
    lazy, swept = gradient_descent(depth, Sxx, Syx, 0.1, 30), sweep(depth, problem(Sxx, Syx), 0.1, 30)
    np.testing.assert_allclose(lazy.predictors, swept.predictors, atol=ROUNDING)
    assert np.abs(swept.predictors @ (np.eye(d) - basis @ basis.T)).max() < ROUNDING
    assert np.abs(swept.predictors[-1]).max() > 0.1


def test_without_responses_is_another_path() -> None:
    """The negative control of the comparison: wrong from two hidden layers on, at the second step already."""
    right = gradient_descent(2, SXX, SYX, 0.1, 3).predictors
    wrong, _, _ = causal_path(2, SXX, SYX, 0.1, 3, responses=False)
    assert np.abs(right - wrong)[1:].max() > 0.01


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_the_first_step_is_the_sum_over_layers(depth: int) -> None:
    first = gradient_descent(depth, SXX, SYX, 0.1, 1).predictors[1]
    np.testing.assert_allclose(first, (depth + 1) * 0.1 * SYX, atol=ROUNDING)


@pytest.mark.parametrize("depth", [2, 3])
def test_singular_values_of_increments(depth: int) -> None:
    """Those of G^(1/2) diag(eta E_s) Phi^(1/2), by the Grams of the recursion."""
    path, T = gradient_descent(depth, SXX, SYX, 0.1, 5), 5
    A, Phi, G = causal_path(depth, SXX, SYX, 0.1, 5)
    moves = np.zeros((2 * T, 2 * T))
    for s in range(T):
        moves[2 * s : 2 * s + 2, 2 * s : 2 * s + 2] = 0.1 * (SYX - A[s] @ SXX)
    for layer in range(2, depth + 1):
        product = moves.T @ G[layer - 1][: 2 * T, : 2 * T] @ moves @ Phi[layer - 1][: 2 * T, : 2 * T]
        squares = np.sort(np.linalg.eigvals(product).real)[::-1]
        found = path.singular_values(layer)
        assert len(found) == 2 * T
        np.testing.assert_allclose(found**2, squares, atol=ROUNDING)


RULES = [
    {"momentum": 0.5},
    {"weight_decay": 0.3},
    {"weight_decay": 0.3, "towards_start": True},
    {"momentum": 0.5, "weight_decay": 0.3},
]


@pytest.mark.parametrize("options", RULES, ids=str)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_other_rules_on_the_forest(options: dict[str, float], depth: int) -> None:
    """The forest of the horizon is exact for every rule that adds gradients."""
    path = gradient_descent(depth, SXX, SYX, 0.1, 4, **options)
    states = Forest(depth, 4 * (depth - 1), 2, 2).train(SXX, SYX, 0.1, 4, Rule(**options))
    np.testing.assert_allclose(path.predictors, [state.predictor for state in states], atol=ROUNDING)


def test_minibatches_in_turn() -> None:
    pair = np.stack([SXX, np.eye(2)]), np.stack([SYX, -SYX])
    path = gradient_descent(2, *pair, 0.1, 4)
    states = Forest(2, 4, 2, 2).train(*pair, 0.1, 4)
    np.testing.assert_allclose(path.predictors, [state.predictor for state in states], atol=ROUNDING)
    turned = gradient_descent(2, *(x[::-1] for x in pair), 0.1, 4)
    assert np.abs(turned.predictors[-1] - path.predictors[-1]).max() > 0.01  # their order counts


def test_what_is_dropped_does_not_matter() -> None:
    """A network cut at 1e-15 is as good as one that grows at every step, and much smaller."""
    full, cut = (gradient_descent(3, SXX, SYX, 0.05, 100, tolerance=tolerance) for tolerance in (0.0, 1e-15))
    np.testing.assert_allclose(cut.predictors, full.predictors, atol=ROUNDING)
    assert sum(cut.grams.widths) < sum(full.grams.widths) / 3


def test_nothing_is_dropped_where_columns_depend_on_each_other() -> None:
    """Inputs of rank two in three dimensions: what is left of the third column is rounding, and harms nothing."""
    X = np.array([[1.0, 0.3], [-0.5, 0.8], [0.2, 0.9]])
    Sxx, Syx = X @ X.T / 2, np.array([[1.0, -0.4], [0.3, 0.7]]) @ X.T / 2
    full, cut = (gradient_descent(3, Sxx, Syx, 0.05, 20, tolerance=tolerance) for tolerance in (0.0, 1e-15))
    np.testing.assert_allclose(full.predictors, cut.predictors, atol=ROUNDING)
    np.testing.assert_allclose(full.predictors, causal_path(3, Sxx, Syx, 0.05, 20)[0], atol=ROUNDING)


def test_directions_without_data_are_never_learnt() -> None:
    path = gradient_descent(3, *WIDE, 0.1, 40)
    assert np.abs(path.predictors[:, :, 2]).max() < ROUNDING


def test_small_targets_are_the_tangent_kernel_path() -> None:
    """A_t / s tends to 1 - (1 - (L + 1) eta)^t with an error of s^2."""
    t = np.arange(9)
    gaps = []
    for s in (1e-2, 1e-3):
        path = gradient_descent(2, [[1.0]], [[s]], 0.1, 8).predictors.ravel() / s
        gaps.append(np.abs(path - (1 - 0.7**t)).max())
    assert 99 < gaps[0] / gaps[1] < 101


def test_aligned_modes_decouple() -> None:
    Sxx, b = np.diag([1.0, 0.25]), [2.0, -0.7]
    both = gradient_descent(3, Sxx, np.diag(b), 0.05, 30).predictors
    for i in range(2):
        alone = gradient_descent(3, [[Sxx[i, i]]], [[b[i]]], 0.05, 30).predictors[:, 0, 0]
        np.testing.assert_allclose(both[:, i, i], alone, atol=ROUNDING)
    assert np.abs(both[:, 0, 1]).max() < ROUNDING


def test_doors() -> None:
    with pytest.raises(DomainError, match="critical"):
        gradient_descent(2, [[1.0]], [[2.0]], 2.0, 100)
    with pytest.raises(DataError, match="Sxx"):
        gradient_descent(2, np.eye(2), [[1.0]], 0.1, 3)
    for wrong in ({"lr": -0.1}, {"lr": float("nan")}, {"momentum": -1.0}, {"steps": 2.5}, {"depth": 0}):
        with pytest.raises(DomainError):
            gradient_descent(**{"depth": 1, "Sxx": [[1.0]], "Syx": [[1.0]], "lr": 0.1, "steps": 3} | wrong)
    for Sxx, Syx, words in (
        ([[1.0, 0.5], [0.0, 1.0]], [[1.0, 1.0]], "transpose"),
        ([[1.0, 0.0], [0.0, -1.0]], [[1.0, 1.0]], "eigenvalue -1"),
        ([[float("nan")]], [[1.0]], "NaN"),
        ([[1.0]], [["x"]], "real numbers"),
        ([np.eye(1), -np.eye(1)], np.ones((2, 1, 1)), "eigenvalue -1"),
    ):
        with pytest.raises((DataError, DomainError), match=words):
            gradient_descent(2, Sxx, Syx, 0.1, 3)
    with pytest.raises(DomainError, match="1000000"):
        gradient_descent(2, [[1.0]], [[1.0]], 0.1, 10**7)
    path = gradient_descent(2, [[1.0]], [[1.0]], "1/10", 3)
    np.testing.assert_array_equal(path.predictors, gradient_descent(2, [[1.0]], [[1.0]], 0.1, 3).predictors)
    for call in (path.forward_gram, path.singular_values):
        with pytest.raises(DomainError):
            call(5)
