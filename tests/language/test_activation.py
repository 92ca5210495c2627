"""What follows from the formula of an activation."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import sympy as sp

from symlimits.derivation.terms import terms
from symlimits.errors import DomainError, FormulaError
from symlimits.language.activation import Activation, activation, x

HALF = sp.Rational(1, 2)
alpha = sp.Symbol("alpha", positive=True)
ELU = sp.Piecewise((x, x > 0), (sp.exp(x) - 1, True))
HARD_TANH = sp.Max(-1, sp.Min(1, x))

PROPERTIES = [  # formula, kinks, parity, degree, discontinuities, growth
    ("3", (), "even", 0, (), 0),
    ("x", (), "odd", 1, (), 0),
    ("x**3 - x", (), "odd", None, (), 0),
    ("2*x**3", (), "odd", 3, (), 0),
    ("max(x, 0)", (0,), None, 1, (), 0),
    ("max(x, 0)**2", (0,), None, 2, (), 0),
    ("max(x, 0)**2 + max(x, 0)", (0,), None, None, (), 0),
    ("abs(x)", (0,), "even", 1, (), 0),
    ("abs(x)*x", (0,), "odd", 2, (), 0),
    ("sign(x)", (0,), "odd", 0, (0,), 0),
    ("Heaviside(2*x - 1)", (HALF,), None, None, (HALF,), 0),
    ("step(x)", (0,), None, 0, (0,), 0),
    ("max(-1, min(1, x))", (-1, 1), "odd", None, (), 0),
    ("abs(abs(x) - 1)", (-1, 0, 1), "even", None, (), 0),
    ("tanh(x)", (), "odd", None, (), 0),
    ("x*normal_cdf(x)", (), None, None, (), 0),
    ("sin(x) + cos(x)", (), None, None, (), 0),
    ("exp(x)", (), None, None, (), 0),
    ("exp(-x**2)*sin(x)", (), "odd", None, (), 0),
    ("log(1 + exp(x))", (), None, None, (), 0),
    ("1/(1 + exp(-x))", (), None, None, (), 0),
    ("exp(x**2)", (), "even", None, (), 1),
    ("exp(x**2/8)", (), "even", None, (), sp.Rational(1, 8)),
    ("erf(x)*exp(x**2/3)", (), "odd", None, (), sp.Rational(1, 3)),
    ("cosh(x**2/9)", (), "even", None, (), sp.Rational(1, 9)),
    ("cosh(x**2/9)/(1 + x**2)", (), "even", None, (), sp.Rational(1, 9)),
    ("sinh(100*x)/(1 + x**2)", (), "odd", None, (), 0),
    ("exp(x**2 - x**4)", (), "even", None, (), 0),
    ("exp(-abs(x)**3)", (0,), "even", None, (), 0),
    ("x**2*exp(x**2/5) + exp(x**2/7)", (), "even", None, (), sp.Rational(1, 5)),
]


@pytest.mark.parametrize(
    ("formula", "kinks", "parity", "degree", "jumps", "growth"), PROPERTIES, ids=lambda v: str(v)[:25]
)
def test_properties(formula: str, kinks: object, parity: object, degree: object, jumps: object, growth: object) -> None:
    phi = activation(formula)
    assert (phi.kinks, phi.parity, phi.degree, phi.discontinuities, phi.growth) == (
        kinks,
        parity,
        degree,
        jumps,
        growth,
    )


def test_growth_on_one_side_only() -> None:
    assert activation("max(x, 0) * exp(x**2/6)").growth == sp.Rational(1, 6)
    assert Activation(sp.Piecewise((sp.exp(x**3), x < 0), (1 + x, True))).growth == 0


@pytest.mark.parametrize("formula", ["exp(x**3)", "exp(-x**3)", "exp(x**4)", "exp(exp(x))", "exp(abs(x)**3)"])
def test_too_fast(formula: str) -> None:
    with pytest.raises(DomainError, match="finite Gaussian second moment"):
        activation(formula)


def test_refused() -> None:
    with pytest.raises(FormulaError, match="symbols a, x"):
        activation("a*x")
    with pytest.raises(FormulaError, match="name rellu alone"):
        activation("rellu")
    with pytest.raises(FormulaError, match="Dirac"):
        activation(sp.DiracDelta(x))
    t = sp.Symbol("t", real=True)
    with pytest.raises(FormulaError, match="parameter named x"):
        activation(sp.Symbol("x", positive=True) * t, symbol=t)


def test_the_symbol_may_have_any_name() -> None:
    t = sp.Symbol("t")
    assert activation(sp.tanh(t)) == activation("tanh(x)")
    phi = activation(sp.erf(alpha * t), symbol=t)
    assert (phi(3), phi.parameters) == (sp.erf(3 * alpha), (alpha,))


def test_it_is_a_value() -> None:
    phi = activation("tanh(x)")
    assert activation(phi) is phi
    assert phi == activation("tanh(x)")
    assert hash(phi) == hash(activation("tanh(x)"))
    assert repr(phi) == "activation('tanh(x)')"
    assert "tanh" in phi._repr_latex_()


@pytest.mark.parametrize(
    ("expr", "slope"),
    [
        (sp.Max(x, 0), sp.Heaviside(x, HALF)),
        (sp.Abs(x), sp.sign(x)),
        (sp.Piecewise((x, x > 0), (alpha * x, True)), alpha + (1 - alpha) * sp.Heaviside(x, HALF)),
        (HARD_TANH, sp.Heaviside(x + 1, HALF) - sp.Heaviside(x - 1, HALF)),
        (sp.Max(x, 0) ** 2, 2 * x * sp.Heaviside(x, HALF)),
        (ELU, sp.Piecewise((sp.exp(x), x < 0), (1, True))),
        (sp.tanh(x), 1 - sp.tanh(x) ** 2),
    ],
    ids=str,
)
def test_derivative(expr: sp.Expr, slope: sp.Expr) -> None:
    phi = Activation(expr, "f")
    assert sp.expand(phi.derivative().expr - slope) == 0
    assert phi.derivative().name == "f'"
    for point in (-1.7, -0.3, 0.4, 2.1):
        numeric = (expr.subs(x, point + 1e-6) - expr.subs(x, point - 1e-6)) / 2e-6
        assert abs((phi.derivative()(point) - numeric).subs(alpha, 0.3)) < 1e-8


def test_derivative_at_a_kink_is_the_mean_of_both_sides() -> None:
    slope = Activation(sp.Piecewise((2 * x, x > 0), (sp.exp(x) - 1, True))).derivative()
    assert [slope(sp.S(k)) for k in (-1, 0, 1)] == [sp.exp(-1), sp.Rational(3, 2), 2]
    assert Activation(sp.Max(x, 0)).derivative()(sp.S.Zero) == HALF
    assert Activation(sp.Abs(x)).derivative()(sp.S.Zero) == 0


def test_derivative_far_out() -> None:
    """A branch that overflows is not computed, or not used, where another one holds."""
    slope = sp.lambdify(x, Activation(ELU).derivative().expr, "numpy")
    with np.errstate(over="ignore"):
        assert list(slope(np.array([-800.0, -1.0, 0.0, 800.0]))) == [0.0, np.exp(-1.0), 1.0, 1.0]
    exact = sp.lambdify(x, Activation(ELU).derivative().expr, "mpmath")
    assert exact(mpmath.mpf(10) ** 6) == 1


def test_derivative_twice() -> None:
    """A continuous derivative differentiates again; a jump does not."""
    square = Activation(sp.Max(x, 0) ** 2)
    assert square.derivative().derivative().expr == 2 * sp.Heaviside(x, HALF)
    with pytest.raises(DomainError, match="continuous"):
        square.derivative().derivative().derivative()
    assert Activation(ELU).derivative().derivative().discontinuities == (0,)


@pytest.mark.parametrize("formula", ["sign(x)", "step(x)", "step(x) + tanh(x)"])
def test_a_jump_has_no_derivative(formula: str) -> None:
    with pytest.raises(DomainError, match="continuous"):
        activation(formula).derivative()


def test_derivatives_are_terms_when_the_function_is() -> None:
    for expr in (sp.Max(x, 0), ELU, HARD_TANH, sp.Abs(x) ** 3, x * sp.erf(x), sp.Max(x, 0) + sp.sin(x)):
        assert terms(Activation(expr).derivative().expr, x)


def test_names_and_functions_instead_of_formulas() -> None:
    for name in ("relu", "gelu"):
        with pytest.raises(FormulaError, match=f"symlimits.activations.{name}"):
            activation(name)
    with pytest.raises(FormulaError, match=r"symlimits\.activations\.tanh"):
        activation(np.tanh)
