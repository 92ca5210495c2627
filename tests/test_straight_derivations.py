"""A straight line as a line of a derivation: values, compiled code, LaTeX, words, JSON, checks."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits.derivation.trace import Step
from symlimits.language.domain import natural_domain
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.straight_line import Definition, StraightLine
from symlimits.reading.compiled import compiled
from symlimits.theory.deep_linear.polynomial import eta, path_polynomial, s

x, y, z = sp.symbols("x y z", positive=True)
v = sp.Symbol("v", real=True)
LINE = StraightLine([Definition(y, 1 + x**2), Definition(z, sp.sqrt(y))], y * z)
TANH = StraightLine([Definition(y, 1 + x), Definition(z, GaussianExpectation(sp.tanh(v) ** 2, (v,), [[y]]))], y * z)
ROUNDING = 1e-14  # relative, of a handful of operations


def derivation(*exprs: sp.Expr) -> sl.Derivation:
    steps = tuple(Step(expr, f"rule {i}", "tests") for i, expr in enumerate(exprs))
    return sl.Derivation(steps, natural_domain(sp.Add(*exprs[0].free_symbols)), (x,))


def test_values_of_a_line_of_formulas() -> None:
    f = derivation(LINE)
    assert f(2.0) == pytest.approx(5**1.5, rel=ROUNDING)
    assert np.allclose(f([[1.0], [3.0]]), [[2**1.5], [10**1.5]], rtol=ROUNDING)
    assert abs(f.reference(2, digits=40) - sp.sqrt(125).evalf(45)) < 1e-38
    assert f.evaluate(2).value == f(2.0)
    assert (f.is_compilable, f.method) == (True, "a straight line, compiled")
    assert f.bind(x=3).evaluate().value == pytest.approx(10**1.5, rel=ROUNDING)


@pytest.mark.slow
def test_values_of_a_line_with_expectations() -> None:
    f = derivation(TANH)
    truth = float(f.reference(1, digits=20))
    assert f(1.0) == pytest.approx(truth, rel=1e-12)
    assert not f.has_closed_form
    assert abs(f.evaluate(1).value - truth) <= f.evaluate(1).error


def test_a_kernel_is_data() -> None:
    kernel = compiled(LINE, (x,))
    assert pickle.loads(pickle.dumps(kernel)) == kernel
    assert kernel.source.count("def ") >= 3
    with pytest.raises(sl.DataError, match="2 arguments"):
        kernel(1.0, 2.0)


def test_loops_are_read_by_mpmath() -> None:
    program = path_polynomial(2, 2).trace[:1]
    a = sl.Derivation(program, natural_domain(eta * s), (eta, s))
    assert a.method == "a straight line, by mpmath: loops or matrices are left"
    assert a("1/10", 1) == pytest.approx(path_polynomial(2, 2)(0.1, 1.0), rel=ROUNDING)
    with pytest.raises(sl.NoRule, match="loops or matrices"):
        a.compile()(0.1, 1.0)


def test_lines_are_checked_and_a_false_one_is_found() -> None:
    assert derivation(LINE, sp.sqrt(1 + x**2) ** 3).check().ok
    assert not derivation(LINE, sp.sqrt(1 + x**2) ** 2).check().ok
    with pytest.raises(sl.FalseLine):
        derivation(LINE).then("1 + x**2", because="a slip")


def test_it_is_stored_printed_and_told() -> None:
    f = derivation(LINE, sp.sqrt(1 + x**2) ** 3)
    assert sl.load(f.to_json()).trace == f.trace
    assert r"y = x^{2} + 1, \quad z = \sqrt{y}" in f.latex()
    assert "y z, where" not in f.explain()
    assert "    y*z, where\n        y := x**2 + 1\n        z := sqrt(y)\n" in f.explain()
    told = path_polynomial(1, 2).explain()
    assert "for t = 0, ..., 2:\n            for t' = 0, ..., t:\n                Phi[0, t, t'] := I_1\n" in told
    assert repr(derivation(path_polynomial(1, 2).definition)).startswith("Derivation(f = A[2][0, 0] after 22 def")
