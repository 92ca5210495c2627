r"""What the engine says of polynomial paths: the training of a linear network as a program, multiplied out.

The recursion of deep linear networks takes no expectation; here its lines come from the Master theorem, with the
transpose's corrections, and Wick's theorem.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import sympy as sp

from symlimits.activations import linear
from symlimits.certify.certificate import Link
from symlimits.certify.general import NAME, unreached
from symlimits.derivation.master import limit_lines
from symlimits.errors import FormulaError, NoRule
from symlimits.language.architecture import mlp
from symlimits.language.domain import Point
from symlimits.language.straight_line import StraightLine
from symlimits.language.tree import from_tree, to_tree
from symlimits.limits import Limit
from symlimits.reading.rings import as_polynomial, polynomials
from symlimits.reading.straight_line import run
from symlimits.theory.programs.training import training_program
from symlimits.words import spoken

KIND = "path by its program"
MOST_STEPS = {1: 4, 2: 3, 3: 3}  # by depth: a second or two
eta, s = sp.symbols("eta s", positive=True)  # the learning rate and the target of the dedicated recursion


@lru_cache(maxsize=16)
def program_polynomial(depth: int, steps: int, transpose_correction: bool = True) -> sp.Poly:
    r"""$a_T$ as a polynomial in $\eta$ and s, from the training program of a linear network on one white input.

    >>> print(program_polynomial(1, 2).as_expr())
    8*eta**5*s**3 - 12*eta**4*s**3 + 4*eta**3*s**3 - 4*eta**2*s + 4*eta*s
    """
    prog = training_program(mlp(depth, linear, 1, 0), [[1]], [s], steps, lr=eta)
    (output,) = prog.outputs[-1]
    line = limit_lines(prog.tp.program, output.place, transpose_correction)[-1].expr
    if not isinstance(line, StraightLine):
        return sp.Poly(line, eta, s, domain=sp.QQ)
    element = run(line, polynomials(eta, s), {eta: eta, s: s})[line.output]
    return as_polynomial(element, eta, s)


@dataclass(frozen=True)
class PathProgram:
    """The engine beside a path polynomial, with values for the rate and the target, if they are bound."""

    depth: int
    steps: int
    values: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()

    def bind(self, given: Point) -> PathProgram:
        """The same with values for some symbols."""
        kept = tuple((symbol, value.subs(given, simultaneous=True)) for symbol, value in self.values)
        return replace(self, values=(*kept, *given.items()))

    def record(self) -> dict[str, Any]:
        """The network as JSON, for a certificate; `from_record` reads it."""
        values = [[to_tree(symbol), to_tree(value)] for symbol, value in self.values]
        return {"kind": KIND, "depth": self.depth, "steps": self.steps, "values": values}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> PathProgram:
        """The engine of a record; `FormulaError` for what is none."""
        try:
            values = tuple((from_tree(symbol), from_tree(value)) for symbol, value in record["values"])
            return cls(int(record["depth"]), int(record["steps"]), values)
        except (KeyError, TypeError, ValueError):
            raise FormulaError("a program with parts missing", "what PathProgram.record writes", "path_limit") from None

    def link(self, limit: Limit, point: Point) -> Link:
        """The last line of a path against the program's, as polynomials: equal at every point."""
        if self.steps > MOST_STEPS.get(self.depth, 0):
            reached = ", ".join(f"{steps} of depth {depth}" for depth, steps in MOST_STEPS.items())
            return unreached(f"{self.steps} steps of depth {self.depth}; the engine is asked for steps up to {reached}")
        try:
            general = program_polynomial(self.depth, self.steps).as_expr().subs(self.values, simultaneous=True)
        except NoRule as refusal:
            return unreached(refusal.given)
        rest = sp.Poly(limit.expr - general, eta, s)
        found = "the same polynomial" if rest.is_zero else f"polynomials that differ by {len(rest.terms())} terms"
        summary = f"special = general: {spoken(limit.name)} of depth {self.depth}, {found}"
        return Link(NAME, bool(rest.is_zero), summary, {"terms that differ": 0 if rest.is_zero else len(rest.terms())})
