"""Writing files: each one appears whole or not at all, and nothing else in the folder is touched."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import IO

from symlimits.errors import DataError


def check_folder(folder: Path) -> Path:
    """The folder, if it is one or can be made; asked before long work, so that its end is not a surprise.

    Raises `DataError` where a file stands in its place or nothing may be written.
    """
    nearest = next(place for place in (folder, *folder.absolute().parents) if os.path.exists(place))
    if not nearest.is_dir():
        raise DataError(f"the path {nearest}, which is a file", "a folder", f"{nearest}.d, or another name")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise DataError(f"the folder {nearest}, which is read-only", "a folder of your own", "another name")
    return folder


def check_empty(folder: Path, force: bool, kept: str) -> Path:
    """The folder, if it may be written to and nothing but the file `kept` stands in it, or `force` is given."""
    check_folder(folder)
    if folder.is_dir() and not force and any(path.name != kept for path in folder.iterdir()):
        raise DataError(f"the folder {folder}, which is not empty", "a new folder", "--force, or another name")
    return folder


def write_files(folder: Path, texts: Mapping[str, str | bytes]) -> list[Path]:
    """Write files under their names: all of them are on the disk before the first takes its place."""
    check_folder(folder)
    paths = check_places(folder, texts)
    with _in_words(folder):
        for parent in {path.parent for path in paths} | {folder}:
            parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            for path, text in zip(paths, texts.values(), strict=True):
                opened.enter_context(new_file(path)).write(text if isinstance(text, bytes) else text.encode())
    return paths


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file open for writing that replaces `path` when the block ends, and vanishes if it ends in an error."""
    unfinished = path.with_name(f".{path.name}.{token_hex(4)}")  # in the same folder: a rename across disks is a copy
    try:
        with open(unfinished, "xb") as file:
            yield file
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def array_file(path: Path) -> Iterator[IO[bytes]]:
    """`new_file` for a single result, its folder made if need be."""
    check_folder(path.parent)
    check_places(path.parent, [path.name])
    with _in_words(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path) as file:
            yield file


def check_places(folder: Path, names: Iterable[str]) -> list[Path]:
    """Paths in a folder; `DataError` where a folder stands in the place of a file, or a file in that of a folder."""
    paths = [folder / name for name in names]
    for path in paths:
        if os.path.isdir(path):
            raise DataError(f"the path {path}, which is a folder", "a place for a file", "another name")
    for parent in {path.parent for path in paths} - {folder}:
        check_folder(parent)
    return paths


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}", "a folder with room", "another name") from None
