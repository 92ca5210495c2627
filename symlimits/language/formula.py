"""Formulas at the door: text, numbers and SymPy expressions become exact, real and harmless.

No string is ever evaluated: a formula is cut into tokens, read by Python's `ast`, and
rebuilt from the tables below. Every construction that SymPy would carry out at once
(a power, a factorial) is measured before it is made.
"""

from __future__ import annotations

import ast
import keyword
import math
import re
from collections.abc import Callable, Collection
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction

import numpy as np
import sympy as sp
from sympy.core.evalf import PrecisionExhausted
from sympy.core.function import AppliedUndef
from sympy.core.symbol import Str

from symlimits.errors import DomainError, FormulaError

MAX_LENGTH, MAX_DEPTH, MAX_NODES = 2000, 60, 500  # of a formula: characters, nesting, nodes
MAX_LITERAL = 60  # digits of a number as it is written
MAX_TENS = 330  # powers of ten of a decimal: all of float64 fits
MAX_POWER = 1000  # decimal digits that one power may have
MAX_ROOT = 100  # digits under a root, which SymPy tries to factor
MAX_DIGITS = 3000  # decimal digits of any constant: 1000! fits
MAX_EXPONENT = 100  # of a symbol
MAX_ALTERNATIVES = 12  # of a Max or Min, which SymPy compares pair by pair

# These may have either sign; every other symbol is positive (a variance, a width, a slope, a depth).
REAL_SYMBOLS = frozenset({"x", "u", "v", "z", "c", "rho"})
CONSTANTS = {"pi": sp.pi, "E": sp.E}
NOT_REAL = (sp.I, sp.nan, sp.zoo, sp.oo, -sp.oo)
UNKNOWN_NUMBERS = frozenset({"I", "oo", "zoo", "nan", "inf"})
UNFINISHED = (sp.Integral, sp.Sum, sp.Derivative)  # never computed at the door


def _sigmoid(argument: sp.Expr) -> sp.Expr:
    return 1 / (1 + sp.exp(-argument))


FUNCTIONS: dict[str, tuple[int | None, Callable[..., sp.Expr]]] = {  # arity (None: any but zero) and constructor
    **{cls.__name__: (1, cls) for cls in (sp.sqrt, sp.exp, sp.log, sp.sin, sp.cos, sp.tan, sp.asin, sp.acos, sp.atan)},
    **{cls.__name__: (1, cls) for cls in (sp.sinh, sp.cosh, sp.tanh, sp.asinh, sp.acosh, sp.atanh, sp.erf, sp.erfc)},
    **{cls.__name__: (1, cls) for cls in (sp.Abs, sp.sign, sp.gamma, sp.factorial)},
    **{"abs": (1, sp.Abs), "max": (None, sp.Max), "Max": (None, sp.Max), "min": (None, sp.Min), "Min": (None, sp.Min)},
    **dict.fromkeys(("Heaviside", "step"), (1, lambda argument: sp.Heaviside(argument, sp.Rational(1, 2)))),
    "binomial": (2, sp.binomial),
    "relu": (1, lambda argument: sp.Max(argument, 0)),
    "sigmoid": (1, _sigmoid),
    "normal_cdf": (1, lambda argument: (1 + sp.erf(argument / sp.sqrt(2))) / 2),
}
OPERATORS: dict[type[ast.AST], Callable[..., sp.Expr]] = {
    ast.Add: sp.Add,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: sp.Mul,
    ast.Div: lambda left, right: left / right,
    ast.Pow: sp.Pow,
    ast.UAdd: lambda operand: operand,
    ast.USub: lambda operand: -operand,
}
# The largest argument: exp(y log 2) is 2**y, which SymPy multiplies out; the others just grow fast.
MAX_ARGUMENT = {_sigmoid: 2302, sp.exp: 2302, sp.sinh: 2302, sp.cosh: 2302, sp.erfc: 2302} | dict.fromkeys(
    (sp.gamma, sp.factorial, sp.binomial), 1000
)

