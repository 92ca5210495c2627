"""The double line integral of a spherical inversion: closed forms, both precisions, close and distant eigenvalues."""

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

from symlimits.errors import DomainError, NoRule
from symlimits.language.spherical import SphericalIntegral
from symlimits.reading.reference import reference
from symlimits.reading.spherical_kernel import SphericalKernel

w = sp.Symbol("w")
x, y = sp.symbols("x y", positive=True)
GAUSSIAN = SphericalIntegral(2**w * sp.gamma(w), 2**w * sp.gamma(w), w, (0, sp.oo), x, y)


@pytest.mark.parametrize(("digits", "error"), [(14, 1e-13), pytest.param(22, 1e-21, marks=pytest.mark.slow)])
def test_the_exponential_of_a_trace(digits, error):
    """h_1 = h_2 = 2^w Gamma(w) gives a multiple of (xy)^(1/4) exp(-(x + y)/2), the same at every point."""
    points = [(sp.Integer(2), sp.S.Half), (sp.Rational(1, 3), sp.Rational(1, 5))]
    with mp.workdps(30):
        ratios = [
            reference(GAUSSIAN, {x: a, y: b}, digits)
            / mp.mpf(sp.Float(a * b, 30)) ** 0.25
            * mp.exp(mp.mpf(sp.Float(a + b, 30)) / 2)
            for a, b in points
        ]
        assert abs(ratios[0] / ratios[1] - 1) < error


@pytest.mark.parametrize("b", ["1/1000000", "1/2", "99/100", pytest.param("999/1000", marks=pytest.mark.slow)])
def test_the_compiled_sum_is_the_reference(b):
    kernel = SphericalKernel(GAUSSIAN, (x, y))
    truth = reference(GAUSSIAN, {x: 1, y: sp.Rational(b)}, 14)
    assert abs(kernel(1.0, float(sp.Rational(b))) / float(truth) - 1) < 1e-12  # measured 3e-13 at 999/1000
    value, error, _ = kernel.bounded(1.0, float(sp.Rational(b)))
    assert abs(value - float(truth)) < error + 1e-12 * abs(value)


def test_names_are_bound():
    v = sp.Symbol("v")
    assert GAUSSIAN.free_symbols == {x, y}
    assert GAUSSIAN.subs(x, v).eigenvalues == (v, y)
    assert GAUSSIAN.subs(w, 3) == GAUSSIAN
    other = SphericalIntegral(v**w, sp.S.One, w, (0, 1), x, y).subs(v, w)
    assert w in other.free_symbols  # not caught by the integral's own variable
    assert other.variable != w


def test_refusals():
    with pytest.raises(DomainError, match="x > y"):
        reference(GAUSSIAN, {x: 1, y: 2}, 14)
    with pytest.raises(DomainError, match="order"):
        SphericalKernel(GAUSSIAN, (x, y))(np.array([1.0]), np.array([2.0]))
    with pytest.raises(DomainError, match="strip"):
        SphericalIntegral(w, w, w, (1, 0), x, y)
    with pytest.raises(DomainError, match="symbol"):
        SphericalIntegral(w, w, 2 * w, (0, 1), x, y)
    integral = sp.Integral(sp.Symbol("y", positive=True) ** (w - 1) * sp.exp(-y / 2), (y, 0, sp.oo))
    with pytest.raises(NoRule, match="digits"):
        reference(SphericalIntegral(integral, integral, w, (0, sp.oo), x, x / 2), {x: 1}, 22)
