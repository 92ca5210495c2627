"""The smallest images that a network takes, on which its certificates are made."""

from __future__ import annotations

from dataclasses import dataclass

from symlimits.errors import DataError, DomainError
from symlimits.language.pixels import ENDS, PixelMean, output_size
from symlimits.language.recursion import Recursion

CHANNELS = 2
LEAST, MOST = 2, 64  # pixels of an axis
DEFAULT_AXES = 2


@dataclass(frozen=True)
class Smallest:
    """The shape of an image with its channels; `axes` of the filters, None where any number will do."""

    shape: tuple[int, ...]
    axes: int | None


def least_image(recursion: Recursion) -> Smallest:
    """The smallest image of more than one pixel an axis, on which every filter and window fits."""
    means = [mean for line in _lines(recursion) for mean in _in_order(line)]
    axes = max((len(mean.shape) for mean in means), default=0)
    wanted = axes or DEFAULT_AXES
    sizes = tuple(_least(means, axis) for axis in range(axes)) or (LEAST,) * wanted
    return Smallest((*sizes, CHANNELS), axes or None)


def _lines(recursion: Recursion) -> list[object]:
    """The start value and the maps of K(x, z), in the order of the layers; a depth that is open counts once."""
    found = [recursion.start[2]]
    for layers, count in recursion.blocks:
        found += [layer[2] for layer in layers] * (int(count) if count.is_Integer else 1)
    return list(found)


def _in_order(line: object) -> list[PixelMean]:
    return [mean for mean in line.atoms(PixelMean) if mean.kind not in ENDS]  # type: ignore[attr-defined]


def _least(means: list[PixelMean], axis: int) -> int:
    for pixels in range(LEAST, MOST):
        left = pixels
        try:
            for mean in means:
                left = output_size(mean.kind, left, mean.shape[axis], mean.strides[axis])
        except DataError:
            continue
        return pixels
    raise DomainError(
        "filters and windows that fit no small image", f"fewer than {MOST} pixels an axis", "smaller ones"
    )
