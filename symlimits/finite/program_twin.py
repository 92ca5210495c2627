r"""The finite twin of a tensor program: the same instructions at width n, on drawn matrices and vectors.

Many nets run side by side. Every matrix and every Gaussian vector has a stream of random numbers of its own, so that
the same generator gives the same nets whatever is asked of them. A matrix has entries from N(0, variance/n); a
trained one is never formed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import numpy as np
import sympy as sp

from symlimits.errors import DomainError, UnboundSymbol
from symlimits.finite.program_batch import Array, Batch, Plan, planned
from symlimits.finite.threads import one_thread
from symlimits.language.names import shown
from symlimits.language.tensor_program import Initial, Program, Updated, n
from symlimits.memory import check_memory

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

    >>> from symlimits.language.tensor_program import Gaussian, Mean
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
) -> Iterator[Batch]:
    """The nets in batches that have been run; one batch is in memory at a time. `more` are parameters that it needs."""
    check_counts(width, nets)
    plan = planned(program, targets)
    numbers = {n: float(width), **_numbers(program.parameters(targets) | more, values)}
    size = _batch_size(width, nets)
    check_memory(_bytes(plan, width, nets), f"a program with {plan.most()[0]} matrices at width {width}", SMALLER)
    root = int(rng.integers(SEEDS))
    for start in range(0, nets, size):
        batch = Batch(plan, width, min(size, nets - start), numbers, (root, start))
        batch.run()
        yield batch


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
    return _bytes(planned(program, targets), width, nets)


def _bytes(plan: Plan, width: int, nets: int) -> int:
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
