"""The compiled reading of a straight line with loops and matrices, in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.errors import DataError, DomainError, UnboundSymbol
from symlimits.language.block import shape
from symlimits.language.straight_line import StraightLine
from symlimits.memory import check_memory
from symlimits.reading.cache import load_source
from symlimits.reading.real import as_reals, plain
from symlimits.reading.rings import FLOATS
from symlimits.reading.straight_line_room import Room, rooms, whole_number
from symlimits.reading.straight_line_source import straight_line_source

Floats = npt.NDArray[np.float64]
Blocks = dict[str, dict[tuple[int, ...], Floats]]


@dataclass(frozen=True)
class LoopKernel:
    """A compiled straight line: statements in their order, once for every point; it broadcasts like a NumPy ufunc.

    `expr` and `args` say what it computes, `source` how: the same for any number of steps, so that another range is
    not compiled again. Symbols in indices, sizes and ranges need values before. Matrices that are inputs are passed by
    name, or as dictionaries of matrices by their indices. Raises `DomainError` where a value is no float (it
    overflows, or is read before it is defined) and for what is defined twice, `ResourceError` for want of memory.

    >>> from symlimits.language.block import Block, IdentityMatrix
    >>> from symlimits.language.straight_line import Definition, Loop
    >>> t, x = sp.symbols("t x", integer=True)
    >>> A, M = lambda t: Block("A", (t,), (2, 2)), Block("M", (), (2, 2))
    >>> powers = [Definition(A(0), IdentityMatrix(2)), Loop(t, 1, 10, [Definition(A(t), x * A(t - 1) * M)])]
    >>> LoopKernel(StraightLine(powers, A(10)), (x,))(1.0, M=[[1, 1], [1, 0]])
    array([[89., 55.],
           [55., 34.]])
    """

    expr: StraightLine
    args: tuple[sp.Symbol, ...]

    def __call__(self, *values: Any, **inputs: Any) -> Any:
        """Numbers give a float, arrays a float64 array; two more axes where the output is a matrix."""
        results, _, axes = self._run(values, inputs)
        size = shape(self.expr.output)
        sizes = () if size is None else tuple(map(whole_number, size))
        if not np.isfinite(results).all():
            given = f"{self.expr.output}, which is no float"
            advice = "smaller arguments; definitions in their order"
            raise DomainError(given, "a value in the range of floats that is defined before it is read", advice)
        return plain(results.reshape((*axes, *sizes)))

    def blocks(self, *values: Any, **inputs: Any) -> Blocks:
        """Every matrix that is defined at one point, by name and indices, and the inputs."""
        _, memory, axes = self._run(values, inputs)
        if axes:
            raise DataError(f"points of shape {axes}", "one point", "a call for each")
        found: Blocks = {}
        for name, room in self._rooms.items():
            array = memory[self._starts[name] :][: room.numbers].reshape(*room.counts, *room.size)
            places = product(*(range(low, high + 1) for low, high in room.intervals))
            pairs = zip(places, array.reshape(-1, *room.size), strict=True)
            found[name] = {place: block for place, block in pairs if not np.isnan(block).all()}
        return found

    def bounded(self, *values: sp.Expr) -> None:
        """None: errors of definitions are carried on by those that read them, and no bound follows them."""

    @property
    def source(self) -> str:
        """The Python source that Numba compiles."""
        return self._program[0]

    def _run(self, values: tuple[Any, ...], inputs: Mapping[str, Any]) -> tuple[Floats, Floats, tuple[int, ...]]:
        """The output, row by row of the points, what is in memory after the last one, and the shape of the points."""
        names = [symbol.name for symbol in self.args]
        if len(values) != len(names):
            raise DataError(f"{len(values)} arguments", f"{len(names)}: {', '.join(names)}", "a number for each")
        numbers = np.broadcast_arrays(*as_reals(values, names)) if names else []
        axes = numbers[0].shape if names else ()
        points = np.array([array.ravel() for array in numbers]).T.copy().reshape(prod(axes), len(names))
        size = shape(self.expr.output)
        results = np.empty((prod(axes), 1 if size is None else prod(map(whole_number, size))))
        memory = self._memory(inputs)
        twice = self._compiled(points, self._layout, memory, results)
        if twice:
            raise DomainError(f"{self._program[2][twice - 1]} defined twice", "one definition", "another index")
        return results, memory, axes

    @cached_property
    def _program(self) -> tuple[str, list[int], list[sp.Expr]]:
        return straight_line_source(self.expr, self.args, self._rooms)

    @cached_property
    def _compiled(self) -> Callable[..., int]:
        kernel: Callable[..., int] = load_source(self.source).kernel
        return kernel

    @cached_property
    def _inputs(self) -> set[str]:
        return self.expr.inputs

    @cached_property
    def _rooms(self) -> dict[str, Room]:
        return rooms(self.expr)

    @cached_property
    def _starts(self) -> dict[str, int]:
        """Where in memory the matrices of each name begin."""
        ends = np.cumsum([0, *(room.numbers for room in self._rooms.values())])
        return {name: int(end) for name, end in zip(self._rooms, ends, strict=False)}

    @cached_property
    def _layout(self) -> npt.NDArray[np.int64]:
        """Where inputs end; base and strides of every name; the integers of indices and ranges."""
        layout = [sum(room.numbers for name, room in self._rooms.items() if name in self.expr.inputs)]
        for name, room in self._rooms.items():
            strides = [prod(room.counts[i + 1 :]) * prod(room.size) for i in range(len(room.counts))]
            lowest = sum(low * stride for (low, _), stride in zip(room.intervals, strides, strict=True))
            layout += [self._starts[name] - lowest, *strides]
        return np.array([*layout, *self._program[1]], dtype=np.int64)

    def _memory(self, inputs: Mapping[str, Any]) -> Floats:
        """One array for all matrices, NaN but for the inputs."""
        missing = sorted(self._inputs - set(inputs))
        if missing:
            raise UnboundSymbol(f"{missing[0]} without a value", "a value for every input", f"{missing[0]}=...")
        total = sum(room.numbers for room in self._rooms.values())
        check_memory(8 * total, f"a straight line of {total} numbers", "smaller ranges")
        memory = np.full(total, np.nan)
        for name, entries in inputs.items():
            if name not in self._inputs:
                known = ", ".join(sorted(self._inputs)) or "no matrix"
                raise DataError(f"a value for {name}", known, "another name")
            self._fill(memory, name, entries if isinstance(entries, Mapping) else {(): entries})
        return memory

    def _fill(self, memory: Floats, name: str, entries: Mapping[tuple[int, ...], Any]) -> None:
        room = self._rooms[name]
        array = memory[self._starts[name] :][: room.numbers].reshape(*room.counts, *room.size)
        for place, entry in entries.items():
            matrix = FLOATS.array(entry)
            if len(place) != len(room.intervals) or matrix.shape != room.size:
                given = f"{name}{list(place)} of shape {matrix.shape}"
                wanted = f"{len(room.intervals)} indices and shape {room.size}"
                raise DataError(given, wanted, "a dictionary of matrices by tuples of indices")
            shifted = tuple(index - low for index, (low, _) in zip(place, room.intervals, strict=True))
            if all(0 <= index < count for index, count in zip(shifted, room.counts, strict=True)):
                array[shifted] = matrix

    def __getstate__(self) -> dict[str, Any]:
        return {"expr": self.expr, "args": self.args}
