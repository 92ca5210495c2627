"""Expressions as JSON: nested lists and dictionaries that another program can read.

`to_tree` and `from_tree` are exact inverses: nothing is evaluated on the way, so an
expression comes back as it was written. A tree is a stranger's data: only the heads
of one table are built, every name is checked and every number measured.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import sympy as sp
from sympy.functions.elementary.piecewise import ExprCondPair

from symlimits.errors import FormulaError
from symlimits.language.measure import is_constant, overgrown
from symlimits.language.names import check_name

MAX_DEPTH, MAX_NODES, MAX_DIGITS = 200, 50_000, 10_000  # of a tree: nesting, nodes, digits of a number
MAX_JSON_INTEGER = 2**53  # beyond it, other languages read JSON integers as floats

_EVALUATED = (
    *(sp.Add, sp.Mul, sp.Pow, sp.exp, sp.log, sp.sin, sp.cos, sp.tan, sp.asin, sp.acos, sp.atan),
    *(sp.sinh, sp.cosh, sp.tanh, sp.asinh, sp.acosh, sp.atanh, sp.erf, sp.erfc, sp.gamma, sp.factorial),
    *(sp.binomial, sp.RisingFactorial, sp.Abs, sp.sign, sp.Max, sp.Min, sp.Heaviside, sp.DiracDelta, sp.Piecewise),
    *(sp.Eq, sp.Ne, sp.StrictLessThan, sp.LessThan, sp.StrictGreaterThan, sp.GreaterThan, sp.And, sp.Or, sp.Not),
)  # these compute something when they are built, unless told not to
_PLAIN = (ExprCondPair, sp.Integral, sp.Sum, sp.Derivative, sp.Tuple)
_OF_ANYTHING = (*_PLAIN, sp.Piecewise, sp.And, sp.Or, sp.Not)  # the others take expressions only
HEADS: dict[str, type[sp.Basic]] = {cls.__name__: cls for cls in (*_EVALUATED, *_PLAIN)}
_CONSTANTS = (sp.pi, sp.E, sp.I, sp.EulerGamma, sp.oo, -sp.oo, sp.true, sp.false)
CONSTANTS: dict[str, sp.Basic] = {str(constant): constant for constant in _CONSTANTS}
NAMES: dict[sp.Basic, str] = {constant: name for name, constant in CONSTANTS.items()}
SIGNS = {"positive", "negative", "nonnegative", "nonpositive", "nonzero", "zero"}
ASSUMPTIONS = SIGNS | {"real", "integer", "rational", "finite", "even", "odd", "complex", "commutative"}
_HEXADECIMAL = re.compile(r"-?0x[0-9a-f]+", re.ASCII)
_ASK = "a tree made by to_tree"
Head = TypeVar("Head", bound=type[sp.Basic])


def register(cls: Head) -> Head:
    """Let a head of our own be written to trees and read back, as `cls(*args)`; a class decorator.

    >>> @register
    ... class Trace(sp.Expr):
    ...     pass
    >>> from_tree(to_tree(Trace(sp.Integer(2))))
    Trace(2)
    """
    if HEADS.get(cls.__name__, cls).__module__ != cls.__module__:
        raise ValueError(f"two heads are called {cls.__name__}")
    HEADS[cls.__name__] = cls
    return cls


def to_tree(expr: sp.Basic, shared: Mapping[sp.Basic, int] = MappingProxyType({})) -> object:
    """An expression as JSON: numbers, and dictionaries of one node each.

    Returns integers as they are, or {"integer": hexadecimal} beyond 2**53; {"rational": [p, q]},
    {"symbol": name, "assumptions": {...}}, {"constant": name} or {"head": name, "args": [...]}; {"shared": k} for the
    parts of `shared`, whose trees stand elsewhere.
    Raises `FormulaError` for a head without a place in the table.

    >>> to_tree(2 * sp.Symbol("x", real=True))
    {'head': 'Mul', 'args': [2, {'symbol': 'x', 'assumptions': {'real': True}}]}
    """
    if expr in shared:
        return {"shared": shared[expr]}
    match expr:
        case sp.Integer():
            return _write(int(expr))
        case sp.Rational():
            return {"rational": [_write(int(expr.p)), _write(int(expr.q))]}
        case sp.Symbol() if type(expr) is sp.Symbol:
            assumptions = _checked(dict(sorted(expr._assumptions_orig.items())))
            return {"symbol": check_name(expr.name), "assumptions": assumptions}
        case sp.ImmutableDenseMatrix():
            return {"matrix": list(expr.shape), "args": [to_tree(entry, shared) for entry in expr.flat()]}
        case _ if expr in NAMES:
            return {"constant": NAMES[expr]}
        case _ if HEADS.get(type(expr).__name__) is type(expr):
            return {"head": type(expr).__name__, "args": [to_tree(argument, shared) for argument in expr.args]}
    raise FormulaError(f"the head {type(expr).__name__}", "a head that trees know", "register for a head of your own")


def from_tree(tree: object) -> sp.Basic:
    """The expression of a tree, unevaluated, exactly as it was given to `to_tree`.

    Raises `FormulaError` for anything that `to_tree` does not write, for a name that is not
    one, and for a tree or a number that is too large.

    >>> from_tree({"head": "Add", "args": [2, {"symbol": "x", "assumptions": {"real": True}}]})
    x + 2
    """
    (expr,) = from_trees([tree])
    return expr


def shared_trees(shared: Sequence[sp.Basic]) -> list[object]:
    """The trees of parts that other trees point at; those of later ones point at earlier ones."""
    found: list[object] = []
    places: dict[sp.Basic, int] = {}
    for expr in shared:
        found.append(to_tree(expr, places))
        places[expr] = len(places)
    return found


def from_trees(trees: Iterable[object], shared: Iterable[object] = ()) -> list[sp.Basic]:
    """The expressions of several trees, as `from_tree` reads them; what they share is built once.

    `shared` are the trees of the parts that the others point at. A part counts wherever it is pointed at.
    """
    built: dict[tuple[object, ...], sp.Basic] = {}
    known: list[_Part] = []
    try:
        for tree in shared:
            reader = _Reader(built, known)
            known.append(_Part(reader.read(tree, 0), reader.nodes, reader.deepest))
        return [_Reader(built, known).read(tree, 0) for tree in trees]
    except RecursionError:
        raise FormulaError("a tree too deep for the stack it is read on", _ASK, "reading it elsewhere") from None


class _Part(NamedTuple):
    """A shared part, with its nodes and levels as if it were written out."""

    expr: sp.Basic
    nodes: int
    levels: int


class _Reader:
    """One tree on its way to an expression; counts the nodes, and takes those that it knows from `built`."""

    def __init__(self, built: dict[tuple[object, ...], sp.Basic], known: Sequence[_Part]) -> None:
        self.nodes, self.deepest, self.built, self.known = 0, 0, built, known

    def count(self, nodes: int, depth: int) -> None:
        """Refuse what is too large as if it were written out."""
        self.nodes, self.deepest = self.nodes + nodes, max(self.deepest, depth)
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            wanted = f"at most {MAX_DEPTH} levels and {MAX_NODES} nodes"
            raise FormulaError("a tree too large or too deep", wanted, "sending it in parts")

    def read(self, tree: object, depth: int) -> sp.Basic:
        self.count(1, depth)
        match tree:
            case {"shared": int(k)} if not isinstance(k, bool) and 0 <= k < len(self.known):
                self.count(self.known[k].nodes - 1, depth + self.known[k].levels)
                return self.known[k].expr
            case bool():
                pass
            case int() | {"integer": _}:
                return sp.Integer(_read(tree))
            case {"rational": [numerator, denominator]} if _read(denominator):
                return sp.Rational(_read(numerator), _read(denominator))
            case {"symbol": str(name), "assumptions": dict(assumptions)}:
                return self.once(_symbol, name, *assumptions.items())
            case {"constant": str(name)} if name in CONSTANTS:
                return CONSTANTS[name]
            case {"matrix": [int(rows), int(columns)], "args": list(entries)} if len(entries) == rows * columns:
                return self.once(_matrix, rows, columns, *self.children(entries, depth))
            case {"head": str(name), "args": list(children)} if name in HEADS:
                return self.once(_build, HEADS[name], *self.children(children, depth))
            case {"head": name}:
                raise FormulaError(f"the head {str(name)[:40]!r}", "a head that trees know", ", ".join(sorted(HEADS)))
        raise FormulaError(f"the tree {str(tree)[:60]}", "a number, symbol, constant, matrix or head", _ASK)

    def children(self, trees: list[object], depth: int) -> list[sp.Basic]:
        return [self.read(child, depth + 1) for child in trees]

    def once(self, build: Callable[..., sp.Basic], *args: object) -> sp.Basic:
        try:
            key = (build, *args)
            if key not in self.built:
                self.built[key] = build(*args)
            return self.built[key]
        except TypeError:  # a stranger's assumption may be a list, which has no hash
            return build(*args)


def _matrix(rows: int, columns: int, *entries: sp.Basic) -> sp.Basic:
    return _build(sp.ImmutableDenseMatrix, rows, columns, entries)


def _build(head: type[sp.Basic], *args: object) -> sp.Basic:
    """One node: of expressions where the head wants expressions, unevaluated, and small enough."""
    if head in _EVALUATED and head not in _OF_ANYTHING and not all(isinstance(argument, sp.Expr) for argument in args):
        raise FormulaError(f"arguments of {head.__name__} that are no expressions", "expressions", _ASK)
    try:
        node = head(*args, evaluate=False) if head in _EVALUATED else head(*args)
        measured = head not in (sp.Add, sp.Mul, sp.ImmutableDenseMatrix) and all(is_constant(a) for a in node.args)
        complaint = overgrown(head, node.args) if measured and type(node) is head else None
    except Exception as error:  # a constructor raises whatever it happens upon in strange arguments
        raise FormulaError(f"arguments that {head.__name__} refuses ({type(error).__name__})", "others", _ASK) from None
    if complaint:
        raise FormulaError(f"{head.__name__}: {complaint}", "numbers of moderate size", "a symbol in its place")
    return node


def _checked(assumptions: dict[str, bool]) -> dict[str, bool]:
    """The same assumptions, if trees know them all and each is true or false."""
    if not ASSUMPTIONS.issuperset(assumptions) or not all(isinstance(value, bool) for value in assumptions.values()):
        wanted = "true or false for " + ", ".join(sorted(ASSUMPTIONS))
        raise FormulaError(f"the assumptions {str(assumptions)[:60]}", wanted, '{"real": true}')
    return assumptions


def _symbol(name: str, *assumptions: tuple[str, bool]) -> sp.Symbol:
    try:
        return sp.Symbol(check_name(name), **_checked(dict(assumptions)))
    except ValueError:  # SymPy's InconsistentAssumptions
        raise FormulaError(f"the assumptions {dict(assumptions)}", "assumptions that agree", '{"real": true}') from None


def _write(number: int) -> object:
    return number if abs(number) < MAX_JSON_INTEGER else {"integer": hex(number)}


def _read(tree: object) -> int:
    """An integer, written in JSON or in hexadecimal (which Python reads at any length, in linear time)."""
    match tree:
        case int() if not isinstance(tree, bool) and abs(tree) < MAX_JSON_INTEGER:
            return tree
        case {"integer": str(digits)} if len(digits) <= MAX_DIGITS and _HEXADECIMAL.fullmatch(digits):
            return int(digits, 16)
    wanted = f"an integer below 2**53, or at most {MAX_DIGITS} hexadecimal digits"
    raise FormulaError(f"an integer written as {type(tree).__name__}, or too long", wanted, '{"integer": "0x1f"}')
