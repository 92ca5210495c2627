"""Files appear whole or not at all."""

import os
from pathlib import Path

import pytest

from symlimits.errors import DataError
from symlimits.paper.files import array_file, check_folder, new_file, write_files


def test_texts_are_written_and_other_files_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("mine")
    (folder / "old.tex").write_text("old")
    paths = write_files(folder, {"old.tex": "new", "sigma.tex": "σ"})
    assert [path.read_text(encoding="utf-8") for path in paths] == ["new", "σ"]
    assert sorted(path.name for path in folder.iterdir()) == ["mine.txt", "old.tex", "sigma.tex"]


def test_folders_are_made(tmp_path: Path) -> None:
    write_files(tmp_path / "a" / "b", {"x": "1"})
    assert (tmp_path / "a" / "b" / "x").read_text() == "1"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_no_new_one(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "x"
    path.write_text("old")

    def interrupted() -> None:
        with new_file(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_replaced_unless_everything_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(AttributeError):
        write_files(tmp_path, {"a": "new", "b": None})  # type: ignore[dict-item]
    assert (tmp_path / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    for folder in (tmp_path / "f", tmp_path / "f" / "below"):
        with pytest.raises(DataError, match="which is a file"):
            check_folder(folder)


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(DataError, match="which is a folder"):
        write_files(tmp_path, {"x": "1"})
    with pytest.raises(DataError, match="which is a folder"), array_file(tmp_path / "x"):
        pass


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DataError, match="read-only"):
        check_folder(tmp_path / "out")
    tmp_path.chmod(0o700)


def test_an_error_of_the_disk_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        write_files(tmp_path, {"x" * 300: "1"})
    assert list(tmp_path.iterdir()) == []
