"""Compiled readings: a scalar function as a NumPy ufunc that keeps its expression and source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from symlimits.errors import DataError, DomainError, NoRule
from symlimits.reading.ball import narrow
from symlimits.reading.cache import load_source
from symlimits.reading.lower import c, p, q
from symlimits.reading.real import ROUNDING, as_reals, plain
from symlimits.reading.reference import reference
from symlimits.reading.scalar_source import guarded_source, is_pair, vectorized_source

LARGEST = 1e70  # beyond it a polynomial of degree four, inside a formula whose value is moderate, may overflow


@dataclass(frozen=True)
class ScalarKernel:
    """A compiled function of real numbers; it broadcasts like a NumPy ufunc.

    `expr` and `args` say what it computes, `source` how. It prints, pickles and compares by these;
    compiled code comes from the disk cache when there is some. Some points are not left to float64, and
    go through the reference reading, some milliseconds each: arguments beyond 1e70, powers of which
    overflow inside the formula, and, of a kernel in p, q and c, those where its terms cancel to fewer
    than twelve digits of the kernel's size, and those with c^2 > p q, which its source does not hold
    for. `ufunc` is the formula alone, without such a look.
    Raises `DomainError` where a value is no float: it overflows, or does not exist.

    >>> x = sp.Symbol("x", real=True)
    >>> ScalarKernel(sp.sqrt(1 + x**2), (x,))(0.0)
    1.0
    """

    expr: sp.Expr
    args: tuple[sp.Symbol, ...]

    @cached_property
    def source(self) -> str:
        """The Python source that Numba compiles."""
        return vectorized_source(self.expr, self.args)

    @cached_property
    def ufunc(self) -> Callable[..., Any]:
        """The compiled function itself."""
        return load_source(self.source).kernel

    @cached_property
    def _guarded(self) -> Callable[..., Any]:
        """The same, and NaN where digits are lost."""
        return load_source(guarded_source(self.expr, self.args)).kernel

    def __call__(self, *values: Any) -> Any:
        """Numbers give a float, arrays a float64 array."""
        if len(values) != len(self.args):
            names = ", ".join(symbol.name for symbol in self.args)
            raise DataError(f"{len(values)} arguments", f"{len(self.args)}: {names}", f"T({names})")
        if not self.args:
            return float(self.expr.evalf(20))  # numba's ufunc of no arguments crashes the process
        numbers = as_reals(values, [symbol.name for symbol in self.args])
        with np.errstate(all="ignore"):  # what overflows is found below
            result = np.asarray(self._guarded(*numbers))
        return plain(self._finite(result, np.broadcast_arrays(*numbers)))

    def _finite(self, result: Any, numbers: Sequence[Any]) -> Any:
        """The result with huge arguments read again, and without any value that is no number."""
        again = np.argwhere(~np.isfinite(result) | np.any([abs(array) > LARGEST for array in numbers], axis=0))
        for index in map(tuple, again):
            point = [float(array[index]) for array in numbers]
            if max(map(abs, point)) > LARGEST or is_pair(self.args):
                # a formula may have no value where a variance is 0, and its source one
                with suppress(DomainError, NoRule):
                    result[index] = self._by_reference(point)
            if not np.isfinite(result[index]):
                where = ", ".join(f"{s} = {value:g}" for s, value in zip(self.args, point, strict=True))
                raise _no_float(where, float(result[index]))
        return result

    def _by_reference(self, point: Sequence[float]) -> float:
        exact = {symbol: sp.Rational(value) for symbol, value in zip(self.args, point, strict=True)}
        if {p, q, c} <= set(exact):
            size = exact[p] * exact[q]
            if size < exact[c] ** 2 <= size * (1 + sp.Rational(ROUNDING)) ** 2:
                exact[c] = sp.sign(exact[c]) * sp.sqrt(size)
        found = narrow(self.expr, exact, 20)
        return float(reference(self.expr, exact, 20) if found is None else found.midpoint)

    def __getstate__(self) -> dict[str, Any]:
        return {"expr": self.expr, "args": self.args}

    def __repr__(self) -> str:
        return f"ScalarKernel({self.expr}, args={self.args})"


def _no_float(where: str, value: float) -> DomainError:
    if np.isnan(value):
        return DomainError(f"{where}, where there is no real value", "a real value", "a point inside the domain")
    advice = "arguments of moderate size, or `.reference(...)`"
    return DomainError(f"{where}, where the value is {value}", "a value in the range of floats", advice)
