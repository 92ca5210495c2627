r"""Layers without weights, read off their maps: LayerNorm, and branches that begin, turn and join.

A layer whose maps are all earlier values begins the next branch. One that is linear in the states and in earlier ones
is a sum, with the shares of its coefficients; any other that holds earlier values has to be a product of kernels.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from symlimits.errors import NoRule
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.recursion import Earlier
from symlimits.reading.gram_joins import Join

Map = tuple[sp.Expr, ...]
States = tuple[sp.Symbol, ...]

RESIDUAL = Join("sum")  # of a branch and its trunk, with the shares 1 and 1


def layer_join(layer: Map, states: States) -> Join | None:
    """How a layer ends a branch; None for one that holds no earlier values."""
    heads = sorted(sp.Tuple(*layer).atoms(Earlier), key=str)
    if not heads:
        return None
    if all(isinstance(entry, Earlier) for entry in layer):
        return Join("turn")
    state, entry = states[2], layer[2]
    before = next(head for head in heads if head.args[0] == state)
    first, second = entry.coeff(before), entry.coeff(state)
    if first.is_number and second.is_number:
        sums = tuple(first * head.xreplace({state: s}) + second * s for s, head in _pairs(states, before))
        if all(sp.expand(a - b) == 0 for a, b in zip(layer, sums, strict=True)):
            return Join("sum", float(first), float(second))
    if entry == before * state:
        return Join("product")
    raise NoRule(f"a layer {entry} of earlier values", "a sum or a product of branches", "`.evaluate(...)`")


def _pairs(states: States, before: Earlier) -> list[tuple[sp.Symbol, Earlier]]:
    return [(state, Earlier(state, before.back)) for state in states]


def beginnings(layers: Sequence[Map]) -> list[int]:
    """Before which layers of a block branches begin, one for each that does."""
    found = []
    for i, layer in enumerate(layers):
        heads = sp.Tuple(*layer).atoms(Earlier)
        if heads and (all(isinstance(entry, Earlier) for entry in layer) or _is_residual(layer)):
            found.append(i - max(head.back for head in heads))
    return found


def _is_residual(layer: Map) -> bool:
    return any(isinstance(term, Earlier) for term in sp.Add.make_args(layer[2]))


def is_norm(layer: Map, states: States) -> bool:
    """Whether a layer divides by both deviations, evaluated or as expectations of products."""
    if layer[:2] != (sp.S.One, sp.S.One):
        return False
    first, second, mixed, *tangent = states
    divided = tuple(state / (sp.sqrt(first) * sp.sqrt(second)) for state in (mixed, *tangent))
    return tuple(map(_read, layer[2:])) == divided


def _read(entry: sp.Expr) -> sp.Expr:
    """The same with E u v for what it is, the covariance."""
    heads = entry.atoms(GaussianExpectation)
    known = {
        head: head.covariance[0, 1] for head in heads if head.integrand == sp.Mul(*head.variables) and head.args[1]
    }
    return entry.xreplace({head: value for head, value in known.items() if len(head.variables) == 2})
