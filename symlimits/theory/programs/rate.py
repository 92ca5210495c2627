r"""The rate at which a scalar of a program converges: one network of width n differs from the limit by $n^{-1/2}$.

A theorem gives no rate for programs in general; here it is a claim, that of a mean over n neurons, which the program's
own networks are held against: a wrong limit has the exponent 0.
"""

from __future__ import annotations

from dataclasses import replace

from symlimits.derivation.maxplus import deviation_lines
from symlimits.errors import NoRule, UnboundSymbol
from symlimits.finite.program_deviations import ProgramDeviations
from symlimits.finite.program_experiment import ProgramNetworks
from symlimits.ladder import FINE_POINTS
from symlimits.language.domain import Domain
from symlimits.language.program_lines import is_program
from symlimits.limits import Limit
from symlimits.reading.program_sampled import sampled

HALF = 0.5  # the power of n in the fluctuations of a mean
SOURCE = "derived here; central limit theorem"


def convergence_rate(limit: Limit) -> Limit:
    r"""The exponent of $\mathbb E|X_n - X|$ for the limit X of a scalar: -1/2, with the program's networks.

    Raises `UnboundSymbol` while a parameter has no value.

    >>> from symlimits.theory.programs import TensorProgram
    >>> tp = TensorProgram()
    >>> x = tp.gaussian("x")
    >>> convergence_rate(tp.limit(tp.mean(x**2), name="m"))
    Limit(e_{m} = -1/2, 2 lines)
    """
    if limit.domain.ranges:  # the symbols of its networks
        name = min(map(str, limit.domain.ranges))
        raise UnboundSymbol(f"{name} without a value", "a limit that is a number", f".bind({name}=1)")
    assert isinstance(limit.experiment, ProgramNetworks)
    if limit.order < HALF:
        given = f"the rate of a limit beside which n^(-{limit.order:g}) vanishes"
        raise NoRule(given, f"powers of n that differ by {HALF} or more", "tp.exponent of the difference")
    deviations = ProgramDeviations(limit.experiment, _fine(limit))
    words = f"distance from the limit of {limit.observable}"
    return replace(
        limit, trace=deviation_lines(), domain=Domain({}), arguments=(), name=f"e_{{{limit.name}}}", source=SOURCE,
        experiment=deviations, observable=words, kind="exponent", order=1,
    )  # fmt: skip


def _fine(limit: Limit) -> float:
    """The limit; of a sampled line, from so many points that its error is small beside the deviations of networks."""
    return sampled(limit.expr, {}, points=FINE_POINTS).value if is_program(limit.expr) else limit.evaluate().value
