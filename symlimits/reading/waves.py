r"""Exponentials beside hyperbolic functions, so that no factor overflows where another underflows.

The dual of a wave is $e^{-(\alpha p+\beta q)}$ times $A\sinh(\gamma c)+B\cosh(\gamma c)$: at variances of some hundreds
one factor is no float, and the value may be 1/2. Here exponentials are spread over the brackets they multiply, and
exponents are added before anything is exponentiated. What is left of the exponents,

$$-\alpha p-\beta q+\gamma|c| = -(\sqrt{\alpha p}-\sqrt{\beta q})^2-2\sqrt{\alpha\beta}\,(\sqrt{pq}-|c|)
  -(2\sqrt{\alpha\beta}-\gamma)|c|,$$

is then a sum of one sign. The coefficients A and B, polynomials for a wave times a power, cancel each other to as many
digits: for c > 0 it is A + B that counts, and it is written in $p-\gamma c/2\alpha$ and $q-\gamma c/2\beta$.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import product
from typing import NamedTuple

import sympy as sp

p, q = sp.symbols("p q", positive=True)
c = sp.Symbol("c", real=True)
GAP = sp.Symbol("g", nonnegative=True)  # sqrt(p q) - |c|
ROUNDING = 1e-14  # of numbers that SymPy may not compare, such as (1 + sqrt(2))^2 and 3 + 2 sqrt(2)
MAX_SPREAD = 500  # terms of a product that is written out


class exp_sinh(sp.Function):
    """exp(a) sinh(b), which overflows no earlier than the product."""


class exp_cosh(sp.Function):
    """exp(a) cosh(b), which overflows no earlier than the product."""


class top_sinh(sp.Function):
    """exp(a - |b|) sinh(b)."""


class top_cosh(sp.Function):
    """exp(a - |b|) cosh(b)."""


class less(sp.Function):
    """less(a, b): the difference a - b as it stands, never multiplied out."""

    @classmethod
    def eval(cls, a: sp.Expr, b: sp.Expr) -> sp.Expr | None:
        return sp.S.Zero if a == b else None


class toward(sp.Function):
    """toward(c, a, b): a where c >= 0, b elsewhere."""

    @classmethod
    def eval(cls, at: sp.Expr, here: sp.Expr, there: sp.Expr) -> sp.Expr | None:
        return here if at.is_nonnegative or here == there else None


HEADS = (exp_sinh, exp_cosh, top_sinh, top_cosh, less, toward)
_HYPERBOLIC = (sp.sinh, sp.cosh)


class _Wave(NamedTuple):
    """exp(exponent) (odd sinh(argument) + even cosh(argument)); argument 0 for an exponential alone."""

    exponent: sp.Expr
    argument: sp.Expr
    odd: sp.Expr
    even: sp.Expr


def without_overflow(expr: sp.Expr) -> sp.Expr:
    """Products of exponentials and hyperbolic functions as single functions of their exponents.

    >>> x = sp.Symbol("x")
    >>> without_overflow(sp.exp(-x) * (x * sp.cosh(x) + 1))
    x*exp_cosh(-x, x) + exp(-x)
    """
    if not expr.has(*_HYPERBOLIC, sp.exp):
        return expr
    return spread(expr).replace(sp.Mul, _fused)


def _fused(*factors: sp.Expr) -> sp.Expr:
    exponent = sp.Add(*(factor.args[0] for factor in factors if isinstance(factor, sp.exp)))
    waves = [factor for factor in factors if isinstance(factor, _HYPERBOLIC)]
    if exponent == 0 or len(waves) != 1:
        return sp.Mul(*factors)
    rest = (factor for factor in factors if not isinstance(factor, (sp.exp, *_HYPERBOLIC)))
    head = exp_sinh if isinstance(waves[0], sp.sinh) else exp_cosh
    return sp.Mul(*rest, head(exponent, waves[0].args[0]))


# ------------------------------------------------------------------- spreading


def spread(expr: sp.Expr) -> sp.Expr:
    """Exponentials multiplied into the brackets beside them, products of hyperbolic functions as sums.

    >>> x = sp.Symbol("x")
    >>> spread(sp.exp(-x) * (sp.sinh(x) + x * sp.cosh(2 * x)))
    x*exp(-x)*cosh(2*x) + exp(-x)*sinh(x)
    """
    if expr.is_Atom or not expr.has(*_HYPERBOLIC, sp.exp):
        return expr
    node = expr.func(*map(spread, expr.args))
    return _multiplied(node) if node.is_Mul or node.is_Pow else node


def _multiplied(node: sp.Expr) -> sp.Expr:
    factors = [factor for part in sp.Mul.make_args(node) for factor in _repeated(part)]
    brackets = [sp.Add.make_args(factor) if _is_bracket(factor) else (factor,) for factor in factors]
    waves = sum(any(map(_is_wave, parts)) for parts in brackets)
    if waves < 2 or math.prod(map(len, brackets)) > MAX_SPREAD:
        return node
    return sp.Add(*(_in_sums(sp.Mul.make_args(sp.Mul(*choice))) for choice in product(*brackets)))


def _repeated(factor: sp.Expr) -> Iterable[sp.Expr]:
    """An integer power of a bracket or of a hyperbolic function, factor by factor."""
    if factor.is_Pow and factor.exp.is_Integer and factor.exp > 1 and _is_wave(factor.base):
        return [factor.base] * int(factor.exp)
    return [factor]


def _is_wave(expr: sp.Expr) -> bool:
    """Whether an exponential or a hyperbolic function is a factor, or of a sum, in some term."""
    if expr.is_Add or expr.is_Mul:
        return any(map(_is_wave, expr.args))
    return isinstance(expr, (sp.exp, *_HYPERBOLIC)) and not expr.is_number


def _is_bracket(factor: sp.Expr) -> bool:
    return factor.is_Add and _is_wave(factor)


def _in_sums(factors: Iterable[sp.Expr]) -> sp.Expr:
    """A product with at most one hyperbolic function in each term."""
    factors = [part for factor in factors for part in _repeated(factor)]
    waves = [factor for factor in factors if isinstance(factor, _HYPERBOLIC)]
    if len(waves) < 2:
        return sp.Mul(*factors)
    first, second = waves[:2]
    factors.remove(first)
    factors.remove(second)
    a, b = first.args[0], second.args[0]
    head = sp.cosh if first.func is second.func else sp.sinh
    if first.func is sp.cosh and second.func is sp.sinh:
        a, b = b, a  # sinh a cosh b
    sign = -1 if first.func is second.func is sp.sinh else 1
    terms = ((head(a + b), sp.Rational(1, 2)), (head(a - b), sp.Rational(sign, 2)))
    return sp.Add(*(_in_sums(sp.Mul.make_args(sp.Mul(half, wave, *factors))) for wave, half in terms))


# -------------------------------------------------------- waves of p, q and c


def separate_waves(expr: sp.Expr) -> tuple[sp.Expr, dict[sp.Symbol, sp.Expr]]:
    """The rest of an expression, names in the places of its waves, and what these stand for, well conditioned.

    A wave has an exponent that is linear in p, q and c.

    >>> rest, waves = separate_waves(c + sp.exp(-p / 2 - q / 2) * sp.sinh(c))
    >>> [wave] = waves.values()
    >>> wave, rest == c + list(waves)[0]
    (top_sinh(-g - (sqrt(p) - sqrt(q))**2/2, c), True)
    """
    names: dict[sp.Symbol, sp.Expr] = {}

    def named(node: sp.Expr) -> sp.Expr:
        if node.is_Atom or not node.has(*_HYPERBOLIC, sp.exp):
            return node
        waves, others = _collected(sp.Add.make_args(node))
        if not waves:
            return node.func(*map(named, node.args))
        found = {sp.Dummy("wave", real=True): _conditioned(wave) for wave in waves}
        names.update(found)
        return sp.Add(*found, *map(named, others))

    return named(spread(expr)), names


def _collected(terms: Iterable[sp.Expr]) -> tuple[list[_Wave], list[sp.Expr]]:
    """The waves among the terms, those of the same exponent and argument together, and all others."""
    waves: dict[tuple[sp.Expr, sp.Expr], _Wave] = {}
    others = []
    for term in terms:
        wave = _wave(term)
        if wave is None:
            others.append(term)
            continue
        known = waves.get(wave[:2], _Wave(*wave[:2], sp.S.Zero, sp.S.Zero))
        waves[wave[:2]] = known._replace(odd=known.odd + wave.odd, even=known.even + wave.even)
    return list(waves.values()), others


def _wave(term: sp.Expr) -> _Wave | None:
    """A term as a wave that falls in p and q and rises in |c|; None for any other."""
    exponent, argument, odd, rest = sp.S.Zero, sp.S.Zero, False, []
    for factor in sp.Mul.make_args(term):
        if isinstance(factor, sp.exp):
            exponent += factor.args[0]
        elif isinstance(factor, _HYPERBOLIC) and argument == 0:
            argument, odd = factor.args[0], isinstance(factor, sp.sinh)
        else:
            rest.append(factor)
    if argument.could_extract_minus_sign():
        argument, rest = -argument, [*rest, sp.Integer(-1 if odd else 1)]
    found = _Wave(exponent, argument, *((sp.Mul(*rest), sp.S.Zero) if odd else (sp.S.Zero, sp.Mul(*rest))))
    return found if _rates(found) is not None and not any(part.has(*_HYPERBOLIC) for part in rest) else None


class _Rates(NamedTuple):
    """The numbers of the exponent constant - alpha p - beta q + gamma c, at its largest."""

    alpha: sp.Expr
    beta: sp.Expr
    gamma: sp.Expr
    constant: sp.Expr


def _rates(wave: _Wave) -> _Rates | None:
    exponent, argument = sp.expand(wave.exponent), sp.expand(wave.argument)
    if not (_is_linear(exponent) and _is_linear(argument)):
        return None
    constant, inside = (part.subs({p: 0, q: 0, c: 0}) for part in (exponent, argument))
    alpha, beta = -exponent.coeff(p), -exponent.coeff(q)
    turned = argument if argument != 0 else exponent - exponent.coeff(p) * p - exponent.coeff(q) * q - constant
    gamma = turned.coeff(c)
    alone = inside == 0 and sp.expand(turned - gamma * c) == 0 and not (argument != 0 and exponent.has(c))
    known = alone and all(number.is_number and number.is_positive for number in (alpha, beta, abs(gamma)))
    bounded = known and float(gamma) ** 2 <= 4 * float(alpha) * float(beta) * (1 + ROUNDING)
    return _Rates(alpha, beta, gamma, constant) if bounded else None


def _is_linear(expr: sp.Expr) -> bool:
    return expr.is_polynomial(p, q, c) and (not expr.has(p, q, c) or sp.Poly(expr, p, q, c).total_degree() <= 1)


def _conditioned(wave: _Wave) -> sp.Expr:
    rates = _rates(wave)
    assert rates is not None
    alpha, beta, gamma, constant = rates
    size = sp.Abs(c)
    across = 2 * sp.sqrt(alpha * beta)
    top = constant - alpha * (sp.sqrt(p) - sp.sqrt(beta / alpha) * sp.sqrt(q)) ** 2 - across * GAP
    top -= (across - abs(gamma)) * size
    if wave.argument == 0:
        sign = sp.sign(gamma)
        return _in_differences(wave.even, sign * c, rates) * sp.exp(top + abs(gamma) * (sign * c - size))
    if wave.even == 0 or wave.odd == 0:
        return wave.odd * top_sinh(top, wave.argument) + wave.even * top_cosh(top, wave.argument)
    here, there = (_leading(wave, sign, rates) for sign in (1, -1))
    falling = sp.exp(top - 2 * gamma * size)
    return toward(c, here, there) * top_sinh(top, gamma * size) + wave.even * falling


def _leading(wave: _Wave, sign: int, rates: _Rates) -> sp.Expr:
    """The coefficient of sinh(gamma |c|), where c has this sign and cosh is sinh(gamma |c|) + exp(-gamma |c|)."""
    size = sp.Dummy("c", nonnegative=True)
    total = (sign * wave.odd + wave.even).subs(c, sign * size)
    return _in_differences(total, size, rates).subs(size, sp.Abs(c))


def _in_differences(coefficient: sp.Expr, size: sp.Expr, rates: _Rates) -> sp.Expr:
    """A polynomial in p - gamma c/(2 alpha), q - gamma c/(2 beta) and c: the mean of a tilted wave is one of these."""
    if not coefficient.is_polynomial(p, q, *size.free_symbols) or not coefficient.has(p, q):
        return coefficient
    X, Y = sp.Dummy("X", real=True), sp.Dummy("Y", real=True)
    left, right = (abs(rates.gamma) / (2 * rate) * size for rate in (rates.alpha, rates.beta))
    total = sp.expand(coefficient.subs({p: X + left, q: Y + right}, simultaneous=True))
    return sp.factor_terms(total).subs({X: less(p, left), Y: less(q, right)})
