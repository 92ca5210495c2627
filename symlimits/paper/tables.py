"""Reading the user's numbers: `.npy`, `.npz` and `.csv`, never anything that could run code."""

from __future__ import annotations

import os
import re
import warnings
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError

Floats = npt.NDArray[np.float64]

_NUMERIC = "biuf"  # numpy's kinds: bool, integers, floats
_UNREADABLE = (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile)
_SIZED = re.compile(r"(\d+)=(.+)")


def read_rows(path: Path) -> Floats:
    """Data, a point a row, from a `.npy` array or a `.csv` table (its first line may hold names)."""
    kind = _kind(path, (".npy", ".csv"))
    return _numbers(_load(path), str(path)) if kind == ".npy" else _table(path)


def read_samples(specifications: Sequence[str]) -> dict[int, Floats]:
    """Draws for each size: an `.npz`, a `.csv` of size and value, or several of the form `64=draws.npy`.

    The size of an array in an `.npz` is the last integer in its name: "64", "n64", "width_64".
    """
    found: dict[int, Floats] = {}
    for size, draws in (pair for text in specifications for pair in _sized(text)):
        if size in found:
            raise DataError(f"two arrays of samples for the size {size}", "one for each size", "np.concatenate")
        found[size] = draws
    return found


def _sized(text: str) -> Iterable[tuple[int, Floats]]:
    """Pairs (size, draws) of one specification."""
    if match := _SIZED.fullmatch(text):
        path = Path(match[2])
        rows = read_rows(path)
        return [(int(match[1]), rows.ravel() if path.suffix.lower() == ".csv" else rows)]
    path = Path(text)
    return _archive(path) if _kind(path, (".npz", ".csv")) == ".npz" else _long_table(path)


def _archive(path: Path) -> Iterable[tuple[int, Floats]]:
    with _load(path) as archive:
        for key in archive.files:
            integers = re.findall(r"\d+", key)
            if not integers:
                raise DataError(f"the array {key!r} in {path}", "a name with the size in it", "np.savez(file, n64=...)")
            yield int(integers[-1]), _numbers(_member(archive, key, path), f"{key} in {path}")


def _long_table(path: Path) -> Iterable[tuple[int, Floats]]:
    rows = _table(path)
    if rows.shape[1] != 2 or (rows[:, 0] != np.floor(rows[:, 0])).any():
        raise DataError(f"{path} with {rows.shape[1]} columns", "an integer size and a value", "two columns")
    return [(int(size), rows[rows[:, 0] == size, 1]) for size in np.unique(rows[:, 0])]


def _kind(path: Path, known: tuple[str, ...]) -> str:
    suffix = path.suffix.lower()
    if suffix not in known:
        raise DataError(f"the file {path}", " or ".join(known), f"saving it as {known[0]}")
    if not os.path.isfile(path):
        raise DataError(f"the file {path}, which does not exist", f"a {suffix} file", "the path from this folder")
    return suffix


def _load(path: Path) -> Any:
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray) == (path.suffix.lower() == ".npy"):
            return content
    except _UNREADABLE:
        pass
    raise DataError(f"{path}, damaged or of objects", f"a {path.suffix} file of numbers", "np.save or np.savez")


def _member(archive: Any, key: str, path: Path) -> Any:
    try:
        return archive[key]
    except _UNREADABLE:
        raise DataError(f"{key} in {path}, damaged or of objects", "an array of numbers", "np.savez") from None


def _numbers(array: npt.NDArray[Any], name: str) -> Floats:
    if array.dtype.kind not in _NUMERIC:
        raise DataError(f"{name} has entries of type {array.dtype}", "real numbers", "array.astype(float)")
    if not np.isfinite(array).all():
        where = ", ".join(map(str, np.argwhere(~np.isfinite(array))[0]))
        raise DataError(f"{name} has a NaN or an infinity at index ({where})", "finite numbers", "np.nan_to_num")
    return array.astype(np.float64, copy=False)


def _table(path: Path) -> Floats:
    """A table of numbers separated by commas, below a line of names if there is one."""
    try:
        with open(path, encoding="utf-8-sig") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an empty file: refused below, in our words
            names = not any(map(_is_number, file.readline().split(",")))
            file.seek(0)
            rows = np.loadtxt(file, delimiter=",", skiprows=int(names), ndmin=2)
    except (OSError, ValueError) as error:
        reason = str(error).partition(";")[0].rstrip(".")  # what follows is advice about arguments of loadtxt
        wanted = "rows of numbers, all of one length, below one line of names at most"
        raise DataError(f"{path}: {reason}", wanted, "numbers separated by commas") from None
    if not rows.size:
        raise DataError(f"{path}, which holds no numbers", "a row for each point", "numbers separated by commas")
    return _numbers(rows, str(path))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
