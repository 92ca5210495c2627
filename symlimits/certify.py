"""Three links between a formula and a finite network, so that a fault has an address.

*simulation*: the experiment agrees with the first line, statistically; *lines*: each line equals the
next, at high precision; *compiled*: the compiled kernel agrees with the last line. This module takes
the parts of a limit and knows nothing of topics.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from importlib.metadata import version
from itertools import pairwise
from math import isnan
from typing import Any, Protocol

import numpy as np
import sympy as sp
from threadpoolctl import threadpool_limits

from symlimits.errors import DataError, DomainError, SymlimitsError
from symlimits.finite.statistics import Moments, extrapolate, mean_test, merge, moments, negative_control, seed
from symlimits.language.domain import CORRELATION, POSITIVE, REAL, Domain, Point
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.recursion import Recursion
from symlimits.reading.reference import reference

ALPHA = 1e-6  # false alarms of one statistical link
LINE_DIGITS, LINE_TOLERANCE = 20, 1e-16
NESTED_DIGITS, NESTED_TOLERANCE = 10, 1e-7  # an integral of an expectation is three integrals inside each other
COMPILED_TOLERANCE = 1e-12  # relative to the size of the kernel on its diagonal
GAPS = (0.0, 1e-14, 1e-9, 1e-4, 0.03, 0.4, 1.0, -0.6, -1e-3, -1e-12)
DRAWS = 2**17  # numbers of draws times width, for each size

Progress = Callable[[str], None]


class Line(Protocol):
    """What certification needs of a step."""

    @property
    def expr(self) -> sp.Expr: ...

    @property
    def rule(self) -> str: ...


@dataclass(frozen=True)
class Link:
    """The outcome of one link: `passed` is None where it does not apply, and `summary` says why."""

    name: str
    passed: bool | None
    summary: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Certificate:
    """The outcome of all links about one statement; `ok` when none failed.

    `to_json` gives the text that is stored, `str` a table for the terminal.
    """

    statement: str
    links: tuple[Link, ...]
    seed: int
    versions: dict[str, str]

    @property
    def ok(self) -> bool:
        """Whether every link that applies holds."""
        return all(link.passed is not False for link in self.links)

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the links that broke."""
        return tuple(link.name for link in self.links if link.passed is False)

    def to_json(self) -> str:
        """The certificate as JSON text."""
        content = {"format": "symlimits certificate 1", "ok": self.ok, **asdict(self)}
        return json.dumps(content, indent=1, sort_keys=True)

    def __str__(self) -> str:
        marks = {True: "holds", False: "BROKEN", None: "-"}
        return "\n".join([self.statement, *(f"  {x.name:<10} {marks[x.passed]:<6} {x.summary}" for x in self.links)])


def certificate(statement: str, links: Iterable[Link], seed: int) -> Certificate:
    """Put links together, with the versions that made them."""
    packages = ("symlimits", "sympy", "mpmath", "numpy", "scipy", "numba")
    versions = {"python": platform.python_version(), **{name: version(name) for name in packages}}
    return Certificate(statement, tuple(links), seed, versions)


# ---------------------------------------------------------------------------------- line i = line i+1


def check_lines(trace: Sequence[Line], domain: Domain, seed: int = 0) -> Link:
    """Each line equals the next at points of the domain, its ends included."""
    worst, count = 0.0, 0
    for index, (first, second) in enumerate(pairwise(trace)):
        for a, b in differing(first.expr, second.expr):
            try:
                error, points = largest_difference(a, b, _with_states(first.expr, domain), seed + index)
            except SymlimitsError as failure:
                return Link("lines", False, f"line {index} or {index + 1} has no value: {failure}")
            worst, count = max(worst, error), count + points
            if error > 1:
                summary = f"line {index} = line {index + 1} ('{second.rule}') is false"
                return Link("lines", False, summary, {"line": index + 1, "rule": second.rule, "error": error})
    if len(trace) == 1:
        return Link("lines", None, "a single line: the definition")
    summary = f"{len(trace)} lines equal at {count} points, {NESTED_DIGITS} to {LINE_DIGITS} digits"
    return Link("lines", True, summary, {"lines": len(trace), "points": count, "error over tolerance": worst})


