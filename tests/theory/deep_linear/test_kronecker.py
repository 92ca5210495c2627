"""The equations of an implicit step: elimination and conjugate gradients and the equation itself."""

from __future__ import annotations

import numpy as np
import pytest

from symlimits.theory.deep_linear.kronecker import SMALL, eliminated, iterated, solved

CLOSE = 1e-8  # residuals are solved to 1e-10


def equations(k: int, r: int, condition: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As the Grams of three layers between roots of covariances of a condition."""
    rng = np.random.default_rng(k * r)
    vectors = rng.standard_normal((2, 3, k + r, k + r)) / (k + r) ** 0.5
    G, P = (np.eye(n) + (x.transpose(0, 2, 1) @ x)[:, :n, :n] for x, n in zip(vectors, (k, r), strict=True))
    root = np.geomspace(1, condition**-0.5, r)
    return G, root[:, None] * P * root, rng.standard_normal((k, r))


@pytest.mark.parametrize("h", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize(("k", "r"), [(1, 1), (3, 5), (10, 12)])
def test_both_solve_the_equation(k: int, r: int, h: float) -> None:
    G, P, b = equations(k, r, 1e4)
    found = [solve(G, P, h, b) for solve in (eliminated, iterated, solved)]
    wrong = eliminated(G, P, 1.1 * h, b)  # the control: of another step
    *gaps, far = (np.abs(x + h * sum(g @ x @ p for g, p in zip(G, P, strict=True)) - b).max() for x in [*found, wrong])
    assert max(gaps) < CLOSE < far / 1000


def test_larger_ones_are_iterated() -> None:
    G, P, b = equations(10, 12, 1e2)
    assert b.size > SMALL
    assert np.array_equal(solved(G, P, 1.0, b), iterated(G, P, 1.0, b))
    G, P, b = equations(3, 5, 1e2)
    assert np.array_equal(solved(G, P, 1.0, b), eliminated(G, P, 1.0, b))
