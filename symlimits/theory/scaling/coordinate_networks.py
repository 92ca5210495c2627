"""The networks of a coordinate check: what a parameterisation predicts of their sizes, and the sizes themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.errors import DomainError
from symlimits.finite.deep_training import STEP, layers, logistic, tanh_derivative, train
from symlimits.finite.statistics import seed as generator
from symlimits.language.names import shown
from symlimits.theory.scaling.transfer import Parameterisation as Layerwise

Array = npt.NDArray[np.float64]

POINTS, INPUTS = 8, 8  # of the batch
# Where preactivations vanish or explode, what a step adds has to exceed what was there soon, as it does in the limit.
LARGE_STEP = 4.0
MOST_SEEDS, LEAST_SEEDS, WEIGHTS = 64, 16, 2**24  # networks a width: as many as have so many weights a layer


class Parameterisation(Layerwise, Protocol):
    """What the check asks of a parameterisation beside its layers: its verdict, and the predicted slopes by row."""

    @property
    def verdict(self) -> str: ...
    def after(self, steps: int) -> Mapping[str, Any]: ...


def predictions(point: Parameterisation, steps: int) -> dict[str, sp.Rational]:
    """The exponents by row, from h1 to df; a change that vanishes has none."""
    return {str(name): sp.Rational(power) for name, power in point.after(steps).items()}


def simulate(point: Parameterisation, width: int, seed: int, steps: int, gradients: str) -> dict[str, Array]:
    """Sizes of networks of one width by row; the batch depends on the seed alone."""
    if gradients not in ("frozen", "loss"):
        raise DomainError(f"gradients = {shown(gradients)}", "'frozen' or 'loss'", "gradients='frozen'")
    batch = generator("coordinate check: batch", 0, 0, seed)
    X, labels = batch.standard_normal((POINTS, INPUTS)), np.where(np.arange(POINTS) % 2, -1.0, 1.0)
    a, b, c = ([float(power) for power in powers] for powers in (point.a, point.b, point.c))
    predicted = predictions(point, steps)
    ordinary = not any(power for name, power in predicted.items() if name.startswith("h"))
    explodes = any(power > 0 for name, power in predicted.items() if name.startswith("dh"))
    step = STEP if ordinary and not explodes else LARGE_STEP
    net = layers(width, a, b, c, INPUTS, point.optimizer, step=step)
    phi, derivative = (linear_growth, linear_growth_derivative) if explodes else (np.tanh, tanh_derivative)
    return train(
        net,
        X,
        labels / POINTS if gradients == "frozen" else logistic(labels),
        generator("coordinate check", width, 0, seed),
        seeds=max(LEAST_SEEDS, min(MOST_SEEDS, WEIGHTS // width**2)),
        steps=steps,
        optimizer=point.optimizer,
        phi=phi,
        derivative=derivative,
    ).named()


def linear_growth(h: Array) -> Array:
    """h + tanh(h), odd as tanh is: a mean of its own, as relu's, would add up coherently."""
    return h + np.tanh(h)


def linear_growth_derivative(h: Array) -> Array:
    """Its slope."""
    return 1 + tanh_derivative(h)
