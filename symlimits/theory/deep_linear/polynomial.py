r"""Exact paths: the predictor after T steps as a polynomial in the learning rate and the size of the target.

The recursion needs sums and products only, so it runs over polynomials. Degrees grow like $(2L + 1)^T$. Expanded
polynomials cancel in float64: evaluate them exactly, or with many digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.chain import Derivation
from symlimits.derivation.trace import Rule, Step
from symlimits.errors import DataError, DomainError, NoRule
from symlimits.language.block import Entry, IdentityMatrix, Numbers
from symlimits.language.domain import POSITIVE, Domain
from symlimits.language.formula import exact
from symlimits.language.straight_line import Definition, StraightLine
from symlimits.reading.rings import as_polynomial, polynomials
from symlimits.reading.straight_line import run
from symlimits.theory.deep_linear.problem import problem
from symlimits.theory.deep_linear.recursion import Families, eta, recursion

s = sp.Symbol("s", positive=True)
SOURCE = "Chizat, Colombo, Fernandez-Real, Figalli, arXiv 2211.16980; the formulas are derived here"
HERE = "derived here"
MOST_TERMS = 60_000  # of a polynomial, by the bound on its degrees: what is larger takes minutes even by flint
MOST_LAZY = 25  # steps of a lazy polynomial: the recursion takes their cube, some 4 seconds
FACTORED = 2_000  # terms up to which the coefficients of powers of s are factored


def whitened(depth: int, steps: int) -> StraightLine:
    r"""The program for one output and white inputs, $\Sigma_{xx} = I$: along the target $a_t$ is a scalar path.

    $A_t = a_t\,\beta^\top/s$ with $s = |\beta|$: in the direction of the target the data are $\Sigma_{xx} = 1$ and
    $\Sigma_{yx} = s$, and nothing moves in the others.

    >>> whitened(2, 3).free_symbols == {eta, s}
    True
    """
    F, line = Families(1, 1), recursion(depth, steps)
    data = [Definition(F.Sigma_xx(), IdentityMatrix(1)), Definition(F.Sigma_yx(), Numbers([[s]]))]
    return StraightLine([*data, *line.statements], Entry(line.output, 0, 0))


def path_polynomial(depth: int, steps: int) -> Derivation:
    r"""$a_T$ of white inputs as a derivation: the program, its sweep over polynomials in $\eta$ and s, its factors.

    >>> print(path_polynomial(1, 2).trace[1].expr)
    8*eta**5*s**3 - 12*eta**4*s**3 + 4*eta**3*s**3 - 4*eta**2*s + 4*eta*s
    """
    check_size(depth, steps)
    line = whitened(depth, steps)
    trace = [Step(line, "definition", SOURCE), swept.step(line)]
    if steps > 1 and _terms(depth, steps) <= FACTORED:
        trace.append(collected.step(trace[-1].expr))
    return Derivation(tuple(trace), Domain({eta: POSITIVE, s: POSITIVE}), (eta, s), f"a_{{{steps}}}", SOURCE)


def lazy_polynomial(depth: int, steps: int) -> Derivation:
    r"""$\lim_{s \to 0} a_T/s$, the path of a small target: that of the tangent kernel at initialisation.

    Derived from the sweep over polynomials of degree one in s; the last line is found by factoring one minus it.

    >>> print(lazy_polynomial(2, 3).expr)
    1 - (1 - 3*eta)**3
    """
    if steps > MOST_LAZY:
        given = f"a lazy polynomial of {steps} steps"
        raise DomainError(given, f"at most {MOST_LAZY} steps", "gradient_descent on a small target, for numbers")
    line = whitened(depth, steps)
    element = run(line, polynomials(eta, s, settle=_linear), {eta: eta, s: s})[line.output]
    linear = as_polynomial(element, eta, s).as_expr()
    first = Step(sp.expand(linear / s), "sweep, to first order in s", HERE)
    trace = (first, remainder.step(first.expr)) if steps > 1 else (first,)
    return Derivation(trace, Domain({eta: POSITIVE}), (eta,), rf"\partial_s a_{{{steps}}}|_{{s=0}}", SOURCE)


def path_polynomials(depth: int, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, steps: int) -> sp.ImmutableDenseMatrix:
    r"""$A_T$ (k, d) as polynomials in $\eta$, for data of rational entries (floats count as their decimals).

    >>> path_polynomials(1, [[1]], [["1/2"]], 2)
    Matrix([[eta**5 - 3*eta**4/2 + eta**3/2 - 2*eta**2 + 2*eta]])
    """
    inputs, targets = rational(Sxx, "Sxx"), rational(Syx, "Syx")
    k, d = problem(np.array(inputs, dtype=float), np.array(targets, dtype=float)).Syx.shape
    check_size(depth, steps)
    line = recursion(depth, steps, d, k)
    found = run(line, polynomials(eta), {eta: eta, "Sigma_xx": inputs, "Sigma_yx": targets})[line.output]
    return sp.ImmutableDenseMatrix(k, d, [as_polynomial(entry, eta).as_expr() for entry in found.flat])


def _sweep(expr: sp.Expr) -> sp.Expr:
    """A straight line in its free symbols, multiplied out."""
    if not isinstance(expr, StraightLine):
        return expr
    symbols = sorted(expr.free_symbols, key=str)
    element = run(expr, polynomials(*symbols), {symbol: symbol for symbol in symbols})[expr.output]
    return as_polynomial(element, *symbols).as_expr()


def _collect(expr: sp.Expr) -> sp.Expr:
    """The coefficients of the powers of s, in factors."""
    terms = sp.Poly(expr, s).terms()
    return sp.Add(*(_factors(coefficient) * s**power for (power,), coefficient in terms))


def _remainder(expr: sp.Expr) -> sp.Expr:
    """One minus the factors of one minus it."""
    return 1 - _factors(1 - expr)


def _factors(expr: sp.Expr) -> sp.Expr:
    """A polynomial in eta as a product whose factors begin with a positive constant: 1 - 2 eta, not 2 eta - 1."""
    number, found = sp.factor_list(expr, eta)
    factors = []
    for factor, power in found:
        sign = -1 if factor.subs(eta, 0) < 0 else 1
        number *= sign**power
        factors.append((sign * factor) ** power)
    return sp.Mul(number, *factors)


swept = Rule("sweep over polynomials", HERE, "The statements are done in their order, and multiplied out.", _sweep)
collected = Rule("powers of s", HERE, "The coefficients of the powers of s, in factors.", _collect)
remainder = Rule("factors of the rest", HERE, "What is left of the target is a product.", _remainder)


def _linear(value: Any) -> Any:
    """A polynomial in eta and s, or an array of them, without powers of s above the first."""
    if isinstance(value, np.ndarray):
        return np.frompyfunc(_linear, 1, 1)(value)
    polynomial = as_polynomial(value, eta, s)
    kept = {powers: c for powers, c in polynomial.terms() if powers[1] <= 1}
    return _RING.convert(sp.Poly.from_dict(kept, eta, s, domain=sp.QQ))


_RING = polynomials(eta, s)


def _terms(depth: int, steps: int) -> int:
    """A bound on the number of terms: odd powers of s, times powers of eta."""
    n = (2 * depth + 1) ** max(steps - 1, 0)
    return (n + 1) // 2 * ((3 * depth + 1) * n // (2 * depth) + 1)


def check_size(depth: int, steps: int) -> None:
    """Raise `DomainError` for a polynomial of more terms than a minute gives."""
    largest = max(t for t in range(9) if _terms(depth, t) <= MOST_TERMS)
    if steps > largest:
        given = f"a polynomial path of {steps} steps at depth {depth}, of more than {MOST_TERMS} terms"
        raise DomainError(given, f"at most {largest} steps at this depth", "gradient_descent, for numbers")


def rational(matrix: npt.ArrayLike, name: str) -> list[list[sp.Expr]]:
    """The entries as exact rationals: floats count as the decimals that they print as; `NoRule` for other numbers."""
    entries = np.asarray(matrix, dtype=object)
    if entries.ndim != 2:
        raise DataError(f"{name} of shape {entries.shape}", "rows and columns", '[["1/2"]]')
    numbers = [[exact(entry, name) for entry in row] for row in entries.tolist()]
    if not all(number.is_Rational for row in numbers for number in row):
        raise NoRule(f"{name} = {numbers}", "rational entries", "gradient_descent, for numbers")
    return numbers
