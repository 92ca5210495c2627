"""The polynomial path as a claim about finite networks, drawn at a learning rate and a target of the domain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from symlimits.derivation.master import SOURCE as MASTER
from symlimits.derivation.trace import Step, Trace
from symlimits.errors import FormulaError, NoRule, SymlimitsError
from symlimits.finite.deep_linear_experiments import TrainedNetworks
from symlimits.language.domain import Domain, Point, Range
from symlimits.language.names import shown
from symlimits.limits import Limit
from symlimits.theory.deep_linear.polynomial import check_size, eta, path_polynomial, s
from symlimits.theory.programs.linear_training import LIMIT, RECURSION, LinearTraining
from symlimits.theory.programs.path_link import PathProgram


@dataclass(frozen=True)
class WhiteNetworks:
    r"""Networks trained on one white input, $\Sigma_{xx} = 1$, and the target s, with the rate $\eta$ of a point.

    >>> WhiteNetworks(2, 3).at({eta: sp.Rational(1, 4), s: sp.Integer(1)}).lr
    0.25
    """

    depth: int
    steps: int

    def at(self, point: Point) -> TrainedNetworks:
        """The networks of a point."""
        return TrainedNetworks(self.depth, ((1.0,),), ((float(point[s]),),), float(point[eta]), self.steps)

    def record(self) -> dict[str, Any]:
        """The networks as JSON, for a certificate; `from_record` reads it."""
        return {"kind": "networks on one white input", "depth": self.depth, "steps": self.steps}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> WhiteNetworks:
        """The networks of a record; `FormulaError` for what is none."""
        try:
            found = cls(record["depth"], record["steps"])
            found.at({eta: sp.S.One, s: sp.S.One})  # which refuses what are no numbers of layers and steps
            check_size(found.depth, found.steps)
        except (KeyError, TypeError, SymlimitsError):
            given = f"networks of {shown(record)}"
            raise FormulaError(given, "what WhiteNetworks.record writes", "a certificate of this version") from None
        return found


def path_limit(depth: int, steps: int) -> Limit:
    r"""$a_T(\eta, s)$ as the limit of the predictor of networks, for targets up to 1 and rates up to 1/(L + 1).

    Line 0 is what the Master theorem makes of the training itself as a tensor program, up to three layers and three
    steps; the next ones are those of `path_polynomial`. Of finite networks the mean has a bias of 1/m.

    >>> path_limit(1, 2)
    Limit(a_{2} = 4*eta**3*s**3*(1 - 2*eta)*(1 - eta) + 4*eta*s*(1 - eta), 4 lines)
    """
    found = path_polynomial(depth, steps)
    networks = WhiteNetworks(depth, steps)
    highest = sp.Rational(1, depth + 1)  # half of the rate that is critical at the start
    domain = Domain({eta: Range(0, highest, (False, True)), s: Range(0, 1, (False, True))})
    words = f"the predictor on one white input, after {steps} steps"
    general = PathProgram(depth, steps)
    lines = _from_training(depth, steps, found.trace)
    return Limit(lines, domain, found.arguments, found.name, found.source, networks, words, general=general)


def _from_training(depth: int, steps: int, lines: Trace) -> Trace:
    """The lines with one before them, where the training as a program is short."""
    try:
        line = LinearTraining(depth, 1, 1, steps).predictor((0, 0), [[sp.S.One]], [[s]], eta)
    except NoRule:
        return lines
    return (Step(line, LIMIT, MASTER), replace(lines[0], rule=RECURSION), *lines[1:])
