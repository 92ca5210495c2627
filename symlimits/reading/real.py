"""Numbers at the door of a compiled kernel."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from symlimits.errors import DataError, DomainError, UnboundSymbol
from symlimits.language.formula import exact
from symlimits.language.names import shown

ROUNDING = 1e-12  # a covariance that exceeds sqrt(p q) by rounding is at the end of its range


def as_real(value: Any, name: str) -> Any:
    """A float64 array (of no axes, for a number); exact strings and expressions become floats.

    Anything else, and NaN, is refused by name.

    >>> float(as_real("1/4", "p"))
    0.25
    """
    if isinstance(value, str | sp.Expr | Fraction | Decimal):
        value = _as_float(exact(value, name), name)
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name} = {shown(value)}", "a real number or an array of them", f"{name}=1.0")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise DataError(f"{name} with NaN or infinite entries", "finite numbers", "np.isfinite to find them")
    return array


def as_reals(values: Sequence[Any], names: Sequence[str]) -> list[Any]:
    """Several numbers or arrays, of shapes that broadcast together.

    >>> [array.shape for array in as_reals([1.0, [2.0, 3.0]], "pq")]
    [(), (2,)]
    """
    arrays = [as_real(value, name) for value, name in zip(values, names, strict=True)]
    try:
        np.broadcast_shapes(*(array.shape for array in arrays))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in zip(names, arrays, strict=True))
        advice = "one length for all, or a column and a row: p[:, None], q[None, :]"
        raise DataError(f"arrays of shapes {shapes}", "shapes that broadcast together", advice) from None
    return arrays


def check_covariance(p: Any, q: Any, c: Any) -> None:
    """Raise `DomainError` for what is no covariance of variances p and q, beyond rounding."""
    with np.errstate(all="ignore"):  # the root of what is no variance is no number
        outside = ~(np.abs(c) <= np.sqrt(p) * np.sqrt(q) * (1 + ROUNDING))
    if outside.any():
        found = (array[outside][0] for array in np.broadcast_arrays(p, q, c))
        given = ", ".join(f"{name} = {value:g}" for name, value in zip("pqc", found, strict=True))
        raise DomainError(given, "variances p and q, and c^2 <= p q", "c = rho*sqrt(p*q) with rho from -1 to 1")


def _as_float(value: sp.Expr, name: str) -> float:
    if value.free_symbols:
        unbound = sorted(symbol.name for symbol in value.free_symbols)[0]
        raise UnboundSymbol(f"{name} = {value}, with {unbound} without a value", "a number", f"{name}=1.0")
    return float(value)


def plain(result: Any) -> Any:
    """A Python float for a scalar result."""
    return float(result) if np.ndim(result) == 0 else result
