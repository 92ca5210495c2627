"""A derivation whose lines are matrices: it prints, and is checked at random matrices for its letters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, NoReturn, Self

import sympy as sp
from mpmath import mp

from symlimits.certify import Link
from symlimits.derivation.trace import Rule, Step
from symlimits.errors import DomainError, FalseLine, NoRule
from symlimits.language.block import shape
from symlimits.language.domain import Domain, natural_domain
from symlimits.language.names import shown
from symlimits.limits import Limit
from symlimits.matrix_letters import DIGITS, random_values
from symlimits.points import check_text
from symlimits.reading.matrix_value import matrix_value

TOLERANCE = 1e-28  # of a difference of lines of 30 digits: two are left to rounding


@dataclass(frozen=True, repr=False)
class MatrixDerivation(Limit):
    """Lines of matrices: they print, and are checked at random matrices for the letters of `matrix_letters`.

    An identity: a `Limit` without an experiment.
    """

    sizes: dict[str, int] = field(default_factory=lambda: {"n": 3, "P": 5, "k": 2, "r": 2, "s": 1})

    def _lines_link(self, domain: Domain, seed: int) -> Link:
        """Every line equals the one before at random matrices, to 30 digits."""
        lines = [step.expr for step in self.trace]
        blocks, numbers = random_values(seed, self.sizes, *lines)
        values = [matrix_value(line, blocks, numbers, DIGITS) for line in lines]
        with mp.workdps(2 * DIGITS):
            size = max(mp.mnorm(value) for value in values)
            worst = [float(mp.mnorm(b - a) / size) for a, b in pairwise(values)]
        false = [i for i, error in enumerate(worst) if not error <= TOLERANCE]
        if false:
            summary = f"line {false[0]} = line {false[0] + 1} ('{self.trace[false[0] + 1].rule}') is false"
        else:
            summary = f"{len(values)} lines equal at random matrices, {DIGITS} digits"
        return Link("lines", not false, summary, {"lines": len(values), "errors": worst})

    def _compiled_link(self, domain: Domain, seed: int) -> Link:
        return Link("compiled", None, "matrices: numbers come from data")

    def then(self, expr: object, because: str) -> Self:
        """One more line of one's own, an expression of blocks, checked at once at random matrices."""
        check_text(because, "because")
        if not isinstance(expr, sp.Expr) or shape(expr) != shape(self.expr):
            raise DomainError(f"the line {shown(expr)}", f"a matrix of shape {shape(self.expr)}", "blocks of the lines")
        longer = replace(self, trace=(self.trace[-1], Step(expr, because, "the author")))
        link = longer._lines_link(self.domain, 0)
        if link.passed is False:
            raise FalseLine(f"{expr} ({link.summary})", f"a line equal to {self.expr}", "the step once more")
        return self._extend(longer.trace[-1])

    def reference(self, *values: object, digits: int = 30, **parameters: object) -> NoReturn:
        """Not for matrices: `NoRule`."""
        raise _no_values(self.name)

    def evaluate(self, *values: object, **parameters: object) -> NoReturn:
        """Not for matrices: `NoRule`."""
        raise _no_values(self.name)

    def compile(self) -> NoReturn:
        """Not for matrices: `NoRule`."""
        raise _no_values(self.name)

    def __call__(self, *values: Any, **options: Any) -> NoReturn:
        raise _no_values(self.name)


def derived(line: sp.Expr, because: str, rules: Iterable[Rule], name: str, source: str) -> MatrixDerivation:
    """The derivation that rules make of line 0, which stands there `because` of something."""
    trace = [Step(line, because, source)]
    for rule in rules:
        trace.append(rule.step(trace[-1].expr))
    symbols = sp.Add(*set().union(*(step.expr.free_symbols for step in trace)))
    return MatrixDerivation(tuple(trace), natural_domain(symbols), (), name, source)


def _no_values(name: str) -> NoRule:
    return NoRule(f"one number of the matrix {name}", "data", "sl.trained_law(net, X, Y).mean(Z), or .covariance(Z)")
