"""The reference reading of matrix expressions: mpmath matrices in place of blocks, to any number of digits.

It shares no formula with the rules: a motion is carried along by the exponential, or the power, of the matrix of its
law, whose entries are found by asking the law; functions of matrices go through eigenvectors; means and covariances
through a root of the joint covariance, given as the values of the random blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

import sympy as sp
from mpmath import mp

from symlimits.errors import NoRule, UnboundSymbol
from symlimits.language.block import Block, IdentityMatrix, Transposed
from symlimits.language.ensemble import MatrixCovariance, MatrixMean
from symlimits.language.matrix_scalars import LogDeterminant, TraceOf
from symlimits.language.motion import Motion, Spectral
from symlimits.language.softmax import RowSoftmax
from symlimits.reading.initial_value import solved
from symlimits.reading.reference import reference

GUARD = 10  # digits more than are asked for
DOUBLINGS, SETTLED = 60, 1e7  # of a time that grows without end; roundings, which doublings double, that are no motion
SETTLING = 20_000  # steps until nothing moves
Matrix = Any  # mpmath has no types


@dataclass(frozen=True)
class Values:
    """A matrix for each block, by its name; a number for each symbol."""

    blocks: Mapping[str, Matrix]
    numbers: Mapping[sp.Symbol, sp.Expr]

    def with_blocks(self, **blocks: Matrix) -> Values:
        """The same with other matrices for some blocks."""
        return replace(self, blocks={**self.blocks, **blocks})


def matrix_value(expr: sp.Expr, blocks: Mapping[str, Matrix], numbers: Mapping[sp.Symbol, Any], digits: int) -> Matrix:
    """The value of a matrix expression, an mpmath matrix.

    The values of random blocks are a root R (rows, sources) of their joint covariance $RR^\\top$. Raises `NoRule` for
    an expression that is not of matrices, `UnboundSymbol` for a block without a value.

    >>> A = Block("A", (), (1, 1))
    >>> print(matrix_value(2 * A, {"A": mp.matrix([[3]])}, {}, digits=20)[0, 0])
    6.0
    """
    with mp.workdps(digits + GUARD):
        return _value(expr, Values(blocks, numbers))


@singledispatch
def _value(expr: sp.Expr, values: Values) -> Matrix:
    raise NoRule(f"the value of {type(expr).__name__}", "sums and products of blocks", "registering it on _value")


@_value.register
def _(expr: Block, values: Values) -> Matrix:
    if expr.name not in values.blocks:
        raise UnboundSymbol(
            f"{expr.name} without a value", "a matrix for every block", f"blocks={{{expr.name!r}: ...}}"
        )
    return values.blocks[expr.name]


@_value.register
def _(expr: Transposed, values: Values) -> Matrix:
    return _value(expr.args[0], values).T


@_value.register
def _(expr: IdentityMatrix, values: Values) -> Matrix:
    return mp.eye(int(_number(expr.args[0], values)))


@_value.register
def _(expr: sp.Add, values: Values) -> Matrix:
    first, *others = (_value(term, values) for term in expr.args)
    return sum(others, first)


@_value.register
def _(expr: sp.Mul, values: Values) -> Matrix:
    scalars, factors = expr.args_cnc()
    total = _number(sp.Mul(*scalars), values)
    for factor in factors:
        total = total * _value(factor, values)
    return total


@_value.register
def _(expr: sp.Pow, values: Values) -> Matrix:
    return _value(expr.base, values) ** int(expr.exp)


@_value.register
def _(expr: Spectral, values: Values) -> Matrix:
    eigenvalues, vectors = mp.eigsy(_value(expr.matrix, values))
    at = [
        _mode(expr.function, replace(values, numbers={**values.numbers, expr.variable: _exact(e)})) for e in eigenvalues
    ]
    return vectors * mp.diag(at) * vectors.T


@_value.register
def _(expr: TraceOf, values: Values) -> Matrix:
    matrix = _value(expr.matrix, values)
    return mp.matrix([[sum(matrix[i, i] for i in range(matrix.rows))]])


@_value.register
def _(expr: LogDeterminant, values: Values) -> Matrix:
    return mp.matrix([[mp.log(mp.det(_value(expr.matrix, values)))]])


@_value.register
def _(expr: Motion, values: Values) -> Matrix:
    rows, columns = (_like(expr, values) * 0,) * 2
    n, k = rows.rows, rows.cols
    names = expr.state.name, expr.before.name

    def law(state: Matrix, before: Matrix) -> Matrix:
        return _value(expr.law, values.with_blocks(**{names[0]: state, names[1]: before}))

    start = columns if expr.start == 0 else _value(expr.start, values)
    if expr.law.has(RowSoftmax):
        return _followed(expr, law, start, values)
    return _carried(expr, law, start, n, k, values)


@_value.register
def _(expr: RowSoftmax, values: Values) -> Matrix:
    found = _value(expr.matrix, values).apply(mp.exp)
    for i in range(found.rows):
        found[i, :] /= sum(found[i, :])
    return found


@_value.register
def _(expr: MatrixMean, values: Values) -> Matrix:
    """Half the sum over the roots with either sign: the means of what is affine, or odd, are right."""
    turned = {block.name: -values.blocks[block.name] for block in expr.random}
    return (_value(expr.matrix, values) + _value(expr.matrix, values.with_blocks(**turned))) / 2


@_value.register
def _(expr: MatrixCovariance, values: Values) -> Matrix:
    """What is left of each side without the fixed part, one by the other's transpose."""
    names = {block.name for pair in expr.pairs for block in pair}
    still = values.with_blocks(**{name: 0 * values.blocks[name] for name in names if name in values.blocks})
    left, right = (_value(side, values) - _value(side, still) for side in (expr.left, expr.right))
    return left * right.T


