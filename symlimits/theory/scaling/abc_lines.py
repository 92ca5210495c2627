r"""The derived exponents as chains of lines: the maximum that the rules wrote, and what stability makes of it.

The domain of a chain is the region where its premises hold, written with free slacks: a condition on layer l is
solved for the exponent that enters it linearly, $b_{L+1}$ or $c_l$.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import sympy as sp

from symlimits.derivation.affine import Affine
from symlimits.derivation.maxplus import MaxPlus
from symlimits.derivation.trace import Step
from symlimits.language.domain import Domain, Range
from symlimits.limits import Limit
from symlimits.theory.scaling.passes import Exponents, Hyperparameters, Line

PASSES = "Yang and Hu 2021, section 3; derived here"
FREE, SLACK = (
    Range(sp.Integer(-4), sp.Integer(4), (False, False), (sp.S.Zero,)),  # piecewise linear: no need to go further out
    Range(sp.S.Zero, sp.Integer(4), (True, False)),
)
REGIME = "width to infinity, depth and number of steps fixed"


def limits(known: Exponents) -> dict[str, Limit]:
    """Every exponent by its name, as a limit of kind "exponent" without an experiment."""
    depth = known.names.depth
    lines = {"f": (known.logits, "the logits at initialisation", 1)}
    for layer, line in enumerate(known.updates, start=1):
        lines[f"r_{layer}"] = line, f"minus the exponent of the update of layer {layer} on what it acts on", -1
    lines["r"] = known.changes[-1], f"minus the exponent of the change of the features, layer {depth}", -1
    lines["df_readout"] = known.readout, "the change of the logits by the update of the readout", 1
    lines["df_inherited"] = known.inherited, "the change of the logits by that of the features", 1
    return {name: _limit(_letters(name), line, words, sign, known) for name, (line, words, sign) in lines.items()}


def _letters(name: str) -> str:
    r"""The name in LaTeX.

    >>> _letters("r_12"), _letters("df_readout")
    ('r_{12}', 'df_{\\mathrm{readout}}')
    """
    head, _, index = name.partition("_")
    return f"{head}_{{{index}}}" if index.isdigit() else rf"{head}_{{\mathrm{{{index}}}}}" if index else head


def _limit(name: str, line: Line, observable: str, sign: int, known: Exponents) -> Limit:
    symbols = known.names.symbols
    stages = [
        (sign * line.written.expr(symbols), "definition", "the forward and the backward pass; Yang and Hu 2021"),
        (sign * line.settled.expr(symbols), "hidden layers of order one", "Yang and Hu 2021, theorem 3.2"),
        (sign * line.pruned.expr(symbols), "earlier layers are stable", PASSES),
    ]
    if sign < 0:
        stages.append((minimum(line.pruned, symbols), "common terms", "algebra"))
    trace = [Step(*stages[0])]
    for stage in stages[1:]:
        if stage[0] != trace[-1].expr:
            trace.append(Step(*stage))
    arguments = tuple(s for s in symbols if s in trace[0].expr.free_symbols)
    domain = _domain(line, known)
    source = "Yang and Hu 2021; derived here"
    return Limit(tuple(trace), domain, arguments, name, source, None, observable, REGIME, "exponent")


def minimum(number: MaxPlus, symbols: Sequence[sp.Symbol]) -> sp.Expr:
    """Minus the maximum, as a minimum: terms that all forms share are written once.

    >>> x, y = Affine.variables(2)
    >>> minimum(MaxPlus.of(x - y, -x - y), sp.symbols("x y"))
    y + Min(-x, x)
    """
    forms = [-form for form in sorted(number.forms)]
    columns = zip(*((*form.coefficients, form.constant) for form in forms), strict=True)
    *coefficients, constant = (column[0] if len(set(column)) == 1 else Fraction(0) for column in columns)
    shared = Affine(tuple(coefficients), constant)
    return shared.expr(symbols) + sp.Min(*((form - shared).expr(symbols) for form in forms))


def _domain(line: Line, known: Exponents) -> Domain:
    """Free multipliers, and one slack for each condition that is a premise of the line."""
    names, held = known.names, {constraint.form for constraint in line.premises}
    free = dict.fromkeys(names.symbols, FREE)
    bound: dict[sp.Symbol, sp.Expr] = {}
    conditions: list[tuple[MaxPlus, Affine, sp.Expr]] = [
        (MaxPlus.of(equality.form), names.b(layer), sp.S.Zero) for layer, equality in enumerate(known.equalities, 1)
    ]
    layers = [(known.logits, names.b(names.depth + 1)), (known.readout, names.c(names.depth + 1))]
    layers += [(update, names.c(layer)) for layer, update in enumerate(known.updates, 1)]
    for met, unknown in layers:
        if met.pruned.forms <= held:
            slack = sp.Symbol(f"s_{len(conditions)}", nonnegative=True)
            free[slack] = SLACK
            conditions.append((met.pruned, unknown, slack))
    for condition, unknown, slack in conditions:
        symbol, value = _solved(condition, unknown, slack, names)
        free.pop(symbol)
        bound[symbol] = value.subs(bound)
    return Domain(free, bound, "where the conditions of stability that are premises hold")


def _solved(condition: MaxPlus, unknown: Affine, slack: sp.Expr, names: Hyperparameters) -> tuple[sp.Symbol, sp.Expr]:
    """The unknown, which enters every form with coefficient -1, where the maximum of the forms is minus the slack."""
    symbol = unknown.expr(names.symbols)
    return symbol, slack + sp.Max(*((form + unknown).expr(names.symbols) for form in condition.forms))
