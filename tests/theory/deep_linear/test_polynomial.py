"""Exact paths: against polynomials known beforehand, degrees, the lazy part, other routes to the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits.reading import rings
from symlimits.reading.rings import RATIONALS
from symlimits.reading.straight_line import run
from symlimits.theory.deep_linear.polynomial import eta, s, whitened
from symlimits.theory.deep_linear.recursion import recursion

# Oracles, of one and two hidden layers after two steps.
KNOWN = {
    1: "4*eta*s - 4*eta**2*s + 4*eta**3*s**3 - 12*eta**4*s**3 + 8*eta**5*s**3",
    2: "6*eta*s - 9*eta**2*s + 24*eta**3*s**3 - 108*eta**4*s**3 + 108*eta**5*s**3 + 20*eta**5*s**5 - 144*eta**6*s**5 "
    "+ 333*eta**7*s**5 - 243*eta**8*s**5",
}
SLOW = pytest.mark.slow
CANCELLING = 1e-12  # relative: a path of moderate size, in float64


@pytest.mark.parametrize("depth", KNOWN)
def test_known_polynomials(depth: int) -> None:
    found = sl.deep_linear(depth).polynomial(steps=2)
    assert sp.expand(found.trace[1].expr - sp.sympify(KNOWN[depth], {"eta": eta, "s": s})) == 0
    assert sp.expand(found.expr - found.trace[1].expr) == 0
    assert (found.arguments, found.name) == ((eta, s), "a_{2}")


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_the_first_steps(depth: int) -> None:
    assert sl.deep_linear(depth).polynomial(steps=0).expr == 0
    assert sl.deep_linear(depth).polynomial(steps=1).expr == (depth + 1) * eta * s


@pytest.mark.parametrize(("depth", "steps"), [(1, 2), (1, 3), (1, 4), (2, 2), (2, 3), (3, 2), (3, 3), (4, 2)])
def test_degrees(depth: int, steps: int) -> None:
    r"""$\deg_s = (2L + 1)^{t-1}$, $\deg_\eta = ((3L + 1)(2L + 1)^{t-1} - (L + 1))/(2L)$; odd in s."""
    polynomial = sp.Poly(sl.deep_linear(depth).polynomial(steps).trace[1].expr, eta, s)
    n = (2 * depth + 1) ** (steps - 1)
    assert polynomial.degree(s) == n
    assert 2 * depth * polynomial.degree(eta) == (3 * depth + 1) * n - (depth + 1)
    assert {power % 2 for _, power in polynomial.monoms()} == {1}


@pytest.mark.parametrize("depth", [1, pytest.param(2, marks=SLOW), pytest.param(3, marks=SLOW)])
def test_lines_hold_and_are_stored(depth: int) -> None:
    found = sl.deep_linear(depth).polynomial(2)
    assert found.check().ok
    assert sl.load(found.to_json()).trace == found.trace


def test_factors_begin_with_positive_constants() -> None:
    found = sl.deep_linear(2).polynomial(2).expr
    assert str(found).count("(2 - 3*eta)") == 3
    assert r"3 \eta s (2 - 3 \eta)" in sl.deep_linear(2).polynomial(2).latex()


@pytest.mark.parametrize(("depth", "steps"), [(2, 3), pytest.param(1, 4, marks=SLOW), pytest.param(3, 3, marks=SLOW)])
def test_other_routes_to_the_same_numbers(depth: int, steps: int) -> None:
    """The program over rationals at one point, exactly; the float path; the wrong depth is seen."""
    rate, size = sp.Rational(1, 20), sp.Rational(3, 2)
    found = sl.deep_linear(depth).polynomial(steps)
    value = found.trace[1].expr.subs({eta: rate, s: size})
    exact = run(recursion(depth, steps), RATIONALS, {eta: rate, "Sigma_xx": [[1]], "Sigma_yx": [[size]]})
    assert value == sp.Rational(str(exact[recursion(depth, steps).output][0, 0]))
    path = sl.deep_linear(depth).gradient_descent([[1.0]], [[1.5]], lr=0.05, steps=steps).predictors[-1, 0, 0]
    assert float(value) == pytest.approx(path, rel=CANCELLING)
    assert found.reference(rate, size, digits=30) == value.evalf(30)
    other = sl.deep_linear(depth + 1).gradient_descent([[1.0]], [[1.5]], lr=0.05, steps=steps).predictors[-1, 0, 0]
    assert abs(float(value) - other) > 1e-2


@pytest.mark.parametrize("depth", [1, 2, pytest.param(3, marks=SLOW)])
def test_the_lazy_part_is_the_path_of_the_tangent_kernel(depth: int) -> None:
    for steps in (0, 1, 4):
        found = sl.deep_linear(depth).lazy_polynomial(steps)
        assert sp.expand(found.expr - (1 - (1 - (depth + 1) * eta) ** steps)) == 0
    assert str(found.expr) == f"1 - (1 - {depth + 1}*eta)**4"
    whole = sp.Poly(sl.deep_linear(depth).polynomial(2).trace[1].expr, s)
    lazy = sl.deep_linear(depth).lazy_polynomial(2)
    assert sp.expand(whole.coeff_monomial(s) - lazy.expr) == 0


def test_polynomials_of_rational_data() -> None:
    Sxx, Syx = [[1, "1/2"], ["1/2", 1]], [[1, "1/3"], ["-1/2", 2], [0, "0.5"]]
    found = sl.deep_linear(2).polynomials(Sxx, Syx, steps=2)
    assert found.shape == (3, 2)
    path = sl.deep_linear(2).gradient_descent([[1, 0.5], [0.5, 1]], [[1, 1 / 3], [-0.5, 2], [0, 0.5]], lr=0.1, steps=2)
    values = np.array(found.subs(eta, sp.Rational(1, 10)).tolist(), dtype=float)
    assert np.allclose(values, path.predictors[-1], rtol=CANCELLING)
    assert sl.deep_linear(2).polynomials(Sxx, Syx, steps=1)[1, 0] == -sp.Rational(3, 2) * eta


def test_along_the_target_and_in_no_other_direction() -> None:
    """White inputs: A_t is a_t times the direction of the target."""
    beta = [[sp.Rational(3, 5), sp.Rational(4, 5)]]
    found = sl.deep_linear(2).polynomials([[1, 0], [0, 1]], beta, steps=2)
    scalar = sl.deep_linear(2).polynomial(2).expr.subs(s, 1)
    assert [sp.expand(found[0, i] - scalar * beta[0][i]) for i in (0, 1)] == [0, 0]


def test_without_flint_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    line = whitened(2, 3)
    fast = rings.as_polynomial(run(line, rings.polynomials(eta, s), {eta: eta, s: s})[line.output], eta, s)
    monkeypatch.setattr(rings, "fmpq", None)
    slow = rings.as_polynomial(run(line, rings.polynomials(eta, s), {eta: eta, s: s})[line.output], eta, s)
    assert fast == slow
    assert str(rings.RATIONALS.convert(sp.Rational(1, 3))) == "1/3"


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "steps", "terms"), [(1, 5, 1907), (2, 4, 3441), (1, 6, 16791)])
def test_large_polynomials(depth: int, steps: int, terms: int) -> None:
    found = sl.deep_linear(depth).polynomial(steps)
    polynomial = sp.Poly(found.trace[1].expr, eta, s)
    assert len(polynomial.terms()) == terms
    path = sl.deep_linear(depth).gradient_descent([[1.0]], [[1.0]], lr=0.05, steps=steps).predictors[-1, 0, 0]
    assert float(polynomial.eval({eta: sp.Rational(1, 20), s: 1})) == pytest.approx(path, rel=CANCELLING)


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda net: net.polynomial(5), sl.errors.DomainError, "at most 4 steps at this depth"),
        (lambda net: net.lazy_polynomial(26), sl.errors.DomainError, "at most 25 steps"),
        (lambda net: net.polynomial(-1), sl.errors.DomainError, "an integer from 0 to"),
        (lambda net: net.polynomials([[1]], [[1, 2]]), sl.errors.DataError, "shapes"),
        (lambda net: net.polynomials([[1]], [1]), sl.errors.DataError, "rows and columns"),
        (lambda net: net.polynomials([["sqrt(2)"]], [[1]]), sl.errors.NoRule, "rational entries"),
        (lambda net: net.polynomials([[-1]], [[1]]), sl.errors.DomainError, "no negative eigenvalue"),
        (lambda net: net.polynomials([[1]], [["x"]]), sl.errors.NoRule, "rational entries"),
    ],
)
def test_refused(ask: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        ask(sl.deep_linear(2))
