"""The exponents of one parameterisation as limits about finite networks: what a certificate is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.derivation.affine import as_fraction
from symlimits.derivation.trace import Step
from symlimits.errors import DomainError, FormulaError
from symlimits.finite.deep_training import layers, logistic, train
from symlimits.language.names import shown
from symlimits.limits import Limit
from symlimits.theory.programs.abc_link import AbcProgram
from symlimits.theory.scaling.abc_point import Point
from symlimits.theory.scaling.alignment import course
from symlimits.theory.scaling.coordinate_text import what
from symlimits.theory.scaling.passes import MOVES

INPUTS, POINTS, NETWORKS = 8, 4, 16  # of the data; networks a draw
LABELS = np.array([1.0, -1.0, 1.0, 1.0])
DATA_SEED = 0
MOST_LAYERS, MOST_STEPS = 13, 100  # that a file may ask for


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

    def record(self) -> dict[str, Any]:
        """The networks as JSON, for a certificate; `from_record` reads it."""
        exponents = {name: list(getattr(self, name)) for name in "abc"}
        named = {"optimizer": self.optimizer, "quantity": self.quantity, "steps": self.steps}
        return {"kind": "deep training", **exponents, **named}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> DeepTraining:
        """The networks of a record; `FormulaError` for what is none."""
        try:
            a, b, c = (tuple(map(float, record[name])) for name in "abc")
            steps, optimizer, quantity = int(record["steps"]), str(record["optimizer"]), str(record["quantity"])
            numbers = (*(f"h{layer}" for layer in range(1, len(a))), "f")
            known = quantity in (*numbers, *(f"d{name}" for name in numbers)) and optimizer in MOVES
            if not (known and len(a) == len(b) == len(c) <= MOST_LAYERS and 1 <= steps <= MOST_STEPS):
                raise ValueError
        except (KeyError, TypeError, ValueError):
            given = "networks with parts missing"
            raise FormulaError(given, "what DeepTraining.record writes", "a certificate of this version") from None
        return cls(a, b, c, optimizer, quantity, steps)


def exponent_limit(point: Point, quantity: str, steps: int = 3) -> Limit:
    r"""The exponent of h1, ..., hL, f or of dh1, ..., dhL, df after `steps` steps, with its networks.

    Line 0 is the maximum over what the start and each step add, by the rule of alignment. Raises `DomainError` for
    another quantity.

    >>> from symlimits.theory.scaling.named import named
    >>> print(exponent_limit(named("deep-MF-adam", 3), "df", steps=2).explain())
    e_Delta f is defined by
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
    words = f"root mean square of the {what(quantity)}" + (f" after {steps} steps" if quantity.startswith("d") else "")
    program = AbcProgram(point.a, point.b, point.c, point.optimizer, quantity, steps)
    name = f"e_{{{_letter(quantity)}}}"
    return Limit(tuple(lines), name=name, experiment=draw, observable=words, kind="exponent", general=program)


def _letter(quantity: str) -> str:
    r"""A row of a coordinate check in LaTeX.

    >>> _letter("dh2"), _letter("f")
    ('\\Delta h_{2}', 'f')
    """
    change, row = (r"\Delta ", quantity[1:]) if quantity.startswith("d") else ("", quantity)
    return change + (f"h_{{{row[1:]}}}" if row.startswith("h") else row)
