"""Derived exponents beside measured ones: slopes of finite networks that train with given gradients, cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symlimits.errors import DomainError
from symlimits.finite.exponents import exponent_fit
from symlimits.finite.statistics import seed as generator
from symlimits.finite.threads import one_thread
from symlimits.theory.scaling.cells import Cell
from symlimits.theory.scaling.claims import FrozenTwin
from symlimits.theory.scaling.fan import Fan

QUANTITIES = ("f_init", "f", "f_change", "delta_a", "delta_w", "kernel", "kernel_increment")
FEWEST = 3  # widths, and networks of a width


@dataclass(frozen=True)
class Measurement:
    """One exponent of one cell: as derived, and as the slope of logarithms with its standard error."""

    cell: str
    quantity: str
    derived: float
    measured: float
    standard_error: float

    @property
    def deviation(self) -> float:
        """Measured less derived."""
        return self.measured - self.derived


def measurements(
    fan: Fan, widths: Sequence[int], nets: int = 12, seed: int = 0, quantities: Sequence[str] = QUANTITIES
) -> tuple[Measurement, ...]:
    """The exponents of every cell at its witness: networks of each width, trained anew for each cell.

    Slopes of root mean squares over networks, which are what the text of a claim speaks of at large widths. Raises
    `DomainError` for fewer than three widths or networks.

    >>> from symlimits.theory.scaling import one_hidden_layer
    >>> found = measurements(one_hidden_layer(activation="erf"), (256, 512, 1024), nets=3, quantities=("delta_a",))
    >>> len(found), max(abs(m.deviation) for m in found) < 0.05
    (13, True)
    """
    if len(set(widths)) < FEWEST or nets < FEWEST:
        given = f"{len(set(widths))} widths of {nets} networks"
        raise DomainError(given, f"{FEWEST} or more of both", "widths=(256, 512, 1024), nets=12")
    with one_thread():
        return tuple(m for cell in fan.cells for m in _of_cell(fan, cell, widths, nets, seed, quantities))


def derived_exponents(fan: Fan, cell: Cell) -> dict[str, float]:
    """The exponents at the witness of a cell; the logit and its change have the largest one of their parts."""
    point = {symbol: cell.witness[symbol.name] for symbol in fan.symbols}
    found = {name: float(formula.subs(point)) for name, formula in cell.exponents.items()}
    change = max(found["f_a"], found["f_w"], found["f_aw"])
    trained = found["kernel_increment_trained"]  # networks are looked at where they were trained
    return found | {"f_change": change, "f": max(found["f_init"], change), "kernel_increment": trained}


def _of_cell(
    fan: Fan, cell: Cell, widths: Sequence[int], nets: int, seed: int, quantities: Sequence[str]
) -> list[Measurement]:
    point = {symbol: cell.witness[symbol.name] for symbol in fan.symbols}
    experiment = replace(FrozenTwin(fan.phi, fan.rates, "f").at(point), nets=nets)
    seen = [experiment.measure(width, generator(cell.name, width, 0, seed)) for width in widths]
    derived = derived_exponents(fan, cell)
    return [_measurement(cell.name, name, derived[name], widths, [s[name] for s in seen]) for name in quantities]


def _measurement(cell: str, name: str, derived: float, widths: Sequence[int], draws: Sequence[Any]) -> Measurement:
    squares = np.array(draws) ** 2  # (widths, nets)
    sizes = np.sqrt(squares.mean(axis=1))
    errors = squares.std(axis=1, ddof=1) / np.sqrt(squares.shape[1]) / (2 * sizes)
    fit = exponent_fit(widths, sizes, errors, correction=None)
    return Measurement(cell, name, derived, fit.exponent, fit.standard_error)
