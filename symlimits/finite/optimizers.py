r"""The direction in which a gradient moves a weight: SGD, its sign, or Adam without epsilon.

Each is a class whose instances keep what one layer has seen; `instance(gradient)` is what the rate multiplies.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Rule = Callable[[], Callable[[Array], Array]]


class SGD:
    """The gradient itself."""

    def __call__(self, gradient: Array) -> Array:
        return gradient


class Sign:
    """The sign of the gradient: Adam and RMSProp without memory."""

    def __call__(self, gradient: Array) -> Array:
        return np.sign(gradient)


class Adam:
    """Adam with the limit of epsilon to zero, where 0/0 is 0. Source: Kingma and Ba, arXiv 1412.6980, algorithm 1.

    >>> Adam()(np.array([2.0, -1e-9, 0.0]))
    array([ 1., -1.,  0.])
    """

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


OPTIMIZERS: dict[str, Rule] = {"sgd": SGD, "sign": Sign, "adam": Adam}
