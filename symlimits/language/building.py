"""From the syntax tree of a formula to an expression: every node is built from the tables below.

Every construction that SymPy would carry out at once (a power, a factorial) is measured
before it is made, and looked at afterwards.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection
from difflib import get_close_matches
from fractions import Fraction

import sympy as sp

from symlimits.language.grammar import ALLOWED, MAX_DEPTH, Text
from symlimits.language.measure import overgrown, swollen, unreal
from symlimits.language.names import symbol

CONSTANTS = {"pi": sp.pi, "E": sp.E}


def _sigmoid(argument: sp.Expr) -> sp.Expr:
    return 1 / (1 + sp.exp(-argument))


FUNCTIONS: dict[str, tuple[int | None, Callable[..., sp.Expr]]] = {  # arity (None: any but zero) and constructor
    **{cls.__name__: (1, cls) for cls in (sp.sqrt, sp.exp, sp.log, sp.sin, sp.cos, sp.tan, sp.asin, sp.acos, sp.atan)},
    **{cls.__name__: (1, cls) for cls in (sp.sinh, sp.cosh, sp.tanh, sp.asinh, sp.acosh, sp.atanh, sp.erf, sp.erfc)},
    **{cls.__name__: (1, cls) for cls in (sp.Abs, sp.sign, sp.gamma, sp.factorial)},
    **{"abs": (1, sp.Abs), "max": (None, sp.Max), "Max": (None, sp.Max), "min": (None, sp.Min), "Min": (None, sp.Min)},
    **dict.fromkeys(("Heaviside", "step"), (1, lambda argument: sp.Heaviside(argument, sp.Rational(1, 2)))),
    "binomial": (2, sp.binomial),
    "relu": (1, lambda argument: sp.Max(argument, 0)),
    "sigmoid": (1, _sigmoid),
    "normal_cdf": (1, lambda argument: (1 + sp.erf(argument / sp.sqrt(2))) / 2),
}
OPERATORS: dict[type[ast.AST], Callable[..., sp.Expr]] = {
    ast.Add: sp.Add,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: sp.Mul,
    ast.Div: lambda left, right: left / right,
    ast.Pow: sp.Pow,
    ast.UAdd: lambda operand: operand,
    ast.USub: lambda operand: -operand,
}
# What grows like a function of the table that is none of SymPy's own.
_MEASURED = {_sigmoid: sp.exp}


class Builder:
    """One formula on its way from syntax tree to expression."""

    def __init__(self, text: Text, symbols: Collection[str] | None) -> None:
        self.text, self.symbols = text, symbols

    def expression(self) -> sp.Expr:
        """The expression that the text says."""
        tree = self.text.tree()
        try:
            return self._build(tree, 0)
        except RecursionError:
            raise self.text.too_large(1) from None

    def _build(self, node: ast.AST, depth: int) -> sp.Expr:
        column = max(getattr(node, "col_offset", 1), 1)  # a bare comma begins at the outer parenthesis
        if depth > MAX_DEPTH:
            raise self.text.too_large(column)
        match node:
            case ast.Constant():
                return sp.Rational(Fraction(self.text.literal(node)))
            case ast.Name(id=name):
                return self._name(name, column)
            case ast.UnaryOp(op=op, operand=operand) if type(op) in OPERATORS:
                return self._make(column, OPERATORS[type(op)], self._build(operand, depth + 1))
            case ast.BinOp(op=op) if type(op) in OPERATORS:
                return self._chain(node, depth)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                function = self._function(name, len(arguments), column)
                return self._make(column, function, *(self._build(argument, depth + 1) for argument in arguments))
        raise self.text.error(column, f"the construct {type(node).__name__}", ALLOWED, "writing every product with *")

    def _chain(self, node: ast.AST, depth: int) -> sp.Expr:
        """a + b + c + ..., which Python nests to the left, term by term: a long sum is not a deep one."""
        links: list[ast.BinOp] = []
        while isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            links.append(node)
            node = node.left
        value = self._build(node, depth + 1)
        for link in reversed(links):
            right = self._build(link.right, depth + 1)
            value = self._make(link.col_offset, OPERATORS[type(link.op)], value, right)
        return value

    def _name(self, name: str, column: int) -> sp.Expr:
        if name in CONSTANTS:
            return CONSTANTS[name]
        if self.symbols is None and name in FUNCTIONS:
            raise self.text.error(column, f"the function {name} alone", "an argument in parentheses", f"{name}(x)")
        if self.symbols is not None and name not in self.symbols:
            raise self.text.error(
                column, f"the name {name}", "a known symbol", ", ".join(sorted(self.symbols)) or "a number"
            )
        return symbol(name)

    def _function(self, name: str, count: int, column: int) -> Callable[..., sp.Expr]:
        if name not in FUNCTIONS:
            near = ", ".join(get_close_matches(name, FUNCTIONS, cutoff=0))
            raise self.text.error(column, f"the name {name}", "a known function", near)
        arity, constructor = FUNCTIONS[name]
        if count != arity and (arity is not None or count == 0):
            wanted = f"{arity or 'one or more'} of them"
            raise self.text.error(
                column, f"{count} arguments of {name}", wanted, f"{name}({'x, y' if arity == 2 else 'x'})"
            )
        return constructor

    def _make(self, column: int, head: Callable[..., sp.Expr], *args: sp.Expr) -> sp.Expr:
        """`head(*args)`, measured before it is computed and looked at afterwards."""
        try:
            complaint = (
                overgrown(sp.Pow, (*args, sp.S.Half)) if head is sp.sqrt else overgrown(_MEASURED.get(head, head), args)
            )
            if not complaint:
                value = head(*args)
                complaint = unreal(value) or swollen(value)
        except Exception:  # SymPy meets strange constants with errors of every class
            complaint = "a value that cannot be computed"
        if complaint:
            raise self.text.error(
                column, complaint, "a finite real number of moderate size", "a smaller or simpler term"
            )
        return value
