"""The random network of images: patches are gathered, and a filter is a Dense layer on them, one for all pixels.

As in `network`, nothing here knows a limit. Images have the axes (network, channel, datum, *pixels). Filters
share their weights: the tangent kernel of a filter is that of the Dense layer on patches, summed over the pixels of
either image.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, DomainError, ResourceError
from symlimits.finite.network import BATCH_ENTRIES, LARGEST_NETWORK, Draw, Realization, Shape, realize, realized
from symlimits.finite.rows import Array
from symlimits.language.architecture import Dense, Layer, Residual, Serial
from symlimits.language.image_layers import AvgPool, Conv, Flatten, GlobalAvgPool
from symlimits.language.pixels import lowest, output_size

Places = npt.NDArray[np.int64]


@realize.register(Conv)
def _conv(layer: Conv, h: Array, draw: Draw) -> Realization:
    grid, (places, after) = h.shape[3:], _places(layer, h.shape[3:])
    patches = _gathered(h, places)  # (network, channel, tap, datum, pixel)
    m, pixels = patches.shape[-2:]
    dense = realize(Dense(layer.w_var, layer.b_var), patches.reshape(len(h), -1, m * pixels), draw)
    output = dense.output.reshape(*dense.output.shape[:2], m, *after)

    def pull(back: Array) -> tuple[Array, Array]:
        tangent, through = dense.pull(back.reshape(*back.shape[:2], m * pixels))
        tangent = tangent.reshape(-1, m, pixels, m, pixels).sum(axis=(2, 4))
        return tangent, _scattered(through.reshape(len(through), *patches.shape[1:]), places, grid)

    return Realization(output, pull)


@realize.register(AvgPool)
def _average(layer: AvgPool, h: Array, draw: Draw) -> Realization:
    grid, (places, after) = h.shape[3:], _places(layer, h.shape[3:])
    patches = _gathered(h, places)
    output = patches.mean(axis=2).reshape(*h.shape[:3], *after)

    def pull(back: Array) -> tuple[Array, Array]:
        spread = back.reshape(*back.shape[:2], 1, back.shape[2], -1) / places.shape[1]
        wide = np.broadcast_to(spread, (*spread.shape[:2], places.shape[1], *spread.shape[3:]))
        return np.zeros(()), _scattered(wide, places, grid)

    return Realization(output, pull)


@realize.register(GlobalAvgPool)
def _global(layer: GlobalAvgPool, h: Array, draw: Draw) -> Realization:
    grid, pixels = h.shape[3:], int(np.prod(h.shape[3:]))
    output = h.reshape(*h.shape[:3], -1).mean(axis=-1)

    def pull(back: Array) -> tuple[Array, Array]:
        spread = np.broadcast_to(back[..., None] / pixels, (*back.shape, pixels))
        return np.zeros(()), spread.reshape(*back.shape, *grid)

    return Realization(output, pull)


@realize.register(Flatten)
def _flatten(layer: Flatten, h: Array, draw: Draw) -> Realization:
    rows = np.moveaxis(h.reshape(*h.shape[:3], -1), -1, 2)  # (network, channel, pixel, datum)

    def pull(back: Array) -> tuple[Array, Array]:
        image = np.moveaxis(back.reshape(len(back), *rows.shape[1:]), 2, -1)
        return np.zeros(()), image.reshape(len(back), *h.shape[1:])

    return Realization(rows.reshape(len(h), -1, h.shape[2]), pull)


def _places(layer: Conv | AvgPool, grid: tuple[int, ...]) -> tuple[Places, tuple[int, ...]]:
    """For each pixel after the layer those under its filter, by number, -1 for none; and the new grid."""
    kind = layer.padding if isinstance(layer, Conv) else "window"
    after = tuple(map(output_size, [kind] * len(grid), grid, layer.shape, layer.steps))
    axes = [
        np.add.outer(stride * np.arange(m), np.arange(f) - lowest(kind, f))
        for m, f, stride in zip(after, layer.shape, layer.steps, strict=True)
    ]
    if kind == "circular":
        axes = [axis % n for axis, n in zip(axes, grid, strict=True)]
    rows = []
    for pixel in product(*map(range, after)):
        taps = product(*(axis[i] for axis, i in zip(axes, pixel, strict=True)))
        rows.append([_number(tap, grid) for tap in taps])
    return np.array(rows, dtype=np.int64), after


def _number(tap: tuple[int, ...], grid: tuple[int, ...]) -> int:
    inside = all(0 <= i < n for i, n in zip(tap, grid, strict=True))
    return int(np.ravel_multi_index(tap, grid)) if inside else -1


def _gathered(h: Array, places: Places) -> Array:
    """(network, channel, tap, datum, pixel), zeros where there is no pixel."""
    flat = h.reshape(*h.shape[:3], -1)
    padded = np.concatenate([flat, np.zeros((*flat.shape[:3], 1))], axis=-1)
    return np.moveaxis(padded[..., places], -1, 2)


def _scattered(patches: Array, places: Places, grid: tuple[int, ...]) -> Array:
    """What `_gathered` took, given back and added up."""
    pixels = int(np.prod(grid))
    total = np.zeros((*patches.shape[:2], patches.shape[3], pixels + 1))
    for tap in range(places.shape[1]):
        total[..., places[:, tap]] += patches[:, :, tap]  # no pixel twice but the one that is thrown away
    return total[..., :pixels].reshape(*total.shape[:3], *grid)


def image_shapes(network: Serial, image: tuple[int, ...], size: int) -> tuple[Shape, ...]:
    """The shape of each layer with weights, for images (*pixels, channels): `size` channels or units, one output.

    Raises `DomainError` for a size that is no positive integer.
    """
    if not (isinstance(size, int | np.integer) and size >= 1):
        raise DomainError(f"size = {size!r}", "a positive integer", "size=128")
    units = _Units(image[-1], image[:-1], int(size))
    found = list(units.walk(tuple(network.flat())))
    return (*found[:-1], Shape(1, found[-1].inputs, found[-1].scale))


class _Units:
    """Channels and pixels as a walk through the layers meets them."""

    def __init__(self, channels: int, grid: tuple[int, ...], size: int) -> None:
        self.channels, self.grid, self.size = channels, grid, size

    def walk(self, layers: tuple[Layer, ...]) -> list[Shape]:
        found: list[Shape] = []
        for layer in layers:
            match layer:
                case Residual(layers=inner):
                    found += self.walk(inner)
                case Conv(shape=shape):
                    found.append(self._weights(self.channels * int(np.prod(shape))))
                    self.grid = _places(layer, self.grid)[1]
                case Dense():
                    found.append(self._weights(self.channels))
                case AvgPool():
                    self.grid = _places(layer, self.grid)[1]
                case GlobalAvgPool():
                    self.grid = ()
                case Flatten():
                    self.channels, self.grid = self.channels * int(np.prod(self.grid)), ()
        return found

    def _weights(self, inputs: int) -> Shape:
        self.channels = self.size
        return Shape(self.size, inputs, 1)


def sample_images(
    network: Serial,
    X: npt.ArrayLike,
    size: int,
    count: int,
    rng: np.random.Generator,
    observables: tuple[str, ...],
    sampler: str = "naive",
) -> tuple[Array, ...]:
    """`count` networks with `size` channels on images (m, *pixels, channels): for each observable (count, m, m).

    Arguments and errors as for `network.sample`.
    """
    data = checked_images(X)
    plan = image_shapes(network, data.shape[1:], size)
    inputs = np.moveaxis(data, -1, 0)[None]  # (1, channel, datum, *pixels)
    batch = image_batch(network, plan, data.shape)
    return realized(network, inputs, plan, size, (count, batch), rng, observables, sampler)


def image_batch(network: Serial, plan: tuple[Shape, ...], data: tuple[int, ...]) -> int:
    """How many networks are drawn at once, by the largest of their arrays."""
    columns = int(np.prod(data[:-1]))
    entries = sum(max(s.outputs * s.inputs, (s.outputs + s.inputs) * columns) for s in plan)
    if entries > LARGEST_NETWORK:
        given = f"a network of {entries:.1e} random numbers"
        raise ResourceError(given, f"at most {LARGEST_NETWORK:.1e}", "a smaller size, or smaller images")
    return max(1, BATCH_ENTRIES // entries)


def checked_images(X: npt.ArrayLike) -> Array:
    """Images as a float64 array (m, *pixels, channels); `DataError` for anything else."""
    data = np.asarray(X, dtype=np.float64)
    if data.ndim not in (3, 4) or 0 in data.shape or not np.isfinite(data).all():
        given = f"images of shape {data.shape}"
        raise DataError(given, "finite numbers of shape (points, H, W, C) or (points, W, C)", "X[..., None]")
    return data
