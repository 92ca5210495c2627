"""What the engine says of an exponent of a cell: one hidden layer trained with given gradients, as a program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from symlimits.certify.certificate import STATISTICAL, Link
from symlimits.certify.general import NAME, unreached
from symlimits.derivation.orders import exponent
from symlimits.errors import FormulaError, NoRule
from symlimits.language.activation import Activation
from symlimits.language.domain import Point
from symlimits.language.tree import from_tree, to_tree
from symlimits.limits import Limit
from symlimits.theory.programs.one_hidden import GENERIC, QUANTITIES, Function, one_hidden_program

KIND = "exponent by its program"


@dataclass(frozen=True)
class ExponentProgram:
    """The engine beside an exponent at the witness of a cell: q_sigma, q_a, q_w, and the step at which it settles."""

    phi: Activation
    quantity: str
    rates: tuple[sp.Rational, sp.Rational, sp.Rational]
    step: int
    unseen: bool = False

    def bind(self, _given: Point) -> ExponentProgram:
        """The same: a witness has values for all."""
        return self

    def record(self) -> dict[str, Any]:
        """The network as JSON, for a certificate; `from_record` reads it."""
        named = {"quantity": self.quantity, "rates": list(map(str, self.rates)), "step": self.step}
        return {"kind": KIND, "activation": to_tree(self.phi.expr), **named, "unseen": self.unseen}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> ExponentProgram:
        """The engine of a record; `FormulaError` for what is none."""
        try:
            phi, rates = from_tree(record["activation"]), tuple(map(sp.Rational, record["rates"]))
            quantity, step, unseen = str(record["quantity"]), int(record["step"]), bool(record["unseen"])
        except (KeyError, TypeError, ValueError):
            raise FormulaError("a program with parts missing", "what ExponentProgram.record writes", KIND) from None
        if not isinstance(phi, sp.Expr) or quantity not in QUANTITIES or len(rates) != 3 or not 0 <= step <= 100:
            raise FormulaError(f"a program of {quantity}", "what ExponentProgram.record writes", KIND)
        return cls(Activation(phi), quantity, rates, step, unseen)

    def link(self, limit: Limit, point: Point) -> Link:
        """The exponent of the last line against the program's, which is found by other rules."""
        claimed, about = limit.expr.subs(point), ""
        try:
            found = self._found(self.phi)
        except NoRule as refusal:
            if self.phi.kinks:
                return unreached(refusal.given)
            try:  # an undefined function stands for every smooth one; of this one a coefficient was not told from zero
                found, about = self._found(GENERIC), " of a generic activation"
            except NoRule as again:
                return unreached(again.given)
        said = f"{found}, the same" if found == claimed else f"{claimed} differs from {found}"
        summary = f"special = general: {self.quantity}{about} at step {self.step}: {said}"
        return Link(NAME, found == claimed, summary, {"special": str(claimed), "general": str(found)}, STATISTICAL)

    def _found(self, phi: Function) -> sp.Expr:
        known = one_hidden_program(*self.rates, self.step, phi, unseen=self.unseen)
        return exponent(known.program, known.targets[self.quantity]).value