_TOKEN = re.compile(
    r"(?P<name>[A-Za-z_]\w*+)"
    r"|(?P<number>(?P<digits>\d++\.?+\d*+|\.\d++)(?:[eE](?P<tens>[+-]?\d++))?+)(?![\w.])"
    r"|(?P<bracket>[()])|\*\*?|[-+/,]|\s",
    re.ASCII,
)
_NAME = re.compile(r"(?!.*__)[A-Za-z][A-Za-z0-9_]{0,39}")
_ALLOWED = "names, numbers, + - * / **, parentheses and functions"


def check_name(name: str) -> str:
    """The same name, if it may name a symbol: SymPy prints names into code, which is then run.

    A name has at most 40 letters, digits and single underscores, begins with a letter,
    and is no Python keyword; otherwise `FormulaError`.

    >>> check_name("sigma_w")
    'sigma_w'
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or keyword.iskeyword(name):
        wanted = "at most 40 letters, digits and single underscores, a letter first, no Python keyword"
        raise FormulaError(f"the name {_brief(repr(name))}", wanted, "a name such as sigma_w")
    return name


def symbol(name: str) -> sp.Symbol:
    """The symbol of that name: real for x, u, v, z, c and rho, positive for every other name.

    >>> symbol("x").is_positive, symbol("sigma_w").is_positive
    (None, True)
    """
    assumption = "real" if name in REAL_SYMBOLS else "positive"
    return sp.Symbol(check_name(name), **{assumption: True})


def parse(text: str, symbols: Collection[str] | None = None) -> sp.Expr:
    """The expression that a formula says, in exact arithmetic, without running any of it.

    `text` holds names, numbers (decimals are exact), + - * / **, parentheses, the functions
    of `FUNCTIONS` and the constants pi and E; `symbols` lists the names allowed (default: any).
    Anything else, a constant that is not a finite real number, and a formula too large to
    be written by hand raise `FormulaError`, which names the column.

    >>> parse("x*(1 + erf(x/sqrt(2)))/2 + 0.1")
    x*(erf(sqrt(2)*x/2) + 1)/2 + 1/10
    >>> parse("f(x)")
    Traceback (most recent call last):
    ...
    symlimits.errors.FormulaError: column 1 of 'f(x)': the name f; wanted: a known function; try: erf, erfc, factorial
    """
    return _Parser(text, symbols).expression()


def exact(value: object, name: str = "value") -> sp.Expr:
    """A numeric argument as an exact, finite, real SymPy expression.

    `value` is an integer, a fraction, a float or Decimal (kept as the decimal it prints as),
    a NumPy scalar, a formula or a SymPy expression; `name` is what an error calls it.
    Raises `DomainError` for any other value, `FormulaError` for a formula not understood.

    >>> exact(0.1), exact("sigma_w**2 / 2"), exact(3)
    (1/10, sigma_w**2/2, 3)
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return parse(value)
    if isinstance(value, sp.Expr):
        return _checked(value, name)
    if isinstance(value, int | Fraction) and not isinstance(value, bool):
        return sp.Rational(value)
    if isinstance(value, float | Decimal):
        return _decimal(Decimal(repr(value)) if isinstance(value, float) else value, name)
    raise _not_exact(value, name)


def overgrown(head: object, args: tuple[sp.Expr, ...]) -> str | None:
    """Why `head(*args)` would be too large to compute, or None if it is not.

    >>> overgrown(sp.Pow, (sp.Integer(9), sp.Integer(9) ** 9))
    'a power of more than 1000 digits'
    """
    if head is sp.Pow:
        return _overgrown_power(*args)
    if head in (sp.Max, sp.Min) and sum(len(a.args) if a.func is head else 1 for a in args) > MAX_ALTERNATIVES:
        return f"more than {MAX_ALTERNATIVES} arguments"
    if head is sp.binomial and is_constant(args[0]) and not args[0].is_Rational:
        return "a binomial of an irrational number"  # which SymPy multiplies out
    largest = MAX_ARGUMENT.get(head, 10**MAX_DIGITS)
    if any(size > largest for argument in args for size in _coefficients(argument)):
        return f"an argument over {largest}" if head in MAX_ARGUMENT else f"a number of more than {MAX_DIGITS} digits"
    return None


