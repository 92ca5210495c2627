r"""The limit of a scalar of a tensor program, about the program itself at a finite width.

What the Master theorem asks of maps, smoothness and polynomial growth, is not asked of kinks and jumps here: where a
program has them, its lines hold as its certificate says.
"""

from __future__ import annotations

import sympy as sp

from symlimits.derivation.master import SOURCE, limit_lines
from symlimits.derivation.width_powers import Folded
from symlimits.errors import DomainError
from symlimits.finite.program_deviations import ProgramDeviations
from symlimits.finite.program_experiment import ProgramNetworks
from symlimits.language.domain import natural_domain
from symlimits.language.names import shown
from symlimits.language.program_handles import Scalar
from symlimits.language.tensor_program import Program, Trained
from symlimits.limits import Limit


def is_of(limit: Limit, program: Program) -> bool:
    """Whether the networks of a limit are those of a program, as far as it reads them."""
    known = limit.experiment.networks if isinstance(limit.experiment, ProgramDeviations) else limit.experiment
    instructions = known.instructions if isinstance(known, ProgramNetworks) else None
    return instructions is not None and instructions == tuple(program.instructions[: len(instructions)])


def program_notation(limit: Limit, program: Program) -> dict[str, str]:
    r"""Labels of the program as the letters of a limit's LaTeX, to be its `notation`.

    The limit of a vector h is $Z^{h}$, its Gaussian part $\hat Z^{h}$; a scalar's is its own label.

    >>> from symlimits import activations as act
    >>> from symlimits.theory.programs import TensorProgram
    >>> tp = TensorProgram()
    >>> m = tp.mean(tp.map(act.tanh, tp.matrix("W") @ tp.gaussian("x"), label="h"))
    >>> program_notation(program_limit(m), tp.program)
    {'zeta_0': '\\hat{Z}^{x}', 'z_2': 'Z^{h}'}
    """
    labels = dict(program.labels)
    for place, what in enumerate(program.instructions):
        if isinstance(what, Trained) and place in labels:
            labels.setdefault(what.expansion, labels[place])
    letters: dict[str, str] = {}
    for place, label in labels.items():
        name = program.symbols[place].name
        letters[name] = f"Z^{{{label}}}" if program.is_vector(place) else label
        letters[f"zeta_{place}"] = rf"\hat{{Z}}^{{{label}}}"
    known = {symbol.name for step in limit.trace for symbol in step.expr.atoms(sp.Symbol)}
    return {name: letter for name, letter in letters.items() if name in known}


def program_limit(scalar: Scalar, name: str | None = None, observable: str = "a scalar of a tensor program") -> Limit:
    r"""The number that a scalar of a tensor program tends to, with its lines from the Master theorem on.

    The mean over nets of width n has a bias of 1/n, or of the largest power of n that vanishes beside the limit; one
    net differs from it by $n^{-1/2}$. Parameters of the program stay symbols. `name` is LaTeX. Raises `DomainError` for
    what is no scalar, `NoRule` where powers of the width do not cancel.

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
    parameters = sorted(program.parameters([place]), key=str)
    arguments = tuple(s for s in parameters if any(s in line.expr.free_symbols for line in lines))
    networks = ProgramNetworks.of(program, place)
    domain = natural_domain(sp.Add(*parameters, lines[0].expr))  # networks may need what the limit forgets
    name = name or program.labels.get(place, r"\theta")
    gap = Folded(program, place).smallest_gap
    order = 1 if gap is None or gap >= 1 else float(gap)  # of the bias: what was left out, or fluctuations squared
    return Limit(lines, domain, arguments, name, SOURCE, networks, observable, order=order)
