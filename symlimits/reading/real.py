"""Numbers at the door of a compiled kernel."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from symlimits.errors import DataError, UnboundSymbol
from symlimits.language.formula import exact


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
        raise DataError(f"{name} = {value!r}", "a real number or an array of them", f"{name}=1.0")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise DataError(f"{name} with NaN or infinite entries", "finite numbers", "np.isfinite to find them")
    return array


def _as_float(value: sp.Expr, name: str) -> float:
    if value.free_symbols:
        unbound = sorted(symbol.name for symbol in value.free_symbols)[0]
        raise UnboundSymbol(f"{name} = {value}, with {unbound} without a value", "a number", f"{name}=1.0")
    return float(value)


def plain(result: Any) -> Any:
    """A Python float for a scalar result."""
    return float(result) if np.ndim(result) == 0 else result
