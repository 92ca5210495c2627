"""The forest of zeros and ones: its shape, and for how many steps it is the infinitely wide network, exactly."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from symlimits.errors import DataError, DomainError, ResourceError
from symlimits.finite.deep_linear_training import Rule
from symlimits.reading.rings import modulo
from symlimits.reading.straight_line import run
from symlimits.theory.deep_linear.forest import Forest
from symlimits.theory.deep_linear.lazy import gradient_descent
from symlimits.theory.deep_linear.recursion import Families, eta, recursion

PRIME = 2**31 - 1  # a coincidence modulo it has probability 1e-9 times a small degree, for each of some 30 comparisons


def data_modulo(inputs: int, outputs: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Sxx, Syx and a rate, drawn at random."""
    rng = np.random.default_rng(7)

    def integers(*shape: int) -> np.ndarray:
        return np.array(rng.integers(1, PRIME, shape).tolist(), dtype=object)

    root, Syx, lr = integers(inputs, inputs), integers(outputs, inputs), int(rng.integers(1, PRIME))
    return root @ root.T % PRIME, Syx, lr


def path_modulo(depth: int, tree_depth: int, steps: int, inputs: int = 1, outputs: int = 1) -> list[list[int]]:
    Sxx, Syx, lr = data_modulo(inputs, outputs)
    states = Forest(depth, tree_depth, inputs, outputs).train(Sxx, Syx, lr, steps, Rule(modulus=PRIME))
    return [state.predictor.ravel().tolist() for state in states]


@pytest.mark.parametrize(("depth", "steps"), [(2, 4), (3, 3), (4, 2), (5, 2)])
def test_exact_for_as_many_steps_as_the_horizon_and_no_more(depth: int, steps: int) -> None:
    truth = path_modulo(depth, steps * (depth - 1) + 1, steps)
    for tree_depth in range(steps * (depth - 1) + 1):
        found = path_modulo(depth, tree_depth, steps)
        horizon = Forest(depth, tree_depth, 1, 1).horizon
        assert [a == b for a, b in zip(found, truth, strict=True)] == [t <= horizon for t in range(steps + 1)]


@pytest.mark.parametrize(
    ("depth", "steps", "sizes"),
    [(2, 4, (1, 1)), (3, 3, (1, 1)), (4, 2, (1, 1)), (5, 2, (1, 1)), (3, 2, (2, 1)), (2, 3, (2, 2))],
)
def test_the_forest_of_the_horizon_is_the_recursion(depth: int, steps: int, sizes: tuple[int, int]) -> None:
    """Modulo a prime, without rounding: equal at tree depth T (L - 1), another number at one less."""
    (Sxx, Syx, lr), F = data_modulo(*sizes), Families(*sizes)
    inputs = {eta: lr, "Sigma_xx": Sxx.tolist(), "Sigma_yx": Syx.tolist()}
    memory = run(recursion(depth, steps, *sizes), modulo(PRIME), inputs)
    whole = [list(memory[F.A(t)].flat) for t in range(steps + 1)]
    assert path_modulo(depth, steps * (depth - 1), steps, *sizes) == whole
    assert path_modulo(depth, steps * (depth - 1) - 1, steps, *sizes)[-1] != whole[-1]


def test_exact_with_several_inputs_and_outputs() -> None:
    assert path_modulo(3, 4, 2, 2, 2) == path_modulo(3, 5, 2, 2, 2)
    assert path_modulo(3, 3, 2, 2, 2) != path_modulo(3, 5, 2, 2, 2)


def test_one_hidden_layer_has_no_horizon() -> None:
    assert Forest(1, 0, 2, 3).widths == (5,)
    assert Forest(1, 0, 2, 3).horizon is None
    states = Forest(1, 0, 1, 1).train(np.eye(1), 2 * np.eye(1), 0.1, 10)
    assert abs([state.predictor[0, 0] for state in states][-1] - 1.96654161075643) < 1e-13


