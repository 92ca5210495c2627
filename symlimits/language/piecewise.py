"""Functions with kinks, cut into smooth branches.

`Max`, `Min`, `Abs`, `sign`, `Heaviside` and `Piecewise` switch where some polynomial in x
changes sign. Between two switching points the function is one smooth expression.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import sympy as sp
from sympy.core.relational import Relational

from symlimits.errors import NoRule

KINKED_HEADS = (sp.Abs, sp.sign, sp.Max, sp.Min, sp.Heaviside, sp.Piecewise)


@dataclass(frozen=True)
class Branches:
    """`pieces[0]` left of `points[0]`, `pieces[i]` between `points[i-1]` and `points[i]`, and so on."""

    points: tuple[sp.Expr, ...]
    pieces: tuple[sp.Expr, ...]

    def jumps(self) -> Iterator[tuple[sp.Expr, sp.Expr]]:
        """Pairs (a, g): the function is `pieces[0]` plus the sum of g(x) Heaviside(x - a)."""
        for point, before, after in zip(self.points, self.pieces, self.pieces[1:], strict=False):
            yield point, sp.expand(after - before)


@lru_cache(maxsize=512)
def branches(expr: sp.Expr, x: sp.Symbol) -> Branches:
    """Cut `expr` at its switching points.

    >>> x = sp.Symbol("x", real=True)
    >>> branches(sp.Max(x, 0), x)
    Branches(points=(0,), pieces=(0, x))
    """
    points = _switching_points(expr, x)
    pieces = [_resolve(expr, x, sample) for sample in _between(points)]
    kept = [i for i, pair in enumerate(zip(pieces, pieces[1:], strict=False)) if sp.expand(pair[0] - pair[1]) != 0]
    return Branches(tuple(points[i] for i in kept), tuple([pieces[0]] + [pieces[i + 1] for i in kept]))


def _switching_points(expr: sp.Expr, x: sp.Symbol) -> list[sp.Expr]:
    points: set[sp.Expr] = set()
    for switch in _switches(expr, x):
        points |= _real_roots(switch, x)
    try:
        return sorted(points)
    except TypeError:
        raise NoRule(
            f"kinks at {sorted(map(str, points))}", "kinks in a known order", "numbers instead of symbols"
        ) from None


def _switches(expr: sp.Expr, x: sp.Symbol) -> Iterator[sp.Expr]:
    """The expressions whose change of sign switches a branch."""
    for node in sp.preorder_traversal(expr):
        if not (isinstance(node, KINKED_HEADS) and node.has(x)):
            continue
        if isinstance(node, sp.Piecewise):
            yield from (relation.lhs - relation.rhs for relation in node.atoms(Relational))
        elif isinstance(node, sp.Max | sp.Min):
            args = node.args
            yield from (a - b for i, a in enumerate(args) for b in args[:i])
        else:
            yield node.args[0]


def _real_roots(switch: sp.Expr, x: sp.Symbol) -> set[sp.Expr]:
    if switch.has(*KINKED_HEADS):
        cut = branches(switch, x)
        return set(cut.points).union(*(_real_roots(piece, x) for piece in cut.pieces))
    if not switch.is_polynomial(x):
        raise NoRule(f"a kink where {switch} = 0", "a polynomial condition in x", "a formula with explicit kinks")
    if not switch.has(x):
        return set()
    return set(sp.real_roots(sp.Poly(switch, x))) if switch.free_symbols == {x} else set(sp.roots(sp.Poly(switch, x)))


def _between(points: list[sp.Expr]) -> list[sp.Expr]:
    """One sample point inside each interval."""
    if not points:
        return [sp.Integer(0)]
    inner = [(a + b) / 2 for a, b in zip(points, points[1:], strict=False)]
    return [points[0] - 1, *inner, points[-1] + 1]


def _resolve(expr: sp.Expr, x: sp.Symbol, sample: sp.Expr) -> sp.Expr:
    """The smooth expression that `expr` is near `sample`."""

    def at(argument: sp.Basic) -> sp.Basic:
        return argument.subs(x, sample)

    def choose(node: sp.Basic) -> sp.Basic:
        if not node.has(x):
            return node
        if isinstance(node, sp.Abs):
            return node.args[0] * sp.sign(at(node.args[0]))
        if isinstance(node, sp.sign | sp.Heaviside):
            return at(node)
        if isinstance(node, sp.Piecewise):
            return next(value for value, condition in node.args if at(condition) == sp.true)
        best = (max if isinstance(node, sp.Max) else min)(node.args, key=at)
        return best

    return expr.replace(lambda node: isinstance(node, KINKED_HEADS), choose)
