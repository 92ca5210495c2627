"""Matrices in formulas: what they are made of, and their shapes."""

from __future__ import annotations

import pytest
import sympy as sp

from symlimits.errors import DomainError, FormulaError
from symlimits.language.block import Block, IdentityMatrix, Transposed, blocks, shape
from symlimits.language.tree import from_tree, to_tree

d, k, t, s, u = sp.symbols("d k t s u", integer=True)
x = sp.Symbol("x", real=True)
A, B = blocks("A", k, d), blocks("B", d, k)


def test_parts() -> None:
    block = Block("Phi", (t, s + 1), (d, 2))
    assert (block.name, block.indices, block.shape) == ("Phi", (t, s + 1), (d, 2))
    assert block.free_symbols == {t, s, d}
    assert block.func(*block.args) == block
    assert block.subs(s, 2) == Block("Phi", (t, 3), (d, 2))
    assert A(1) * B(2) != B(2) * A(1)


def test_the_name_is_no_symbol_of_the_formula() -> None:
    """A scalar of the same name is another thing."""
    assert (sp.Symbol("A") * A(t)).subs(sp.Symbol("A"), 3) == 3 * A(t)


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        (A(t), (k, d)),
        (x**2, None),
        (Transposed(A(t)), (d, k)),
        (x * A(t) * B(s), (k, k)),
        ((A(t) * B(s)) ** 2, (k, k)),
        (IdentityMatrix(k) + A(t) * B(t), (k, k)),
        (sp.Sum(A(u) * B(u), (u, 0, t)), (k, k)),
        (sp.Sum(x * u, (u, 0, t)), None),
    ],
)
def test_shapes(expr: sp.Expr, found: object) -> None:
    assert shape(expr) == found


@pytest.mark.parametrize("expr", [A(t) + B(t), A(t) + 1, A(t) * A(s), A(t) ** 2, IdentityMatrix(k) ** -1, sp.exp(A(t))])
def test_shapes_that_do_not_fit(expr: sp.Expr) -> None:
    with pytest.raises(DomainError):
        shape(expr)


@pytest.mark.parametrize("name", ["", "a b", "__import__", "lambda", 3])
def test_names_are_names(name: object) -> None:
    with pytest.raises(FormulaError):
        Block(name, (), (1, 1))  # type: ignore[arg-type]


def test_a_shape_has_rows_and_columns() -> None:
    with pytest.raises(DomainError, match="rows and columns"):
        Block("A", (), (1, 2, 3))


def test_trees() -> None:
    expr = x * Transposed(A(t, s)) * sp.Sum(A(u) * B(u), (u, 0, t - 1)) + Transposed(A(1)) * IdentityMatrix(k)
    assert from_tree(to_tree(expr)) == expr
