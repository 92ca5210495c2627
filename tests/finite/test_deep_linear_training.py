"""The training loop against a plain network, weight by weight, with gradients by finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symlimits.errors import DataError
from symlimits.finite.deep_linear_training import Dense, Rule, draw, minibatches, train

DIFFERENCE = 1e-7  # central differences of a polynomial with step 1e-4: 1e-8 of truncation, 1e-11 of rounding
X = np.array([[1.0, -0.5], [0.3, 0.8], [-1.0, 0.2]])
Y = np.array([[0.7], [-1.0], [0.4]])
WIDTH = 3


def plain_path(depth: int, steps: int, lr: float, rule: dict[str, Any], rng: np.random.Generator) -> list[np.ndarray]:
    """A network in the scaling of the paper: N(0, 1) entries, f = V M ... M U x / m, M = W / sqrt(m), rate lr m."""
    m = WIDTH
    shapes = [(m, 2), *[(m, m)] * (depth - 1), (m, 1)]
    start = [rng.standard_normal((1, *shape))[0] for shape in shapes]
    weights, velocity = [w.copy() for w in start], [np.zeros_like(w) for w in start]

    def predictor() -> np.ndarray:
        h = weights[0]
        for W in weights[1:-1]:
            h = W @ h / m**0.5
        return weights[-1].T @ h / m

    def risk() -> float:
        return float(((Y - X @ predictor().T) ** 2).sum() / 2 / len(X))

    path = [predictor()]
    for _ in range(steps):
        gradients = []
        for w in weights:
            gradient = np.zeros_like(w)
            for place in np.ndindex(*w.shape):
                values = []
                for shift in (1e-4, -1e-4):
                    w[place] += shift
                    values.append(risk())
                    w[place] -= shift
                gradient[place] = (values[0] - values[1]) / 2e-4
            gradients.append(gradient)
        for w, w0, v, gradient in zip(weights, start, velocity, gradients, strict=True):
            v *= rule.get("momentum", 0)
            v -= gradient * m
            pull = w - w0 if rule.get("towards_start") else w.copy()
            w += lr * v - lr * rule.get("weight_decay", 0) * pull
        path.append(predictor())
    return path


RULES = [{}, {"momentum": 0.5}, {"weight_decay": 0.3}, {"momentum": 0.4, "weight_decay": 0.3, "towards_start": True}]


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_against_a_plain_network(depth: int, rule: dict[str, Any]) -> None:
    truth = plain_path(depth, 3, 0.1, rule, np.random.default_rng(5))
    network = draw(WIDTH, depth, 2, 1, 1, np.random.default_rng(5))
    states = train(network, X.T @ X / len(X), Y.T @ X / len(X), 0.1, 3, Rule(**rule))
    np.testing.assert_allclose([state.predictor[0] for state in states], truth, atol=DIFFERENCE)


def test_integers_stay_integers_modulo_a_prime() -> None:
    """The loop modulo 101 is the loop over integers, reduced at the end."""
    one = np.array([[1]], dtype=object)
    network = Dense([np.array([[1], [2]], dtype=object), np.array([[1, 0], [3, 1]], dtype=object), 1 + 0 * one[[0, 0]]])
    free = [state.predictor[0, 0] for state in train(network, one, 2 * one, 3, 3)]
    reduced = [state.predictor[0, 0] for state in train(network, one, 2 * one, 3, 3, Rule(modulus=101))]
    assert [value % 101 for value in free] == reduced
    assert free[-1] != reduced[-1]


def test_networks_are_independent_of_each_other() -> None:
    together = draw(16, 2, 2, 1, 4, np.random.default_rng(0))
    data = np.eye(2), np.array([[1.0, -0.5]])
    *_, last = train(together, *data, 0.1, 5)
    alone = Dense([w[2] for w in together.start])
    *_, single = train(alone, *data, 0.1, 5)
    np.testing.assert_allclose(last.predictor[2], single.predictor, atol=1e-14)


def test_doors() -> None:
    for Sxx, Syx in ((np.eye(2), np.ones((1, 3))), (np.ones((2, 1, 1)), np.ones((3, 1, 1))), (np.eye(2), np.ones(2))):
        with pytest.raises(DataError, match="Sxx"):
            minibatches(Sxx, Syx)
