r"""A straight line whose expectations have no closed form, by quasi-Monte Carlo, with an error over scrambles.

Every Gaussian symbol is drawn once for all expectations, given those that it is correlated with: row by row of a
Cholesky factor, with a generalised inverse where the covariance is singular. What expectations share is computed once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache, lru_cache, reduce
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.errors import DomainError, NoRule, UnboundSymbol
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.names import shown
from symlimits.language.program_lines import is_shared, outermost
from symlimits.language.reciprocal import Reciprocal
from symlimits.language.straight_line import Definition, StraightLine
from symlimits.memory import check_memory
from symlimits.reading.normal_points import NormalPoints, Table, covariances, normal_sources
from symlimits.reading.quadrature_double import pair_mean

Floats = npt.NDArray[np.float64]
SCRAMBLES = 8
POINTS = 2**11  # of each scramble: 2^14 together
MOST_POINTS = 2**17  # of each scramble, that an error may ask for: 2^20 together
STEP = 3  # powers of two, at a time
WIDE = 6.0  # standard errors of the mean over scrambles: Student's t of 7 degrees of freedom is beyond it once in 2000
BYTES = 8
ROUNDING = 2.0**-40  # of the size of a value, for the scalars on the way
SLACK = 1e-9  # below zero, or beyond one, by rounding: where a root or an arcsine ends


_OTHER = sp.Dummy("v", real=True)


class Sampled(NamedTuple):
    """A value, a bound of its error, and how it was computed."""

    value: float
    error: float
    method: str


def sampled(
    line: sp.Expr, values: Mapping[sp.Symbol, Any], points: int = POINTS, scrambles: int = SCRAMBLES, seed: int = 0
) -> Sampled:
    """The output of a straight line of scalars and Gaussian expectations, at numbers for its free symbols.

    `points`, a power of two, are those of each of the `scrambles` (two or more), which are independent; the error is
    six standard errors of the mean over them. Raises `UnboundSymbol` for a symbol without a value, `DomainError` for
    other counts, and `NoRule` for a line with loops or matrices.

    >>> g, y = sp.symbols("g y", real=True)
    >>> line = StraightLine([Definition(y, GaussianExpectation(sp.tanh(g) ** 2, (g,), [[1]]))], 1 + y)
    >>> found = sampled(line, {})
    >>> abs(found.value - 1.3942944903978) < found.error < 1e-5
    True
    """
    program = _program(line)
    check_counts(points, scrambles)
    missing = sorted(map(str, program.free_symbols - values.keys()))
    if missing:
        raise UnboundSymbol(f"{missing[0]} without a value", "a value for every symbol", f"{missing[0]}=...")
    numbers = {symbol: np.float64(values[symbol]) for symbol in program.free_symbols}
    roots = np.random.SeedSequence(seed).spawn(scrambles)
    check_memory(BYTES * points * _arrays(program), f"{points} points of a program", "fewer points")
    table = covariances(filter(is_shared, outermost_of(program)))
    return summed([_Run(program, numbers, table, points, root).output() for root in roots], program, points)


def sampled_within(line: sp.Expr, values: Mapping[sp.Symbol, Any], error: float) -> Sampled:
    """The same from as many points as it takes for an error; `NoRule` where 2^20 together have a larger one.

    >>> g, y = sp.symbols("g y", real=True)
    >>> line = StraightLine([Definition(y, GaussianExpectation(sp.tanh(g) ** 2, (g,), [[1]]))], 1 + y)
    >>> sampled_within(line, {}, 1e-5).error <= 1e-5
    True
    """
    points = POINTS
    found = sampled(line, values, points)
    while found.error > error:
        if points >= MOST_POINTS:
            given = f"an error of {error:.2g}, of {SCRAMBLES} scrambles of {points} points"
            raise NoRule(given, f"{found.error:.2g} or more", "points=..., a larger power of two")
        points = min(MOST_POINTS, points * _times(found.error / error))
        found = sampled(line, values, points)
    return found


def _times(excess: float) -> int:
    """A power of two for so many times fewer errors: they fall as fast as the points grow, or more slowly."""
    return 2 ** min(max(1, math.ceil(math.log2(excess))), STEP)


def summed(outputs: list[float], line: StraightLine, points: int) -> Sampled:
    """The mean over scrambles, with six standard errors."""
    found, scrambles = np.array(outputs), len(outputs)
    if not np.isfinite(found).all():
        raise DomainError(f"{line.output}, whose value is not finite", "a finite number", "a point inside the domain")
    error = WIDE * found.std(ddof=1) / np.sqrt(scrambles) + ROUNDING * abs(found.mean())
    return Sampled(float(found.mean()), float(error), f"sampled: {scrambles} scrambles of {points} Sobol points")


def check_counts(points: object, scrambles: object) -> None:
    """Raise `DomainError` for what is no number of Sobol points, or of scrambles."""
    if isinstance(points, bool) or not isinstance(points, int) or points < 2 or points & (points - 1):
        raise DomainError(f"points = {shown(points)}", "a power of two, 2 or larger", "points=2048")
    if isinstance(scrambles, bool) or not isinstance(scrambles, int) or scrambles < 2:
        raise DomainError(f"scrambles = {shown(scrambles)}", "two or more, which give the error", "scrambles=8")


def _program(line: sp.Expr) -> StraightLine:
    program = line if isinstance(line, StraightLine) else StraightLine([], line)
    if not program.is_scalar:
        raise NoRule("a straight line with loops or matrices", "scalar definitions", "`.reference(...)`")
    return program


class _Run:
    """One scramble: scalars as numbers, random variables as arrays over the points."""

    def __init__(
        self, line: StraightLine, numbers: Mapping[sp.Symbol, float], table: Table, points: int, seed: Any
    ) -> None:
        self.line, self.numbers, self.size, self.seed = line, dict(numbers), points, seed
        self.definitions = {d.target: d.expression for d in line.statements if isinstance(d, Definition)}
        self.arrays: dict[tuple[sp.Symbol, sp.Expr], Floats] = {}
        self.means: dict[GaussianExpectation, float] = {}
        self.points = NormalPoints(table, self.number, normal_sources(len(table), points, seed))

    def output(self) -> float:
        for symbol in self.definitions:
            self.number(symbol)
        return self.number(self.line.output)

    def number(self, expr: sp.Expr) -> float:
        """The value of a scalar; definitions are worked out where they are asked for."""
        if expr.is_Symbol:
            if expr not in self.numbers:
                self.numbers[expr] = self.number(self.definitions[expr])
            return self.numbers[expr]
        heads = outermost(expr)
        names = {head: _dummy(i) for i, head in enumerate(heads)}
        inner = expr.xreplace(names)
        known = {names[head]: self.mean(head) for head in heads}
        return np.float64(self._computed(inner, known))

    def mean(self, head: GaussianExpectation) -> float:
        """An expectation."""
        if head not in self.means and not is_shared(head):
            self.means[head] = own_mean(head, self.number, self.size, self.seed)
        if head not in self.means:
            known = {g: self.points[g] for g in head.variables}
            output = head.integrand
            if isinstance(output, StraightLine):
                for definition in output.statements:
                    known[definition.target] = self._array(definition, known)
                output = output.output
            self.means[head] = float(np.mean(self._computed(output, known)))
        return self.means[head]

    def _array(self, definition: Definition, known: Mapping[sp.Symbol, Any]) -> Floats:
        key = definition.target, definition.expression
        if key not in self.arrays:
            self.arrays[key] = self._computed(definition.expression, known)
        return self.arrays[key]

    def _computed(self, expr: sp.Expr, known: Mapping[sp.Symbol, Any]) -> Any:
        return _at(expr, lambda s: known[s] if s in known else self.number(s))


def own_mean(head: GaussianExpectation, number: Callable[[sp.Expr], float], size: int, seed: Any) -> float:
    """An expectation over one or two variables of its own: quadrature in float64, at kinks `size` points of its own."""
    free = sorted(head.integrand.free_symbols - set(head.variables), key=str)
    integrand = head.integrand.xreplace({s: sp.Float(number(s)) for s in free})
    u, v = head.variables if len(head.variables) == 2 else (*head.variables, _OTHER)
    entries = [[number(entry) for entry in row] for row in head.covariance.tolist()]
    p, q, c = (entries[0][0], 1.0, 0.0) if v is _OTHER else (entries[0][0], entries[1][1], entries[0][1])
    try:
        return pair_mean(integrand, u, v, p, q, c)
    except NoRule:
        table = covariances([head])
        points = NormalPoints(table, number, normal_sources(len(table), size, seed.spawn(1)[0]))
        return float(np.mean(_at(integrand, points.__getitem__)))


def _at(expr: sp.Expr, value: Callable[[sp.Symbol], Any]) -> Any:
    arguments, function = _compiled(expr)
    with np.errstate(all="ignore"):
        return function(*map(value, arguments))


def _arrays(line: StraightLine) -> int:
    """How many arrays a scramble holds: Gaussians, their sources, and random variables."""
    heads = list(filter(is_shared, outermost_of(line)))
    inner = [d for head in heads if isinstance(head.integrand, StraightLine) for d in head.integrand.statements]
    return 2 * len({u for head in heads for u in head.variables}) + len(set(inner))


def outermost_of(line: StraightLine) -> list[GaussianExpectation]:
    """The expectations of a straight line's definitions and of its output, in their order."""
    found: dict[GaussianExpectation, None] = {}
    for statement in (*line.statements, line.output):
        found.update(dict.fromkeys(outermost(getattr(statement, "expression", statement))))
    return list(found)


