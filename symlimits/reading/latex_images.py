r"""LaTeX of kernels of images: fields over pairs of pixels, and means over the pixels under a filter or in a window.

Only the equations of K(x, z) and of Theta are written: those of K(x, x) and K(z, z) are the same at z = x and x = z.
What an activation does stands apart from the means, which read other pixels: T is K, and S is Theta, behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from symlimits.language.pixels import ENDS, PixelMean, PixelProduct, lowest
from symlimits.language.recursion import Earlier, Recursion, recalled
from symlimits.reading.latex_systems import through
from symlimits.reading.latex_text import indexed

LETTERS = (r"\beta", r"\gamma", r"\delta", r"\epsilon")  # of sums inside each other
FEW = 4  # elements of a set that are written out
INDEX = r"\ell"  # counts the layers, from 1 for the start values
BEHIND = ("T_{xx}", "T_{zz}", "T_{xz}", "S")
PLACES = r"\text{at the pixel } \alpha \text{ of } x \text{ and } \alpha' \text{ of } z \text{ where none is written}"
ZEROS = r"\text{zero outside of an image}"
PERIODIC = r"\oplus \text{ the sum modulo the size of an image}"


@dataclass(frozen=True)
class Pixels:
    """Which pixels are meant, of x and of z; `roles` says of a field whose pixels it is a function of.

    Outside of all sums fields are meant at alpha and alpha', and it is not written.
    """

    roles: Mapping[sp.Symbol, tuple[int, int]] = field(default_factory=dict)
    first: str = r"\alpha"
    second: str = r"\alpha'"
    depth: int = 0

    def of(self, state: sp.Symbol) -> str:
        """What stands behind a field."""
        if state not in self.roles or not self.depth:
            return ""
        i, j = self.roles[state]
        return f"({(self.first, self.second)[i]}, {(self.first, self.second)[j]})"

    def moved(self, first: str, second: str) -> Pixels:
        """Inside of one more sum."""
        return Pixels(self.roles, first, second, self.depth + 1)


def pixel_product(printer: Any, expr: PixelProduct) -> str:
    r"""\frac{x(\alpha) \cdot z(\alpha')}{C}."""
    pixels = printer.pixels or Pixels()
    first, second = expr.args
    one = rf"{'xz'[int(first)]}({pixels.first})"
    other = rf"{'xz'[int(second)]}({pixels.second if second != first else pixels.first})"
    return rf"\frac{{{one} \cdot {other}}}{{C}}"


def pixel_mean(printer: Any, expr: PixelMean) -> str:
    """The sum over pixels, over their number."""
    pixels = printer.pixels or Pixels()
    letter = LETTERS[min(pixels.depth, len(LETTERS) - 1)]
    if expr.kind in ENDS:
        number, over = ("P", letter) if expr.kind == "flatten" else ("P^{2}", f"{letter}, {letter}'")
        moved = pixels.moved(letter, letter if expr.kind == "flatten" else f"{letter}'")
    elif all(n == 1 for n in (*expr.shape, *expr.strides)):
        return str(printer._factor(expr.field, alone=False))
    else:
        number, over, moved = _under_filter(expr, pixels, letter)
    tex = type(printer)(printer.names, moved)._factor(expr.field, alone=False)
    return rf"\frac{{1}}{{{number}}} \sum_{{{over}}} {tex}"


def _under_filter(mean: PixelMean, pixels: Pixels, letter: str) -> tuple[str, str, Pixels]:
    """How many pixels, which, and where that is."""
    count = int(sp.prod(mean.shape))
    paired = mean.kind == "window"
    shift = f"{letter}'" if paired else letter
    over = (f"{letter}, {shift}" if paired else letter) + rf" \in {_offsets(mean)}"
    moved = pixels.moved(_shifted(pixels.first, mean, letter), _shifted(pixels.second, mean, shift))
    return str(count**2 if paired else count), over, moved


def _shifted(pixel: str, mean: PixelMean, shift: str) -> str:
    strides = str(mean.strides[0]) if len(set(mean.strides)) == 1 else f"({', '.join(map(str, mean.strides))})"
    scaled = pixel if strides == "1" else f"{strides} ({pixel})" if " " in pixel else f"{strides} {pixel}"
    return f"{scaled} {chr(92) + 'oplus' if mean.kind == 'circular' else '+'} {shift}"


def _offsets(mean: PixelMean) -> str:
    """The set that the sum runs over, an axis after the other."""
    sets = [_interval(-lowest(mean.kind, n), n) for n in mean.shape]
    if len(set(sets)) == 1 and len(sets) > 1:
        return f"{sets[0]}^{{{len(sets)}}}"
    return r" \times ".join(sets)


def _interval(low: int, size: int) -> str:
    numbers = list(map(str, range(low, low + size)))
    return rf"\{{{', '.join(numbers if size <= FEW else [numbers[0], chr(92) + 'dots', numbers[-1]])}\}}"


def image_rows(printer: Any, recursion: Recursion, room: float, start: bool) -> list[str]:
    """The equations of K(x, z) and Theta, and what is meant by pixels that are not written, or outside."""
    kinds = {mean.kind for mean in recursion.atoms(PixelMean)}
    notes = [PLACES] + [ZEROS] * ("same" in kinds) + [PERIODIC] * ("circular" in kinds)
    rows = list(_start(printer, recursion, room)) if start else []
    first = sp.Integer(1)
    for layers, count in recursion.blocks:
        rows += _Writer(printer, recursion.states, room).block(layers, printer.range(first, count))
        first += count
    return [*rows, f"&{'; '.join(notes)}"]


def _start(printer: Any, recursion: Recursion, room: float) -> Iterator[str]:
    earlier: dict[sp.Expr, str] = {}
    for state, value in list(zip(recursion.states, recursion.start, strict=True))[2:]:
        left = indexed(printer.names[state], "1")
        if value in earlier:
            yield f"{left} &= {earlier[value]},"
        else:
            yield from printer.equation(left, value, room, ",")
        earlier[value] = left


class _Writer:
    """The equations of one block; fields have symbols of their own, from definition to definition."""

    def __init__(self, printer: Any, states: tuple[sp.Symbol, ...], room: float) -> None:
        self.printer, self.states, self.room = printer, states, room
        self.names: dict[sp.Symbol, str] = dict(printer.names)
        self.roles: dict[sp.Symbol, tuple[int, int]] = {}
        self.rows: list[str] = []

    def block(self, layers: tuple[tuple[sp.Expr, ...], ...], where: str) -> list[str]:
        """Its rows; `where` are the layers for which it holds."""
        linear = [_is_linear(layer, self.states) for layer in layers]
        own, behind = [self.printer.names[state] for state in self.states], BEHIND[: len(self.states)]
        values, past = self._named(own, INDEX), []
        for k, (layer, straight) in enumerate(zip(layers, linear, strict=True)):
            index = f"{INDEX}, {1 + linear[:k].count(False)}" if linear.count(False) > 1 else INDEX
            if not straight and any(not value.is_Symbol for value in values):
                values = self._define(values, own, index, ",")
            past.append(dict(zip(self.states, values, strict=True)))
            values = self._at(layer, past)
            if not straight:
                values = self._define(values, behind, index, ",")
        self._define(values, own, f"{INDEX} + 1", rf", \quad {INDEX} = {where},")
        return self.rows

    def _at(self, layer: tuple[sp.Expr, ...], past: list[dict[sp.Symbol, sp.Expr]]) -> list[sp.Expr]:
        maps, known = recalled(layer, past)
        return [line.subs({**past[-1], **known}, simultaneous=True) for line in maps]

    def _named(self, names: tuple[str, ...] | list[str], index: str) -> list[sp.Expr]:
        """Symbols of new fields."""
        first, second, *mixed = found = [sp.Dummy(state.name, **state.assumptions0) for state in self.states]
        self.roles |= {first: (0, 0), second: (1, 1)} | dict.fromkeys(mixed, (0, 1))
        self.names |= {symbol: indexed(name, index) for symbol, name in zip(found, names, strict=True)}
        return list(found)

    def _define(
        self, values: list[sp.Expr], names: tuple[str, ...] | list[str], index: str, after: str
    ) -> list[sp.Expr]:
        """Equations for K(x, z) and Theta; the symbols of what they define."""
        symbols = self._named(names, index)
        inside = type(self.printer)(self.names, Pixels(self.roles))
        done: dict[sp.Expr, sp.Symbol] = {}
        for k, (symbol, value) in enumerate(zip(symbols[2:], values[2:], strict=True), start=3):
            end = after if k == len(symbols) else ","
            self.rows += inside.equation(self.names[symbol], through(value, done), self.room, end)
            done[value] = symbol
        return symbols


def _is_linear(layer: tuple[sp.Expr, ...], states: tuple[sp.Symbol, ...]) -> bool:
    """Whether a layer takes means and sums of fields only."""
    heads = {head: sp.Dummy() for head in layer[2].atoms(PixelMean, Earlier)}
    line = layer[2].xreplace(heads)
    return bool(line.is_polynomial(*states, *heads.values())) and not (line.free_symbols & set(states[:2]))
