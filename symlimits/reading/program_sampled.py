r"""A straight line whose expectations have no closed form, by quasi-Monte Carlo, with an error over scrambles.

Every Gaussian symbol is drawn once for all expectations, given those that it is correlated with: row by row of a
Cholesky factor, with a generalised inverse where the covariance is singular. What expectations share is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache, reduce
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.errors import DomainError, NoRule, UnboundSymbol
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.program_lines import is_shared, outermost
from symlimits.language.reciprocal import Reciprocal
from symlimits.language.straight_line import Definition, StraightLine
from symlimits.reading.normal_points import NormalPoints
from symlimits.reading.quadrature_double import pair_mean

Floats = npt.NDArray[np.float64]
SCRAMBLES = 8
POINTS = 2**11  # of each scramble: 2^14 together
WIDE = 6.0  # standard errors of the mean over scrambles: Student's t of 7 degrees of freedom is beyond it once in 2000
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
    _check_counts(points, scrambles)
    missing = sorted(map(str, program.free_symbols - values.keys()))
    if missing:
        raise UnboundSymbol(f"{missing[0]} without a value", "a value for every symbol", f"{missing[0]}=...")
    numbers = {symbol: np.float64(values[symbol]) for symbol in program.free_symbols}
    roots = np.random.SeedSequence(seed).spawn(scrambles)
    found = np.array([_Run(program, numbers, points, root).output() for root in roots])
    if not np.isfinite(found).all():
        raise DomainError(
            f"{program.output}, whose value is not finite", "a finite number", "a point inside the domain"
        )
    error = WIDE * found.std(ddof=1) / np.sqrt(scrambles) + ROUNDING * abs(found.mean())
    return Sampled(float(found.mean()), float(error), f"sampled: {scrambles} scrambles of {points} Sobol points")


def _check_counts(points: int, scrambles: int) -> None:
    if points < 2 or points & (points - 1):
        raise DomainError(f"points = {points}", "a power of two, 2 or larger", "points=2048")
    if scrambles < 2:
        raise DomainError(f"scrambles = {scrambles}", "two or more, which give the error", "scrambles=8")


def _program(line: sp.Expr) -> StraightLine:
    program = line if isinstance(line, StraightLine) else StraightLine([], line)
    if not program.is_scalar:
        raise NoRule("a straight line with loops or matrices", "scalar definitions", "`.reference(...)`")
    return program


class _Run:
    """One scramble: scalars as numbers, random variables as arrays over the points."""

    def __init__(self, line: StraightLine, numbers: Mapping[sp.Symbol, float], points: int, seed: Any) -> None:
        self.line, self.numbers, self.size, self.seed = line, dict(numbers), points, seed
        self.definitions = {d.target: d.expression for d in line.statements if isinstance(d, Definition)}
        self.arrays: dict[tuple[sp.Symbol, sp.Expr], Floats] = {}
        self.means: dict[GaussianExpectation, float] = {}
        shared = filter(is_shared, _heads(line))
        self.points = NormalPoints(shared, self.number, points, seed)

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
            self.means[head] = self._pair(head)
        if head not in self.means:
            known = {g: self.points[g] for g in head.variables}
            output = head.integrand
            if isinstance(output, StraightLine):
                for definition in output.statements:
                    known[definition.target] = self._array(definition, known)
                output = output.output
            self.means[head] = float(np.mean(self._computed(output, known)))
        return self.means[head]

    def _pair(self, head: GaussianExpectation) -> float:
        """An expectation over variables of its own, one or two: quadrature in float64."""
        u, v = head.variables if len(head.variables) == 2 else (*head.variables, _OTHER)
        covariance = [[self.number(entry) for entry in row] for row in head.covariance.tolist()]
        p, q, c = (
            (covariance[0][0], 1.0, 0.0) if v is _OTHER else (covariance[0][0], covariance[1][1], covariance[0][1])
        )
        try:
            return pair_mean(head.integrand, u, v, p, q, c)
        except NoRule:  # kinks: points of its own
            points = NormalPoints([head], self.number, self.size, self.seed.spawn(1)[0])
            return float(np.mean(self._computed(head.integrand, {w: points[w] for w in head.variables})))

    def _array(self, definition: Definition, known: Mapping[sp.Symbol, Any]) -> Floats:
        key = definition.target, definition.expression
        if key not in self.arrays:
            self.arrays[key] = self._computed(definition.expression, known)
        return self.arrays[key]

    def _computed(self, expr: sp.Expr, known: Mapping[sp.Symbol, Any]) -> Any:
        arguments, function = _compiled(expr)
        with np.errstate(all="ignore"):
            return function(*(known[s] if s in known else self.number(s) for s in arguments))


def _heads(line: StraightLine) -> list[GaussianExpectation]:
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
