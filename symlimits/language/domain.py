"""Where a statement holds: ranges of its symbols, and points to test it at."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, product

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.formula import exact
from symlimits.language.names import shown
from symlimits.language.substitution import valued

RHO = sp.Symbol("rho", real=True)  # a correlation
Point = dict[sp.Symbol, sp.Expr]
MODERATE, WIDE = 1, 4  # decades that draws cover on either side of one: for experiments and quadrature, for formulas


@dataclass(frozen=True)
class Range:
    """An interval of the real line, with `special` values that a test must not leave out.

    A closed end is itself a test point. Between the ends, `draw` spreads points over the logarithm
    of the distance to the ends, over as many decades as it is asked for.
    """

    low: sp.Expr
    high: sp.Expr
    closed: tuple[bool, bool] = (True, True)
    special: tuple[sp.Expr, ...] = ()

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            end = getattr(self, name)
            object.__setattr__(self, name, end if isinstance(end, sp.Expr) else exact(end, name))
        if not (isinstance(self.closed, tuple) and [type(side) for side in self.closed] == [bool, bool]):
            raise DomainError(f"closed = {shown(self.closed)}", "True or False for each end", "closed=(True, False)")
        if not isinstance(self.special, tuple):
            raise DomainError(f"special = {shown(self.special)}", "a tuple of numbers", "special=(0, 1)")
        special = (value if isinstance(value, sp.Expr) else exact(value, "special") for value in self.special)
        object.__setattr__(self, "special", tuple(special))
        if not self.low.is_extended_real or not self.high.is_extended_real or (self.low < self.high) != sp.true:
            raise DomainError(f"the range from {self.low} to {self.high}", "two numbers in order", "sl.Range(0, 1)")

    def contains(self, value: sp.Expr) -> bool:
        """Whether a number lies in the interval."""
        low, high = (value >= self.low, value <= self.high)
        if not self.closed[0]:
            low = value > self.low
        if not self.closed[1]:
            high = value < self.high
        return bool(low) and bool(high)

    def corners(self) -> list[sp.Expr]:
        """The closed finite ends and the special values."""
        ends = [end for end, closed in zip((self.low, self.high), self.closed, strict=True) if closed and end.is_finite]
        return list(dict.fromkeys([*self.special, *ends]))

    def draw(self, rng: random.Random, decades: int = MODERATE, level: float | None = None) -> sp.Expr:
        """A random rational inside; `level` in [0, 1) says where, from the low end to the high one.

        On a half-line the distance to its end is log-uniform over 10^-decades to 10^decades (on the
        whole line: the distance to 0, of either sign). In a finite interval, MODERATE draws are uniform;
        with more decades half of them are, and the other half are log-close to either end, down to
        10^(-3/2 decades) of its length.
        """
        level = rng.random() if level is None else level
        if self.low.is_finite and self.high.is_finite:
            return self.low + (self.high - self.low) * _part(level, decades)
        if not (self.low.is_finite or self.high.is_finite):  # the lower half of the levels is negative
            return _decimal(10 ** (decades * (2 * abs(2 * level - 1) - 1))) * (1 if level >= 0.5 else -1)
        scale = _decimal(10 ** (decades * (2 * level - 1)))
        return self.low + scale if self.low.is_finite else self.high - scale


def _part(level: float, decades: int) -> sp.Rational:
    """The part of a finite interval that a draw leaves below it."""
    if decades <= MODERATE:
        return sp.Rational(1 + int(999 * level), 1001)
    if 0.25 <= level < 0.75:
        return sp.Rational(1 + int(999 * (2 * level - 0.5)), 1001)
    near = _decimal(10 ** (-1.5 * decades * (1 - 4 * min(level, 1 - level))) / 2)
    return near if level < 0.5 else 1 - near


def _decimal(value: float) -> sp.Rational:
    """Four digits of a number, exactly."""
    return sp.Rational(f"{value:.3e}")


POSITIVE = Range(sp.S.Zero, sp.oo, (False, False), (sp.S.One,))
NONNEGATIVE = Range(sp.S.Zero, sp.oo, (True, False), (sp.S.One,))
REAL = Range(-sp.oo, sp.oo, (False, False), (sp.Rational(-1, 3), sp.Integer(2)))  # both signs are always met
CORRELATION = Range(sp.Integer(-1), sp.Integer(1), special=(sp.S.Zero, sp.Integer(1), sp.Integer(-1)))
DEPTH = Range(sp.S.One, sp.oo, (True, False), (sp.Integer(2),))


@dataclass(frozen=True)
class Domain:
    """Ranges of free coordinates, and symbols that are functions of them.

    >>> p, q, rho, c = sp.symbols("p q rho c")
    >>> pair = Domain({p: POSITIVE, q: POSITIVE, rho: CORRELATION}, {c: rho * sp.sqrt(p * q)})
    >>> next(pair.points(seed=0))
    {p: 1, q: 1, rho: 0, c: 0}
    """

    ranges: Mapping[sp.Symbol, Range] = field(default_factory=dict)
    dependent: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)
    note: str = ""

    def __post_init__(self) -> None:
        for name, kind in (("ranges", Range), ("dependent", sp.Expr)):
            entries = getattr(self, name)
            pairs = entries.items() if isinstance(entries, Mapping) else [(None, None)]
            if not all(isinstance(symbol, sp.Symbol) and isinstance(value, kind) for symbol, value in pairs):
                wanted = f"a dictionary from symbols to a {kind.__name__} each"
                raise DomainError(f"{name} = {shown(entries)}", wanted, "sl.Domain({p: sl.Range(0, 1)})")
        if not isinstance(self.note, str):
            raise DomainError(f"note = {shown(self.note)}", "a text", 'note="c^2 <= p q"')

    def __hash__(self) -> int:
        return hash((frozenset(self.ranges.items()), frozenset(self.dependent.items()), self.note))

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """Every symbol that the domain speaks of."""
        return (*self.ranges, *self.dependent)

    def points(self, seed: int = 0, count: int | None = None) -> Iterator[Point]:
        """Test points: all combinations of ends and special values first, then random ones."""
        return islice(self._all_points(random.Random(seed)), count)

    def mixed_points(self, seed: int, corners: int, interior: int, decades: int = MODERATE) -> list[Point]:
        """Some corners, chosen at random, and some interior points."""
        rng = random.Random(seed)
        found = list(self._corners())
        chosen = [self.complete(point) for point in rng.sample(found, min(corners, len(found)))]
        return chosen + [self.complete(point) for point in self.coordinates(rng, interior, decades)]

    def coordinates(self, rng: random.Random, count: int, decades: int = MODERATE) -> list[Point]:
        """Interior points without the dependent symbols.

        Each coordinate is stratified: every one of `count` equal parts of its range, or of the
        logarithm of its range, is met once.
        """
        levels = {s: [(k + rng.random()) / count for k in range(count)] for s in self.ranges}
        for column in levels.values():
            rng.shuffle(column)
        return [{s: self._draw(s, rng, decades, levels[s][k]) for s in self.ranges} for k in range(count)]

    def restrict(self, values: Mapping[sp.Symbol, sp.Expr]) -> Domain:
        """The domain that is left when some symbols have values."""
        ranges = {s: r for s, r in self.ranges.items() if s not in values}
        dependent = {s: e.subs(values, simultaneous=True) for s, e in self.dependent.items() if s not in values}
        return Domain(ranges, dependent, self.note)

    def check(self, values: Mapping[sp.Symbol, sp.Expr]) -> None:
        """Raise `DomainError` for a value outside its range."""
        for symbol, value in values.items():
            interval = self.ranges.get(symbol)
            if interval is not None and value.is_number and not interval.contains(value):
                raise DomainError(f"{symbol} = {value}", f"{symbol} in {describe(interval)}", "a value inside")

    def _all_points(self, rng: random.Random) -> Iterator[Point]:
        yield from map(self.complete, self._corners())
        while self.ranges:
            yield self.complete({s: self._draw(s, rng) for s in self.ranges})

    def _corners(self) -> Iterator[Point]:
        choices = [interval.corners() or [interval.draw(random.Random(0))] for interval in self.ranges.values()]
        for values in product(*choices):
            yield dict(zip(self.ranges, values, strict=True))

    def _draw(
        self, symbol: sp.Symbol, rng: random.Random, decades: int = MODERATE, level: float | None = None
    ) -> sp.Expr:
        value = self.ranges[symbol].draw(rng, MODERATE if symbol.is_integer else decades, level)
        if not symbol.is_integer:
            return value
        value = min(value, self.ranges[symbol].low + 2) if self.ranges[symbol].low.is_finite else value  # few layers
        nearby = (sp.Integer(round(value)), sp.ceiling(value), sp.floor(value))  # a small number must not become 0
        return next((n for n in nearby if self.ranges[symbol].contains(n)), nearby[0])

    def shrunk(self, point: Point, scale: int) -> Point:
        """The point with the coordinates of half-lines divided by `scale`; what depends on them follows."""
        half_lines = [s for s, r in self.ranges.items() if s in point and r.low == 0 and r.high == sp.oo]
        divided = {s: point[s] / scale for s in half_lines if not s.is_integer}
        return self.complete({s: divided.get(s, point[s]) for s in self.ranges if s in point}) if divided else point

    def complete(self, point: Point) -> Point:
        """The point with the values of the dependent symbols."""
        return point | {s: valued(sp.sympify(e), point) for s, e in self.dependent.items()}


def describe(interval: Range) -> str:
    """An interval in the usual notation."""
    left, right = "[" if interval.closed[0] else "(", "]" if interval.closed[1] else ")"
    return f"{left}{interval.low}, {interval.high}{right}"


def natural_domain(expr: sp.Expr) -> Domain:
    """The domain that the assumptions on the symbols of an expression suggest.

    A symbol that is the covariance of a pair in an expectation lies where the pair has a law.

    >>> p, q, c = sp.Symbol("p", positive=True), sp.Symbol("q", positive=True), sp.Symbol("c", real=True)
    >>> u, v = sp.symbols("u v", real=True)
    >>> natural_domain(GaussianExpectation(u * v, (u, v), [[p, c], [c, q]])).dependent
    {c: rho*sqrt(p*q)}
    """

    def interval(symbol: sp.Symbol) -> Range:
        if symbol.is_integer:
            return DEPTH
        if symbol.is_positive:
            return POSITIVE
        return NONNEGATIVE if symbol.is_nonnegative else REAL

    taken = {symbol.name for symbol in expr.free_symbols}
    covariances = {} if RHO.name in taken else _covariance(expr)
    free = sorted(expr.free_symbols - set(covariances), key=str)
    ranges = {symbol: interval(symbol) for symbol in free} | dict.fromkeys([RHO] * len(covariances), CORRELATION)
    return Domain(ranges, {c: RHO * sp.sqrt(p * q) for c, (p, q) in covariances.items()})


def _covariance(expr: sp.Expr) -> dict[sp.Symbol, tuple[sp.Expr, sp.Expr]]:
    """The symbol, if there is one, that is nothing but the covariance of pairs, with their variances."""
    found: dict[sp.Symbol, set[tuple[sp.Expr, sp.Expr]]] = {}
    for head in expr.atoms(GaussianExpectation):
        if len(head.variables) == 2:
            p, c, _, q = head.covariance
            if c.is_Symbol and not c.is_nonnegative and p.is_positive and q.is_positive and not (p + q).has(c):
                found.setdefault(c, set()).add((p, q))
    pairs = {c: next(iter(pairs)) for c, pairs in found.items() if len(pairs) == 1}
    return pairs if len(found) == 1 else {}


def relevant(point: Point, expr: sp.Expr) -> Point:
    """What a point says about the symbols of an expression."""
    return {symbol: value for symbol, value in point.items() if symbol in expr.free_symbols}


def bindings(values: Mapping[str, object], symbols: set[sp.Symbol]) -> Point:
    """Values given by name, as exact numbers or expressions, for the symbols they belong to."""
    by_name = {symbol.name: symbol for symbol in symbols}
    for name in values:
        if name not in by_name:
            known = ", ".join(sorted(by_name)) or "none: every symbol has a value"
            raise DomainError(f"a value for {name}", f"one of the free symbols ({known})", "another name")
    return {by_name[name]: exact(value, name) for name, value in values.items()}
