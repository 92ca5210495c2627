"""The private folder: made for us alone, replaced where it cannot be, written to atomically."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from symlimits import disk
from symlimits.cli import main
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


def test_the_cache_is_cleared_of_our_files_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SYMLIMITS_CACHE_DIR", str(tmp_path / "cache"))
    source = "answer = 6 * 7"
    assert cache.load_source(source).answer == 42
    derived = disk.cache_folder() / f"d_{'0' * 32}.json"
    derived.write_text("lines")
    strangers = [disk.cache_folder() / name for name in ("notes.txt", "d_notes.json", f"x_{'0' * 32}.py")]
    for path in strangers:
        path.write_text("somebody's")
    found = disk.cached_files()
    assert derived in found
    assert not set(strangers) & set(found)
    size = sum(path.stat().st_size for path in found)
    kept = [path for path in found if path.suffix == ".lock"]  # a lock that goes while it is held is no lock
    assert main(["doctor", "--clear-cache"]) == 0
    assert f"{len(found) - len(kept)} files, {size / 1e6:.1f} MB removed" in capsys.readouterr().out
    assert disk.cached_files() == kept
    assert all(path.exists() for path in strangers)
    assert disk.clear_cache() == (0, 0)
    monkeypatch.setattr(cache, "_modules", {})  # as in another process
    assert cache.load_source(source).answer == 42, "what is gone is made anew"
