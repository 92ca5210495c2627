"""Tensor programs as JSON: instructions that another program can read, and that are read back without code."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symlimits.errors import FormulaError
from symlimits.language.names import check_name
from symlimits.language.tensor_program import (
    RESERVED,
    Apply,
    Formula,
    Gaussian,
    Initial,
    Instruction,
    Map,
    Mean,
    Program,
    Term,
    Trained,
    Updated,
    n,
)
from symlimits.language.tree import from_tree, to_tree

MOST = 100_000  # instructions, or matrices, that a file asks for
FORMULAS: dict[str, type[Map] | type[Mean] | type[Formula]] = {"map": Map, "mean": Mean, "formula": Formula}


def program_to_tree(program: Program, last: int) -> dict[str, Any]:
    """The instructions up to place `last`, and all matrices that they use.

    >>> program = Program()
    >>> x = program.append(Gaussian("x", sp.Integer(1)))
    >>> program_to_tree(program, x)
    {'instructions': [{'gaussian': ['x', 1]}], 'matrices': []}
    """
    instructions = program.instructions[: last + 1]
    used = [-1, *(what.matrix for what in instructions if isinstance(what, Apply | Trained))]
    matrices = program.matrices[: max(used) + 1]
    return {
        "instructions": [_instruction(what) for what in instructions],
        "matrices": [_matrix(matrix) for matrix in matrices],
    }


def _instruction(what: Instruction) -> dict[str, Any]:
    match what:
        case Gaussian(name, variance):
            return {"gaussian": [name, to_tree(variance)]}
        case Apply(matrix, vector, transposed):
            return {"apply": [matrix, vector, transposed]}
        case Trained(matrix, vector, transposed, expansion):
            return {"trained": [matrix, vector, transposed, expansion]}
    (name,) = (name for name, kind in FORMULAS.items() if isinstance(what, kind))
    return {name: to_tree(what.expr)}


def _matrix(matrix: Initial | Updated) -> dict[str, Any]:
    if isinstance(matrix, Initial):
        return {"initial": [matrix.name, to_tree(matrix.variance)]}
    return {"updated": [matrix.initial, [[to_tree(t.coefficient), t.left, t.right] for t in matrix.terms]]}


def program_from_tree(tree: Any) -> Program:
    """The program of `program_to_tree`; `FormulaError` for anything else.

    >>> tree = {"instructions": [{"gaussian": ["x", 1]}, {"mean": {"symbol": "z_0", "assumptions": {"real": True}}}]}
    >>> program_from_tree(tree | {"matrices": []}).instructions[1]
    Mean(expr=z_0)
    """
    try:
        if len(tree["instructions"]) + len(tree["matrices"]) > MOST:
            raise ValueError
        return _Reader(tree).program
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise FormulaError(
            "a program with parts missing", "what program_to_tree writes", "a file of this version"
        ) from None


class _Reader:
    """Reads a program; everything rests on what comes before it."""

    def __init__(self, tree: Any) -> None:
        self.program = Program()
        for part in tree["matrices"]:
            self.program.matrices.append(self.matrix(part))
        for place, part in enumerate(tree["instructions"]):
            if self.program.append(self.instruction(part)) != place:
                raise ValueError
        for matrix in self.program.matrices:
            if isinstance(matrix, Updated):
                for term in matrix.terms:
                    self.formula(term.coefficient, vectors=False)
                    self.vector(term.left)
                    self.vector(term.right)

    def matrix(self, part: Any) -> Initial | Updated:
        """An initial matrix, or an update of one that came before; what updates rest on is looked at in the end."""
        ((kind, values),) = part.items()
        if kind == "initial":
            name, variance = values
            return Initial(check_name(name), self.constant(variance))
        initial, terms = values
        if kind != "updated" or not isinstance(self.program.matrices[_index(initial)], Initial):
            raise ValueError
        return Updated(initial, tuple(Term(_expr(c), _index(u), _index(v)) for c, u, v in terms))

    def instruction(self, part: Any) -> Instruction:
        """One instruction; what it reads has come before it."""
        ((kind, values),) = part.items()
        if kind == "gaussian":
            name, variance = values
            return Gaussian(check_name(name), self.constant(variance))
        if kind in FORMULAS:
            return FORMULAS[kind](self.formula(_expr(values), vectors=kind != "formula"))
        matrix, vector, transposed, *expansion = values
        updated = isinstance(self.program.matrices[_index(matrix)], Updated)
        if not isinstance(transposed, bool) or kind != ("trained" if updated else "apply"):
            raise ValueError
        if not updated:
            return Apply(matrix, self.vector(vector), transposed, *expansion)
        (place,) = expansion
        return Trained(matrix, self.vector(vector), transposed, self.vector(place))

    def vector(self, place: Any) -> int:
        """Refuse what is no vector of what was read so far."""
        if not (_index(place) < len(self.program.instructions) and self.program.is_vector(place)):
            raise ValueError
        return int(place)

    def formula(self, expr: sp.Expr, vectors: bool) -> sp.Expr:
        """Refuse names of instructions that have not come yet, and vectors where they make no sense."""
        places = self.program.places
        for symbol in expr.free_symbols:
            if symbol not in places and RESERVED.fullmatch(symbol.name):
                raise ValueError
            if symbol in places and not vectors and self.program.is_vector(places[symbol]):
                raise ValueError
        return expr

    def constant(self, tree: Any) -> sp.Expr:
        """A variance: a formula of parameters."""
        expr = _expr(tree)
        if any(RESERVED.fullmatch(symbol.name) for symbol in expr.free_symbols):
            raise ValueError
        return expr


def _expr(tree: Any) -> sp.Expr:
    """A formula; its symbols are places of the program, n, and parameters."""
    expr = from_tree(tree)
    if not isinstance(expr, sp.Expr):
        raise ValueError
    return expr.xreplace({s: n for s in expr.free_symbols if s.name == n.name})


def _index(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError
    return value
