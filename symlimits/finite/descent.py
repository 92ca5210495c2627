r"""How a network and its linear model are trained alike: the loss, the optimiser, and its rates layer by layer.

Losses: "mse", half the mean over all n k entries of $(f - Y)^2$; "xent", the mean over the n points of the
cross-entropy with the softmax.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from symlimits.finite.optimizers import SGD, Adam, Direction, Momentum

Array = npt.NDArray[np.float64]
OPTIMIZERS = ("sgd", "momentum", "adam")
LOSSES = ("mse", "xent")
LINEAR = ("sgd", "momentum")  # in the gradients: outputs of the linear model need the kernel alone


@dataclass(frozen=True)
class Descent:
    r"""How a network is trained: `lr` $\eta$, `steps`, the optimiser, its momentum (of "momentum"), the loss.

    Adam moves every parameter by $\eta n^{-r/2}$ in a step, r the number of its axes that have the width n: the largest
    rates with which kernels stay (those of "NTK-adam" in `sl.scaling.named`).

    >>> Descent(lr=0.1, steps=10).optimizer
    'sgd'
    """

    lr: float
    steps: int
    optimizer: str = "sgd"
    momentum: float = 0.9
    loss: str = "mse"

    def slope(self, f: Array, Y: Array) -> Array:
        """The derivatives of the loss by outputs (batch, k, n), for targets (k, n)."""
        if self.loss == "xent":
            return np.asarray((softmax(f, axis=1) - Y) / Y.shape[1])
        return (f - Y) / Y.size

    def direction(self) -> Direction:
        """What one array's gradients become, with a memory of its own."""
        if self.optimizer == "adam":
            return Adam()
        return Momentum(self.momentum) if self.optimizer == "momentum" else SGD()

    def rate(self, width: int, hidden: int) -> float:
        """The learning rate of an array of which `hidden` axes are units of hidden layers."""
        return self.lr * width ** (-hidden / 2) if self.optimizer == "adam" else self.lr


class Mover:
    """The optimiser of one layer: its weights and biases, moved in place against their gradients."""

    def __init__(self, descent: Descent, rates: Sequence[float]) -> None:
        self.rates = rates
        self.directions = [descent.direction() for _ in rates]

    def __call__(self, arrays: Sequence[Array], gradients: Sequence[Array]) -> None:
        for array, gradient, rate, direction in zip(arrays, gradients, self.rates, self.directions, strict=True):
            array -= rate * direction(gradient)


def layer_rates(descent: Descent, layers: int, width: int) -> list[list[float]]:
    """The rates of weights and biases, the last layer first."""
    hidden = [(int(k > 0), int(k < layers - 1)) for k in reversed(range(layers))]  # inputs, outputs that are hidden
    return [[descent.rate(width, i + o), descent.rate(width, o)] for i, o in hidden]
