"""Figures: their size, files and refusals, with matplotlib and without."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from symlimits import canvas
from symlimits.errors import DataError, DomainError, NoRule


def test_a_figure_is_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = canvas.figure(4, 3)
    assert found.get_size_inches().tolist() == [4, 3]
    canvas.save(found, tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    for path in (tmp_path / "x.docx", tmp_path / "none" / "x.png"):
        with pytest.raises(DataError, match="a place for"):
            canvas.save(found, path)
    for path in (None, 3, ["x.png"]):
        with pytest.raises(DomainError, match="the path of"):
            canvas.save(found, path)


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(NoRule, match="symlimits\\[plot\\]"):
        canvas.figure(4, 3)
