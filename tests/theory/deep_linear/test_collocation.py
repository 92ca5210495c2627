"""The parts of the implicit integrator: Radau's rule, and the inverse of what makes a flow stiff."""

from __future__ import annotations

import numpy as np
import pytest

from symlimits.finite.deep_linear_training import Parameters, direction, draw
from symlimits.theory.deep_linear.collocation import Collocation
from symlimits.theory.deep_linear.gauss_newton import GaussNewton

ROUNDING = 1e-12  # of sums of some ten products, through an inverse of condition 1e3


@pytest.mark.parametrize("count", [2, 3, 8])
def test_what_a_polynomial_adds_up_to(count: int) -> None:
    """Exact up to the degree of s points, at the end up to 2s - 2, and no further."""
    rule = Collocation(count)
    c = rule.points
    assert c[-1] == 1
    assert (np.diff(c) > 0).all()
    for power in range(count):
        added = c ** (power + 1) / (power + 1)
        np.testing.assert_allclose(rule.integrals @ c**power, added, atol=ROUNDING)
        np.testing.assert_allclose(
            rule.weights(np.array([0.3, 2.0])) @ added, [0.3, 2.0] ** np.array(power + 1.0) / (power + 1), rtol=1e-8
        )
        if power < count - 1:
            assert abs(rule.unresolved @ added) < ROUNDING
    assert abs(rule.unresolved @ (c**count / count)) > 1e-5
    for power in (2 * count - 2, 2 * count - 1):
        error = abs(rule.integrals[-1] @ c**power - 1 / (power + 1))
        assert (error < ROUNDING) == (power == 2 * count - 2)


def flat(parts: Parameters) -> np.ndarray:
    return np.concatenate([x.reshape(len(x), -1) for x in parts], axis=1)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_correction_is_the_inverse(depth: int) -> None:
    """Against the dense matrix of W on all parameters of a random network of width four."""
    rng = np.random.default_rng(depth)
    network = draw(4, depth, 3, 2, 1, rng)
    start = [w[0] for w in network.start]
    features, derivatives = ([x[0] for x in xs] for xs in network.passes(1.0, network.zeros()))
    X = rng.standard_normal((3, 5))
    Sxx, sizes = X @ X.T, [w.size for w in start]
    newton = GaussNewton(features, derivatives, Sxx)

    def parts(vectors: np.ndarray) -> Parameters:
        pieces = np.split(vectors, np.cumsum(sizes)[:-1], axis=1)
        return [x.reshape(len(vectors), *w.shape) for x, w in zip(pieces, start, strict=True)]

    J = flat([x[None] if x.ndim == 2 else x for x in direction(features, derivatives, np.eye(6).reshape(6, 2, 3))])
    W, residual = -J.T @ np.kron(np.eye(2), Sxx) @ J, rng.standard_normal((2, sum(sizes)))
    matrix = Collocation(2).integrals * 3.0
    dense = np.eye(residual.size) - np.kron(matrix, W)
    right = np.linalg.solve(dense, residual.ravel()).reshape(residual.shape)
    found = residual + flat(newton.correction(parts(residual), matrix))
    np.testing.assert_allclose(found, right, atol=ROUNDING * np.linalg.cond(dense))
    assert np.abs(residual - right).max() > 0.1
    K = J @ J.T
    assert np.linalg.norm(K, 2) <= newton.size * (1 + ROUNDING)
