"""What several expressions, or several places of one, have in common: written once in a file, and pointed at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import sympy as sp

SMALL = 4  # nodes: a part of fewer is written where it stands


def shared_parts(exprs: Iterable[sp.Basic]) -> list[sp.Basic]:
    """The parts that are met more than once, those inside others before them.

    >>> x, y = sp.symbols("x y")
    >>> shared_parts([sp.sin(x * y) + x, sp.sin(x * y) ** 2])
    [sin(x*y)]
    """
    met: Counter[sp.Basic] = Counter()
    sizes: dict[sp.Basic, int] = {}
    for expr in exprs:
        met[expr] += 1
        _count(expr, met, sizes)
    return [part for part, size in sizes.items() if met[part] > 1 and size >= SMALL and part.args]


def _count(expr: sp.Basic, met: Counter[sp.Basic], sizes: dict[sp.Basic, int]) -> None:
    """Note how often each part is met, inner ones first; a part that is known is not entered again."""
    if expr in sizes:
        return
    parts = expr.flat() if isinstance(expr, sp.ImmutableDenseMatrix) else expr.args
    for part in parts:
        met[part] += 1
        _count(part, met, sizes)
    sizes[expr] = 1 + sum(sizes[part] for part in parts)
