r"""Exponents as claims about networks: derived by the calculus, tested by training with given gradients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import Any

import sympy as sp

from symlimits.errors import DomainError, FormulaError, NoRule
from symlimits.finite.frozen_training import KINK_MOVE, MOVE, POINTS, QUANTITIES, UNSEEN, FrozenTraining
from symlimits.finite.one_hidden import WidthPowers
from symlimits.language.activation import Activation
from symlimits.language.domain import Domain, Point
from symlimits.language.names import shown
from symlimits.language.tree import from_tree, to_tree
from symlimits.limits import Limit
from symlimits.theory.programs.exponent_link import ExponentProgram
from symlimits.theory.scaling.cells import Cell
from symlimits.theory.scaling.fan import Fan, one_hidden_layer
from symlimits.theory.scaling.initialisation_corrected import InitialisationCorrected
from symlimits.theory.scaling.one_hidden import q, q_a, q_sigma, q_w
from symlimits.theory.scaling.problem import Functions

# Of the kernel's increment, by its place: networks are looked at where they were trained, unless they say "unseen"
MEASURED = {"kernel_increment_trained": "kernel_increment", "kernel_increment": UNSEEN}
ONE = 1  # datum, where all that crosses a kink adds up: of several, each sees what its own gradient moves only
PARTS = ("kernel_a", "kernel_w")  # of the kernel, without networks of their own
RATES = {"shared": (q, q), "separate": (q_a, q_w)}
q_start = sp.Symbol("q_start", real=True)  # of the factor of the logit that is there at the start, where it has its own
CORRECTED = "initialisation-corrected mean field"


@dataclass(frozen=True)
class FrozenTwin:
    """The networks that an exponent speaks of, for every point of the plane of hyperparameters.

    If `corrected`, the logit that is there at the start has a factor of its own, with the exponent `q_start`.
    """

    phi: Activation
    rates: str
    quantity: str
    move: float = MOVE
    points: int = POINTS
    corrected: bool = False

    def at(self, point: Point) -> FrozenTraining:
        """The experiment at a point."""
        functions = Functions.of(self.phi)
        place = (q_sigma, *RATES[self.rates], *([q_start] if self.corrected else []))
        powers = WidthPowers(*(float(point[symbol]) for symbol in place))
        return FrozenTraining(functions.phi, functions.slope, powers, self.quantity, move=self.move, points=self.points)

    def record(self) -> dict[str, Any]:
        """The networks as JSON, for a certificate; `from_record` reads it."""
        named = {"rates": self.rates, "quantity": self.quantity, "move": self.move, "points": self.points}
        said = {"corrected": True} if self.corrected else {}
        return {"kind": "frozen training", "activation": to_tree(self.phi.expr), **named, **said}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> FrozenTwin:
        """The twin of a record; `FormulaError` for what is none."""
        try:
            phi, rates, quantity = from_tree(record["activation"]), str(record["rates"]), str(record["quantity"])
            move, points = float(record.get("move", MOVE)), int(record.get("points", POINTS))
            corrected = record.get("corrected", False) is True
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise _foreign(f"networks without {error}") from None
        if not isinstance(phi, sp.Expr) or rates not in RATES or quantity not in (*QUANTITIES, UNSEEN):
            raise _foreign(f"networks of {shown(phi)}, {shown(rates)} rates, {shown(quantity)}")
        if not (0 < move < inf and 0 < points <= POINTS):
            raise _foreign(f"networks with rates of {move} and {points} data")
        return cls(Activation(phi), rates, quantity, move, points, corrected)


def _foreign(given: str) -> FormulaError:
    return FormulaError(given, "a record of networks", "a certificate of this version")


def exponent_limit(fan: Fan, cell: str, quantity: str) -> Limit:
    r"""The exponent of a quantity in a cell, as a claim about networks at the cell's witness.

    The lines are those of `fan.derivation(quantity, cell)`, the experiment is training with gradients that are the
    same at every width: `certify(sizes=...)` measures the slope of the logarithm. `quantity` is a key of
    `cell.exponents` except kernel_a and kernel_w; kernel_increment is measured at inputs that were not trained on,
    kernel_increment_trained at those that were. Raises `DomainError` for another name, and `NoRule` for the latter
    where slopes jump without changing their size: on one datum, where crossings are seen, such kernels have none.

    >>> from symlimits.theory.scaling import one_hidden_layer
    >>> claim = exponent_limit(one_hidden_layer(activation="erf"), "MF", "f_aw")
    >>> claim, claim.kind
    (Limit(e_{f_{aw}} = 3*q + 4*q_sigma + 1, 2 lines), 'exponent')
    """
    if quantity in PARTS:
        raise DomainError(f"quantity = {shown(quantity)}", "a quantity that has networks", "'kernel'")
    if quantity == "kernel_increment_trained" and fan.net.traits.jumps and not fan.net.traits.lopsided:
        given = f"networks for {quantity} with {fan.phi.expr}, whose slopes differ in sign only"
        raise NoRule(given, "kernel_increment, at inputs that were not trained on", "'kernel_increment'")
    found = fan.derivation(quantity, cell)
    where = fan[cell].witness
    place = {symbol: sp.sympify(where[symbol.name]) for symbol in found.arguments}
    note = ", ".join(f"{symbol} = {value}" for symbol, value in place.items())
    twin = FrozenTwin(fan.phi, fan.rates, MEASURED.get(quantity, quantity))
    if quantity in MEASURED and _crosses_kinks(fan, cell, quantity):
        points = ONE if quantity == "kernel_increment_trained" else POINTS
        twin = replace(twin, move=KINK_MOVE, points=points)
    return replace(found, domain=Domain({}, place, note), experiment=twin, general=_program(fan, cell, quantity))


def corrected_limit(model: InitialisationCorrected, quantity: str) -> Limit:
    r"""The exponent of a quantity of the initialisation-corrected mean field, as a claim about its own networks.

    The logit at the start is that of the NTK, whose $q_\sigma$ is `q_start` here; what moves is the mean field's, since
    gradients are given and do not see the start: the engine's way to an exponent is that of the NTK, or the mean field.
    Quantities and errors are those of `exponent_limit`.

    >>> from symlimits.theory.scaling.initialisation_corrected import initialisation_corrected
    >>> claim = corrected_limit(initialisation_corrected("erf"), "f_init")
    >>> claim, claim.domain.note
    (Limit(e_{f^{(0)}} = q_start + 1/2, 1 line), 'q_sigma = -1, q = 1, q_start = -1/2')
    """
    start, moving = exponent_limit(model.fan, "NTK", "f_init"), exponent_limit(model.fan, "MF", quantity)
    place = {**moving.domain.dependent, q_start: start.domain.dependent[q_sigma]}
    note = ", ".join(f"{symbol} = {value}" for symbol, value in place.items())
    found = start._bound({q_sigma: q_start}) if quantity == "f_init" else moving
    twin = replace(moving.experiment, corrected=True)
    return replace(
        found, domain=Domain({}, place, note), arguments=tuple(place), experiment=twin,
        regime=f"{CORRECTED}, {found.regime}",
    )  # fmt: skip


def _program(fan: Fan, cell: str, quantity: str) -> ExponentProgram:
    """The engine's own way to the exponent, at the cell's witness."""
    where, step = fan[cell].witness, max(fan[cell].settling, 1)
    first, second = (where[symbol.name] for symbol in RATES[fan.rates])
    name = "kernel_increment" if quantity in MEASURED else quantity
    return ExponentProgram(fan.phi, name, (where["q_sigma"], first, second), step, quantity == "kernel_increment")


def _crosses_kinks(fan: Fan, cell: str, quantity: str) -> bool:
    """Whether the kernel changes as neurons cross a kink: for smooth activations it changes less."""
    where = fan[cell].witness
    smooth = one_hidden_layer(fan.rates).at(**where)
    if not isinstance(smooth, Cell):
        return False  # where weights outgrow their start all neurons cross
    point = {symbol: where[symbol.name] for symbol in fan.symbols}
    ours, theirs = (part.exponents[quantity].subs(point) for part in (fan[cell], smooth))
    return bool(ours > theirs)
