"""A matrix on its way into an .npy file: its room is reserved before, its name is earned when it is whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from symlimits.errors import DataError, ResourceError

HEADER = 4096  # bytes, more than an .npy header takes


def check_path(path: Path) -> Path:
    """The path, if an .npy file may be there."""
    if path.suffix.lower() != ".npy" or path.is_dir():
        raise DataError(f"the path {path}", "a place for an .npy file", "out='K.npy'")
    return path


def part(path: Path) -> Path:
    """Where the unfinished matrix of `path` is."""
    return Path(f"{path}.part")


@contextmanager
def opened_matrix(path: Path, shape: tuple[int, int], found: Mapping[str, Any]) -> Iterator[Any]:
    """The unfinished float64 matrix as a writable memory map; that of an earlier run, if its journal has `found` parts.

    It stays when the block ends in an error, unless nothing is found even then. Raises `ResourceError` when
    the disk has no room for it, and `DataError` when the place is none for a file.
    """
    place = part(path)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        matrix = _earlier(place, shape) if found else None
        if matrix is None:
            matrix = _new(place, shape)
    except OSError as error:
        raise DataError(
            f"{place} cannot be written: {error.strerror}", "a folder of your own", "another name"
        ) from None
    try:
        yield matrix
        matrix.flush()
    finally:
        if not found:
            place.unlink(missing_ok=True)


def finished(path: Path, journal: Path) -> Any:
    """Give the whole matrix its name, forget how it came to be, and open it for reading."""
    os.replace(part(path), path)
    journal.unlink(missing_ok=True)
    return np.load(path, mmap_mode="r")


def _earlier(place: Path, shape: tuple[int, int]) -> Any:
    """The matrix that another run has begun; None if there is none, or what is there is another."""
    try:
        matrix = np.load(place, mmap_mode="r+")
    except (OSError, ValueError, EOFError):
        return None
    return matrix if matrix.shape == shape and matrix.dtype == np.float64 and matrix.flags.c_contiguous else None


def _new(place: Path, shape: tuple[int, int]) -> Any:
    """A matrix of zeros with its room on the disk reserved: a memory map on a full disk would end the process."""
    size = 8 * shape[0] * shape[1] + HEADER
    place.unlink(missing_ok=True)
    free = shutil.disk_usage(place.parent).free
    if size > free:
        raise _no_room(shape, size, free)
    matrix = np.lib.format.open_memmap(place, mode="w+", dtype=np.float64, shape=shape)
    if hasattr(os, "posix_fallocate"):
        with open(place, "r+b") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
            except OSError:
                place.unlink()
                raise _no_room(shape, size, free) from None
    return matrix


def _no_room(shape: tuple[int, int], size: int, free: int) -> ResourceError:
    wanted = f"at most the {free / 1e9:.3g} GB free on the disk"
    return ResourceError(f"a matrix of shape {shape} needs {size / 1e9:.3g} GB", wanted, "another disk")
