"""Exponents as derivations: every line equal on its region, the closed forms of the theory, and kinks."""

from __future__ import annotations

import pytest
import sympy as sp

import symlimits as sl
from symlimits.theory.scaling.claims import exponent_limit
from symlimits.theory.scaling.exponents import NAMES, domain
from symlimits.theory.scaling.one_hidden import q, q_sigma

u, s = q_sigma + sp.Rational(1, 2), q_sigma + q
KAPPA = 2 * q_sigma + q + 1
CLOSED = {
    "f_init": u, "f_a": KAPPA, "f_w": KAPPA, "f_aw": q_sigma + 3 * s + 1, "delta_a": s, "delta_w": s, "kernel": KAPPA,
    "kernel_increment": 2 * s,
}  # fmt: skip  # with equal rates and a smooth activation (Golikov 2020)


@pytest.mark.parametrize("name", [cell.name for cell in sl.scaling.one_hidden_layer().cells])
def test_closed_forms(name: str) -> None:
    fan = sl.scaling.one_hidden_layer()
    cell = fan[name]
    points = domain(cell.constraints, fan.symbols).mixed_points(seed=0, corners=1, interior=8)
    for quantity, formula in CLOSED.items():
        for point in points:
            place = {symbol: point[symbol] for symbol in fan.symbols}
            assert sp.simplify(cell.exponents[quantity].subs(place) - formula.subs(place)) == 0, quantity


@pytest.mark.parametrize("cell", ["NTK", pytest.param("post-MF", marks=pytest.mark.slow), "MF-NTK-sym-default"])
@pytest.mark.parametrize("quantity", ["f_aw", "kernel_increment"])
def test_every_line_holds(cell: str | None, quantity: str) -> None:
    line = sl.scaling.one_hidden_layer("shared", "relu").derivation(quantity, cell)
    assert line.kind == "exponent"
    assert isinstance(line.trace[0].expr, sp.Expr)
    assert line.definition.has(sp.Max)
    found = [link for link in line.check().links if link.name == "lines"]
    assert [link.passed for link in found] == [True]


def test_a_wrong_line_is_refused() -> None:
    """The central limit theorem in place of the law of large numbers: half a power less."""
    line = sl.scaling.one_hidden_layer().derivation("f_a", "MF-NTK")
    with pytest.raises(sl.errors.FalseLine):
        line.then(line.expr - sp.Rational(1, 2), because="a sum of centred terms")


@pytest.mark.slow
def test_every_quantity_prints() -> None:
    fan = sl.scaling.one_hidden_layer("separate", "relu")
    for quantity in NAMES:
        line = fan.derivation(quantity, "sym-default (a grows)")
        assert r"\begin{align*}" in line.latex()
        assert "is defined by" in line.explain()
        assert sl.load(line.to_json()).expr == line.expr


def test_kinks_cross_a_share_of_the_neurons() -> None:
    """(s - 1)/2 at s = -1/2 is -3/4 (measured: -0.755 +- 0.020); smooth: 2s = -1; at trained inputs s itself."""
    smooth, kinked = (sl.scaling.one_hidden_layer("shared", phi)["NTK"] for phi in ("silu", "relu"))
    place = {q_sigma: sp.Rational(-1, 2), q: 0}
    assert smooth.exponents["kernel_increment"].subs(place) == -1
    assert smooth.exponents["kernel_increment_trained"].subs(place) == -1
    assert kinked.exponents["kernel_increment"].subs(place) == sp.Rational(-3, 4)
    assert kinked.exponents["kernel_increment_trained"].subs(place) == sp.Rational(-1, 2)


def test_a_kink_of_the_second_derivative_is_smooth_enough() -> None:
    fan = sl.scaling.one_hidden_layer("shared", sl.activations.relu_power(2))
    assert fan["NTK"].exponents["kernel_increment"].subs({q_sigma: sp.Rational(-1, 2), q: 0}) == -1


@pytest.mark.slow
def test_a_certificate_draws_networks() -> None:
    """Given gradients, MF: what both increments add to the logit is of order one; half a power is seen."""
    line = exponent_limit(sl.scaling.one_hidden_layer(), "MF", "f_aw")
    certificate = line.certify(sizes=(256, 512, 1024))
    assert certificate.ok
    assert next(link for link in certificate.links if link.name == "simulation").passed
