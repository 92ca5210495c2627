"""Compiled dual activations against their closed forms at 60 digits, ends of the domain included."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.price import c, p, q
from symlimits.errors import NoRule, UnboundSymbol
from symlimits.reading.kernel import ScalarKernel
from symlimits.reading.lower import conditioned, separated_differences, statements
from symlimits.reading.scalar_source import vectorized_source

DIGITS = 60
u = sp.Symbol("u", real=True)
ACTIVATIONS = {
    **{
        name: getattr(act, name)
        for name in ["linear", "relu", "absolute", "step", "sign", "erf", "normal_cdf", "gelu", "sin", "cos", "rbf"]
    },
    **{"exp": act.exp, "gaussian": act.gaussian, "leaky": act.leaky_relu("1/5"), "hermite": act.hermite(4)},
    **{"relu^2": act.relu_power(2), "relu^3": act.relu_power(3), "cubic": act.polynomial([1, 2, "1/2", "-1/3"])},
    **{"x erf": sl.activation("x*erf(x)"), "relu + x^2": sl.activation("max(x, 0) + x**2/10")},
    "erf + x": sl.activation("erf(x) + x/10"),
    "exp + relu": sl.activation("exp(x) + max(x, 0)"),
    "exp + erf": sl.activation("exp(x) + erf(x)"),
}
SMOOTH = [name for name in ACTIVATIONS if name not in ("step", "sign")]
GAPS = (0.0, 1e-16, 1e-14, 1e-9, 1e-5, 1e-3, 0.1, 0.5, 1.0)
VARIANCES = dict.fromkeys(
    ["exp", "exp + relu", "exp + erf"], (1e-3, 0.1, 1.0, 10.0)
)  # exp(p) leaves the range of floats soon
# A sum of a few terms, each of a few roundings, none larger than the diagonal: 4.2e-16 measured.
TOLERANCE = 4 * 2.0**-52
# exp(a) has the error of a in its last digits: a up to 20 here.
TOLERANCES = dict.fromkeys(VARIANCES, 20 * TOLERANCE)


def grid(variances: tuple[float, ...]) -> list[tuple[float, float, float]]:
    points = []
    for a in variances:
        for b in variances:
            for rho in [side * (1 - gap) for gap in GAPS for side in (1, -1)]:
                covariance = rho * math.sqrt(a) * math.sqrt(b)
                while Fraction(covariance) ** 2 > Fraction(a) * Fraction(b):
                    covariance = math.nextafter(covariance, 0.0)
                points.append((a, b, covariance))
    return points


def exact_values(expr: sp.Expr, points: list[tuple[float, float, float]]) -> list[mp.mpf]:
    """The closed form at the doubles given, kept from its singular end by less than they can say."""
    function = sp.lambdify((p, q, c), expr, "mpmath")
    with mp.workdps(DIGITS):
        values = []
        for a, b, covariance in points:
            bound = mp.sqrt(mp.mpf(a) * b) * (1 - mp.mpf(10) ** (2 - DIGITS))
            values.append(mp.re(function(mp.mpf(a), mp.mpf(b), max(-bound, min(bound, mp.mpf(covariance))))))
        return values


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dot", [False, True])
def test_compiled_dual(name: str, dot: bool) -> None:
    if dot and name not in SMOOTH:
        pytest.skip("no derivative")
    T = sl.dual(ACTIVATIONS[name])
    T = T.dot() if dot else T
    variances = VARIANCES.get(name, (1e-3, 0.1, 1.0, 40.0, 1e3))
    points = grid(variances)
    computed = T.compile()(*np.array(points).T)
    diagonal = dict(zip(variances, exact_values(T.expr, [(a, a, a) for a in variances]), strict=True))
    assert np.isfinite(computed).all()
    for value, truth, (a, b, covariance) in zip(computed, exact_values(T.expr, points), points, strict=True):
        size = mp.sqrt(diagonal[a] * diagonal[b])
        assert abs(value - truth) <= TOLERANCES.get(name, TOLERANCE) * size, (a, b, covariance)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_compiled_dual_against_quadrature(name: str) -> None:
    """One point a function, by the route that shares nothing with the derivation."""
    T = sl.dual(ACTIVATIONS[name])
    point = {p: sp.Rational(3, 4), q: sp.Rational(5, 4), c: sp.Rational(-1, 2)}
    truth = float(sl.limit(T.definition).bind(**{s.name: v for s, v in point.items()}).reference(digits=18))
    assert T(0.75, 1.25, -0.5) == pytest.approx(truth, rel=1e-14, abs=1e-15)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_zero_variance(name: str) -> None:
    """u = 0: T(0, q, 0) = phi(0) E phi(v), a number and not 0/0."""
    phi = ACTIVATIONS[name]
    at_zero = float(phi(sp.S.Zero))
    T = sl.dual(phi)
    mean = float(sl.limit(sl.GaussianExpectation(phi(u), (u,), [[2]])).reference(digits=17))
    kernel = T.compile()
    assert kernel(0.0, 0.0, 0.0) == pytest.approx(at_zero**2, abs=1e-15)
    assert kernel(0.0, 2.0, 0.0) == pytest.approx(at_zero * mean, rel=1e-14, abs=1e-15)
    assert kernel(2.0, 0.0, 0.0) == kernel(0.0, 2.0, 0.0)
    if name in SMOOTH:
        assert np.isfinite(T.dot().compile()([0.0, 0.0, 2.0], [0.0, 2.0, 0.0], 0.0)).all()


def test_covariance_that_rounding_has_carried_too_far() -> None:
    a, b = 1.1, 1.3
    beyond = np.nextafter(math.sqrt(a * b), 2)
    for name in ("relu", "step", "absolute", "relu^3"):
        T = sl.dual(ACTIVATIONS[name])
        assert T(a, b, beyond) == pytest.approx(float(T.reference(a, b, sp.sqrt(sp.Rational(143, 100)))), rel=1e-7)


def test_partly_bound_duals_keep_their_digits() -> None:
    """With p a number, 2 q - c^2 must not cancel either."""
    T = sl.dual(act.relu).bind(p=2)
    for gap in (1e-15, 1e-12, 1e-8, 0.5):
        second, covariance = 3.0, math.sqrt(6.0) * (1 - gap)
        (truth,) = exact_values(sl.dual(act.relu).expr, [(2.0, second, covariance)])
        assert abs(T(second, covariance) - truth) <= TOLERANCE * math.sqrt(6) / 2 * 2
    half = sl.dual(act.step).bind(p=1, q=1)
    for gap in (1e-15, 1e-8, 0.5, 2.0):
        (truth,) = exact_values(sl.dual(act.step).expr, [(1.0, 1.0, 1 - gap)])
        assert abs(half(1 - gap) - truth) <= TOLERANCE


def test_everything_bound_is_a_number() -> None:
    T = sl.dual(act.relu).bind(p=1, q=1, c="1/2")
    assert T() == pytest.approx(0.304498890522114679, rel=1e-15)
    assert T.compile()() == T()


def test_conditioned_has_no_difference_left_where_kernels_are_singular() -> None:
    for name in ("relu", "erf", "gelu", "step", "x erf"):
        expr = conditioned(sl.dual(ACTIVATIONS[name]).expr)
        for root in (node for node in expr.atoms(sp.Pow) if node.exp.q == 2 and node.has(c)):
            assert not any(term.could_extract_minus_sign() for term in sp.Add.make_args(root.base)), (name, root)


def test_differences_of_monomials() -> None:
    r, a = sp.Symbol("rho", real=True), sp.Symbol("a", positive=True)
    kernel = ScalarKernel(sp.sqrt(a**2 - a**2 * r**2) + sp.asin(r), (a, r))
    assert "difference_of_products" in kernel.source
    for gap in (1e-15, 1e-10, 0.3):
        rho = 1 - gap
        with mp.workdps(50):
            truth = 3 * mp.sqrt(1 - mp.mpf(rho) ** 2) + mp.asin(mp.mpf(rho))
        assert abs(kernel(3.0, rho) - truth) <= 4e-16 * truth
    untouched = sp.sqrt(1 + a) + sp.asin(a / (1 + a))
    assert separated_differences(untouched) == untouched


def test_array_shapes_and_types() -> None:
    T = sl.dual(act.relu)
    assert type(T(1, 2, 0.5)) is float
    assert T(np.ones((3, 1)), 2.0, [0.1, 0.2]).shape == (3, 2)
    assert T(np.ones(3, dtype=np.float32), 1, True).dtype == np.float64
    assert T("1", sp.Rational(2), "1/2") == T(1.0, 2.0, 0.5)
    assert T([], [], []).shape == (0,)


def test_kernel_prints_pickles_and_compares() -> None:
    kernel = sl.dual(act.erf).compile()
    copy = pickle.loads(pickle.dumps(kernel))
    assert copy == kernel
    assert repr(copy) == repr(kernel)
    assert "asin" in repr(kernel)
    assert copy.source == kernel.source
    assert copy(1.0, 2.0, 0.5) == kernel(1.0, 2.0, 0.5)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ((1.0, 2.0), sl.errors.DataError, "2 arguments"),
        ((1.0, 2.0, float("nan")), sl.errors.DataError, "c with NaN"),
        ((1.0, 2.0, "x"), UnboundSymbol, "x without a value"),
        ((1.0, 2.0, 1j), sl.errors.DataError, "a real number"),
        ((1.0, 2.0, [[1.0], [1.0, 2.0]]), sl.errors.DataError, "a real number"),
        ((1.0, 2.0, None), sl.errors.DataError, "a real number"),
    ],
)
def test_wrong_arguments(wrong: tuple[object, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        sl.dual(act.relu).compile()(*wrong)


CODE = "__import__('os').system('touch hacked')"


def test_names_never_reach_the_source() -> None:
    """SymPy prints names of symbols as they are; here only names that the caller chose are printed."""
    evil, k = sp.Symbol(CODE, real=True), sp.Symbol(CODE, integer=True)
    source = vectorized_source(sp.sqrt(1 + evil**2) + sp.exp(evil), (evil,))
    assert "import__" not in source
    assert ScalarKernel(evil**2, (evil,))(3.0) == 9.0
    for trap in (sp.Sum(k**2, (k, 1, 3)), sp.Function(CODE)(evil), sp.Derivative(sp.Function("f")(evil), evil)):
        with pytest.raises(NoRule, match="compiled code for"):
            vectorized_source(trap + evil, (evil,))
    with pytest.raises(UnboundSymbol):
        vectorized_source(evil + 1, ())


def test_names_of_statements_do_not_meet() -> None:
    """A symbol called as an internal name is another one."""
    t0, x = sp.Symbol("t0"), sp.Symbol("_0_")
    text = statements({"y": sp.sqrt(t0 + x) + 1 / sp.sqrt(t0 + x)}, {t0: "a0", x: "a1"})
    space = {"sqrt": math.sqrt, "a0": 1.0, "a1": 3.0}
    exec(text, space)
    assert space["y"] == 2.5


@pytest.mark.slow
def test_functions_and_numbers() -> None:
    a = sp.Symbol("a", positive=True)
    for expr in (
        *(sp.gamma(a), sp.asinh(a), sp.atanh(a / 3), sp.acosh(1 + a), sp.erfc(a), sp.tan(a), sp.log(a), sp.atan(a)),
        *(sp.Max(a, 1) + sp.Min(a, 2), sp.Abs(a - 2), sp.sign(a - 2), sp.Heaviside(a - 2), a ** sp.Rational(1, 3)),
        *(sp.Piecewise((a, a < 2), (a**2, True)), 10**30 * a, a ** sp.Rational(-3, 2), a**41, sp.pi * a + sp.E),
        *(sp.exp(-a) * sp.sinh(a), sp.GoldenRatio * a, a**-1),
    ):
        assert ScalarKernel(expr, (a,))(1.5) == pytest.approx(float(expr.subs(a, sp.Rational(3, 2))), rel=1e-15)
    for expr in (
        a * sp.I,
        sp.zeta(a),
        sp.besselj(0, a),
        sp.Integral(sp.exp(a * sp.Symbol("t")), (sp.Symbol("t"), 0, 1)),
    ):
        with pytest.raises(NoRule):
            ScalarKernel(expr, (a,))(1.5)
