"""What the engine says of a trained law: its kernels by backpropagation, in the lines of the law, in many digits.

The outputs that a wide network starts from are random, so that no program has the trained outputs as its limit; what
does not depend on the start are the kernels, which the engine derives without their recursion, and the lines that lead
from them to the law, read in mpmath where the law is read in floats.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import sympy as sp
from mpmath import mp

from symlimits.certify.certificate import Link
from symlimits.certify.general import check_general, unreached
from symlimits.errors import FormulaError, NoRule
from symlimits.finite.trained_networks import Rows, TrainedOutputs
from symlimits.ladder import is_closed
from symlimits.language.domain import Point
from symlimits.limits import Limit
from symlimits.matrix_letters import eta, mass, mu, omega, steps
from symlimits.reading.matrix_value import matrix_value
from symlimits.reading.program_sampled import sampled
from symlimits.theory.programs.kernel_link import reached
from symlimits.theory.programs.kernel_program import inputs, kernel_lines
from symlimits.theory.training.statements import statement
from symlimits.words import spoken

KIND = "trained law by engine kernels"
DIGITS = 20
TOLERANCE = 1e-9  # of the law, beside its size: the engine's kernels have 1e-12, times the condition of the start
MOST_POINTS = 12


@dataclass(frozen=True)
class LawProgram:
    """The engine beside the mean or the variance of a number of trained networks, those of an experiment."""

    networks: TrainedOutputs

    def bind(self, given: Point) -> LawProgram:
        """The same: nothing is left open."""
        return self

    def record(self) -> dict[str, Any]:
        """The experiment as JSON, for a certificate; `from_record` reads it."""
        return {"kind": KIND, "networks": self.networks.record()}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> LawProgram:
        """The engine of a record; `FormulaError` for what is none."""
        try:
            return cls(TrainedOutputs.from_record(record["networks"]))
        except (KeyError, TypeError):
            raise FormulaError("a program with parts missing", "what LawProgram.record writes", "mean_limit") from None

    def link(self, limit: Limit, point: Point) -> Link:
        """The claimed number against the lines of the law at the engine's kernels."""
        asked = self.networks
        if asked.recipe.loss != "mse":
            return unreached("the mean of a softmax over random starts is no function of the kernels")
        if len(asked.X) + len(asked.Z) > MOST_POINTS:
            return unreached(f"{len(asked.X) + len(asked.Z)} points, more than {MOST_POINTS}")
        try:
            value = self._value()
        except NoRule as refusal:
            return unreached(refusal.given)
        return check_general(float(limit.expr), value, TOLERANCE * max(1.0, abs(value)), spoken(limit.name))

    def _value(self) -> float:
        asked, recipe = self.networks, self.networks.recipe
        blocks = _kernels(asked)
        shape = bool(recipe.momentum), bool(recipe.weight_decay), asked.network.rated
        line = statement("covariance" if asked.square else "mean", "steps", *shape).expr
        numbers = {symbol: sp.Rational(repr(value)) for symbol, value in _numbers(asked).items()}
        found = matrix_value(line, blocks, numbers | {steps: sp.Integer(recipe.steps)}, DIGITS)
        u = mp.matrix(list(asked.weights))
        return float((u.T * found * u)[0, 0] if asked.square else (u.T * found)[0, 0])


def _numbers(asked: TrainedOutputs) -> dict[sp.Symbol, float]:
    recipe = asked.recipe
    entries = len(asked.X) * len(asked.Y[0])
    return {eta: recipe.lr, mu: recipe.momentum, omega: recipe.weight_decay, mass: entries}


def _kernels(asked: TrainedOutputs) -> dict[str, Any]:
    """Targets, and both kernels between training inputs x and test inputs z and w, which are the same."""
    net = reached(asked.network, "ntk")
    places: dict[str, Rows] = {"x": asked.X, "z": asked.Z, "w": asked.Z}
    blocks: dict[str, Any] = {"Y": mp.matrix([[row[0]] for row in asked.Y])}
    for name, tangent in (("K", False), ("Theta", not asked.recipe.last_layer)):
        entry = _entry(kernel_lines(net, tangent)[-1].expr)
        for a, b in product(places, repeat=2):
            blocks[f"{name}_{a}{b}"] = mp.matrix([[entry(x, z) for z in places[b]] for x in places[a]])
    return blocks


def _entry(line: sp.Expr) -> Callable[[tuple[float, ...], tuple[float, ...]], float]:
    """A kernel's line as a function of two inputs; `NoRule` where it would be sampled."""
    if not is_closed(line):
        raise NoRule("kernels without a closed form", "one of Price's theorem", "act.relu or act.erf")
    known: dict[Any, float] = {}

    def entry(x: tuple[float, ...], z: tuple[float, ...]) -> float:
        key = frozenset((x, z))
        if key not in known:
            at = inputs(*(_product(*pair) for pair in ((x, x), (z, z), (x, z))))
            known[key] = sampled(line, {symbol: at[symbol] for symbol in line.free_symbols}).value
        return known[key]

    return entry


def _product(x: tuple[float, ...], z: tuple[float, ...]) -> sp.Rational:
    """x.z/d, exactly: no pair of inputs is more than parallel."""
    return sum((sp.Rational(a) * sp.Rational(b) for a, b in zip(x, z, strict=True)), sp.S.Zero) / len(x)
