"""Expansions at rho = 1: known values, remainders measured at high precision, words and LaTeX."""

from __future__ import annotations

import pickle
from dataclasses import replace

import mpmath as mp
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.certify import check_expansion
from symlimits.language.activation import Activation
from symlimits.reading.latex_text import balanced

q = sp.Symbol("q", positive=True)
delta = sp.Symbol("delta", nonnegative=True)
NAMES = ("linear", "relu", "absolute", "step", "sign", "erf", "gelu", "normal_cdf", "sin", "rbf", "exp", "gaussian")
CLOSED = {name: getattr(act, name) for name in NAMES}
CLOSED |= {"relu^2": act.relu_power(2), "relu^3": act.relu_power(3), "leaky relu": act.leaky_relu("alpha")}


def sphere(phi: Activation, *variances: object) -> sl.Derivation:
    return sl.nngp(sl.mlp(2, phi, *variances)).on_sphere("q")


def test_relu_as_in_the_literature() -> None:
    """1 - R = delta - 2 sqrt2/(3 pi) delta^(3/2) + ... at the critical variances (theory/kernels.md, section 5)."""
    S = sphere(act.relu, 2, 0).at_one(2)
    assert S.terms == ((0, 1), (1, -1), (sp.Rational(3, 2), 2 * sp.sqrt(2) / (3 * sp.pi)))
    assert S.order == sp.Rational(5, 2)
    assert (S.derivative(0), S.derivative(1), S.derivative(2), S.derivative(3)) == (1, 1, sp.oo, sp.oo)


def test_a_jump_starts_with_a_root() -> None:
    S = sphere(act.step, 2, 0).at_one("1/2")
    assert S.expr == 1 - sp.sqrt(2 * delta) / sp.pi
    assert S.derivative(1) == sp.oo
    assert sl.dual(act.sign).at_one(0).remainder == -2 * sp.sqrt(2 * delta) / sp.pi


def test_leaky_relu_with_a_symbolic_slope() -> None:
    S = sphere(act.leaky_relu("alpha"), 2, 0).at_one("3/2")
    (alpha,) = S.expr.free_symbols - {S.gap}
    known = 2 * sp.sqrt(2) * (1 - alpha) ** 2 / (3 * sp.pi * (1 + alpha**2))
    assert sp.cancel(S.coefficient("3/2") / known) == 1
    assert S.derivative(2) == sp.oo


@pytest.mark.parametrize("name", ["erf", "sin", "gaussian"])
def test_derivatives_are_moments_of_derivatives(name: str) -> None:
    """chi_1 = w E phi'^2 and R'' = w q E phi''^2 over the norm, by quadrature of one variable."""
    phi, point = getattr(act, name), {q: sp.Rational(3, 2)}
    S = sphere(phi, "5/4", "1/10").at_one(2)
    x = sp.Symbol("x", real=True)
    with mp.workdps(30):
        norm = _moment(phi.expr, x) * mp.mpf(5) / 4 + mp.mpf(1) / 10
        for k in (1, 2):
            exact = mp.mpf(5) / 4 * mp.mpf(1.5) ** k * _moment(phi.expr.diff(x, k), x) / norm
            assert abs(mp.mpmathify(S.derivative(k).subs(point).evalf(30)) - exact) < 1e-20, k


def _moment(expr: sp.Expr, x: sp.Symbol) -> mp.mpf:
    """E f(u)^2 for variance 3/2."""
    f = sp.lambdify(x, expr, "mpmath")
    return mp.quad(lambda t: f(t) ** 2 * mp.exp(-(t**2) / 3), mp.linspace(-18, 18, 13)) / mp.sqrt(3 * mp.pi)


@pytest.mark.parametrize("name", CLOSED)
def test_the_remainder_has_the_claimed_order(name: str) -> None:
    """Gaps 1e-6, 1e-8, 1e-10, with 40 digits left of the remainder itself."""
    S = sl.dual(CLOSED[name]).at_one(2)
    link = S.check()
    assert link.passed, link
    if S.omitted:
        assert link.details["measured orders"][-1] == pytest.approx(float(S.order), abs=1e-4)
    assert balanced(S.latex())
    assert S.variable == sp.Symbol("rho", real=True)


