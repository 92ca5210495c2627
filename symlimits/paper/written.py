"""What a reproduction leaves in its folder: texts, figures, the report, and PDFs where LaTeX is installed.

What a missing package or program would have made is left out, and said; everything else is written.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from symlimits.errors import NoRule
from symlimits.paper import claims_table
from symlimits.paper.figures import FIGURES
from symlimits.paper.files import write_files
from symlimits.paper.notation import Notation
from symlimits.paper.report import report
from symlimits.paper.reproduce import Outcome, papers, texts

T = TypeVar("T")

REPORT = "report.html"
RUNS = 2  # of LaTeX: the second knows the labels
PATIENCE = 120  # seconds


def write(
    folder: Path, outcomes: Sequence[Outcome], notation: Notation, progress: Callable[[str], None] | None = None
) -> list[str]:
    """Write all files of outcomes; returns what was written, and what was not and why, in sentences."""
    tell = progress or (lambda _: None)
    said: list[str] = []
    tell("figures")
    none: dict[str, bytes] = {}
    figures = _or_said(lambda: _figures(papers(outcomes)), none, "no figures", said)
    files: dict[str, str | bytes] = {**texts(outcomes, notation, bool(figures)), **figures}
    files[claims_table.FILE] = claims_table.table(outcomes)
    tell("the report")
    page = _or_said(lambda: report(outcomes, notation, bool(figures)), "", f"no {REPORT}", said)
    paths = write_files(folder, files | ({REPORT: page} if page else {}))
    tell("documents")
    compiled = [path for paper in papers(outcomes) if (path := _compiled(folder / paper / f"{paper}.tex", said))]
    return [f"{len(paths) + len(compiled)} files in {folder}{f', begin with {REPORT}' if page else ''}", *said]


def _or_said(make: Callable[[], T], otherwise: T, what: str, said: list[str]) -> T:
    try:
        return make()
    except NoRule as missing:
        said.append(f"{what}: needs {missing.wanted} ({missing.advice})")
        return otherwise


def _figures(names: Sequence[str]) -> dict[str, bytes]:
    """The figures of papers as PDF, by their names in the folder."""
    drawn = {}
    with TemporaryDirectory() as folder:
        for paper in names:
            for figure in FIGURES[paper]:
                path = Path(folder) / f"{figure.name}.pdf"
                figure.draw(path)
                drawn[f"{paper}/{figure.name}.pdf"] = path.read_bytes()
    return drawn


def _compiled(source: Path, said: list[str]) -> Path | None:
    """The PDF of a document; without LaTeX its source stays, and that is said once."""
    if shutil.which("pdflatex") is None:
        if not any("pdflatex" in line for line in said):
            said.append("no PDF of the documents: needs pdflatex (TeX Live); their sources are written")
        return None
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", source.name]
    for _ in range(RUNS):
        run = subprocess.run(command, cwd=source.parent, capture_output=True, timeout=PATIENCE)
        if run.returncode:
            said.append(f"{source} does not compile: see {source.with_suffix('.log')}")
            return None
    for ending in (".aux", ".log", ".out"):
        source.with_suffix(ending).unlink(missing_ok=True)
    return source.with_suffix(".pdf")
