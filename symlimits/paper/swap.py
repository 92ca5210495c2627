"""A folder that is replaced as a whole: what ends the process leaves the old one or the new one, not half of each.

The new folder is made beside the old one, with links to whatever else stands in that, and takes its place in one step
of the file system where it knows one (`renameat2` of Linux), in two renames elsewhere.
"""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from secrets import token_hex

from symlimits.paper.files import check_folder, check_places, write_files

NEW, OLD = "new", "old"  # endings of the folders beside the one that is replaced
WORKING_FOLDER = "a shell stands in it"
HERE, EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE, of <fcntl.h> and <linux/fs.h>


def replace_folder(folder: Path, texts: Mapping[str, str | bytes], left: Collection[str] = ()) -> tuple[int, str]:
    """A folder with these files, and with all that stood in it but the files that they replace and those in `left`.

    Returns the number of files, and why the folder was filled file by file, where it could not be replaced as a whole:
    it is the working folder, nothing may be written beside it, or it is a disk of its own. Raises `DataError` where a
    file cannot be written; the folder is what it was then.
    """
    place = check_folder(folder).resolve()  # a link to a folder stays one
    check_places(place, texts)
    restore(place)
    _sweep(place)
    why = WORKING_FOLDER if place in (Path.cwd(), *Path.cwd().parents) else ""
    try:
        if not why:
            _replace(place, texts, {place / name for name in (*texts, *left)})
    except OSError as error:  # of the folders: those of the files come as `DataError`
        why = (error.strerror or f"{error}").lower()
    if why:
        write_files(place, texts)
    return len(texts), why


def restore(folder: Path) -> None:
    """Put back a folder that was on its way when a process was killed between two renames."""
    place = folder.resolve()
    with suppress(OSError):
        for away in () if place.exists() else _beside(place, OLD)[:1]:
            os.rename(away, place)


def _sweep(place: Path) -> None:
    """Remove what a process that was killed has left beside a folder: parts and links, or what it has replaced."""
    for stale in _beside(place, NEW) + (_beside(place, OLD) if place.exists() else []):
        shutil.rmtree(stale, ignore_errors=True)


def _beside(place: Path, ending: str) -> list[Path]:
    return list(place.parent.glob(f".{escape(place.name)}.{'[0-9a-f]' * 8}.{ending}"))


def _replace(place: Path, texts: Mapping[str, str | bytes], replaced: Collection[Path]) -> None:
    with _new_folder(place) as new:
        if place.exists():
            _carry(place, new, replaced)
        write_files(new, texts)
        _swap(place, new)


@contextmanager
def _new_folder(place: Path) -> Iterator[Path]:
    new = place.with_name(f".{place.name}.{token_hex(4)}.{NEW}")
    place.parent.mkdir(parents=True, exist_ok=True)
    new.mkdir()
    try:
        yield new
    finally:
        shutil.rmtree(new, ignore_errors=True)  # the old one, after an exchange; not there, after a rename


def _carry(old: Path, new: Path, replaced: Collection[Path]) -> None:
    """All other files, by links, which take no room and no time; by copies where there are none."""

    def skipped(place: str, names: list[str]) -> list[str]:
        return [name for name in names if Path(place, name) in replaced]

    shutil.copytree(old, new, symlinks=True, ignore=skipped, copy_function=_link, dirs_exist_ok=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _swap(place: Path, new: Path) -> None:
    """The new folder in its place, the old one gone or, if anything fails, where it was."""
    if not place.exists():
        os.rename(new, place)
    elif not _exchange(new, place):
        away = new.with_suffix(f".{OLD}")
        try:
            os.rename(place, away)
            os.rename(new, place)
        except BaseException:
            if away.exists() and not place.exists():
                os.rename(away, place)
            raise
        shutil.rmtree(away, ignore_errors=True)


def _exchange(new: Path, place: Path) -> bool:
    """Whether the two have changed places, with no moment in which either name leads nowhere."""
    try:
        renameat2 = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):  # not Linux
        return False
    return bool(renameat2(HERE, os.fsencode(new), HERE, os.fsencode(place), EXCHANGE) == 0)
