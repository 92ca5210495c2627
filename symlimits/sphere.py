r"""The layer map of a kernel on inputs of equal variance, as the lines and the domain of a derivation."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import sympy as sp

from symlimits.derivation.sphere import on_sphere, rho
from symlimits.derivation.trace import Trace
from symlimits.errors import DomainError, NoRule
from symlimits.language.domain import CORRELATION, Domain, natural_domain
from symlimits.language.formula import exact
from symlimits.language.recursion import Recursion


class SphereMap(NamedTuple):
    """The lines of a map of the correlation, and where they hold."""

    trace: Trace
    domain: Domain


def sphere_map(trace: Trace, domain: Domain, q: object) -> SphereMap:
    """Every line of a kernel recursion at K(x, x) = K(z, z) = q and K(x, z) = q rho."""
    variance = _variance(q)
    every = [replace(s, expr=on_sphere(s.expr, variance)) for s in trace if isinstance(s.expr, Recursion)]
    lines = tuple(every[:1] + [line for before, line in pairwise(every) if before.expr != line.expr])
    if not lines:
        raise NoRule("the sphere map of a line without layers", "a kernel of a network", "sl.nngp(net).on_sphere(1)")
    natural = natural_domain(sp.Add(*(step.expr for step in lines)))
    known = {symbol: domain.ranges.get(symbol, interval) for symbol, interval in natural.ranges.items()}
    return SphereMap(lines, Domain({**known, rho: CORRELATION}))


def _variance(q: object) -> sp.Expr:
    variance = exact(q, "q")
    if variance.is_nonpositive or (variance.is_number and not variance > 0):
        raise DomainError(f"q = {variance}", "a variance, larger than zero", "on_sphere(1)")
    signed = sorted(s.name for s in variance.free_symbols if not s.is_positive)
    if signed:
        raise DomainError(f"q = {variance}, with {signed[0]} of either sign", "positive symbols", 'on_sphere("q")')
    return variance
