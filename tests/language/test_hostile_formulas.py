"""Formulas that attack or exhaust: understood, or refused in our words, at the parser and as activations.

No default test measures time: what is bounded is the size of what comes back. The slow tests run the same checks
on more examples, and bound the time by ten times what is wanted of a quiet machine.
"""

from __future__ import annotations

import re
import time

import mpmath
import pytest
import sympy as sp
from hypothesis import given, settings

import symlimits as sl
from symlimits.derivation.terms import terms
from symlimits.errors import FormulaError, NoRule, SymlimitsError
from symlimits.language import measure
from symlimits.language.activation import Activation, activation
from symlimits.language.building import FUNCTIONS
from symlimits.language.formula import parse
from symlimits.language.grammar import MAX_NODES
from symlimits.language.magnitude import magnitude
from symlimits.language.measure import MAX_DIGITS, NOT_REAL, expanded_size
from symlimits.language.names import symbol
from tests.hostile import FORMULAS, HOSTILE, MANY, QUICK, SECONDS, attempt

LARGEST = 10 * MAX_NODES  # nodes of what comes of a formula; normal_cdf writes seven nodes for one


def check_formula(text: str) -> sp.Expr | None:
    """The formula is real, exact and of moderate size; or an error names the column."""
    expr, error = attempt(parse, text)
    if error is not None:
        assert isinstance(error, FormulaError)
        column = re.match(r"column (\d+) of ", error.given)
        assert column, error
        assert 1 <= int(column[1]) <= len(text) + 1
        assert len(str(error)) < 600
        assert str(error).isprintable()
        return None
    assert isinstance(expr, sp.Expr)
    assert not expr.has(*NOT_REAL, sp.Float)
    assert sum(1 for _ in sp.preorder_traversal(expr)) <= LARGEST
    assert all(max(abs(n.p), n.q) < 10 ** (MAX_DIGITS + 1) for n in expr.atoms(sp.Rational))
    return expr


@QUICK
@given(HOSTILE)
def test_hostile_text_is_a_real_formula_or_an_error_with_its_column(text: str) -> None:
    check_formula(text)


@QUICK
@given(FORMULAS)
def test_a_formula_means_what_mpmath_says(text: str) -> None:
    check_meaning(text)


def check_meaning(text: str) -> None:
    expr = check_formula(text)
    if expr is None:
        return
    for point in (
        {"x": mpmath.mpf(7) / 9, "s": mpmath.mpf(13) / 11},
        {"x": -mpmath.mpf(5) / 3, "s": mpmath.mpf(2) / 7},
    ):
        meant = independent(text, point)
        if meant is None:
            continue
        try:
            value = magnitude(expr, {symbol(name): number for name, number in point.items()})
        except ValueError:
            continue
        assert abs(value - meant) <= 1e-9 * abs(meant) + 1e-25 or not mpmath.isfinite(value), (expr, value, meant)


NAMESPACE = {name: getattr(mpmath, name) for name in FUNCTIONS if hasattr(mpmath, name)} | {
    **{"Abs": abs, "abs": abs, "max": max, "Max": max, "min": min, "Min": min, "pi": mpmath.pi(), "E": mpmath.e()},
    **dict.fromkeys(("step", "Heaviside"), lambda a: (1 + mpmath.sign(a)) / 2),
    **{"relu": lambda a: max(a, 0), "sigmoid": lambda a: 1 / (1 + mpmath.exp(-a)), "normal_cdf": mpmath.ncdf},
}


def independent(text: str, point: dict[str, mpmath.mpf]) -> mpmath.mpf | None:
    """The value that Python and mpmath find, without SymPy; None where there is none or it is not finite and moderate.

    The texts are ours, made by the strategy above.
    """
    numbers = re.sub(r"(?<![\w.])(\d[\d.]*(?:e-\d+)?)", r"mpf('\1')", text)
    with mpmath.workdps(60):
        try:
            value = eval(numbers, {"__builtins__": {}, "mpf": mpmath.mpf, **NAMESPACE, **point})
            moderate = mpmath.isfinite(value) and (not value or abs(mpmath.log(abs(value))) < 100)
        except (ArithmeticError, ValueError, TypeError, mpmath.libmp.ComplexResult, mpmath.libmp.NoConvergence):
            return None
    return value if moderate and not isinstance(value, mpmath.mpc) else None


