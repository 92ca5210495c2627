r"""The limit of a scalar of a tensor program, about the program itself at a finite width.

What the Master theorem asks of maps, smoothness and polynomial growth, is not asked of kinks and jumps here: where a
program has them, its lines hold as its certificate says.
"""

from __future__ import annotations

from symlimits.derivation.master import SOURCE, limit_lines
from symlimits.errors import DomainError
from symlimits.finite.program_experiment import ProgramNetworks
from symlimits.language.domain import natural_domain
from symlimits.language.names import shown
from symlimits.language.program_handles import Scalar
from symlimits.limits import Limit


def program_limit(scalar: Scalar, name: str | None = None, observable: str = "a scalar of a tensor program") -> Limit:
    r"""The number that a scalar of a tensor program tends to, with its lines from the Master theorem on.

    The mean over nets of width n has a bias of 1/n; one net differs from the limit by $n^{-1/2}$. Parameters of the
    program stay symbols. `name` is LaTeX. Raises `DomainError` for what is no scalar, `NoRule` where powers of the
    width do not cancel.

    >>> from symlimits import activations as act
    >>> from symlimits.theory.programs import TensorProgram
    >>> tp = TensorProgram()
    >>> W, x = tp.matrix("W"), tp.gaussian("x", "s**2")
    >>> h = W @ x
    >>> program_limit(tp.mean(tp.map(act.relu, h) * h), name="m").evaluate(s=2).value
    2.0
    """
    if not isinstance(scalar, Scalar):
        raise DomainError(shown(scalar), "a scalar of a tensor program", "tp.mean(x)")
    program, place = scalar.program, scalar.place
    lines = limit_lines(program, place)
    parameters = tuple(sorted(program.parameters([place]), key=str))
    networks = ProgramNetworks.of(program, place)
    domain = natural_domain(lines[0].expr)
    return Limit(lines, domain, parameters, name or scalar.label, SOURCE, networks, observable)
