"""The exponents of one parameterisation as limits about finite networks: what a certificate is asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.derivation.affine import as_fraction
from symlimits.derivation.trace import Step
from symlimits.errors import DomainError
from symlimits.finite.deep_training import layers, logistic, train
from symlimits.language.names import shown
from symlimits.limits import Limit
from symlimits.theory.scaling.abc_point import Point
from symlimits.theory.scaling.alignment import course
from symlimits.theory.scaling.passes import MOVES

INPUTS, POINTS, NETWORKS = 8, 4, 16  # of the data; networks a draw
LABELS = np.array([1.0, -1.0, 1.0, 1.0])
DATA_SEED = 0


@dataclass(frozen=True)
class DeepTraining:
    """Draws of one root mean square, of networks of tanh after some steps on frozen gradients of the logistic loss."""

    a: tuple[float, ...]
    b: tuple[float, ...]
    c: tuple[float, ...]
    optimizer: str
    quantity: str
    steps: int

    def __call__(self, size: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        x = np.random.default_rng(DATA_SEED).standard_normal((POINTS, INPUTS))
        frozen = logistic(LABELS)(np.zeros(POINTS))
        net = layers(size, self.a, self.b, self.c, INPUTS, self.optimizer)
        return train(net, x, frozen, rng, NETWORKS, self.steps, self.optimizer).named()[self.quantity]


def exponent_limit(point: Point, quantity: str, steps: int = 3) -> Limit:
    r"""The exponent of h1, ..., hL, f or of dh1, ..., dhL, df after `steps` steps, with its networks.

    Line 0 is the maximum over what the start and each step add, by the rule of alignment. Raises `DomainError` for
    another quantity.

    >>> from symlimits.theory.scaling.named import named
    >>> print(exponent_limit(named("deep-MF-adam", 3), "df", steps=2).explain())
    df is defined by
        Max(-1/2, 0)
    By the largest part (algebra) this equals
        0
    Source: derived here.
    """
    known = point.after(steps)
    if quantity not in known:
        raise DomainError(f"the quantity {shown(quantity)}", f"one of {', '.join(known)}", "quantity='df'")
    a, b, c = (tuple(map(as_fraction, values)) for values in (point.a, point.b, point.c))
    told = course(a, b, c, MOVES[point.optimizer], steps)
    parts = told[1:] if quantity.startswith("d") else told[:1]
    numbers = [sp.Rational(part[quantity].numerator, part[quantity].denominator) for part in parts]
    lines = [Step(sp.Max(*dict.fromkeys(numbers), evaluate=False), "definition", "the rule of alignment, step by step")]
    if lines[0].expr != known[quantity]:
        lines.append(Step(known[quantity], "the largest part", "algebra"))
    floats = [tuple(map(float, values)) for values in (point.a, point.b, point.c)]
    draw = DeepTraining(floats[0], floats[1], floats[2], point.optimizer, quantity, steps)
    words = f"root mean square of {quantity}" + (f" after {steps} steps" if quantity.startswith("d") else "")
    return Limit(tuple(lines), name=quantity, experiment=draw, observable=words, kind="exponent")
