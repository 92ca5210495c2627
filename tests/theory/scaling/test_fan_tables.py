"""The table of the limit models and the chains of exponents on a page: what they say, and that they fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sympy as sp

import symlimits as sl
from symlimits.errors import DomainError
from symlimits.reading.latex import document
from symlimits.theory.scaling import Fan, LimitModel
from symlimits.theory.scaling.cells import SIZES as WORDS
from symlimits.theory.scaling.tables import SIZES, sizes

ARTICLE = "\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n%s\n\\end{document}\n"
NARROW = 60  # letters: the text of a plain article, 345 pt
MOTION = {"constant": "$0$", "evolve": "$1$", "forgotten": "$0$", "kept": "$1$"}


@pytest.fixture(scope="module")
def fan() -> Fan:
    return sl.scaling.one_hidden_layer()


def test_the_table_fits_a_plain_article(fan: Fan, pdflatex: Callable[[Path], str], tmp_path: Path) -> None:
    for name, table in (("fits", fan.latex()), ("wide", fan.latex().replace("2.5pt", "9pt"))):
        (tmp_path / f"{name}.tex").write_text(ARTICLE % table, encoding="utf-8")
        log = pdflatex(tmp_path / f"{name}.tex")
        assert ("Overfull" in log) == (name == "wide"), log
        assert "undefined" not in log


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_chains_of_exponents_fit(optimizer: str, pdflatex: Callable[[Path], str], tmp_path: Path) -> None:
    found = sl.scaling.abc(2, optimizer).limits().values()
    sheet = document([limit.latex() for limit in found])
    article = document([limit.latex(width=NARROW) for limit in found]).replace("[margin=2cm]{geometry}", "{booktabs}")
    for name, text in (("sheet", sheet), ("article", article)):
        (tmp_path / f"{name}.tex").write_text(text, encoding="utf-8")
        assert "Overfull" not in pdflatex(tmp_path / f"{name}.tex")


def test_a_maximum_is_cut_between_its_arguments() -> None:
    text = sl.scaling.abc(2).limits("r_1").latex()
    rows = text.split(r"\\")
    assert len(rows) == 11
    assert text.count(r"\max\bigl(") == text.count(r"\bigr)") == 2
    assert all(row.count("(") <= 2 for row in rows)
    assert r"df_{\mathrm{readout}}" in sl.scaling.abc(2).limits("df_readout").latex()
    for width in (10, True, 80.0, "80"):
        with pytest.raises(DomainError, match="letters across the page"):
            sl.scaling.abc(2).limits("r_1").latex(width=width)  # type: ignore[arg-type]


@pytest.mark.parametrize("rates", ["shared", "separate"])
def test_sizes_say_what_the_properties_say(rates: str) -> None:
    """The table's sizes come from exponents, the properties from the calculus's signs at the faces."""
    symbols = {WORDS[sign]: SIZES[sign] for sign in WORDS} | MOTION
    for cell in sl.scaling.one_hidden_layer(rates).cells:
        assert list(sizes(cell)) == [symbols[word] for word in cell.properties.values()], cell.name


def test_every_equation_stands_once_and_fractions_are_in_line(fan: Fan) -> None:
    above, below = fan.latex().split(r"\end{tabular}", 1)
    assert r"\frac" not in above
    assert "-1/2 < q + q_{\\sigma} < 0" in above
    for start in (
        r"\Theta_{0}(x, z) =",
        r"F^{(0)}(x) =",
        r"F^{(k+1)}(x) =",
        r"F^{(1)}(x) =",
        r"{g^{(k)}_{i}} = - y_{i}\,",
    ):
        assert below.count(start) == 1, start
    assert r"A, B & $\Theta_{0}(x, z) =" in below


def test_an_index_prints_below_the_superscript() -> None:
    (gradient,) = {line.lhs for line in LimitModel("kernel", ("zero", "logit")).equations[-1:]}
    assert (str(gradient), sp.latex(gradient)) == ("g^{(k)}[i]", "{g^{(k)}_{i}}")
    assert sp.latex(gradient**2) == "{g^{(k)}_{i}}^{2}"
    assert gradient in LimitModel("kernel", ("zero", "logit")).equations[1].rhs.atoms(type(gradient))
