"""The definitions of a straight line put into its output: one closed formula, where an author wants no names.

>>> a, b, x = sp.symbols("a b x")
>>> inline(StraightLine([Definition(a, 1 + x), Definition(b, a**2)], a * b))
x**3 + 3*x**2 + 3*x + 1
"""

from __future__ import annotations

import sympy as sp

from symlimits.derivation.trace import Rule
from symlimits.language.program_lines import is_program
from symlimits.language.straight_line import Definition, StraightLine


def _inline(expr: sp.Expr) -> sp.Expr:
    """The output of a straight line in its free symbols, multiplied out; other lines, and shared means, stay."""
    if not isinstance(expr, StraightLine) or not expr.is_scalar or is_program(expr):
        return expr
    values: dict[sp.Basic, sp.Expr] = {}
    for statement in expr.statements:
        assert isinstance(statement, Definition)
        values[statement.target] = sp.expand(statement.expression.xreplace(values))
    return sp.expand(expr.output.xreplace(values))


inline = Rule("definitions put in", "substitution", "Every definition is put in where it is read.", _inline)
