"""The compiled reading of an expression, chosen by its head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, singledispatch
from typing import Any

import numpy as np
import sympy as sp

from symlimits.errors import DataError
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.integral import LineIntegral
from symlimits.language.pixels import is_of_images
from symlimits.language.program_lines import is_program
from symlimits.language.recursion import Recursion
from symlimits.language.spherical import SphericalIntegral
from symlimits.language.straight_line import Definition, StraightLine
from symlimits.reading.expected import ExpectationKernel
from symlimits.reading.gram import GramKernel, LostDigits
from symlimits.reading.gram_data import as_rows
from symlimits.reading.gram_input import signed_gap
from symlimits.reading.gram_rates import RateKernel
from symlimits.reading.image_gram import ImageKernel
from symlimits.reading.kernel import ScalarKernel
from symlimits.reading.line_kernel import LineKernel
from symlimits.reading.lower_recursion import gram_kernel
from symlimits.reading.program_kernel import ProgramKernel
from symlimits.reading.real import as_reals, plain
from symlimits.reading.spherical_kernel import SphericalKernel
from symlimits.reading.straight_line_kernel import LoopKernel
from symlimits.reading.straight_line_room import integers

MOST_STATES = 4  # of a kernel; with the derivatives there are twice as many
_dimension = sp.Symbol("d", positive=True)


@dataclass(frozen=True)
class RecursionKernel:
    """A kernel recursion on data: `kernel(X)`, `kernel(X, Z)`, and `pairs` for given input kernels.

    The input kernel is x.z/d; the symbol d, where the recursion holds it, is the dimension of the data. Where the
    terms of a closed form cancel at the data given, `definition` is read instead, by series and panels.
    """

    expr: Recursion
    definition: Recursion | None = None

    def __call__(self, X: Any, Z: Any = None, out: Any = None, **others: Any) -> Any:
        """The Gram matrix (n, m) for data X (n, d) and Z (m, d); Z = X when left out."""
        if others:
            raise DataError(f"a value for {next(iter(others))}", "X, Z or out", "K(X), K(X, Z) or K(X, Z, out=array)")
        X = as_rows(X, "X")
        return self._read(lambda kernel: (kernel.ntk if self.is_tangent else kernel.nngp)(X, Z, out), X.shape[1])

    def both(self, X: Any, Z: Any = None) -> tuple[Any, Any]:
        """The Gram matrices (n, m) of the NNGP and of the tangent kernel, at the cost of the latter."""
        X = as_rows(X, "X")
        found: tuple[Any, Any] = self._read(lambda kernel: kernel.both(X, Z), X.shape[1])
        return found

    def pairs(self, p: Any, q: Any, c: Any) -> Any:
        """The kernel where the input kernel has the values p = K(x, x), q = K(z, z), c = K(x, z)."""
        values = as_reals((p, q, c), "pqc")
        return self.pairs_with_gap(values[0], values[1], signed_gap(*values))

    def pairs_with_gap(self, p: Any, q: Any, gap: Any) -> Any:
        """The same with the signed gap of the input correlation, rho = copysign(1 - |gap|, gap)."""
        K, Theta = self._read(lambda kernel: kernel.pairs(p, q, gap))
        return plain((Theta if self.is_tangent else K)[()])

    @property
    def is_tangent(self) -> bool:
        """Whether the last state, the tangent kernel, is asked for."""
        return self.expr.output == self.expr.states[-1] and len(self.expr.states) == 4

    @property
    def source(self) -> str:
        """The generated source."""
        return self.loop.source(self.is_tangent)

    @cached_property
    def loop(self) -> GramKernel:
        """The compiled loop."""
        return gram_kernel(self.expr)

    def _read(self, values: Callable[[GramKernel], Any], dimension: int | None = None) -> Any:
        """By the closed form, or by the definition where that loses digits."""
        try:
            return values(_loop(self.expr, dimension))
        except LostDigits:
            if self.definition in (None, self.expr):
                raise
            return values(_loop(self.definition, dimension))

    def __getstate__(self) -> dict[str, Any]:
        return {"expr": self.expr, "definition": self.definition}


@dataclass(frozen=True)
class StraightLineKernel:
    """Scalar definitions in their order, each compiled by its own head; it broadcasts like a NumPy ufunc.

    >>> x, y = sp.symbols("x y", real=True)
    >>> StraightLineKernel(StraightLine([Definition(y, 1 + x)], y**2), (x,))(2.0)
    9.0
    """

    expr: StraightLine
    args: tuple[sp.Symbol, ...]

    def __call__(self, *values: Any) -> Any:
        """Numbers give a float, arrays a float64 array."""
        if len(values) != len(self.args):
            names = ", ".join(symbol.name for symbol in self.args)
            raise DataError(f"{len(values)} arguments", f"{len(self.args)}: {names}", f"T({names})")
        known = dict(zip(self.args, as_reals(values, [symbol.name for symbol in self.args]), strict=True))
        shape = np.broadcast_shapes(*(number.shape for number in known.values()))
        for target, kernel in self._kernels:
            known[target] = np.asarray(kernel(*(known[symbol] for symbol in kernel.args)))
        return plain(np.broadcast_to(known[_OUTPUT], shape).copy()[()])

    def bounded(self, *values: sp.Expr) -> None:
        """None: errors of definitions are carried on by those that read them, and no bound follows them."""

    @property
    def source(self) -> str:
        """The generated sources, one after the other."""
        return "\n\n".join(kernel.source for _, kernel in self._kernels)

    @cached_property
    def _kernels(self) -> list[tuple[sp.Symbol, Any]]:
        lines = [*self.expr.statements, Definition(_OUTPUT, self.expr.output)]
        return [(d.target, compiled(d.expression, sorted(d.expression.free_symbols, key=str))) for d in lines]

    def __getstate__(self) -> dict[str, Any]:
        return {"expr": self.expr, "args": self.args}


_OUTPUT = sp.Dummy("output")


def _loop(recursion: Recursion, dimension: int | None) -> GramKernel:
    known = {} if dimension is None else {_dimension: dimension}
    return gram_kernel(recursion.subs(known) if known and _dimension in recursion.free_symbols else recursion)


@singledispatch
def compiled(expr: sp.Expr, arguments: Sequence[sp.Symbol], definition: sp.Expr | None = None) -> Any:
    """The compiled reading of an expression as a function of its arguments; `definition` is what it comes from.

    A formula that comes from a straight line with loops is read by that: multiplied out, paths cancel in float64.
    """
    if isinstance(definition, StraightLine) and _is_program(definition, arguments):
        return LoopKernel(definition, tuple(arguments))
    if expr.has(SphericalIntegral) and not expr.has(sp.Integral):
        return SphericalKernel(expr, tuple(arguments))
    if expr.has(LineIntegral):
        return LineKernel(expr, tuple(arguments))
    if expr.has(GaussianExpectation) and not expr.has(sp.Integral):
        return ExpectationKernel(expr, tuple(arguments))
    return ScalarKernel(expr, tuple(arguments))


def _is_program(line: StraightLine, arguments: Sequence[sp.Symbol]) -> bool:
    """Whether a straight line has loops or matrices, and nothing without a value or a closed form."""
    heads = (GaussianExpectation, sp.Integral, LineIntegral, SphericalIntegral, Recursion)
    known = line.free_symbols <= set(arguments) - integers(line) and not line.inputs
    return known and not line.is_scalar and not line.has(*heads)


@compiled.register
def _(expr: StraightLine, arguments: Sequence[sp.Symbol], definition: sp.Expr | None = None) -> Any:
    if is_program(expr):
        return ProgramKernel(expr, tuple(arguments))
    sums = expr.has(sp.Sum) and not expr.has(LineIntegral, SphericalIntegral)  # which hold sums of their own
    return (LoopKernel if sums or not expr.is_scalar else StraightLineKernel)(expr, tuple(arguments))


@compiled.register
def _(
    expr: Recursion, arguments: Sequence[sp.Symbol], definition: sp.Expr | None = None
) -> RecursionKernel | RateKernel | ImageKernel:
    if is_of_images(expr):
        return ImageKernel(expr)
    if len(expr.states) > MOST_STATES:
        return RateKernel(expr)
    return RecursionKernel(expr, definition if isinstance(definition, Recursion) else None)