@QUICK
@given(FORMULAS)
def test_what_is_printed_is_read_again(text: str) -> None:
    expr = check_formula(text)
    if expr is None:
        return
    again, error = attempt(parse, str(expr))
    if error is not None:  # SymPy multiplied out a number, or wrote a cotangent
        allowed = r"a long number|digits|too large|the name (cot|sec|csc|acot)|told from zero|over \d+"
        assert re.search(allowed, str(error)), error
        return
    assert again == expr or sp.simplify(again - expr) == 0


@pytest.mark.slow
@MANY
@given(HOSTILE)
def test_many_hostile_texts_in_time(text: str) -> None:
    start = time.process_time()
    check_formula(text)
    assert time.process_time() - start < SECONDS


@pytest.mark.slow
@MANY
@given(FORMULAS)
def test_many_formulas_mean_what_mpmath_says(text: str) -> None:
    check_meaning(text)


IN_X = FORMULAS.map(lambda text: re.sub(r"\bs\b", "1.5", text))


def check_activation(text: str) -> None:
    """An activation knows its kinks, growth, parity and derivative; or it is refused."""
    phi, error = attempt(activation, text)
    assert error is None or str(error).isprintable()
    if phi is not None:
        assert phi.growth >= 0
        assert phi.parity in ("even", "odd", None)
        assert phi.degree is None or phi.degree >= 0
        assert isinstance(phi.kinks, tuple)
        slope, error = attempt(phi.derivative)
        assert error is not None or isinstance(slope, Activation)


@QUICK
@given(IN_X)
def test_any_formula_is_an_activation_or_refused(text: str) -> None:
    check_activation(text)


@pytest.mark.slow
@settings(MANY, max_examples=400)
@given(IN_X)
def test_many_activations_in_time(text: str) -> None:
    start = time.process_time()
    check_activation(text)
    assert time.process_time() - start < 10 * SECONDS


TOWARDS_A_DUAL = {  # formula -> number of lines: the definition alone, or a derivation
    **dict.fromkeys(["tanh(x)*sin(x)*exp(-x**2)", "log(cosh(x))", "x/(1+x**2)", "sqrt(1+x**2)", "atan(x)"], 1),
    **dict.fromkeys(["log(1+x**2)", "1/(1+exp(-x))", "x**2*tanh(x)", "erf(x)**2", "exp(erf(x))", "exp(-abs(x))"], 1),
    **dict.fromkeys(["abs(x)**(1/2)", "abs(x**5 - x - 1)", "max(x, x**2, x**3, x**4)", "(x+1)**60"], 1),
    **dict.fromkeys(["sin(x)**30", "x**20*erf(x)", "(1+exp(x)+exp(2*x)+exp(3*x)+x)**90", "(sin(x)+x)**12"], 1),
    **dict.fromkeys(
        ["((1+x)**100+1)**100", "tanh(exp(exp(x)))", "sin(exp(x**2))", "sin(x)**2 + cos(x)**2 + tanh(x)"], 1
    ),
    **{"sin(x)**4": 3, "x**30": 3, "max(x, 0)**9": 5},
    **dict.fromkeys(["erf(10**300*x)", "erf(x/10**200)", "x*sin(10**300*x)"], 1),  # numbers nobody factors
    **{"sin(10**20*x)": 3, "x*sin(10**8*x+1)": 3, "erf(10**6*x)": 4},
    "*".join(f"(sin({k}*x)+1)" for k in range(1, 50)): 1,
}


@pytest.mark.parametrize(("formula", "lines"), TOWARDS_A_DUAL.items())
def test_a_dual_is_derived_or_stays_its_definition(formula: str, lines: int) -> None:
    assert len(sl.dual(formula).trace) == lines


