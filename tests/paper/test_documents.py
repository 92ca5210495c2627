"""Fragments and documents: balanced, labelled, and compiled where LaTeX is installed."""

from collections.abc import Callable
from pathlib import Path

from symlimits.cli import main
from symlimits.paper.claims import PAPERS, TABLE, claims, find
from symlimits.paper.documents import Section, collected, columns, fragment, standalone, tabular
from symlimits.paper.macros import FILE, definitions
from symlimits.paper.notation import MEANINGS, Notation, legend
from symlimits.paper.statements import statement
from symlimits.reading.latex_text import balanced

Compiler = Callable[[Path], str]
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
    sections = [Section(name, f"100% of {name}", "a & b", "p > 0_", find(name).code) for name in names]
    letters = legend("lee2019", Notation(rho=r"\varrho"))
    (folder / "all.tex").write_text(collected("All & more", letters, tabular(["x"], [["y_1"]]), sections))
    assert "Overfull" not in pdflatex(folder / "all.tex")
    assert "undefined" not in pdflatex(folder / "all.tex")  # the second run knows the labels


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
