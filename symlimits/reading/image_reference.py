"""The reference reading of a kernel of images: fields over pixel pairs as arrays of numbers, layer by layer.

The recursion's own maps, at any number of digits; it shares no code with the compiled loop. All three kernels, of
(x, x), (z, z) and (x, z), follow from the map of K(x, z).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from itertools import product
from operator import mul
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp
from mpmath import mp, mpf

from symlimits.errors import DomainError, UnboundSymbol
from symlimits.language.formula import exact
from symlimits.language.pixels import PixelMean, PixelProduct, lowest, needs_pairs, output_size
from symlimits.language.recursion import Recursion, recalled
from symlimits.reading.quadrature import GUARD
from symlimits.reading.reference import HEADS, reference

Field = npt.NDArray[Any]  # of mpmath numbers: (*pixels of one image,), or (*pixels of x, *pixels of z)


def image_reference(recursion: Recursion, x: Field, z: Field, digits: int = 30) -> mpf:
    """The kernel of two images (H, W, C), or (W, C), of exact numbers, every parameter bound."""
    unbound = sorted(symbol.name for symbol in recursion.free_symbols)
    if unbound:
        raise UnboundSymbol(f"{unbound[0]} without a value", "a number for every symbol", f"bind({unbound[0]}=...)")
    with mp.workdps(2 * (digits + GUARD)):  # twice: square roots meet zero at equal pixels
        value = _Reading(recursion, digits).value(x, z)
    with mp.workdps(digits):
        return +value


class _Reading:
    """A pass through the layers: for each of three pairs of images the fields K and, of (x, z), Theta."""

    def __init__(self, recursion: Recursion, digits: int) -> None:
        self.recursion, self.digits = recursion, digits
        self.paired = needs_pairs(recursion)
        self.maps: dict[sp.Expr, Any] = {}
        self.values: dict[Any, mpf] = {}

    def value(self, x: Field, z: Field) -> mpf:
        states = self.recursion.states
        axes = x.ndim - 1
        inputs = [_products(a, b, self.paired) for a, b in ((x, x), (z, z), (x, z))]
        fields = self._started(inputs, axes)
        past: list[dict[sp.Symbol, Field]] = []
        for layer in self.recursion.repeated():
            past.append(dict(zip(states, fields, strict=True)))
            fields = self._layer(layer, past, axes)
        found = fields[states.index(self.recursion.output)]
        return found if isinstance(found, mpf) else found.reshape(-1)[0]

    def _started(self, inputs: list[Field], axes: int) -> list[Field]:
        symbols = [sp.Dummy(real=True) for _ in inputs]
        pairs = [PixelProduct(0, 0), PixelProduct(1, 1), PixelProduct(0, 1)]
        known = dict(zip(symbols, inputs, strict=True))
        start = [value.xreplace(dict(zip(pairs, symbols, strict=True))) for value in self.recursion.start]
        fields = [self._linear(line, known, axes) for line in start]
        return [field if isinstance(field, np.ndarray) else 0 * fields[2] for field in fields]  # Theta before weights

    def _layer(self, layer: tuple[sp.Expr, ...], past: list[dict[sp.Symbol, Field]], axes: int) -> list[Field]:
        maps, earlier = recalled(layer, past)
        known = dict(past[-1]) | dict(earlier)
        first, second, mixed = self.recursion.states[:3]
        if maps[2].has(PixelMean) or earlier or not maps[2].free_symbols & {first, second}:
            return [self._linear(line, known, axes) for line in maps]
        pairs = {state: known[state] for state in (first, second, mixed)}
        own = [dict.fromkeys(pairs, known[one]) for one in (first, second)]
        found = [self._pointwise(maps[2], fields, axes) for fields in (*own, pairs)]
        return found + [self._pointwise(line, known, axes) for line in maps[3:]]

    def _linear(self, line: sp.Expr, known: Mapping[sp.Symbol, Field], axes: int) -> Field:
        """Sums, multiples and means of fields."""
        if isinstance(line, PixelMean):
            return _mean(line, self._linear(line.field, known, axes), axes, self.paired)
        if line.is_Add:
            return sum(self._linear(term, known, axes) for term in line.args)  # type: ignore[return-value]
        if line.is_Mul:
            return reduce(mul, [self._linear(factor, known, axes) for factor in line.args])
        return known[line] if line in known else _number(line)

    def _pointwise(self, line: sp.Expr, fields: Mapping[sp.Symbol, Field], axes: int) -> Field:
        """An activation: variances are the fields of (x, x) and (z, z) at one and the same pixel."""
        fields = {state: np.asarray(field, dtype=object) for state, field in fields.items()}
        first, second, *others = self.recursion.states[: len(fields)]
        mixed = fields[others[0]]
        found = np.empty(np.shape(mixed), dtype=object)
        for place in product(*map(range, np.shape(mixed))):
            here, there = (place, place) if not self.paired or not place else (place[:axes] * 2, place[axes:] * 2)
            law = {first: fields[first][here], second: fields[second][there]}
            law |= {other: fields[other][place] for other in others}
            found[place] = self._at(line, law)
        return found

    def _at(self, line: sp.Expr, law: dict[sp.Symbol, mpf]) -> mpf:
        """One value; of an expectation that is linear in Theta, Theta apart."""
        theta = self.recursion.states[3] if len(law) == 4 else None
        factor = law.pop(theta) if theta is not None else mpf(1)
        line = line if theta is None else line.subs(theta, 1)
        key = (line, *law.values())
        if key not in self.values:
            self.values[key] = self._closed(line, law) if not line.has(*HEADS) else self._sampled(line, law)
        return factor * self.values[key]

    def _closed(self, line: sp.Expr, law: dict[sp.Symbol, mpf]) -> mpf:
        if line not in self.maps:
            self.maps[line] = sp.lambdify(list(law), line, "mpmath")
        try:
            return mp.re(self.maps[line](*law.values()))  # roots of what rounding makes negative are imaginary
        except ZeroDivisionError:
            raise DomainError("a pixel of variance zero", "a variance above it in a closed form", "line 0") from None

    def _sampled(self, line: sp.Expr, law: dict[sp.Symbol, mpf]) -> mpf:
        numbers = {symbol: sp.Float(value, mp.dps) for symbol, value in law.items() if symbol in line.free_symbols}
        return reference(line, numbers, self.digits)


def _number(line: sp.Expr) -> mpf:
    return mp.mpmathify(line.evalf(mp.dps))


def exact_image(image: Any) -> Field:
    """An array of numbers, each as the mpmath number that it is exactly."""
    array = np.asarray(image, dtype=object)
    return np.vectorize(_pixel, otypes=[object])(array)


def _pixel(value: Any) -> mpf:
    return mpf(float(value)) if isinstance(value, float | np.floating) else _number(exact(value, "a pixel"))


def _products(x: Field, z: Field, paired: bool) -> Field:
    """x(alpha).z(alpha')/C, for all pairs of pixels or for equal ones."""
    channels = x.shape[-1]
    if paired:
        return np.tensordot(x, z, axes=([-1], [-1])) / channels
    return (x * z).sum(axis=-1) / channels


def _mean(mean: PixelMean, field: Field, axes: int, paired: bool) -> Any:
    """A mean as its definition has it, pixel pair by pixel pair."""
    pixels = field.shape[:axes]
    count = int(np.prod(pixels))
    if mean.kind == "global":
        return field.sum() / mpf(count) ** 2
    if mean.kind == "flatten":
        return sum(field[place * 2 if paired else place] for place in product(*map(range, pixels))) / mpf(count)
    out = tuple(map(output_size, [mean.kind] * axes, pixels, mean.shape, mean.strides))
    found = np.empty(out * 2 if paired else out, dtype=object)
    for place in product(*map(range, found.shape)):
        ends = (place[:axes], place[axes:]) if paired else (place,)
        found[place] = sum((field[taken] for taken in _taken(mean, ends, pixels)), mpf(0)) / _taps(mean)
    return found


def _taps(mean: PixelMean) -> mpf:
    count = mpf(int(np.prod(mean.shape)))
    return count**2 if mean.kind == "window" else count


def _taken(mean: PixelMean, ends: tuple[tuple[int, ...], ...], pixels: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The entries of the field that a mean at `ends` reads."""
    offsets = list(product(*map(range, mean.shape)))
    shifts = (
        product(offsets, repeat=len(ends)) if mean.kind == "window" else ((offset,) * len(ends) for offset in offsets)
    )
    low = [lowest(mean.kind, n) for n in mean.shape]
    for shift in shifts:
        places = [
            tuple(s * a + b - down for s, a, b, down in zip(mean.strides, end, offset, low, strict=True))
            for end, offset in zip(ends, shift, strict=True)
        ]
        if mean.kind == "circular":
            places = [tuple(i % n for i, n in zip(place, pixels, strict=True)) for place in places]
        if all(0 <= i < n for place in places for i, n in zip(place, pixels, strict=True)):
            yield tuple(i for place in places for i in place)
