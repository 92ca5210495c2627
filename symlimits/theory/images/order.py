"""The order of layers in a network of images: what is refused, and what to insert."""

from __future__ import annotations

from dataclasses import dataclass

from symlimits.errors import DomainError, NoRule
from symlimits.language.activation import Activation
from symlimits.language.architecture import Concat, Dense, Layer, LayerNorm, Product, Repeat, Residual, Serial
from symlimits.language.image_layers import AvgPool, Conv, Flatten, GlobalAvgPool
from symlimits.language.names import shown
from symlimits.theory.layer_order import PASSES, two_dense

END = "sl.Flatten() or sl.GlobalAvgPool() before it"


@dataclass
class _Place:
    """Where a walk through the layers has come to."""

    image: bool = True  # whether there are pixels
    gaussian: bool = False  # whether values are Gaussian in the limit, as an activation needs them
    axes: int | None = None  # of the filters so far
    weights: bool = False  # whether a layer with weights was met
    last: Layer | None = None  # the layer before, in this branch


def check_order(net: Serial) -> int | None:
    """The axes of an image that the filters have, None where any number will do; refuses what is no such network."""
    if net.parameterization != "ntk":
        given = f"a network of images with parameterization = {net.parameterization!r}"
        raise DomainError(given, "the NTK parameterisation", "parameterization='ntk'")
    place = _Place()
    _walk(net.layers, place, inside="")
    if place.image:
        raise NoRule("a network of images without an end to the images", "one number a unit", f"{END[:-10]}")
    if not isinstance(net.layers[-1], Dense):
        given = f"a network of images that ends with {shown(net.layers[-1])}"
        raise NoRule(given, "a linear readout", "sl.Dense(1) at the end")
    return place.axes


def _walk(layers: tuple[Layer, ...], place: _Place, inside: str) -> None:
    for layer in layers:
        match layer:
            case Repeat(layers=inner, count=times):
                for _ in range(PASSES if times != 1 else 1):
                    _walk(inner, place, "a Repeat")
            case Residual(layers=inner):
                _residual(place)
                trunk, place.last = place.gaussian, None
                _walk(inner, place, "a Residual")
                place.gaussian = trunk
            case Activation():
                _activation(layer, place)
            case Dense():
                _dense(place)
            case LayerNorm() | Concat() | Product():
                given = f"a {type(layer).__name__} in a network of images"
                raise NoRule(given, "layers of images, dense ones, activations and residual blocks", "sl.Residual")
            case _:
                _of_image(layer, place, inside)
        place.last = layer


def _activation(layer: Activation, place: _Place) -> None:
    if not place.weights:
        raise NoRule("an activation of the images themselves", "weights before it", "sl.Conv((3, 3), 2, 0) first")
    if not place.gaussian:
        given = f"the activation {layer.expr} of another's output, with no weights between them"
        advice = "sl.Conv((3, 3), 2, 0) between them" if place.image else "sl.Dense(2, 0) between them"
        raise NoRule(given, "Gaussian values: a layer with weights before each activation", advice)
    if isinstance(place.last, Flatten):
        given = f"the activation {layer.expr} after Flatten, whose units have as many variances as there are pixels"
        raise NoRule(given, "units of one law", f"{layer.expr} before sl.Flatten(): it is the same")
    place.gaussian = False


def _residual(place: _Place) -> None:
    if not place.weights:
        wanted = "weights before it: its branch has as many channels as what it is added to"
        raise NoRule("a Residual of the images themselves", wanted, "sl.Conv((3, 3), 2, 0) first")
    if isinstance(place.last, Flatten):
        wanted = "a trunk as wide as its branch"
        raise NoRule("a Residual of flattened pixels", wanted, "sl.Dense(2, 0) between them")


def _dense(place: _Place) -> None:
    if place.image:
        wanted = "a row of numbers: pixels are flattened or averaged first (a filter of one pixel is Dense at each)"
        raise NoRule("a Dense layer on images", wanted, f"{END}, or sl.Conv((1, 1), 2, 0)")
    if isinstance(place.last, Dense):
        raise two_dense()
    place.gaussian = place.weights = True


def _of_image(layer: Layer, place: _Place, inside: str) -> None:
    if not place.image:
        given = f"{shown(layer)} where no image is left"
        raise NoRule(given, "an image, with one end to it", "leaving it out, or moving it before Flatten")
    if inside and _changes_size(layer):
        given = f"{shown(layer)} inside of {inside}"
        raise NoRule(given, "layers that keep the size of the image", "strides=1 and padding='same', or moving it out")
    if isinstance(layer, Conv | AvgPool):
        place.axes = place.axes or len(layer.shape)
        if len(layer.shape) != place.axes:
            given = f"{shown(layer)} after filters of {place.axes} axes"
            raise NoRule(given, "filters and windows of one number of axes", "(3, 3) for images, (3,) for sequences")
    if isinstance(layer, Conv):
        place.gaussian = place.weights = True
    place.image = not isinstance(layer, Flatten | GlobalAvgPool)


def _changes_size(layer: Layer) -> bool:
    match layer:
        case Conv(padding=padding):
            return padding == "valid" or set(layer.steps) != {1}
    return True
