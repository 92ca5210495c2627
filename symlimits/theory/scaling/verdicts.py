"""Points without a limit model: which condition of dynamical stability fails there, as an inequality and in words."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import sympy as sp

from symlimits.derivation.affine import Affine
from symlimits.derivation.polyhedra import Constraint, implied
from symlimits.theory.scaling.branches import Branch, seen
from symlimits.theory.scaling.cells import Verdict, readable
from symlimits.theory.scaling.one_hidden import Network

DIVERGENT = "the increments of the weights grow from step to step, each by another power of the width"
LOST = "the increments of w exceed every bound, and the activation is not positively homogeneous"
STAGNANT = "training moves the logits by a smaller power of the width than they have at the start"


def verdict(net: Network, branches: Sequence[Branch], point: tuple[Fraction, ...]) -> Verdict:
    """Divergent where exponents do not settle, stagnant where the increment of the logits is too small."""
    symbols = net.plane.symbols
    place = {s.name: sp.Rational(x.numerator, x.denominator) for s, x in zip(symbols, point, strict=True)}
    home = next(branch for branch in branches if all(constraint.holds(point) for constraint in branch.region))
    if home.settled:
        failing = _bound(net, home)
        return Verdict("stagnant", failing, STAGNANT, place, (failing,))
    broken = list(dict.fromkeys(readable(constraint, symbols) for constraint in _broken(branches, point)))
    grows = not home.lost or len(broken) > 1
    return Verdict("divergent", broken[-1] if grows else broken[0], DIVERGENT if grows else LOST, place, tuple(broken))


def _broken(branches: Sequence[Branch], point: tuple[Fraction, ...]) -> list[Constraint]:
    """What keeps the point out of every settled part; if nothing does by itself, what keeps it out of the nearest.

    The settled set need not be convex: an inequality of one part may fail at points where others hold.
    """
    regions = [branch.region for branch in branches if branch.settled]
    sets = [[c for c in region if not c.holds(point)] for region in regions]
    common = [c for broken in sets for c in broken if all(implied(region, c) for region in regions)]
    return common or min(sets, key=len)


def _bound(net: Network, branch: Branch) -> sp.Basic:
    """The increment of the logits at least as large as their start, divided by what all terms have in common."""
    view = seen(net, branch)
    (start,) = view["f_init"].forms
    forms = [form - start for form in sorted(view["f_change"].forms)]
    if len(forms) == 1:
        return readable(Constraint(-forms[0], "<="), net.plane.symbols)
    shift = forms[0].constant if len({form.constant for form in forms}) == 1 else Fraction(0)
    terms = [(form - Affine.const(shift, form.dimension)).expr(net.plane.symbols) for form in forms]
    return sp.Ge(sp.Max(*terms, evaluate=False), sp.Rational(-shift.numerator, shift.denominator), evaluate=False)
