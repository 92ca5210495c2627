"""Values against domains: numbers, arrays and expressions, in ranges that depend on each other."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.domain import Domain, Range
from symlimits.points import check_inside, restricted
from symlimits.theory.kernels import PAIR, c, p, q, rho

n = sp.Symbol("n", integer=True, positive=True)


def test_the_closure_is_inside() -> None:
    check_inside(PAIR, {p: 0.0, q: [0.0, 1.0], c: 0.0})
    check_inside(PAIR, {p: 1.0, q: 1.0, c: np.nextafter(1.0, 2.0)})
    check_inside(PAIR, {p: 1.0, c: 5.0})  # q is not known: nothing to hold against
    check_inside(PAIR, {p: np.empty(0), q: 1.0, c: 0.0})


@pytest.mark.parametrize(
    "values", [{p: -1e-9}, {p: [1.0, -2.0]}, {p: 1.0, q: 0.0, c: 1e-9}, {p: 1, q: [1, 4], c: [0, -2.1]}]
)
def test_outside(values: dict[sp.Symbol, object]) -> None:
    with pytest.raises(DomainError):
        check_inside(PAIR, values)


def test_what_is_left() -> None:
    left = restricted(PAIR, {p: sp.Integer(4)})
    assert set(left.ranges) == {q, rho}
    assert left.dependent == {c: 2 * rho * sp.sqrt(q)}
    assert not restricted(PAIR, {p: sp.S.One, q: sp.S.One, c: sp.S.Half}).ranges
    r = sp.Symbol("r", positive=True)
    assert set(restricted(PAIR, {p: r**2}).ranges) == {r, q, rho}


def test_refusals() -> None:
    for values in (
        {c: sp.S.Half},
        {c: sp.Integer(2), p: sp.S.One, q: sp.S.One},
        {p: sp.S.Zero},
        {c: sp.S.One, p: sp.S.One},
    ):
        with pytest.raises(DomainError):
            restricted(PAIR, values)
    with pytest.raises(DomainError, match="an integer n"):
        restricted(Domain({n: Range(sp.S.One, sp.oo, (True, False))}), {n: sp.Rational(5, 2)})
