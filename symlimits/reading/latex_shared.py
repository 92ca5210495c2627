"""Long formulas in fewer letters: what stands in them more than once gets a letter, defined behind the formula."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

import sympy as sp

from symlimits.language.block import Block, IdentityMatrix, Numbers
from symlimits.language.ensemble import MatrixCovariance, MatrixMean
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.integral import LineIntegral
from symlimits.language.matrix_scalars import LogDeterminant, TraceOf
from symlimits.language.motion import Motion, Spectral
from symlimits.language.product import ProductExpectation
from symlimits.language.softmax import RowSoftmax
from symlimits.language.spherical import SphericalIntegral

LETTERS = "ABDGHMNPQRSUVW"  # of parts; C, E, F, I, K, L, O and T have meanings of their own
LEAST = 3  # operations of a part that is worth a letter
BOUND = (
    sp.Integral,
    sp.Sum,
    GaussianExpectation,
    LineIntegral,
    ProductExpectation,
    SphericalIntegral,
    sp.Piecewise,
    sp.Max,
    sp.Min,
)
MATRICES = (
    Block,
    IdentityMatrix,
    LogDeterminant,
    MatrixCovariance,
    MatrixMean,
    Motion,
    Numbers,
    RowSoftmax,
    Spectral,
    TraceOf,
)


class Shared(NamedTuple):
    """A formula with letters for its parts, and the parts, a later one in letters of those before."""

    expr: sp.Expr
    parts: tuple[tuple[sp.Symbol, sp.Expr], ...]


def shared(expr: sp.Expr, taken: Collection[str]) -> Shared:
    """The formula with a letter for every part of some size that stands in it twice; letters in `taken` are not used.

    Formulas with bound variables, cases, maxima or matrices stay whole.

    >>> p, q, c = sp.symbols("p q c", positive=True)
    >>> root = sp.sqrt((1 + p) * (1 + q) - c**2)
    >>> shared(c / root + sp.atan(c / root) + root, {"A"})
    Shared(expr=B + atan(c/B) + c/B, parts=((B, sqrt(-c**2 + (p + 1)*(q + 1))),))
    """
    if expr.has(*BOUND, *MATRICES) or any(symbol.is_commutative is False for symbol in expr.free_symbols):
        return Shared(expr, ())
    found, (reduced,) = sp.cse([expr], symbols=iter(sp.symbols("x_:999", cls=sp.Dummy)), order="none")
    kept: list[tuple[sp.Symbol, sp.Expr]] = []
    small: dict[sp.Symbol, sp.Expr] = {}
    for symbol, part in found:
        whole = part.xreplace(small)
        if sp.count_ops(whole) < LEAST:
            small[symbol] = whole
        else:
            kept.append((symbol, whole))
    reduced, letters = reduced.xreplace(small), _letters(taken)
    if len(kept) > 4:
        return Shared(expr, ())
    names = {symbol: next(letters) for symbol, _ in kept}
    return Shared(reduced.xreplace(names), tuple((names[symbol], part.xreplace(names)) for symbol, part in kept))


def _letters(taken: Collection[str]) -> Iterator[sp.Symbol]:
    return (sp.Symbol(letter) for letter in LETTERS if letter not in taken)
