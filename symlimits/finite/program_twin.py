r"""The finite twin of a tensor program: the same instructions at width n, on drawn matrices and vectors.

Many nets run side by side. Every matrix and every Gaussian vector has a stream of random numbers of its own, so that
the same generator gives the same nets whatever is asked of them. A matrix has entries from N(0, variance/n); a
trained one is never formed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.errors import DomainError, UnboundSymbol
from symlimits.finite.threads import one_thread
from symlimits.language.names import check_name, shown
from symlimits.language.tensor_program import (
    Apply,
    Formula,
    Gaussian,
    Initial,
    Map,
    Mean,
    Program,
    Trained,
    Updated,
    n,
)
from symlimits.memory import check_memory

Array = npt.NDArray[np.float64]

BATCH_ENTRIES = 2**22  # entries of one matrix, all nets of a batch together: 32 MB
NARROW = 64  # narrower nets are batched as if they were so wide: their vectors take the room
BYTES = 8
SEEDS = 2**63
SMALLER = "a smaller width, or fewer nets"


def run(
    program: Program,
    targets: Sequence[int],
    width: int,
    nets: int,
    rng: np.random.Generator,
    values: Mapping[sp.Symbol, Any] | None = None,
) -> dict[int, Array]:
    """What `targets` are in `nets` independent nets of `width`: scalars (nets,), vectors (nets, width).

    `values` are numbers for the parameters. The draws depend on the state of `rng`, on `width` and on `nets`, not on
    `targets`. Raises `UnboundSymbol` for a parameter without a number, `DomainError` for widths and numbers of nets
    that are none, for negative variances and for values that overflow, `ResourceError` for nets that do not fit.

    >>> from symlimits.language.tensor_program import Initial
    >>> program = Program()
    >>> A = program.add_matrix(Initial("A", sp.Integer(1)))
    >>> x = program.append(Gaussian("x", sp.Integer(4)))
    >>> h = program.symbols[program.apply(A, x)]
    >>> q = program.append(Mean(h**2))
    >>> found = run(program, [q], width=1000, nets=3, rng=np.random.default_rng(0))
    >>> found[q].shape, bool(abs(found[q].mean() - 4) < 0.5)
    ((3,), True)
    """
    with one_thread(), np.errstate(all="ignore"):  # a branch not taken may overflow; what is taken is checked below
        parts = [batch.results() for batch in _batches(program, targets, width, nets, rng, values or {})]
    found = {target: np.concatenate([part[target] for part in parts]) for target in targets}
    for target, array in found.items():
        if not np.isfinite(array).all():
            given = f"{program.symbols[target]} that is not finite at width {width}"
            raise DomainError(given, "finite values", "smaller variances, rates or widths")
    return found


def dense(
    program: Program,
    matrix: int,
    width: int,
    nets: int,
    rng: np.random.Generator,
    values: Mapping[sp.Symbol, Any] | None = None,
) -> Array:
    """A matrix of the program, formed, (nets, width, width): an initial one, or with what training added to it.

    The nets are those of `run`, where trained matrices are never formed. Raises as `run` does.

    >>> program = Program()
    >>> A = program.add_matrix(Initial("A", sp.Integer(1)))
    >>> dense(program, A, width=3, nets=2, rng=np.random.default_rng(0)).shape
    (2, 3, 3)
    """
    what = program.matrices[matrix]
    terms = what.terms if isinstance(what, Updated) else ()
    initial = program.matrices[what.initial] if isinstance(what, Updated) else what
    assert isinstance(initial, Initial)
    symbols = initial.variance.free_symbols.union(*(term.coefficient.free_symbols for term in terms)) - {n}
    scalars = {program.places[symbol] for symbol in symbols if symbol in program.places}
    targets = sorted(scalars.union(*((term.left, term.right) for term in terms)))
    check_counts(width, nets)
    copies = 2 * (nets + _batch_size(width, nets))  # parts and whole; the initial matrices and an outer product
    check_memory(BYTES * copies * width**2, f"{nets} matrices at width {width}", SMALLER)
    parameters = symbols - set(program.places)
    with one_thread(), np.errstate(all="ignore"):
        batches = _batches(program, targets, width, nets, rng, values or {}, parameters)
        return np.concatenate([batch.dense(matrix) for batch in batches])


def _batches(
    program: Program,
    targets: Sequence[int],
    width: int,
    nets: int,
    rng: np.random.Generator,
    values: Mapping[sp.Symbol, Any],
    more: Set[sp.Symbol] = frozenset(),
) -> Iterator[_Batch]:
    """The nets in batches that have been run; one batch is in memory at a time. `more` are parameters that it needs."""
    check_counts(width, nets)
    plan = _plan(program, targets)
    numbers = {n: float(width), **_numbers(program.parameters(targets) | more, values)}
    size = _batch_size(width, nets)
    check_memory(_bytes(plan, width, nets), f"a program with {plan.most()[0]} matrices at width {width}", SMALLER)
    root = int(rng.integers(SEEDS))
    for start in range(0, nets, size):
        batch = _Batch(plan, width, min(size, nets - start), numbers, (root, start))
        batch.run()
        yield batch


@dataclass(frozen=True)
class _Plan:
    """The instructions that targets need, and what may be forgotten after each: places, matrices by -1 - place."""

    program: Program
    targets: tuple[int, ...]
    places: tuple[int, ...]
    forgotten: Mapping[int, tuple[int, ...]]

    def most(self) -> tuple[int, int]:
        """The largest numbers of matrices and of vectors that are held at a time."""
        held: set[int] = set()
        matrices = vectors = 0
        for place in self.places:
            held.update([place, *_matrix(self.program, place)])
            matrices = max(matrices, sum(thing < 0 for thing in held))
            vectors = max(vectors, sum(thing >= 0 and self.program.is_vector(thing) for thing in held))
            held.difference_update(self.forgotten.get(place, ()))
        return matrices, vectors


def _plan(program: Program, targets: Sequence[int]) -> _Plan:
    places = tuple(program.needed(targets))
    last: dict[int, int] = {}
    for place in places:
        for thing in (place, *program.parents(place), *_matrix(program, place)):
            last[thing] = place
    forgotten: dict[int, list[int]] = {}
    for thing, place in last.items():
        if thing not in targets:
            forgotten.setdefault(place, []).append(thing)
    return _Plan(program, tuple(targets), places, {place: tuple(things) for place, things in forgotten.items()})


def _matrix(program: Program, place: int) -> tuple[int, ...]:
    what = program.instructions[place]
    return (-1 - what.matrix,) if isinstance(what, Apply) else ()


class _Batch:
    """Some nets, instruction by instruction; scalars are (nets, 1) and vectors (nets, n), so that they broadcast."""

    def __init__(
        self, plan: _Plan, width: int, nets: int, numbers: Mapping[sp.Symbol, float], seed: tuple[int, int]
    ) -> None:
        self.plan, self.program, self.width, self.nets = plan, plan.program, width, nets
        self.numbers, self.seed = numbers, seed
        self.held: dict[int, Array] = {}

    def run(self) -> None:
        """All instructions, in order; what nothing reads any more is forgotten, the targets are kept."""
        for place in self.plan.places:
            self.held[place] = self.value(place)
            for thing in self.plan.forgotten.get(place, ()):
                del self.held[thing]

    def results(self) -> dict[int, Array]:
        """The targets: scalars (nets,), vectors (nets, n)."""
        kept = {target: self.held[target] for target in self.plan.targets}
        return {target: a if self.program.is_vector(target) else a[:, 0] for target, a in kept.items()}

    def value(self, place: int) -> Array:
        """What one instruction gives."""
        match self.program.instructions[place]:
            case Gaussian(_, variance):
                return self.normals(place, (self.nets, self.width), variance)
            case Apply(matrix, vector, transposed):
                x = self.held[vector]
                A = self.matrix(matrix)
                return (x[:, None] @ A)[:, 0] if transposed else (A @ x[..., None])[..., 0]
            case Trained(_, _, _, expansion):
                return self.held[expansion]
            case Map(expr):
                return np.broadcast_to(self.formula(expr), (self.nets, self.width))
            case Mean(expr):
                entries = self.formula(expr)
                return entries if entries.shape[-1] == 1 else entries.mean(axis=1, keepdims=True)
            case Formula(expr):
                return self.formula(expr)

    def matrix(self, index: int) -> Array:
        """An initial matrix, drawn when it is first met."""
        if -1 - index not in self.held:
            what = self.program.matrices[index]
            assert isinstance(what, Initial)
            self.held[-1 - index] = self.normals(-1 - index, (self.nets, self.width, self.width), what.variance / n)
        return self.held[-1 - index]

    def dense(self, index: int) -> Array:
        """An initial or a trained matrix, formed from what was run."""
        what = self.program.matrices[index]
        if isinstance(what, Initial):
            return self.matrix(index)
        total = self.matrix(what.initial).copy()
        for term in what.terms:
            left = self.formula(term.coefficient) * self.held[term.left] / self.width
            total += left[:, :, None] * self.held[term.right][:, None, :]
        return total

    def normals(self, thing: int, shape: tuple[int, ...], variance: sp.Expr) -> Array:
        """Draws from N(0, variance), from the stream of one matrix or vector."""
        size = float(variance.subs(self.numbers))
        if not size >= 0:
            raise DomainError(f"the variance {variance} = {size}", "zero or larger", "other numbers for its symbols")
        key = (self.seed[1], int(thing < 0), abs(thing))
        stream = np.random.Generator(np.random.SFC64(np.random.SeedSequence(self.seed[0], spawn_key=key)))
        drawn = stream.standard_normal(shape)
        drawn *= sqrt(size)
        return drawn

    def formula(self, expr: sp.Expr) -> Array:
        """A formula of earlier values, (nets, n) or (nets, 1)."""
        symbols = sorted(expr.free_symbols, key=lambda s: (self.program.places.get(s, -1), s.name))
        arguments = [
            self.held[self.program.places[s]] if s in self.program.places else self.numbers[s] for s in symbols
        ]
        value = np.asarray(compiled(expr, tuple(symbols))(*arguments), dtype=np.float64)
        return value if value.ndim == 2 else np.broadcast_to(value, (self.nets, 1))


def compiled(expr: sp.Expr, symbols: tuple[sp.Symbol, ...]) -> Callable[..., Any]:
    """A formula as a NumPy function of its symbols; formulas that differ in names alone are one function.

    >>> a, b = sp.symbols("a b", real=True)
    >>> compiled(a * sp.tanh(b), (a, b)) is compiled(b * sp.tanh(a), (b, a))
    True
    """
    for symbol in symbols:
        check_name(symbol.name)  # names are printed into code, which is run
    arguments = tuple(sp.Symbol(f"a{i}", real=True, positive=s.is_positive) for i, s in enumerate(symbols))
    return _lambdified(expr.xreplace(dict(zip(symbols, arguments, strict=True))), arguments)


@lru_cache(maxsize=4096)
def _lambdified(expr: sp.Expr, symbols: tuple[sp.Symbol, ...]) -> Callable[..., Any]:
    return sp.lambdify(symbols, expr, modules=["scipy", "numpy"], cse=True)


def _numbers(parameters: Set[sp.Symbol], values: Mapping[sp.Symbol, Any]) -> dict[sp.Symbol, float]:
    unbound = sorted(parameters - set(values), key=str)
    if unbound:
        names = ", ".join(map(str, unbound))
        raise UnboundSymbol(f"{names} without a value", "a number for each symbol", f"{unbound[0]}=1")
    return {symbol: _number(symbol, values[symbol]) for symbol in parameters}


def _number(symbol: sp.Symbol, value: Any) -> float:
    if isinstance(value, sp.Expr) and not value.is_number:
        raise UnboundSymbol(f"{symbol} = {value}", "a number", f"{symbol}=1")
    return float(value)


def required_bytes(program: Program, targets: Sequence[int], width: int, nets: int) -> int:
    """Memory for `run`, estimated before anything is drawn: matrices and vectors of one batch, and the results."""
    return _bytes(_plan(program, targets), width, nets)


def _bytes(plan: _Plan, width: int, nets: int) -> int:
    matrices, vectors = plan.most()
    results = nets * sum(width if plan.program.is_vector(target) else 1 for target in plan.targets)
    return BYTES * (_batch_size(width, nets) * width * (matrices * width + vectors) + results)


def _batch_size(width: int, nets: int) -> int:
    return min(nets, max(1, BATCH_ENTRIES // max(width, NARROW) ** 2))


def check_counts(width: object, nets: object) -> None:
    """Raise `DomainError` for what is no width, and no number of nets."""
    _positive(width, "width")
    _positive(nets, "nets")


def _positive(value: object, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise DomainError(f"{name} = {shown(value)}", "a positive integer", f"{name}=64")
