r"""Training an infinitely wide deep linear network by its lazy form: what the matrices are is asked when it is met.

The hidden matrices of the limit take every new direction to a new unit vector (`finite.revealed` with unit vectors
in place of Gaussian ones), so that no response formula is needed, and any optimiser that adds gradients works as on a
finite network. The network grows by d + k coordinates a layer and a step, until what is new is below the tolerance:
a few dozen for any number of steps. Derived here; the setting is that of Chizat et al., arXiv 2211.16980.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.errors import DomainError
from symlimits.finite.deep_linear_training import (
    PLAIN,
    Array,
    Rule,
    State,
    fitted,
    minibatches,
    train,
)
from symlimits.finite.revealed import TOLERANCE, Revealed
from symlimits.language.formula import exact
from symlimits.language.names import shown
from symlimits.memory import check_memory
from symlimits.theory.deep_linear.grams import Increments, Steps, Stored, Vectors
from symlimits.theory.deep_linear.path import Path
from symlimits.theory.deep_linear.problem import Problem, positive_integer, problem, yes_or_no

HEADER = 16  # floats that an array costs beside its entries
GROWN = 1e8  # times as large as at the start: errors that grew so far do not come back


def gradient_descent(
    depth: int,
    Sxx: npt.ArrayLike,
    Syx: npt.ArrayLike,
    lr: float,
    steps: int,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    towards_start: bool = False,
    tolerance: float = TOLERANCE,
) -> Path:
    r"""Gradient descent with step $\eta m$ on the network of L = `depth` hidden layers, m to infinity.

    `Sxx` (d, d) and `Syx` (k, d), or minibatches in turn: (n, d, d) and (n, k, d). Momentum is heavy-ball; weight decay
    takes $\eta\lambda\theta$ at each step, or with `towards_start` $\eta\lambda(\theta - \theta_0)$. Directions
    smaller than `tolerance` times the whole are dropped. Raises `DataError` and `DomainError` for data that are no
    covariances, `DomainError` where the rate is too large: the error has grown 1e8 times; `ResourceError` for want of
    memory.

    >>> gradient_descent(1, [[1.0]], [[2.0]], lr=0.1, steps=10).predictors[-1].round(8)
    array([[1.96654161]])
    """
    rate, rule = _rate("lr", lr), rule_of(momentum, weight_decay, towards_start)
    depth, steps = positive_integer(depth, "depth"), positive_integer(steps, "steps", 0)
    each = checked(Sxx, Syx)
    xx, yx = ([getattr(batch, name) for batch in each] for name in ("Sxx", "Syx"))
    whole = each[0] if len(each) == 1 else Problem(np.mean(xx, axis=0), np.mean(yx, axis=0), each[0].rcond)
    return descent(depth, whole, each, rate, steps, rule, tolerance)


def descent(
    depth: int,
    whole: Problem,
    each: list[Problem],
    rate: float,
    steps: int,
    rule: Rule,
    tolerance: float = TOLERANCE,
) -> Path:
    """The path of data that have been checked: a problem, and the minibatches that are taken in turn for it."""
    batches = [(batch.Sxx, batch.Syx) for batch in each]
    xx, yx = (np.stack(arrays) for arrays in zip(*batches, strict=True))
    k, d = yx.shape[1:]
    least = 8 * (steps + 1) * ((2 * depth + 1) * HEADER + depth * (d + k) ** 2)
    check_memory(least, f"a path of {steps} steps", "fewer steps")
    network, states = Revealed(depth, d, k, tolerance=tolerance), list[State]()
    with np.errstate(all="ignore"):  # what overflows is found below
        try:
            for state in train(network, xx, yx, rate, steps, rule):
                _check_growth(state, batches, rate, len(states))
                _check_room(network, len(states), d + k)
                states.append(replace(state, increments=[]))
        except np.linalg.LinAlgError:  # of numbers beyond the floats
            raise _diverged(rate, len(states)) from None
    moves = np.stack([yx[t % len(each)] - states[t].predictor @ xx[t % len(each)] for t in range(steps + 1)])
    return collected(whole, np.arange(steps + 1), states, Steps(moves, _kept(rule, rate, steps)), rate, rule, len(each))


def collected(
    data: Problem,
    times: npt.ArrayLike,
    states: Iterable[State],
    increments: Increments | None = None,
    lr: float | None = None,
    rule: Rule = PLAIN,
    batches: int = 1,
) -> Path:
    """The path of some states, in the coordinates of the last; increments are those of the states, or are told."""
    found = list(states)
    wide = [h.shape[0] for h in found[-1].features]

    def stacked(rows: list[list[Array]]) -> tuple[Array, ...]:
        layers = zip(*rows, strict=True)
        return tuple(np.stack([fitted(x, w, x.shape[1]) for x in xs]) for xs, w in zip(layers, wide, strict=True))

    features, derivatives = (stacked([getattr(s, name) for s in found]) for name in ("features", "derivatives"))
    moved = increments or Stored(tuple(tuple(state.increments) for state in found))
    predictors = np.stack([state.predictor for state in found])
    return Path(data, np.asarray(times), predictors, Vectors(features, derivatives, moved), lr, 0.0, rule, batches)


def checked(Sxx: npt.ArrayLike, Syx: npt.ArrayLike) -> list[Problem]:
    """Data that are covariances, of one problem or of minibatches with an axis in front; else as `problem` raises."""
    try:
        several = np.ndim(Sxx) == np.ndim(Syx) == 3
    except ValueError:  # rows of different lengths: the problem says so
        several = False
    if not several:
        return [problem(Sxx, Syx)]
    return [problem(*batch) for batch in minibatches(np.asarray(Sxx), np.asarray(Syx))]


def rule_of(momentum: Any, weight_decay: Any, towards_start: Any) -> Rule:
    """The rule of checked numbers: a momentum from 0 to below 1, a decay of zero or more, and True or False."""
    inertia = _rate("momentum", momentum)
    if inertia >= 1:
        raise DomainError(f"momentum = {shown(momentum)}", "a number from 0 to below 1", "momentum=0.9")
    return Rule(inertia, _rate("weight_decay", weight_decay), yes_or_no(towards_start, "towards_start"))


def _kept(rule: Rule, lr: float, steps: int) -> Array:
    """How much of a gradient is in the increments, n = 0, ..., T steps after it was taken."""
    found, velocity = np.zeros(steps + 1), 1.0
    for n in range(steps):
        found[n + 1] = (1 - lr * rule.weight_decay) * found[n] + lr * velocity
        velocity *= rule.momentum
    return found


def _rate(name: str, value: Any) -> float:
    """A number of zero or more, or `DomainError`."""
    rate = exact(value, name)
    if not (rate.is_number and rate.is_nonnegative):
        raise DomainError(f"{name} = {shown(value)}", "a number of zero or more", f"{name}=0.1")
    return float(rate)


def _check_room(network: Revealed, step: int, columns: int) -> None:
    """At steps 0, 1, 3, 7, ...: what would be held at twice the steps, if the network grew on as it did."""
    if step & (step + 1):
        return
    wide = 2 * max(network.widths)
    needed = 8 * wide * network.depth * (6 * wide + 2 * (step + 1) * columns)
    check_memory(needed, f"a network of {wide} coordinates a layer", "fewer steps, a smaller lr or a larger tolerance")


def _check_growth(state: State, batches: list[tuple[Array, Array]], lr: object, step: int) -> None:
    """The residual of the whole is compared with what it is at the start, where the predictor is zero."""
    start = sqrt(sum(float(np.sum(yx**2)) for _, yx in batches))
    now = sqrt(sum(float(np.sum((yx - state.predictor @ xx) ** 2)) for xx, yx in batches))
    if not now <= GROWN * start:
        raise _diverged(lr, step)


def _diverged(lr: object, step: int) -> DomainError:
    wanted = (
        "a rate below the critical one, 2 over the largest eigenvalue of the kernel operator, and a risk with a minimum"
    )
    return DomainError(
        f"lr = {lr!r:.40}, with which step {step} has diverged", wanted, "critical_rate(depth, Sxx, Syx)"
    )
