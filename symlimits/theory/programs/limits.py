"""A scalar of a tensor program as a limit: lines that were derived, and the finite networks that certify them."""

from __future__ import annotations

import sympy as sp

from symlimits.derivation.trace import Trace
from symlimits.finite.program_experiment import ProgramNetworks
from symlimits.language.domain import natural_domain
from symlimits.language.program_handles import Scalar
from symlimits.limits import Limit


def as_limit(scalar: Scalar, lines: Trace, order: float = 1) -> Limit:
    r"""The limit of the mean of a scalar over networks, at a bias of $O(1/n^{order})$, from its lines.

    >>> import symlimits as sl
    >>> from symlimits.derivation.trace import Step
    >>> tp = sl.TensorProgram()
    >>> x = tp.gaussian("x", "s")
    >>> s = tp.program.formula("s")
    >>> as_limit(tp.mean(x * x, label="q"), (Step(s, "variance of a Gaussian", "derived here"),), order=0)
    Limit(q = s, 1 line)
    """
    networks = ProgramNetworks.of(scalar.program, scalar.place)
    parameters = scalar.program.parameters([scalar.place]).union(*(line.expr.free_symbols for line in lines))
    return Limit(
        lines,
        natural_domain(sp.Add(*parameters)),
        tuple(sorted(lines[0].expr.free_symbols, key=str)),
        scalar.label,
        lines[0].source,
        networks,
        f"the mean of {scalar.label} over networks",
        "width to infinity",
        "mean",
        order,
    )
