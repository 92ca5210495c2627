"""What is checked before a Gram matrix is computed: the data, and the place for the result."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError
from symlimits.reading.gram_input import Floats

_NUMERIC = "biuf"  # numpy's kinds: bool, integers, floats
_SMALLEST_NORM, _LARGEST_NORM = 1e-140, 1e150  # squares and their products neither overflow nor lose digits


def as_rows(data: npt.ArrayLike, name: str, axes: str = "(points, dimension)", advice: str = "") -> Floats:
    """The data as a C-contiguous float64 array (points, dimension); `axes` and `advice` are for other matrices."""
    try:
        array = np.asarray(data)
    except ValueError:
        raise DataError(f"{name} has rows of different lengths", "a table of numbers", "padding the rows") from None
    if array.dtype.kind not in _NUMERIC:
        raise DataError(f"{name} has entries of type {array.dtype}", "real numbers", f"{name}.astype(float)")
    if array.ndim != 2 or 0 in array.shape:
        wanted = f"two axes {axes}, neither of length 0"
        raise DataError(f"{name} has shape {array.shape}", wanted, advice or f"{name}.reshape(len({name}), -1)")
    # compiled code takes writable memory only, though it leaves the data alone
    rows: Floats = np.require(array, dtype=np.float64, requirements=["C", "W", "A"])
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        i = int(np.argmin(finite))
        raise DataError(f"row {i} of {name} has a NaN or an infinity", "finite numbers", f"np.nan_to_num({name})")
    return rows


def check_same_dimension(X: Floats, Z: Floats) -> None:
    """Raise `DataError` for points of two spaces."""
    if X.shape[1] != Z.shape[1]:
        given = f"X has {X.shape[1]} columns and Z has {Z.shape[1]}"
        raise DataError(given, "points of one space", "the columns that both have")


def check_norms(norms: Floats, rows: Floats, name: str) -> None:
    """Refuse rows so long or so short that their squares are out of the range of floats; zero rows are fine."""
    wrong = ~(norms < _LARGEST_NORM) | ((norms < _SMALLEST_NORM) & rows.any(axis=1))
    if wrong.any():
        i = int(np.argmax(wrong))
        wanted = f"zero, or a norm between {_SMALLEST_NORM:g} and {_LARGEST_NORM:g}"
        raise DataError(f"row {i} of {name} has norm {norms[i]:.3g}", wanted, f"a multiple of {name}")


def as_output(out: object, name: str, shape: tuple[int, int], *data: Floats) -> Floats:
    """The caller's array for a result."""
    if not isinstance(out, np.ndarray):
        raise DataError(f"{name} is a {type(out).__name__}", "a numpy array", f"np.empty({shape})")
    if out.shape != shape or out.dtype != np.float64:
        given = f"{name} has shape {out.shape} and type {out.dtype}"
        raise DataError(given, f"shape {shape} and type float64", f"np.empty({shape})")
    if not out.flags.c_contiguous or not out.flags.writeable or not out.flags.aligned:
        raise DataError(f"{name} is a strided or read-only view", "C-contiguous memory", f"np.empty({shape})")
    if any(np.may_share_memory(out, rows) for rows in data):
        raise DataError(f"{name} overlaps the data", "memory of its own", f"np.empty({shape})")
    return out
