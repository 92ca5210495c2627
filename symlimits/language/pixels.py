r"""The heads of image kernels: input kernels of two pixels, and means over pixels of what is a function of pixel pairs.

A kernel of images is a field: it has a value for each pixel $\alpha$ of one image and $\alpha'$ of the other. In a
recursion over such fields a state stands for its value at $(\alpha, \alpha')$, and what reads other pixels is a
`PixelMean`.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from symlimits.errors import DataError, DomainError
from symlimits.language.recursion import Recursion
from symlimits.language.tree import register

KINDS = ("same", "valid", "circular", "window", "flatten", "global")
ENDS = ("flatten", "global")  # no pixel is left after them
PAIRED = ("window", "global")  # which read pixels of the two images that do not belong together


@register
class PixelProduct(sp.Expr):
    r"""The input kernel $x(\alpha)\cdot z(\alpha')/C$ of two pixels with C channels; x is image 0 and z image 1.

    >>> PixelProduct(0, 1)
    x.z/C
    """

    is_commutative = True

    def __new__(cls, first: Any, second: Any) -> PixelProduct:
        return sp.Expr.__new__(cls, sp.sympify(first), sp.sympify(second))

    def _eval_is_real(self) -> bool:
        return True

    def _sympystr(self, printer: Any) -> str:
        return f"{'.'.join('xz'[int(i)] for i in self.args)}/C"


@register
class PixelMean(sp.Expr):
    r"""The mean of a field over pixel pairs: $\frac{1}{|F|}\sum_\beta k(s\alpha + \beta, s\alpha' + \beta)$ and others.

    `kind` says over which: "same", "valid" and "circular" over a filter at both pixels alike, with zeros outside of the
    image, inside of it, or periodic; "window" over windows at both pixels, $(s\alpha + \beta, s\alpha' + \beta')$;
    "flatten" over all equal pixels; "global" over all pairs.

    >>> k = sp.Symbol("k")
    >>> PixelMean(k, "same", (3, 3), (1, 1))
    mean[3 x 3, same](k)
    """

    is_commutative = True

    def __new__(cls, field: Any, kind: Any, shape: Any = (), strides: Any = ()) -> sp.Expr:
        if field == 0:
            return sp.S.Zero
        number = KINDS.index(kind) if isinstance(kind, str) and kind in KINDS else kind
        number, shape, strides = sp.sympify(number), sp.Tuple(*shape), sp.Tuple(*strides)
        sizes = all(isinstance(n, sp.Integer) and n >= 1 for n in (*shape, *strides)) and len(shape) == len(strides)
        if not isinstance(number, sp.Integer) or not 0 <= number < len(KINDS) or not sizes:
            given = f"a mean of kind {kind}, shape {shape}, strides {strides}"
            raise DomainError(given, f"one of {', '.join(KINDS)}, positive integers", "PixelMean(k, 'flatten')")
        return sp.Expr.__new__(cls, sp.sympify(field), number, shape, strides)

    @property
    def field(self) -> sp.Expr:
        """What the mean is of."""
        return self.args[0]

    @property
    def kind(self) -> str:
        """Over which pixel pairs it is."""
        return KINDS[int(self.args[1])]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the filter or window."""
        return tuple(map(int, self.args[2]))

    @property
    def strides(self) -> tuple[int, ...]:
        """Of the filter or window."""
        return tuple(map(int, self.args[3]))

    def _eval_is_real(self) -> bool:
        return True

    def _sympystr(self, printer: Any) -> str:
        words = [" x ".join(map(str, self.shape))] * bool(self.shape) + [self.kind]
        words += [f"strides {' x '.join(map(str, self.strides))}"] * any(s != 1 for s in self.strides)
        return f"mean[{', '.join(words)}]({printer.doprint(self.field)})"


def lowest(kind: str, size: int) -> int:
    """How many pixels of a filter of `size` lie below the pixel it belongs to."""
    return (size - 1) // 2 if kind in ("same", "circular") else 0


def output_size(kind: str, pixels: int, size: int, stride: int) -> int:
    """How many pixels are left of an axis of `pixels`; `DataError` where the filter does not fit.

    >>> output_size("same", 7, 3, 2), output_size("valid", 7, 3, 2)
    (4, 3)
    """
    if kind in ("same", "circular"):
        return -(-pixels // stride)
    if size > pixels:
        what = "window" if kind == "window" else "filter"
        advice = "a smaller window" if kind == "window" else "padding='same', or a smaller filter"
        raise DataError(f"an axis of {pixels} pixels under a {what} of {size}", f"{size} pixels or more", advice)
    return (pixels - size) // stride + 1


def is_of_images(expr: sp.Basic) -> bool:
    """Whether an expression is the kernel recursion of a network of images."""
    return isinstance(expr, Recursion) and expr.has(PixelProduct)


def needs_pairs(recursion: Recursion) -> bool:
    """Whether pixels of the two images are needed that do not belong together."""
    return any(mean.kind in PAIRED for mean in recursion.atoms(PixelMean))
