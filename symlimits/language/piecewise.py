"""Functions with kinks, cut into smooth branches.

`Max`, `Min`, `Abs`, `sign`, `Heaviside` and `Piecewise` switch where some smooth function of x, mostly
a polynomial, changes sign. Between two switching points the function is one smooth expression.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

import sympy as sp
from sympy.core.relational import Relational

from symlimits.errors import NoRule
from symlimits.language.crossings import crossings
from symlimits.language.magnitude import vanishes
from symlimits.language.measure import expanded_size

MAX_TERMS = 2000  # of a sum that is written out
KINKED_HEADS = (sp.Abs, sp.sign, sp.Max, sp.Min, sp.Heaviside, sp.Piecewise)


@dataclass(frozen=True)
class Branches:
    """`pieces[0]` left of `points[0]`, `pieces[i]` between `points[i-1]` and `points[i]`, and so on."""

    points: tuple[sp.Expr, ...]
    pieces: tuple[sp.Expr, ...]

    def jumps(self) -> Iterator[tuple[sp.Expr, sp.Expr]]:
        """Pairs (a, g): the function is `pieces[0]` plus the sum of g(x) Heaviside(x - a)."""
        for point, before, after in zip(self.points, self.pieces, self.pieces[1:], strict=False):
            yield point, _expanded(after - before)


@lru_cache(maxsize=512)
def branches(expr: sp.Expr, x: sp.Symbol) -> Branches:
    """Cut `expr` at its switching points.

    >>> x = sp.Symbol("x", real=True)
    >>> branches(sp.Max(x, 0), x)
    Branches(points=(0,), pieces=(0, x))
    """
    # SymPy writes Max(x, Min(100, Max(-1, x))) as Max(x, Min(-1, 100)), and leaves that constant as it is
    expr = expr.xreplace({node: node.func(*node.args) for node in expr.atoms(sp.Max, sp.Min) if node.is_number})
    points = _switching_points(expr, x)
    pieces = [_resolve(expr, x, sample) for sample in _between(points)]
    kept = [i for i, (before, after) in enumerate(pairwise(pieces)) if _expanded(before - after) != 0]
    return Branches(tuple(points[i] for i in kept), tuple([pieces[0]] + [pieces[i + 1] for i in kept]))


def _switching_points(expr: sp.Expr, x: sp.Symbol) -> list[sp.Expr]:
    points: set[sp.Expr] = set()
    for switch in _switches(expr, x):
        points |= _real_roots(switch, x)
    try:
        if all(point.is_number for point in points):
            return sorted(points, key=lambda point: point.evalf(30))
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
    if any(node.has(x) for node in switch.atoms(*KINKED_HEADS)):
        cut = branches(switch, x)
        return set(cut.points).union(*(_real_roots(piece, x) for piece in cut.pieces))
    if not switch.has(x):
        return set()
    if not switch.is_polynomial(x):
        return set(crossings(switch, x))
    polynomial = sp.Poly(switch, x)
    if polynomial.get_domain().is_QQ or polynomial.get_domain().is_ZZ:
        return set(sp.real_roots(polynomial))
    parameters = switch.free_symbols - {x}
    roots = sp.roots(polynomial) if parameters or _is_quadratic(polynomial) else {}
    if sum(roots.values()) < polynomial.degree() or any(root.is_real is None for root in roots):
        advice = "numbers instead of symbols" if parameters else "rational numbers for the others"
        raise NoRule(f"a kink where {switch} = 0", "a condition with known roots, in closed form", advice)
    return {root for root in roots if root.is_real}


def _is_quadratic(polynomial: sp.Poly) -> bool:
    """Whether it is quadratic in a power of x, times another: SymPy looks long for the roots of others."""
    powers = sorted(power for (power,) in polynomial.monoms())
    steps = [power - powers[0] for power in powers]
    return max(steps) <= 2 * math.gcd(*steps)


def _between(points: list[sp.Expr]) -> list[sp.Expr]:
    """One sample point inside each interval."""
    if not points:
        return [sp.Integer(0)]
    if all(point.is_number for point in points):  # rational samples: arithmetic with roots of polynomials is slow
        inside = [_rational_between(a, b) for a, b in pairwise(points)]
        return [_rational_beyond(points[0], -1), *inside, _rational_beyond(points[-1], 1)]
    inner = [(a + b) / 2 for a, b in pairwise(points)]
    return [points[0] - 1, *inner, points[-1] + 1]


def _rational_beyond(end: sp.Expr, side: int) -> sp.Rational:
    """A rational number on one side of another: the floor of a constant near 10**300 would take seconds."""
    near = Fraction(str(end.evalf(30)))
    return sp.Rational(math.floor(near) + side * (2 + abs(math.floor(near)) // 10**20))


def _rational_between(a: sp.Expr, b: sp.Expr) -> sp.Rational:
    """A simple number between two; exact in their first 30 digits, which tell them apart."""
    low, high = (Fraction(str(end.evalf(30))) for end in (a, b))
    close = ((low + high) / 2).limit_denominator(int(4 / (high - low)) + 1) if low < high else None
    if close is None or not low < close < high:
        raise NoRule(f"kinks at {a} and {b}", "kinks that differ in 30 digits", "one kink in their place")
    return sp.Rational(close)


def _expanded(difference: sp.Expr) -> sp.Expr:
    """A difference of pieces, expanded where that is not larger than what nobody wants to read."""
    return sp.expand(difference) if expanded_size(difference) <= MAX_TERMS else difference


def _resolve(expr: sp.Expr, x: sp.Symbol, sample: sp.Expr) -> sp.Expr:
    """The smooth expression that `expr` is near `sample`."""

    def sign_at(argument: sp.Expr) -> sp.Expr:
        sign = sp.sign(sp.expand(argument.subs(x, sample)))
        if not sign.is_Integer:
            raise NoRule(f"the sign of {argument} near {x} = {sample}", "a known sign", "numbers instead of symbols")
        return sign

    def holds(condition: sp.Basic) -> bool:
        signs = {r: r.func(sign_at(r.lhs - r.rhs), 0) for r in condition.atoms(Relational) if r.has(x)}
        return condition.xreplace(signs) == sp.true

    def choose(node: sp.Basic) -> sp.Basic:
        if not node.has(x):
            return node
        if isinstance(node, sp.Abs):
            return node.args[0] * sign_at(node.args[0])
        if isinstance(node, sp.sign | sp.Heaviside):
            return node.func(sign_at(node.args[0]), *node.args[1:])
        if isinstance(node, sp.Piecewise):
            return next((value for value, condition in node.args if holds(condition)), sp.nan)
        side = 1 if isinstance(node, sp.Max) else -1
        return next(a for a in node.args if all(side * sign_at(a - b) >= 0 for b in node.args))

    piece = expr.replace(lambda node: isinstance(node, KINKED_HEADS), choose)
    if piece.has(sp.nan):
        raise NoRule(f"{expr} near {x} = {sample}", "a function defined everywhere", "a last branch (value, True)")
    return piece


def joined(cut: Branches, x: sp.Symbol) -> sp.Expr:
    """The function with these pieces; where it jumps, its value is the mean of both sides.

    Polynomial pieces are joined by steps, which print well. Others stay apart: a sum of steps
    would subtract one exponential from another, and overflow where neither counts.

    >>> x = sp.Symbol("x", real=True)
    >>> joined(Branches((0,), (-x, x)), x), joined(Branches((0,), (sp.exp(x), sp.Integer(1))), x)
    (x*sign(x), Piecewise((exp(x), x < 0), (1, True)))
    """
    pieces = cut.pieces
    if not all(piece.is_polynomial(x) for piece in pieces):
        return _in_branches(cut, x)
    if len(pieces) == 2 and sp.expand(sum(pieces)) == 0:
        return pieces[1] * sp.sign(x - cut.points[0])
    return pieces[0] + sp.Add(*(jump * sp.Heaviside(x - a, sp.Rational(1, 2)) for a, jump in cut.jumps()))


def _in_branches(cut: Branches, x: sp.Symbol) -> sp.Expr:
    found: list[tuple[sp.Expr, sp.Basic]] = []
    for a, before, after in zip(cut.points, cut.pieces, cut.pieces[1:], strict=False):
        left, right = before.subs(x, a), after.subs(x, a)
        found.append((before, x < a))
        if not (left + right).has(sp.nan, sp.zoo) and not _agree(left, right):
            found.append(((left + right) / 2, sp.Eq(x, a)))
    return sp.Piecewise(*found, (cut.pieces[-1], True))


def _agree(left: sp.Expr, right: sp.Expr) -> bool:
    if left.is_number and right.is_number:  # SymPy's simplify may take minutes
        return left == right or vanishes(left - right, left, {})
    return sp.simplify(left - right) == 0


def generalized_derivative(expr: sp.Expr, x: sp.Symbol) -> sp.Expr:
    """The derivative in the sense of distributions: a Dirac mass where the function jumps.

    SymPy differentiates `Piecewise` branch by branch and forgets the jumps.

    >>> x = sp.Symbol("x", real=True)
    >>> generalized_derivative(sp.Piecewise((1, x > 0), (0, True)), x)
    DiracDelta(x)
    """
    if not any(node.has(x) for node in expr.atoms(sp.Piecewise)):
        return expr.diff(x)
    cut = branches(expr, x)
    masses = (jump.subs(x, a) * sp.DiracDelta(x - a) for a, jump in cut.jumps())
    return joined(Branches(cut.points, tuple(piece.diff(x) for piece in cut.pieces)), x) + sp.Add(*masses)
