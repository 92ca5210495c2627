"""What the engine of tensor programs says of the exponents of training in the kernel regime: the fourth link."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp

from symlimits.certify.certificate import STATISTICAL, Link
from symlimits.certify.general import NAME, unreached
from symlimits.derivation.orders import exponents
from symlimits.errors import FormulaError
from symlimits.language.domain import Point
from symlimits.limits import Limit
from symlimits.theory.linearization.program import QUANTITIES, linearized_program

KIND = "linearisation by its program"
DEEPEST = 3  # hidden layers that the engine follows for two steps in seconds
STEPS = 2
DATA = {1: 2, 2: 2, 3: 1}  # by hidden layers


@dataclass(frozen=True)
class LinearizationProgram:
    """The engine beside an exponent of a network with `depth` hidden layers; `smooth` if it has no kinks."""

    quantity: str
    depth: int
    smooth: bool = True

    def bind(self, _given: Point) -> LinearizationProgram:
        """The same: nothing is free."""
        return self

    def record(self) -> dict[str, Any]:
        """The network as JSON, for a certificate; `from_record` reads it."""
        return {"kind": KIND, "quantity": self.quantity, "depth": self.depth, "smooth": self.smooth}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> LinearizationProgram:
        """The engine of a record; `FormulaError` for what is none."""
        try:
            found = cls(str(record["quantity"]), int(record["depth"]), bool(record["smooth"]))
        except (KeyError, TypeError, ValueError):
            found = cls("", 0)
        if found.quantity not in QUANTITIES or found.depth < 1:
            wanted = "what LinearizationProgram.record writes"
            raise FormulaError(f"a program of {found.quantity!r:.40}, depth {found.depth}", wanted, KIND)
        return found

    def link(self, limit: Limit, point: Point) -> Link:
        """The exponent of the last line against that of the program, which knows no clusters."""
        if not self.smooth:
            return unreached("neurons cross a kink, which the engine has no rule for")
        if self.depth > DEEPEST:
            return unreached(f"{self.depth} hidden layers, of which the engine follows {DEEPEST}")
        claimed, found = limit.expr.subs(point), program_exponent(self.quantity, self.depth)
        about = f"{self.quantity} of a generic smooth activation and loss, {STEPS} steps"
        said = f"{found}, the same" if found == claimed else f"{claimed} differs from {found}"
        details = {"special": str(claimed), "general": str(found)}
        return Link(NAME, found == claimed, f"special = general: {about}: {said}", details, STATISTICAL)


@lru_cache(maxsize=32)
def program_exponent(quantity: str, depth: int) -> sp.Expr:
    """The largest exponent of a quantity in any step and at any datum, certified.

    >>> program_exponent("kernel_drift", 1), program_exponent("preactivation", 1)
    (-1, -1/2)
    """
    known = linearized_program(depth, DATA[depth], STEPS)
    found = exponents(known.tp.program, [value.place for value in known.targets[quantity]])
    largest = sp.Max(*(said.value for said in found))
    return largest / 2 if quantity == "movement" else largest
