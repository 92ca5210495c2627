"""What a straight line is run over: how exact numbers become elements, and elements matrices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from symlimits.errors import DataError
from symlimits.language.formula import exact

Scalars = Mapping[sp.Symbol, Any]
_NUMBERS = (int, float, str, np.generic, sp.Expr)  # these are converted; anything else is an element already


@dataclass(frozen=True)
class Ring:
    """Where a straight line is run: how exact numbers become elements, which have Python's + - * and **.

    `function(expr, scalars)` is the value of what is no sum, product or integer power; `settle` brings what has been
    defined to its normal form (a remainder, say), element or array; `context` is entered for a run.
    """

    name: str
    convert: Callable[[sp.Expr], Any]
    function: Callable[[sp.Expr, Scalars], Any] | None = None
    settle: Callable[[Any], Any] = lambda value: value
    context: Callable[[], AbstractContextManager[Any]] = nullcontext
    dtype: Any = object

    def element(self, value: Any) -> Any:
        """A number or a formula as an element; elements stay as they are."""
        return self.convert(exact(value)) if isinstance(value, _NUMBERS) else value

    def array(self, entries: Any) -> Any:
        """A matrix of elements."""
        given = np.asarray(entries, dtype=object)
        if given.ndim != 2:
            raise DataError(f"an array of shape {given.shape}", "rows and columns", "[[1, 0], [0, 1]]")
        return self.filled(given.shape, lambda place: self.element(given[place]))

    def diagonal(self, value: int, rows: int, columns: int) -> Any:
        """The multiple of the identity (or of its upper left part)."""
        one, zero = (self.convert(sp.Integer(number)) for number in (value, 0))
        return self.filled((rows, columns), lambda place: one if place[0] == place[1] else zero)

    def scaled(self, scalar: Any, matrix: Any) -> Any:
        """A matrix times an element, entry by entry: NumPy would take some elements for sequences."""
        return matrix * scalar if self.dtype is not object else self.filled(matrix.shape, lambda i: scalar * matrix[i])

    def filled(self, size: tuple[int, ...], entry: Callable[[tuple[int, ...]], Any]) -> Any:
        """A matrix from the function of its places."""
        filled = np.empty(size, dtype=self.dtype)
        for place in np.ndindex(*size):
            filled[place] = entry(place)
        return filled
