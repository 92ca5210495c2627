"""The documentation builds without a warning, its links lead somewhere, and it asks nothing of a network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")

ROOT = Path(__file__).resolve().parent.parent
LOADED = re.compile(r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["'](?:https?:)?//""")
INSIDE = re.compile(r"""href="([^"#:]+\.html)(?:#([^"]*))?\"""")


@pytest.mark.slow
def test_the_documentation(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-q", "-W", str(ROOT / "docs"), str(tmp_path)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert built.returncode == 0, built.stderr
    pages = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.html")}
    assert {"index.html", "reference.html", "gallery.html", "claims.html", "how_to.html"} <= set(pages)
    for name, page in pages.items():
        assert not LOADED.search(page), name
        for target, anchor in INSIDE.findall(page):
            assert target in pages, (name, target)
            assert not anchor or f'id="{anchor}"' in pages[target], (name, target, anchor)
    assert pages["reference.html"].count("<math") > 50
