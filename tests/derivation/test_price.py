"""The derived closed forms against quadrature, line by line, and against what must hold exactly."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import sympy as sp
from mpmath import mp, mpf

from symlimits.derivation import price as price_module
from symlimits.derivation.collect import collect
from symlimits.derivation.price import (
    c,
    derive,
    derive_lines,
    differentiated,
    gaussian_integrals,
    integrate,
    p,
    price,
    q,
)
from symlimits.derivation.terms import terms
from symlimits.errors import DomainError, NoRule
from symlimits.language.activation import Activation, x
from symlimits.language.expectation import GaussianExpectation, pair_expectation
from symlimits.reading.quadrature import gaussian_mean
from symlimits.reading.reference import reference

u, v = sp.symbols("u v", real=True)
alpha = sp.Symbol("alpha", positive=True)
HALF = sp.Rational(1, 2)
PARAMETERS = {alpha: sp.Rational(1, 5)}

POLYNOMIAL = {"linear": x, "cubic": 1 + 2 * x + 3 * x**3}
KINKED = {
    "step": sp.Heaviside(x, HALF),
    "sign": sp.sign(x),
    "relu": sp.Max(x, 0),
    "leaky relu": sp.Max(x, 0) + alpha * sp.Min(x, 0),
    "absolute": sp.Abs(x),
    "relu squared": sp.Max(x, 0) ** 2,
    "relu cubed": sp.Max(x, 0) ** 3,
    "sin and relu": sp.sin(x) + sp.Max(x, 0),
    "relu squared and relu": sp.Max(x, 0) ** 2 + sp.Max(x, 0),
}
SMOOTH = {
    "erf": sp.erf(x),
    "normal cdf": (1 + sp.erf(x / sp.sqrt(2))) / 2,
    "gelu": x * (1 + sp.erf(x / sp.sqrt(2))) / 2,
    "x erf": x * sp.erf(x),
    "exp": sp.exp(x),
    "sin": sp.sin(x),
    "cos": sp.cos(x),
    "gaussian": sp.exp(-(x**2)),
    "gabor": sp.exp(-(x**2)) * sp.sin(x),
    "rbf": sp.sin(x) + sp.cos(x),
    "odd gaussian": x * sp.exp(-(x**2) / 2),
    "erf and linear": sp.erf(x) + x / 10,
    "shifted sin": sp.sin(2 * x + 1),
}
ALL = POLYNOMIAL | KINKED | SMOOTH
every = pytest.mark.parametrize("phi", [pytest.param(phi, id=name) for name, phi in ALL.items()])

TOLERANCE = mpf("1e-15")  # relative to sqrt(T(p,p,p) T(q,q,q)); both sides are known to 17 digits or more


def head_of(phi: sp.Expr, *covariance: sp.Expr) -> GaussianExpectation:
    return pair_expectation(phi.subs(x, u) * phi.subs(x, v), u, v, *(covariance or (p, q, c)))


def closed_form(phi: sp.Expr) -> sp.Expr:
    return derive(head_of(phi))[-1].expr


def at(p_value: object, q_value: object, rho: object) -> dict[sp.Symbol, sp.Expr]:
    P, Q, r = map(sp.Rational, (p_value, q_value, rho))
    return {p: P, q: Q, c: r * sp.sqrt(P * Q), **PARAMETERS}


def size(phi: sp.Expr, point: dict[sp.Symbol, sp.Expr]) -> mpf:
    """sqrt(T(p,p,p) T(q,q,q)), the scale of T, from one-dimensional quadrature."""
    squares = [GaussianExpectation(phi.subs(x, u) ** 2, (u,), [[variance]]) for variance in (p, q)]
    return mp.sqrt(reference(squares[0], point, 6) * reference(squares[1], point, 6))


def discrepancy(one: sp.Expr, other: sp.Expr, phi: sp.Expr, point: dict[sp.Symbol, sp.Expr], digits: int = 30) -> mpf:
    with mp.workdps(digits):
        return abs(reference(one, point, digits) - reference(other, point, digits)) / size(phi, point)


@every
def test_last_line_against_quadrature(phi: sp.Expr) -> None:
    trace = derive(head_of(phi))
    assert len(trace) > 1
    for rho in (HALF, 1, -1):
        assert discrepancy(trace[0].expr, trace[-1].expr, phi, at("3/2", "2/5", rho), digits=17) < TOLERANCE


@pytest.mark.slow
@every
@pytest.mark.parametrize("pair", [(7, "1/2")], ids=str)
def test_last_line_on_the_whole_grid(phi: sp.Expr, pair: tuple[object, object]) -> None:
    for rho in (1, -1, 0, HALF, "-9/10", 1 - sp.Rational(1, 10**14)):
        point = at(*pair, rho)
        assert discrepancy(head_of(phi), closed_form(phi), phi, point) < TOLERANCE, rho


@pytest.mark.parametrize(("name", "term"), [("relu", -1), ("gelu", 0), ("gabor", 0), ("cubic", 2)])
def test_a_wrong_coefficient_is_seen(name: str, term: int) -> None:
    phi, last = ALL[name], closed_form(ALL[name])
    parts = list(sp.Add.make_args(last))
    parts[term] *= 1 + sp.Rational(1, 10**10)
    assert discrepancy(head_of(phi), sp.Add(*parts), phi, at("3/2", "2/5", HALF)) > 100 * TOLERANCE


@pytest.mark.parametrize(
    "name", ["step", "relu", "leaky relu", "relu squared", pytest.param("erf", marks=pytest.mark.slow)]
)
def test_every_line_equals_the_next(name: str) -> None:
    lines_agree(ALL[name], at("3/2", "2/5", "-3/5"))


@pytest.mark.slow
@every
def test_every_line_of_every_activation_equals_the_next(phi: sp.Expr) -> None:
    for point in (at("3/2", "2/5", "-3/5"), at(1, 4, "7/10")):
        lines_agree(phi, point)


def lines_agree(phi: sp.Expr, point: dict[sp.Symbol, sp.Expr]) -> None:
    trace = derive(head_of(phi))
    values = [reference(line.expr, point, 12) for line in trace]
    for (upper, lower), line in zip(pairwise(values), trace[1:], strict=True):
        assert abs(upper - lower) < mpf("1e-11") * size(phi, point), line.rule  # 12 digits asked for


def vanishes(expr: sp.Expr) -> bool:
    """A symbolic zero: in order, and all waves as exponentials, every coefficient vanishes."""
    return collect(expr.rewrite((sp.sinh, sp.cosh), sp.exp)) == 0


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name == "gabor" else ()) for name in POLYNOMIAL | SMOOTH]
)
def test_the_slope_in_c_is_the_dual_of_the_derivative(name: str) -> None:
    phi = ALL[name]
    slope, dual = closed_form(phi).diff(c), closed_form(Activation(phi).derivative().expr)
    assert vanishes(slope - dual)


def test_a_wrong_slope_is_seen() -> None:
    slope, dual = closed_form(ALL["erf"]).diff(c), closed_form(Activation(ALL["erf"]).derivative().expr)
    assert not vanishes(slope - dual * (1 + sp.Rational(1, 10**6)))


@pytest.mark.parametrize(
    "name", ["relu", "leaky relu", "absolute", "relu squared", "relu cubed", "relu squared and relu"]
)
def test_the_same_for_kinks(name: str) -> None:
    phi = ALL[name]
    difference = closed_form(phi).diff(c) - closed_form(Activation(phi).derivative().expr)
    for point in (at("3/2", "2/5", "-3/5"), at(1, 4, "7/10")):
        assert abs(reference(difference, point, 30)) < mpf("1e-28")


@every
def test_the_diagonal_is_the_second_moment(phi: sp.Expr) -> None:
    last = closed_form(phi)
    diagonal = last.subs({q: p, c: p}, simultaneous=True)
    assert not diagonal.has(sp.nan, sp.zoo, sp.oo)
    moment = GaussianExpectation(phi.subs(x, u) ** 2, (u,), [[p]])
    for variance in (sp.Rational(1, 100), sp.Rational(7, 3)):
        point = {p: variance, **PARAMETERS}
        with mp.workdps(20):
            assert abs(reference(diagonal, point, 20) / reference(moment, point, 20) - 1) < TOLERANCE


@every
def test_symmetry(phi: sp.Expr) -> None:
    last = closed_form(phi)
    swapped = last.subs({p: q, q: p}, simultaneous=True)
    assert abs(reference(swapped - last, at("3/2", "2/5", "-3/5"), 30)) < mpf("1e-28")


@every
def test_without_correlation_the_means_multiply(phi: sp.Expr) -> None:
    point = at("3/2", "2/5", 0)
    means = [GaussianExpectation(phi.subs(x, u), (u,), [[variance]]) for variance in (p, q)]
    assert discrepancy(closed_form(phi).subs(c, 0), means[0] * means[1], phi, point, digits=17) < TOLERANCE


@pytest.mark.slow
def test_no_integration_by_sympy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*args: object, **options: object) -> None:
        raise AssertionError("sympy.integrate")

    monkeypatch.setenv("SYMLIMITS_CACHE_DIR", str(tmp_path))  # no line from disk
    monkeypatch.setattr(sp, "integrate", forbidden)
    monkeypatch.setattr(sp.Integral, "doit", forbidden)
    monkeypatch.setattr(sp.Integral, "_eval_integral", forbidden)
    for cached in (derive, price_module._pair_integral, terms):
        cached.cache_clear()
    assert all(len(derive(head_of(phi))) > 1 for phi in ALL.values())


TANH, HARD_TANH = sp.tanh(x), sp.Max(-1, sp.Min(1, x))
ELU = sp.Piecewise((x, x > 0), (sp.exp(x) - 1, True))


@pytest.mark.parametrize(
    "phi", [TANH, HARD_TANH, ELU, sp.erf(x) ** 2, 1 / (1 + sp.exp(-x)), sp.log(1 + sp.exp(x))], ids=str
)
def test_without_a_closed_form_the_definition_is_the_only_line(phi: sp.Expr) -> None:
    assert [line.expr for line in derive(head_of(phi))] == [head_of(phi)]


def test_two_different_functions() -> None:
    head = pair_expectation(sp.Max(u, 0) * sp.erf(v), u, v, p, q, c)
    trace = derive(head)
    assert len(trace) > 1
    assert abs(reference(head - trace[-1].expr, at(2, 3, "2/3"), 15)) < mpf("1e-14")


def test_exponentials_that_sympy_merges() -> None:
    for integrand in (sp.exp(u) * sp.exp(v), sp.exp(-(u**2 + v**2) / 2), u * sp.exp(-((u - 1) ** 2)) * sp.exp(v)):
        trace = derive(pair_expectation(integrand, u, v, p, q, c))
        assert len(trace) > 1
        point = at(1, "1/2", HALF)
        with mp.workdps(25):
            assert abs(reference(trace[0].expr, point, 25) / reference(trace[-1].expr, point, 25) - 1) < mpf("1e-22")


def test_any_covariance() -> None:
    rho = sp.Symbol("rho", real=True)
    closed = derive(head_of(sp.Abs(x), sp.S.One, sp.S.One, rho))[-1].expr
    assert sp.simplify(closed - 2 * (rho * sp.asin(rho) + sp.sqrt(1 - rho**2)) / sp.pi) == 0
    whole = derive_lines(1 + 2 * head_of(sp.Max(x, 0), 2 * p, 2 * p, 2 * p))
    assert whole[-1].expr == 1 + 2 * p
    assert derive(head_of(x, p, p, sp.S.Zero))[-1].expr == 0


@pytest.mark.parametrize("name", ["p", "q", "c", "s", "t", "x"])
def test_names_of_parameters_do_not_collide(name: str) -> None:
    """A parameter called like a bound variable, or like the symbols that the rules work in, stays itself."""
    a, P, Q, C = sp.Symbol(name, positive=True), *sp.symbols("P Q", positive=True), sp.Symbol("C", real=True)
    for phi in (sp.Max(x, 0) + a * sp.Min(x, 0), sp.erf(a * x), sp.exp(-a * x**2)):
        named, plain = (derive(head_of(f, P, Q, C)) for f in (phi, phi.subs(a, alpha)))
        assert [line.expr.subs(a, alpha) for line in named][-1] == plain[-1].expr
        assert len(named) == len(plain)


@pytest.mark.parametrize("pair", [("s", "t"), ("p", "q")], ids=str)
def test_names_of_variables_do_not_collide(pair: tuple[str, str]) -> None:
    names = sp.symbols(pair, real=True)
    head = pair_expectation(sp.erf(names[0]) * sp.erf(names[1]), *names, p, q, c)
    point = at("3/2", "2/5", "-3/5")
    trace = derive(head)
    assert trace[-1].expr == closed_form(sp.erf(x))
    (integral,) = trace[1].expr.atoms(sp.Integral)
    assert integral.limits[0][0] not in names
    assert abs(reference(trace[0].expr - trace[1].expr, point, 6)) < mpf("1e-6")


def test_the_derivative_of_a_pair() -> None:
    assert differentiated(head_of(sp.exp(x))) == head_of(sp.exp(x))
    assert differentiated(head_of(sp.Max(x, 0))).integrand == sp.Heaviside(u, HALF) * sp.Heaviside(v, HALF)
    with pytest.raises(DomainError, match="continuous"):
        differentiated(head_of(sp.sign(x)))
    with pytest.raises(NoRule, match="times a function"):
        differentiated(pair_expectation(sp.sin(u * v), u, v, p, q, c))


def test_rules_refuse_what_they_do_not_change() -> None:
    with pytest.raises(NoRule, match="applies to"):
        price(c + p)
    with pytest.raises(NoRule, match=r"rules\.price first"):
        gaussian_integrals(head_of(sp.Max(x, 0)))
    with pytest.raises(NoRule, match="times a function"):
        price(pair_expectation(sp.sin(u * v), u, v, p, q, c))
    with pytest.raises(NoRule, match="powers of s"):
        integrate(sp.Integral(sp.tanh(u), (u, 0, c)))
    step = price.step(head_of(sp.Max(x, 0)))
    assert (step.rule, step.source) == (price.name, price.source)


def test_one_variable() -> None:
    head = GaussianExpectation(x**4 * sp.erf(x) ** 0 + sp.Max(x, 0), (x,), [[p]])
    assert sp.simplify(gaussian_integrals(head) - 3 * p**2 - sp.sqrt(p / (2 * sp.pi))) == 0


def test_collecting_the_diagonal_is_the_identity_on_closed_forms() -> None:
    for phi in (ALL["gelu"], ALL["relu cubed"], ALL["erf and linear"]):
        last = closed_form(phi)
        assert abs(reference(collect(last) - last, at("3/2", "2/5", "-3/5"), 30)) < mpf("1e-28")


def test_the_oracle_does_not_know_the_closed_form() -> None:
    """Quadrature by hand: Gauss-Hermite, 10 digits."""
    import numpy as np

    z, w = np.polynomial.hermite_e.hermegauss(60)
    first, second = np.sqrt(1.5) * z[:, None], np.sqrt(0.4) * (0.5 * z[:, None] + np.sqrt(0.75) * z[None, :])
    from scipy.special import erf

    value = (w[:, None] * w[None, :] * erf(first) * erf(second)).sum() / (2 * np.pi)
    with mp.workdps(20):
        covariance = [[mpf("1.5"), mp.sqrt("0.6") / 2], [mp.sqrt("0.6") / 2, mpf("0.4")]]
        assert abs(gaussian_mean(sp.erf(u) * sp.erf(v), (u, v), covariance) - value) < 1e-9
