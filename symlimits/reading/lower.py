"""From an expression to scalar Python source that Numba compiles, and compiles well.

A dual activation is singular where c^2 = p q. There its source reads s = sqrt(p q - c^2), computed
without cancellation, instead of differences: square roots of polynomials in c are written in p, q
and s^2, and arcsin(y / x) as the angle of the vector (sqrt(x^2 - y^2), y).
"""

from __future__ import annotations

from collections.abc import Iterable

import sympy as sp
from sympy.core.relational import Relational
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.logic.boolalg import BooleanAtom
from sympy.printing.pycode import PythonCodePrinter

from symlimits.errors import NoRule, UnboundSymbol
from symlimits.language.crossings import Crossing
from symlimits.language.expectation import GaussianExpectation
from symlimits.reading import waves
from symlimits.reading.waves import c, p, q

S = sp.Symbol("s", nonnegative=True)  # sqrt(p q - c^2)
RHO = sp.Symbol("rho", real=True)  # c / sqrt(p q), and 0 where a variance is 0


LARGEST_INTEGER = 2**53  # a longer one is written as a float
# What has source. SymPy's printer knows more, and writes names of bound symbols as they are.
HEADS = (
    sp.Symbol,
    sp.Number,
    sp.NumberSymbol,
    sp.Add,
    sp.Mul,
    sp.Pow,
    sp.exp,
    sp.log,
    sp.sin,
    sp.cos,
    sp.tan,
    *(sp.asin, sp.acos, sp.atan, sp.sinh, sp.cosh, sp.tanh, sp.asinh, sp.acosh, sp.atanh, sp.erf, sp.erfc, sp.gamma),
    *(sp.Abs, sp.Max, sp.Min, sp.sign, sp.Heaviside, sp.Piecewise, ExprCondPair, Relational, sp.And, sp.Or, sp.Not),
    *(BooleanAtom, Crossing),
)


