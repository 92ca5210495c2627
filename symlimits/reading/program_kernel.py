"""The limit of a program compiled by Numba: all its maps in one kernel, stage by stage, one loop over points for each.

Draws, which need little time, are those of `program_sampled`, so that the values are the same but for rounding.
Compiling takes seconds, once a machine: it pays for values at many points of the domain and from some 2^20 Sobol
points on, so that a single value is read without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.errors import DataError, UnboundSymbol
from symlimits.language.reciprocal import NOTHING, Reciprocal
from symlimits.language.straight_line import StraightLine
from symlimits.memory import check_memory
from symlimits.reading.cache import load_source
from symlimits.reading.lower import MATH, statements
from symlimits.reading.normal_points import NormalPoints, normal_sources
from symlimits.reading.program_sampled import POINTS, SCRAMBLES, SLACK, Sampled, check_counts, own_mean, summed
from symlimits.reading.program_stages import Stage, Stages
from symlimits.reading.real import as_reals, plain

Floats = npt.NDArray[np.float64]
BYTES = 8


@dataclass(frozen=True)
class ProgramKernel:
    """The limit of a program as a function of its symbols, its expectations at the same Sobol points in every call.

    It broadcasts like a NumPy ufunc; `bounded` gives the error of a value too. `points`, a power of two, are those of
    each of the `scrambles`. `expr` and `args` say what it computes, `source` how.

    >>> from symlimits.language.expectation import GaussianExpectation
    >>> from symlimits.language.straight_line import Definition
    >>> g, s, y = sp.symbols("zeta_1 s y", real=True)
    >>> line = StraightLine([Definition(y, GaussianExpectation(sp.cos(s * g), (g,), [[1]]))], 1 - y)
    >>> ProgramKernel(line, (s,))([0.0, 1.0]).round(4)
    array([0.    , 0.3935])
    """

    expr: StraightLine
    args: tuple[sp.Symbol, ...]
    points: int = POINTS
    scrambles: int = SCRAMBLES
    seed: int = 0

    def __post_init__(self) -> None:
        check_counts(self.points, self.scrambles)
        missing = sorted(map(str, self.expr.free_symbols - set(self.args)))
        if missing:
            raise UnboundSymbol(f"{missing[0]} without a value", "a number for every symbol", f".bind({missing[0]}=1)")

    def __call__(self, *values: Any) -> Any:
        """Numbers give a float, arrays a float64 array."""
        if len(values) != len(self.args):
            names = ", ".join(symbol.name for symbol in self.args)
            raise DataError(f"{len(values)} arguments", f"{len(self.args)}: {names}", f"T({names})")
        numbers = np.broadcast_arrays(*as_reals(values, [symbol.name for symbol in self.args])) if values else []
        found = np.empty(numbers[0].shape if numbers else ())
        for index in np.ndindex(found.shape):
            found[index] = self.bounded(*(array[index] for array in numbers)).value
        return plain(found[()])

    def bounded(self, *values: Any) -> Sampled:
        """A value with its error, six standard errors of the mean over scrambles."""
        numbers = [float(value) for value in values]
        return summed([self._output(numbers, i) for i in range(self.scrambles)], self.expr, self.points)

    @cached_property
    def source(self) -> str:
        """The Python source that Numba compiles."""
        return "".join(f"{line}\n" for line in self._places.module())

    @cached_property
    def _places(self) -> _Places:
        return _Places(Stages(self.expr), self.args)

    @cached_property
    def _kernel(self) -> Any:
        return load_source(self.source).kernel

    @cached_property
    def _sources(self) -> list[tuple[Floats, Any]]:
        """Normal numbers and the seed of each scramble."""
        width, roots = len(self._places.stages.table), np.random.SeedSequence(self.seed).spawn(self.scrambles)
        room = BYTES * self.points * (2 * self.scrambles * width + len(self._places.kept))
        check_memory(room, f"{self.points} points of {width} Gaussians", "fewer points")
        return [(normal_sources(width, self.points, root), root) for root in roots]

    def _output(self, values: Sequence[float], scramble: int) -> float:
        """One scramble: draws, loops and scalars in their order."""
        known, places = np.zeros(len(self._places.scalars)), self._places
        known[: len(values)] = values
        sources, root = self._sources[scramble]
        root = np.random.SeedSequence(root.entropy, spawn_key=root.spawn_key)  # which counts what it spawns
        points = NormalPoints(places.stages.table, lambda entry: places.number(entry, known), sources)
        drawn = np.empty((len(places.columns), self.points))
        kept = np.empty((len(places.kept), self.points))
        for k, stage in enumerate(places.stages.stages):
            for name, head in stage.own:
                known[places.scalars[name]] = own_mean(head, points.number, self.points, root)
            for u in stage.drawn:
                drawn[places.columns[u]] = points[u]
            self._kernel(k, drawn, known, kept)
        return float(known[places.scalars[places.stages.output]])

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("expr", "args", "points", "scrambles", "seed")}

    def __repr__(self) -> str:
        return f"ProgramKernel({self.expr}, args={self.args}, {self.scrambles} scrambles of {self.points} points)"


class _Places:
    """Where numbers stand in the arrays that the kernel is given, and the kernel's source."""

    def __init__(self, stages: Stages, args: Sequence[sp.Symbol]) -> None:
        self.stages = stages
        names = [*args, *stages.names.values(), *(s for stage in stages.stages for s, _ in stage.scalars)]
        self.scalars = {symbol: i for i, symbol in enumerate(names)}
        self.columns = {u: i for i, u in enumerate(stages.table)}
        self.kept = {z: i for i, z in enumerate(_kept(stages.stages))}

    def number(self, entry: sp.Expr, known: Floats) -> float:
        """A covariance, from the scalars that are known."""
        entry = self.stages.entries.get(entry, entry)
        return float(known[self.scalars[entry]] if entry in self.scalars else entry)

    def module(self) -> Iterator[str]:
        """The lines of the source."""
        yield HEADER
        yield '@njit("void(i8, f8[:, ::1], f8[::1], f8[:, ::1])", error_model="numpy", cache=True)'
        yield "def kernel(stage, g, s, z):"
        for k, stage in enumerate(self.stages.stages):
            yield f"    {'el' if k else ''}if stage == {k}:"
            yield from (f"        {line}" for line in (*self._loop(stage), *self._scalars(stage), "pass"))

    def _scalars(self, stage: Stage) -> Iterator[str]:
        names = {symbol: f"s[{i}]" for symbol, i in self.scalars.items()}
        for symbol, expr in stage.scalars:
            yield from _assigned(names[symbol], expr, names)

    def _loop(self, stage: Stage) -> Iterator[str]:
        if not stage.means:
            return
        names = {symbol: f"s[{i}]" for symbol, i in self.scalars.items()}
        names |= {u: f"g[{i}, i]" for u, i in self.columns.items()} | {z: f"z[{k}, i]" for z, k in self.kept.items()}
        names |= {z: f"z{i}" for i, (z, _) in enumerate(stage.variables)}
        places = [self.scalars[name] for name, _ in stage.means]
        yield from (f"m{place} = 0.0" for place in places)
        yield "for i in range(g.shape[1]):"
        for z, expr in stage.variables:
            yield from (f"    {line}" for line in _assigned(names[z], expr, names))
            if z in self.kept:
                yield f"    z[{self.kept[z]}, i] = {names[z]}"
        for place, (_, expr) in zip(places, stage.means, strict=True):
            yield from (f"    {line}" for line in _assigned("r", expr, names))
            yield f"    m{place} += r"
        yield from (f"s[{place}] = m{place}/g.shape[1]" for place in places)