def is_constant(expr: sp.Basic) -> bool:
    """Whether an expression is a number that can be computed at once (no integral, no sum).

    >>> is_constant(sp.sqrt(2) + 1), is_constant(symbol("x"))
    (True, False)
    """
    return bool(getattr(expr, "is_number", False)) and not expr.has(*UNFINISHED)


class _Parser:
    """One formula on its way from text to expression."""

    def __init__(self, text: str, symbols: Collection[str] | None) -> None:
        if not isinstance(text, str):
            raise FormulaError(f"a formula of type {type(text).__name__}", "a string", "parse('x**2')")
        self.text, self.symbols = text, symbols

    def expression(self) -> sp.Expr:
        self.check_tokens()
        # The outer parentheses let a formula begin with a space, and make ast's columns count from one.
        source = re.sub(r"\s", " ", f"({self.text})")
        try:
            tree = ast.parse(source, mode="eval").body
        except SyntaxError as error:
            column = min(max((error.offset or 1) - 1, 1), len(self.text) + 1)
            raise self.error(column, "not a formula", _ALLOWED, "writing every product with *") from None
        except (MemoryError, RecursionError, ValueError):
            raise self.too_large(1) from None
        if sum(isinstance(node, ast.expr) for node in ast.walk(tree)) > MAX_NODES:
            raise self.too_large(1)
        try:
            return self.build(tree, 0)
        except RecursionError:
            raise self.too_large(1) from None

    def error(self, column: int, given: str, wanted: str, advice: str) -> FormulaError:
        return FormulaError(f"column {column} of {_brief(repr(self.text))}: {given}", wanted, advice)

    def too_large(self, column: int) -> FormulaError:
        wanted = f"at most {MAX_LENGTH} characters, {MAX_NODES} terms and {MAX_DEPTH} levels of nesting"
        return self.error(column, "a formula too large or too deep", wanted, "giving its parts names of their own")

    def check_tokens(self) -> None:
        """Refuse, before Python's own parser sees them, strange characters, names and numbers."""
        if len(self.text) > MAX_LENGTH:
            raise self.too_large(MAX_LENGTH + 1)
        position = depth = 0
        while position < len(self.text):
            token, column = _TOKEN.match(self.text, position), position + 1
            if token is None:
                raise self.strange(column)
            if name := token["name"]:
                self.check_symbol(name, column)
            too_long = token["number"] and sum(map(str.isdigit, token["digits"])) > MAX_LITERAL
            if too_long or abs(int(token["tens"] or "0")) > MAX_TENS:
                wanted = f"at most {MAX_LITERAL} digits and e-{MAX_TENS} to e+{MAX_TENS}"
                raise self.error(column, "a long number", wanted, "rounding it, or a power such as 10**20")
            depth += {"(": 1, ")": -1}.get(token[0], 0)
            if depth < 0:
                raise self.error(column, "a parenthesis that closes nothing", "matched parentheses", "counting them")
            if depth > MAX_DEPTH:
                raise self.too_large(column)
            position = token.end()
        if depth or not self.text.strip():
            given, advice = ("a parenthesis is missing", "')'") if depth else ("nothing", "'x**2'")
            raise self.error(len(self.text) + 1, given, "a whole formula", advice)

    def strange(self, column: int) -> FormulaError:
        character = self.text[column - 1]
        if character.isascii() and character.isdigit():
            return self.error(column, "a malformed number", "a decimal such as 2, 0.5 or 1e-3", "2*x for 2x")
        advice = "** for a power" if character == "^" else "'x**2/(1 + exp(-x))'"
        return self.error(column, f"the character {character!r}", _ALLOWED, advice)

    def check_symbol(self, name: str, column: int) -> None:
        try:
            check_name(name)
        except FormulaError as error:
            raise self.error(column, error.given, error.wanted, error.advice) from None
        if name in UNKNOWN_NUMBERS:
            raise self.error(column, f"the constant {name}", "a finite real formula", "a limit taken beforehand")

    def build(self, node: ast.AST, depth: int) -> sp.Expr:
        column = max(getattr(node, "col_offset", 1), 1)  # a bare comma begins at the outer parenthesis
        if depth > MAX_DEPTH:
            raise self.too_large(column)
        match node:
            case ast.Constant():
                return sp.Rational(Fraction(self.text[column - 1 : (node.end_col_offset or 0) - 1]))
            case ast.Name(id=name):
                return self.name(name, column)
            case ast.UnaryOp(op=op, operand=operand) if type(op) in OPERATORS:
                return self.make(column, OPERATORS[type(op)], self.build(operand, depth + 1))
            case ast.BinOp(op=op) if type(op) in OPERATORS:
                return self.chain(node, depth)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                function = self.function(name, len(arguments), column)
                return self.make(column, function, *(self.build(argument, depth + 1) for argument in arguments))
        raise self.error(column, f"the construct {type(node).__name__}", _ALLOWED, "writing every product with *")

    def chain(self, node: ast.AST, depth: int) -> sp.Expr:
        """a + b + c + ..., which Python nests to the left, term by term: a long sum is not a deep one."""
        links: list[ast.BinOp] = []
        while isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            links.append(node)
            node = node.left
        value = self.build(node, depth + 1)
        for link in reversed(links):
            right = self.build(link.right, depth + 1)
            value = self.make(link.col_offset, OPERATORS[type(link.op)], value, right)
        return value

    def name(self, name: str, column: int) -> sp.Expr:
        if name in CONSTANTS:
            return CONSTANTS[name]
        if self.symbols is None and name in FUNCTIONS:
            raise self.error(column, f"the function {name} alone", "an argument in parentheses", f"{name}(x)")
        if self.symbols is not None and name not in self.symbols:
            raise self.error(
                column, f"the name {name}", "a known symbol", ", ".join(sorted(self.symbols)) or "a number"
            )
        return symbol(name)

    def function(self, name: str, count: int, column: int) -> Callable[..., sp.Expr]:
        if name not in FUNCTIONS:
            near = ", ".join(get_close_matches(name, FUNCTIONS, cutoff=0))
            raise self.error(column, f"the name {name}", "a known function", near)
        arity, constructor = FUNCTIONS[name]
        if count != arity and (arity is not None or count == 0):
            wanted = f"{arity or 'one or more'} of them"
            raise self.error(column, f"{count} arguments of {name}", wanted, f"{name}({'x, y' if arity == 2 else 'x'})")
        return constructor

    def make(self, column: int, head: Callable[..., sp.Expr], *args: sp.Expr) -> sp.Expr:
        """`head(*args)`, measured before it is computed and looked at afterwards."""
        try:
            complaint = overgrown(sp.Pow, (*args, sp.S.Half)) if head is sp.sqrt else overgrown(head, args)
            if not complaint:
                value = head(*args)
                complaint = _unreal(value) or _swollen(value)
        except Exception:  # SymPy meets strange constants with errors of every class
            complaint = "a value that cannot be computed"
        if complaint:
            raise self.error(column, complaint, "a finite real number of moderate size", "a smaller or simpler term")
        return value


