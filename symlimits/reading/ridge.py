"""E f(u) g(v) for any f and g and a correlation near one, at any precision: one variable after the other.

The law of v given u is narrow: an inner trapezoid rule of few nodes, where no kink of g is near, or Legendre panels
between the kinks. The outer panels resolve f, and g at the mean of v; where a kink of g is near they are as short as
that law is wide.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

from mpmath import mp, mpf

from symlimits.errors import NoRule
from symlimits.reading.legendre import Rule, hermite_nodes, nodes
from symlimits.reading.resolved import Line, Panel, between, largest, reach_of, resolving

_BAND = 4  # panels on either side of a kink of g, where its mean is not smooth on a larger scale
_FEWEST, _HERMITE = 8, 40  # nodes of Gauss-Hermite rules
_MOST_STEPS = 2000  # nodes for the law of v given u: minutes
_AGAIN = 3  # refinements of the inner rule


class _Shape(NamedTuple):
    rho: mpf
    width: mpf  # sqrt(1 - rho^2)
    reach: mpf  # outer
    inner: mpf  # reach of v given u, in widths


def ridge(f: Line, g: Line, rho: mpf, width: mpf) -> mpf:
    """E f(x) g(y) for standard x, y with correlation rho, not zero, and width = sqrt(1 - rho^2).

    Two rules, with different nodes inside and outside, agree to mp.dps - 6 digits relative to E|f g|, or `NoRule`.
    """
    digits = mp.dps
    with mp.workdps(digits + max(f.lost(), g.lost())):
        reach = reach_of(lambda r: _largest(f, g, r, rho, width))
        shape = _Shape(rho, width, reach, mp.sqrt(2 * mp.log(10) * digits))
        n, steps = 12 + digits * 2 // 3, inner_steps(g, width)
        if steps > _MOST_STEPS:
            raise NoRule(
                f"a ridge with {steps} nodes across", f"at most {_MOST_STEPS}", "fewer digits or smaller variances"
            )
        last = None
        for _ in range(_AGAIN + 1):
            value, size = _attempt(f, g, shape, n, steps)
            if last is not None and abs(value - last) <= mpf(10) ** (6 - digits) * size:
                return value
            last, n, steps = value, n + 5, steps * 5 // 4 + 1
    raise NoRule("quadrature along a ridge", "agreement of two rules", "fewer digits or moderate variances")


def _largest(f: Line, g: Line, r: mpf, rho: mpf, width: mpf) -> mpf:
    """An upper estimate of |f g| at a distance r: each on either side."""
    beside = [side * (rho * r) + k * width for side in (1, -1) for k in (-3, 0, 3)]
    return max(abs(f(r)), abs(f(-r))) * max(abs(g(y)) for y in beside)


def inner_steps(g: Line, width: mpf) -> int:
    """Nodes for the law of v given u, where g has its narrowest place at a distance d, in widths of that law.

    The trapezoid rule of step h is wrong by exp(-2 pi d/h + d^2/2), or exp(-2 pi^2/h^2) if d > 2 pi/h; the
    Gauss-Hermite rule of n nodes by exp(-2 d sqrt(n)).
    """
    goal = mp.log(10) * (mp.dps - 4)
    d = min((place[1] for place in g.narrow), default=mp.inf) / width
    near = min(d, mp.sqrt(2 * goal))
    trapezoid = mp.sqrt(2 * mp.log(10) * mp.dps) * (goal + near**2 / 2) / (mp.pi * near)
    return int(min(trapezoid, max(_FEWEST, (goal / (2 * d)) ** 2))) + 2


def _law(steps: int, inner: mpf) -> Rule:
    """Nodes and weights for a standard normal variable."""
    if steps <= _HERMITE:
        return hermite_nodes(steps)
    grid = [inner * (mpf(2 * k + 1) / steps - 1) for k in range(steps)]
    return [(t, mp.npdf(t) * 2 * inner / steps) for t in grid]


def _attempt(f: Line, g: Line, shape: _Shape, n: int, steps: int) -> tuple[mpf, mpf]:
    rho, width, reach, inner = shape
    law = [(width * t, w) for t, w in _law(steps, inner)]
    near = [k / rho for k in g.kinks]
    band = abs(width / rho) * inner
    terms = []
    for low, high in _panels(f, g.scaled(rho), band, reach, n):
        middle = (low + high) / 2
        first = f.pieces[bisect_left(f.kinks, middle)]
        second = g.pieces[bisect_left(g.kinks, rho * middle)]
        close = any(k - band < high and low < k + band for k in near)
        if first is None or (second is None and not close):
            continue
        for x, w in nodes([(low, high)], n):
            outer, mean = w * mp.npdf(x) * first(x), rho * x
            if close:
                terms += [outer * b * g(mean + t) for t, b in _cut_law(g, mean, shape, n)]
            elif second is not None:
                terms += [outer * b * second(mean + t) for t, b in law]
    return mp.fsum(terms), mp.fsum(terms, absolute=True)


def _panels(f: Line, g: Line, band: mpf, reach: mpf, n: int) -> list[Panel]:
    """Outer panels on which both functions are resolved; short ones around kinks of g."""
    ends = f.kinks + [k + band * j / _BAND for k in g.kinks for j in range(-_BAND, _BAND + 1)]
    for x, gap in f.graded() + g.graded():  # those of f and g may nearly coincide: no slivers
        if all(abs(x - end) > gap / 8 for end in ends):
            ends.append(x)
    panels = list(between(ends, -reach, reach))
    for line in (f, g):
        damped = line.scaled(mpf(1), lambda x: mp.exp(-x * x / 4))
        size = largest(damped, reach)
        panels = [part for panel in panels for part in _resolved(damped, panel, n, size)]
    return panels


def _resolved(line: Line, panel: Panel, n: int, size: mpf) -> list[Panel]:
    """Parts of a panel; all of it where the function is 0: near a kink its mean is not."""
    return [part for part, _ in resolving(line, panel, n, size, cut=False)] or [panel]


def _cut_law(g: Line, mean: mpf, shape: _Shape, n: int) -> Rule:
    """The shifted law of v given u, cut at the kinks of g."""
    cuts = [(k - mean) / shape.width for k in g.kinks] + [shape.inner * k / 3 for k in range(-2, 3)]
    rule = nodes(between(cuts, -shape.inner, shape.inner), n)
    return [(shape.width * t, w * mp.npdf(t)) for t, w in rule]
