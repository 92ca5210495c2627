r"""The limit models as a LaTeX table, and their equations beneath it, across a page of one column.

Nothing but booktabs is needed. What a cell does is said in sizes: of the logits and kernels, of what training changes
of the kernels, and of what is left of the start; each tends to zero, stays of order one, or diverges.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import sympy as sp

from symlimits.reading.latex_printer import Printer
from symlimits.theory.scaling.cells import Cell
from symlimits.theory.scaling.equations import mean

HEAD = ("model", "exponents", "$f^{(0)}$", "$K$", r"$\Delta K$", r"$\varphi$", "", "$g^{(0)}$", "$g^{(k)}$")
SIZES = {-1: "$0$", 0: "$1$", 1: r"$\infty$"}  # by the sign of an exponent
ARGUMENTS = {"zero": "$0$", "logit": "$F$", "saturated": r"$\infty$"}  # of the loss's derivative
LETTERS = {"kernel": "A", "kernel, start forgotten": "B", "measure": "C", "measure, start kept": "D"}
RELATIONS = {"==": "=", "<=": r"\le", ">=": r"\ge"}
LEGEND = (
    r"Sizes in the limit, $0$, $1$ (of order one) or $\infty$: of the logits $f^{(0)}$ at the start, of the tangent",
    r"kernel $K$ at the start times rates, of its relative change $\Delta K$, and of the share $\varphi$ of the start",
    r"in the later logits; letters: the equations below; $g^{(0)}$, $g^{(k)}$: where $\ell'$ is taken, at $0$, at $F$,",
    r"or at $\infty$, saturated.",
)
READING = (  # what the letters of the equations are, and which line holds where two speak of the same step
    r"$F^{(k)}=\lim d^{-e_k}f^{(k)}$; $\mathcal{G}$: the Gaussian process of covariance",
    r"$\sigma^2\,\mathrm{E}\,\phi(w^{(0)}x)\,\phi(w^{(0)}z)$; $\mathrm{E}$: the mean over $a^{(0)}$ and $w^{(0)}$,",
    r"standard normal; $wx$, $xz$: inner products; $n$ data. A line of a step $0$ or $1$ goes before one of step $k$.",
)
OPEN, CLOSE = (r"\begingroup\footnotesize\setlength{\tabcolsep}{2.5pt}", r"\par\noindent"), (r"\par\endgroup",)


def table(cells: Sequence[Cell]) -> str:
    """A tabular with one row a cell, what its columns mean, and the equations of each motion that occurs."""
    rows = [" & ".join(row(cell)) + r" \\" for cell in cells]
    tabular = _tabular("ll" + "c" * (len(HEAD) - 2), [" & ".join(HEAD) + r" \\", r"\midrule", *rows])
    found = _equations(cells)
    return "\n".join([*OPEN, *tabular, r"\par\smallskip\noindent", *LEGEND, *found, *CLOSE])


def _tabular(columns: str, rows: Iterable[str]) -> list[str]:
    return [rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}", r"\toprule", *rows, r"\bottomrule", r"\end{tabular}"]


def row(cell: Cell) -> list[str]:
    """The cells of its row, formulas between dollars, below the words of `HEAD`."""
    model = cell.limit_model
    rules = [ARGUMENTS[rule] for rule in model.gradients] if model else ["", ""]
    return [cell.name, where(cell.inequalities), *sizes(cell), LETTERS[model.dynamics] if model else "", *rules]


def sizes(cell: Cell) -> tuple[str, ...]:
    """Logits and kernel at the start, the kernel's change, the start in the later logits: by the witness's exponents.

    >>> from symlimits.theory.scaling import one_hidden_layer
    >>> sizes(one_hidden_layer()["MF"])
    ('$0$', '$1$', '$1$', '$0$')
    """
    e = cell.values
    kept = e["f_init"] - sp.Max(e["f_init"], e["f_a"], e["f_w"], e["f_aw"])
    return tuple(SIZES[int(sp.sign(size))] for size in (e["f_init"], e["kernel"], e["kernel_increment"], kept))


def where(inequalities: Iterable[sp.Rel]) -> str:
    """Relations in line, two bounds of one expression as a chain.

    >>> q = sp.Symbol("q")
    >>> print(where([q > sp.Rational(-1, 2), q < 0]))
    $-1/2 < q < 0$
    """
    bounds: dict[sp.Expr, list[sp.Rel]] = defaultdict(list)
    for relation in inequalities:
        bounds[relation.lhs].append(relation)
    return ", ".join(f"${_chained(left, sorted(found, key=lambda r: r.rhs))}$" for left, found in bounds.items())


def _chained(left: sp.Expr, relations: Sequence[sp.Rel]) -> str:
    """Lower bound, expression, upper bound; one relation as it is."""
    *lower, last = relations
    before = "".join(f"{relation.rhs} {_sign(relation.reversed)} " for relation in lower)
    return f"{before}{_tex(left)} {_sign(last)} {last.rhs}"


def _sign(relation: sp.Rel) -> str:
    return RELATIONS.get(relation.rel_op, relation.rel_op)


def equations(cells: Sequence[Cell]) -> list[tuple[str, str]]:
    """Every equation once, with the letters of all motions that have it; then the gradients.

    >>> from symlimits.theory.scaling import one_hidden_layer
    >>> print(*equations([one_hidden_layer()["MF"]])[-1])
    $F$ ${g^{(k)}_{i}} = - \\frac{y_{i}}{e^{F^{(k)}(x_{i}) y_{i}} + 1}$
    """
    models = [cell.limit_model for cell in cells if cell.limit_model]
    letters: dict[sp.Eq, list[str]] = defaultdict(list)
    for dynamics, letter in LETTERS.items():
        for model in [model for model in models if model.dynamics == dynamics][:1]:
            for equation in model.equations[:-2]:
                letters[equation].append(letter)
    rules = {rule: model.equations[-1] for model in models for rule in model.gradients[1:]}
    found = [(", ".join(names), equation) for equation, names in letters.items()]
    found += [(ARGUMENTS[name], rules[name]) for name in ARGUMENTS if name in rules]
    return [(name, f"${_tex(e.lhs)} = {_tex(e.rhs)}$") for name, e in found]


def _equations(cells: Sequence[Cell]) -> list[str]:
    text = [rf"{name} & {equation} \\" for name, equation in equations(cells)]
    if not text:
        return []
    spaced = [*(f"{line}[1ex]" for line in text[:-1]), text[-1]]
    return [r"\par\medskip\noindent", *_tabular("ll", spaced), r"\par\smallskip\noindent", *READING]


class _Printer(Printer):
    """Means in square brackets, a sum behind its factors, and a case of zero as an indicator, which amsmath is not."""

    def _call(self, name: str, arguments: Iterable[sp.Expr], exp: str | None = None) -> str:
        text = super()._call(name, arguments, exp)
        return rf"{name}\,[{text.removeprefix(name)[1:-1]}]" if name == str(mean) else text

    def _print_Mul(self, expr: sp.Mul) -> str:
        total = next((factor for factor in expr.args if isinstance(factor, sp.Sum)), None)
        return super()._print_Mul(expr) if total is None else f"{self._print(expr / total)} {self._print(total)}"

    def _print_Piecewise(self, expr: sp.Piecewise) -> str:
        (value, condition), _ = expr.args
        return rf"{self._print(value)}\,\mathbf{{1}}[{self._print(condition)}]"


def _tex(expr: sp.Basic) -> str:
    return str(_Printer({}).doprint(expr))
