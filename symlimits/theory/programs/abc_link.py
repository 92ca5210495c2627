"""What the engine says of an exponent of a deep network in an abc-parameterisation: its training as a program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from symlimits.activations import tanh
from symlimits.certify.certificate import STATISTICAL, Link
from symlimits.certify.general import NAME, unreached
from symlimits.derivation.orders import exponent
from symlimits.errors import FormulaError, NoRule, SymlimitsError
from symlimits.language.domain import Point
from symlimits.limits import Limit
from symlimits.theory.programs.deep import deep_program

KIND = "abc-exponent by its program"
MOST_LAYERS, MOST = 12, 24  # hidden layers, and these times steps: a second
Rationals = tuple[sp.Rational, ...]


@dataclass(frozen=True)
class AbcProgram:
    """The engine beside an exponent: a, b, c of the L + 1 layers, and a quantity after some steps on given gradients.

    `optimizer` is "sgd", "adam" or "sign", `quantity` one of h1, ..., hL, f, dh1, ..., dhL, df.
    """

    a: Rationals
    b: Rationals
    c: Rationals
    optimizer: str
    quantity: str
    steps: int

    def bind(self, _given: Point) -> AbcProgram:
        """The same: a point has values for all."""
        return self

    def record(self) -> dict[str, Any]:
        """The network as JSON, for a certificate; `from_record` reads it."""
        exponents = {name: list(map(str, getattr(self, name))) for name in "abc"}
        named = {"optimizer": self.optimizer, "quantity": self.quantity, "steps": self.steps}
        return {"kind": KIND, **exponents, **named}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> AbcProgram:
        """The engine of a record; `FormulaError` for what is none."""
        try:
            a, b, c = (tuple(map(sp.Rational, record[name])) for name in "abc")
            found = cls(a, b, c, record["optimizer"], str(record["quantity"]), record["steps"])
            if not 2 <= len(a) <= MOST_LAYERS + 1 or (found.reached and found.quantity not in found._program().targets):
                raise ValueError
        except (KeyError, TypeError, ValueError, SymlimitsError):
            raise FormulaError("a program with parts missing", "what AbcProgram.record writes", KIND) from None
        return found

    @property
    def reached(self) -> bool:
        """Whether the engine is asked for so many layers and steps."""
        return (len(self.a) - 1) * self.steps <= MOST

    def link(self, limit: Limit, point: Point) -> Link:
        """The exponent of the last line against the program's, which is found by other rules."""
        claimed = limit.expr.subs(point)
        if not self.reached:
            return unreached(f"{len(self.a) - 1} hidden layers and {self.steps} steps, of {MOST} together")
        try:
            program = self._program()
            found = exponent(program.program, program.targets[self.quantity]).value
        except NoRule as refusal:
            return unreached(refusal.given)
        said = f"{found}, the same" if found == claimed else f"{claimed} differs from {found}"
        summary = f"special = general: {self.quantity} at step {self.steps}: {said}"
        return Link(NAME, found == claimed, summary, {"special": str(claimed), "general": str(found)}, STATISTICAL)

    def _program(self) -> Any:
        return deep_program(self.a, self.b, self.c, self.steps, tanh, self.optimizer)