def differing(first: sp.Expr, second: sp.Expr) -> list[tuple[sp.Expr, sp.Expr]]:
    """What has to be equal for two lines to be equal: themselves, or the maps of two recursions."""
    if not (isinstance(first, Recursion) and isinstance(second, Recursion)):
        return [(first, second)]
    same_frame = (first.states, first.start, first.output) == (second.states, second.start, second.output)
    if not same_frame or [(len(m), n) for m, n in first.blocks] != [(len(m), n) for m, n in second.blocks]:
        return [(first, second)]
    pairs = [
        (a, b)
        for (maps, _), (others, _) in zip(first.blocks, second.blocks, strict=True)
        for layer, other in zip(maps, others, strict=True)
        for a, b in zip(layer, other, strict=True)
        if a != b
    ]
    return _without_mirrored(pairs, first.states)


def _without_mirrored(
    pairs: list[tuple[sp.Expr, sp.Expr]], states: tuple[sp.Symbol, ...]
) -> list[tuple[sp.Expr, sp.Expr]]:
    """Leave out equations that are others with x and z exchanged."""
    swap = {states[0]: states[1], states[1]: states[0]} if len(states) >= 3 else {}
    kept: dict[tuple[sp.Expr, sp.Expr], None] = {}
    for pair in pairs:
        mirrored = (pair[0].subs(swap, simultaneous=True), pair[1].subs(swap, simultaneous=True))
        if mirrored not in kept:
            kept[pair] = None
    return list(kept)


def largest_difference(a: sp.Expr, b: sp.Expr, domain: Domain, seed: int) -> tuple[float, int]:
    """The largest difference over its tolerance, and the number of points it was looked at."""
    nested = _is_nested(a) or _is_nested(b)
    digits, tolerance = (NESTED_DIGITS, NESTED_TOLERANCE) if nested else (LINE_DIGITS, LINE_TOLERANCE)
    wanted = a.free_symbols | b.free_symbols
    worst, points = 0.0, domain.mixed_points(seed, corners=1 if nested else 3, interior=1 if nested else 3)
    for point in points:
        values = {symbol: value for symbol, value in point.items() if symbol in wanted}
        x, y = (reference(expr, _needed(expr, values), digits) for expr in (a, b))
        size = max(abs(x), abs(y), 1e-3)
        worst = max(worst, float(abs(x - y) / size) / tolerance)
    return worst, len(points)


def _needed(expr: sp.Expr, values: Point) -> Point:
    return {symbol: value for symbol, value in values.items() if symbol in expr.free_symbols}


def _is_nested(expr: sp.Expr) -> bool:
    heads = [head for integral in expr.atoms(sp.Integral) for head in integral.atoms(GaussianExpectation)]
    return any(len(head.variables) == 2 and not head.has(sp.DiracDelta) for head in heads)


def _with_states(expr: sp.Expr, domain: Domain) -> Domain:
    """A domain that also covers the states of a kernel recursion."""
    if not isinstance(expr, Recursion):
        return domain
    first, second, mixed, *others = expr.states
    correlation = sp.Symbol("rho_K", real=True)
    ranges = {first: POSITIVE, second: POSITIVE, correlation: CORRELATION} | dict.fromkeys(others, REAL)
    dependent = {mixed: correlation * sp.sqrt(first * second)}
    return Domain({**domain.ranges, **ranges}, {**domain.dependent, **dependent})


# ------------------------------------------------------------------------------- last line = compiled


def check_compiled(
    last: sp.Expr,
    compile_at: Callable[[Point], Any],
    domain: Domain,
    arguments: Sequence[sp.Symbol],
    seed: int = 0,
) -> Link:
    """The compiled kernel against the last line, both at the same floating-point numbers.

    `compile_at` gives the kernel for values of the parameters, the symbols that are not arguments,
    or None where there is nothing to compile.
    """
    if last.has(GaussianExpectation, sp.Integral):
        return Link("compiled", None, "the last line has no closed form: values come from quadrature")
    rows = _recursion_rows if isinstance(last, Recursion) else _scalar_rows
    worst, worst_at, count = 0.0, "", 0
    try:
        for value, truth, size, where in rows(last, compile_at, domain, arguments, seed):
            error = abs(value - float(truth)) / max(size, abs(float(truth)), 1e-300)
            count += 1
            if error > worst or (isnan(error) and not isnan(worst)):
                worst, worst_at = error, where
    except SymlimitsError as failure:
        return Link("compiled", False, str(failure))
    if not count:
        return Link("compiled", None, "a number, or a kernel at one input: nothing is compiled")
    passed = worst <= COMPILED_TOLERANCE  # false for NaN
    summary = f"largest error {worst:.1e} of the kernel's size at {count} points (allowed {COMPILED_TOLERANCE:.0e})"
    details = {"error": str(worst) if isnan(worst) else worst, "points": count}
    return Link("compiled", passed, summary if passed else f"{summary}, at {worst_at}", details)


