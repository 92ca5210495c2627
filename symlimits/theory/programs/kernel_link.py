"""What the engine says of a kernel: the network's own program, forward and backward, against its recursion.

The recursion's layer maps are the engine's limits of one layer (`layer_step.py`). What is compared is the induction
over layers, and the code that composes and evaluates the maps; what both sides use is held against finite networks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from symlimits.certify.certificate import Link
from symlimits.certify.general import check_general, unreached
from symlimits.derivation.price import c, p, q
from symlimits.errors import DomainError, FormulaError, NoRule
from symlimits.language.activation import Activation
from symlimits.language.architecture import Dense, Repeat, Serial
from symlimits.language.domain import Point
from symlimits.language.network_tree import network_from_tree, network_to_tree
from symlimits.language.network_values import bound
from symlimits.language.recursion import Recursion
from symlimits.language.tree import from_tree, to_tree
from symlimits.limits import Limit
from symlimits.reading.program_sampled import Sampled
from symlimits.reading.reference import reference
from symlimits.theory.programs.image_sides import image_general, image_value
from symlimits.theory.programs.kernel_program import CLOSED, inputs, kernel_lines, line_value
from symlimits.words import spoken

KIND = "kernel by backpropagation"
OBSERVABLES = ("nngp", "ntk")
MOST_DEPTH = 3  # hidden layers: lines grow, and every rule is used by then
OPEN_DEPTH = sp.Integer(2)  # in place of a depth that is a symbol
TOLERANCE = 1e-12  # of the kernel on its diagonal, as for compiled code
DIGITS = 15  # where no compiled code reaches


@dataclass(frozen=True)
class KernelProgram:
    """The engine beside a kernel: `observable` is "nngp" or "ntk", `values` are numbers for symbols of the network."""

    network: Serial
    observable: str
    values: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()

    def bind(self, given: Point) -> KernelProgram:
        """The same with values for some symbols."""
        kept = tuple((symbol, value.subs(given, simultaneous=True)) for symbol, value in self.values)
        return replace(self, values=(*kept, *given.items()))

    def dot(self) -> KernelProgram | None:
        """The engine beside a dual activation of the derivative."""
        match self.network.layers:
            case (Dense() as first, Activation() as phi, Dense() as last):
                return replace(self, network=replace(self.network, layers=(first, phi.derivative(), last)))
        return None

    def record(self) -> dict[str, Any]:
        """The network as JSON, for a certificate; `from_record` reads it."""
        values = [[to_tree(symbol), to_tree(value)] for symbol, value in self.values]
        named = {"network": network_to_tree(self.network), "observable": self.observable}
        return {"kind": KIND, "values": values, **named}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> KernelProgram:
        """The engine of a record; `FormulaError` for what is none."""
        try:
            values = tuple((from_tree(symbol), from_tree(value)) for symbol, value in record["values"])
            if record["observable"] not in OBSERVABLES:
                raise ValueError
            return cls(network_from_tree(record["network"]), record["observable"], values)
        except (KeyError, TypeError, ValueError):
            raise FormulaError("a program with parts missing", "what KernelProgram.record writes", "sl.ntk") from None

    def link(self, limit: Limit, point: Point) -> Link:
        """The last line of a kernel at a point against the limit of the program; a depth that is open is two there."""
        at = {symbol: OPEN_DEPTH if symbol in _counts(self.network) else value for symbol, value in point.items()}
        known = at | {symbol: value.subs(at, simultaneous=True) for symbol, value in self.values}
        numbers = {s: value for s, value in known.items() if s not in (p, q, c)}
        try:
            net = reached(bound(self.network, numbers), self.observable)
            if net.of_images:
                general, size = image_general(limit, net, self.observable == "ntk", at)
            else:
                general, size = _general(net, self.observable == "ntk", *(known[s] for s in (p, q, c)))
        except NoRule as refusal:
            return unreached(refusal.given)
        value = image_value(limit, at) if net.of_images else _value(limit, at)
        what = f"{spoken(limit.name)} of {'two images' if net.of_images else _layers(_depth(net))}"
        return check_general(value, general.value, TOLERANCE * size + general.error, what, general.method != CLOSED)


def _layers(depth: int) -> str:
    return f"{depth} hidden layer{'s' * (depth > 1)}"


def reached(net: Serial, observable: str) -> Serial:
    """The network as one of NTK parameterisation: its law is the same in both, its tangent kernel is not."""
    if net.parameterization == "standard" and observable == "ntk":
        raise NoRule("a tangent kernel that grows with the width", "the NTK parameterisation", "parameterization='ntk'")
    if _depth(net) > MOST_DEPTH:
        raise NoRule(f"{_depth(net)} hidden layers", f"at most {MOST_DEPTH}", "a network of lower depth")
    return Serial(net.layers)


def _depth(net: Serial) -> int:
    return sum(isinstance(layer, Dense) for layer in net.flat()) - 1


def _counts(net: Serial) -> set[sp.Symbol]:
    return set().union(*(layer.count.free_symbols for layer in net.layers if isinstance(layer, Repeat)))


def _general(net: Serial, tangent: bool, p: sp.Expr, q: sp.Expr, c: sp.Expr) -> tuple[Sampled, float]:
    """The engine's value, and the size of the kernel on its diagonal."""
    line = kernel_lines(net, tangent)[-1].expr
    laws = [inputs(*law) for law in ((p, q, c), (p, p, p), (q, q, q))]
    value, one, two = (line_value(line, at) for at in laws)
    return value, float(np.sqrt(one.value * two.value))


def _value(limit: Limit, point: Point) -> float:
    known = {symbol: value for symbol, value in point.items() if symbol in limit.free_symbols}
    parameters = {symbol: value for symbol, value in known.items() if symbol not in limit.arguments}
    at = limit._bound(parameters) if parameters else limit
    if isinstance(at.expr, Recursion) and at.is_compilable:
        try:
            return float(at.compile().pairs(*(float(known[s]) for s in at.arguments)))
        except DomainError:  # where the compiled rules do not reach
            pass
    return float(reference(at.expr, known, DIGITS))
