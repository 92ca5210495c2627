"""Expressions as JSON: exact round trips, and what is refused."""

from __future__ import annotations

import json

import pytest
import sympy as sp

from symlimits.errors import FormulaError
from symlimits.language.tree import HEADS, from_tree, register, to_tree

x, y, n = sp.Symbol("x", real=True), sp.Symbol("y"), sp.Symbol("n", integer=True, nonnegative=True)
a, b = sp.symbols("a b", positive=True)

EXPRESSIONS = [
    *(sp.Integer(-3), sp.Integer(2) ** 53, -(sp.Integer(10) ** 6000), sp.Rational(-1, 3), sp.Rational(1, 10**5000)),
    *(x, y, n, sp.Symbol("m", zero=False), sp.pi, sp.E, sp.I, sp.oo, -sp.oo, sp.true, sp.false, sp.EulerGamma),
    *(x + 2, 2 * (x + a), x * (x + 1) / 2, sp.Mul(2, x + 1, evaluate=False), sp.Add(x, x, evaluate=False)),
    *(sp.sqrt(a), 1 / a, a**b, sp.Pow(2, 3, evaluate=False), sp.exp(0, evaluate=False), sp.sqrt(-x), sp.exp(sp.I * x)),
    *(f(x / 3) for f in (sp.exp, sp.log, sp.sin, sp.cos, sp.tan, sp.asin, sp.acos, sp.atan, sp.sinh, sp.cosh, sp.tanh)),
    *(f(x - 1) for f in (sp.erf, sp.erfc, sp.Abs, sp.sign, sp.gamma, sp.factorial, sp.Heaviside, sp.DiracDelta)),
    *(f(x - 1) for f in (sp.asinh, sp.acosh, sp.atanh)),
    *(sp.Heaviside(x, sp.Rational(1, 2)), sp.Heaviside(x, 1), sp.binomial(n, 3), sp.Max(x, a, 1), sp.Min(x, a * b)),
    *(
        x > 0,
        x >= a,
        x < a,
        x <= 1,
        sp.Eq(x, a),
        sp.Ne(x, a),
        (x > 0) & (x < a),
        (x < 0) | (x > a),
        sp.Not(sp.Eq(x, 1)),
    ),
    sp.Piecewise((x, x > 0), (a * x, True)),
    sp.Piecewise((x, (x > 0) & (x < a)), (0, True)),
    sp.Integral(sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi), (x, -sp.oo, sp.oo)),
    sp.Integral(x, x),
    sp.Integral(x * y, (x, 0, 1), (y, 0, a)),
    sp.Sum(a**n / sp.factorial(n), (n, 0, sp.oo)),
    sp.Derivative(sp.erf(a * x), x),
    sp.Derivative(sp.erf(a * x), (x, 2), a),
    sp.Tuple(x, sp.Tuple(), 3),
    sp.ImmutableDenseMatrix([[x, 1, a], [0, sp.pi, x + a]]),
    sp.ImmutableDenseMatrix(0, 2, []),
    (x * (1 + sp.erf(x / sp.sqrt(2))) / 2).diff(x, 3),
    sp.sqrt(1 - x**2) / (2 * sp.pi) + x * (sp.pi - sp.acos(x)) / (2 * sp.pi),
]


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=[f"{i} {type(e).__name__}" for i, e in enumerate(EXPRESSIONS)])
def test_a_tree_comes_back_exactly(expr: sp.Basic) -> None:
    back = from_tree(json.loads(json.dumps(to_tree(expr))))
    assert back == expr
    assert hash(back) == hash(expr)
    assert type(back) is type(expr)
    assert differences(back, expr) == []


def differences(left: sp.Basic, right: sp.Basic) -> list[str]:
    """Where nodes differ in their type, their arguments in order, or assumptions; long integers are not printed."""
    pairs = list(zip(sp.preorder_traversal(left), sp.preorder_traversal(as_built_now(right)), strict=True))
    parts = {
        "type": type,
        "arguments": lambda node: node.args,
        "assumptions": lambda node: getattr(node, "assumptions0", None),
    }
    return [
        f"{name} of node {k}, {type(p).__name__} and {type(q).__name__}"
        for k, (p, q) in enumerate(pairs)
        for name, part in parts.items()
        if part(p) != part(q)
    ]


def as_built_now(expr: sp.Basic) -> sp.Basic:
    """`Or` in the order that SymPy gives its arguments, a set: one built earlier has had another, if rarely."""
    return expr.func(*expr.args) if isinstance(expr, sp.Or) else expr


def test_nodes_that_differ_are_named() -> None:
    """Controls: another order, other assumptions, another type."""
    assert differences(sp.Tuple(x, a), sp.Tuple(a, x))
    assert differences(sp.Tuple(x), sp.Tuple(sp.Symbol("x"))) == [
        "arguments of node 0, Tuple and Tuple",
        "assumptions of node 1, Symbol and Symbol",
    ]
    assert differences(sp.Tuple(sp.Integer(2)), sp.Tuple(sp.Float(2)))


