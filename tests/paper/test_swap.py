"""A folder is the old one or the new one, whatever happens on the way; files of the user's own come along."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from symlimits.errors import DataError
from symlimits.paper import swap
from symlimits.paper.swap import replace_folder, restore, set_aside

OLD = {"kept/a.tex": "old a", "kept/b.tex": "old b", "report.html": "old report"}
NEW = {"kept/a.tex": "new a", "report.html": "new report", "fresh/c.tex": "new c"}
MINE = {"notes.txt": "mine", "kept/paper.tex": "mine too", "deep/er/x": "and mine", "run.journal": "a journal"}
BOTH = {**OLD, **MINE}
AFTER = {**BOTH, **NEW}
KILLED = """
import os, signal, sys
from pathlib import Path
from symlimits.paper import swap
kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "before":
    swap._swap = kill
else:
    swap._exchange = lambda *_: False
    rename = os.rename
    os.rename = lambda source, target: kill() if target == Path(sys.argv[1]) else rename(source, target)
swap.replace_folder(Path(sys.argv[1]), {"report.html": "new report"})
"""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    for name, text in BOTH.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "link").symlink_to("notes.txt")
    return folder


def held(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file() and not p.is_symlink()}


def beside(folder: Path) -> set[str]:
    return {path.name for path in folder.parent.iterdir()} - {folder.name}


@pytest.mark.parametrize("exchange", [True, False])
@pytest.mark.parametrize("links", [True, False])
def test_new_files_and_those_of_the_user(
    out: Path, exchange: bool, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not exchange:  # as on a file system that only renames
        monkeypatch.setattr(swap, "_exchange", lambda *_: False)
    if not links:
        monkeypatch.setattr(os, "link", fails)
    before = os.stat(out).st_ino
    assert replace_folder(out, NEW, left=["run.journal"]) == (3, "")
    assert held(out) == {name: text for name, text in AFTER.items() if name != "run.journal"}
    assert os.readlink(out / "link") == "notes.txt"
    assert os.stat(out).st_ino != before  # it is another folder
    assert not beside(out)


def fails(*_: object, **__: object) -> None:
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize("error", [OSError(16, "Device or resource busy"), KeyboardInterrupt()])
@pytest.mark.parametrize("failing", [1, 2])
def test_a_rename_that_fails(out: Path, error: BaseException, failing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old folder is back in its place; where the system refuses, as for a disk, files are written one by one."""
    calls, rename = [], os.rename

    def renamed(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == failing:
            raise error
        rename(source, target)

    monkeypatch.setattr(swap, "_exchange", lambda *_: False)
    monkeypatch.setattr(os, "rename", renamed)
    if isinstance(error, OSError):
        assert replace_folder(out, NEW) == (3, "device or resource busy")
        assert held(out) == AFTER
    else:
        with pytest.raises(KeyboardInterrupt):
            replace_folder(out, NEW)
        assert held(out) == BOTH
    assert len(calls) >= failing
    assert not beside(out)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL")
@pytest.mark.parametrize("when", ["before", "between"])
def test_a_kill(out: Path, when: str) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(out), when], capture_output=True, timeout=60)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert out.exists() == (when == "before")
    restore(out)
    assert held(out) == BOTH
    assert beside(out)  # what was being made
    replace_folder(out, NEW)
    assert held(out) == AFTER
    assert not beside(out)


def test_the_working_folder_stays_the_same_folder(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(out / "kept")
    before = os.stat(out).st_ino
    count, why = replace_folder(out, NEW)
    assert (count, why) == (3, swap.WORKING_FOLDER)
    assert held(out) == AFTER
    assert os.stat(out).st_ino == before


def test_a_link_to_a_folder_stays_one(out: Path, tmp_path: Path) -> None:
    (tmp_path / "there").symlink_to(out)
    assert replace_folder(tmp_path / "there", NEW) == (3, "")
    assert (tmp_path / "there").is_symlink()
    assert held(out) == AFTER


def test_what_stands_in_the_way_is_named(out: Path) -> None:
    for names in ("deep", "notes.txt/x"):
        with pytest.raises(DataError, match=str(out / names.split("/")[0])):
            replace_folder(out, {**NEW, names: ""})
    assert held(out) == BOTH
    assert not beside(out)


def test_a_new_folder(tmp_path: Path) -> None:
    assert replace_folder(tmp_path / "a" / "b", NEW) == (3, "")
    assert held(tmp_path / "a" / "b") == NEW


def test_a_folder_made_anew_after_a_kill_gets_the_files_of_the_old_one(out: Path) -> None:
    """Killed between two renames, and the folder made by hand before the next run: the old one is the only copy."""
    old = out.with_name(".out.deadbeef.old")
    out.rename(old)
    (out / "kept").mkdir(parents=True)
    (out / "kept" / "new.txt").write_text("made anew")
    replace_folder(out, NEW)
    assert held(out) == {**AFTER, "kept/new.txt": "made anew"}
    assert os.readlink(out / "link") == "notes.txt"
    assert not beside(out)


@pytest.mark.parametrize("other", ["file", "folder", "link"])
def test_an_old_folder_stays_while_it_differs(out: Path, other: str) -> None:
    old = out.with_name(".out.deadbeef.old")
    shutil.copytree(out, old, symlinks=True)
    (old / "notes.txt").write_text("of before")
    if other != "file":
        (out / "notes.txt").unlink()
    if other == "folder":
        (out / "notes.txt").mkdir()
    if other == "link":
        (out / "notes.txt").symlink_to(old / "notes.txt")
    for _ in range(2):
        replace_folder(out, NEW)
        assert set_aside(out) == [old]
        assert (old / "notes.txt").read_text() == "of before"
    shutil.rmtree(out / "notes.txt", ignore_errors=True)
    (out / "notes.txt").unlink(missing_ok=True)
    replace_folder(out, NEW)
    assert held(out) == {**AFTER, "notes.txt": "of before"}
    assert set_aside(out) == []


@pytest.mark.parametrize("exchange", [True, False])
def test_what_is_saved_while_the_new_folder_is_made(out: Path, exchange: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """New names come along; a file that was saved anew, as editors do, stays beside the folder."""
    if not exchange:
        monkeypatch.setattr(swap, "_exchange", lambda *_: False)
    write_files = swap.write_files

    def written(new: Path, texts: dict[str, str | bytes]) -> list[Path]:
        paths = write_files(new, texts)
        (out / "late.txt").write_text("late")
        (out / "later" / "on").mkdir(parents=True)
        (out / "kept" / "late.tex").write_text("late too")
        (out / "edit").write_text("mine, edited")
        os.replace(out / "edit", out / "notes.txt")
        return paths

    monkeypatch.setattr(swap, "write_files", written)
    assert replace_folder(out, NEW) == (3, "")
    assert held(out) == {**AFTER, "late.txt": "late", "kept/late.tex": "late too"}
    assert (out / "later" / "on").is_dir()
    (old,) = set_aside(out)
    assert (old / "notes.txt").read_text() == "mine, edited"


def test_a_working_folder_that_is_gone(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    try:
        (tmp_path / "gone").rmdir()
    except OSError:
        pytest.skip("a working folder cannot be removed")
    assert replace_folder(out, NEW) == (3, "")
    assert held(out) == AFTER
    for ask in (lambda: replace_folder(Path("out"), NEW), lambda: restore(Path("out"))):
        with pytest.raises(DataError, match="working folder that is gone"):
            ask()
