"""Straight lines in LaTeX: in order, with ranges, unsubstituted, balanced, and compiled where pdflatex exists."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import sympy as sp

from symlimits.derivation.trace import Step
from symlimits.errors import DomainError
from symlimits.language.block import Block, Entry, IdentityMatrix, Numbers, Transposed, blocks
from symlimits.language.straight_line import Definition, Loop, StraightLine
from symlimits.reading.latex import align, document, latex
from symlimits.reading.latex_text import balanced
from symlimits.theory.deep_linear.recursion import recursion

x, y, z, s = sp.symbols("x y z s", positive=True)
t, u, T, L, d, k = sp.symbols("t u T L d k", integer=True)
A, M = blocks("A", d, d), Block("Sigma_xx", (), (d, d))
SCALARS = StraightLine([Definition(y, 1 + x), Definition(z, y**2)], y + z)
RECURSION = recursion(L, T, d, k)
OVERFULL = re.compile(r"Overfull \\hbox")


@pytest.mark.parametrize(
    ("expr", "tex"),
    [
        (A(t), "A_{t}"),
        (A(t, u + 1), "A_{t}(u + 1)"),
        (A(t, u) ** 2, "A_{t}(u)^{2}"),
        (A(t) ** 2, "A_{t}^{2}"),
        (M, r"\Sigma_{xx}"),
        (2 * x * A(t) * Transposed(M), r"2 x A_{t} \Sigma_{xx}^{\top}"),
        (Transposed(A(t) * M) + IdentityMatrix(d), r"I_{d} + \left(A_{t} \Sigma_{xx}\right)^{\top}"),
        (Entry(A(t), 0, 1), "(A_{t})_{1,2}"),
        (Entry(Block("A", (t,), (1, 1)), 0, 0), "A_{t}"),
        (Entry(Block("M_2", (t,), (1, 1)), 0, 0), "M_{2}(t)"),
        (Entry(A(t) * M, 1, 0), r"\left(A_{t} \Sigma_{xx}\right)_{2,1}"),
        (Numbers([[1, x], [0, 2]]), r"\begin{pmatrix} 1 & x \\ 0 & 2 \end{pmatrix}"),
        (Numbers([[1, x / 2], [0, 2]]), r"\begin{pmatrix} 1 & \frac{x}{2} \\[2pt] 0 & 2 \end{pmatrix}"),
        (sp.Sum(A(u) * M, (u, 0, t - 1)) * A(0), r"\left(\sum_{u=0}^{t - 1} A_{u} \Sigma_{xx}\right) A_{0}"),
    ],
)
def test_matrices(expr: sp.Expr, tex: str) -> None:
    assert latex(expr) == tex


def test_scalars_in_order() -> None:
    assert latex(SCALARS) == (
        "y + z, \\quad \\text{where} \\quad \\begin{aligned}\n&y = x + 1, \\quad z = y^{2}\n\\end{aligned}"
    )


def test_ranges_are_said() -> None:
    body = [Definition(A(t), A(t - 1) * M)]
    for ends, said in (((1, T, 1), r"t = 1, \dots, T"), ((1, 2, 1), "t = 1, 2"), ((3, 1, -1), "t = 3, 2, 1")):
        first, last, step = ends
        line = StraightLine([Definition(A(0), 0), Loop(t, first, last, body, step)], A(T))
        assert rf"&A_{{t}} = A_{{t - 1}} \Sigma_{{xx}}, \quad {said}" in latex(line)


def test_the_recursion_can_be_followed() -> None:
    """Loops are said before what they hold, every definition once, nothing of SymPy is left."""
    tex = latex(RECURSION)
    assert balanced(tex)
    places = [tex.index(part) for part in (r"for } t = 0, \dots, T", r"\ell = 1, \dots, L", r"\ell = L, \dots, 1")]
    assert places == sorted(places)
    for name in (r"C_{\ell}(t, {t}') =", r"H_{\ell}(t, t) = I_{d}", r"\Phi_{\ell}(t, {t}') =", "A_{t} =", "E_{t} ="):
        assert tex.count(name) == 1
    tex = tex.replace("{t}'", "")
    for stranger in ("Block", "Transposed", "Sum", "'", "**"):
        assert stranger not in tex


def test_in_a_derivation_the_definitions_stand_below_the_line_and_once() -> None:
    steps = [Step(2 * SCALARS, "definition", "tests"), Step(SCALARS + SCALARS, "sum", "tests"), Step(x, "end", "tests")]
    tex = align("f(x)", steps)
    assert tex.count("z = y^{2}") == 1
    assert "aligned" not in tex, "pages may break between definitions"
    assert r"&\rlap{$\displaystyle{} \quad y = x + 1, \quad z = y^{2}$} \\" in tex, "they reach below the rules"
    assert balanced(tex)


def test_two_symbols_that_print_alike_are_refused() -> None:
    line = StraightLine([Definition(y, sp.Symbol("x", real=True) + x)], y)
    with pytest.raises(DomainError, match="both print as x"):
        latex(line)
    assert latex(line.subs(x, z)) == "x + z"


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex")
def test_it_fits_a_page(tmp_path: Path) -> None:
    lines = [SCALARS, RECURSION, recursion(1, 2), recursion(3, 20, 4, 2)]
    long = StraightLine([Definition(y, sp.Add(*(x**n / (n + 1) for n in range(40)))), Definition(z, y**2)], z)
    chain = align("a_2", [Step(recursion(2, 2), "definition", "tests")])
    rows = [rf"\noindent\mbox{{$a_2 {row}$}}" for row in re.findall(r"\\rlap\{\$(.*)\$\}", chain)]  # which TeX measures
    assert len(rows) > 10
    text = document([*map(latex, [*lines, long]), chain]).replace(
        r"\end{document}", "\n\n".join([*rows, r"\end{document}"])
    )
    (tmp_path / "lines.tex").write_text(text, encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "lines.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert not OVERFULL.search(done.stdout)
