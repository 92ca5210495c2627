"""Networks that have no layer for it, made of vectors and matrices: recurrent, tied, residual ones, and their training.

Each is held against its own dense implementation, to the rounding. Weights are (n, n) from N(0, 1/n), vectors of order
one; a step of rate lr n on them is W - lr * gradient, and v - lr * gradient, in a program's normalisation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import symlimits as sl
from symlimits import activations as act

Array = npt.NDArray[np.float64]
WIDTH, STEPS, LR = 60, 3, 0.5
LABEL = 1.0
TOLERANCE = 1e-12  # sums of 60 terms of order one, through three steps


def trained(forward: Callable[..., Any], transposed: bool = False) -> tuple[sl.TensorProgram, list[Any], list[Any]]:
    """The outputs of a network of W, v and an input x, for the steps 0, ..., STEPS; and W, v, x before training."""
    tp = sl.TensorProgram()
    W, v, x = tp.matrix("W"), tp.gaussian("v"), tp.gaussian("x")
    start, outputs = [W, v, x], []
    for _ in range(STEPS + 1):
        outputs.append(forward(tp, W, v, x))
        by_matrix, by_vector = tp.gradient((outputs[-1] - LABEL) ** 2 / 2, W, v)
        W, v = (W.T - LR * by_matrix).T if transposed else W - LR * by_matrix, v - LR * by_vector
    return tp, outputs, start


def recurrent(tp: Any, W: Any, v: Any, x: Any) -> Any:
    """Three steps in time with one matrix, the input at each of them."""
    h = x
    for _ in range(3):
        h = W @ tp.map(act.tanh, h) + x
    return tp.mean(v * tp.map(act.tanh, h))


def dense_recurrent(W: Array, v: Array, x: Array) -> Array:
    found, n = [], len(x)
    for _ in range(STEPS + 1):
        states = [x]
        for _ in range(3):
            states.append(W @ np.tanh(states[-1]) + x)
        f = v @ np.tanh(states[-1]) / n
        found.append(f)
        delta = (f - LABEL) / n * v * (1 - np.tanh(states[-1]) ** 2)
        by_matrix, by_vector = np.zeros_like(W), (f - LABEL) / n * np.tanh(states[-1])
        for before in reversed(states[:-1]):
            by_matrix += np.outer(delta, np.tanh(before))
            delta = (W.T @ delta) * (1 - np.tanh(before) ** 2)
        # entries of W are w / sqrt(n) with rate lr n for w: lr for W
        W, v = W - LR * by_matrix, v - LR * n * by_vector
    return np.array(found)


def residual(tp: Any, W: Any, v: Any, x: Any) -> Any:
    """x + W phi(x), and a skip of the output."""
    h = x + W @ tp.map(act.tanh, x)
    return tp.mean(v * (h + tp.map(act.tanh, h)))


def dense_residual(W: Array, v: Array, x: Array) -> Array:
    found, n = [], len(x)
    for _ in range(STEPS + 1):
        h = x + W @ np.tanh(x)
        f = v @ (h + np.tanh(h)) / n
        found.append(f)
        delta = (f - LABEL) / n * v * (2 - np.tanh(h) ** 2)
        W, v = W - LR * np.outer(delta, np.tanh(x)), v - LR * (f - LABEL) * (h + np.tanh(h))
    return np.array(found)


def tied(tp: Any, W: Any, v: Any, x: Any) -> Any:
    """An encoder and its transpose: f = mean(v W^T phi(W x))."""
    return tp.mean(v * (W.T @ tp.map(act.tanh, W @ x)))


def dense_tied(W: Array, v: Array, x: Array) -> Array:
    found, n = [], len(x)
    for _ in range(STEPS + 1):
        h = W @ x
        f = v @ (W.T @ np.tanh(h)) / n
        found.append(f)
        error = (f - LABEL) / n
        by_matrix = error * (np.outer(np.tanh(h), v) + np.outer((W @ v) * (1 - np.tanh(h) ** 2), x))
        W, v = W - LR * by_matrix, v - LR * n * error * (W.T @ np.tanh(h))
    return np.array(found)


CASES = [(recurrent, dense_recurrent), (residual, dense_residual), (tied, dense_tied)]


@pytest.mark.parametrize(("forward", "dense"), CASES)
def test_training(forward: Callable[..., Any], dense: Callable[..., Array]) -> None:
    tp, outputs, start = trained(forward)
    run = tp.run(WIDTH, seed=5)
    expected = dense(*(run[value] for value in start))
    assert np.abs(np.diff(expected)).min() > 1e6 * TOLERANCE
    assert np.abs(run[outputs] - expected).max() < TOLERANCE


@pytest.mark.parametrize(("forward", "dense"), CASES)
def test_a_transposed_update_is_noticed(forward: Callable[..., Any], dense: Callable[..., Array]) -> None:
    tp, outputs, start = trained(forward, transposed=True)
    run = tp.run(WIDTH, seed=5)
    expected = dense(*(run[value] for value in start))
    assert np.abs(run[outputs] - expected).max() > 1e6 * TOLERANCE


def test_a_trained_matrix_is_its_low_rank_update() -> None:
    """What a program says of a trained matrix times a vector, and the matrix itself, formed."""
    tp = sl.TensorProgram()
    W, x, y = tp.matrix("W", 2), tp.gaussian("x"), tp.gaussian("y")
    gradient = tp.gradient(tp.mean(tp.map(act.erf, W @ x)), W)
    W1 = W.T - tp.mean(x * x) * gradient
    forward, back = W1 @ y, W1.T @ y
    for nets in (None, 3):
        run = tp.run(WIDTH, seed=1, nets=nets)
        formed, vector = run[W1], run[y]
        assert np.abs(run[forward] - (formed @ vector[..., None])[..., 0]).max() < TOLERANCE
        assert np.abs(run[back] - (run[W1.T] @ vector[..., None])[..., 0]).max() < TOLERANCE
        assert np.abs(formed - run[W.T]).max() > 1e-3
