r"""Gradient descent on deep linear networks: one loop, for dense networks of any width and for revealed ones.

In the normalisation where inner products carry no 1/m ($U, V$ of the paper divided by $\sqrt m$) the network is
$A = V M_L\cdots M_2 U$, and gradient descent with step $\eta m$ on every parameter is plain: with
$H_l = M_l\cdots M_2U$, $B_l = M_{l+1}^\top\cdots M_L^\top V^\top$ and $E = \Sigma_{yx} - A\Sigma_{xx}$,
$$U \mathrel{+}= \eta B_1E,\qquad M_l \mathrel{+}= \eta B_lEH_{l-1}^\top,\qquad V^\top \mathrel{+}= \eta H_LE^\top .$$
A network of width m starts from entries N(0, 1/m); the infinitely wide one is the same loop from a matrix of zeros
and ones. Setting: Chizat, Colombo, Fernandez-Real and Figalli, arXiv 2211.16980; formulas derived here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, DomainError
from symlimits.language.names import shown

MOST = 10**6  # layers, and steps

Array = npt.NDArray[Any]  # float64, or objects: integers and rationals
Parameters = list[Array]  # U (w_1, d), M_2 (w_2, w_1), ..., M_L, and the transpose of V (w_L, k)


class Network(Protocol):
    """What the loop asks of a network with parameters scale * start + increments."""

    def passes(self, scale: Any, increments: Parameters) -> tuple[list[Array], list[Array]]:
        """The features $H_1, \\dots, H_L$ (..., w_l, d) and the derivatives $B_1, \\dots, B_L$ (..., w_l, k)."""
        ...

    def zeros(self) -> Parameters:
        """Increments of zero."""
        ...


@dataclass(frozen=True)
class State:
    """A network at one time: predictor (..., k, d), features and derivatives by layer, increments since the start."""

    predictor: Array
    features: list[Array]
    derivatives: list[Array]
    increments: Parameters


@dataclass(frozen=True)
class Dense:
    """A network whose weights at the start are all known: arrays, with axes in front for several networks.

    >>> Dense([np.eye(2), np.eye(2)[:, :1]]).passes(1, [np.zeros((2, 2)), np.zeros((2, 1))])[0][0].shape
    (2, 2)
    """

    start: Parameters

    def zeros(self) -> Parameters:
        """Increments of zero, of the type of the weights."""
        return [0 * weight for weight in self.start]

    def passes(self, scale: Any, increments: Parameters) -> tuple[list[Array], list[Array]]:
        """Features and derivatives, by the products of the definition."""
        first, *hidden, last = [scale * w + delta for w, delta in zip(self.start, increments, strict=True)]
        features, derivatives = [first], [last]
        for M in hidden:
            features.append(M @ features[-1])
        for M in reversed(hidden):
            derivatives.append(transposed(M) @ derivatives[-1])
        return features, derivatives[::-1]


def draw(width: int, depth: int, inputs: int, outputs: int, nets: int, rng: np.random.Generator) -> Dense:
    r"""`nets` random networks of L = `depth` hidden layers: every entry from N(0, 1/m).

    >>> [w.shape for w in draw(8, 2, 3, 1, nets=5, rng=np.random.default_rng(0)).start]
    [(5, 8, 3), (5, 8, 8), (5, 8, 1)]
    """
    shapes = [(width, inputs), *[(width, width)] * (depth - 1), (width, outputs)]
    return Dense([rng.standard_normal((nets, *shape)) / sqrt(width) for shape in shapes])


@dataclass(frozen=True)
class Rule:
    r"""Heavy-ball momentum and weight decay: $v\leftarrow\mu v - \nabla$, $\theta\leftarrow\theta + \eta v -
    \eta\lambda(\theta - c\,\theta_0)$, with c = 0, or 1 where the decay is towards the start.

    `modulus`: everything is taken modulo it, for exact tests in integers.
    """

    momentum: Any = 0
    weight_decay: Any = 0
    towards_start: bool = False
    modulus: int | None = None


PLAIN = Rule()


def train(network: Network, Sxx: Array, Syx: Array, lr: Any, steps: int, rule: Rule = PLAIN) -> Iterator[State]:
    """The states before the first step and after each.

    `Sxx` is (d, d) and `Syx` (k, d), or both have an axis in front: minibatches, taken in turn.

    >>> nets = draw(64, 1, 1, 1, 3, np.random.default_rng(0))
    >>> *_, last = train(nets, np.eye(1), 2 * np.eye(1), 0.1, 100)
    >>> last.predictor.round(6).ravel()
    array([2., 2., 2.])
    """
    batches = minibatches(Sxx, Syx)
    scale, increments, velocity = 1 + 0 * lr, network.zeros(), network.zeros()
    kept = 1 - lr * rule.weight_decay
    for step in range(steps + 1):
        features, derivatives = network.passes(scale, increments)
        A = _reduced(transposed(derivatives[-1]) @ features[-1], rule)
        yield State(A, features, derivatives, increments)
        if step == steps:
            return
        xx, yx = batches[step % len(batches)]
        towards = direction(features, derivatives, yx - A @ xx)
        velocity = [_reduced(v, rule) for v in moved(velocity, rule.momentum, towards, 1)]
        increments = [_reduced(delta, rule) for delta in moved(increments, kept, velocity, lr)]
        scale = _reduced(scale if rule.towards_start else scale * kept, rule)


def direction(features: Sequence[Array], derivatives: Sequence[Array], E: Array) -> Parameters:
    """Minus the gradient of the risk by every parameter."""
    back = [B @ E for B in derivatives]
    hidden = [b @ transposed(h) for b, h in zip(back[1:], features[:-1], strict=True)]
    return [back[0], *hidden, features[-1] @ transposed(E)]


def moved(first: Parameters, a: Any, second: Parameters, b: Any) -> Parameters:
    """a x + b y, parameter by parameter; where a network has grown, the smaller is continued by zeros."""
    return [_sum(a * x, b * y) for x, y in zip(first, second, strict=True)]


def _sum(x: Array, y: Array) -> Array:
    shape = (max(x.shape[-2], y.shape[-2]), max(x.shape[-1], y.shape[-1]))
    return fitted(x, *shape) + fitted(y, *shape)


def fitted(x: Array, rows: int, columns: int) -> Array:
    """The array (..., rows, columns), continued by zeros."""
    if x.shape[-2:] == (rows, columns):
        return x
    out = np.zeros((*x.shape[:-2], rows, columns), dtype=x.dtype)
    out[..., : x.shape[-2], : x.shape[-1]] = x
    return out


def transposed(x: Array) -> Array:
    """The last two axes exchanged."""
    return x.swapaxes(-1, -2)


def minibatches(Sxx: Array, Syx: Array) -> list[tuple[Array, Array]]:
    """Pairs (d, d) and (k, d), one for each step in turn; `DataError` where the shapes do not belong together."""
    xx, yx = np.asarray(Sxx), np.asarray(Syx)
    whole, several = xx.ndim == yx.ndim == 2, xx.ndim == yx.ndim == 3
    if not (whole or several) or xx.shape[-2:] != (yx.shape[-1],) * 2 or xx.shape[:-2] != yx.shape[:-2] or not yx.size:
        given = f"Sxx of shape {xx.shape}, Syx of shape {yx.shape}"
        raise DataError(given, "(d, d) and (k, d), or (n, d, d) and (n, k, d)", "Sxx = X.T @ X / n, Syx = Y.T @ X / n")
    return [(xx, yx)] if whole else list(zip(xx, yx, strict=True))


def check_size(**counts: object) -> None:
    """Raise `DomainError` for what is no positive integer."""
    for name, value in counts.items():
        positive_integer(value, name)


def positive_integer(value: Any, name: str, least: int = 1) -> int:
    """An integer from `least` to a million, or `DomainError`.

    >>> positive_integer(np.int64(3), "depth")
    3
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= MOST:
        raise DomainError(f"{name} = {shown(value)}", f"an integer from {least} to {MOST}", f"{name}={max(least, 2)}")
    return int(value)


def _reduced(x: Any, rule: Rule) -> Any:
    return x if rule.modulus is None else x % rule.modulus