def _kept(stages: Sequence[Stage]) -> list[sp.Symbol]:
    """The random variables that a later stage reads."""
    made = {z: k for k, stage in enumerate(stages) for z, _ in stage.variables}
    kept: set[sp.Symbol] = set()
    for k, stage in enumerate(stages):
        for _, expr in (*stage.variables, *stage.means):
            kept |= {z for z in expr.free_symbols if made.get(z, k) < k}
    return [z for z in made if z in kept]


def _assigned(name: str, expr: sp.Expr, names: dict[sp.Symbol, str]) -> list[str]:
    return statements({name: expr.replace(Reciprocal, _reciprocal)}, names).splitlines()


def _reciprocal(pivot: sp.Expr, size: sp.Expr) -> sp.Expr:
    return sp.Piecewise((1 / pivot, sp.Abs(pivot) > NOTHING * sp.Abs(size)), (0, True))


HEADER = f"""\
{MATH}
from math import nan
import math

from numba import njit


@njit(error_model="numpy")
def sqrt(x):  # sampled covariances and exact ones do not quite agree
    return math.sqrt(x) if x >= 0.0 else (0.0 if x > -{SLACK} else nan)


@njit(error_model="numpy")
def asin(x):
    return math.asin(x) if abs(x) <= 1.0 else (math.copysign(math.pi/2, x) if abs(x) < 1.0 + {SLACK} else nan)

"""