def _coefficients(expr: sp.Expr) -> list[sp.Expr]:
    """The sizes of the constants in a sum: of its numbers, and of the coefficients of its symbols."""
    if is_constant(expr):
        return [_size(expr)]
    return [_size(term if is_constant(term) else term.as_coeff_Mul()[0]) for term in sp.Add.make_args(expr)]


def _size(constant: sp.Expr) -> sp.Expr:
    """The absolute value of a constant, to a few digits; zero if it cannot be computed."""
    value = abs(constant if constant.is_Rational else constant.evalf(15))
    return value if value.is_Rational or value.is_Float else sp.Integer(0)


def _digits(base: sp.Expr) -> float:
    """The number of decimal digits that a first power of `base` has: its own, or its coefficient's."""
    number = base if is_constant(base) else base.as_coeff_Mul()[0]
    if number.is_Rational:
        return math.log10(max(abs(number.p), number.q))
    size = _size(number)
    return abs(float(sp.log(size, 10))) if size else 0.0


def _overgrown_power(base: sp.Expr, exponent: sp.Expr) -> str | None:
    digits, sizes = _digits(base), _coefficients(exponent)
    if digits and any(size > MAX_POWER / digits for size in sizes):
        return f"a power of more than {MAX_POWER} digits"
    if digits > MAX_ROOT and not exponent.is_Integer:
        return f"a root of more than {MAX_ROOT} digits"
    if not is_constant(base) and any(size > MAX_EXPONENT for size in sizes):
        return f"an exponent over {MAX_EXPONENT}"
    return None