def test_symbolic_variances_and_the_slope_of_the_tangent_kernel() -> None:
    net = sl.mlp(2, act.relu)
    assert sl.nngp(net).on_sphere("q").at_one(1).check().passed
    slope = sl.ntk(net).on_sphere("q").at_one(1)
    w = sp.Symbol("sigma_w", positive=True)
    assert slope.terms == ((0, w**2 / 2), (sp.Rational(1, 2), -sp.sqrt(2) * w**2 / (2 * sp.pi)))
    assert slope.check(seed=1).passed


def test_without_closed_form_the_coefficients_are_expectations() -> None:
    S = sphere(act.tanh, 2, 0).at_one(1)
    u = sp.Symbol("u", real=True)
    mean = [sl.GaussianExpectation(f, (u,), [[q]]) for f in (sp.tanh(u) ** 2, (1 - sp.tanh(u) ** 2) ** 2)]
    assert S.derivative(0) == 1
    assert S.derivative(1) == q * mean[1] / mean[0]
    assert S.order == 2
    assert sl.dual(act.tanh).at_one(1).check().passed
    assert sl.dual(act.elu).at_one(2).order == sp.Rational(5, 2)


@pytest.mark.parametrize("wrong", ["coefficient", "power", "omitted", "polynomial"])
def test_negative_control(wrong: str) -> None:
    """A series that is off in one place fails its check."""
    S = sl.dual(act.relu).at_one(2)
    terms, omitted = dict(S.terms), S.omitted
    assert omitted is not None
    three_halves = sp.Rational(3, 2)
    if wrong == "coefficient":
        terms[three_halves] *= sp.Rational(1001, 1000)
    elif wrong == "power":
        terms[sp.Integer(2)] = terms.pop(three_halves)
    elif wrong == "omitted":
        omitted = (omitted[0], 2 * omitted[1])
    else:
        omitted = None
    assert replace(S, terms=tuple(terms.items()), omitted=omitted).check().passed is False


def test_a_value_that_is_missing_fails() -> None:
    S = sl.dual(act.relu).at_one(1)
    broken = check_expansion(S.line, S.variable, sp.log(S.gap - 2), S.gap, S.remainder, S.domain)
    assert broken.passed is False


def test_bound_values_and_words() -> None:
    S = sphere(act.erf, "sigma_w", 1).bind(sigma_w=1, q="1/2").at_one(1)
    assert not S.expr.free_symbols - {S.gap}
    assert S.latex().endswith(r"\delta = 1 - \rho")
    assert r"O\left(\epsilon^{2}\right)" in S.latex({"delta": r"\epsilon"})
    assert "expansion at rho = 1" in S.explain()
    assert str(S) in S.explain()
    assert S._repr_latex_().startswith("$")
    assert pickle.loads(pickle.dumps(S)) == S
    assert hash(S) == hash(pickle.loads(pickle.dumps(S)))
    linear = sl.dual(act.linear).at_one(2)
    assert (linear.remainder, linear.order, linear.derivative(1), linear.derivative(7)) == (0, sp.oo, q, 0)
    assert str(linear) == "T(q, q, q rho) = q - delta*q, delta = 1 - rho"


def test_a_parameter_named_delta_keeps_its_name() -> None:
    S = sl.dual(act.leaky_relu("delta")).at_one(1)
    assert S.gap.name == "epsilon"
    assert S.check().passed


@pytest.mark.parametrize("order", [-1, "1/3", 1000, "x", float("inf")])
def test_orders_that_are_refused(order: object) -> None:
    with pytest.raises(sl.SymlimitsError):
        sl.dual(act.relu).at_one(order)


def test_what_has_no_expansion() -> None:
    with pytest.raises(sl.errors.NoRule, match="sphere map or a dual"):
        sl.nngp(sl.mlp(2, act.relu)).at_one()
    with pytest.raises(sl.errors.NoRule, match="sphere map or a dual"):
        sl.limit("a**2").at_one()
    with pytest.raises(sl.errors.NoRule, match=r"at_one\(3\)"):
        sl.dual(act.erf).at_one(1).derivative(3)
    with pytest.raises(sl.errors.DomainError, match="k = -1"):
        sl.dual(act.erf).at_one(1).derivative(-1)