@cache
def _dummy(i: int) -> sp.Dummy:
    return sp.Dummy(f"head_{i}", real=True)


@lru_cache(maxsize=8192)
def _compiled(expr: sp.Expr) -> tuple[tuple[sp.Symbol, ...], Callable[..., Any]]:
    """A function of arrays and numbers; names are mangled, and no text of a user's becomes code."""
    arguments = tuple(sorted(expr.free_symbols, key=str))
    return arguments, sp.lambdify(arguments, expr, modules=[_FUNCTIONS, "scipy", "numpy"], dummify=True)


def _root(x: Any) -> Any:
    return np.sqrt(np.where((x < 0) & (x > -SLACK), 0.0, x))


def _arcsine(x: Any) -> Any:
    return np.arcsin(np.where((np.abs(x) > 1) & (np.abs(x) < 1 + SLACK), np.sign(x), x))


def _reciprocal(pivot: Any, size: Any) -> float:
    return float(Reciprocal(sp.Float(float(pivot)), sp.Float(float(size))))


_FUNCTIONS = {
    "amax": lambda values, axis: reduce(np.maximum, values),
    "amin": lambda values, axis: reduce(np.minimum, values),
    "sqrt": _root,
    "arcsin": _arcsine,
    "Reciprocal": _reciprocal,
}
