"""What is given to a trained network, held at the door: data, and the numbers of training."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, DomainError
from symlimits.language.formula import exact
from symlimits.language.names import shown
from symlimits.reading.gram_data import as_rows
from symlimits.reading.image_data import as_images

Array = npt.NDArray[np.float64]


def training_data(X: Any, Y: Any, images: bool = False) -> tuple[Array, Array]:
    """X (n, d), or `images` (n, H, W, C) or (n, W, C), and Y (n, k), or `DataError`.

    >>> training_data([[1.0], [2.0]], [[0.5], [1.0]])[1].shape
    (2, 1)
    """
    inputs = as_images(X, "X", None) if images else as_rows(X, "X")
    if np.ndim(Y) == 1:
        raise DataError(f"Y of shape {np.shape(Y)}", f"({len(inputs)}, k): a row of k outputs an input", "Y[:, None]")
    targets = as_rows(Y, "Y")
    if len(inputs) != len(targets):
        given = f"X of {len(inputs)} rows and Y of {len(targets)}"
        raise DataError(given, "a row of Y for each row of X", "Y of shape (n, k), X of shape (n, d)")
    return inputs, targets


def points(Z: Any, X: Array, name: str = "Z") -> Array:
    """Test inputs (m, d) of the dimension of X, or images of its size, or `DataError`."""
    if X.ndim > 2:
        tests = as_images(Z, name, X.ndim - 2)
        if tests.shape[1:] != X.shape[1:]:
            given = f"{name} of images {tests.shape[1:]}, for training images {X.shape[1:]}"
            raise DataError(given, "one size and number of channels", "images cut or padded to one size")
        return tests
    rows = as_rows(Z, name)
    if rows.shape[1] != X.shape[1]:
        given = f"{name} of {rows.shape[1]} columns, for training inputs of {X.shape[1]}"
        raise DataError(given, f"shape (m, {X.shape[1]})", f"{name} of the same features as X")
    return rows


def number(value: Any, name: str, wanted: str, advice: str, least: float = 0.0, below: float = np.inf) -> float:
    """A number from `least` to below `below`, or `DomainError`."""
    if value is True or value is False or value is None:
        raise DomainError(f"{name} = {value}", wanted, advice)
    found = exact(value, name)
    if not (found.is_number and least <= found < below):
        raise DomainError(f"{name} = {shown(value)}", wanted, advice)
    return float(found)


def word(value: Any, name: str, known: tuple[str, ...]) -> str:
    """One of some words, or `DomainError`."""
    if not isinstance(value, str) or value not in known:
        wanted = " or ".join(map(repr, known))
        raise DomainError(f"{name} = {shown(value)}", wanted, f"{name}={known[0]!r}")
    return value


def duration(time: Any, steps: Any) -> float | int:
    """How long: a time (a float, or infinity, which is the default), or a number of steps (an int).

    >>> duration(None, None), duration("1/2", None), duration(None, 3)
    (inf, 0.5, 3)
    """
    if steps is not None:
        if time is not None:
            raise DomainError(f"time = {shown(time)} and steps = {shown(steps)}", "one of the two", "steps=100")
        whole = isinstance(steps, int | np.integer) and not isinstance(steps, bool)
        if not whole or not 0 <= steps <= MOST_STEPS:
            wanted = f"a whole number of steps from 0 to {MOST_STEPS:.0e}"
            raise DomainError(f"steps = {shown(steps)}", wanted, "steps=100, or time=float('inf')")
        return int(steps)
    if time is None or (isinstance(time, float) and time == np.inf):
        return float(np.inf)
    return number(time, "time", "a time, zero or more", "time=100.0, or time=float('inf')")


def time_kind(asked: float | int) -> str:
    """What statements call a duration: "end", "steps" or "flow"."""
    return "end" if asked == np.inf else "steps" if isinstance(asked, int) else "flow"


MOST_STEPS = 10**9  # beyond it the rounding of one step is seen
