"""A straight line as source that Numba compiles: loops as loops, matrices in one array of float64, sums added up.

What is defined lies in one array `M`, NaN before it is defined: reading too early gives NaN, not another number. Where
a matrix lies follows from its indices by a base and strides, which are data, as are the integers in the ends of ranges:
the source of a path is the same for any number of steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import singledispatch
from itertools import product
from math import prod

import sympy as sp

from symlimits.errors import NoRule, UnboundSymbol
from symlimits.language.block import Block, Entry, IdentityMatrix, Numbers, Transposed, shape
from symlimits.language.straight_line import Definition, Loop, Statement, StraightLine, definitions
from symlimits.reading.lower import LARGEST_INTEGER, separated_differences, statements
from symlimits.reading.scalar_source import HEADER
from symlimits.reading.straight_line_room import Room, whole_number
from symlimits.reading.straight_line_writer import Operand, Place, Size, Writer, flat

UNROLLED = 9  # entries up to which matrices are written out in variables: loops over them cost more than they do
MATRICES = (Block, Transposed, IdentityMatrix, Numbers, sp.Add, sp.Mul, sp.Pow, sp.Sum)


def straight_line_source(
    line: StraightLine, arguments: Sequence[sp.Symbol], rooms: Mapping[str, Room]
) -> tuple[str, list[int], list[sp.Expr]]:
    """A module with `kernel(points, N, M, results)`, the integers that N ends with, and the targets by their number.

    Row by row of `points`, the values of the arguments, it fills M with NaN from N[0] on, does the statements and
    writes the output to `results`; what it returns is 0, or the number of a target that is defined twice. N[1:] are,
    for each name, the base and the strides of its matrices in M, then the integers.
    """
    writer = Writer(rooms, {symbol: f"a{i}" for i, symbol in enumerate(arguments)})
    writer.unrolled = all(prod(size) <= UNROLLED for size in _sizes(line))
    _write(line.statements, writer)
    _write_output(line.output, writer)
    names = [*_layout_names(rooms), *(f"c{i}" for i in range(len(writer.constants)))]
    head = [f"    {name} = N[{i}]" for i, name in enumerate(names, 1)] + writer.head
    body = [f"        a{i} = P[{i}]" for i in range(len(arguments))] + writer.lines
    source = _MODULE.format(header=HEADER, head="\n".join(head), body="\n".join(body))
    return source, writer.constants, writer.targets


def _layout_names(rooms: Mapping[str, Room]) -> Iterator[str]:
    for f, room in enumerate(rooms.values()):
        yield f"b{f}"
        yield from (f"s{f}_{i}" for i in range(len(room.intervals)))


def _sizes(line: StraightLine) -> Iterator[Size]:
    """The sizes of all matrices in a straight line."""
    for expr in [*(d.expression for d in definitions(line.statements)), line.output]:
        for node in sp.preorder_traversal(expr):
            if isinstance(node, MATRICES) and not node.is_commutative:
                yield _size(node)


def _size(expr: sp.Expr) -> Size:
    found = shape(expr)
    assert found is not None
    return whole_number(found[0]), whole_number(found[1])


# ------------------------------------------------------------------------------------------------------- statements


def _write(statements: Iterable[Statement], writer: Writer) -> None:
    for statement in statements:
        if isinstance(statement, Loop):
            first, last = (_integer(end, writer) for end in statement.ends)
            stop = f"{last} + 1" if statement.step == 1 else f"{last} - 1, -1"
            for _ in writer.within(statement.index, f"{first}, {stop}"):
                writer.line("pass")
                _write(statement.body, writer)
        elif isinstance(statement.target, sp.Symbol):
            writer.names[statement.target] = _scalar(statement.expression, writer)
        else:
            _write_block(statement, writer)


def _write_block(definition: Definition, writer: Writer) -> None:
    """The matrix, and then its place: what it is made of is read before."""
    target, size = definition.target, _size(definition.target)
    zero = definition.expression == 0
    value = Operand(size, lambda i, j: "0.0") if zero else _operand(definition.expression, writer)
    place = _operand(target, writer)
    writer.targets.append(target)
    first = place.entry(0, 0)
    writer.line(f"if {first} == {first}:")  # no NaN: it has been written to
    writer.line(f"    return {len(writer.targets)}")
    for i, j in writer.places(*size):
        writer.line(f"{place.entry(i, j)} = {value.entry(i, j)}")


def _write_output(output: sp.Expr, writer: Writer) -> None:
    if shape(output) is None:
        writer.line(f"out[0] = {_scalar(output, writer)}")
        return
    value = _operand(output, writer)
    for i, j in writer.places(*value.size):
        writer.line(f"out[{flat(i, j, value.size)}] = {value.entry(i, j)}")


def _integer(expr: sp.Expr, writer: Writer) -> str:
    """An index or the end of a range: a whole number is data, one in a sum or a product is written."""
    if not expr.is_Integer:
        return _written_integer(expr, writer)
    writer.constants.append(int(expr))
    return f"c{len(writer.constants) - 1}"


def _written_integer(expr: sp.Expr, writer: Writer) -> str:
    if expr.is_Integer:
        return f"{expr}"
    if isinstance(expr, sp.Symbol):
        if expr not in writer.indices:
            raise UnboundSymbol(f"{expr} without a value", "an integer for every size and range", f".bind({expr}=...)")
        return writer.indices[expr]
    if isinstance(expr, sp.Add | sp.Mul):
        parts = [_written_integer(part, writer) for part in expr.args]
        return f"({(' + ' if expr.is_Add else '*').join(parts)})"
    raise NoRule(f"the index {expr}", "sums and products of integers", "t + 1")


# ----------------------------------------------------------------------------------------------------------- scalars


def _scalar(expr: sp.Expr, writer: Writer) -> str:
    """The source of a scalar: entries and sums in it are computed before."""
    heads = {head: sp.Dummy("x", real=True) for head in _outermost(expr)}
    inside = separated_differences(expr.xreplace(heads))
    names = writer.names | {index: f"float({name})" for index, name in writer.indices.items()}
    names |= {dummy: _head(head, writer) for head, dummy in heads.items()}
    if inside in names:
        return names[inside]
    if inside.is_Integer and abs(inside) < LARGEST_INTEGER:
        return repr(float(inside))  # products of Python's integers would wrap around
    found = writer.new("x")
    known = {symbol: name for symbol, name in names.items() if symbol in inside.free_symbols}
    for line in statements({found: inside}, known).splitlines():
        writer.line(line)
    return found


def _outermost(expr: sp.Basic) -> list[sp.Expr]:
    """Entries of matrices and sums over an index that no other one holds."""
    if isinstance(expr, Entry | sp.Sum):
        return [expr]
    return list(dict.fromkeys(head for part in expr.args for head in _outermost(part)))


def _head(head: sp.Expr, writer: Writer) -> str:
    if isinstance(head, Entry):
        matrix, row, column = head.args
        return _operand(matrix, writer).entry(int(row), int(column))
    total = writer.new("x")
    writer.line(f"{total} = 0.0")
    for _ in _summed(head, writer):
        writer.line(f"{total} += {_scalar(head.function, writer)}")
    return total


def _summed(expr: sp.Sum, writer: Writer) -> Iterator[None]:
    ((variable, *ends),) = expr.limits
    first, last = (_integer(end, writer) for end in ends)
    return writer.within(variable, f"{first}, {last} + 1")


# ---------------------------------------------------------------------------------------------------------- matrices


@singledispatch
def _operand(expr: sp.Expr, writer: Writer) -> Operand:
    """A matrix whose entries can be read; here, one that is computed first."""
    total = writer.zeros(_size(expr))
    _add(expr, total, "", writer)
    return total


@_operand.register
def _(expr: Block, writer: Writer) -> Operand:
    f = list(writer.rooms).index(expr.name)
    offset, size = writer.new("o"), _size(expr)
    terms = [f"{_integer(index, writer)}*s{f}_{i}" for i, index in enumerate(expr.indices)]
    writer.line(f"{offset} = {' + '.join([f'b{f}', *terms])}")
    return Operand(size, lambda i, j: f"M[uint64({offset} + {flat(i, j, size)})]")  # unsigned: not from the end


@_operand.register
def _(expr: Transposed, writer: Writer) -> Operand:
    inner = _operand(expr.args[0], writer)
    return Operand(inner.size[::-1], lambda i, j: inner.entry(j, i))


@_operand.register
def _(expr: IdentityMatrix, writer: Writer) -> Operand:
    def entry(i: Place, j: Place) -> str:
        return f"{float(i == j)}" if isinstance(i, int) and isinstance(j, int) else f"(1.0 if {i} == {j} else 0.0)"

    return Operand(_size(expr), entry)


@_operand.register
def _(expr: Numbers, writer: Writer) -> Operand:
    total = writer.zeros(_size(expr))
    for i, j in product(*map(range, total.size)):
        writer.line(f"{total.entry(i, j)} = {_scalar(expr.args[0][i, j], writer)}")
    return total


@singledispatch
def _add(expr: sp.Expr, total: Operand, scale: str, writer: Writer) -> None:
    """Add a matrix to what is being added up, times a scalar whose source, with a sign *, is `scale`."""
    value = _operand(expr, writer)
    for i, j in writer.places(*total.size):
        writer.line(f"{total.entry(i, j)} += {scale}{value.entry(i, j)}")


@_add.register
def _(expr: sp.Add, total: Operand, scale: str, writer: Writer) -> None:
    for term in expr.args:
        _add(term, total, scale, writer)


@_add.register
def _(expr: sp.Sum, total: Operand, scale: str, writer: Writer) -> None:
    for _ in _summed(expr, writer):
        _add(expr.function, total, scale, writer)


@_add.register
def _(expr: sp.Pow, total: Operand, scale: str, writer: Writer) -> None:
    _add_product([_operand(expr.base, writer)] * int(expr.exp), total, scale, writer)


@_add.register
def _(expr: sp.Mul, total: Operand, scale: str, writer: Writer) -> None:
    scalars = [factor for factor in expr.args if factor.is_commutative]
    factors = [factor for factor in expr.args if not factor.is_commutative]
    if scalars:
        scale = f"{scale}{_scalar(sp.Mul(*scalars), writer)}*"
    if len(factors) == 1:
        _add(factors[0], total, scale, writer)
    else:
        _add_product([_operand(factor, writer) for factor in factors], total, scale, writer)


def _add_product(factors: list[Operand], total: Operand, scale: str, writer: Writer) -> None:
    """From the left, the last product as it is added."""
    left, right, *others = factors
    if others:
        partial = writer.zeros((left.size[0], right.size[1]))
        _add_product([left, right], partial, "", writer)
        _add_product([partial, *others], total, scale, writer)
        return
    for i, j in writer.places(*total.size):
        if writer.unrolled:
            terms = [f"{left.entry(i, k)}*{right.entry(k, j)}" for k in range(left.size[1])]
            writer.line(f"{total.entry(i, j)} += {scale}({' + '.join(terms)})")
            continue
        k, x = writer.new("k"), writer.new("x")
        writer.line(f"{x} = 0.0")
        writer.line(f"for {k} in range({left.size[1]}):")
        writer.line(f"    {x} += {left.entry(i, k)}*{right.entry(k, j)}")
        writer.line(f"{total.entry(i, j)} += {scale}{x}")


_MODULE = """\
{header}
from math import nan

from numpy import empty, uint64


@njit("i8(f8[:, ::1], i8[::1], f8[::1], f8[:, ::1])", cache=True, error_model="numpy")
def kernel(points, N, M, results):
{head}
    for n in range(len(points)):
        P, out = points[n], results[n]
        M[N[0]:] = nan
{body}
    return 0
"""
