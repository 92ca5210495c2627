"""The limit models as a LaTeX table, and their equations beneath it."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from symlimits.theory.scaling.cells import Cell
from symlimits.theory.scaling.models import LimitModel

HEAD = (
    "model",
    "exponents",
    "logits at start",
    "kernels at start",
    "kernels",
    "start",
    "motion",
    "$g^{(0)}$",
    "$g^{(k)}$",
)
RULES = {"zero": r"$\ell'(0)$", "logit": r"$\ell'(F)$", "saturated": "saturated"}
LEGEND = (  # what the letters of the equations are, and for which k a line holds where an earlier line has k = 0
    r"\par\noindent $F^{(k)}=\lim d^{-e_k}f^{(k)}$; $\mathcal{G}$: the Gaussian process of covariance",
    r"$\sigma^2\,\mathbb{E}\,\phi(w^{(0)}x)\phi(w^{(0)}z)$; $\mathbb{E}$: the mean over $a^{(0)}$ and $w^{(0)}$,",
    r"standard normal; $wx$, $xz$: inner products. Where a line gives $F^{(0)}$ or $F^{(1)}$, the next of $F$ is",
    r"of later steps.",
)
LETTERS = {"kernel": "A", "kernel, start forgotten": "B", "measure": "C", "measure, start kept": "D"}


def table(cells: Sequence[Cell]) -> str:
    """A tabular with one row a cell, and the equations of each motion that occurs."""
    rows = [" & ".join(_row(cell)) + r" \\" for cell in cells]
    head = " & ".join(HEAD) + r" \\"
    tabular = [rf"\begin{{tabular}}{{{'l' * len(HEAD)}}}", r"\toprule", head, r"\midrule", *rows, r"\bottomrule"]
    return "\n".join([*tabular, r"\end{tabular}", *_equations([c.limit_model for c in cells if c.limit_model])])


def _row(cell: Cell) -> list[str]:
    where = ", ".join(f"${_tex(relation)}$" for relation in cell.inequalities)
    model = cell.limit_model
    gradients = [RULES[rule] for rule in model.gradients] if model else ["", ""]
    return [cell.name, where, *cell.properties.values(), LETTERS[model.dynamics] if model else "", *gradients]


def _equations(models: Sequence[LimitModel]) -> list[str]:
    """The equations of each motion and of each gradient once."""
    lines = {model.dynamics: [(e.lhs, e.rhs) for e in model.equations[:-2]] for model in models}
    rules = {rule: model.equations[-1] for model in models for rule in model.gradients[1:]}
    found = [(LETTERS[name], lhs, rhs) for name in LETTERS if name in lines for lhs, rhs in lines[name]]
    found += [(RULES[name], rules[name].lhs, rules[name].rhs) for name in RULES if name in rules]
    text = [rf"&\text{{{name}:}} & {_tex(lhs)} &= {_tex(rhs)} \\" for name, lhs, rhs in found]
    return [*LEGEND, r"\begin{align*}", *text, r"\end{align*}"] if text else []


def _tex(expr: sp.Basic) -> str:
    return str(sp.latex(expr))
