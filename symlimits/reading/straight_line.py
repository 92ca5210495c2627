"""A straight line run over any ring: floats, rationals, integers modulo a prime, polynomials, numbers of many digits.

Every expression is read once into a function of the memory; a run then does the statements in their order.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce, singledispatch
from typing import Any

import numpy as np
import sympy as sp

from symlimits.errors import DomainError, NoRule, UnboundSymbol
from symlimits.language.block import Block, Entry, IdentityMatrix, Numbers, Transposed, shape
from symlimits.language.straight_line import Definition, Loop, StraightLine
from symlimits.reading.ring import Ring

MOST = 100_000  # values of an index: a stranger's line may ask for more than anyone waits for


@dataclass(frozen=True)
class Memory:
    """What a run has defined: scalars, and blocks by name and indices."""

    ring: Ring
    scalars: dict[sp.Symbol, Any] = field(default_factory=dict)
    blocks: dict[str, dict[tuple[int, ...], Any]] = field(default_factory=dict)
    integers: dict[sp.Symbol, int] = field(default_factory=dict)

    def __getitem__(self, expr: sp.Expr) -> Any:
        """The value of an expression in what has been defined: an element, or an array (rows, columns)."""
        with self.ring.context():
            return self.ring.settle(_reader(expr, self.ring)(self))


Reader = Callable[[Memory], Any]


def run(line: StraightLine, ring: Ring, inputs: Mapping[Any, Any]) -> Memory:
    """Everything that a straight line defines, over a ring: `run(...)[expr]` reads the value of an expression.

    `inputs` maps symbols to numbers or elements, names of blocks to matrices (or to dictionaries of them, by tuples of
    indices). Raises `UnboundSymbol` for a symbol without a value, `DomainError` for a block that is read before it is
    defined or defined twice, and `NoRule` for a function that the ring does not have.

    >>> x, y = sp.symbols("x y")
    >>> run(StraightLine([Definition(y, 1 + x)], y**2), Ring("integers", int), {x: 2})[y**2]
    9
    """
    memory = _memory(line, ring, inputs)
    with ring.context():
        _doer(line.statements, ring)(memory)
    return memory


def _memory(line: StraightLine, ring: Ring, inputs: Mapping[Any, Any]) -> Memory:
    memory = Memory(ring)
    with ring.context():
        for key, value in inputs.items():
            if isinstance(key, sp.Symbol):
                memory.scalars[key] = ring.element(value)
                if isinstance(value, int | np.integer | sp.Integer):
                    memory.integers[key] = int(value)
            else:
                entries = value if isinstance(value, Mapping) else {(): value}
                memory.blocks[key] = {indices: ring.array(entry) for indices, entry in entries.items()}
    missing = sorted(map(str, (line.free_symbols - memory.scalars.keys()) | (line.inputs - memory.blocks.keys())))
    if missing:
        raise UnboundSymbol(f"{', '.join(missing)} without a value", "a value for every input", f"{missing[0]}=...")
    return memory


def _doer(statements: Iterable[sp.Basic], ring: Ring) -> Callable[[Memory], None]:
    doers = [_loop(s, ring) if isinstance(s, Loop) else _definition(s, ring) for s in statements]

    def do(memory: Memory) -> None:
        for doer in doers:
            doer(memory)

    return do


def _loop(loop: Loop, ring: Ring) -> Callable[[Memory], None]:
    (first, last), body, step, index = map(_integer, loop.ends), _doer(loop.body, ring), loop.step, loop.index

    def do(memory: Memory) -> None:
        for number in _values(index, first(memory), last(memory) + step, step):
            memory.integers[index] = number
            body(memory)

    return do


def _definition(definition: Definition, ring: Ring) -> Callable[[Memory], None]:
    target, read = definition.target, _reader(definition.expression, ring)
    if isinstance(target, sp.Symbol):
        return lambda memory: memory.scalars.__setitem__(target, ring.settle(read(memory)))
    indices = [_integer(index) for index in target.indices]
    if definition.expression == 0:
        read = _diagonal(0, target.shape, ring)

    def do(memory: Memory) -> None:
        family, place = memory.blocks.setdefault(target.name, {}), tuple(index(memory) for index in indices)
        if place in family:
            raise DomainError(f"{target.name}{place} defined twice", "one definition", "another index")
        family[place] = ring.settle(read(memory))

    return do


def _diagonal(value: int, size: tuple[sp.Expr, sp.Expr], ring: Ring) -> Reader:
    rows, columns = map(_integer, size)
    return lambda memory: ring.diagonal(value, rows(memory), columns(memory))


def _integer(expr: sp.Expr) -> Callable[[Memory], int]:
    """An index or the end of a range."""
    if expr.is_Integer:
        number = int(expr)
        return lambda memory: number
    if isinstance(expr, sp.Symbol):
        return lambda memory: _looked_up(memory.integers, expr)
    if isinstance(expr, sp.Add | sp.Mul):
        parts, combine = list(map(_integer, expr.args)), operator.add if expr.is_Add else operator.mul
        return lambda memory: reduce(combine, [part(memory) for part in parts])
    raise NoRule(f"the index {expr}", "sums and products of integers", "t + 1")


def _values(index: sp.Symbol, first: int, stop: int, step: int) -> range:
    if abs(stop - first) > MOST:
        raise DomainError(f"{abs(stop - first)} values of {index}", f"at most {MOST}", "a smaller range")
    return range(first, stop, step)


def _looked_up(values: Mapping[sp.Symbol, Any], symbol: sp.Symbol) -> Any:
    try:
        return values[symbol]
    except KeyError:
        raise UnboundSymbol(f"{symbol} without a value", "a value for every input", f"{symbol}=...") from None


@singledispatch
def _reader(expr: sp.Expr, ring: Ring) -> Reader:
    """An expression as a function of the memory; here, what is neither a sum nor a product."""
    function = ring.function
    if expr.is_Number:
        constant = ring.convert(expr)
        return lambda memory: constant
    if function is None:
        raise NoRule(f"{expr} over {ring.name}", "sums, products and integer powers", "floats or mpmath")
    entries = {head: sp.Dummy("x", real=True) for head in _of_matrices(expr)}
    inside = expr.xreplace(entries)
    readers = {symbol: _reader(head, ring) for head, symbol in entries.items()}
    readers |= {symbol: _reader(symbol, ring) for symbol in inside.free_symbols - set(readers)}
    return lambda memory: function(inside, {symbol: read(memory) for symbol, read in readers.items()})


def _of_matrices(expr: sp.Basic) -> list[sp.Expr]:
    """The scalars in an expression that are read from matrices, outermost ones."""
    if isinstance(expr, Entry | sp.Sum) and expr.has(Block, Numbers, IdentityMatrix):
        return [expr]
    return list(dict.fromkeys(head for part in expr.args for head in _of_matrices(part)))


@_reader.register
def _(expr: sp.Symbol, ring: Ring) -> Reader:
    def read(memory: Memory) -> Any:
        if expr in memory.scalars:
            return memory.scalars[expr]
        return ring.convert(sp.Integer(_looked_up(memory.integers, expr)))

    return read


@_reader.register
def _(expr: Block, ring: Ring) -> Reader:
    name, indices = expr.name, [_integer(index) for index in expr.indices]

    def read(memory: Memory) -> Any:
        place = tuple(index(memory) for index in indices)
        try:
            return memory.blocks[name][place]
        except KeyError:
            raise DomainError(f"{name}{place}, which has no value", "definitions in order", "another order") from None

    return read


@_reader.register
def _(expr: IdentityMatrix, ring: Ring) -> Reader:
    return _diagonal(1, (expr.args[0], expr.args[0]), ring)


@_reader.register
def _(expr: Transposed, ring: Ring) -> Reader:
    inner = _reader(expr.args[0], ring)
    return lambda memory: inner(memory).T


@_reader.register
def _(expr: Entry, ring: Ring) -> Reader:
    inner, place = _reader(expr.args[0], ring), (int(expr.args[1]), int(expr.args[2]))
    return lambda memory: inner(memory)[place]


@_reader.register
def _(expr: Numbers, ring: Ring) -> Reader:
    entries = expr.args[0]
    readers = {place: _reader(entries[place], ring) for place in np.ndindex(*entries.shape)}
    return lambda memory: ring.filled(entries.shape, lambda place: readers[place](memory))


@_reader.register
def _(expr: sp.Add, ring: Ring) -> Reader:
    terms = [_reader(term, ring) for term in expr.args]
    return lambda memory: reduce(operator.add, [term(memory) for term in terms])


@_reader.register
def _(expr: sp.Mul, ring: Ring) -> Reader:
    scalars = [_reader(factor, ring) for factor in expr.args if factor.is_commutative]
    matrices = [_reader(factor, ring) for factor in expr.args if not factor.is_commutative]

    def read(memory: Memory) -> Any:
        scalar = reduce(operator.mul, [factor(memory) for factor in scalars]) if scalars else None
        if not matrices:
            return scalar
        product = reduce(operator.matmul, [factor(memory) for factor in matrices])
        return product if scalar is None else ring.scaled(scalar, product)

    return read


@_reader.register
def _(expr: sp.Pow, ring: Ring) -> Reader:
    if not expr.exp.is_Integer:
        return _reader.dispatch(sp.Expr)(expr, ring)
    base, exponent = _reader(expr.base, ring), int(expr.exp)
    if not expr.is_commutative:
        return lambda memory: reduce(operator.matmul, [base(memory)] * exponent)
    return lambda memory: base(memory) ** exponent


@_reader.register
def _(expr: sp.Sum, ring: Ring) -> Reader:
    ((variable, *ends),) = expr.limits
    term, (first, last) = _reader(expr.function, ring), map(_integer, ends)
    size = shape(expr)
    empty = _reader(sp.Integer(0), ring) if size is None else _diagonal(0, size, ring)

    def read(memory: Memory) -> Any:
        total = None
        for number in _values(variable, first(memory), last(memory) + 1, 1):
            memory.integers[variable] = number
            value = term(memory)
            total = value if total is None else total + value
        return empty(memory) if total is None else total

    return read