class arc(sp.Function):
    """arc(y, x): the angle of the vector (x, y), x >= 0; arcsin(y / sqrt(x^2 + y^2))."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        y, x = self.args
        return (x if argindex == 1 else -y) / (x**2 + y**2)


class arcsin(sp.Function):
    """asin of an argument that rounding may carry beyond one."""


class root(sp.Function):
    """root(a, b): the square root of a, which rounding may carry below zero where its terms are as large as b."""


class difference(sp.Function):
    """difference(a, b, x, y): a b - x y without cancellation, and zero where rounding makes it negative."""


class log1pexp(sp.Function):
    """log(1 + exp(a)), which does not overflow."""


class _Printer(PythonCodePrinter):
    """Scalar `math` source: constants as floats, powers as products and square roots."""

    def __init__(self) -> None:
        super().__init__({"fully_qualified_modules": False, "allow_unknown_functions": False})

    def _print(self, expr: sp.Basic, **kwargs: object) -> str:
        if _is_constant(expr) and not (expr.is_Integer and abs(expr) < LARGEST_INTEGER):
            return _literal(expr)
        return super()._print(expr, **kwargs)

    def _print_Pow(self, expr: sp.Pow, **_: object) -> str:
        base, exponent = expr.as_base_exp()
        doubled = 2 * exponent
        if not doubled.is_Integer or abs(doubled) > 40:
            return f"pow({self._print(base)}, {self._print(exponent)})"
        factor = self._print(base) if base.is_Symbol else f"({self._print(base)})"
        root = [f"sqrt({self._print(base)})"] if doubled % 2 else []
        factors = [factor] * (abs(int(doubled)) // 2) + root
        product = factors[0] if len(factors) == 1 else f"({'*'.join(factors)})"
        return product if doubled > 0 else f"(1.0/{product})"

    def _print_difference(self, expr: difference) -> str:
        return f"gap_of_products({', '.join(self._print(arg) for arg in expr.args)})"

    def _print_arc(self, expr: arc) -> str:
        y, x = expr.args
        return f"angle_between({self._print(x)}, {self._print(y)})"

    def _print_arcsin(self, expr: arcsin) -> str:
        return f"asin_within({self._print(expr.args[0])})"

    def _print_root(self, expr: root) -> str:
        return f"root_within({self._print(expr.args[0])}, {self._print(expr.args[1])})"

    def _print_call(self, expr: sp.Function) -> str:
        return f"{expr.func.__name__}({', '.join(map(self._print, expr.args))})"

    _print_exp_sinh = _print_exp_cosh = _print_top_sinh = _print_top_cosh = _print_call

    def _print_less(self, expr: waves.less) -> str:
        return f"({self._print(expr.args[0])} - {self._print(expr.args[1])})"

    def _print_toward(self, expr: waves.toward) -> str:
        at, here, there = map(self._print, expr.args)
        return f"({here} if {at} >= 0.0 else {there})"

    def _print_log1pexp(self, expr: log1pexp) -> str:
        argument = self._print(expr.args[0])
        return f"(max({argument}, 0.0) + log1p(exp(-abs({argument}))))"

    def _print_log(self, expr: sp.log) -> str:
        one, rest = expr.args[0].as_coeff_Add()
        return f"log1p({self._print(rest)})" if one == 1 else f"log({self._print(expr.args[0])})"

    def _print_Max(self, expr: sp.Max) -> str:
        return f"max({', '.join(self._print(arg) for arg in expr.args)})"

    def _print_Min(self, expr: sp.Min) -> str:
        return f"min({', '.join(self._print(arg) for arg in expr.args)})"

    def _print_Abs(self, expr: sp.Abs) -> str:
        return f"abs({self._print(expr.args[0])})"

    def _print_Heaviside(self, expr: sp.Heaviside) -> str:
        argument = self._print(expr.args[0])
        return f"(1.0 if {argument} > 0.0 else 0.5 if {argument} == 0.0 else 0.0)"

    def _print_sign(self, expr: sp.sign) -> str:
        argument = self._print(expr.args[0])
        return f"(1.0 if {argument} > 0.0 else -1.0 if {argument} < 0.0 else 0.0)"


def _is_constant(expr: sp.Basic) -> bool:
    return isinstance(expr, sp.Expr) and expr.is_number and not expr.has(*_OURS)


def _literal(number: sp.Expr) -> str:
    value = number.evalf(30)
    if not value.is_real or not value.is_finite:
        raise NoRule(f"compiled code for {number}", "a finite real number", "a point inside the domain")
    return repr(float(value))


def statements(results: dict[str, sp.Expr], names: dict[sp.Symbol, str]) -> str:
    """Python statements that assign every result, shared subexpressions first.

    `names` gives the source name of every symbol. Raises `UnboundSymbol` for any other symbol and
    `NoRule` for what has no source. No user's text reaches the source: names come from the caller.

    >>> x = sp.Symbol("x")
    >>> print(statements({"y": sp.sqrt(x + 1) + 1 / sp.sqrt(x + 1)}, {x: "a0"}))
    t0 = sqrt(a0 + 1)
    y = t0 + (1.0/t0)
    """
    for expr in results.values():
        _check(expr, names)
    results = {name: _without_overflow(sp.sympify(expr)) for name, expr in results.items()}
    safe = {symbol: sp.Symbol(f"_{i}_") for i, symbol in enumerate(names)}
    exprs = [expr.xreplace(safe) for expr in results.values()]
    shared, exprs = sp.cse(_roots_first(exprs), symbols=(sp.Symbol(f"t{i}") for i in range(10**6)))
    printer = _Printer()
    lines = [f"{symbol} = {printer.doprint(expr)}" for symbol, expr in shared]
    lines += [f"{name} = {printer.doprint(expr)}" for name, expr in zip(results, exprs, strict=True)]
    text = "\n".join(lines)
    for i, name in enumerate(names.values()):
        text = text.replace(f"_{i}_", name)
    return text


def _without_overflow(expr: sp.Expr) -> sp.Expr:
    """Products and logarithms of exponentials in forms that are finite where their values are."""
    return _soft(waves.without_overflow(expr.replace(sp.Mul, _logistic)))


def in_finite_forms(expr: sp.Expr) -> sp.Expr:
    """Logistic functions and log(1 + exp(a)) in forms that are finite where their values are."""
    return _soft(expr.replace(sp.Mul, _logistic))


def _soft(expr: sp.Expr) -> sp.Expr:
    return expr.replace(_is_softplus, lambda node: log1pexp(_exponent(node.args[0])))


def _is_softplus(node: sp.Basic) -> bool:
    return isinstance(node, sp.log) and _exponent(node.args[0]) is not None


def _exponent(base: sp.Expr) -> sp.Expr | None:
    """The a of 1 + exp(a)."""
    rest = base - 1
    return rest.args[0] if isinstance(rest, sp.exp) else None


def _logistic(*factors: sp.Expr) -> sp.Expr:
    """exp(a)/(1 + exp(a)) as 1/(1 + exp(-a))."""
    for factor in factors:
        base, power = factor.as_base_exp()
        wave = None if power.is_positive is not False else _exponent(base)
        if wave is not None and sp.exp(wave) in factors:
            rest = [other for other in factors if other not in (factor, sp.exp(wave))]
            return sp.Mul(*rest, base ** (power + 1), 1 / (1 + sp.exp(-wave)))
    return sp.Mul(*factors)


def check_closed(expr: sp.Expr) -> None:
    """Raise `NoRule` where an expectation or integral is left."""
    if expr.has(GaussianExpectation, sp.Integral):
        raise NoRule(
            "compiled code for an expectation without closed form",
            "a closed form",
            "`.reference(...)` or `.evaluate(...)`: quadrature to any precision",
        )


def _check(expr: sp.Expr, names: Iterable[sp.Symbol]) -> None:
    check_closed(expr)
    unbound = sorted(symbol.name for symbol in expr.free_symbols - set(names))
    if unbound:
        raise UnboundSymbol(
            f"{', '.join(unbound)} without a value", "a number for every symbol", f".bind({unbound[0]}=...)"
        )
    strange = next((node for node in sp.preorder_traversal(expr) if not isinstance(node, (*HEADS, *_OURS))), None)
    if strange is not None:
        raise NoRule(
            f"compiled code for {type(strange).__name__}",
            "an expression of elementary functions and erf",
            "`.reference(...)` or `.evaluate(...)`, which need no closed form",
        )


def _roots_first(exprs: list[sp.Expr]) -> list[sp.Expr]:
    """Half-integer powers as powers of one square root, so that it is computed once."""

    def is_half(node: sp.Basic) -> bool:
        return node.is_Pow and node.exp.is_Rational and node.exp.q == 2 and not node.is_number

    return [expr.replace(is_half, lambda power: sp.Pow(_Root(power.base), int(2 * power.exp))) for expr in exprs]


class _Root(sp.Function):
    """A square root that SymPy does not simplify."""

    def _pythoncode(self, printer: _Printer) -> str:
        return f"sqrt({printer._print(self.args[0])})"


_OURS = (arc, arcsin, root, difference, *waves.HEADS, log1pexp, _Root)


def conditioned(expr: sp.Expr) -> sp.Expr:
    """A function of p, q, c near c^2 = p q: written with s = sqrt(p q - c^2).

    A kernel of kernels (an unrolled recursion) has no such form: there arguments that rounding
    carries out of range are cut off, and the Gram loop is the accurate reading.

    >>> conditioned(sp.sqrt(p * q - c**2) + sp.asin(c / sp.sqrt((1 + p) * (1 + q))))
    s + arc(c, sqrt(p + q + s**2 + 1))
    """
    if not expr.has(c):
        return expr
    rest, names = waves.separate_waves(expr)
    return _singular(rest).xreplace(names)


def _singular(expr: sp.Expr) -> sp.Expr:
    """The roots and angles that are singular at c^2 = p q, conditioned."""
    if not all(_is_polynomial_square(node) for node in sp.preorder_traversal(expr)):
        return expr.replace(_is_root_in_c, _root_in_c).replace(sp.asin, arcsin)
    expr = expr.replace(sp.asin, _angle).replace(_has_pole, _without_poles)
    return expr.replace(lambda node: isinstance(node, sp.Add) and node.has(c), _positive)


def _has_pole(node: sp.Basic) -> bool:
    return node.is_Mul and any(_is_pole(factor) or (factor.is_Add and _in_terms(factor)) for factor in node.args)


def _in_terms(node: sp.Add) -> bool:
    return any(_is_pole(factor) for term in node.args for factor in sp.Mul.make_args(term))


def _is_pole(factor: sp.Expr) -> bool:
    return factor.is_Pow and factor.base in (p, q) and factor.exp.is_negative


def _without_poles(*factors: sp.Expr) -> sp.Expr:
    """c^m / p^n is bounded, since c^2 <= p q: in the cosine rho = c/sqrt(p q) it has no zero to divide by."""
    terms = sp.Add.make_args(sp.expand(sp.Mul(*factors), deep=False))
    return sp.Add(*(_in_cosine(term) if _has_pole(term) else term for term in terms))


def _in_cosine(term: sp.Expr) -> sp.Expr:
    factors = [f.as_base_exp() for f in sp.Mul.make_args(term)]
    return sp.Mul(*(((RHO * sp.sqrt(p) * sp.sqrt(q)) if base == c else base) ** exponent for base, exponent in factors))


def separated_differences(expr: sp.Expr) -> sp.Expr:
    """Arcsines as angles, and roots of a difference of two monomials without cancellation.

    >>> separated_differences(sp.sqrt(2 * q - c**2) + sp.asin(c / (sp.sqrt(2) * sp.sqrt(q))))
    arc(sqrt(2)*c, sqrt(2)*sqrt(difference(2, q, c, c))) + sqrt(difference(2, q, c, c))
    """

    def angle(argument: sp.Expr) -> sp.Expr:
        y, x = argument.as_numer_denom()
        square = sp.expand(x**2 - y**2)
        return arc(y, _root_of_difference(square)) if _is_difference(square) and x.is_positive else sp.asin(argument)

    def is_root(node: sp.Basic) -> bool:
        return node.is_Pow and node.exp.is_Rational and node.exp.q == 2 and _is_difference(sp.expand(node.base))

    rooted = expr.replace(is_root, lambda power: _root_of_difference(sp.expand(power.base)) ** (2 * power.exp))
    return rooted.replace(sp.asin, angle)


def _is_difference(square: sp.Expr) -> bool:
    signs = [term.could_extract_minus_sign() for term in sp.Add.make_args(square)]
    return len(signs) == 2 and sum(signs) == 1 and square.is_polynomial(*square.free_symbols)


def _root_of_difference(square: sp.Expr) -> sp.Expr:
    """The root of a difference of two monomials, what they share in front of it."""
    shared = sp.gcd(*square.args)
    minus, plus = sorted(sp.expand(square / shared).args, key=lambda term: not term.could_extract_minus_sign())
    return sp.sqrt(shared) * sp.sqrt(difference(*_two_factors(plus), *_two_factors(-minus)))


def _two_factors(monomial: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """x y as x and y, x^2 as x and x: each is then rounded at most once."""
    factors = [base for f in sp.Mul.make_args(monomial) for base, n in [f.as_base_exp()] for _ in range(int(n))]
    if len(factors) == 1:
        return sp.S.One, monomial
    return sp.Mul(*factors[: len(factors) // 2]), sp.Mul(*factors[len(factors) // 2 :])


def _is_polynomial_square(node: sp.Basic) -> bool:
    """Whether a root, or the cosine that belongs to an arcsine, is that of a polynomial in c."""
    if isinstance(node, sp.asin):
        y, x = node.args[0].as_numer_denom()
        return bool((x**2 - y**2).is_polynomial(c))
    return not (node.is_Pow and not node.exp.is_Integer and node.has(c)) or bool(node.base.is_polynomial(c))


def _is_root_in_c(node: sp.Basic) -> bool:
    return node.is_Pow and node.exp.is_Rational and node.exp.q == 2 and node.base.has(c)


def _root_in_c(power: sp.Expr) -> sp.Expr:
    size = sp.Add(*map(sp.Abs, sp.Add.make_args(power.base)))
    return root(power.base, size) ** (2 * power.exp)


def _angle(argument: sp.Expr) -> sp.Expr:
    y, x = argument.as_numer_denom()
    return arc(y, sp.sqrt(_positive(sp.expand(x**2 - y**2))))


def _positive(node: sp.Expr) -> sp.Expr:
    """c^2 = p q - s^2 in the negative terms, where that leaves no negative term; fractions are added first."""
    if not node.is_polynomial(p, q, c):
        top, bottom = sp.fraction(sp.together(node)) if node.is_rational_function(p, q, c) else (node, sp.S.One)
        return _positive(sp.expand(top)) / bottom if top.is_polynomial(p, q, c) else node
    rewritten = sp.expand(node)
    for _ in range(sp.degree(rewritten, c) + 1):
        terms = sp.Add.make_args(rewritten)
        lowered = [term for term in terms if term.could_extract_minus_sign() and sp.degree(term, c) >= 2]
        if not lowered:
            return node if _has_difference(rewritten) else rewritten
        rewritten += sp.Add(*(sp.expand(term / c**2 * (p * q - S**2)) - term for term in lowered))
    return node


def _has_difference(node: sp.Expr) -> bool:
    return any(term.could_extract_minus_sign() for term in sp.Add.make_args(node))


# what statements call, beside the other functions of `special`
MATH = """\
from math import cos, cosh, erf, erfc, exp, log, pi, sin, sinh, sqrt, tan, tanh, asin, acos, atan, atan2
from math import acosh, asinh, atanh, gamma, log1p

from symlimits.reading.special import asin_within, gap_of_products, root_within
"""
