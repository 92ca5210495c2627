"""Compiled readings: a scalar function as a NumPy ufunc that keeps its expression and source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp

from symlimits.errors import DataError
from symlimits.reading.cache import load_source
from symlimits.reading.lower import vectorized_source
from symlimits.reading.real import as_real, plain


@dataclass(frozen=True)
class ScalarKernel:
    """A compiled function of real numbers; it broadcasts like a NumPy ufunc.

    `expr` and `args` say what it computes, `source` how. It prints, pickles and compares by these;
    compiled code comes from the disk cache when there is some.

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

    def __call__(self, *values: Any) -> Any:
        """Numbers give a float, arrays a float64 array."""
        if len(values) != len(self.args):
            names = ", ".join(symbol.name for symbol in self.args)
            raise DataError(f"{len(values)} arguments", f"{len(self.args)}: {names}", f"T({names})")
        if not self.args:
            return float(self.expr.evalf(20))  # numba's ufunc of no arguments crashes the process
        return plain(self.ufunc(*(as_real(value, s.name) for value, s in zip(values, self.args, strict=True))))

    def __getstate__(self) -> dict[str, Any]:
        return {"expr": self.expr, "args": self.args}

    def __repr__(self) -> str:
        return f"ScalarKernel({self.expr}, args={self.args})"
