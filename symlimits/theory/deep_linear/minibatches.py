"""Data as the problems that steps of training see: all of them, or minibatches in an order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, DomainError
from symlimits.finite.deep_linear_training import positive_integer
from symlimits.language.names import shown
from symlimits.reading.gram_data import as_rows
from symlimits.theory.deep_linear.problem import Floats, Problem, problem_of_data

Batches = int | Sequence[npt.ArrayLike] | None


def problems(
    X: npt.ArrayLike, Y: npt.ArrayLike, batches: Batches, rcond: float | None
) -> tuple[Problem, list[Problem]]:
    """The problem of all the data, and those of the minibatches, in turn: of the data themselves without any.

    `batches` is a number of consecutive parts, as equal as they can be, or arrays of places 0, ..., n - 1.

    >>> whole, each = problems([[1.0], [2.0], [3.0]], [[1.0], [0.0], [0.0]], [[0, 1], [2]], None)
    >>> whole.Sxx.round(3).tolist(), [batch.Sxx.tolist() for batch in each]
    ([[4.667]], [[[2.5]], [[9.0]]])
    """
    whole, inputs, targets = problem_of_data(X, Y, rcond), as_rows(X, "X"), as_rows(Y, "Y")
    if batches is None:
        return whole, [whole]
    return whole, [problem_of_data(inputs[at], targets[at], rcond) for at in places(batches, len(inputs))]


def places(batches: Any, n: int) -> list[Floats]:
    """The places of the data of each batch.

    >>> [at.tolist() for at in places(2, 5)]
    [[0, 1, 2], [3, 4]]
    """
    if isinstance(batches, int | np.integer) or not _is_sequence(batches):
        count = positive_integer(batches, "batches")
        if count > n:
            raise DomainError(f"{count} batches of {n} data", f"from 1 to {n} batches", f"batches={n}")
        return np.array_split(np.arange(n), count)
    if not len(batches):
        raise DataError("batches with no batch", "arrays of places of data", "batches=None")
    return [_batch(number, batch, n) for number, batch in enumerate(batches)]


def _batch(number: int, batch: Any, n: int) -> Floats:
    """The places of one batch, or `DataError`."""
    wanted, advice = f"integers from 0 to {n - 1}", "batches=[[0, 1], [2, 3]]"
    try:
        at = np.asarray(batch)
    except (TypeError, ValueError):
        raise DataError(f"batch {number}, {shown(batch)}", wanted, advice) from None
    if at.ndim != 1 or not at.size:
        raise DataError(f"batch {number} of shape {at.shape}", f"one axis, with {wanted}", advice)
    if at.dtype.kind not in "iu":
        raise DataError(f"batch {number} with entries of type {at.dtype}", wanted, advice)
    if at.min() < 0 or at.max() >= n:
        raise DataError(f"batch {number} with places from {at.min()} to {at.max()}", wanted, advice)
    return at


def _is_sequence(batches: Any) -> bool:
    return isinstance(batches, list | tuple) or (isinstance(batches, np.ndarray) and batches.ndim > 0)
