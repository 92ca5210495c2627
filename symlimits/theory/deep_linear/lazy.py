r"""Training an infinitely wide deep linear network by its lazy form: what the matrices are is asked when it is met.

The hidden matrices of the limit take every new direction to a new unit vector (`finite.revealed` with unit vectors
in place of Gaussian ones), so that no response formula is needed, and any optimiser that adds gradients works as on a
finite network. The network grows by d + k coordinates a layer and a step, until what is new is below the tolerance:
a few dozen for any number of steps. Derived here; the setting is that of Chizat et al., arXiv 2211.16980.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.errors import DomainError
from symlimits.finite.deep_linear_training import (
    Array,
    Rule,
    State,
    fitted,
    minibatches,
    train,
    transposed,
)
from symlimits.finite.revealed import TOLERANCE, Revealed
from symlimits.language.formula import exact
from symlimits.language.names import shown
from symlimits.memory import check_memory
from symlimits.theory.deep_linear.problem import positive_integer, problem

HEADER = 16  # floats that an array costs beside its entries
GROWN = 1e8  # times as large as at the start: errors that grew so far do not come back


@dataclass(frozen=True)
class LazyPath:
    """The limit along training: at each of the times, steps or real numbers.

    `predictors` is (T, k, d). `features` and `derivatives` hold $H_l(t)$ (T, w_l, d) and $B_l(t)$ (T, w_l, k), l = 1
    to L, in coordinates that are the same at all times: inner products of theirs are covariances of neurons.
    `increments` are those of U, M_2, ..., M_L, and V transposed, at the last time. `error` estimates what the
    predictors are off by, beside rounding: zero for steps, of which none is left out. `note` says what is to be known.
    """

    times: Array
    predictors: Array
    features: tuple[Array, ...]
    derivatives: tuple[Array, ...]
    increments: tuple[Array, ...]
    error: float = 0.0
    note: str = ""

    @property
    def depth(self) -> int:
        """The number of hidden layers, L."""
        return len(self.features)

    @property
    def widths(self) -> tuple[int, ...]:
        """The coordinates of each layer that training has met."""
        return tuple(h.shape[1] for h in self.features)

    def forward_gram(self, layer: int) -> Array:
        r"""$\Phi_l(t, s) = E\,h_l(t)h_l(s)^\top$, (T, T, d, d), for l = 0 to L; $\Phi_0 = I$."""
        return self._gram(layer, (None, *self.features), self.predictors.shape[2])

    def backward_gram(self, layer: int) -> Array:
        r"""$G_l(t, s) = E\,b_l(t)b_l(s)^\top$, (T, T, k, k), for l = 1 to L + 1; $G_{L+1} = I$."""
        return self._gram(layer - 1, (*self.derivatives, None), self.predictors.shape[1])

    def _gram(self, place: int, vectors: tuple[Array | None, ...], columns: int) -> Array:
        if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(vectors):
            raise DomainError(f"layer {place}", f"0 to {self.depth} forwards, 1 to {self.depth + 1} backwards", "1")
        T = len(self.times)
        check_memory(8 * (T * columns) ** 2, f"a Gram matrix of {T} times", "fewer steps")
        x = vectors[place]
        if x is None:
            return np.broadcast_to(np.eye(columns), (T, T, columns, columns)).copy()
        flat = x.transpose(0, 2, 1).reshape(T * columns, -1)
        return np.ascontiguousarray((flat @ flat.T).reshape(T, columns, T, columns).transpose(0, 2, 1, 3))

    def grams_at(self, place: int) -> tuple[list[Array], list[Array]]:
        r"""$\Phi_0, \dots, \Phi_L$ and $G_1, \dots, G_{L+1}$ at one time, by its place in `times`."""
        forward, backward = (
            [transposed(x[place]) @ x[place] for x in vectors] for vectors in (self.features, self.derivatives)
        )
        k, d = self.predictors.shape[1:]
        return [np.eye(d), *forward], [*backward, np.eye(k)]

    def singular_values(self, layer: int) -> Array:
        """Of $M_l(T) - M_l(0)$, l = 2 to L, in the limit: those that rounding leaves, in falling order."""
        if isinstance(layer, bool) or not isinstance(layer, int) or not 2 <= layer <= self.depth:
            raise DomainError(f"layer {layer}", f"a hidden matrix, 2 to {self.depth}", "layer=2, with depth 2 or more")
        values = np.linalg.svd(self.increments[layer - 1], compute_uv=False)
        rank = min((len(self.times) - 1) * min(self.predictors.shape[1:]), len(values))
        return np.asarray(values[:rank])


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
) -> LazyPath:
    r"""Gradient descent with step $\eta m$ on the network of L = `depth` hidden layers, m to infinity.

    `Sxx` (d, d) and `Syx` (k, d), or minibatches in turn: (n, d, d) and (n, k, d). Momentum is heavy-ball; weight decay
    takes $\eta\lambda\theta$ at each step, or with `towards_start` $\eta\lambda(\theta - \theta_0)$. Directions
    smaller than `tolerance` times the whole are dropped. Raises `DataError` and `DomainError` for data that are no
    covariances, `DomainError` where the rate is too large: the error has grown 1e8 times; `ResourceError` for want of
    memory.

    >>> gradient_descent(1, [[1.0]], [[2.0]], lr=0.1, steps=10).predictors[-1].round(8)
    array([[1.96654161]])
    """
    rate = _rate("lr", lr)
    rule = Rule(_rate("momentum", momentum), _rate("weight_decay", weight_decay), towards_start)
    depth, steps = positive_integer(depth, "depth"), positive_integer(steps, "steps", 0)
    xx, yx = checked(Sxx, Syx)
    batches = minibatches(xx, yx)
    k, d = batches[0][1].shape
    least = 8 * (steps + 1) * ((2 * depth + 1) * HEADER + depth * (d + k) ** 2)
    check_memory(least, f"a path of {steps} steps", "fewer steps")
    network, states = Revealed(depth, d, k, tolerance=tolerance), list[State]()
    with np.errstate(all="ignore"):  # what overflows is found below
        try:
            for state in train(network, xx, yx, rate, steps, rule):
                _check_growth(state, batches, rate, len(states))
                _check_room(network, len(states), d + k)
                states.append(replace(state, increments=[]) if len(states) < steps else state)  # only the last are kept
        except np.linalg.LinAlgError:  # of numbers beyond the floats
            raise _diverged(rate, len(states)) from None
    return collected(np.arange(steps + 1), states)


def collected(times: npt.ArrayLike, states: Iterable[State], error: float = 0.0) -> LazyPath:
    """The path of some states, in the coordinates of the last."""
    kept = list(states)
    last = kept[-1]
    wide = [h.shape[0] for h in last.features]

    def stacked(rows: list[list[Array]]) -> tuple[Array, ...]:
        layers = zip(*rows, strict=True)
        return tuple(np.stack([fitted(x, w, x.shape[1]) for x in xs]) for xs, w in zip(layers, wide, strict=True))

    return LazyPath(
        np.asarray(times),
        np.stack([state.predictor for state in kept]),
        stacked([state.features for state in kept]),
        stacked([state.derivatives for state in kept]),
        tuple(last.increments),
        error,
    )


def checked(Sxx: npt.ArrayLike, Syx: npt.ArrayLike) -> tuple[Array, Array]:
    """Data that are covariances, of one problem or of minibatches with an axis in front; else as `problem` raises."""
    try:
        several = np.ndim(Sxx) == np.ndim(Syx) == 3
    except ValueError:  # rows of different lengths: the problem says so
        several = False
    if not several:
        whole = problem(Sxx, Syx)
        return whole.Sxx, whole.Syx
    each = [problem(*batch) for batch in minibatches(np.asarray(Sxx), np.asarray(Syx))]
    return np.stack([batch.Sxx for batch in each]), np.stack([batch.Syx for batch in each])


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
