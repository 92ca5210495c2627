"""The cross-entropy as lines, where it ends, and finite networks trained on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import root
from scipy.special import softmax

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.trace import Step
from symlimits.errors import DomainError, NoRule, ResourceError
from symlimits.finite.trained_networks import Recipe
from symlimits.language.block import Block
from symlimits.matrix_letters import Y as TARGETS
from symlimits.matrix_letters import k, ones
from symlimits.theory.training.claims import mean_limit
from symlimits.theory.training.cross_entropy_lines import cross_entropy_statement, one_in_all
from symlimits.theory.training.rest_point import rest_points

NET = sl.mlp(depth=1, activation=act.relu, w_var=2, b_var=0)
RNG = np.random.default_rng(6)
X, Z = RNG.standard_normal((3, 2)), RNG.standard_normal((2, 2))
Y = np.eye(3)[[0, 1, 1]]
WIDTHS = (16, 32, 64)
CLOSE = 1e-7  # of two routes to a rest point, of distances 1e-9 and of an integration to 1e-9 a step

FAST = [("outputs", "steps", False, True), ("sums", "steps", True, True)]
SLOW = [("outputs", "flow", False, False), ("sums", "flow", True, False), ("outputs", "end", False, True)]
CASES = [pytest.param(*case, marks=[] if case in FAST else pytest.mark.slow) for case in [*FAST, *SLOW]]


@pytest.mark.parametrize(("quantity", "kind", "momentum", "decay"), CASES)
def test_every_line_equals_the_next(quantity: str, kind: str, momentum: bool, decay: bool) -> None:
    lines = cross_entropy_statement(quantity, kind, momentum, decay, rated=momentum)
    assert lines.check(4).ok
    assert sl.load(lines.to_json()) == lines


def test_false_lines_are_found() -> None:
    lines = cross_entropy_statement("sums", "steps")
    assert not replace(lines, trace=(*lines.trace, Step(2 * lines.expr, "a slip", "nobody"))).check().ok
    with pytest.raises(NoRule, match="sum over the columns"):
        one_in_all(
            cross_entropy_statement("outputs", "steps").trace[1].expr.subs(TARGETS, Block("T", (), TARGETS.shape))
            * ones[k]
        )


def test_they_print_and_are_explained() -> None:
    lines = cross_entropy_statement("sums", "flow", weight_decay=True)
    assert r"\operatorname{softmax}\left(\Theta_{xx} \alpha + f_{x}\right)" in lines.latex()
    assert "cancel in the sum's law" in lines.explain()
    with pytest.raises(DomainError, match="without weight decay"):
        cross_entropy_statement("outputs", "end")
    with pytest.raises(DomainError, match="one of outputs, sums"):
        cross_entropy_statement("mean", "flow")


def test_the_end_by_other_routes() -> None:
    """A long flow, SciPy's root of the gradient, and the posterior mode of a logistic model: the same rest point."""
    law = sl.trained_law(NET, X, Y, loss="xent", weight_decay=0.05, lr=1.0)
    start = RNG.standard_normal((5, 3))
    found = law.outputs(Z, start=start)
    assert np.abs(found - law.outputs(Z, start=start, time=600)).max() < CLOSE
    assert np.abs(found - law.outputs(Z, start=start)).max() == 0
    Theta = sl.ntk(NET)

    def gradient(a: np.ndarray) -> np.ndarray:
        alpha = a.reshape(3, 3)
        return ((softmax(start[:3] + Theta(X) @ alpha, axis=1) - Y) / 3 + 0.05 * alpha).ravel()

    alpha = root(gradient, np.zeros(9), tol=1e-12).x.reshape(3, 3)
    assert np.abs(found - start[3:] - Theta(Z, X) @ alpha).max() < CLOSE
    with_momentum = sl.trained_law(NET, X, Y, loss="xent", weight_decay=0.05, lr=1.0, momentum=0.9)
    assert np.array_equal(with_momentum.outputs(Z, start=start), found)
    assert np.allclose(found.sum(axis=1), start[3:].sum(axis=1), atol=CLOSE)


def test_ends_of_hard_problems() -> None:
    """Far starts, singular kernels and small decays: the gradient is zero to the distance that is promised."""
    for Theta in (np.eye(3), np.ones((3, 3)), 1e4 * np.eye(3)):
        for omega in (1.0, 1e-4):
            starts = 30 * RNG.standard_normal((4, 3, 3))
            for start, alpha in zip(starts, rest_points(starts, Y, Theta, omega), strict=True):
                F = (softmax(start + Theta @ alpha, axis=1) - Y) / 3 + omega * alpha
                size = 1 + np.sqrt((alpha * (Theta @ alpha)).sum())
                assert np.sqrt(max((F * (Theta @ F)).sum(), 0)) <= 2e-9 * omega * size
    with pytest.raises(ResourceError, match="a larger weight_decay"):
        rest_points(np.zeros((1, 3, 3)), Y, 1e8 * np.eye(3), 1e-14)


def test_without_decay_there_is_no_end() -> None:
    law = sl.trained_law(NET, X, Y, loss="xent", lr=1.0)
    for call in (law.outputs, law.mean):
        with pytest.raises(DomainError, match="outputs of data that can be separated grow for ever"):
            call(Z)
    sizes = [np.abs(law.outputs(X, time=t)).max() for t in (1e2, 1e3, 1e4)]
    assert sizes[1] > sizes[0] + 1  # as a logarithm of time
    assert sizes[2] > sizes[1] + 1
    assert law.derivation("outputs", steps=3).check().ok
    with pytest.raises(DomainError, match="loss"):
        Recipe(0.1, 1, loss="hinge")


def test_networks_trained_on_the_cross_entropy() -> None:
    """Means of networks of three widths; the law of squares, of the same kernel, is rejected."""
    law = sl.trained_law(NET, X, Y, loss="xent", lr=0.8, momentum=0.5, weight_decay=0.1)
    claim = mean_limit(law, NET, Z, 6, [1.0, -1.0])
    found = claim.certify(sizes=WIDTHS, seed=1)
    assert found.ok
    assert "does not apply" in found.links[-1].summary
    squares = mean_limit(sl.trained_law(NET, X, Y, lr=0.8, momentum=0.5, weight_decay=0.1), NET, Z, 6, [1.0, -1.0])
    assert not sl.limit(squares.expr, experiment=claim.experiment, order=1).certify(sizes=WIDTHS, seed=1).ok
