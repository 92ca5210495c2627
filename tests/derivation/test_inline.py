"""Definitions put in: the polynomial of a linear network's training, and what stays as it is."""

from __future__ import annotations

import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.language.straight_line import Definition, StraightLine


def trained(depth: int, steps: int, activation: object = act.linear) -> sl.Limit:
    net = sl.mlp(depth, activation, w_var=1, b_var=0)
    return sl.training_program(net, [[1]], ["s"], steps=steps, lr="eta").limit(steps)


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "steps"), [(1, 2), (2, 1), (2, 2), (3, 2)])
def test_the_training_of_a_linear_network_is_the_polynomial_of_the_recursion(depth: int, steps: int) -> None:
    """General engine and dedicated recursion, as polynomials; after other numbers of steps they are others."""
    found, names = trained(depth, steps).apply(sl.rules.inline), {s: sp.Symbol(s) for s in ("eta", "s")}

    def distance(polynomial: sp.Expr) -> sp.Expr:
        one, other = (e.subs({s: names[s.name] for s in e.free_symbols}) for e in (found.expr, polynomial))
        return sp.expand(one - other)

    assert distance(sl.deep_linear(depth).polynomial(steps=steps).expr) == 0
    assert distance(sl.deep_linear(depth).polynomial(steps=steps + 1).expr) != 0
    assert "Every definition is put in" in found.explain()
    assert found.evaluate(eta="1/4", s=2).value == pytest.approx(trained(depth, steps).evaluate("1/4", 2).value, 1e-15)


def test_irrational_coefficients_and_functions_stay() -> None:
    a, b, x = sp.symbols("a b x", positive=True)
    line = StraightLine([Definition(a, sp.sqrt(2) * x), Definition(b, sp.asin(a / 2) + a**2)], a + b)
    assert sl.rules.inline(line) == sp.sqrt(2) * x + sp.asin(sp.sqrt(2) * x / 2) + 2 * x**2


def test_shared_means_have_no_closed_form() -> None:
    with pytest.raises(sl.errors.NoRule, match="definitions put in"):
        trained(2, 1, act.tanh).apply(sl.rules.inline)