def test_srepr_agrees_where_it_can_print() -> None:
    expr = sp.Integral(sp.Mul(2, x + 1, evaluate=False), (x, 0, a))
    assert sp.srepr(from_tree(to_tree(expr))) == sp.srepr(expr)


def test_a_head_of_our_own_is_registered() -> None:
    @register
    class Expectation(sp.Expr):
        pass

    try:
        expr = 2 * Expectation(x**2, sp.Tuple(x)) + 1
        assert from_tree(to_tree(expr)) == expr
        with pytest.raises(ValueError, match="two heads are called Expectation"):
            register(type("Expectation", (sp.Expr,), {"__module__": "elsewhere"}))
    finally:
        del HEADS["Expectation"]
    with pytest.raises(FormulaError, match="the head Expectation"):
        to_tree(expr)


@pytest.mark.parametrize(
    ("expr", "words"),
    [
        (sp.zeta(x), "the head zeta"),
        (sp.Function("f")(x), "the head f"),
        (sp.Float(0.5), "the head Float"),
        (sp.Dummy("k"), "the head Dummy"),
        (sp.Symbol("__import__('os')"), "the name"),
        (sp.Symbol("k", prime=True), "the assumptions"),
    ],
)
def test_what_a_tree_cannot_say_is_refused_when_written(expr: sp.Basic, words: str) -> None:
    with pytest.raises(FormulaError, match=words):
        to_tree(expr)


def head(name: str, *args: object) -> dict[str, object]:
    return {"head": name, "args": list(args)}


def nested(levels: int) -> object:
    tree: object = 1
    for _ in range(levels):
        tree = head("sin", tree)
    return tree


X = {"symbol": "x", "assumptions": {"real": True}}
BAD_TREES = [
    (None, "the tree None"),
    (True, "the tree True"),
    (0.5, "the tree 0.5"),
    ("x", "the tree x"),
    ([1, 2], "the tree"),
    ({}, "the tree"),
    (2**53, "an integer"),
    ({"integer": "12"}, "an integer"),
    ({"integer": "0x" + "f" * 10_000}, "an integer"),
    ({"integer": "0x1_0"}, "an integer"),
    ({"rational": [1, 0]}, "the tree"),
    ({"rational": [1, True]}, "an integer"),
    ({"rational": [0.5, 2]}, "an integer"),
    ({"constant": "zoo"}, "the tree"),
    ({"symbol": "__import__('os')", "assumptions": {}}, "the name"),
    ({"symbol": "x", "assumptions": {"real": 1}}, "the assumptions"),
    ({"symbol": "x", "assumptions": {"cls": True}}, "the assumptions"),
    ({"symbol": "x", "assumptions": {"positive": True, "negative": True}}, "the assumptions"),
    (head("system", X), "the head 'system'"),
    (head("Lambda", X, X), "the head 'Lambda'"),
    ({"head": ["Add"], "args": []}, "the head"),
    ({"head": "Add", "args": 3}, "the head"),
    (head("Pow", X), "arguments that Pow refuses"),
    (head("Pow", 2, 3, 4), "arguments that Pow refuses"),
    (head("sin", X, X), "arguments that sin refuses"),
    (head("Piecewise", X), "arguments that Piecewise refuses"),
    (head("Integral", X, 3), "arguments that Integral refuses"),
    (head("Add", X, head("StrictGreaterThan", X, 0)), "no expressions"),
    ({"matrix": [2, 2], "args": [1, 2, 3]}, "the tree"),
    ({"matrix": [-1, -1], "args": [1]}, "arguments"),
    (head("Pow", 9, head("Pow", 9, 9)), "Pow: a power"),
    (head("Pow", 2, head("Mul", 10**9, 10**9)), "Pow: a power"),
    (head("factorial", 10**7), "factorial: an argument over 1000"),
    (head("gamma", head("Add", 10**7, 1)), "gamma: an argument over 1000"),
    (head("binomial", 10**9, 5 * 10**8), "binomial: an argument over 1000"),
    (head("exp", head("exp", head("exp", 100))), "exp: an argument over 2302"),
    (head("sin", {"integer": "0x" + "f" * 9000}), "more than 3000 digits"),
    (nested(201), "too large or too deep"),
    (nested(100_000), "too large or too deep"),
    (head("Add", *[1] * 50_001), "too large or too deep"),
]


@pytest.mark.parametrize(("tree", "words"), BAD_TREES, ids=range(len(BAD_TREES)))
def test_what_to_tree_does_not_write_is_refused_when_read(tree: object, words: str) -> None:
    with pytest.raises(FormulaError, match=words) as raised:
        from_tree(tree)
    assert len(str(raised.value)) < 1000


def test_trees_of_the_allowed_depth_are_read() -> None:
    expr = from_tree(nested(150))
    assert to_tree(expr) == nested(150)


def test_reading_evaluates_nothing() -> None:
    tree = head("Add", head("sin", 0), head("Mul", 2, head("Add", X, 1)))
    expr = from_tree(tree)
    assert to_tree(expr) == tree
    assert sp.srepr(expr.args[0]) == "sin(Integer(0))"
