"""What is checked before a kernel of images is computed: the data."""

from __future__ import annotations

from typing import Any

import numpy as np

from symlimits.errors import DataError
from symlimits.reading.gram_data import as_rows, check_norms
from symlimits.reading.gram_input import Floats, row_norms

NAMES = {1: "(n, W, C)", 2: "(n, H, W, C)"}


def as_images(data: Any, name: str, axes: int | None) -> Floats:
    """Images (n, H, W, C) or sequences (n, W, C) as a float64 array, by the number of axes that the filters have."""
    try:
        array = np.asarray(data)
    except ValueError:
        raise DataError(f"{name} has images of different sizes", "one size", "padding the images") from None
    wanted = [NAMES[axes]] if axes else list(NAMES.values())
    if array.ndim - 2 not in ([axes] if axes else NAMES) or 0 in array.shape:
        raise DataError(f"{name} has shape {array.shape}", " or ".join(wanted), _advice(array, name, axes or 2))
    rows = as_rows(array.reshape(len(array), -1), name)
    norms = row_norms(np.ascontiguousarray(rows.reshape(-1, array.shape[-1])))
    check_norms(norms, rows.reshape(-1, array.shape[-1]), f"the pixels of {name}")
    return rows.reshape(array.shape)


def _advice(array: Any, name: str, axes: int) -> str:
    if 0 in array.shape:
        return "an array with data in it"
    if array.ndim == axes + 1:
        return f"{name}[..., None], with an axis of one channel"
    if array.ndim == 2:
        return f"{name}.reshape(len({name}), {'8, 8, 1' if axes == 2 else '-1, 1'}), with axes of pixels and channels"
    return f"{name}[None] for one of {'sequences' if axes == 1 else 'images'}"
