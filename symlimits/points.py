"""Values for the symbols of a statement, held against its domain: when they are bound, and at a call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from symlimits.errors import DataError, DomainError, UnboundSymbol
from symlimits.language.domain import Domain, Point, Range, describe, natural_domain
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.formula import exact
from symlimits.language.names import shown
from symlimits.language.recursion import Recursion
from symlimits.memory import check_memory
from symlimits.reading.real import ROUNDING, as_reals

KEPT = 128  # domains whose checks stay at hand, so that a call costs no algebra


def check_names(
    domain: Domain, given: Point, arguments: Collection[sp.Symbol], free: Collection[sp.Symbol], taken: str = ""
) -> None:
    """Raise `DomainError` for values whose symbols would be taken for others of the statement.

    The value of a parameter holds no argument: T with slope p is another function of p than the dual of
    one activation. The value of an argument may hold a variance that stays an argument: T(p, p, c).
    `taken` is one more name that values must not hold.
    """
    symbols = {symbol.name: symbol for symbol in {*domain.symbols, *arguments, *free}}
    inner = {symbol.name for symbol in {*domain.symbols, *arguments}} - {s.name for s in {*free} - {*arguments}}
    inner |= {taken} - {"", *(s.name for s in free)}
    for symbol, value in given.items():
        kept = (
            {s.name for s in arguments if s not in domain.dependent and s not in given} if symbol in arguments else ()
        )
        for other in sorted(value.free_symbols, key=str):
            if other.name in inner and other.name not in kept:
                wanted = f"a value without {other}, which means something else here"
                raise DomainError(f"{symbol} = {value}", wanted, "a symbol of another name")
            if symbols.get(other.name, other) != other:
                wanted = f"one meaning for {other}: here it is {_assumed(symbols[other.name])}"
                raise DomainError(f"{symbol} = {value}, where {other} is {_assumed(other)}", wanted, "another name")
    fresh: dict[str, sp.Symbol] = {}
    for other in (other for value in given.values() for other in value.free_symbols):
        if fresh.setdefault(other.name, other) != other:
            raise DomainError(f"two symbols named {other}", "one symbol for each name", "another name for one of them")


def _assumed(symbol: sp.Symbol) -> str:
    words = [word for word in ("integer", "positive", "nonnegative", "real") if getattr(symbol, f"is_{word}")]
    return " and ".join(words[:2]) or "complex"


def restricted(domain: Domain, given: Point) -> Domain:
    """The domain that is left when some symbols have values; `DomainError` for a value outside.

    A value may be an expression: its symbols get the range that their assumptions suggest.
    """
    domain.check(given)
    for symbol, value in given.items():
        if symbol.is_integer and value.is_number and not value.is_Integer:
            raise DomainError(f"{symbol} = {value}", f"an integer {symbol}", f"{symbol}={sp.ceiling(value)}")
    left = domain.restrict(given)
    free = set(left.ranges) - _bound_coordinates(domain, given)
    kept = {s: r for s, r in left.ranges.items() if s in free.union(*(e.free_symbols for e in left.dependent.values()))}
    return Domain({**natural_domain(sp.Add(*given.values())).ranges, **kept}, left.dependent, left.note)


def _bound_coordinates(domain: Domain, given: Point) -> set[sp.Symbol]:
    """The coordinates that get a value with the symbol that stands for them, which must be in its range."""
    values = {symbol: value for symbol, value in given.items() if symbol not in domain.dependent}
    coordinates: set[sp.Symbol] = set()
    for symbol, expr in domain.dependent.items():
        coordinate = _coordinate(domain, expr)
        if symbol not in given or coordinate is None:
            continue
        placed = expr.subs(values, simultaneous=True)
        missing = sorted(other.name for other in placed.free_symbols - {coordinate})
        if missing and given[symbol].is_number:
            advice = ", ".join(f"{name}=..." for name in (*missing, symbol.name))
            raise DomainError(f"{symbol} = {given[symbol]} with {missing[0]} free", domain.note, f".bind({advice})")
        if not missing and given[symbol].is_number:
            _check_range(Domain(domain.ranges, {symbol: placed}, domain.note), symbol, float(given[symbol]), {})
        if not given[symbol].is_number:
            _check_expression(domain, given, symbol, placed)
        coordinates.add(coordinate)
    return coordinates


def _check_expression(domain: Domain, given: Point, symbol: sp.Symbol, placed: sp.Expr) -> None:
    """Hold an expression for a symbol of bounded range against the range, at points of what is left."""
    value = given[symbol].subs({s: e for s, e in given.items() if s != symbol}, simultaneous=True)
    free = sp.Tuple(value, placed).free_symbols
    known = {s: r for s, r in domain.ranges.items() if s in free}
    ranges = {**natural_domain(sp.Add(*free)).ranges, **known}
    for point in Domain(ranges).mixed_points(0, corners=4, interior=16):
        others = {s: float(number) for s, number in point.items()}
        at = np.asarray(float(value.subs(point).evalf(17)))
        try:
            _check_range(Domain(domain.ranges, {symbol: placed}, domain.note), symbol, at, others)
        except DomainError as error:
            where = ", ".join(f"{s} = {number:g}" for s, number in others.items())
            raise DomainError(
                f"{symbol} = {given[symbol]} at {where}", error.wanted, "values that stay inside"
            ) from None


def variances(definition: sp.Expr, arguments: Collection[sp.Symbol]) -> set[sp.Symbol]:
    """The arguments that are variances, and may be zero: on the diagonal of an expectation, or an input kernel K(x, x).

    >>> p, c = sp.symbols("p c")
    >>> u, v = sp.symbols("u v")
    >>> variances(GaussianExpectation(u * v, (u, v), [[p, c], [c, 1]]), (p, c))
    {p}
    """
    diagonal: Sequence[sp.Expr] = ()
    if isinstance(definition, GaussianExpectation):
        diagonal = list(definition.covariance.diagonal())
    elif isinstance(definition, Recursion):
        diagonal = definition.start[:2]
    return set().union(*(entry.free_symbols for entry in diagonal)) & set(arguments)


def as_point(
    domain: Domain, arguments: Sequence[sp.Symbol], values: Sequence[object], may_vanish: Collection[sp.Symbol] = ()
) -> Point:
    """Exact values for the arguments, inside the domain; those in `may_vanish` may lie at its open end 0."""
    check_count(arguments, values)
    point = {symbol: exact(value, symbol.name) for symbol, value in zip(arguments, values, strict=True)}
    unbound = sorted(symbol.name for value in point.values() for symbol in value.free_symbols)
    if unbound:
        raise UnboundSymbol(f"{unbound[0]} without a value", "a number for every argument", f"{unbound[0]}=1")
    domain.check({symbol: value for symbol, value in point.items() if value != 0 or symbol not in may_vanish})
    check_inside(domain, {symbol: float(value) for symbol, value in point.items()})
    return point


def as_numbers(domain: Domain, arguments: Sequence[sp.Symbol], values: Sequence[Any]) -> list[Any]:
    """Float arrays for the arguments, inside the closure of the domain."""
    check_count(arguments, values)
    numbers = as_reals(values, [symbol.name for symbol in arguments])
    check_inside(domain, dict(zip(arguments, numbers, strict=True)))
    return numbers


def named_symbol(name: object, free: Collection[sp.Symbol], arguments: Collection[sp.Symbol]) -> sp.Symbol:
    """The parameter of that name: `UnboundSymbol` where there is none, `DomainError` for an argument.

    >>> named_symbol("a", {sp.Symbol("a")}, ())
    a
    """
    wanted = name.name if isinstance(name, sp.Symbol) else name
    parameters = {symbol.name: symbol for symbol in free if symbol not in arguments}
    if isinstance(wanted, str) and wanted in {symbol.name for symbol in arguments}:
        raise DomainError(f"the argument {wanted}", "a parameter", f"one of {', '.join(sorted(parameters)) or 'none'}")
    if not isinstance(wanted, str) or wanted not in parameters:
        known = f"one of {', '.join(sorted(parameters))}" if parameters else "a symbol that is left without a value"
        raise UnboundSymbol(f"the parameter {shown(name)}", known, 'w_var="sigma_w**2"')
    return parameters[wanted]


def check_count(arguments: Sequence[sp.Symbol], values: Sequence[object]) -> None:
    """Raise `DataError` for more or fewer values than arguments."""
    if len(values) != len(arguments):
        names = ", ".join(symbol.name for symbol in arguments)
        raise DataError(f"{len(values)} values", f"{len(arguments)} ({names})", f"T({names})")


def check_inside(domain: Domain, values: Mapping[sp.Symbol, Any]) -> None:
    """Raise `DomainError` for numbers or arrays outside the closure of the domain.

    >>> p, q, rho, c = sp.symbols("p q rho c")
    >>> from symlimits.language.domain import CORRELATION, POSITIVE
    >>> pair = Domain({p: POSITIVE, q: POSITIVE, rho: CORRELATION}, {c: rho * sp.sqrt(p * q)}, "c^2 <= p q")
    >>> check_inside(pair, {p: 1.0, q: [4.0, 9.0], c: 2.5})
    Traceback (most recent call last):
    ...
    symlimits.errors.DomainError: c = 2.5; wanted: c from -2 to 2 (c^2 <= p q); try: a value inside
    """
    arrays = {symbol: np.asarray(value, dtype=np.float64) for symbol, value in values.items()}
    for symbol, array in arrays.items():
        interval = domain.ranges.get(symbol)
        if interval is not None:
            outside = (array < float(interval.low)) | (array > float(interval.high))
            if outside.any():
                given = f"{symbol} = {array[outside].flat[0]:g}"
                raise DomainError(given, f"{symbol} in {describe(interval)}", "a value inside")
    for symbol, expr in domain.dependent.items():
        if symbol in arrays and expr.free_symbols - {_coordinate(domain, expr)} <= set(arrays):
            _check_range(domain, symbol, arrays[symbol], arrays)


@lru_cache(maxsize=KEPT)
def _coordinate(domain: Domain, expr: sp.Expr) -> sp.Symbol | None:
    """The symbol of bounded range that a dependent symbol stands for: rho of c = rho sqrt(p q)."""
    bounded = [s for s in expr.free_symbols if s in domain.ranges and domain.ranges[s].high.is_finite]
    return next((s for s in bounded if sp.degree(expr, s) == 1), None)


def _check_range(domain: Domain, symbol: sp.Symbol, array: Any, others: Mapping[sp.Symbol, Any]) -> None:
    expr = domain.dependent[symbol]
    coordinate = _coordinate(domain, expr)
    if coordinate is None:
        return
    arguments, ends = _ends(expr, coordinate, domain.ranges[coordinate])
    given = [np.asarray(others[s], np.float64) for s in arguments]
    array, low, high = np.broadcast_arrays(array, *(np.asarray(end(*given)) for end in ends))
    margin = ROUNDING * np.maximum(abs(low), abs(high))
    outside = ~((array >= low - margin) & (array <= high + margin))
    if outside.any():
        first = tuple(index[0] for index in np.nonzero(outside)) if outside.ndim else ()
        wanted = f"{symbol} from {low[first]:g} to {high[first]:g} ({domain.note})"
        raise DomainError(f"{symbol} = {array[first]:g}", wanted, "a value inside")


@lru_cache(maxsize=KEPT)
def _ends(
    expr: sp.Expr, coordinate: sp.Symbol, interval: Range
) -> tuple[tuple[sp.Symbol, ...], tuple[Callable[..., Any], ...]]:
    """The least and the largest value of a dependent symbol, as functions of the symbols named."""
    arguments = tuple(sorted(expr.free_symbols - {coordinate}, key=str))
    placed = (expr.subs(coordinate, end).evalf(17) for end in (interval.low, interval.high))
    return arguments, tuple(sp.lambdify(arguments, end, "numpy") for end in placed)


def check_seed(seed: object) -> None:
    """Raise `DomainError` for what is no seed of random numbers."""
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise DomainError(f"seed = {shown(seed)}", "an integer, 0 or larger", "seed=0")


def generator(size: object, seed: Any, numbers: int = 1) -> np.random.Generator:
    """The random numbers for `size` draws of so many `numbers` each; a seed may be a Generator, which goes on.

    Raises `DomainError` for what is no number of draws or no seed, `ResourceError` for want of memory.

    >>> generator(3, 0).integers(10, size=3)
    array([8, 6, 5])
    """
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 0:
        raise DomainError(f"size = {shown(size)}", "a number of draws, 0 or larger", "size=1000")
    check_memory(16 * int(size) * numbers, f"{size} draws", "fewer draws at a time")
    if isinstance(seed, np.random.Generator):
        return seed
    check_seed(seed)
    return np.random.default_rng(seed)


def check_text(value: object, name: str) -> str:
    """The same text; `DomainError` for anything that is no printable text."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise DomainError(f"{name} = {shown(value)}", "a printable text", f'{name}="by symmetry"')
    return value
