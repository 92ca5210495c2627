"""A straight line as a line of a derivation: values, compiled code, LaTeX, words, JSON, checks."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits.certify.compiled import check_compiled
from symlimits.derivation.trace import Step
from symlimits.language.block import Entry, IdentityMatrix, blocks
from symlimits.language.domain import natural_domain
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.straight_line import Definition, Loop, StraightLine
from symlimits.reading.compiled import ScalarKernel, compiled
from symlimits.reading.reference import reference
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
    with pytest.raises(sl.errors.DataError, match="2 arguments"):
        kernel(1.0, 2.0)


def program(depth: int, steps: int) -> sl.Derivation:
    """The definition of a path alone, without its polynomial."""
    return sl.Derivation(path_polynomial(depth, steps).trace[:1], natural_domain(eta * s), (eta, s))


@pytest.mark.slow
def test_loops_are_compiled() -> None:
    a = program(2, 2)
    assert a.method == "a straight line, compiled"
    polynomial = path_polynomial(2, 2).expr
    for rate, size in ((0.1, 1.0), (0.3, 2.5)):
        assert a(rate, size) == pytest.approx(float(polynomial.subs({eta: rate, s: size})), rel=1e-13)
    assert a([[0.1], [0.3]], [1.0, 2.5]).shape == (2, 2)
    assert abs(a.reference("1/10", 1) - polynomial.subs({eta: "1/10", s: 1})) < 1e-29
    value = a.evaluate("1/10", 1)
    assert (value.value, value.method) == (a(0.1, 1.0), "closed form, a proved ball, rounded")


def test_the_kernel_of_a_program_is_certified() -> None:
    """The third link, against proved balls; the kernel of another program is refused."""
    link = next(link for link in program(2, 3).check().links if link.name == "compiled")
    assert link.passed
    assert link.details["points"] == link.details["against proved balls"] >= 24
    wrong = check_compiled(program(2, 3).expr, lambda _: program(2, 2).compile(), natural_domain(eta * s), (eta, s))
    assert wrong.passed is False


def test_a_polynomial_is_read_by_the_program_that_it_comes_from() -> None:
    """Multiplied out, it cancels in float64: at this point eight digits are lost."""
    a = path_polynomial(2, 3)
    point = {eta: sp.Rational(0.7952), s: sp.Rational(1.344)}
    truth = float(reference(a.expr, point, 30))
    assert a(0.7952, 1.344) == pytest.approx(truth, rel=1e-13)
    assert ScalarKernel(a.expr, (eta, s))(0.7952, 1.344) != pytest.approx(truth, rel=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_exact_paths_are_certified(depth: int) -> None:
    """All links, also far out, where the polynomial has terms of all sizes."""
    assert path_polynomial(depth, 3).check().ok


def test_what_is_not_compiled_says_why() -> None:
    n, T = sp.symbols("n T", integer=True, positive=True)
    A = blocks("A", 1, 1)
    repeated, mean = x * IdentityMatrix(1), TANH.statements[1].expression * IdentityMatrix(1)
    cases = {
        "T without a value": StraightLine([Loop(n, 0, T, [Definition(A(n), repeated)])], Entry(A(0), 0, 0)),
        "expectations or integrals stand in loops": StraightLine([Loop(n, 0, 1, [Definition(A(n), mean)])], x),
        "it is a part of a formula": 1 + LINE,
        "A without a value": StraightLine([], x * Entry(A(0), 0, 0)),
    }
    for reason, expr in cases.items():
        assert derivation(expr).method == f"a straight line, by mpmath: {reason}"
    steps = derivation(cases["T without a value"])
    with pytest.raises(sl.errors.UnboundSymbol, match="T without a value"):
        steps.compile()(1.0)
    assert steps.bind(T=3)(2.0) == 2.0


def test_lines_are_checked_and_a_false_one_is_found() -> None:
    assert derivation(LINE, sp.sqrt(1 + x**2) ** 3).check().ok
    assert not derivation(LINE, sp.sqrt(1 + x**2) ** 2).check().ok
    with pytest.raises(sl.errors.FalseLine):
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
