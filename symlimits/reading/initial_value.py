"""The reference value of an `InitialValue`: its equation is integrated by extrapolation, to any number of digits.

Gragg's midpoint rule with 2, 4, ..., 2K substeps has an error in even powers of the step, which Aitken and Neville's
scheme removes one by one. Source: Gragg (1965); Bulirsch and Stoer (1966).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp
from mpmath import mp, mpf

from symlimits.errors import NoRule

GUARD = 6  # digits that the steps may lose together
STEPS = 2_000  # of one solution
SAFETY, LEAST, MOST = mpf("0.7"), mpf("0.1"), mpf(4)  # of a change of the step
FAR = 1e3  # times the size of the start of a step: what moves so far in one step is a step too long
Point = list[mpf]
Velocity = Callable[[Point], Point]


def solved(velocity: Velocity, start: Sequence[mpf], time: mpf, digits: int) -> Point:
    """The solution at a time, to `digits` digits relative to its size; `NoRule` where it takes too many steps.

    >>> mp.nstr(solved(lambda x: [-x[0]], [mpf(1)], mpf(1), 15)[0], 15)
    '0.367879441171442'
    """
    sequence = range(2, digits + 2, 2)  # substeps: an order of as many as there are digits
    with mp.workdps(digits + 2 * GUARD + digits // 2):  # extrapolation of high order loses some itself
        x, now, allowed = list(start), mpf(0), mpf(10) ** -(digits + GUARD)
        h = (1 + max(map(abs, x))) / (1 + max(map(abs, velocity(x))))
        for _ in range(STEPS):
            if now >= time:
                return x
            h = min(h, time - now)
            try:
                found, error = _extrapolated(velocity, x, h, sequence)
            except (OverflowError, TypeError, ValueError, ZeroDivisionError):  # a step that leaves the domain
                error = mp.inf
            factor = SAFETY * (allowed / error) ** (mpf(1) / (2 * len(sequence) - 1)) if error else MOST
            if error <= allowed:
                x, now = found, now + h
            h *= min(max(factor, LEAST), MOST)
    raise NoRule(f"a solution of more than {STEPS} steps", "a shorter time or a slower motion", "fewer digits")


def _extrapolated(velocity: Velocity, x: Point, h: mpf, sequence: Sequence[int]) -> tuple[Point, mpf]:
    """The end of a step of length h, and an estimate of its error, relative."""
    row: list[Point] = []
    for k, n in enumerate(sequence):
        before, row = row, [_midpoint(velocity, x, h, n)]
        for j in range(1, k + 1):
            ratio = 1 / ((mpf(n) / sequence[k - j]) ** 2 - 1)
            row.append([a + ratio * (a - b) for a, b in zip(row[-1], before[j - 1], strict=True)])
    size = max(1, *(abs(a) for a in row[-1]))
    difference = max(abs(a - b) for a, b in zip(row[-1], row[-2], strict=True))
    return row[-1], difference / size if mp.isfinite(difference) else mp.inf


def _midpoint(velocity: Velocity, x: Point, h: mpf, n: int) -> Point:
    """Gragg's rule with n substeps and his smoothing step."""
    dt, old = h / n, x
    now = [a + dt * v for a, v in zip(x, velocity(x), strict=True)]
    far = FAR * (1 + max(map(abs, x)))
    for _ in range(n - 1):
        if max(map(abs, now)) > far:
            raise OverflowError
        old, now = now, [a + 2 * dt * v for a, v in zip(old, velocity(now), strict=True)]
    return [(a + b + dt * v) / 2 for a, b, v in zip(old, now, velocity(now), strict=True)]


def lambdified(variables: Sequence[sp.Symbol], exprs: Sequence[sp.Expr]) -> Velocity:
    """Expressions of the variables as a function of a point."""
    found = sp.lambdify([variables], list(exprs), "mpmath")
    return lambda x: [mp.mpf(value) for value in found(x)]


def merged(
    variables: Sequence[sp.Symbol], velocities: Sequence[sp.Expr], start: Sequence[mpf]
) -> dict[sp.Symbol, sp.Symbol]:
    """Names for variables that start equal and move alike: the first of them, whose velocity may have no root left.

    >>> x, y = sp.symbols("x y", positive=True)
    >>> merged([x, y], [x + sp.sqrt(x**2 - y**2), y], [mpf(1), mpf(1)])
    {y: x}
    """
    moves = dict(zip(variables, velocities, strict=True))
    first, begin = variables[0], start[0]
    names = {x: first for x, value in zip(variables[1:], start[1:], strict=True) if value == begin}
    while True:
        apart = [x for x in names if sp.expand((moves[x] - moves[first]).xreplace(names)) != 0]
        if not apart:
            return names
        names = {x: first for x in names if x not in apart}