def _like(motion: Motion, values: Values) -> Matrix:
    """A matrix of the shape of a motion: that of a term of its law that does not move, or what its shape says."""
    for term in (motion.start, *sp.Add.make_args(sp.expand(motion.law))):
        try:
            found = _value(term, values)
        except (NoRule, UnboundSymbol):  # zero, or what moves
            continue
        return found
    if all(size.is_Integer or size in values.numbers for size in motion.state.shape):
        return mp.zeros(*(int(_number(size, values)) for size in motion.state.shape))
    raise NoRule(f"the motion by {motion.law}", "a law with a drive", "a term of blocks that do not move")


def _mode(function: sp.Expr, values: Values) -> Any:
    """A function at an eigenvalue: of a motion of a number, or a formula."""
    if not isinstance(function, Motion):
        return _number(function, values)

    def law(state: Matrix, before: Matrix) -> Matrix:
        here = {function.state: _exact(state[0, 0]), function.before: _exact(before[0, 0])}
        return mp.matrix([[_number(function.law, replace(values, numbers={**values.numbers, **here}))]])

    start = mp.matrix([[_number(function.start, values)]])
    return _carried(function, law, start, 1, 1, values)[0, 0]


def _carried(
    motion: Motion, law: Callable[[Matrix, Matrix], Matrix], start: Matrix, n: int, k: int, values: Values
) -> Matrix:
    """State, velocity or last value, and a constant, carried along together by one matrix."""
    zero = mp.zeros(n, k)
    drive = law(zero, zero)
    first, second = mp.zeros(n, n), mp.zeros(n, n)
    for i in range(n):
        unit = mp.zeros(n, k)
        unit[i, 0] = 1
        first[:, i], second[:, i] = (law(unit, zero) - drive)[:, 0], (law(zero, unit) - drive)[:, 0]
    flow2 = motion.order == 2 and not motion.steps
    above = [mp.zeros(n, n), mp.eye(n), mp.zeros(n, k)] if flow2 else [first, second, drive]
    if motion.steps:
        below = [mp.eye(n), mp.zeros(n, n), mp.zeros(n, k)]
    else:
        below = [first, second, drive] if flow2 else [mp.zeros(n, n), mp.zeros(n, n), mp.zeros(n, k)]
    last = [mp.zeros(k, n), mp.zeros(k, n), mp.eye(k) * int(motion.steps)]
    whole = _stacked([above, below, last])
    at_start = _stacked([[start], [start if motion.steps else zero], [mp.eye(k)]])
    return (_propagator(whole, motion, values) * at_start)[:n, :]


def _followed(motion: Motion, law: Callable[[Matrix, Matrix], Matrix], start: Matrix, values: Values) -> Matrix:
    """By a law that is not affine: step by step, or integrated; at infinite time, until nothing moves."""
    if motion.steps:
        now = before = start
        for _ in range(SETTLING if motion.time == sp.oo else int(_number(motion.time, values))):
            now, before = law(now, before), now
            if motion.time == sp.oo and mp.mnorm(now - before) <= mp.eps * mp.mnorm(now):
                break
        return now
    n, k = start.rows, start.cols
    half, still = n * k, [mp.mpf(0)] * (n * k)

    def velocity(x: list[Any]) -> list[Any]:
        state, speed = (_rows(part, n, k) for part in (x[:half], x[half:] or still))
        return [*x[half:], *law(state, speed)]

    begin = [*start, *(still if motion.order == 2 else [])]
    return _rows(solved(velocity, begin, _number(motion.time, values), mp.dps - GUARD)[:half], n, k)


def _rows(entries: list[Any], n: int, k: int) -> Matrix:
    return mp.matrix([entries[i * k : (i + 1) * k] for i in range(n)])


def _propagator(whole: Matrix, motion: Motion, values: Values) -> Matrix:
    if motion.time != sp.oo:
        time = _number(motion.time, values)
        return whole ** int(time) if motion.steps else mp.expm(whole * time)
    power = whole if motion.steps else mp.expm(whole)
    for _ in range(DOUBLINGS):
        twice = power * power
        if mp.mnorm(twice - power) <= SETTLED * mp.eps * mp.mnorm(twice):
            return twice
        power = twice
    raise NoRule("a motion that does not settle", "one that comes to rest", "a smaller learning rate")


def _stacked(rows: list[list[Matrix]]) -> Matrix:
    entries = [[x for part in row for x in part[i, :]] for row in rows for i in range(row[0].rows)]
    return mp.matrix(entries)


def _number(expr: sp.Expr, values: Values) -> Any:
    if expr.is_Rational:
        return mp.mpf(expr.p) / expr.q
    known = {symbol: values.numbers[symbol] for symbol in expr.free_symbols if symbol in values.numbers}
    return reference(expr, known, mp.dps)


def _exact(number: Any) -> sp.Rational:
    """The binary number as it is."""
    return sp.Rational(sp.Float._new(mp.mpf(number)._mpf_, mp.prec))
