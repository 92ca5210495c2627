"""An exponent as a derivation: the maximum that the calculus gives, and what is left of it in a region."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import sympy as sp

from symlimits.derivation.corners import corners
from symlimits.derivation.maxplus import BOUNDED, GRADED, LARGEST, MaxPlus
from symlimits.derivation.trace import Step
from symlimits.errors import NoRule
from symlimits.finite.frozen_training import OBSERVED
from symlimits.language.domain import POSITIVE, REAL, Domain, Range
from symlimits.limits import Limit
from symlimits.theory.scaling.branches import Branch, Region
from symlimits.theory.scaling.cells import readable, written
from symlimits.theory.scaling.one_hidden import Network, State, observables, stepped

SEEN = ("f_init", "f_a", "f_w", "f_aw", "delta_a", "delta_w", "kernel", "kernel_a", "kernel_w")
RELATIVE = {"kernel_increment": "change", "kernel_increment_trained": "change_trained"}
NAMES = {
    "f_init": "e_{f^{(0)}}",
    "f_a": "e_{f_a}",
    "f_w": "e_{f_w}",
    "f_aw": "e_{f_{aw}}",
    "delta_a": r"e_{\delta a}",
    "delta_w": r"e_{\delta w}",
    "kernel": "e_{K}",
    "kernel_a": "e_{K_a}",
    "kernel_w": "e_{K_w}",
    "kernel_increment": r"e_{\Delta K/K}",
    "kernel_increment_trained": r"e_{\Delta K/K}",
}
SOURCE = "derived here; Golikov 2020, arXiv 2006.06574"
UNIT = Range(sp.S.Zero, sp.S.One, (False, False))


def relative(change: MaxPlus, kernel: MaxPlus, region: Region) -> MaxPlus:
    """The exponent of a quotient whose denominator has one form in the region; `NoRule` where it has more."""
    kernel = kernel.pruned(region)
    if len(kernel.forms) > 1:
        given = f"a quotient by the larger of {len(kernel.forms)} powers"
        raise NoRule(given, "a region where one of them is the largest", "a smaller region")
    (form,) = kernel.forms
    return change.shifted(-form).pruned(region)


def derived(net: Network, branch: Branch, region: Region, step: int, quantity: str) -> Limit:
    """The lines: the calculus without pruning, pruned where increments are what they are, pruned on the region."""
    full = _unpruned(net, branch, step)
    lines = [_line(net, full, quantity, GRADED)]
    for rule, place in ((BOUNDED, branch.region), (LARGEST, region)):
        if place:
            full = {name: number.pruned(place) for name, number in full.items()}
            lines.append(_line(net, full, quantity, rule))
    trace = (lines[0], *(after for before, after in pairwise(lines) if after.expr != before.expr))
    return Limit(
        trace,
        domain(region, net.plane.symbols),
        net.plane.symbols,
        NAMES[quantity],
        SOURCE,
        None,
        OBSERVED[quantity],
        f"width to infinity, after {step} step{'s' * (step > 1)} or more",
        "exponent",
    )


def _unpruned(net: Network, branch: Branch, step: int) -> dict[str, MaxPlus]:
    state = State()
    for large in branch.large[:step]:
        state = stepped(net, state, large)
    return observables(net, state, branch.large[step])


def _line(net: Network, found: dict[str, MaxPlus], quantity: str, rule: tuple[str, str]) -> Step:
    symbols = net.plane.symbols
    if quantity not in RELATIVE:
        return Step(found[quantity].expr(symbols), *rule)
    change, kernel = found[RELATIVE[quantity]], found["kernel"]
    if len(kernel.forms) == 1:
        return Step(change.shifted(-next(iter(kernel.forms))).expr(symbols), *rule)
    return Step(change.expr(symbols) - kernel.expr(symbols), *rule)


def domain(region: Region, symbols: Sequence[sp.Symbol]) -> Domain:
    """The points of a relatively open polyhedron: from its corners inwards, and out along its directions.

    >>> from symlimits.derivation.affine import Affine
    >>> from symlimits.derivation.polyhedra import Constraint
    >>> x, y = Affine.variables(2)
    >>> domain([Constraint(-x, "<"), Constraint(y, "=")], sp.symbols("x y")).dependent
    {x: r1, y: 0}
    """
    frame = corners(tuple(region), len(symbols))
    first, *others = [[sp.Rational(x, v[-1]) for x in v[:-1]] for v in frame.corners]
    ranges: dict[sp.Symbol, Range] = {}
    point = first
    for k, corner in enumerate(others, 1):
        t = sp.Symbol(f"t{k}", real=True)
        ranges[t] = UNIT
        point = [p + t * (c - p) for p, c in zip(point, corner, strict=True)]
    for letter, vectors, interval in (("r", frame.directions, POSITIVE), ("l", frame.lines, REAL)):
        for k, vector in enumerate(vectors, 1):
            r = sp.Symbol(f"{letter}{k}", real=True)
            ranges[r] = interval
            point = [p + r * c for p, c in zip(point, vector[:-1], strict=True)]
    note = ", ".join(written(readable(constraint, tuple(symbols))) for constraint in region)
    return Domain(ranges, {s: sp.expand(p) for s, p in zip(symbols, point, strict=True)}, note)
