"""From the recursion of a kernel of images to the plan of the compiled loop.

As in `lower_recursion`, each layer is read off its map: one that is linear in means of the fields is a filter, a window
or a Dense layer, its coefficients the variances; one that holds earlier values ends a residual branch; any other is an
activation. Nothing else than the printed recursion enters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy as sp

from symlimits.errors import DataError, NoRule, UnboundSymbol
from symlimits.language.pixels import ENDS, PAIRED, PixelMean, PixelProduct, lowest, needs_pairs, output_size
from symlimits.language.recursion import Earlier, Recursion
from symlimits.reading.gram import ADDED
from symlimits.reading.gram_input import Floats
from symlimits.reading.gram_sampled import SampledStage
from symlimits.reading.gram_source import Stage
from symlimits.reading.image_sums import FILTER, SUM, WINDOW, Integers
from symlimits.reading.lower_recursion import pair_map, stage_of

ACTIVATION = -1
Map = tuple[sp.Expr, ...]


@dataclass(frozen=True)
class Linear:
    """A mean over pixels and the variances after it: K' = w m(K) + b, Theta' = t_T m(K) + t_1 + w m(Theta)."""

    kind: str  # of `PixelMean`
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    w: float
    b: float
    t_T: float
    t_1: float


@dataclass(frozen=True)
class Activate:
    """An activation: the number of its step."""

    stage: int


@dataclass(frozen=True)
class Add:
    """The end of a branch that began so many layers before."""

    back: int


Layers = tuple[Linear | Activate | Add, ...]


@dataclass(frozen=True)
class ImageProgram:
    """The layers of a kernel, the steps of its activations, and whether it reads pixels that do not belong together."""

    layers: Layers
    stages: tuple[Stage, ...]
    paired: bool

    @property
    def axes(self) -> int | None:
        """Of an image, as the filters have it; None where any number will do."""
        found = {len(layer.shape) for layer in self.layers if isinstance(layer, Linear) and layer.shape}
        return max(found, default=None)


@lru_cache(maxsize=64)
def image_program(recursion: Recursion) -> ImageProgram:
    """The plan of a recursion over pixel pairs; `UnboundSymbol` for a variance or a depth without a value."""
    unbound = sorted(symbol.name for symbol in recursion.free_symbols)
    if unbound:
        names = ", ".join(unbound)
        raise UnboundSymbol(f"{names} without a value", "a number for every symbol", f".bind({unbound[0]}=...)")
    states, inputs = recursion.states, _inputs(recursion)
    found: list[Linear | Activate | Add] = [_linear(inputs, states)] if inputs != states else []
    stages: list[Stage] = []
    for layer in recursion.repeated():
        back = max((head.back for head in sp.Tuple(*layer).atoms(Earlier)), default=0)
        if back:
            found.append(Add(back))
        elif _is_linear(layer, states):
            found.append(_linear(layer, states))
        else:
            stage = _stage(layer, states)
            stages += [stage] * (stage not in stages)
            found.append(Activate(stages.index(stage)))
    return ImageProgram(tuple(found), tuple(stages), needs_pairs(recursion))


def _inputs(recursion: Recursion) -> Map:
    """The start values as a map of the input kernels."""
    pairs = [PixelProduct(0, 0), PixelProduct(1, 1), PixelProduct(0, 1)]
    known = dict(zip(pairs, recursion.states, strict=False))
    maps = tuple(value.xreplace(known) for value in recursion.start)
    return recursion.states if maps[:3] == recursion.states[:3] else maps


def _is_linear(layer: Map, states: tuple[sp.Symbol, ...]) -> bool:
    heads = {head: sp.Dummy() for head in layer[2].atoms(PixelMean)}
    return bool(heads) or (not layer[2].free_symbols & set(states[:2]) and layer[2].is_polynomial(*states))


def _linear(layer: Map, states: tuple[sp.Symbol, ...]) -> Linear:
    means = {head for line in layer[2:] for head in line.atoms(PixelMean)}
    K, Theta = sp.Dummy("K"), sp.Dummy("Theta")
    kinds = {mean.args[1:] for mean in means}
    if len(kinds) > 1:
        raise NoRule(f"several means in one layer: {layer[2]}", "one", "a layer for each")
    read = {mean: K if mean.field == states[2] else Theta for mean in means}
    read = read if means else dict(zip(states[2:], (K, Theta), strict=False))
    kernel, tangent = (sp.Poly(line.xreplace(read), K, Theta) for line in (layer[2], layer[-1]))
    w, b = kernel.coeff_monomial(K), kernel.coeff_monomial(1)
    mean = next(iter(means), None)
    kind, shape, strides = ("valid", (), ()) if mean is None else (mean.kind, mean.shape, mean.strides)
    return Linear(kind, shape, strides, *map(float, (w, b, tangent.coeff_monomial(K), tangent.coeff_monomial(1))))


def _stage(layer: Map, states: tuple[sp.Symbol, ...]) -> Stage:
    stage = stage_of(pair_map(layer, states), ADDED, 1, False)
    if isinstance(stage, SampledStage):
        given = f"a compiled kernel of images with {layer[2]}"
        raise NoRule(given, "an activation with a closed form", "`.reference(x, z)`, or an activation such as erf")
    return stage


@dataclass(frozen=True)
class Geometry:
    """What the loops read: see `image_loop.pass_through`; `sizes` are slots, most cells, most pixels, images a tile."""

    plan: Integers
    shapes: Integers
    numbers: Floats
    sizes: Integers
    pixels: int


TILE = 4  # images: their tables stay in the second cache


def geometry(program: ImageProgram, pixels: tuple[int, ...]) -> Geometry:
    """The plan for images of these pixels; `DataError` where a filter does not fit, or is left without an end."""
    grid: tuple[int, ...] = (1,) * (2 - len(pixels)) + pixels
    rows, shapes, numbers, most = [], [], [], grid[0] * grid[1]
    slots = _Slots(program.layers)
    for k, layer in enumerate(program.layers):
        after, values = grid, (1.0, 0.0, 0.0, 0.0)
        shape: tuple[int, ...] = (1, 1, 1, 1, 0, 0, 0)
        source, slot = slots.step(k)
        row = (ACTIVATION, 0, source, slot, 0, 0)
        if isinstance(layer, Activate):
            row = (ACTIVATION, layer.stage, source, slot, 0, 0)
        elif isinstance(layer, Add):
            trunk = k - layer.back
            row = (SUM, 0, source, slot, trunk, slots.of(trunk))
        else:
            after, shape = _shape(layer, grid)
            values = _numbers(layer, shape[0] * shape[1])
            row = (WINDOW if layer.kind in PAIRED else FILTER, 0, source, slot, 0, 0)
        rows.append(row)
        shapes.append((*grid, *after, *shape))
        numbers.append(values)
        most, grid = max(most, after[0] * after[1]), after
    if grid != (1, 1):
        raise DataError(f"{grid[0] * grid[1]} pixels at the end", "an end to the images", "sl.Flatten()")
    cells = most * most if program.paired else most
    sizes = np.array([slots.count, cells, most, TILE], dtype=np.int64)
    plan, lines = np.array(rows, dtype=np.int64), np.array(shapes, dtype=np.int64)
    return Geometry(plan, lines, np.array(numbers, dtype=np.float64), sizes, most)


def _numbers(layer: Linear, taps: int) -> tuple[float, float, float, float]:
    count = taps * taps if layer.kind in PAIRED else taps
    return layer.w / count, layer.b, layer.t_T / count, layer.t_1


def _shape(layer: Linear, grid: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Pixels after a layer, and its filter: what ends an image is one that covers it."""
    if layer.kind in ENDS:
        return (1, 1), (*grid, 1, 1, 0, 0, 0)
    one = (1,) * (2 - len(layer.shape))
    filter_, strides = (*one, *layer.shape), (*one, *layer.strides)
    kinds = ["valid"] * len(one) + [layer.kind] * len(layer.shape)
    after = tuple(map(output_size, kinds, grid, filter_, strides))
    if not layer.shape:
        after = grid
    low = tuple(map(lowest, kinds, filter_))
    return after, (*filter_, *strides, *low, int(layer.kind == "circular"))


class _Slots:
    """Where the fields before and after each layer lie: an activation works in place unless a branch begins before."""

    def __init__(self, layers: Layers) -> None:
        self.layers = layers
        self.last = {k - layer.back: k for k, layer in enumerate(layers) if isinstance(layer, Add)}  # levels kept
        self.places = {0: 0}
        self.count = 1

    def of(self, level: int) -> int:
        """The slot of the fields before layer `level`."""
        return self.places[level]

    def step(self, k: int) -> tuple[int, int]:
        """The slots before and after layer k."""
        source = self.places[k]
        kept = {self.places[level] for level, last in self.last.items() if level <= k <= last}
        in_place = not isinstance(self.layers[k], Linear) and source not in kept
        taken = kept | {source}
        slot = source if in_place else next(n for n in range(len(self.layers) + 2) if n not in taken)
        self.places[k + 1] = slot
        self.count = max(self.count, slot + 1)
        return source, slot
