"""A derivation's lines: each the output of a rule applied to the line above it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symlimits.errors import FormulaError, NoRule
from symlimits.language import tree


@dataclass(frozen=True)
class Step:
    """One line: the expression, the rule that gave it, and where the rule comes from."""

    expr: sp.Expr
    rule: str
    source: str


Trace = tuple[Step, ...]
EXPLANATIONS: dict[str, str] = {}  # of every rule there is, by its name: what `explain()` says of a line


def to_trees(trace: Trace, shared: Sequence[sp.Basic] = ()) -> list[dict[str, Any]]:
    """The lines as JSON: an expression, a rule and a source each; `shared` parts are pointed at."""
    places = {part: k for k, part in enumerate(shared)}
    return [{"expr": tree.to_tree(step.expr, places), "rule": step.rule, "source": step.source} for step in trace]


def from_trees(lines: Any, shared: Sequence[object] = ()) -> Trace:
    """The lines of `to_trees`; `FormulaError`, `KeyError` or `TypeError` for anything else."""
    found = zip(tree.from_trees((line["expr"] for line in lines), shared), lines, strict=True)
    return tuple(Step(_expression(expr), str(line["rule"]), str(line["source"])) for expr, line in found)


def _expression(expr: sp.Basic) -> sp.Expr:
    if not isinstance(expr, sp.Expr):
        raise FormulaError(f"the line {str(expr)[:60]}", "an expression", "a tree made by to_tree")
    return expr


@dataclass(frozen=True)
class Rule:
    """A named rewriting of expressions; it returns its argument where it does not apply.

    `explanation` is one sentence for a reader who meets the rule in a derivation.
    """

    name: str
    source: str
    explanation: str
    rewrite: Callable[[sp.Expr], sp.Expr]

    def __post_init__(self) -> None:
        EXPLANATIONS.setdefault(self.name, self.explanation)

    def __call__(self, expr: sp.Expr) -> sp.Expr:
        """The next line; `NoRule` where the rule changes nothing."""
        result = self.rewrite(expr)
        if result == expr:
            raise NoRule(f"the rule '{self.name}' on {expr}", "an expression it applies to", "another rule of sl.rules")
        return result

    def step(self, expr: sp.Expr) -> Step:
        """The next line as a `Step`."""
        return Step(self(expr), self.name, self.source)
