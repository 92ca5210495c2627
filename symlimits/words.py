r"""A derivation in words, for a terminal: its name without LaTeX, its lines in SymPy's letters, its rules explained."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

import sympy as sp
from sympy.printing.str import StrPrinter

from symlimits.derivation import clusters, linear_motion, maxplus, probabilities
from symlimits.derivation.rungs import RUNGS
from symlimits.derivation.trace import EXPLANATIONS, Step
from symlimits.language.program_lines import is_program
from symlimits.language.recursion import Recursion
from symlimits.language.straight_line import Definition, Statement, StraightLine
from symlimits.reading.decimals import long_decimal
from symlimits.reading.latex_names import names
from symlimits.reading.latex_programs import asked, flattened, new_definitions, opened

STEPS = {  # of lines that no rule rewrites: a topic writes them beside each other
    "causal recursion": "Neurons of all times are jointly Gaussian; their Grams follow from those of earlier times.",
    "one variable under two names": "A mean over one variable is one over a pair with correlation one.",
    "A = u.v, P = u.u, Q = v.v": "Inner products of both layers move by themselves: A, the predictor, with P and Q.",
    "conserved: P - Q and PQ - AA": "What the flow conserves gives P and Q as functions of A.",
    "A = sinh theta": "P and Q are hyperbolic cosines where A is a hyperbolic sine.",
    "u = exp theta": "An exponential of the variable makes the equation rational, of degree two.",
    "Riccati's equation": "An equation of degree two in the unknown becomes linear by another variable, and is solved.",
}
_OTHERS = (
    {rung.name: rung.explanation for rung in RUNGS}
    | maxplus.EXPLANATIONS
    | clusters.EXPLANATIONS
    | linear_motion.EXPLANATIONS
    | probabilities.EXPLANATIONS
    | STEPS
)
_PRIME = re.compile(r"(?<=\w)prime$")  # a name that prints as t'
_ACCENT = re.compile(r"\\(dot|ddot|hat|bar|tilde|vec)\s*\{([^{}]*)\}")
_DOT = re.compile(r"\s*\\cdot(?![A-Za-z])\s*")
_FONT = re.compile(r"\\(?:math[a-z]+|operatorname|left|right|[,;:! ])(?![A-Za-z])")


def spoken(tex: str) -> str:
    r"""The LaTeX of a name as a terminal shows it.

    >>> spoken(r"\dot{T}(p, q, c)"), spoken(r"\Theta(x, z)"), spoken(r"R(\rho)")
    ('T_dot(p, q, c)', 'Theta(x, z)', 'R(rho)')
    """
    text = _FONT.sub("", _ACCENT.sub(r"\2_\1", _DOT.sub(".", tex)))
    return re.sub(r"\s+", " ", re.sub(r"[\\{}]", "", text)).strip()


def plain(expr: sp.Expr) -> str:
    """An expression in SymPy's letters; a decimal of many digits as such, not as a fraction.

    >>> plain(sp.Rational(1, 3)), plain(sp.Rational("0.74589194752798428032"))
    ('1/3', '0.74589194752798428032')
    """
    return (long_decimal(expr) if expr.is_Rational else "") or str(expr)


def explained(rule: str) -> str | None:
    """What a rule does, in a sentence; None where nobody has said.

    >>> print(explained("Gamma integrals"))
    An integral of powers and exponentials over the half-line is a Gamma function.
    """
    return _OTHERS.get(rule) or EXPLANATIONS.get(rule)


def explanation(name: str, trace: Sequence[Step], source: str, notation: Mapping[str, str] | None = None) -> str:
    """Every line with its rule, its source, and what the rule does; `notation` renames symbols."""
    given = notation or {}
    aside = names([opened(step.expr) for step in trace], given, name).aside if given else {}
    printer = _Printer({symbol: spoken(letters) for symbol, letters in {**given, **aside}.items()})
    text = [f"{spoken(name)} is defined by", *printer.line(opened(trace[0].expr))]
    for before, step in pairwise(trace):
        text += [f"By {step.rule} ({step.source}) this equals", *printer.line(opened(step.expr), opened(before.expr))]
        said = explained(step.rule)
        text += [f"  {said}"] if said else []
    return "\n".join([*text, f"Source: {source}."])


class _Printer(StrPrinter):
    """SymPy's words, with other letters for some symbols."""

    def __init__(self, letters: Mapping[str | sp.Symbol, str]) -> None:
        super().__init__()
        self.letters = letters

    def _print_Symbol(self, expr: sp.Symbol) -> str:
        return self.letters.get(expr) or self.letters.get(expr.name) or _PRIME.sub("'", expr.name)

    def _print_Rational(self, expr: sp.Rational) -> str:
        return long_decimal(expr) or str(super()._print_Rational(expr))

    def line(self, expr: sp.Expr, before: sp.Expr | None = None) -> list[str]:
        """An expression, indented; a recursion with one map a row, a straight line with one statement a row.

        Of a tensor program's line stands what the line before it does not have.
        """
        if isinstance(expr, StraightLine) and is_program(expr):
            new, whole = new_definitions(expr, before), flattened(expr)
            start = "where" if len(new) == len(whole) else "where, as before but for"
            return [f"    {self.doprint(asked(expr))}, {start}", *self._statements(new, "        ")]
        if isinstance(expr, StraightLine):
            return [f"    {self.doprint(expr.output)}, where", *self._statements(expr.statements, "        ")]
        if not isinstance(expr, Recursion):
            return [f"    {self.doprint(expr)}"]
        rows = [f"    {self.doprint(expr.output)}, from", *self._equations(expr.states, expr.start, "=")]
        for maps, count in expr.stages:
            rows += [f"    then {self.doprint(count)} x", *self._equations(expr.states, maps, "->")]
        return rows

    def _statements(self, statements: Sequence[Statement], indent: str) -> list[str]:
        rows = []
        for statement in statements:
            if isinstance(statement, Definition):
                rows.append(f"{indent}{self.doprint(statement)}")
            else:
                first, last = map(self.doprint, statement.ends)
                rows.append(f"{indent}for {self.doprint(statement.index)} = {first}, ..., {last}:")
                rows += self._statements(statement.body, f"{indent}    ")
        return rows

    def _equations(self, states: Sequence[sp.Symbol], values: Sequence[sp.Expr], sign: str) -> list[str]:
        pairs = zip(states, values, strict=True)
        return [f"        {self.doprint(s)} {sign} {self.doprint(value)}" for s, value in pairs if s != value]
