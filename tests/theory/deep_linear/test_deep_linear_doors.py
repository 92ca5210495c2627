"""Wrong types at every door of deep linear networks: a SymlimitsError each, short, in the house's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits.theory.deep_linear.problem import problem_of_data
from symlimits.theory.deep_linear.spectrum import minimiser

NET = sl.deep_linear(2)
ODD: list[Any] = [object(), {"a": 1}, b"x", lambda: 0, float("nan"), 1j, sp.oo, int, sp.true, {1}, "", "a b", "\ud800"]
ODD += [True, None, -1, 10**5000, sp.Symbol("x") > 0, NET, np.array(["x"]), [[float("inf")]]]
NO_INTEGER = [*ODD, 1.5, "2", [1], np.array([1, 2])]
NO_RATE = [j for j in ODD if not (isinstance(j, int) and j > 1)] + [0, "x", [0.1], 10**5000]
NO_MATRIX = [*ODD, 1.0, [1.0], [[1.0, 2.0]], [[[1.0]]], [[1.0], [1.0, 2.0]], [["a"]], [[None]]]
ONE, TWO = [[1.0]], [[1.0], [2.0]]
NO_BATCHES = [j for j in [*ODD, 3, 0, [0], [[0], [2]], [[0], []], [[0.0]], [["a"]], []] if j is not None]
NO_SHARE = [j for j in ODD if j is not True] + ["x", [0.1], -0.1, 1]
NO_BOOLEAN = [j for j in ODD if j is not True] + [0, 1, 1.0, "True", []]
NO_SHARE_OF_EIGENVALUES = [j for j in ODD if j is not None] + [1, 2]
LIMITS = NET.limits(ONE, ONE, lr="1/10", steps=1)

DOORS: dict[str, tuple[Callable[[Any], object], list[Any]]] = {
    "depth": (sl.deep_linear, [*NO_INTEGER, 0]),
    "Sxx": (lambda j: NET.gradient_descent(j, ONE, steps=1), NO_MATRIX),
    "Syx": (lambda j: NET.gradient_descent(ONE, j, steps=1), NO_MATRIX),
    "lr": (lambda j: NET.gradient_descent(ONE, ONE, lr=j, steps=1), NO_RATE),
    "steps": (lambda j: NET.gradient_descent(ONE, ONE, steps=j), NO_INTEGER),
    "rcond": (lambda j: NET.gradient_descent(ONE, ONE, steps=1, rcond=j), NO_SHARE_OF_EIGENVALUES),
    "steps of a polynomial": (NET.polynomial, NO_INTEGER),
    "steps of a lazy one": (NET.lazy_polynomial, NO_INTEGER),
    "exact Sxx": (lambda j: NET.polynomials(j, ONE), NO_MATRIX),
    "exact Syx": (lambda j: NET.polynomials(ONE, j), NO_MATRIX),
    "X": (lambda j: problem_of_data(j, [[1.0], [2.0]]), NO_MATRIX),
    "data X": (lambda j: NET.train(j, [[1.0], [2.0]], steps=1), NO_MATRIX),
    "data Y": (lambda j: NET.train([[1.0], [2.0]], j, steps=1), NO_MATRIX),
    "lr of data": (lambda j: NET.train(ONE, ONE, lr=j, steps=1), NO_RATE),
    "steps of data": (lambda j: NET.train(ONE, ONE, steps=j), NO_INTEGER),
    "batches": (lambda j: NET.train(TWO, TWO, steps=1, batches=j), NO_BATCHES),
    "momentum": (lambda j: NET.train(TWO, TWO, steps=1, momentum=j), NO_SHARE),
    "momentum of moments": (lambda j: NET.gradient_descent(ONE, ONE, steps=1, momentum=j), NO_SHARE),
    "weight decay": (lambda j: NET.train(TWO, TWO, steps=1, weight_decay=j), NO_SHARE[:-1]),
    "towards start": (lambda j: NET.train(TWO, TWO, steps=1, towards_start=j), NO_BOOLEAN),
    "rcond of data": (lambda j: NET.train(TWO, TWO, steps=1, rcond=j), NO_SHARE_OF_EIGENVALUES),
    "Sxx of a rate": (lambda j: NET.critical_rate(j, ONE), NO_MATRIX),
    "Syx of a rate": (lambda j: NET.critical_rate(ONE, j), NO_MATRIX),
    "Sxx of a flow": (lambda j: NET.gradient_flow(j, ONE, [1.0]), NO_MATRIX),
    "Syx of a flow": (lambda j: NET.gradient_flow(ONE, j, [1.0]), NO_MATRIX),
    "Sxx of a minimiser": (lambda j: minimiser(j, ONE), NO_MATRIX),
    "Syx of a minimiser": (lambda j: minimiser(ONE, j), NO_MATRIX),
    "rcond of a flow": (lambda j: NET.gradient_flow(ONE, ONE, [1.0], rcond=j), NO_SHARE_OF_EIGENVALUES),
    "rcond of a bound": (lambda j: NET.flow_bound(ONE, ONE, [1.0], rcond=j), NO_SHARE_OF_EIGENVALUES),
    "times": (lambda j: NET.gradient_flow(ONE, ONE, j), [*ODD, 1.0, [], [1.0, 0.0], [[1.0]], [-1.0], ["x"]]),
    "order": (NET.flow_series, [*NO_INTEGER, 0]),
    "forced": (lambda j: NET.gradient_descent(ONE, ONE, lr=0.01, steps=1, forced=j), NO_BOOLEAN),
    "tree depth": (NET.network, NO_INTEGER),
    "tree depth of trees that branch": (sl.deep_linear(3).network, [*NO_INTEGER, 10**5]),
    "room for a forest": (lambda j: sl.deep_linear(3).network(j).network(), [100, 1000]),
    "inputs of a network": (lambda j: NET.network(2, j), [*NO_INTEGER, 0]),
    "lr of a forest": (lambda j: NET.network(2).train(ONE, ONE, j, 1), NO_RATE),
    "entry": (LIMITS.predictor, [*ODD, 0, (0,), (0, 1), (0, -1), (0.0, 0.0), (False, False), "ab"]),
    "layer of an increment": (LIMITS.increment, [*NO_INTEGER, 1, 3]),
    "power of an increment": (lambda j: LIMITS.increment(2, j), [*NO_INTEGER, 0]),
    "layer of a neuron": (LIMITS.neuron, [*[j for j in NO_INTEGER if j is not True], 0, 3]),
    "quantity": (LIMITS.rate, [*ODD, "paths"]),
    "layer of a rate": (lambda j: LIMITS.rate("forward gram", j), [*NO_INTEGER, 0, 3]),
    "layer of a network": (NET.train(ONE, ONE, steps=1, momentum=0.5).weight_law, NO_INTEGER),
    "layer": (NET.gradient_descent(ONE, ONE, steps=1).weight_law, NO_INTEGER),
}


@pytest.mark.parametrize("door", DOORS)
def test_refused_in_the_house_s_words(door: str) -> None:
    enter, visitors = DOORS[door]
    for visitor in visitors:
        try:
            with pytest.raises(sl.SymlimitsError) as refusal:
                enter(visitor)
        except Exception as error:
            pytest.fail(f"{door} with {type(visitor).__name__}: {type(error).__name__} {str(error)[:200]}")
        error = refusal.value
        assert all((error.given, error.wanted, error.advice)), door
        assert len(str(error)) < 700, door


def test_what_is_right_passes() -> None:
    """The control: the same doors open."""
    path = NET.gradient_descent(np.eye(2, dtype=int), [[1, 2]], lr="1/10", steps=np.int64(2), rcond="1e-9")
    assert path.predictors.shape == (3, 1, 2)
    assert path.predictors[1, 0].tolist() == pytest.approx([0.3, 0.6])
    assert NET.polynomials([["1"]], [["1/3"]], steps=1)[0, 0] == sp.Symbol("eta", positive=True)
