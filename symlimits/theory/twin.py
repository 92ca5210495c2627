"""The finite networks beside a kernel: which experiment belongs to a point of its domain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from symlimits.derivation.price import c, p, q
from symlimits.errors import FormulaError
from symlimits.finite.kernel_experiment import KernelExperiment, inputs_with_gram
from symlimits.language.activation import Activation
from symlimits.language.architecture import Dense, Serial, bound
from symlimits.language.domain import Point
from symlimits.language.network_tree import network_from_tree, network_to_tree
from symlimits.language.tree import from_tree, to_tree


@dataclass(frozen=True)
class Twin:
    """The finite networks that a kernel is the limit of: an experiment for every parameter point.

    `sampler` is "exact", the law of the networks at a fraction of the cost, or "naive", weight by weight.
    """

    network: Serial
    observable: str
    values: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()
    sampler: str = "exact"

    def bind(self, given: Point) -> Twin:
        """The same networks with values for some symbols, p, q and c among them."""
        kept = tuple((symbol, value.subs(given, simultaneous=True)) for symbol, value in self.values)
        return replace(self, values=(*kept, *given.items()))

    def dot(self) -> Twin | None:
        """The networks of the derivatives, for a dual activation."""
        match self.network.layers:
            case (Dense() as first, Activation() as phi, Dense() as last):
                return replace(self, network=replace(self.network, layers=(first, phi.derivative(), last)))
        return None

    def record(self) -> dict[str, Any]:
        """The networks as JSON, for a certificate; `from_record` reads it."""
        values = [[to_tree(symbol), to_tree(value)] for symbol, value in self.values]
        network = network_to_tree(self.network)
        named = {"network": network, "observable": self.observable, "sampler": self.sampler}
        return {"kind": "network", "values": values, **named}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Twin:
        """The twin of a record; `FormulaError` for what is none."""
        try:
            values = tuple((from_tree(symbol), from_tree(value)) for symbol, value in record["values"])
            network = network_from_tree(record["network"])
            return cls(network, str(record["observable"]), values, str(record["sampler"]))
        except (KeyError, TypeError, ValueError):
            raise FormulaError("an experiment with parts missing", "what Twin.record writes", "a certificate") from None

    def at(self, point: Point) -> KernelExperiment:
        """The experiment with two inputs whose kernel has the values p, q, c of the point."""
        known = point | {symbol: value.subs(point, simultaneous=True) for symbol, value in self.values}
        numbers = {s: value for s, value in known.items() if s not in (p, q, c)}
        first, second = inputs_with_gram(*(float(known[s]) for s in (p, q, c))).tolist()
        network, inputs = bound(self.network, numbers), (tuple(first), tuple(second))
        return KernelExperiment(network, inputs, self.observable, sampler=self.sampler)
