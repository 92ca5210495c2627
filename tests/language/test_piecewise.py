"""Kinked functions cut into smooth pieces, and joined again."""

from __future__ import annotations

import pytest
import sympy as sp

from symlimits.errors import NoRule
from symlimits.language.piecewise import Branches, branches, generalized_derivative, joined

x = sp.Symbol("x", real=True)
a, b = sp.symbols("a b", positive=True)
HALF = sp.Rational(1, 2)
ELU = sp.Piecewise((x, x > 0), (sp.exp(x) - 1, True))


@pytest.mark.parametrize(
    ("expr", "points", "pieces"),
    [
        (sp.S(2), (), (2,)),
        (sp.tanh(x), (), (sp.tanh(x),)),
        (sp.Max(x, 0), (0,), (0, x)),
        (sp.Abs(x - 1), (1,), (1 - x, x - 1)),
        (sp.Heaviside(2 * x - 1, HALF), (HALF,), (0, 1)),
        (sp.sign(x) * x**2, (0,), (-(x**2), x**2)),
        (sp.Max(-1, sp.Min(1, x)), (-1, 1), (-1, x, 1)),
        (sp.Max(x, sp.Abs(x) - 1), (-HALF,), (-x - 1, x)),
        (sp.Abs(sp.Abs(x) - 1), (-1, 0, 1), (-x - 1, x + 1, 1 - x, x - 1)),
        (sp.Abs(x - sp.pi), (sp.pi,), (sp.pi - x, x - sp.pi)),
        (sp.Max(x, sp.sqrt(2)), (sp.sqrt(2),), (sp.sqrt(2), x)),
        (sp.Abs(x**2 - 2), (-sp.sqrt(2), sp.sqrt(2)), (x**2 - 2, 2 - x**2, x**2 - 2)),
        (sp.Abs(x**2 + 1), (), (x**2 + 1,)),
        (ELU, (0,), (sp.exp(x) - 1, x)),
        (sp.Piecewise((0, x < -1), (1, (x >= -1) & (x < 1)), (2, True)), (-1, 1), (0, 1, 2)),
        (sp.Piecewise((5, sp.Eq(x, 0)), (1, True)), (), (1,)),
        (sp.Max(x, 0) - sp.Max(x, 0), (), (0,)),
        (sp.Max(x, a), (a,), (a, x)),
        (sp.Max(-a * x, b * x), (0,), (-a * x, b * x)),
        (sp.Max(a, x**2), (-sp.sqrt(a), sp.sqrt(a)), (x**2, a, x**2)),
        (sp.Abs(x**2 + a), (), (x**2 + a,)),
        (sp.Abs(a * x - b), (b / a,), (b - a * x, a * x - b)),
        (sp.Piecewise((x, x > 0), (a * x, True)), (0,), (a * x, x)),
    ],
    ids=str,
)
def test_branches(expr: sp.Expr, points: tuple[sp.Expr, ...], pieces: tuple[sp.Expr, ...]) -> None:
    cut = branches(expr, x)
    assert cut.points == points
    assert all(sp.expand(one - other) == 0 for one, other in zip(cut.pieces, pieces, strict=True))


def test_kinks_without_radicals() -> None:
    cut = branches(sp.Abs(x**5 - x - 1), x)
    assert len(cut.points) == 1
    assert abs(sp.N(cut.points[0] ** 5 - cut.points[0] - 1)) < 1e-14


@pytest.mark.parametrize(
    ("expr", "why"),
    [
        (sp.Max(x, a, b), "known order"),
        (sp.Max(x, a * x), "known sign"),
        (sp.Abs(sp.sin(x)), "finitely often"),
        (sp.Piecewise((x, x > 0)), "defined everywhere"),
        (sp.Abs(x**5 - a * x - 1), "known roots"),
    ],
)
def test_refused(expr: sp.Expr, why: str) -> None:
    with pytest.raises(NoRule, match=why):
        branches(expr, x)


@pytest.mark.parametrize(
    "expr",
    [sp.Max(x, 0), sp.Max(-1, sp.Min(1, x)), ELU, sp.Max(x, 0) * sp.exp(x), sp.sign(x), sp.Heaviside(x - 1, HALF)],
    ids=str,
)
def test_joined_again(expr: sp.Expr) -> None:
    """The same function, also at the kinks: there a jump takes the mean of both sides."""
    again = joined(branches(expr, x), x)
    for point in (-2, -1, sp.Rational(-1, 3), 0, HALF, 1, 3):
        assert sp.simplify((again - expr).subs(x, point)) == 0


def test_how_pieces_are_joined() -> None:
    assert joined(Branches((sp.S.Zero,), (-x, x)), x) == x * sp.sign(x)
    assert joined(Branches((sp.S.Zero,), (a, sp.S.One)), x) == a + (1 - a) * sp.Heaviside(x, HALF)
    assert not joined(branches(ELU, x), x).has(sp.Heaviside)
    jump = joined(Branches((sp.S.Zero,), (sp.exp(x), sp.S(3))), x)
    assert [jump.subs(x, k) for k in (-1, 0, 1)] == [sp.exp(-1), 2, 3]


def test_jumps_rebuild_the_function() -> None:
    cut = branches(sp.Abs(sp.Abs(x) - 1), x)
    rebuilt = cut.pieces[0] + sum(jump * sp.Heaviside(x - at) for at, jump in cut.jumps())
    assert all(rebuilt.subs(x, k) == abs(abs(k) - 1) for k in (-3, sp.Rational(-1, 2), HALF, 4))


@pytest.mark.parametrize(
    ("expr", "slope"),
    [
        (sp.Piecewise((1, x > 0), (0, True)), sp.DiracDelta(x)),
        (sp.Piecewise((x, x > 0), (a * x, True)), a + (1 - a) * sp.Heaviside(x, HALF)),
        (sp.Piecewise((3, x > 1), (x, True)), 1 - sp.Heaviside(x - 1, HALF) + 2 * sp.DiracDelta(x - 1)),
        (sp.Max(x, 0) * a, a * sp.Heaviside(x)),
        (sp.sign(x), 2 * sp.DiracDelta(x)),
        (sp.sin(x), sp.cos(x)),
    ],
    ids=str,
)
def test_generalized_derivative(expr: sp.Expr, slope: sp.Expr) -> None:
    assert sp.expand(generalized_derivative(expr, x) - slope) == 0
