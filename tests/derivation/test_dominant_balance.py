"""What an iterated map leaves at large depth: reference values against maps solved exactly, and the rules."""

from __future__ import annotations

import pytest
import sympy as sp
from mpmath import mp

from symlimits.certify import check_lines
from symlimits.derivation.dominant_balance import departure, dominant_balance, expansion, linear_balance
from symlimits.derivation.trace import Step
from symlimits.errors import DomainError, NoRule
from symlimits.language.algebraic_decay import AlgebraicDecay
from symlimits.language.domain import POSITIVE, Domain
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.tree import from_tree, to_tree
from symlimits.reading.latex import latex
from symlimits.reading.reference import reference

x, k = sp.symbols("x k", positive=True)
u = sp.Symbol("u", real=True)
# maps with solutions: 1/x, 1/sqrt(x) and 1/x^2 grow by a constant at each layer
SOLVED = {
    "smooth": (AlgebraicDecay(x, x, x / (1 + k * x)), 1 / k),
    "kinked": (AlgebraicDecay(sp.sqrt(x), x, 1 / (1 / sp.sqrt(x) + k) ** 2), 1 / k),
    "flat": (AlgebraicDecay(x**2, x, x / sp.sqrt(1 + k * x**2)), 1 / k),
    "observed": (AlgebraicDecay(1 - sp.exp(-3 * x), x, x / (1 + k * x)), 3 / k),
    "sine": (AlgebraicDecay(x**2, x, sp.sin(k * x) / k), 3 / k**2),  # x_l ~ sqrt(3/l)/k: de Bruijn 1958
}


@pytest.mark.parametrize("name", SOLVED)
def test_values_and_rules(name: str) -> None:
    limit, known = SOLVED[name]
    for at in (sp.Rational(2, 3), sp.Integer(5)):
        assert abs(reference(limit, {k: at}, 25) / known.subs(k, at).evalf(30) - 1) < 1e-25
    lines = [expansion.rewrite(limit)] if name != "sine" else [limit]
    found = dominant_balance(lines[0])
    assert sp.simplify(found - known) == 0
    trace = [Step(limit, "definition", ""), *(Step(line, "", "") for line in (*lines, found))]
    assert check_lines(trace, Domain({k: POSITIVE})).passed
    for wrong in (found * sp.Rational(1001, 1000), found * (1 + k / 10**6), 1 / found):
        control = check_lines((trace[0], Step(wrong, "wrong", "")), Domain({k: POSITIVE}))
        assert control.passed is False


def test_an_expectation_of_small_variance_is_a_series() -> None:
    r"""$\mathbb E\tanh(u)^2 = q - 2q^2 + \dots$: without closed form."""
    image = GaussianExpectation(sp.tanh(u) ** 2, (u,), [[x]])
    assert departure(image, x) == (2, -2)
    assert dominant_balance(AlgebraicDecay(x, x, image)) == sp.Rational(1, 2)
    kinked = GaussianExpectation(sp.Piecewise((u, u > 0), (sp.exp(u) - 1, True)) ** 2, (u,), [[x]])
    with pytest.raises(NoRule, match="smooth at zero"):
        departure(kinked, x)


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (AlgebraicDecay(x, x, x / 2), "exponential"),
        (AlgebraicDecay(x, x, x), "the identity"),
        (AlgebraicDecay(x, x, x + x**2), "takes away"),
        (AlgebraicDecay(x, x, x - x**3), "falls like"),
    ],
)
def test_refusals(limit: AlgebraicDecay, said: str) -> None:
    with pytest.raises(NoRule, match=said):
        dominant_balance(limit)


def test_values_that_are_missing() -> None:
    with pytest.raises(NoRule, match="algebraic decay"):
        reference(AlgebraicDecay(x, x, x), {}, 20)
    pair = GaussianExpectation(sp.tanh(u) ** 2, (u,), [[x]])
    with pytest.raises(NoRule, match="closed form"):
        reference(AlgebraicDecay(x, x, pair), {}, 20)
    with pytest.raises(DomainError, match="positive symbol"):
        AlgebraicDecay(u, u, u)


def test_bound_letters() -> None:
    limit = AlgebraicDecay(x, x, x - k * x**2)
    assert limit.free_symbols == {k}
    assert limit.subs(x, 5) == limit
    assert limit.subs(k, 2) == AlgebraicDecay(x, x, x - 2 * x**2)
    captured = limit.subs(k, x)
    assert captured.free_symbols == {x}
    assert abs(reference(captured, {x: 4}, 20) - mp.mpf(1) / 4) < 1e-20
    assert from_tree(to_tree(limit)) == limit
    assert latex(limit) == (
        r"\lim_{\ell \to \infty} \left[\ell \, x_{\ell}\right], \quad \text{where} \quad \begin{aligned}" + "\n"
        r"x_{\ell + 1} &= x_{\ell} - k x_{\ell}^{2}" + "\n" + r"\end{aligned}"
    )


@pytest.mark.parametrize("kappa", [0.0, 2.0, 3.0])
def test_a_linear_recursion_grows_as_balanced(kappa: float) -> None:
    """Against iteration; off by (log l)/l."""
    y = 0.0
    for depth in range(1, 4001):
        y = 1.0 + y - min(1.0, kappa / depth) * y
    derived = float(linear_balance(sp.Float(kappa), sp.S.One))
    assert y / 4000 == pytest.approx(derived, rel=3e-3)
    assert y / 4000 != pytest.approx(derived * 1.02, rel=3e-3)
