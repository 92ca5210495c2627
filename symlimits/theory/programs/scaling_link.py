"""The fourth link of scaling exponents, special = general: the calculus of a cell against the engine of programs.

The calculus knows one architecture and carries parities by hand; the engine reads the network and its training as a
program and knows neither. They share no rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy as sp

from symlimits.certify.certificate import STATISTICAL, Link
from symlimits.derivation.orders import exponents
from symlimits.errors import NoRule
from symlimits.language.tensor_program import Program
from symlimits.theory.programs.deep import deep_program
from symlimits.theory.programs.one_hidden import GENERIC, QUANTITIES, Function, one_hidden_program
from symlimits.theory.scaling.abc_point import Point
from symlimits.theory.scaling.cells import Cell

NAME = "special = general"
STEPS = 2  # from the one at which exponents settle


def special_equals_general(cell: Cell, phi: Function = GENERIC) -> Link:
    """The exponents of a cell at its witness against those of the program, for two steps from the one of settling.

    `phi` is the activation of the fan, or an undefined function, which stands for every generic smooth one. The link
    does not apply, and says why, where the engine has no rule: kinks, and growing arguments. A coefficient is told
    from zero on samples, so that the link is a statistical one, of level `ALPHA` of `derivation/program_series.py`.

    >>> from symlimits.theory.scaling import one_hidden_layer
    >>> link = special_equals_general(one_hidden_layer()["MF"])
    >>> link.passed, link.summary
    (True, '8 exponents of MF, steps 1 to 2: the same')
    """
    q_a, q_w = (cell.witness.get(name, cell.witness.get("q")) for name in ("q_a", "q_w"))
    first = max(cell.settling, 1)
    steps, found = range(first, first + STEPS), {}
    for step in steps:
        known = one_hidden_program(cell.witness["q_sigma"], q_a, q_w, step, phi)
        try:
            found[step] = _read(known.program, known.targets, QUANTITIES)
        except NoRule as missing:
            return Link(NAME, None, f"step {step} of {cell.name}: {missing.given}")
    claimed = {step: {name: cell.values[name] for name in QUANTITIES} for step in steps}
    return _compared(claimed, found, f"{len(QUANTITIES)} exponents of {cell.name}, steps {steps[0]} to {steps[-1]}")


def parameterisation_equals_general(point: Point, steps: int = 1, **phi: Function) -> Link:
    """The exponents of a deep network after some steps of training against those of its program.

    `phi=` is an activation; erf without it. Updates by signs are followed where these are known: for one step of
    networks whose layers neither vanish nor explode. Else, and where arguments grow, the link does not apply.

    >>> from symlimits.theory.scaling.named import named
    >>> parameterisation_equals_general(named("muP", depth=2)).passed
    True
    """
    claimed = point.after(steps)
    known = deep_program(point.a, point.b, point.c, steps, optimizer=point.optimizer, **phi)
    try:
        found = _read(known.program, known.targets, tuple(claimed))
    except NoRule as missing:
        return Link(NAME, None, f"{point.depth} hidden layers, {steps} steps: {missing.given}")
    return _compared({steps: claimed}, {steps: found}, f"{len(claimed)} exponents, step {steps}")


Exponents = Mapping[str, sp.Expr]


def _read(program: Program, targets: Mapping[str, int], names: Sequence[str]) -> Exponents:
    found = exponents(program, [targets[name] for name in names])
    return {name: said.value for name, said in zip(names, found, strict=True)}


def _compared(claimed: Mapping[int, Exponents], found: Mapping[int, Exponents], what: str) -> Link:
    different = {
        f"{name}, step {step}": [str(value), str(found[step][name])]
        for step, values in claimed.items()
        for name, value in values.items()
        if found[step][name] != value
    }
    summary = f"{what}: {'the same' if not different else f'{len(different)} differ'}"
    return Link(NAME, not different, summary, {"different": different}, STATISTICAL)