def _unreal(expr: sp.Expr) -> str | None:
    """Why an expression is no finite real number, or None if it may be one."""
    if expr.has(*NOT_REAL):
        return f"the value {_brief(expr)}"
    if is_constant(expr) and not expr.is_Rational:
        try:
            value = expr.evalf(15, strict=True)
        except PrecisionExhausted:
            return "a constant that cannot be told from zero"
        if not (value.is_Float or value.is_Rational):
            return f"the value {_brief(value)}"
    return None


def _swollen(expr: sp.Expr) -> str | None:
    """Why what SymPy made of small parts is too large, or None if it is not."""
    numbers = [expr, *expr.atoms(sp.Rational)] if is_constant(expr) else expr.atoms(sp.Rational)
    if any(_digits(number) > MAX_DIGITS for number in numbers):
        return f"a number of more than {MAX_DIGITS} digits"
    return next(filter(None, (overgrown(power.func, power.args) for power in expr.atoms(sp.Pow, sp.exp))), None)


def _checked(expr: sp.Expr, name: str) -> sp.Expr:
    """A SymPy expression, with exact numbers, if its names are names and its constants real."""
    for node in sp.preorder_traversal(expr):
        if isinstance(node, sp.Symbol):
            check_name(node.name)
        elif isinstance(node, AppliedUndef | Str):
            raise FormulaError(f"{_brief(node)} in {name}", "functions with a formula", "writing the function out")
    if expr.has(*NOT_REAL) or any(number.is_extended_real is False for number in expr.atoms(sp.Function, sp.Pow)):
        raise _not_exact(expr, name)
    # A double is kept as Python prints it; SymPy's own 15 digits would lose the last two.
    digits = {number: repr(float(number)) if number._prec == 53 else str(number) for number in expr.atoms(sp.Float)}
    expr = expr.xreplace({number: _decimal(Decimal(text), name) for number, text in digits.items()})
    if _unreal(expr):
        raise _not_exact(expr, name)
    return expr


def _decimal(value: Decimal, name: str) -> sp.Rational:
    if not value.is_finite() or abs(value.adjusted()) > MAX_TENS or len(value.as_tuple().digits) > MAX_DIGITS:
        raise _not_exact(value, name)
    return sp.Rational(Fraction(value))


def _not_exact(value: object, name: str) -> DomainError:
    given = f"{name} is {_brief(value)} of type {type(value).__name__}"
    return DomainError(given, "a finite real number or formula", "0.5, '1/2', Fraction(1, 2) or 'sigma_w**2'")


def _brief(value: object) -> str:
    try:
        text = str(value)
    except (ValueError, RecursionError):  # an integer of more digits than Python prints
        text = f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."
