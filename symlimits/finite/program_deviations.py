"""How far a scalar of a tensor program is from a number, on finite networks: what a rate of convergence is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from symlimits.errors import FormulaError
from symlimits.finite.program_experiment import ProgramNetworks
from symlimits.finite.program_twin import Array


@dataclass(frozen=True)
class ProgramDeviations:
    """Draws of the distance of a program's scalar from `limit`, one a network.

    >>> from symlimits.language.tensor_program import Gaussian, Mean, Program
    >>> program = Program()
    >>> x = program.symbols[program.append(Gaussian("x", sp.Integer(1)))]
    >>> nets = ProgramNetworks.of(program, program.append(Mean(x**2)))
    >>> ProgramDeviations(nets, 1.0)(1000, np.random.default_rng(0)).mean().round(2)
    np.float64(0.03)
    """

    networks: ProgramNetworks
    limit: float

    def __call__(self, size: int, rng: np.random.Generator) -> Array:
        """A chunk of draws."""
        return np.abs(self.networks(size, rng) - self.limit)

    def bind(self, given: Mapping[sp.Symbol, sp.Expr]) -> ProgramDeviations:
        """The same networks with values for some parameters."""
        return replace(self, networks=self.networks.bind(given))

    at = bind

    def wanted(self, size: int) -> int:
        """How many networks of a size a certificate draws."""
        return self.networks.wanted(size)

    def draws(self, size: int, count: int, rng: np.random.Generator) -> Array:
        """`count` independent networks of width `size`: an array (count,)."""
        return np.abs(self.networks.draws(size, count, rng) - self.limit)

    def required_bytes(self, size: int) -> int:
        """Memory for a call, estimated."""
        return self.networks.required_bytes(size)

    def record(self) -> dict[str, Any]:
        """The networks and the number as JSON, for a certificate; `from_record` reads it."""
        return {"kind": "deviations of a tensor program", "networks": self.networks.record(), "limit": self.limit}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> ProgramDeviations:
        """The deviations of a record; `FormulaError` for what is none."""
        try:
            return cls(ProgramNetworks.from_record(record["networks"]), float(record["limit"]))
        except (KeyError, TypeError, ValueError):
            given = "deviations with parts missing"
            raise FormulaError(given, "what ProgramDeviations.record writes", "a certificate") from None
