"""The documentation builds without a warning, its links lead somewhere, and it asks nothing of a network."""

from __future__ import annotations

import inspect
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import symlimits as sl

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")

ROOT = Path(__file__).resolve().parent.parent
LOADED = re.compile(r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["'](?:https?:)?//""")
INSIDE = re.compile(r"""href="([^"#:]+\.html)(?:#([^"]*))?\"""")
PICTURES = re.compile(r'<img[^>]*src="([^"]*)"')
QUOTED = re.compile(r"<(pre|code)\b.*?</\1>", re.DOTALL)  # what is not read as a formula
TEX = re.compile(r"\\(?:frac|begin|end|mathbb|mathcal|sigma|Theta|quad|left|text)\b|\$")


@pytest.mark.slow
def test_the_documentation(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-q", "-W", str(ROOT / "docs"), str(tmp_path)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert built.returncode == 0, built.stderr
    paths = {path.resolve(): path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.html")}
    pages = {str(path.relative_to(tmp_path.resolve())): page for path, page in paths.items()}
    assert {"index.html", "reference.html", "gallery.html", "claims.html", "how_to.html"} <= set(pages)
    for path, page in paths.items():
        assert not LOADED.search(page), path
        for target, anchor in INSIDE.findall(page):
            there = (path.parent / target).resolve()
            assert there in paths, (path, target)
            assert not anchor or f'id="{anchor}"' in paths[there], (path, target, anchor)
        for source in PICTURES.findall(page):
            assert (path.parent / source).is_file(), (path, source)
        assert not (left := TEX.search(QUOTED.sub("", page))), (path, page[left.start() - 80 : left.end() + 80])
    assert pages["reference.html"].count("<math") > 50


@pytest.mark.slow
def test_every_script_has_a_page_and_every_name_an_entry() -> None:
    """What a page is made of: a script's words and print, a name's docstring; a script or a name without is told."""
    pages = runpy.run_path(str(ROOT / "docs" / "pages.py"))
    scripts = {path.stem for path in (ROOT / "derivations").glob("*.py")}
    listed = [name for names in pages["TOPICS"].values() for name in names]
    assert sorted(listed) == sorted(scripts)
    for name in listed:
        folder, source = ROOT / "docs" / "derivations", (ROOT / "derivations" / f"{name}.py").read_text("utf-8")
        assert (folder / f"{name}.txt").stat().st_size > 0, name
        assert (folder / f"{name}.png").is_file() == ("--figure" in source), name
        assert len(pages["said"](name)[1]) > 50, name
    reference = pages["reference"]()
    for name in sl.__all__:
        value = sl.errors if name == "SymlimitsError" else getattr(sl, name)  # it is explained among its children
        where = value.__name__ if inspect.ismodule(value) else f"{value.__module__}.{value.__qualname__}"
        assert f":: {where}\n" in reference, name
