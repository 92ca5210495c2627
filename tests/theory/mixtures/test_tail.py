"""Tails of output laws: the known exponents, that ratios tend to 1, and that other exponents are found out."""

from __future__ import annotations

import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.saddle import Exponent, stirling
from symlimits.theory.mixtures.tail import Tail

s = sp.Symbol("s", positive=True)


@pytest.mark.parametrize("widths", [(1,), (2,), (5, 3, 4), (100,) * 3])
def test_the_exponent_of_finite_widths(widths: tuple[int, ...]) -> None:
    r"""$(L + 1)(s^2/2cK)^{1/(L+1)}$ with $c = \prod 2/N_l$."""
    L, K, c = len(widths), sp.Rational(2, 3), sp.Mul(*(sp.Rational(2, N) for N in widths))
    found = sl.output_law(widths=widths, covariance=K).tail.expr
    assert sp.simplify(found / ((L + 1) * (s**2 / (2 * c * K)) ** sp.Rational(1, L + 1))) == 1


def test_the_exponent_of_the_limit() -> None:
    r"""$aw^2 + w$ at $2aw = W(as^2e^{2a})$: the saddle in log q, found by another way in the theory."""
    a = sp.Symbol("a", positive=True)
    found = sl.output_law(ratio=a).tail
    w = found.exponent.stationary
    assert sp.simplify(2 * a * w - sp.LambertW(a * s**2 * sp.exp(2 * a))) == 0
    assert sp.simplify(found.expr - (a * w**2 + w)) == 0


LAWS = [{"widths": (1,), "covariance": "2/3"}, {"ratio": "1/2"}]
MORE = [{"widths": (5, 3, 4)}, {"widths": (100,) * 50}, {"ratio": 3}, {"ratio": "1/100"}]
RECTIFIED = {"ratio": "1/2", "activation": act.relu}


@pytest.mark.parametrize(
    "law", [*LAWS, *(pytest.param(x, marks=pytest.mark.slow) for x in (*MORE, RECTIFIED))], ids=str
)
def test_ratios_tend_to_one(law: dict[str, object]) -> None:
    found = sl.output_law(**law).tail.check()
    assert found.passed, found.summary


class Wrong(Tail):
    """A tail whose leading term has another factor."""

    @property
    def expr(self) -> sp.Expr:
        return super().expr * sp.Rational(11, 10)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_another_factor_is_found_out(law: dict[str, object]) -> None:
    assert not Wrong(sl.output_law(**law).density).check().passed


def test_another_power_is_found_out() -> None:
    """The tail of one layer for the density of two."""
    one, two = (sl.output_law(widths=widths) for widths in ((2,), (2, 2)))
    mixed = Wrong(two.density)
    object.__setattr__(mixed, "exponent", one.tail.exponent)  # what is cached of it
    assert not mixed.check().passed


def test_lines() -> None:
    found = sl.output_law(widths=(2,)).tail
    assert [step.rule for step in found.trace] == [
        "definition", "saddle point", "Stirling's formula", "stationary point"
    ]  # fmt: skip
    assert found.trace[-1].expr == sp.sqrt(2) * s  # of Laplace's law, exp(-sqrt(2) s)/sqrt(2)
    text = found.latex()
    assert text.startswith(r"\begin{align*}")
    assert text.count("{") == text.count("}")
    assert r"&= \sqrt{2} s" in text


def test_stationary_points_are_stationary() -> None:
    w, Z = sp.symbols("w Z", positive=True)
    for A in (sp.S.Zero, sp.Rational(1, 3)):
        exponent = Exponent(sp.Integer(3), A, -sp.log(Z), w)
        slope = exponent.expr.diff(w).subs(w, exponent.stationary).subs(Z, 7)
        value = exponent.expr.subs(w, exponent.stationary).subs(Z, 7)
        assert abs(slope.evalf(30)) < 1e-28
        assert abs((value - exponent.value.subs(Z, 7)).evalf(30)) < 1e-28


def test_what_has_no_tail_is_refused() -> None:
    w = sp.Symbol("w")
    with pytest.raises(sl.errors.NoRule, match="hidden layers"):
        _ = sl.output_law(widths=()).tail.expr
    with pytest.raises(sl.errors.NoRule, match="without end"):
        stirling(sl.LineIntegral(sp.gamma(w) * s**-w, w, (0, 1)))
    with pytest.raises(sl.errors.NoRule, match="linear network"):
        stirling(sl.LineIntegral(sp.gamma(2 * w) * s**-w, w, (0, sp.oo)))
    with pytest.raises(sl.SymlimitsError):
        _ = sl.output_law(widths=(3,), activation=act.relu).tail.expr
    with pytest.raises(sl.errors.DomainError):
        _ = sl.output_law(ratio=1, outputs=2).tail
    with pytest.raises(sl.errors.DomainError, match="too far out"):
        sl.output_law(widths=(1,)).log_pdf(1e100)
