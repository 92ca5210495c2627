"""A dense network and its training, written by hand: forward, backward and update, layer by layer, datum by datum.

It knows nothing of tensor programs, and is what they are held against. Layer l is m_l w_l h + p_l b_l, the loss half
the mean of squared errors over data and outputs; `rates` move the w_l, `bias_rates` the b_l.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Function = Callable[[Array], Array]


@dataclass
class Dense:
    """A fully connected network: weights (fan-out, fan-in) and biases (fan-out,), one each a layer."""

    weights: list[Array]
    multipliers: Sequence[float]
    rates: Sequence[float]
    phi: Function
    slope: Function
    biases: list[Array]
    bias_multipliers: Sequence[float]
    bias_rates: Sequence[float]
    sign: bool = False
    residual: bool = False  # each hidden layer but the first adds to the one before it
    tied: Sequence[Sequence[int]] = ()  # layers, counted from 0, that are one
    transposed: bool = False  # a wrong gradient of square matrices

    def forward(self, x: Array) -> list[Array]:
        """h_1, ..., h_L and the outputs."""
        found: list[Array] = []
        inputs = x
        for l, w in enumerate(self.weights):
            found.append(self.multipliers[l] * (w @ inputs) + self.bias_multipliers[l] * self.biases[l])
            if self.residual and 0 < l < len(self.weights) - 1:
                found[-1] = found[-1] + found[-2]
            inputs = self.phi(found[-1])
        return found

    def gradients(self, X: Array, Y: Array) -> tuple[list[Array], list[Array]]:
        """Of the loss, by weights and biases."""
        by_weights = [np.zeros_like(w) for w in self.weights]
        by_biases = [np.zeros_like(b) for b in self.biases]
        for x, y in zip(X, Y, strict=True):
            h = self.forward(x)
            delta = (h[-1] - y) / Y.size
            for l in reversed(range(len(self.weights))):
                inputs = self.phi(h[l - 1]) if l else x
                by_weights[l] += self.multipliers[l] * np.outer(delta, inputs)
                by_biases[l] += self.bias_multipliers[l] * delta
                if l:
                    back = self.multipliers[l] * (self.weights[l].T @ delta) * self.slope(h[l - 1])
                    delta = back + delta if self.residual and l < len(self.weights) - 1 else back
        for group in self.tied:
            for by in (by_weights, by_biases):
                total = sum(by[l] for l in group)
                for l in group:
                    by[l] = total
        return by_weights, by_biases

    def step(self, X: Array, Y: Array) -> None:
        """One step of gradient descent, or of its signs."""
        by_weights, by_biases = self.gradients(X, Y)
        for l, (weight, bias) in enumerate(zip(by_weights, by_biases, strict=True)):
            if self.transposed and weight.shape[0] == weight.shape[1]:
                weight = weight.T
            self.weights[l] = self.weights[l] - self.rates[l] * (np.sign(weight) if self.sign else weight)
            self.biases[l] = self.biases[l] - self.bias_rates[l] * (np.sign(bias) if self.sign else bias)

    def train(self, X: Array, Y: Array, steps: int) -> Array:
        """The outputs (steps + 1, m, k)."""
        found = [[self.forward(x)[-1] for x in X]]
        for _ in range(steps):
            self.step(X, Y)
            found.append([self.forward(x)[-1] for x in X])
        return np.array(found)