def test_powers_of_powers_are_refused_at_the_door_and_counted_without_end() -> None:
    text = "(" * 9 + "x" + "+1)**9" * 9
    with pytest.raises(FormulaError, match=r"column \d+ of .*: a degree over"):
        activation(text)
    nested = symbol("x")
    for _ in range(9):
        nested = (nested + 1) ** 9
    assert expanded_size(nested) == measure.MANY
    assert expanded_size((symbol("x") + 1) ** 9) == 10
    with pytest.raises(NoRule, match="a sum of more than 2000 terms"):
        terms(nested, symbol("x"))


def test_a_bounded_product_grows_like_no_exponential() -> None:
    bounded = "*".join(f"(sin({k}*x)+1)" for k in range(1, 50))
    assert activation(bounded).growth == 0
    assert activation(f"({bounded})*exp(x**2/8)").growth == sp.Rational(1, 8)


def test_roots_that_are_not_found_are_not_said_to_be_symbols() -> None:
    with pytest.raises(NoRule, match="known roots, in closed form; try: rational numbers"):
        activation("max(x-sqrt(2), x**3-pi)")
    assert len(activation("max(pi*x, x**4 - sqrt(2)*x)").kinks) == 2


@pytest.mark.parametrize("text", ["nan", "inf", "oo", "ｘ", "relu", "lambda", "tanhh", " (os)"])
def test_a_word_alone_is_refused_with_its_column(text: str) -> None:
    with pytest.raises(FormulaError, match=rf"^column {1 + len(text) - len(text.lstrip(' ('))} of "):
        activation(text)


REFUSED_ACTIVATIONS = {
    "abs(sin(x))": "a kink where",  # infinitely many
    "sign(sin(x))": "a kink where",
    "max(0, exp(x)*cos(x))": "a kink where",
    "sqrt(x)": "not real at x = -",
    "log(x)": "not real at x = -",
    "acos(x)": "not real at x = ",
    "x**x": "not real at x = -",
    "1/x": "no integral at x = 0",
    "tan(x)": "no integral at x = 1.57",
    "1/(x**2 - 2)": "no integral at x = -?1.414",
    "1/(1 - cos(x))": "no integral at x = 0",
    "abs(x)**(-1/2)": "no integral at x = 0",
    "gamma(sin(x))": "no integral at x = 0",
    "gamma(x)": "no integral at x = 0",
    "x**x**x": "faster than every",
    "(1+x**2)**(x**2)": "faster than every",
    "factorial(x**2)": "faster than every",
    "exp(exp(exp(x)))": "faster than every",
    "exp(x**3)": "faster than every",
    "cosh(x**4)*cos(x)": "faster than every",
}


@pytest.mark.parametrize(("formula", "reason"), REFUSED_ACTIVATIONS.items())
def test_an_activation_without_a_second_moment_is_refused_with_the_reason(formula: str, reason: str) -> None:
    with pytest.raises(SymlimitsError, match=reason):
        activation(formula)


@pytest.mark.parametrize(("formula", "jumps"), {"x*log(abs(x))": (), "log(abs(x))": (0,), "sqrt(abs(x))": ()}.items())
def test_jumps_are_seen_where_a_formula_has_no_value(formula: str, jumps: tuple[int, ...]) -> None:
    assert activation(formula).discontinuities == jumps


def test_a_derivative_without_a_second_moment_is_refused() -> None:
    assert activation("abs(x)**(3/4)").derivative()
    with pytest.raises(
        SymlimitsError, match=r"the derivative of sqrt\(Abs\(x\)\), whose square has no integral at x = 0"
    ):
        activation("sqrt(abs(x))").derivative()


def test_a_pole_beyond_its_branch_is_no_pole() -> None:
    assert activation("step(x)/(x + 1)").kinks == (0,)
    with pytest.raises(SymlimitsError, match="no integral at x = 1"):
        activation("step(x)/(x - 1)")


def test_kinks_inside_kinks_and_kinks_far_out_are_found() -> None:
    phi = activation("max(min(max(x, -1), 100), x)")
    assert (phi.kinks, phi.branches.pieces) == ((-1,), (-1, symbol("x")))
    assert activation("max(1e-300*x/asinh(1.5), 1)").kinks[0] > 10**300
