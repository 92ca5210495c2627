"""A folder that is replaced as a whole: what ends the process leaves the old one or the new one, not half of each.

The new folder is made beside the old one, with links to whatever else stands in that, and takes its place in one step
of the file system where it knows one (`renameat2` of Linux), in two renames elsewhere. The old one goes when nothing is
left in it that the new one lacks: what was saved into it meanwhile is moved over, what differs stays beside the folder.
"""

from __future__ import annotations

import ctypes
import filecmp
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from secrets import token_hex

from symlimits.errors import DataError
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
    place = _resolved(folder)
    check_folder(folder)
    restore(place)
    replaced = {place / name for name in (*texts, *left)}
    _sweep(place, replaced)
    check_places(place, texts)
    why = WORKING_FOLDER if _is_worked_in(place) else ""
    try:
        if not why:
            _replace(place, texts, replaced)
    except OSError as error:  # of the folders: those of the files come as `DataError`
        why = (error.strerror or f"{error}").lower()
    if why:
        write_files(place, texts)
    return len(texts), why


def restore(folder: Path) -> None:
    """Put back a folder that was on its way when a process was killed between two renames."""
    place = _resolved(folder)
    with suppress(OSError):
        for away in () if place.exists() else _beside(place, OLD)[:1]:
            os.rename(away, place)


def set_aside(folder: Path) -> list[Path]:
    """Old folders that stay beside a folder, since they hold files which it has otherwise or that cannot be moved."""
    return sorted(_beside(_resolved(folder), OLD))


def _resolved(folder: Path) -> Path:
    """The folder itself: a link to one stays a link. `DataError` for a relative path from a folder that is gone."""
    try:
        return folder.resolve()
    except FileNotFoundError:
        raise DataError(f"the path {folder} in a working folder that is gone", "a full path", "cd first") from None


def _is_worked_in(place: Path) -> bool:
    try:
        here = Path.cwd()
    except FileNotFoundError:  # it was removed
        return False
    return place in (here, *here.parents)


def _sweep(place: Path, replaced: Collection[Path]) -> None:
    """Remove what a process that was killed has left beside a folder: parts and links, and what it has replaced."""
    for stale in _beside(place, NEW):
        shutil.rmtree(stale, ignore_errors=True)
    for old in _beside(place, OLD) if place.exists() else []:
        _put_away(old, place, replaced)


def _put_away(old: Path, place: Path, replaced: Collection[Path]) -> None:
    """Remove an old folder, unless it holds more than the one in its place after that has got what it lacks."""
    with suppress(OSError):
        if _brought_over(old, place, replaced):
            shutil.rmtree(old, ignore_errors=True)


def _brought_over(old: Path, place: Path, replaced: Collection[Path]) -> bool:
    """Move what a folder lacks out of the old one; whether all that is left there is in the folder, or replaced."""
    whole = True
    for source in list(old.iterdir()):
        target = place / source.name
        if target in replaced:
            continue
        if not os.path.lexists(target):
            os.rename(source, target)
        elif all(path.is_dir() and not path.is_symlink() for path in (source, target)):
            whole &= _brought_over(source, target, replaced)
        else:
            whole &= _same(source, target)
    return whole


def _same(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and os.readlink(one) == os.readlink(other)
    return one.samefile(other) or (one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False))


def _beside(place: Path, ending: str) -> list[Path]:
    return list(place.parent.glob(f".{escape(place.name)}.{'[0-9a-f]' * 8}.{ending}"))


def _replace(place: Path, texts: Mapping[str, str | bytes], replaced: Collection[Path]) -> None:
    with _new_folder(place) as new:
        if place.exists():
            _carry(place, new, replaced)
        write_files(new, texts)
        old = _swap(place, new)
    if old.exists():
        _put_away(old, place, replaced)


@contextmanager
def _new_folder(place: Path) -> Iterator[Path]:
    new = place.with_name(f".{place.name}.{token_hex(4)}.{NEW}")
    place.parent.mkdir(parents=True, exist_ok=True)
    new.mkdir()
    try:
        yield new
    finally:
        shutil.rmtree(new, ignore_errors=True)  # not there, after a swap


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


def _swap(place: Path, new: Path) -> Path:
    """The new folder in its place, and the old one, if there was one, at the path returned; back if anything fails."""
    away = new.with_suffix(f".{OLD}")
    if not place.exists():
        os.rename(new, place)
    elif _exchange(new, place):
        os.rename(new, away)
    else:
        try:
            os.rename(place, away)
            os.rename(new, place)
        except BaseException:
            if away.exists() and not place.exists():
                os.rename(away, place)
            raise
    return away


def _exchange(new: Path, place: Path) -> bool:
    """Whether the two have changed places, with no moment in which either name leads nowhere."""
    try:
        renameat2 = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):  # not Linux
        return False
    return bool(renameat2(HERE, os.fsencode(new), HERE, os.fsencode(place), EXCHANGE) == 0)
