"""The trapezoid rule through the saddle: between all points, against finer rules, and known integrals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp
from scipy.special import gammaln, kv, loggamma

import symlimits as sl
from symlimits.errors import DomainError, NoRule
from symlimits.language.integral import LineIntegral
from symlimits.language.tree import from_tree, to_tree
from symlimits.reading import contour
from symlimits.reading.contour_table import table
from symlimits.reading.latex import latex
from symlimits.reading.line_kernel import LineKernel
from symlimits.reading.reference import reference

ROUNDING = 2e-14  # some dozens of roundings of exponents up to ten
w, z = sp.Symbol("w"), sp.Symbol("z", positive=True)
EXPONENTIAL = LineIntegral(sp.gamma(w) * z**-w, w, (0, sp.oo))


def test_log_gamma_ratio() -> None:
    rng = np.random.default_rng(0)
    for x in (0.5, 1.0, 3.5, 20.0, 200.0):
        for v in rng.normal(size=5) * 3 + 1j * rng.normal(size=5) * 10:
            v = complex(max(v.real, 0.1 - x), v.imag)
            truth = loggamma(x + v) - gammaln(x) - v * math.log(x)
            turns = (contour.log_gamma_ratio(x, v) - truth) / (2j * math.pi)  # the branch does not matter
            assert abs(turns - round(turns.real)) < 1e-13 * max(1.0, abs(loggamma(x + v)))


LAWS = [{"widths": (5, 3)}, {"widths": (1,)}, {"widths": (30,) * 15}, {"ratio": 1}, {"ratio": "1/1000"}]


@pytest.mark.parametrize("arguments", LAWS, ids=str)
def test_no_two_rules_agree_by_chance(arguments: dict[str, object]) -> None:
    """At a thousand points the value is that of a rule with steps four times finer, within the error it states."""
    law = sl.output_law(**arguments)
    mixture = law._mixture
    for line in (mixture.radial_line, mixture.laplace_line, *mixture.tail_lines):
        data = (line.square, line.ratios, line.binomials, line.weights, line.polynomial, *line.strip)
        for X in np.random.default_rng(0).uniform(-9, 25, 250):
            X += line.linear
            scale, value, error = contour.line_integral(X, data)
            c, delta, top, sigma = contour._line(X, data)
            step = min(contour.FIRST, contour.FIRST_WIDTHS * sigma / delta) / 64
            fine = contour._half_line(0.0, step, (c, delta, top), X, data, 0.0)[0] * step / math.pi
            assert top == scale
            assert abs(value / fine - 1) <= 2 * error
            assert error < 1e-11  # of exponents up to 7000


def test_exponential() -> None:
    kernel = LineKernel(EXPONENTIAL, (z,))
    points = np.array([1e-12, 1e-3, 0.5, 1.0, 20.0, 300.0])
    np.testing.assert_allclose(kernel(points), np.exp(-points), rtol=ROUNDING * 50)
    value, error, method = kernel.bounded(1.0)
    assert abs(value - math.exp(-1)) <= error
    assert "saddle" in method


def test_a_product_of_gamma_functions_is_a_bessel_function() -> None:
    head = LineIntegral(sp.gamma(w) ** 2 * z**-w, w, (0, sp.oo))
    points = np.array([0.01, 1.0, 30.0])
    np.testing.assert_allclose(LineKernel(head, (z,))(points), 2 * kv(0, 2 * np.sqrt(points)), rtol=ROUNDING)


def test_poles_and_polynomials() -> None:
    """1/w integrates, w differentiates: the strip says on which side of the pole the line runs."""
    beyond = LineIntegral(sp.gamma(w + 1) / w * z**-w, w, (0, sp.oo))  # e^{-z}
    before = LineIntegral(sp.gamma(w + 1) / w * z**-w, w, (-1, 0))  # e^{-z} - 1
    slope = LineIntegral(w * sp.gamma(w) * z**-w, w, (0, sp.oo))  # z e^{-z}
    for head, truth in ((beyond, math.exp(-2)), (before, math.exp(-2) - 1), (slope, 2 * math.exp(-2))):
        assert abs(LineKernel(head, (z,))(2.0) - truth) < ROUNDING
        assert abs(reference(head, {z: sp.Integer(2)}, 20) - truth) < ROUNDING


def test_head() -> None:
    assert EXPONENTIAL.free_symbols == {z}
    assert EXPONENTIAL.subs(w, 3) == EXPONENTIAL
    assert EXPONENTIAL.subs(z, w).has(sp.Symbol("w_1"))
    assert from_tree(to_tree(EXPONENTIAL)) == EXPONENTIAL
    assert abs(reference(EXPONENTIAL.diff(z), {z: 1}, 20) + math.exp(-1)) < ROUNDING
    assert r"\int_{0 < \operatorname{Re} w}" in latex(EXPONENTIAL)
    with pytest.raises(DomainError):
        LineIntegral(w, w, (1, 0))
    with pytest.raises(DomainError):
        LineIntegral(w, sp.Integer(2), (0, 1))


def test_refusals() -> None:
    for integrand in (sp.sin(w), sp.gamma(2 * w), sp.exp(w**3), sp.gamma(w) * sp.zeta(w)):
        with pytest.raises(NoRule):
            LineKernel(LineIntegral(integrand * z**-w, w, (0, sp.oo)), (z,))(1.0)


def test_table() -> None:
    found = table(np.sin, -3.0, 9.0, 10_000)
    X = np.linspace(-3.0, 9.0, 997)
    assert found is not None
    np.testing.assert_allclose(found(X), np.sin(X), atol=1e-12)
    assert table(lambda X: np.sin(1e4 * X), 0.0, 10.0, 10_000) is None
