"""What a reproduction leaves in its folder: texts, figures, the report, and PDFs where LaTeX is installed.

What a missing package or program would have made is left out, and said; everything else is written.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from symlimits.errors import NoRule
from symlimits.paper import claims_table
from symlimits.paper.figures import FIGURES
from symlimits.paper.files import write_files
from symlimits.paper.notation import Notation
from symlimits.paper.report import report
from symlimits.paper.reproduce import Outcome, papers, texts, used
from symlimits.paper.swap import replace_folder, set_aside

T = TypeVar("T")

REPORT = "report.html"
RUNS = 4  # of LaTeX at most: the second knows the labels, a third the widths of tables that show them
AGAIN = "Rerun"
PATIENCE = 120  # seconds


def write(
    folder: Path,
    outcomes: Sequence[Outcome],
    notation: Notation,
    progress: Callable[[str], None] | None = None,
    left: Sequence[str] = (),
) -> list[str]:
    """Write all files of outcomes; returns what was written, and what was not and why, in sentences.

    Everything is made before the folder is replaced, the PDFs too: what ends this early changes nothing. Other files
    in the folder stay, but those that `left` names.
    """
    tell = progress or (lambda _: None)
    said: list[str] = []
    tell("figures")
    none: dict[str, bytes] = {}
    figures = _or_said(lambda: _figures(papers(outcomes)), none, "no figures", said)
    files: dict[str, str | bytes] = {**texts(outcomes, notation, bool(figures)), **figures}
    files[claims_table.FILE] = claims_table.table(outcomes)
    tell("the report")
    page = _or_said(lambda: report(outcomes, notation, bool(figures)), "", f"no {REPORT}", said)
    tell("documents")
    files |= _compiled(papers(outcomes), files, said) | ({REPORT: page} if page else {})
    count, why = replace_folder(folder, files, left=left)
    said += [f"{folder} was filled file by file: {why}"] if why else []
    said += [f"{old} stays: not all of its files could be moved into {folder}" for old in set_aside(folder)]
    said += _left_over(folder, [f"{paper}/{paper}.pdf" for paper in papers(outcomes)], files)
    said += [f"notation for {name}: no statement has this symbol" for name in sorted(set(notation) - used(outcomes))]
    return [f"{count} files in {folder}{f', begin with {REPORT}' if page else ''}", *said]


def _left_over(folder: Path, names: Sequence[str], files: Mapping[str, str | bytes]) -> list[str]:
    """What an earlier run has left beside new files, in sentences."""
    return [f"{folder / name} is of an earlier run" for name in names if name not in files and (folder / name).exists()]


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


def _compiled(names: Sequence[str], files: Mapping[str, str | bytes], said: list[str]) -> dict[str, bytes]:
    """The PDFs of documents, made in a folder apart; without LaTeX there are none, and that is said."""
    if shutil.which("pdflatex") is None:
        said.append("no PDF of the documents: needs pdflatex (TeX Live); their sources are written")
        return {}
    made: dict[str, bytes] = {}
    with TemporaryDirectory() as folder:
        write_files(Path(folder), files)
        for paper in names:
            source = Path(folder) / paper / f"{paper}.tex"
            ending = ".pdf" if _runs(source) else ".log"
            if ending == ".log":
                said.append(f"no {paper}.pdf: {paper}.tex does not compile, see {paper}.log")
            result = source.with_suffix(ending)
            made |= {f"{paper}/{result.name}": result.read_bytes()} if result.exists() else {}
    return made


def _runs(source: Path) -> bool:
    """Whether LaTeX gets through a document, as often as it asks to."""
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", source.name]
    quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "errors": "replace"}
    run = partial(subprocess.run, cwd=source.parent, timeout=PATIENCE, **quiet)
    try:
        for _ in range(RUNS):
            done = run(command)
            if done.returncode or AGAIN not in done.stdout:
                break
        return not done.returncode
    except subprocess.TimeoutExpired:
        return False