Row = tuple[float, Any, float, str]  # compiled value, true value, size, where


def _scalar_rows(
    last: sp.Expr, compile_at: Callable[[Point], Any], domain: Domain, arguments: Sequence[sp.Symbol], seed: int
) -> Iterator[Row]:
    for parameters, points in _by_parameters(last, domain, arguments, seed, corners=6, interior=14):
        kernel = compile_at(parameters)
        for point in points if kernel is not None else ():
            numbers = {s: float(point[s]) for s in arguments}
            exact = parameters | _inside({s: sp.Rational(v) for s, v in numbers.items()}, domain)
            where = str({str(s): float(v) for s, v in exact.items()})
            truth = reference(last, _needed(last, exact), 30)
            yield kernel(*numbers.values()), truth, _size(last, exact, domain), where


def _recursion_rows(
    last: Recursion, compile_at: Callable[[Point], Any], domain: Domain, arguments: Sequence[sp.Symbol], seed: int
) -> Iterator[Row]:
    for parameters, points in _by_parameters(last, domain, arguments, seed, corners=1, interior=1):
        kernel = compile_at(parameters)
        for point in points if kernel is not None else ():
            p, q, c = arguments
            a, b = (_double(point[symbol]) for symbol in (p, q))
            diagonals = [reference(last, _needed(last, parameters | {p: v, q: v, c: v}), 30) for v in (a, b)]
            size = float(abs(diagonals[0] * diagonals[1])) ** 0.5
            for gap in GAPS:
                rho = (1 - abs(sp.Rational(gap))) * (-1 if gap < 0 else 1)
                truth = reference(last, _needed(last, parameters | {p: a, q: b, c: rho * sp.sqrt(a * b)}), 40)
                yield kernel.pairs_with_gap(float(a), float(b), gap), truth, size, f"p={a}, q={b}, gap={gap:g}"


def _by_parameters(
    last: sp.Expr, domain: Domain, arguments: Sequence[sp.Symbol], seed: int, corners: int, interior: int
) -> list[tuple[Point, list[Point]]]:
    """Points of the domain for each of two values of the parameters, which are compiled into the code."""
    points = domain.mixed_points(seed, corners, interior)
    parameters = last.free_symbols - set(arguments)
    if not parameters:
        return [({}, points)]
    values = [{s: _double(point[s]) for s in parameters} for point in (points[0], points[-1])]
    return [(value, points[k::2]) for k, value in enumerate(values)]


def _inside(point: Point, domain: Domain) -> Point:
    """A covariance that rounding has carried beyond sqrt(p q) is put back."""
    ends = zip(_at_end(point, domain, 0).items(), _at_end(point, domain, 1).values(), strict=True)
    return point | {symbol: max(low, min(high, point[symbol])) for (symbol, low), high in ends}


def _at_end(point: Point, domain: Domain, end: int) -> Point:
    """The least (0) or largest (1) value of the dependent symbols: c = rho sqrt(p q) at rho = -1 or 1."""
    found = {}
    for symbol, expr in domain.dependent.items():
        free = expr.free_symbols - set(point)
        if symbol in point and len(free) == 1:
            interval = domain.ranges[coordinate := free.pop()]
            found[symbol] = expr.subs(point | {coordinate: (interval.low, interval.high)[end]}, simultaneous=True)
    return found


def _double(value: sp.Expr) -> sp.Expr:
    return value if value.is_Integer else sp.Rational(float(value))


def _size(last: sp.Expr, point: Point, domain: Domain) -> float:
    """The size of a kernel: its value where the two points are parallel; 0 for what is no kernel."""
    parallel = _at_end(point, domain, 1)
    return abs(float(reference(last, _needed(last, point | parallel), 15))) if parallel else 0.0


# ------------------------------------------------------------------------------ experiment ~ line 0


@dataclass(frozen=True)
class Samples:
    """Draws of an observable at one size, as moments."""

    size: int
    mean: float
    standard_error: float
    count: int


