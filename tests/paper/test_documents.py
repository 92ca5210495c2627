"""Fragments and documents: balanced, labelled, and compiled where LaTeX is installed."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from symlimits.cli import main
from symlimits.paper.chapters import Section
from symlimits.paper.claims import PAPERS, TABLE, claims, find
from symlimits.paper.documents import KEPT, Table, collected, columns, fragment, standalone, tabular
from symlimits.paper.figures import FIGURES
from symlimits.paper.macros import FILE, definitions
from symlimits.paper.notation import MEANINGS, Notation, legend
from symlimits.paper.prose import pieces
from symlimits.paper.scope import scope
from symlimits.paper.statements import statement
from symlimits.reading.latex_text import balanced

Compiler = Callable[[Path], str]
MACHINE = re.compile(r"[_^=<>*/]|\b(?<!')(?:phi|rho|sigma|Theta|alpha|eta|[b-zB-Z])\b|\d - ")  # of a formula as words


def words_only(text: str) -> str:
    return "".join(pieces(text)[::2])


GELU = "x*(1+erf(x/sqrt(2)))/2"


def test_a_fragment_is_one_labelled_display() -> None:
    tex = fragment("dual-relu", statement("dual", "relu"))
    assert tex.count(r"\label{eq:dual-relu}") == 1
    assert tex.startswith("%")
    assert r"\documentclass" not in tex
    assert balanced(tex)


def test_notation_reaches_the_document() -> None:
    tex = standalone(statement("dual", "linear"), "dual", {"c": r"\kappa"})
    assert r"\kappa" in tex
    assert balanced(tex)


def test_tables_line_up() -> None:
    rows = [["a & b", "50%"], ["c", ""]]
    assert columns(["x", "y"], rows) == "x      y\na & b  50%\nc"
    assert r"a \& b & 50\% \\" in tabular(["x", "y"], rows)


def test_the_table_of_claims() -> None:
    names = [claim.name for claim in TABLE]
    assert len(set(names)) == len(names) == len(claims())
    assert all(name.replace("-", "").isalnum() for name in names)
    assert all(claim.title and claim.source for claim in TABLE)
    assert {claim.paper for claim in TABLE} == set(PAPERS) == set(MEANINGS)
    assert sum(len(claims(paper)) for paper in PAPERS) == len(TABLE)
    assert find("ntk-relu").name == "ntk-relu"


def test_formulas_of_titles_stand_between_dollars() -> None:
    titles = [claim.title for claim in TABLE] + [f.caption for paper in PAPERS for f in FIGURES[paper]]
    for title in [*titles, *(words for meanings in MEANINGS.values() for words in meanings.values())]:
        assert not MACHINE.search(words_only(title)), title
        assert balanced("".join(pieces(title)[1::2]))
    for typed in ("networks of any depth L", "decay of 1 - rho with depth", "networks, L = 2", "of x*erf(x)"):
        assert MACHINE.search(typed)


@pytest.mark.slow
def test_formulas_of_domains_observables_and_orders_stand_between_dollars() -> None:
    for claim in TABLE:
        said = scope(claim.build())
        assert not MACHINE.search(words_only(said)), f"{claim.name}: {said}"


def test_claims_are_derived_to_a_closed_form() -> None:
    for name in ("dual-cubic", "dual-leaky-relu", "dual-exp", "nngp-relu", "sphere-relu"):
        assert find(name).build().has_closed_form, name


def test_every_fragment_compiles_in_one_document(pdflatex: Compiler, tmp_path: Path) -> None:
    names = ("dual-relu", "ntk-relu", "sphere-relu", "output-finite", "trained-path")
    (tmp_path / FILE).write_text(definitions())
    folder = tmp_path / "paper"
    folder.mkdir()
    for name in names:
        (folder / f"{name}.tex").write_text(fragment(name, find(name).build()))
    sections = [Section(name, f"100% of {name}, $p_1$", "a & b", "p > 0_", find(name).code) for name in names]
    sections[1:3] = [part._replace(group="100%", title=f"100%: $q$ of {part.name}") for part in sections[1:3]]
    letters, made = legend("lee2019", Notation(rho=r"\varrho")), Table("A & $b$", ["$x$", "_"], [["1%", "$p$"]], "$y$")
    (folder / "all.tex").write_text(
        collected("All & more", letters, tabular(["x"], [["y_1"]]), sections, tables=[made])
    )
    assert "Overfull" not in pdflatex(folder / "all.tex")
    assert "undefined" not in pdflatex(folder / "all.tex")  # the second run knows the labels


def test_no_heading_is_left_behind_by_its_formula(pdflatex: Compiler, tmp_path: Path) -> None:
    """Sections that begin at many heights above the foot of a page: the formula is on the page of the heading."""
    (tmp_path / FILE).write_text(definitions())
    folder = tmp_path / "paper"
    folder.mkdir()
    heights = [19 + 0.4 * k for k in range(14)]  # in cm, of 25.7
    sections = []
    for k, height in enumerate(heights):
        display = rf"\begin{{align}} x &= y \label{{eq:f{k}}} \end{{align}}\newpage\vspace*{{{height}cm}}"
        (folder / f"f{k}.tex").write_text(display)
        sections.append(Section(f"f{k}", "title", "source", "scope", "code(1)", "group" if k % 2 else ""))
    kept = collected("All", [], "", sections)

    def left_behind(tex: str) -> int:
        (folder / "all.tex").write_text(tex)
        pdflatex(folder / "all.tex")
        pages = dict(re.findall(r"newlabel\{(\w+:f\d+)\}\{\{\d+\}\{(\d+)\}", (folder / "all.aux").read_text()))
        return sum(pages[f"sec:f{k}"] != pages[f"eq:f{k}"] for k in range(len(heights)))

    assert left_behind(kept) == 0
    assert left_behind(kept.replace(KEPT, "{").replace(r"\input", r"\par\input")) > 0  # as a paragraph before it


def test_a_fragment_is_input_by_a_paper_of_its_own(pdflatex: Compiler, tmp_path: Path) -> None:
    (tmp_path / "dual-relu.tex").write_text(fragment("dual-relu", statement("dual", "relu")))
    (tmp_path / FILE).write_text(definitions())
    body = r"\newcommand{\slE}{\mathrm{E}}\input{macros}\input{dual-relu} By \eqref{eq:dual-relu}, done."
    paper = r"\documentclass{article}\usepackage{amsmath, amssymb}\begin{document}" + body + r"\end{document}"
    (tmp_path / "paper.tex").write_text(paper)
    pdflatex(tmp_path / "paper.tex")
    assert "undefined" not in pdflatex(tmp_path / "paper.tex")  # the second run knows the labels


def test_what_derive_writes_compiles(pdflatex: Compiler, tmp_path: Path) -> None:
    assert main(["derive", "ntk", "--activation", GELU, "--depth", "3", "--out", str(tmp_path)]) == 0
    pdflatex(tmp_path / "ntk.tex")
