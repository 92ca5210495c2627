r"""The limit of depth of a kernel: its lines, where they hold, and the networks beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy as sp

from symlimits.derivation.continuous_depth import depth_lines, depth_of
from symlimits.errors import DomainError, NoRule
from symlimits.language.continuous_depth import ContinuousDepth
from symlimits.language.domain import CORRELATION, Domain, Range
from symlimits.language.names import shown

INNER = Range(sp.Integer(-1), sp.Integer(1), (False, False), (sp.S.Zero,))  # correlations where velocities are smooth
DEEP = "width and depth to infinity, steps of one over the depth"


def depth_limit(kernel: Any, diagonal: bool) -> Any:
    """The limit of depth of the last line of a kernel."""
    if not isinstance(diagonal, bool):
        raise DomainError(f"diagonal = {shown(diagonal)}", "True or False", "diagonal=True")
    recursion = kernel.recursion
    depth, arguments = depth_of(recursion), kernel.arguments
    if len(arguments) != 3:
        raise NoRule(f"the limit of depth of {kernel.name}", "a kernel of any input kernel", "depth_limit before bind")
    p, q, c = arguments
    same = {q: p, c: p} if diagonal else {}
    lines = depth_lines(ContinuousDepth(recursion.subs(same, simultaneous=True) if same else recursion, depth))
    ranges = {symbol: interval for symbol, interval in kernel.domain.ranges.items() if symbol != depth}
    domain = Domain(ranges, kernel.domain.dependent, kernel.domain.note)
    if diagonal:
        domain = Domain({s: r for s, r in ranges.items() if s != q and s not in _inner(domain)})
    else:
        domain = replace(domain, ranges=ranges | dict.fromkeys(_inner(domain), INNER))
    experiment = kernel.experiment.bind(same).deep(depth) if kernel.experiment is not None else None
    return replace(
        kernel, trace=lines, domain=domain, arguments=(p,) if diagonal else arguments, experiment=experiment,
        name=kernel.name.replace("z", "x") if diagonal else kernel.name, regime=DEEP, general=None,
    )  # fmt: skip


def _inner(domain: Domain) -> list[sp.Symbol]:
    """The symbols that are correlations."""
    return [symbol for symbol, interval in domain.ranges.items() if interval == CORRELATION]
