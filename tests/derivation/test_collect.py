"""Putting in order changes the shape, never the value."""

from __future__ import annotations

import random

import pytest
import sympy as sp

from symlimits.derivation.collect import collect

p, q = sp.symbols("p q", positive=True)
c = sp.Symbol("c", real=True)
S = sp.sqrt(p * q - c**2)
D = sp.sqrt((1 + 2 * p) * (1 + 2 * q) - 4 * c**2)
ARC = sp.asin(c / sp.sqrt(p * q))

EXPRESSIONS = [
    *(c * ARC + c / 4 + S, p * q / S - c**2 / S, 1 / S + c / S**3 + S, (1 + c) * ARC + (1 - c) * ARC * S),
    *(sp.exp(c) - sp.exp(-c), sp.exp(c - p) + 3 * sp.exp(-c - p) + c, sp.exp(c / D**2) / D - sp.exp(-c / D**2) / D),
    *(c * sp.exp(c / S**2) / S + c * sp.exp(-c / S**2) / S + ARC, sp.sqrt(p) * S + sp.sqrt(q) / S, sp.S.Zero, c + p),
    *(ARC / D + D * ARC + S / D + D / S, sp.erf(c / D) * D + sp.erf(c / D) / D, sp.sqrt(p + 1) * sp.sqrt(q + 1) / S),
]


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=str)
def test_the_value_stays(expr: sp.Expr) -> None:
    rng = random.Random(0)
    ordered = collect(expr)
    assert ordered.free_symbols <= {p, q, c}
    for _ in range(5):
        P, Q = (sp.Rational(rng.randint(1, 500), 100) for _ in "pq")
        point = {p: P, q: Q, c: sp.sqrt(P * Q) * sp.Rational(rng.randint(-99, 99), 100)}
        assert abs(sp.N((expr - ordered).subs(point), 30)) < 1e-25


@pytest.mark.parametrize(
    ("expr", "ordered"),
    [
        (p * q / S - c**2 / S, S),
        (c * ARC + p * ARC, (c + p) * ARC),
        (sp.sqrt(p + 1) - p / sp.sqrt(p + 1), 1 / sp.sqrt(p + 1)),
        (sp.exp(c - p) / 2 - sp.exp(-c - p) / 2, sp.exp(-p) * sp.sinh(c)),
        (sp.exp(c - p) / 2 + sp.exp(-c - p) / 2, sp.exp(-p) * sp.cosh(c)),
        (c + p, c + p),
    ],
)
def test_shapes(expr: sp.Expr, ordered: sp.Expr) -> None:
    assert collect(expr) == ordered


def test_exponentials_are_left_whole() -> None:
    """What stands in an exponent is not expanded, and shares no factor with what stands before it."""
    wave = sp.exp((4 * c**2 - 2 * c - p - q) / (-8 * c**2 + 2 * (2 * p + 1) * (2 * q + 1)))
    assert collect(wave / D) == wave / D
    assert collect(2 * wave / D + c * wave / D).count(sp.exp) == 1


def test_once_is_enough() -> None:
    for expr in EXPRESSIONS:
        once = collect(expr)
        assert sp.count_ops(collect(once)) == sp.count_ops(once)
