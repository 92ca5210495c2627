r"""The kernels of a network of images from its tensor program: a vector a pixel, a matrix for each pixel of a filter.

With $x(\alpha)$ what an image has become at pixel $\alpha$, one entry a channel,
$$h(\alpha) = \sqrt{w_{var}/|F|}\;\sum_\beta W_\beta\,x(s\alpha + \beta) + \sqrt{b_{var}}\,b$$
with $W_\beta$ shared by all pixels and both images; a Dense layer that ends the image is such a filter over all pixels.
The kernels are sums over parameters of products of the derivatives of both outputs, as in `kernel_program.py`: nothing
is said of fields over pairs of pixels, nor of an induction over layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product, repeat
from typing import Any

import sympy as sp

from symlimits.errors import NoRule
from symlimits.language.activation import Activation
from symlimits.language.architecture import Dense, Residual, Serial
from symlimits.language.image_layers import AvgPool, Conv, Flatten, GlobalAvgPool
from symlimits.language.pixels import lowest, output_size
from symlimits.language.program_handles import Matrix, Scalar, Vector
from symlimits.theory.programs.kernel_program import gradients, parameter_overlap
from symlimits.theory.programs.tensor_program import TensorProgram

Pixel = tuple[int, ...]
Grid = dict[Pixel, Any]  # at each pixel the numbers of the image's channels; after the first weights a vector
CENTRE: Pixel = ()


@dataclass
class _Network:
    """The program as it grows: its parameters, each with what its learning rate is times."""

    tp: TensorProgram = field(default_factory=TensorProgram)
    parameters: list[tuple[Matrix | Vector, sp.Expr]] = field(default_factory=list)

    def matrix(self, rate: sp.Expr) -> Matrix:
        handle = self.tp.matrix(f"W{len(self.parameters)}")
        self.parameters.append((handle, rate))
        return handle

    def vector(self, rate: sp.Expr) -> Vector:
        handle = self.tp.gaussian(f"g{len(self.parameters)}")
        self.parameters.append((handle, rate))
        return handle


def image_kernel_program(net: Serial, tangent: bool, images: Sequence[Any]) -> Scalar:
    """A scalar whose limit is the kernel of a network between two images, arrays (H, W, C) or (W, C) of exact numbers.

    Raises `NoRule` for a network whose only weights are those of its readout.
    """
    made = _Network()
    *body, last = net.flat()
    assert isinstance(last, Dense)
    grids = _sent(made, body, [_grid(image) for image in images])
    if not made.parameters:
        raise NoRule("a network without hidden layers", "a filter or a Dense layer before the readout", "sl.Conv")
    readouts = {pixel: made.vector(last.w_rate) for pixel in grids[0]}
    scale = sp.sqrt(last.w_var / len(readouts))
    outputs = [scale * _total(made.tp.mean(readouts[pixel] * grid[pixel]) for pixel in readouts) for grid in grids]
    counted = made.parameters if tangent else [(handle, sp.S.One) for handle in readouts.values()]
    handles, rates = zip(*counted, strict=True)
    first, second = (gradients(made.tp, f, handles) for f in outputs)
    parts = map(parameter_overlap, repeat(made.tp), handles, first, second)
    found = _total(rate * part for rate, part in zip(rates, parts, strict=True))
    found += last.bias_variance * (last.b_rate if tangent else 1)
    assert isinstance(found, Scalar)
    return found


def _sent(made: _Network, layers: Sequence[Any], grids: list[Grid]) -> list[Grid]:
    """Both images after some layers."""
    for layer in layers:
        match layer:
            case Conv():
                grids = _weighted(made, layer, grids, _places(layer, layer.padding, grids[0]), sp.S.One, sp.S.One)
            case Dense():
                every = {CENTRE: dict(zip(grids[0], grids[0], strict=True))}
                grids = _weighted(made, layer, grids, every, layer.w_rate, layer.b_rate)
            case AvgPool():
                grids = [_averaged(grid, _places(layer, "window", grid)) for grid in grids]
            case GlobalAvgPool():
                grids = [_averaged(grid, {CENTRE: dict(zip(grid, grid, strict=True))}) for grid in grids]
            case Activation():
                grids = [{pixel: made.tp.map(layer, value) for pixel, value in grid.items()} for grid in grids]
            case Residual():
                ends = _sent(made, layer.layers, grids)
                grids = [{a: grid[a] + end[a] for a in grid} for grid, end in zip(grids, ends, strict=True)]
            case Flatten():  # a Dense layer, or the readout, has weights for each pixel
                continue
            case _:
                raise NoRule(f"{type(layer).__name__} in a program of images", "layers of images", "sl.Conv")
    return grids


def _places(layer: Conv | AvgPool, kind: str, grid: Grid) -> dict[Pixel, dict[Pixel, Pixel]]:
    """For each pixel after a filter or window, which pixel before it lies at which of its own."""
    sizes = tuple(max(pixel[axis] for pixel in grid) + 1 for axis in range(len(layer.shape)))
    axes = list(zip(sizes, layer.shape, layer.steps, strict=True))
    after = product(*(range(output_size(kind, *axis)) for axis in axes))
    taps = list(product(*(range(-lowest(kind, size), size - lowest(kind, size)) for size in layer.shape)))
    found: dict[Pixel, dict[Pixel, Pixel]] = {}
    for alpha in after:
        under = {b: tuple(s * a + t for s, a, t in zip(layer.steps, alpha, b, strict=True)) for b in taps}
        if kind == "circular":
            under = {b: tuple(i % n for i, n in zip(at, sizes, strict=True)) for b, at in under.items()}
        found[alpha] = {b: at for b, at in under.items() if at in grid}
    return found


def _weighted(
    made: _Network,
    layer: Conv | Dense,
    grids: list[Grid],
    places: Mapping[Pixel, Mapping[Pixel, Pixel]],
    w_rate: sp.Expr,
    b_rate: sp.Expr,
) -> list[Grid]:
    """Weights for each pixel of a filter, and a bias, the same at all places and for both images."""
    taps = list(dict.fromkeys(tap for under in places.values() for tap in under))
    size = sp.prod(layer.shape) if isinstance(layer, Conv) else len(taps)
    some = next(iter(grids[0].values()))
    weights = {tap: _weights(made, some, w_rate) for tap in taps}
    bias = [sp.sqrt(layer.bias_variance) * made.vector(b_rate)] if layer.bias_variance != 0 else []
    scale = sp.sqrt(layer.w_var / size)
    return [
        {
            alpha: _total([*(scale * _product(weights[tap], grid[at]) for tap, at in under.items()), *bias])
            for alpha, under in places.items()
        }
        for grid in grids
    ]


def _weights(made: _Network, features: Any, rate: sp.Expr) -> Any:
    return made.matrix(rate) if isinstance(features, Vector) else [made.vector(rate) for _ in features]


def _product(weights: Any, features: Any) -> Vector:
    if isinstance(features, Vector):
        found: Vector = weights @ features
        return found
    parts = (value / sp.sqrt(len(features)) * column for column, value in zip(weights, features, strict=True))
    total: Vector = _total(parts)
    return total


def _averaged(grid: Grid, places: Mapping[Pixel, Mapping[Pixel, Pixel]]) -> Grid:
    def mean(values: list[Any]) -> Any:
        if isinstance(values[0], Vector):
            return sp.Rational(1, len(values)) * _total(values)
        return tuple(sum(channel) / sp.Integer(len(values)) for channel in zip(*values, strict=True))

    return {alpha: mean([grid[at] for at in under.values()]) for alpha, under in places.items()}


def _grid(image: Any) -> Grid:
    """An array of numbers, its channels last, each as the decimal that it is."""
    pixels = product(*map(range, image.shape[:-1]))
    return {pixel: tuple(sp.nsimplify(value, rational=True) for value in image[pixel]) for pixel in pixels}


def _total(values: Any) -> Any:
    first, *rest = list(values)
    for value in rest:
        first = first + value
    return first