def simulate(
    experiment: Callable[[int, np.random.Generator], Any],
    sizes: Sequence[int],
    claim: str,
    root: int,
    executor: Any = None,
    progress: Progress | None = None,
) -> list[Samples]:
    """Draw at every size: the same numbers whatever the executor.

    Each chunk has its own seed, chunks are merged in their order, and BLAS works with one thread,
    since it may add in another order with more.
    """
    found = []
    for size in sizes:
        if progress is not None:
            progress(f"{claim}: size {size}")
        wanted = max(64, min(4096, DRAWS // size))
        with threadpool_limits(1):
            total = _chunk(experiment, size, claim, 0, root)
            chunks = range(1, -(-wanted // total.count))
            tasks = [[what] * len(chunks) for what in (experiment, size, claim, root, os.getpid())]
            for part in (map if executor is None else executor.map)(_chunk, *tasks[:3], chunks, *tasks[3:]):
                total = merge(total, part)
        found.append(Samples(size, total.mean, total.standard_error, total.count))
    return found


def _chunk(
    experiment: Callable[..., Any], size: int, claim: str, chunk: int, root: int, caller: int | None = None
) -> Moments:
    """One call of the experiment; in a worker process of its own, `caller` has not limited BLAS yet."""
    elsewhere = caller is not None and caller != os.getpid()
    with threadpool_limits(1) if elsewhere else nullcontext():
        draws = np.atleast_1d(np.asarray(experiment(size, seed(claim, size, chunk, root)), dtype=np.float64))
    if not (draws.size and np.isfinite(draws).all()):
        raise DataError(
            f"an experiment of size {size} with NaN, infinite or no draws", "finite numbers", "a smaller input"
        )
    return moments(draws)


def summarize(samples: Mapping[int, Any]) -> list[Samples]:
    """The user's own draws, an array for each size, as moments."""
    if not isinstance(samples, Mapping):
        raise DataError(f"samples of type {type(samples).__name__}", "a dictionary", "{64: draws, 256: draws}")
    found = []
    for size, draws in samples.items():
        try:
            number, array = int(size), np.asarray(draws, dtype=np.float64)
        except (TypeError, ValueError):
            raise DataError(f"samples at size {size!r}", "an integer size and numbers", "{64: draws}") from None
        if number != float(size) or number < 1:
            raise DataError(f"samples at size {size!r}", "a positive integer size", "{64: draws}")
        if array.ndim != 1 or array.size < 8 or not np.isfinite(array).all():
            raise DataError(
                f"samples of shape {array.shape} at size {size}", "8 or more finite numbers", "one draw a net"
            )
        part = moments(array)
        found.append(Samples(number, part.mean, part.standard_error, part.count))
    return sorted(found, key=lambda sample: sample.size)


def check_samples(value: float, samples: Sequence[Samples], order: int, alpha: float = ALPHA) -> Link:
    """Means at several sizes, extrapolated with c0 + c1/N^order + c2/N^(2 order), against the limit."""
    if len(samples) < 2:
        raise DomainError(f"samples at {len(samples)} sizes", "at least 2 (3 are better)", "sizes=(32, 128, 512)")
    fit = extrapolate([s.size for s in samples], [s.mean for s in samples], [s.standard_error for s in samples], order)
    test = mean_test(fit.limit, fit.standard_error, value, alpha)
    control = negative_control(fit.limit, fit.standard_error, value, alpha)
    details = {
        "value": value,
        "estimate": fit.limit,
        "standard error": fit.standard_error,
        "order": order,
        "alpha": alpha,
        "p value": test.p_value,
        "detectable": test.detectable,
        "control rejected": control.rejected,
        "control size": 1.5 * test.detectable,
        "sizes": {str(s.size): [s.mean, s.standard_error, s.count] for s in samples},
    }
    passed = not test.rejected and control.rejected
    summary = f"limit {value:.6g}, nets give {fit.limit:.6g} +- {fit.standard_error:.2g} (z = {test.z:.2f}); "
    summary += f"would detect {test.detectable:.2g}; control {'rejected' if control.rejected else 'NOT REJECTED'}"
    return Link("simulation", passed, summary, details)


def claim_hash(expr: sp.Expr) -> str:
    """A short name for a statement that two different statements do not share."""
    return sha256(sp.srepr(expr).encode()).hexdigest()[:16]
