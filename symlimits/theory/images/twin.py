"""The finite networks beside a kernel of images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from symlimits.errors import FormulaError
from symlimits.finite.image_experiment import ImageExperiment
from symlimits.language.architecture import Serial
from symlimits.language.domain import Point
from symlimits.language.network_tree import network_from_tree, network_to_tree
from symlimits.language.network_values import bound
from symlimits.language.tree import from_tree, to_tree

KIND = "network of images"


@dataclass(frozen=True)
class ImageTwin:
    """The finite networks that a kernel of images is the limit of, with values for some symbols.

    `sampler` is "exact", the law of the networks at a fraction of the cost, or "naive", weight by weight.
    """

    network: Serial
    observable: str
    values: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()
    sampler: str = "exact"

    def bind(self, given: Point) -> ImageTwin:
        """The same networks with values for some symbols."""
        kept = tuple((symbol, value.subs(given, simultaneous=True)) for symbol, value in self.values)
        return replace(self, values=(*kept, *given.items()))

    def record(self) -> dict[str, Any]:
        """The networks as JSON, for a certificate; `from_record` reads it."""
        values = [[to_tree(symbol), to_tree(value)] for symbol, value in self.values]
        network = network_to_tree(self.network)
        named = {"network": network, "observable": self.observable, "sampler": self.sampler}
        return {"kind": KIND, "values": values, **named}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> ImageTwin:
        """The twin of a record; `FormulaError` for what is none."""
        try:
            values = tuple((from_tree(symbol), from_tree(value)) for symbol, value in record["values"])
            network = network_from_tree(record["network"])
            return cls(network, str(record["observable"]), values, str(record["sampler"]))
        except (KeyError, TypeError, ValueError):
            given = "an experiment with parts missing"
            raise FormulaError(given, "what ImageTwin.record writes", "a certificate") from None

    def on(self, point: Point, images: tuple[Any, Any]) -> ImageExperiment:
        """The experiment with these two images, at a point of the parameters."""
        known = point | {symbol: value.subs(point, simultaneous=True) for symbol, value in self.values}
        pair = tuple(image.tolist() for image in images)
        return ImageExperiment(bound(self.network, known), pair, self.observable, self.sampler)
