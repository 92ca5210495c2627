"""The door: what formulas mean, and that nothing else comes in."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from symlimits.errors import DomainError, FormulaError
from symlimits.language.building import FUNCTIONS
from symlimits.language.formula import exact, parse
from symlimits.language.measure import is_constant, overgrown
from symlimits.language.names import check_name, symbol

x, s = symbol("x"), symbol("s")

MEANINGS = {
    "0.1": sp.Rational(1, 10),
    "1e-3": sp.Rational(1, 1000),
    ".5 + 1.": sp.Rational(3, 2),
    "0.1234567890123456789012345": sp.Rational("0.1234567890123456789012345"),
    "-x**2": -(x**2),
    "2**-x": 2 ** (-x),
    "2**3**2": sp.Integer(512),
    "+x - -x": 2 * x,
    "x/s/2": x / (2 * s),
    " x\n + 1 ": x + 1,
    "pi + E": sp.pi + sp.E,
    "abs(x) + sign(x)": sp.Abs(x) + sp.sign(x),
    "Max(x, 0) - relu(x)": sp.Integer(0),
    "min(x, 1, s)": sp.Min(x, 1, s),
    "step(0)": sp.Rational(1, 2),
    "Heaviside(x) - step(x)": sp.Integer(0),
    "sigmoid(x)": 1 / (1 + sp.exp(-x)),
    "normal_cdf(x)": (1 + sp.erf(x / sp.sqrt(2))) / 2,
    "binomial(5, 2) + factorial(4) + gamma(5)": sp.Integer(58),
    "factorial(1000)": sp.factorial(1000),
    "sqrt(s**2)": s,
    "sqrt(x**2)": sp.Abs(x),
}

COMPLAINTS = {  # formula -> column and a word of the message
    "x + foo(3)": (5, "the name foo"),
    "x^2": (2, "** for a power"),
    "2x": (1, "2*x"),
    "x + 0x10": (5, "malformed"),
    "1_000": (1, "malformed"),
    "1j": (1, "malformed"),
    "1e5x": (1, "malformed"),
    "": (1, "nothing"),
    "  ": (3, "nothing"),
    "(x": (3, "missing"),
    "x)(x": (2, "closes nothing"),
    "x y": (1, "not a formula"),
    "x, s": (1, "Tuple"),
    "1 + exp": (5, "exp alone"),
    "exp(x, s)": (1, "2 arguments of exp"),
    "binomial(x)": (1, "1 arguments of binomial"),
    "max()": (1, "0 arguments of max"),
    "exp(*x)": (5, "Starred"),
    "exp(**x)": (1, "Call"),
    "exp(x)(s)": (1, "Call"),
    "1 + x//2": (5, "BinOp"),
    "x # s": (3, "'#'"),
    "1 + x.real": (6, "'.'"),
    "__import__('os').system('x')": (1, "__import__"),
    "x.__class__": (2, "'.'"),
    "lambda: 0": (1, "lambda"),
    "[x for x in (1,)]": (1, "'['"),
    "x if x else x": (3, "'if'"),
    "x and s": (3, "'and'"),
    "f'{x}'": (2, '"\'"'),
    "(x := 1)": (4, "':'"),
    "'x'": (1, '"\'"'),
    "x < s": (3, "'<'"),
    "x; s": (2, "';'"),
    "x\\\n": (2, "character"),
    "x\0": (2, "character"),
    "ｘ + 1": (1, "character"),  # NFKC makes it an x
    "x + ℯxp(s)": (5, "character"),
    "σ": (1, "character"),
    "١ + x": (1, "character"),  # a digit, but not ours
    "a__b": (1, "a__b"),
    "_x": (1, "_x"),
    "y" * 41: (1, "yyy"),
    "1 + oo": (5, "the constant oo"),
    "I*x": (1, "the constant I"),
    "zoo": (1, "the constant zoo"),
    "nan": (1, "the constant nan"),
    "cos(atan(1e-300 - 1e300))": (1, "a root"),
    "tanh(acosh(10**900))": (1, "a root"),
    "normal_cdf(asin(sin(pi**750)))": (12, "cannot be computed"),  # an AttributeError inside SymPy
    "x + 1/0": (5, "zoo"),
    "x + log(0)": (5, "zoo"),
    "0*log(0)": (3, "zoo"),
    "tan(pi/2)": (1, "zoo"),
    "gamma(-1)": (1, "zoo"),
    "atanh(1)": (1, "oo"),
    "sqrt(-1)**2": (1, "the value I"),
    "x*sqrt(-s)": (3, "the value"),
    "log(-1)": (1, "I*pi"),
    "1 + asin(2)": (5, "*I"),
    "(-8)**(1/3)": (1, "*I"),
    "1/((1 + sqrt(2))**2 - 3 - 2*sqrt(2))": (4, "told from zero"),
}

ATTACKS = {  # formula -> a word of the message
    "9**9**9": "more than 1000 digits",
    "2**(10**10)": "more than 1000 digits",
    "2**-(10**10)": "more than 1000 digits",
    "(1 + 1/10**50)**(10**50)": "more than 1000 digits",
    "pi**pi**pi**pi": "more than 1000 digits",
    "(10**900 + 7)**(1/3)": "a root",
    "exp(log(10**900 + 7)/3)": "a root",
    "factorial(10**7)": "over 1000",
    "gamma(10**7)": "over 1000",
    "binomial(10**9, 5*10**8)": "over 1000",
    "binomial(x, 10**9)": "over 1000",
    "binomial(pi, 1000)": "irrational",
    "factorial(factorial(factorial(6)))": "over 1000",
    "exp(exp(exp(100)))": "over 2302",
    "Max(exp(exp(exp(100))), 1)": "over 2302",
    "erfc(10**300)": "over 2302",
    "1e999999999*x": "a long number",
    "1e-999999999": "a long number",
    "1e" + "9" * 500: "a long number",
    "1e000000000999999999": "a long number",
    "9" * 61: "a long number",
    "10**900*10**900*10**900*10**900": "more than 3000 digits",
    "x*10**900*10**900*10**900*10**900": "more than 3000 digits",
    "x**101": "over 100",
    "x**60*x**60": "over 100",
    "(x**100)**100": "over 100",
    "(10**900*x)**100": "more than 1000 digits",
    # powers that SymPy would multiply out by itself
    "exp(log(2)*10**10)": "over 2302",
    "exp(log(2)*10**10 + x)": "over 2302",
    "sigmoid(log(2)*10**10 + x)": "over 2302",
    "2**(x + 10**10)*2**(-x)": "more than 1000 digits",
    "(2**(10**10*x))**(1/x)": "more than 1000 digits",
    "(2**x)**(10**10/x)": "over 100",
    "(2**(1000*x))**(100/x)": "more than 3000 digits",
    "max(" + ",".join(f"y{i}" for i in range(200)) + ")": "more than 12 arguments",
    "max(" * 12 + "x" + "".join(f", y{i})" for i in range(12)): "more than 12 arguments",
    "(" * 3000 + "x" + ")" * 3000: "too large or too deep",
    "(" * 900 + "x" + ")" * 900: "too large or too deep",
    "x" * 10**6: "too large or too deep",
    "-" * 1999 + "x": "too large or too deep",
    "-" * 100 + "x": "too large or too deep",
    "x" + "**x" * 100: "too large or too deep",
    "+".join(["x"] * 400): "too large or too deep",
}


@pytest.mark.parametrize(("text", "meaning"), MEANINGS.items())
def test_a_formula_means_what_it_says(text: str, meaning: sp.Expr) -> None:
    assert parse(text) == meaning


@pytest.mark.parametrize(("text", "column", "words"), [(text, *rest) for text, rest in COMPLAINTS.items()])
def test_an_error_names_the_column(text: str, column: int, words: str) -> None:
    with pytest.raises(FormulaError) as raised:
        parse(text)
    assert raised.value.given.startswith(f"column {column} of ")
    assert words in str(raised.value)


@pytest.mark.parametrize(("text", "words"), ATTACKS.items(), ids=[text[:30] for text in ATTACKS])
def test_what_would_not_end_is_refused(text: str, words: str) -> None:
    with pytest.raises(FormulaError, match=words) as raised:
        parse(text)
    assert len(str(raised.value)) < 500


def test_a_long_sum_is_not_a_deep_one() -> None:
    assert parse("+".join(["x"] * 240)) == 240 * x


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_of_the_table_is_a_formula(name: str) -> None:
    arity = FUNCTIONS[name][0] or 2
    assert parse(f"{name}({', '.join(['x', 's'][:arity])})").free_symbols <= {x, s}


def test_only_the_symbols_that_are_listed_are_known() -> None:
    assert parse("x + s", symbols=["x", "s"]) == x + s
    assert parse("gamma*x", symbols=["x", "gamma"]) == symbol("gamma") * x
    with pytest.raises(FormulaError, match=r"column 5 of 'x \+ t': the name t; wanted: a known symbol; try: s, x"):
        parse("x + t", symbols=["x", "s"])


def test_a_formula_is_a_string() -> None:
    with pytest.raises(FormulaError, match="of type int"):
        parse(3)  # type: ignore[arg-type]


def test_symbols_have_the_signs_of_their_names() -> None:
    signs = {name: symbol(name).is_positive for name in ("x", "u", "v", "z", "c", "rho", "sigma_w", "xi", "L")}
    assert [name for name, sign in signs.items() if sign] == ["sigma_w", "xi", "L"]
    assert all(symbol(name).is_real for name in signs)


BAD_NAMES = ["__import__('os')", "x + 1", "", "lambda", "None", "1x", "_x", "a__b", "x" * 41, "x\n", "ｘ", "a.b", r"\s"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_could_be_code_is_refused(name: str) -> None:
    for entrance in (check_name, symbol, lambda name: exact(sp.Symbol(name) + 1), lambda name: exact(sp.Dummy(name))):
        with pytest.raises(FormulaError, match="the name"):
            entrance(name)


@pytest.mark.parametrize("expr", [sp.Function("f")(x), sp.Function("__import__('os')")(x), sp.MatrixSymbol("A", 2, 2)])
def test_functions_without_a_formula_are_refused(expr: sp.Expr) -> None:
    with pytest.raises(FormulaError, match="functions with a formula"):
        exact(expr)


EXACT = [
    (3, 3),
    (0.1, sp.Rational(1, 10)),
    (0.1 + 0.2, sp.Rational("0.30000000000000004")),
    (-0.0, 0),
    (1e300, sp.Integer(10) ** 300),
    (5e-324, sp.Rational(5, 10**324)),
    (Fraction(1, 3), sp.Rational(1, 3)),
    (Decimal("0.10"), sp.Rational(1, 10)),
    (np.float64(0.1), sp.Rational(1, 10)),
    (np.int64(7), 7),
    ("1/3", sp.Rational(1, 3)),
    ("s**2", s**2),
    (s**2, s**2),
    (sp.Float(0.1) * x, x / 10),
    (sp.Float(0.1 + 0.2), sp.Rational("0.30000000000000004")),
    (sp.Float("0.1", 30), sp.Rational(1, 10)),
    (sp.sqrt(2), sp.sqrt(2)),
]


@pytest.mark.parametrize(("value", "meaning"), EXACT, ids=[str(value) for value, _ in EXACT])
def test_numbers_are_kept_exactly(value: object, meaning: object) -> None:
    kept = exact(value)
    assert kept == meaning
    assert isinstance(kept, sp.Expr)
    assert not kept.has(sp.Float)


REFUSED = [
    *(True, np.True_, None, 1j, np.complex128(1), math.nan, math.inf, np.float64("nan"), np.longdouble(1), [1], b"1"),
    *(np.array(1.0), Decimal("NaN"), Decimal("Infinity"), Decimal("1e999999999"), Decimal("1e-999999999")),
    *(
        sp.nan,
        sp.oo,
        sp.zoo,
        sp.I,
        sp.true,
        x > 0,
        x + sp.I,
        sp.asin(2),
        s * sp.asin(2),
        sp.Float("1e400"),
        sp.sqrt(-s),
    ),
]


@pytest.mark.parametrize("value", REFUSED, ids=[f"{type(value).__name__} {value}" for value in REFUSED])
def test_other_values_are_refused_by_name(value: object) -> None:
    with pytest.raises(DomainError, match=r"^w_var is .* of type .*; wanted: a finite real number or formula"):
        exact(value, "w_var")


def test_constants_are_numbers_that_can_be_computed_at_once() -> None:
    t = sp.Symbol("t", real=True)
    assert [is_constant(e) for e in (sp.pi + 1, sp.Integral(t, (t, 0, 1)), t)] == [True, False, False]


def test_the_measure_lets_moderate_work_pass() -> None:
    moderate = {sp.Pow: (sp.Integer(2), sp.Integer(3000)), sp.gamma: (sp.Integer(1000),), sp.Max: (x, s)}
    assert [overgrown(head, args) for head, args in moderate.items()] == [None, None, None]
