"""The unevaluated expectation: its symbols, substitution, and differentiation by Price's theorem."""

from __future__ import annotations

import pytest
import sympy as sp
from mpmath import mp, mpf

from symlimits.errors import DomainError
from symlimits.language.expectation import GaussianExpectation, pair_expectation, separated
from symlimits.reading.reference import reference

u, v = sp.symbols("u v", real=True)
p, q, alpha = sp.symbols("p q alpha", positive=True)
c = sp.Symbol("c", real=True)
HALF = sp.Rational(1, 2)


def test_parts() -> None:
    head = pair_expectation(alpha * u * sp.tanh(v), u, v, p, q, c)
    assert head.integrand == alpha * u * sp.tanh(v)
    assert head.variables == (u, v)
    assert head.covariance == sp.Matrix([[p, c], [c, q]])
    assert head.free_symbols == {alpha, p, q, c}
    assert head.bound_symbols == [u, v]
    assert head.is_real
    assert head.func(*head.args) == head


@pytest.mark.parametrize("covariance", [[[p]], [[p, c], [-c, q]], [[p, c]], [[p, c, 0], [c, q, 0], [0, 0, 1]]])
def test_the_covariance_must_fit(covariance: object) -> None:
    with pytest.raises(DomainError, match="symmetric matrix"):
        GaussianExpectation(u * v, (u, v), covariance)


def test_variables_may_come_from_a_generator() -> None:
    assert GaussianExpectation(u, (w for w in (u,)), [[p]]) == GaussianExpectation(u, (u,), [[p]])


def test_substitution_leaves_bound_variables_alone() -> None:
    head = pair_expectation(alpha * u * v, u, v, p, q, c)
    assert head.subs(u, 3) == head
    assert head.subs({p: 1, c: q}) == pair_expectation(alpha * u * v, u, v, sp.S.One, q, q)
    assert head.subs(alpha, 2).integrand == 2 * u * v
    assert (u + head).subs(u, 1) == 1 + head


def test_substitution_does_not_capture() -> None:
    """A new symbol that is called like a bound variable stays free: the bound one is renamed."""
    head = GaussianExpectation(alpha * u**2, (u,), [[p]]).subs(alpha, u)
    assert head.free_symbols == {u, p}
    assert reference(head, {u: sp.S(7), p: sp.S(3)}, 15) == 21
    inside = GaussianExpectation(u**2, (u,), [[p]]).subs(p, u)
    assert reference(inside.subs(u, 5), {}, 15) == 5


def test_derivative_in_the_covariance() -> None:
    head = pair_expectation(sp.sin(u) * v**3, u, v, p, q, c)
    assert head.diff(c) == pair_expectation(3 * sp.cos(u) * v**2, u, v, p, q, c)
    assert head.diff(q) == pair_expectation(6 * sp.sin(u) * v, u, v, p, q, c) / 2
    assert head.diff(u) == 0
    assert head.diff(alpha) == 0


KINKED = sp.Piecewise((u, u > 0), (alpha * u, True))


PAIRS = [
    sp.tanh(alpha * u) * sp.exp(-(v**2)),
    KINKED * sp.cos(v),
    sp.Piecewise((1, u > alpha), (0, True)) * sp.sin(v),
    sp.Max(u, 0) * sp.Max(v, 0),
    sp.Abs(u - HALF) * sp.sin(v),
    KINKED * KINKED.subs(u, v),
    sp.sign(u) * sp.erf(v),
]
t = sp.Symbol("t", real=True)


@pytest.mark.parametrize(
    ("integrand", "parameter"), [*((pair, t) for pair in PAIRS), *((pair, alpha) for pair in PAIRS[:3])], ids=str
)
def test_derivative_is_the_slope(integrand: sp.Expr, parameter: sp.Symbol) -> None:
    """By central differences; t moves the whole covariance, alpha the integrand (in the third its jump)."""
    head = pair_expectation(integrand, u, v, p + t**2 / 2, q + t, c + p * t / 5)
    point = {p: sp.Rational(3, 2), q: sp.Rational(4, 5), c: HALF, alpha: sp.Rational(1, 3), t: sp.Rational(1, 10)}
    h = sp.Rational(1, 1000)
    with mp.workdps(20):
        ends = [reference(head, point | {parameter: point[parameter] + k * h}, 10) for k in (-1, 1)]
        # the square of the step, times a third derivative
        assert abs(reference(head.diff(parameter), point, 8) - (ends[1] - ends[0]) * 500) < mpf("2e-6")


def test_separated() -> None:
    assert separated(alpha * sp.sin(u) * sp.cos(v), u, v) == (alpha * sp.sin(u), sp.cos(v), 1)
    assert separated(sp.exp(u + v - 1), u, v) == (sp.exp(-1) * sp.exp(u), sp.exp(v), 1)
    assert separated(sp.exp(-((u - v) ** 2)), u, v) == (sp.exp(-(u**2)), sp.exp(-(v**2)), sp.exp(2 * u * v))
    assert separated(sp.Max(u, v) * 2, u, v) == (2, 1, sp.Max(u, v))


def test_it_prints_in_words_and_is_stored_as_before() -> None:
    head = pair_expectation(u * v, u, v, p, q, c)
    assert str(head) == repr(head) == "E[u*v; var u = p, var v = q, cov = c]"
    assert str(GaussianExpectation(u, (u,), [[p]])) == "E[u; var u = p]"
    assert sp.srepr(head).startswith("GaussianExpectation(")
