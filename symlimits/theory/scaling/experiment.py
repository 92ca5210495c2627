"""The finite networks that an exponent of one hidden layer speaks of, for a point of the plane."""

from __future__ import annotations

from dataclasses import dataclass

from symlimits.finite.frozen_training import QUANTITIES, FrozenTraining
from symlimits.language.activation import Activation
from symlimits.language.domain import Point
from symlimits.theory.scaling.problem import Functions


@dataclass(frozen=True)
class Trained:
    """Networks trained with given gradients; `at` gives those of a point, which draw `quantity`."""

    phi: Activation
    quantity: str

    def at(self, point: Point) -> FrozenTraining:
        """The experiment at values of the exponents, equal or separate rates."""
        values = {symbol.name: float(number) for symbol, number in point.items()}
        q_a, q_w = (values.get(name, values.get("q", 0.0)) for name in ("q_a", "q_w"))
        functions = Functions.of(self.phi)
        return FrozenTraining(functions.phi, functions.slope, values["q_sigma"], q_a, q_w, self.quantity)

    def record(self) -> dict[str, str]:
        """What a certificate says of it."""
        return {"kind": "one hidden layer, given gradients", "activation": str(self.phi.expr), "quantity": self.quantity}


def trained(phi: Activation, quantity: str) -> Trained | None:
    """The experiment of a quantity; None for one that the finite networks do not show."""
    return Trained(phi, quantity) if quantity in QUANTITIES else None
