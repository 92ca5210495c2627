"""Panels on which a function is a polynomial to the working precision, found by bisection.

A function on a line is given in pieces, analytic between its kinks. A panel is halved until the last Legendre
coefficients of the function on it have died away. Narrow places, which nodes could miss, are told by the formula: where
the arguments of tanh, erf, log, ... pass zero, and how fast.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from mpmath import libmp, mp, mpf

from symlimits.errors import DomainError, NoRule
from symlimits.language.piecewise import KINKED_HEADS
from symlimits.reading.legendre import nodes

Panel = tuple[mpf, mpf]
Ints = Any  # an array of Python integers: fixed-point numbers
MOST_PANELS = 400  # of one function: beyond, it oscillates everywhere
_WIDEST = 60  # times that the range may grow by 15 %
NOISE = 3  # digits of the working precision that the evaluation of a function may lose
_LAST = 4  # coefficients that must have died away: two of each parity
_FAR = 10_000  # standard deviations, where no cut is of use


class Line(NamedTuple):
    """A function of one variable: where it has kinks, its pieces between them (None for 0), and its narrow places."""

    kinks: list[mpf]
    pieces: list[Callable[[mpf], mpf] | None]
    narrow: list[tuple[mpf, mpf]]  # place and width

    def __call__(self, x: mpf) -> mpf:
        piece = self.pieces[bisect_left(self.kinks, x)]
        return piece(x) if piece else mpf(0)

    def scaled(self, factor: mpf, weight: Callable[[mpf], mpf] | None = None) -> Line:
        """x -> weight(x) f(factor x); the factor may be negative."""

        def composed(piece: Callable[[mpf], mpf] | None) -> Callable[[mpf], mpf] | None:
            if piece is None:
                return None
            return (lambda x: weight(x) * piece(factor * x)) if weight else (lambda x: piece(factor * x))

        step = -1 if factor < 0 else 1
        narrow = [(place / factor, width / abs(factor)) for place, width in self.narrow]
        return Line([k / factor for k in self.kinks[::step]], [composed(p) for p in self.pieces[::step]], narrow)

    def cuts(self) -> list[mpf]:
        return self.kinks + [x for x, _ in self.graded()]

    def graded(self) -> list[tuple[mpf, mpf]]:
        """Cuts around narrow places, ever further apart so that nothing hides between, and their distances."""
        found = []
        for place, width in self.narrow:
            found.append((place, width))
            while width < _FAR:
                found += [(place - width, width), (place + width, width)]
                width *= 4
        return found

    def lost(self) -> int:
        """Digits that a narrow place far from zero costs: its argument is a small difference."""
        return max((int(mp.log10(1 + abs(place) / width)) for place, width in self.narrow), default=0)


def narrow_places(f: sp.Expr, u: sp.Symbol) -> list[tuple[mpf, mpf]]:
    """Where arguments of functions, bases of powers and factors of exponents vanish, and the widths of these places.

    >>> u = sp.Symbol("u", real=True)
    >>> [(int(place), float(width)) for place, width in narrow_places(sp.tanh(20 * u - 60), u)]
    [(3, 0.05)]
    """
    found = set()
    for node in f.atoms(sp.Function, sp.Pow):
        if isinstance(node, KINKED_HEADS):
            continue
        argument = node.exp if node.func is sp.exp else node.args[0]
        if argument.has(u) and argument.is_polynomial(u) and argument != u:
            polynomial = sp.Poly(argument, u)
            lead = abs(polynomial.LC().evalf(15)) ** sp.Rational(-1, polynomial.degree())
            for root in polynomial.nroots(n=15, maxsteps=200):
                away = abs(sp.im(root))
                found.add((sp.re(root), min(lead, away) if away else lead))
        elif argument == u:
            found.add((sp.S.Zero, sp.S.One))
    return sorted((mp.mpmathify(place), mp.mpmathify(width)) for place, width in found)


def reach_of(size: Callable[[mpf], mpf]) -> mpf:
    """The radius r beyond which size(r) exp(-r^2/2) is below the working precision, relative to its largest value."""
    radius = mp.sqrt(2 * mp.log(10) * (mp.dps + 5))
    tiny = mpf(10) ** (-mp.dps - 2)

    def here(r: mpf) -> mpf:
        return size(r) * mp.exp(-r * r / 2)

    largest = max(here(radius * k / 20) for k in range(21))
    for _ in range(_WIDEST):
        edge = max(here(radius * k / 100) for k in (100, 103, 107))  # an oscillating function may vanish at one of them
        if largest > 0 and edge <= tiny * largest:
            return radius
        largest, radius = max(largest, edge), radius * mpf("1.15")
    if largest == 0:
        given = f"an integrand that is zero within {mp.nstr(radius, 3)} standard deviations"
        raise DomainError(given, "a function whose values the Gaussian density reaches", "a larger variance")
    raise DomainError("an integrand that outgrows the Gaussian density", "a finite expectation", "smaller variances")


def between(points: list[mpf], low: mpf, high: mpf) -> Iterator[Panel]:
    """The panels that points cut out of an interval."""
    yield from pairwise([low, *sorted({x for x in points if low < x < high}), high])


def fixed(values: list[mpf], bits: int) -> Ints:
    """Numbers as integers, in units of 2^-bits."""
    return np.array([libmp.to_fixed(mpf(value)._mpf_, bits) for value in values], dtype=object)


def resolving(line: Line, start: Panel, n: int, size: mpf, cut: bool = True) -> list[tuple[Panel, Ints]]:
    """Panels inside `start`, none where the function is 0, with its values at n Legendre nodes, in units of `size`.

    `cut`: first at kinks and around narrow places. The last coefficients on each panel are below the working
    precision, less `NOISE` digits.
    """
    found, waiting = [], list(between(line.cuts(), *start) if cut else [start])[::-1]
    last, least = last_coefficients(n, mp.prec), int(mp.ldexp(mpf(10) ** (NOISE + line.lost() - mp.dps), mp.prec))
    while waiting:
        low, high = waiting.pop()
        piece = line.pieces[bisect_left(line.kinks, (low + high) / 2)]
        if piece is None:
            continue
        values = fixed([piece(x) / size for x, _ in nodes([(low, high)], n)], mp.prec)
        if max(map(abs, last @ values)) >> mp.prec <= least:
            found.append(((low, high), values))
        else:
            middle = (low + high) / 2
            waiting += [(middle, high), (low, middle)]
        if len(found) + len(waiting) > MOST_PANELS:
            raise NoRule(f"a function of more than {MOST_PANELS} panels", "few narrow places", "smaller variances")
    return found


def line_mean(line: Line, reach: mpf) -> mpf:
    """E f(z) of a standard z, to mp.dps - 6 digits relative to E|f|, or `NoRule`: two rules on resolving panels."""
    digits = mp.dps
    with mp.workdps(digits + line.lost()):
        weighted = line.scaled(mpf(1), mp.npdf)
        size = largest(weighted, reach)
        (one, _), (two, total) = (_line_sum(weighted, reach, 12 + k + digits * 2 // 3, size) for k in (0, 5))
    if abs(one - two) <= mpf(10) ** (6 - digits) * total:
        return one
    raise NoRule("quadrature over panels", "agreement of two rules", "fewer digits or moderate variances")


def _line_sum(line: Line, reach: mpf, n: int, size: mpf) -> tuple[mpf, mpf]:
    panels = [panel for panel, _ in resolving(line, (-reach, reach), n, size)] if size else []
    terms = [w * line(x) for x, w in nodes(panels, n)]
    return mp.fsum(terms), mp.fsum(terms, absolute=True)


def largest(line: Line, reach: mpf) -> mpf:
    """The largest |f|, on a grid and at the cuts."""
    cuts = [x for x in line.cuts() if abs(x) < reach]
    return max(abs(line(x)) for x in [reach * k / 50 for k in range(-50, 51)] + cuts)


@lru_cache(maxsize=32)
def last_coefficients(n: int, bits: int) -> Ints:
    """The matrix from values at n nodes to the last Legendre coefficients, fixed-point."""
    with mp.workprec(bits):
        rule = nodes([(mpf(-1), mpf(1))], n)
        t, weights = (fixed(list(column), bits) for column in zip(*rule, strict=True))
    values = legendre_values(t, n, bits)
    return np.array([(values[m] * weights >> bits) * (2 * m + 1) // 2 for m in range(n - _LAST, n)])


def legendre_values(t: Ints, n: int, bits: int) -> Ints:
    """P_0(t), ..., P_{n-1}(t), a row each, fixed-point."""
    rows = [np.array([1 << bits] * len(t), dtype=object), t]
    for k in range(2, n):
        rows.append(((2 * k - 1) * (t * rows[-1] >> bits) - (k - 1) * rows[-2]) // k)
    return np.array(rows[:n])
