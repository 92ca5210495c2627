"""symlimits in IPython and Jupyter: `%load_ext symlimits` gives the names `sl` and `act`, and prints formulas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from symlimits.chain import Derivation
from symlimits.language.recursion import Recursion
from symlimits.language.straight_line import StraightLine
from symlimits.words import explanation, spoken

WIDTH = 110  # letters of a terminal's line


def load(shell: Any, names: Mapping[str, object]) -> None:
    """Give a shell of IPython some names, and let derivations print as formulas in a terminal."""
    shell.push(dict(names))
    text = shell.display_formatter.formatters["text/plain"]
    text.for_type(Derivation, lambda derivation, printer, cycle: printer.text(shown(derivation)))


def shown(derivation: Derivation) -> str:
    r"""The name of a derivation, its last line as a formula of letters and bars, and the rules that led there.

    >>> from symlimits import activations as act, dual
    >>> print(shown(dual(act.linear)))
    T(p, q, c) = c
    definition, Gaussian integrals
    """
    name, last = spoken(derivation.name), derivation.expr
    rules = ", ".join(step.rule for step in derivation.trace)
    if last.has(Recursion, StraightLine):
        _, *lines, _ = explanation(derivation.name, derivation.trace[-1:], derivation.source).split("\n")
        return "\n".join([f"{name} =", *lines, rules])
    formula = sp.pretty(sp.Eq(sp.Symbol(name), last, evaluate=False), wrap_line=False)
    wide = max(map(len, formula.split("\n"))) > WIDTH
    return f"{name} = {last}\n{rules}" if wide else f"{formula}\n{rules}"
