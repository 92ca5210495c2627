"""The LaTeX reading: what the formulas look like, where lines break, and that a document of them compiles."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import sympy as sp

from symlimits.derivation.trace import Step
from symlimits.errors import DomainError
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.recursion import Recursion
from symlimits.reading.latex import align, document, latex
from symlimits.reading.latex_text import balanced, escape, rendered_width
from tests.formulas_by_hand import (
    ACTIVATIONS,
    HALF,
    LEFT,
    K_xx,
    K_xz,
    K_zz,
    L,
    c,
    chain,
    dual,
    ntk,
    p,
    q,
    relu,
    s,
    sigma_b,
    sigma_w,
    trace,
    u,
    v,
)

NARROW = 40  # letters: a page on which most lines must be broken
OVERFULL = 32  # points: one expectation, that of x erf(x) after Price's theorem, cannot be broken; the others keep 20


def fragments() -> list[str]:
    derivations = [align(LEFT, trace(name)) for name in ACTIVATIONS]
    recursions = [
        align(r"\Theta(x, z)", chain(ntk(L), ntk(L, closed=True)), label="eq:ntk"),
        align(
            "K(x, z)",
            chain(ntk(L, 2, output=K_xz, closed=True)),
            {"K_xz": r"\Sigma(x, z)", "c": r"\langle x, z\rangle"},
        ),
    ]
    return [*derivations, *recursions, latex(ntk(3)), latex(trace("relu")[-1].expr)]


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("width", [NARROW, 80, 10**6])
def test_derivations_are_balanced_line_by_line(name: str, width: int) -> None:
    tex = align(LEFT, trace(name), width=width)
    assert balanced(tex)
    assert all(map(balanced, tex.splitlines()[1:-1]))  # the first and the last line begin and end the environment
    assert len(re.findall(r"\\bigg?l\(", tex)) == len(re.findall(r"\\bigg?r\)", tex))
    assert tex.count(r"\text{(") == len(trace(name))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_no_names_of_sympy_are_left(name: str) -> None:
    tex = align(LEFT, trace(name))
    for stranger in ("Heaviside", r"\theta", "Dirac", "asin", "Max", r"\limits", "Expectation", r"\left(u"):
        assert stranger not in tex


LONG = sp.Rational("0.745891947527984280325583179702")


@pytest.mark.parametrize(
    ("expr", "tex"),
    [
        (sp.sqrt(p * q - c**2), r"\sqrt{p q - c^{2}}"),
        (1 / (sp.sqrt(p) * sp.sqrt(q)), r"\frac{1}{\sqrt{p q}}"),
        (p ** (3 * HALF) * q ** (3 * HALF), r"(p q)^{3/2}"),
        (1 / sp.sqrt((2 * p + 1) * (2 * q + 1) - 4 * c**2), r"\frac{1}{\sqrt{(2 p + 1) (2 q + 1) - 4 c^{2}}}"),
        (sp.sqrt(2) * u / (4 * sp.sqrt(sp.pi)), r"\frac{u}{2 \sqrt{2 \pi}}"),
        (sp.sqrt(u) * sp.sqrt(v), r"\sqrt{u} \sqrt{v}"),  # u and v may be negative
        (-(c**2) - p, "- c^{2} - p"),
        (-(c**3) + 2 * c**2 - 3 * c + 4, "4 - 3 c + 2 c^{2} - c^{3}"),
        (c**3 - 2 * c**2 + 3 * c - 4, "c^{3} - 2 c^{2} + 3 c - 4"),
        (LONG, "0.745891947527984280325583179702"),
        (c - LONG * c**2, "c - 0.745891947527984280325583179702 c^{2}"),
        (-LONG * c / 2, "- 0.372945973763992140162791589851 c"),
        (sp.exp(-LONG * c**2), r"\exp(- 0.745891947527984280325583179702 c^{2})"),
        (c - (p - q) * c / 2, r"c - \frac{c (p - q)}{2}"),
        (sp.Mul(-1, p + q, evaluate=False), "- (p + q)"),
        (sp.Add(u, sp.Mul(-1, p + q, evaluate=False), evaluate=False), "u - (p + q)"),
        (sp.Mul(2, -c, u, evaluate=False), "2 u (- c)"),
        (2 * 3**c, r"2 \cdot 3^{c}"),
        (sp.exp(-p / 2 - q / 2) * sp.sinh(c), r"e^{-(p + q)/2} \sinh(c)"),
        (sp.exp(c / (p + q)), r"\exp\left(\frac{c}{p + q}\right)"),
        (sp.asin(c / p), r"\arcsin\left(\frac{c}{p}\right)"),
        (sp.asinh(c), r"\operatorname{arsinh}(c)"),
        (sp.Max(u, 0) ** 2, r"\max(0, u)^{2}"),
        (sp.Heaviside(u), r"\mathbf{1}_{u > 0}"),
        (2 * sp.Heaviside(u) - 1, r"2 \cdot \mathbf{1}_{u > 0} - 1"),
        (sp.Heaviside(u - 1, HALF), r"\mathbf{1}_{u > 1}"),
        (sp.Heaviside(1 - u, HALF), r"\mathbf{1}_{u < 1}"),
        (sp.DiracDelta(u) + sp.DiracDelta(u, 1), r"\delta(u) + \delta^{(1)}(u)"),
        (sp.LambertW(c), r"\operatorname{LambertW}(c)"),
        (sp.erf(u / sp.sqrt(2)), r"\operatorname{erf}\left(\frac{u}{\sqrt{2}}\right)"),
        (sp.Abs(u), r"\left|u\right|"),
        (sp.Integral(c - s, (s, 0, c)), r"\int_{0}^{c} (c - s) \,ds"),
        (sp.Integral(s, (s, 0, c)) * u / 2 + 1, r"1 + \frac{u}{2} \, \int_{0}^{c} s \,ds"),
        (sigma_b**2 + sigma_w**2 * p / 2, r"\frac{\sigma_{w}^{2} p}{2} + \sigma_{b}^{2}"),
        (
            c * GaussianExpectation(u**2, (u,), [[p]]) / 6,
            r"\frac{c}{6} \, \mathbb{E}_{u \sim \mathcal{N}(0, p)}\left[u^{2}\right]",
        ),
    ],
)
def test_what_formulas_look_like(expr: sp.Expr, tex: str) -> None:
    assert latex(expr) == tex


def test_pair_expectation() -> None:
    law = r"(u, v) \sim \mathcal{N}\left(0, \left(\begin{smallmatrix} p & c \\ c & q \end{smallmatrix}\right)\right)"
    assert latex(dual(relu, p, q, c)) == rf"\mathbb{{E}}_{{{law}}}\left[\max(0, u) \max(0, v)\right]"


def test_recursion_is_printed_not_substituted() -> None:
    tex = latex(ntk(L))
    assert tex.startswith(r"\Theta^{L + 1}, \quad \text{where} \quad \begin{aligned}")
    assert r"K^{1}_{xx} &= \sigma_{w}^{2} p + \sigma_{b}^{2}," in tex
    assert r"K^{\ell + 1}_{xz} &= " in tex
    assert r"\ell = 1, \dots, L" in tex
    assert r"\begin{smallmatrix} K^{\ell}_{xx} & K^{\ell}_{xz} \\ K^{\ell}_{xz} & K^{\ell}_{zz}" in tex
    assert len(latex(ntk(100))) < len(tex) + 5


def test_a_long_block_of_definitions_stands_in_rows_of_the_display() -> None:
    """Relations stand below each other: left-hand sides end where the widest does, and what goes on begins there."""
    tex = align(r"\Theta(x, z)", chain(ntk(L), ntk(L, closed=True)))
    assert "aligned" not in tex
    rows = re.findall(r"^&\\rlap\{\$\\displaystyle\{\} \\quad (.*)\$\}", tex, flags=re.MULTILINE)
    assert len(rows) > 10
    beside = re.compile(r"\\hphantom\{(K.*?\}_\{..\})\}(\\llap\{\$\\displaystyle .*?\$\} =| \\quad )")
    widest = {found[1] for row in rows if (found := beside.match(row))}
    assert widest == {r"K^{\ell + 1}_{xx}"}
    assert all(beside.match(row) or row.startswith(r"K^{\ell + 1}_{xx} = ") for row in rows)
    assert "aligned" in align("C", chain(Recursion((K_xz,), (c,), [((K_xz**2,), L)], K_xz)))  # two rows stay together


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_pages_break_between_definitions(tmp_path: Path) -> None:
    text = document([align(r"\Theta(x, z)", chain(ntk(L), ntk(L, closed=True), ntk(L)))] * 6)
    pages = []
    for name, source in (("free", text), ("whole", text.replace(r"\allowdisplaybreaks", ""))):
        (tmp_path / f"{name}.tex").write_text(source, encoding="utf-8")
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-draftmode", f"{name}.tex"]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
        assert run.returncode == 0, run.stdout[-2000:]
        pages.append(len(re.findall(r"\[\d+", run.stdout)))
    assert pages[0] < pages[1]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_widths_are_those_of_tex(tmp_path: Path) -> None:
    """What a row is taken to be wide, and what it is; a letter is an eightieth of the line."""
    rows = [latex(step.expr) for name in ("relu", "gelu", "erf", "sin", "polynomial") for step in trace(name)]
    rows += re.findall(r"\\quad (.*)\$\}", align("K", chain(ntk(L), ntk(L, closed=True))))
    rows = [re.sub(r"\\hphantom\{[^$]*?\}\\llap\{\$\\displaystyle ([^$]*)\$\}", r"\1", row) for row in rows]
    long = [row for row in rows if rendered_width(row) > NARROW / 2 and "hphantom" not in row]
    measured = "".join(rf"\setbox0\hbox{{$\displaystyle {row}$}}\typeout{{W:\the\wd0}}" for row in long)
    (tmp_path / "w.tex").write_text(document([r"\[ x \]" + r"\typeout{L:\the\textwidth}" + measured]), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-draftmode", "w.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    (line,) = map(float, re.findall(r"L:([\d.]+)pt", run.stdout))
    widths = [80 * float(width) / line for width in re.findall(r"W:([\d.]+)pt", run.stdout)]
    assert len(widths) == len(long) > 20
    ratios = [width / rendered_width(row) for width, row in zip(widths, long, strict=True)]
    flat = [ratio for ratio, row in zip(ratios, long, strict=True) if row.count("frac") < 2]
    assert min(flat) > 0.8  # fractions in fractions are smaller, and count in full
    assert max(ratios) < 1.06, "rows would reach beyond the margin"


def test_equations_alike_are_printed_once() -> None:
    tex = latex(ntk(L))
    assert r"\quad \text{likewise } K^{\ell + 1}_{zz}," in tex
    assert r"K^{\ell + 1}_{zz} &=" not in tex


def test_equations_not_alike_are_all_printed() -> None:
    swapped = Recursion((K_xx, K_zz), (p, q), [((K_zz**2, K_xx**2), L)], K_xx)
    assert latex(swapped).count(r"\ell + 1") == 2
    assert "likewise" not in latex(swapped)


@pytest.mark.parametrize(
    ("counts", "value", "ranges"),
    [
        ((1,), "2", [r"\ell = 1"]),
        ((3,), "4", [r"\ell = 1, 2, 3"]),
        ((5, 2), "8", [r"\ell = 1, \dots, 5", r"\ell = 6, 7"]),
        ((L, 2), "L + 3", [r"\ell = 1, \dots, L", r"\ell = L + 1, L + 2"]),
    ],
)
def test_ranges_of_the_stages(counts: tuple[object, ...], value: str, ranges: list[str]) -> None:
    tex = latex(ntk(*counts))
    assert tex.startswith(rf"\Theta^{{{value}}},")
    assert re.findall(r"\\ell = .*?(?=,? \\\\\n|\n)", tex) == ranges
    assert tex.count(r"K^{\ell + 1}_{xx} &=") == len(counts)


def test_recursion_inside_a_formula() -> None:
    tex = latex(ntk(2, output=K_xz) ** 2 + ntk(2))
    assert tex.startswith(r"(K^{3}_{xz})^{2} + \Theta^{3}, \quad \text{where}")
    assert tex.count(r"K^{1}_{xz} &= \Theta^{1} = ") == 1  # what starts alike is said once


def test_two_recursions_with_the_same_states_are_refused() -> None:
    with pytest.raises(DomainError, match="two recursions with a state called K_xx"):
        latex(ntk(2) + ntk(3))


def test_lines_break_between_terms_at_the_width() -> None:
    expr = sum(sp.Symbol(f"a{i}") ** 2 / (i + 2) for i in range(30))
    rows = align("T", chain(expr), width=60).splitlines()[1:-1]
    assert len(rows) > 1
    assert all(row.startswith(r"&\quad + ") for row in rows[1:])
    assert all(rendered_width(row) <= 60 for row in rows)
    assert len(align("T", chain(expr), width=10**6).splitlines()) == 3


def test_a_long_factor_is_broken_in_brackets_that_bear_it() -> None:
    long = sum(sp.Symbol(f"a{i}") / (i + 2) for i in range(12))
    tex = align("T", chain(sp.Integral((c - s) * long / p, (s, 0, c))), width=60)
    assert r"\int_{0}^{c} \frac{c - s}{p} \biggl(\frac{a_{0}}{2}" in tex
    assert r"\biggr) \,ds" in tex
    assert r"&\quad \quad + " in tex


def test_a_label_is_on_the_last_line_only() -> None:
    tex = align(LEFT, trace("relu"), label="eq:relu")
    *before, last = tex.splitlines()[1:-1]
    assert tex.startswith(r"\begin{align}")
    assert last.endswith(r"\label{eq:relu}")
    assert all(line.endswith(r"\notag \\") for line in before)


def test_rules_are_escaped() -> None:
    assert r"\text{(50\% \& a\_b\{\})}" in align("T", [Step(c, "50% & a_b{}", "")])
    assert escape("\\^~") == r"\textbackslash{}\textasciicircum{}\textasciitilde{}"


@pytest.mark.parametrize("tex", ["{", "}", r"\left(", r"\begin{a}\end{b}", r"\left( { \right) }", r"\end{a}"])
def test_unbalanced(tex: str) -> None:
    assert not balanced(tex)


def test_balanced_looks_at_delimiters_only() -> None:
    assert balanced(r"\{ \leftarrow \left\{ \begin{a} \\ \end{a} \right. \\{x}")


def test_closed_forms_are_mathtext() -> None:
    mathtext = pytest.importorskip("matplotlib.mathtext")
    for name in ACTIVATIONS:
        tex = latex(trace(name)[-1].expr)
        if r"\begin" not in tex:  # mathtext knows no environments
            mathtext.MathTextParser("path").parse(f"${tex}$")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_everything_compiles_in_one_document(tmp_path: Path) -> None:
    (tmp_path / "all.tex").write_text(document(fragments(), title="All of 100% & more"), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert run.returncode == 0, run.stdout[-2000:]
    too_wide = sorted(map(float, re.findall(r"Overfull \\hbox \((.*?)pt", run.stdout)))
    assert all(points < 20 for points in too_wide[:-1])
    assert all(points < OVERFULL for points in too_wide)
