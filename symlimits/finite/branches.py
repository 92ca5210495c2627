r"""Layers without weights of their own in a finite network: layer normalisation, concatenation, products of branches.

Each function returns what the layer puts out and its way back: a `Pull` takes the derivatives of the network's output
by the layer's output to the tangent kernel of the parameters inside and to the derivatives by the layer's input.
Arrays have the axes (network, unit, datum).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import prod

import numpy as np

from symlimits.errors import DomainError
from symlimits.finite.rows import Array
from symlimits.language.architecture import Concat, Dense, Layer, Repeat, branches_of

Pull = Callable[[Array], tuple[Array, Array]]
Branch = tuple[Array, Pull]


def standardized(h: Array) -> Branch:
    """Units with mean 0 and variance 1, datum by datum; back through both, as users of LayerNorm define it.

    >>> y, pull = standardized(np.array([[[1.0], [3.0]]]))
    >>> y.ravel()
    array([-1.,  1.])
    """
    if h.shape[-2] < 2:
        raise DomainError("a LayerNorm of one unit", "two units or more", "size=2")
    centred = h - h.mean(axis=-2, keepdims=True)
    deviation = np.sqrt((centred**2).mean(axis=-2, keepdims=True))
    if not deviation.all():
        wanted = "inputs that differ from zero, or a bias before the layer"
        raise DomainError("a LayerNorm of units that are all equal", wanted, "sl.Dense(2, 1) before sl.LayerNorm()")
    y = centred / deviation

    def pull(back: Array) -> tuple[Array, Array]:
        along = back.mean(axis=-2, keepdims=True) + y * (back * y).mean(axis=-2, keepdims=True)
        return np.zeros(()), (back - along) / deviation

    return y, pull


def concatenated(branches: Sequence[Branch]) -> Branch:
    """The units of all branches, side by side."""
    batch = max(len(h) for h, _ in branches)  # a branch that is the data itself has one network
    outputs = [np.broadcast_to(h, (batch, *h.shape[1:])) for h, _ in branches]
    ends = np.cumsum([h.shape[-2] for h in outputs])

    def pull(back: Array) -> tuple[Array, Array]:
        parts = np.split(back, ends[:-1], axis=-2)
        return _added(way(part) for (_, way), part in zip(branches, parts, strict=True))

    return np.concatenate(outputs, axis=-2), pull


def multiplied(branches: Sequence[Branch]) -> Branch:
    """The product of all branches, unit by unit."""
    outputs = [h for h, _ in branches]
    widths = sorted({h.shape[-2] for h in outputs})
    if len(widths) > 1:
        given = f"a Product of branches with {' and '.join(map(str, widths))} units"
        raise DomainError(given, "branches of equal width", "equal widths")

    def pull(back: Array) -> tuple[Array, Array]:
        others = (prod(outputs[:i] + outputs[i + 1 :], start=back) for i in range(len(outputs)))
        return _added(way(part) for (_, way), part in zip(branches, others, strict=True))

    return np.asarray(prod(outputs)), pull


def _added(parts: Iterable[tuple[Array, Array]]) -> tuple[Array, Array]:
    tangents, backs = zip(*parts, strict=True)
    return np.asarray(sum(tangents)), np.asarray(sum(backs))


def input_widths(layers: Iterable[Layer], features: int, outputs: Iterable[int]) -> list[int]:
    """How many inputs each Dense layer has, in order: units of the layer before, or of all branches of a Concat.

    >>> from symlimits.language.architecture import serial
    >>> net = serial(Dense(1), Concat((), (Dense(1),)), Dense(1))
    >>> input_widths(net.layers, 3, [8, 8, 1])
    [3, 8, 16]
    """
    found: list[int] = []
    _walked(layers, features, iter(outputs), found)
    return found


def _walked(layers: Iterable[Layer], width: int, outputs: Iterator[int], found: list[int]) -> int:
    """The number of units after some layers."""
    for layer in layers:
        if isinstance(layer, Dense):
            found.append(width)
            width = next(outputs)
        elif isinstance(layer, Repeat):
            width = _walked(layer.layers * int(layer.count), width, outputs, found)
        else:
            after = [_walked(branch, width, outputs, found) for branch in branches_of(layer)]
            width = sum(after) if isinstance(layer, Concat) else (after or [width])[-1]
    return width
