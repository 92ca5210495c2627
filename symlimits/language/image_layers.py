"""Layers for images: frozen descriptions, as those of `architecture.py`, of filters, pools and what ends an image."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.names import shown
from symlimits.language.nonnegative import nonnegative

PADDINGS = ("same", "valid", "circular")


@dataclass(frozen=True)
class Conv:
    r"""A convolution with filters of `shape`, over images (n, H, W, C) or, with one number, sequences (n, W, C).

    $z(\alpha) = \sqrt{w_{var}/(|F| C)} \sum_\beta W_\beta\, h(s\alpha + \beta) + \sqrt{b_{var}}\, b$ with entries of W
    and b from N(0, 1), C channels before the layer, s the `strides` and $\beta$ over the $|F|$ pixels of the filter.
    `padding` is "same" (zeros around the image; the filter is centred on $s\alpha$, an even one on its lower middle),
    "circular" (the same, the image continued periodically) or "valid" (only where the filter fits, from $s\alpha$ on).
    The output has $\lceil n/s \rceil$ pixels along an axis of n, with "valid" $\lfloor (n - f)/s \rfloor + 1$. Two
    filters in a row are what they are with `act.linear` between them: a filter with factors.

    Raises `DomainError` for a shape or strides that are no positive integers, one or two of them, for another padding
    and a negative variance. Source: Novak et al. 2019, arXiv 1810.05148; Garriga-Alonso et al. 2019, arXiv 1808.05587.

    >>> Conv((3, 3), 2, 0)
    Conv(shape=(3, 3), w_var=2, b_var=0, strides=(1, 1), padding='same')
    """

    shape: tuple[int, ...]
    w_var: sp.Expr
    b_var: sp.Expr | None = None
    strides: int | tuple[int, ...] = 1
    padding: str = "same"

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _integers(self.shape, "shape", "sl.Conv((3, 3), 2, 0)"))
        object.__setattr__(self, "strides", _strides(self.strides, self.shape))
        object.__setattr__(self, "w_var", nonnegative(self.w_var, "w_var"))
        if self.b_var is not None:
            object.__setattr__(self, "b_var", nonnegative(self.b_var, "b_var"))
        if self.padding not in PADDINGS:
            raise DomainError(f"padding = {shown(self.padding)}", "'same', 'valid' or 'circular'", "padding='same'")

    @property
    def steps(self) -> tuple[int, ...]:
        """The strides, one for each axis."""
        return self.strides if isinstance(self.strides, tuple) else (self.strides,) * len(self.shape)

    @property
    def bias_variance(self) -> sp.Expr:
        """The bias variance as a number: zero when there is no bias."""
        return sp.Integer(0) if self.b_var is None else self.b_var


@dataclass(frozen=True)
class AvgPool:
    r"""The mean over windows of `shape`: $h'(\alpha) = \frac{1}{|F|}\sum_\beta h(s\alpha + \beta)$, where they fit.

    `strides` are those of the windows, by default their shape. An axis of n pixels keeps
    $\lfloor (n - f)/s \rfloor + 1$. Raises `DomainError` for what are no positive integers, one or two of them.

    >>> AvgPool((2, 2))
    AvgPool(shape=(2, 2), strides=(2, 2))
    """

    shape: tuple[int, ...]
    strides: int | tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _integers(self.shape, "shape", "sl.AvgPool((2, 2))"))
        strides = self.shape if self.strides is None else self.strides
        object.__setattr__(self, "strides", _strides(strides, self.shape))

    @property
    def steps(self) -> tuple[int, ...]:
        """The strides, one for each axis."""
        return self.strides if isinstance(self.strides, tuple) else self.shape


@dataclass(frozen=True)
class GlobalAvgPool:
    """The mean over all pixels: one number a channel is left of an image, for a `Dense` layer.

    >>> GlobalAvgPool()
    GlobalAvgPool()
    """


@dataclass(frozen=True)
class Flatten:
    """All pixels and channels in one row, for a `Dense` layer.

    >>> Flatten()
    Flatten()
    """


IMAGE_LAYERS = (Conv, AvgPool, GlobalAvgPool, Flatten)


def _integers(values: object, name: str, advice: str) -> tuple[int, ...]:
    found = (values,) if isinstance(values, int | sp.Integer) else values
    known = isinstance(found, tuple | list) and len(found) in (1, 2)
    if not known or not all(_is_positive_integer(value) for value in found):  # type: ignore[attr-defined]
        raise DomainError(f"{name} = {shown(values)}", "one or two positive integers, an axis each", advice)
    return tuple(map(int, found))  # type: ignore[call-overload]


def _is_positive_integer(value: object) -> bool:
    return isinstance(value, int | sp.Integer) and not isinstance(value, bool) and bool(value >= 1)


def _strides(values: object, shape: tuple[int, ...]) -> tuple[int, ...]:
    advice = f"strides={(1,) * len(shape)}"
    strides = _integers(values, "strides", advice)
    if isinstance(values, int | sp.Integer):
        strides *= len(shape)
    if len(strides) != len(shape):
        raise DomainError(f"{len(strides)} strides for a filter of {len(shape)} axes", "one for each axis", advice)
    return strides
