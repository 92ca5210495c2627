"""The private folder: made for us alone, replaced where it cannot be, written to atomically."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from symlimits import disk
from symlimits.reading import cache


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX")
def test_folder_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMLIMITS_CACHE_DIR", str(tmp_path / "new"))
    assert disk.cache_folder() == tmp_path / "new"
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX")
@pytest.mark.parametrize("mode", [0o777, 0o720])
def test_folder_open_to_others_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(mode)
    monkeypatch.setenv("SYMLIMITS_CACHE_DIR", str(shared))
    chosen = disk.cache_folder()
    assert chosen != shared
    assert chosen == disk.cache_folder(), "one temporary folder a process"
    assert cache.load_source(f"mode = {mode}").mode == mode
    assert not list(shared.iterdir())


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        disk.write_atomically(tmp_path / "taken", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    disk.write_atomically(tmp_path / "free", "text", time=1e9)
    assert ((tmp_path / "free").read_text(), (tmp_path / "free").stat().st_mtime) == ("text", 1e9)
