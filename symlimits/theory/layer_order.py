r"""Which layers may follow which, so that the recursions of kernels hold.

An activation is met by Gaussian values only: its kernel map is an expectation over a Gaussian pair. A `LayerNorm` is
met by centred ones, a sum by branches of its own width. The rest is refused here, in words that say what to insert.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NoReturn

from symlimits.errors import NoRule
from symlimits.language.activation import Activation
from symlimits.language.architecture import Concat, Dense, Layer, LayerNorm, Product, Repeat, Residual
from symlimits.language.names import shown

BETWEEN = "a Dense layer between them: an activation is met by Gaussian values only"
PASSES = 2  # through a Repeat: what the second one meets, all others meet


@dataclass(frozen=True)
class Met:
    """What is known of the units that a layer meets: their law in the limit, and the layer that they come from."""

    gaussian: bool = False
    centred: bool = False
    source: Layer | None = None


def check_order(layers: tuple[Layer, ...]) -> None:
    """Raise `NoRule` for a layer that meets what its limit does not hold for."""
    passed(layers, Met())


def passed(layers: Iterable[Layer], met: Met) -> Met:
    """What a layer after these meets."""
    for layer in layers:
        if isinstance(layer, Repeat):
            for _ in range(PASSES if layer.count != 1 else 1):
                met = passed(layer.layers, met)
        else:
            met = _after(layer, met)
    return met


def _after(layer: Layer, met: Met) -> Met:
    match layer:
        case Dense():
            if isinstance(met.source, Dense):
                raise two_dense()
            return Met(True, True, layer)
        case Activation():
            if not met.gaussian:
                _refuse_activation(layer, met)
            return Met(False, False, layer)
        case LayerNorm():
            if not met.centred:
                wanted = "LayerNorm of centred units, those of a Dense layer"
                raise NoRule(f"a LayerNorm after {_named(met.source)}", wanted, "sl.LayerNorm() before the activation")
            return replace(met, source=layer)
        case Residual():
            passed(layer.layers, _inside(met))
            return replace(met, source=layer)
        case Concat() | Product():
            after = [passed(branch, _inside(met)) for branch in layer.branches]
            centred = (all if isinstance(layer, Concat) else any)(branch.centred for branch in after)
            return Met(False, centred, layer)
    return Met(True, True, layer)


def two_dense() -> NoRule:
    """The refusal of two Dense layers in a row."""
    wanted = "an activation between them (of two linear layers in a row one is idle)"
    return NoRule("two Dense layers in a row", wanted, "act.linear between them for a linear network")


def _inside(met: Met) -> Met:
    """What the first layer of a branch meets: a Dense layer there may follow one of the trunk."""
    return replace(met, source=None) if isinstance(met.source, Dense) else met


def _refuse_activation(layer: Activation, met: Met) -> NoReturn:
    what = _named(layer)
    match met.source:
        case Activation():
            advice = "sl.Dense(1) between them, or one activation that is both, composed"
            raise NoRule(f"two activations in a row, {_named(met.source)} and {what}", BETWEEN, advice)
        case Concat():
            raise NoRule(f"{what} after a Concat", BETWEEN, f"{what} at the end of every branch: it is the same")
        case Product():
            raise NoRule(f"{what} after a Product, whose units are not Gaussian", BETWEEN, "sl.Dense(1) between them")
        case None:
            raise NoRule(f"{what} applied to the data", "a Dense layer before it", "sl.Dense(1)")
    raise NoRule(f"{what} after what is not Gaussian, {_named(met.source)}", BETWEEN, "sl.Dense(1) before it")


def _named(layer: Layer | None) -> str:
    if layer is None:
        return "the data"
    return str(layer.expr) if isinstance(layer, Activation) else shown(layer)
