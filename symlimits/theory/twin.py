"""The finite networks beside a kernel: which experiment belongs to a point of its domain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from symlimits.derivation.price import c, p, q
from symlimits.errors import DomainError, FormulaError
from symlimits.finite.depth_experiment import DepthExperiment
from symlimits.finite.expectation_experiment import ANTITHETIC, ExpectationExperiment, with_controls
from symlimits.finite.kernel_experiment import KernelExperiment, inputs_with_gram
from symlimits.language.activation import Activation
from symlimits.language.architecture import Dense, Serial, serial
from symlimits.language.domain import Point
from symlimits.language.network_tree import network_from_tree, network_to_tree
from symlimits.language.network_values import bound
from symlimits.language.tree import from_tree, to_tree


@dataclass(frozen=True)
class Twin:
    """The finite networks that a kernel is the limit of: an experiment for every parameter point.

    `sampler` is "exact", the law of the networks at a fraction of the cost, or "naive", weight by weight; for a dual
    activation also "antithetic", the mean of the networks with a fraction of their variance.
    """

    network: Serial
    observable: str
    values: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()
    sampler: str = "exact"

    def bind(self, given: Point) -> Twin:
        """The same networks with values for some symbols, p, q and c among them."""
        kept = tuple((symbol, value.subs(given, simultaneous=True)) for symbol, value in self.values)
        return replace(self, values=(*kept, *given.items()))

    def deep(self, depth: sp.Symbol) -> DeepTwin:
        """The same networks with a depth that grows with the width."""
        return DeepTwin(self, depth)

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

    def at(self, point: Point) -> KernelExperiment | ExpectationExperiment:
        """The experiment with two inputs whose kernel has the values p, q, c of the point.

        Raises `DomainError` for the antithetic sampler of networks that are no features of a dual activation.
        """
        known = point | {symbol: value.subs(point, simultaneous=True) for symbol, value in self.values}
        numbers = {s: value for s, value in known.items() if s not in (p, q, c)}
        network, law = bound(self.network, numbers), [float(known[s]) for s in (p, q, c)]
        if self.sampler == ANTITHETIC:
            phi = _of_features(network, self.observable)
            return with_controls(phi, phi, *law)
        first, second = inputs_with_gram(*law).tolist()
        return KernelExperiment(network, (tuple(first), tuple(second)), self.observable, sampler=self.sampler)


@dataclass(frozen=True)
class DeepTwin:
    """The finite networks of a limit of depth: as deep as they are wide, `depth` the symbol of their depth."""

    twin: Twin
    depth: sp.Symbol

    def bind(self, given: Point) -> DeepTwin:
        """The same networks with values for some symbols."""
        return replace(self, twin=self.twin.bind(given))

    def record(self) -> dict[str, Any]:
        """The networks as JSON, for a certificate; `from_record` reads it."""
        return {"kind": "deep network", "twin": self.twin.record(), "depth": to_tree(self.depth)}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> DeepTwin:
        """The twin of a record; `FormulaError` for what is none."""
        depth = from_tree(record.get("depth", 0))
        if not isinstance(depth, sp.Symbol) or not isinstance(record.get("twin"), dict):
            raise FormulaError("an experiment with parts missing", "what DeepTwin.record writes", "a certificate")
        return cls(Twin.from_record(record["twin"]), depth)

    def at(self, point: Point) -> DepthExperiment:
        """The experiment with two inputs whose kernel has the values p, q, c of the point."""
        experiment = self.twin.at(point)
        assert isinstance(experiment, KernelExperiment)  # the antithetic sampler is for other networks
        return DepthExperiment(experiment, self.depth)


def features(phi: Activation) -> Serial:
    """The network whose NNGP kernel is the dual activation of `phi`."""
    return serial(Dense(1), phi, Dense(1))


def _of_features(network: Serial, observable: str) -> Activation:
    match network.layers:
        case (Dense(), Activation() as phi, Dense()) if network == features(phi) and observable == "nngp":
            return phi
    raise DomainError(f"sampler = {ANTITHETIC!r} for other networks than a dual's", "'exact' or 'naive'", "'exact'")
