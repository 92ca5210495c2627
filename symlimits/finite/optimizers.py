r"""The direction in which a gradient moves a weight: SGD, its sign, the heavy ball, or Adam without
epsilon.

Each is a class whose instances keep what one layer has seen; `instance(gradient)` is what the rate multiplies.
`degree` is how many powers of the gradient's size are in it.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Direction(Protocol):
    """What one layer's gradients become."""

    degree: ClassVar[int]

    def __call__(self, gradient: Array) -> Array: ...


class SGD:
    """The gradient itself."""

    degree: ClassVar[int] = 1

    def __call__(self, gradient: Array) -> Array:
        return gradient


class Sign:
    """The sign of the gradient: Adam and RMSProp without memory."""

    degree: ClassVar[int] = 0

    def __call__(self, gradient: Array) -> Array:
        return np.sign(gradient)


class Adam:
    """Adam with the limit of epsilon to zero, where 0/0 is 0. Source: Kingma and Ba, arXiv 1412.6980, algorithm 1.

    >>> Adam()(np.array([2.0, -1e-9, 0.0]))
    array([ 1., -1.,  0.])
    """

    degree: ClassVar[int] = 0
    first, second = 0.9, 0.999

    def __init__(self) -> None:
        self.mean: Array | float = 0.0
        self.square: Array | float = 0.0
        self.count = 0

    def __call__(self, gradient: Array) -> Array:
        self.count += 1
        self.mean = self.first * self.mean + (1 - self.first) * gradient
        self.square = self.second * self.square + (1 - self.second) * gradient**2
        root = np.sqrt(self.square / (1 - self.second**self.count))
        mean = self.mean / (1 - self.first**self.count)
        return np.divide(mean, root, out=np.zeros_like(gradient), where=root > 0)


class Momentum:
    r"""The heavy ball's velocity, $v \leftarrow \mu v + \nabla$.

    >>> ball = Momentum(0.5)
    >>> ball(np.ones(1)), ball(np.ones(1))
    (array([1.]), array([1.5]))
    """

    degree: ClassVar[int] = 1

    def __init__(self, momentum: float) -> None:
        self.momentum = momentum
        self.velocity: Array | float = 0.0

    def __call__(self, gradient: Array) -> Array:
        self.velocity = self.momentum * self.velocity + gradient
        return self.velocity


DIRECTIONS: dict[str, type[Direction]] = {"sgd": SGD, "adam": Adam, "sign": Sign}  # by the optimizer's name