@pytest.mark.parametrize("tree_depth", [0, 1, 4, 9])
@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_nodes_are_as_many_as_counted(depth: int, tree_depth: int) -> None:
    forest = Forest(depth, tree_depth, 2, 1)
    layers = [node.layer for node in forest.nodes]
    assert tuple(layers.count(layer + 1) for layer in range(depth)) == forest.widths


def test_every_inner_node_has_a_parent_and_a_child_through_each_matrix() -> None:
    depth, forest = 4, Forest(4, 6, 1, 2)
    for place, node in enumerate(forest.nodes):
        if node.tree_depth < 6:
            children = sorted(child.through for child in forest.nodes if child.parent == place)
            assert children == [m for m in (node.layer, node.layer + 1) if 2 <= m <= depth]


def test_two_hidden_layers_are_bidiagonal_blocks() -> None:
    """M_2 = J for an input, its transpose for an output, J = identity + superdiagonal."""
    (_, M, _) = Forest(2, 7, 1, 1).network().start
    J = np.eye(4) + np.eye(4, k=1)
    order = [[node.number for node in Forest(2, 7, 1, 1).nodes if node.layer == layer] for layer in (1, 2)]
    inputs = [n for n in order[0] if n % 2 == 0], [n for n in order[1] if n % 2 == 1]
    outputs = [n for n in order[0] if n % 2 == 1], [n for n in order[1] if n % 2 == 0]
    np.testing.assert_array_equal(M[np.ix_(inputs[1], inputs[0])], J)
    np.testing.assert_array_equal(M[np.ix_(outputs[1], outputs[0])], J.T)
    assert M.sum() == 2 * J.sum()


def test_paths_are_disjoint_in_every_matrix() -> None:
    """A direct sum of one-sided paths: no node has more than two edges through one matrix."""
    for M in Forest(4, 5, 2, 1).network().start[1:-1]:
        assert set(np.unique(M)) <= {0.0, 1.0}
        assert M.sum(axis=0).max() <= 2
        assert M.sum(axis=1).max() <= 2


def test_rational_steps_are_exact() -> None:
    """A_1 = (L + 1) eta s, and the second step by the polynomial that is known for L = 2."""
    eta, s = Fraction(1, 7), Fraction(3, 2)
    one = np.array([[Fraction(1)]])
    _, first, second = (state.predictor[0, 0] for state in Forest(2, 2, 1, 1).train(one, s * one, eta, 2))
    assert first == 3 * eta * s
    terms = [(6, 1, 1), (-9, 2, 1), (24, 3, 3), (-108, 4, 3), (108, 5, 3), (20, 5, 5), (-144, 6, 5), (333, 7, 5)]
    assert second == sum(c * eta**i * s**j for c, i, j in [*terms, (-243, 8, 5)])


def test_past_the_horizon_the_error_falls_faster_than_exponentially() -> None:
    data = np.diag([1.0, 0.25]), np.array([[1.0, 0.25], [-0.5, 0.5]])
    truth = gradient_descent(2, *data, 0.05, 150).predictors
    errors = []
    for tree_depth in (1, 3, 5, 7):
        found = [state.predictor for state in Forest(2, tree_depth, 2, 2).train(*data, 0.05, 150)]
        errors.append(np.abs(np.array(found) - truth).max())
    ratios = np.divide(errors[1:], errors[:-1])
    assert (np.diff(ratios) < 0).all()
    assert ratios.max() < 0.5


def test_doors() -> None:
    with pytest.raises(DomainError, match="tree_depth"):
        Forest(2, -1, 1, 1)
    with pytest.raises(DataError, match="outputs and inputs of the network"):
        Forest(2, 3, 1, 1).train(np.eye(2), np.eye(2), 0.1, 2)
    with pytest.raises(DomainError, match="depth"):
        Forest(0, 3, 1, 1)
    with pytest.raises(ResourceError, match="nodes"):
        Forest(5, 200, 1, 1).network()
