"""The report in HTML: it needs nothing beside it, says every statement, and a browser shows its formulas."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from symlimits.errors import NoRule
from symlimits.paper.claims import find
from symlimits.paper.mathml import mathml
from symlimits.paper.notation import Notation
from symlimits.paper.report import report
from symlimits.paper.reproduce import Outcome, examine

pytest.importorskip("jinja2")
pytest.importorskip("latex2mathml")

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NAMES = ("dual-linear", "sphere-relu")
OUTSIDE = re.compile(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""")


class Balanced(HTMLParser):
    """Tags that are open, and errors in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.cells = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.cells += tag == "td"
        if tag not in ("meta", "img", "br"):
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return [examine(find(name), (16, 64, 256), 0) for name in NAMES]


@pytest.mark.slow
def test_the_report_stands_alone(outcomes: list[Outcome]) -> None:
    page = report(outcomes, Notation(rho=r"\varrho"), pictures=False)
    reader = Balanced()
    reader.feed(page)
    assert reader.opened == []
    assert not OUTSIDE.search(page)
    assert "<script" not in page
    for outcome in outcomes:
        assert f'id="{outcome.claim.name}"' in page
        assert outcome.claim.title[1:] in page
        assert all(f"{outcome.claim.paper}/{name}" in page for name in outcome.files)
    assert page.count("<math") > 20
    shown = re.sub(r"<(style|code)>.*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search(r"[$\\]|\boo\b", shown), "LaTeX or SymPy where a reader looks"


def test_alignments_become_tables() -> None:
    table = mathml("\\begin{align}\nf &= a && \\text{(one)} \\notag \\\\\n&\\rlap{$\\displaystyle{} \\quad "
                   "\\begin{aligned} b &= c \\\\ d &= e \\end{aligned}$} \\label{x}\n\\end{align}")  # fmt: skip
    reader = Balanced()
    reader.feed(table)
    assert reader.opened == []
    assert table.count("<table") == 2
    assert reader.cells == 6 + 4
    assert "label" not in table
    assert "notag" not in table
    assert "$" not in table  # nor any other LaTeX
    assert "rlap" not in table
    row = r"&\rlap{$\displaystyle{} \quad \hphantom{K^{10}}\llap{$\displaystyle d$} = e$}"
    below = mathml(f"\\begin{{align}}\n{row}\n\\end{{align}}")
    assert re.findall(r"<mi>(.)</mi>", below) == ["K", "d", "e"]
    assert below.count("<td") == 2
    assert "$" not in below
    assert "pt" not in mathml(r"\begin{pmatrix} 1 & 0 \\[2pt] 0 & 1 \end{pmatrix}")
    signs = {r"x = -1": 1, "[-1, -x]": 2, "(-x)": 1, "1 - x": 0, "x^{2} - 1": 0, r"\frac{1}{2} - 1": 0}
    assert all(mathml(tex).count('form="prefix">&#x02212;') == count for tex, count in signs.items())
    assert "<mtext>E</mtext>" in mathml(r"\mathrm{E} x")  # upright
    assert "\N{MATHEMATICAL BOLD DIGIT ONE}" in mathml(r"\mathbf{1}_{u > 0}")
    with pytest.raises(NoRule, match="outside an alignment"):
        mathml("a & b")


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no browser is installed")
def test_in_a_browser(outcomes: list[Outcome], tmp_path: Path) -> None:
    """Formulas have a size on the screen, and nothing is asked for from outside."""
    page = report(outcomes, Notation(), pictures=False)
    measure = """<script>const all = [...document.querySelectorAll('math')].map(m => m.getBoundingClientRect());
document.title = 'shown ' + all.filter(r => r.width > 3 && r.height > 3).length + ' of ' + all.length + ', asked '
  + performance.getEntriesByType('resource').length</script>"""
    (tmp_path / "report.html").write_text(page.replace("</body>", measure + "</body>"))
    assert BROWSER is not None
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    shown = subprocess.run(
        [*command, "--dump-dom", str(tmp_path / "report.html")], capture_output=True, text=True, timeout=100, check=True
    ).stdout
    title = re.search(r"<title>shown (\d+) of (\d+), asked (\d+)</title>", shown)
    assert title is not None
    assert title[1] == title[2]
    assert int(title[2]) > 20
    assert title[3] == "0"
