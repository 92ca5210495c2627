r"""Activations as sums of terms that differentiation and Gaussian integration keep closed.

A term is $k\,x^m e^{\alpha x^2+\beta x}$, alone or times one factor that is not of this form:
a step $1[x>a]$, an error function $\operatorname{erf}(bx+s)$, or a Dirac mass $\delta^{(j)}(x-a)$.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import sympy as sp

from symlimits.errors import NoRule
from symlimits.language.measure import expanded_size
from symlimits.language.piecewise import KINKED_HEADS, MAX_TERMS, branches


@dataclass(frozen=True)
class Step:
    """The factor 1[x > at]."""

    at: sp.Expr


@dataclass(frozen=True)
class Erf:
    """The factor erf(slope x + shift)."""

    slope: sp.Expr
    shift: sp.Expr


@dataclass(frozen=True)
class Delta:
    """The factor that is the Dirac mass at a point, or a derivative of it."""

    at: sp.Expr
    order: int


@dataclass(frozen=True)
class Term:
    """coefficient * x**power * exp(quadratic x^2 + linear x) * factor(x)."""

    coefficient: sp.Expr
    power: int = 0
    quadratic: sp.Expr = sp.S.Zero
    linear: sp.Expr = sp.S.Zero
    factor: Step | Erf | Delta | None = None

    @property
    def is_gaussian(self) -> bool:
        """Whether two-dimensional Gaussian integrals of it are algebraic: no step, no erf."""
        return self.factor is None or isinstance(self.factor, Delta)

    @property
    def is_exponential(self) -> bool:
        """Whether it carries an exponential."""
        return self.quadratic != 0 or self.linear != 0

    def smooth(self, x: sp.Expr) -> sp.Expr:
        """Everything but the factor, at x."""
        return self.coefficient * x**self.power * sp.exp(self.quadratic * x**2 + self.linear * x)

    def expr(self, x: sp.Symbol) -> sp.Expr:
        """The term as an expression in x."""
        match self.factor:
            case Step(at):
                return self.smooth(x) * sp.Heaviside(x - at, sp.Rational(1, 2))
            case Erf(slope, shift):
                return self.smooth(x) * sp.erf(slope * x + shift)
            case Delta(at, order):
                return self.coefficient * (sp.DiracDelta(x - at, order) if order else sp.DiracDelta(x - at))
        return self.smooth(x)


Terms = tuple[Term, ...]


@lru_cache(maxsize=1024)
def terms(expr: sp.Expr, x: sp.Symbol) -> Terms:
    """Write a function as a sum of terms; `NoRule` when it is not one.

    >>> x = sp.Symbol("x", real=True)
    >>> terms(sp.Max(x, 0), x)
    (Term(coefficient=1, power=1, quadratic=0, linear=0, factor=Step(at=0)),)
    """
    if expr.has(sp.DiracDelta):
        parts = sp.Add.make_args(sp.expand(expr))
        masses = [mass for part in parts if part.has(sp.DiracDelta) for mass in _masses(part, x)]
        return _collect([*masses, *terms(sp.Add(*(part for part in parts if not part.has(sp.DiracDelta))), x)])
    if not expr.has(*KINKED_HEADS):
        return _collect(_smooth_terms(expr, x))
    cut = branches(expr, x)
    found = _smooth_terms(cut.pieces[0], x)
    for at, jump in cut.jumps():
        for term in _smooth_terms(jump, x):
            if term.factor is not None:
                raise NoRule(f"{jump} beyond x = {at}", "steps times polynomials and exponentials", "a numerical route")
            found.append(replace(term, factor=Step(at)))
    return _collect(found)


def as_expr(sum_of: Terms, x: sp.Symbol) -> sp.Expr:
    """The sum of the terms, those that differ only in their polynomial put together."""
    groups: dict[Term, sp.Expr] = {}
    for term in sum_of:
        shape = replace(term, coefficient=sp.S.One, power=0)
        groups[shape] = groups.get(shape, sp.S.Zero) + term.coefficient * x**term.power
    return _waves(sp.Add(*(sp.factor(value) * shape.expr(x) for shape, value in groups.items())))


def _waves(expr: sp.Expr) -> sp.Expr:
    """Complex exponentials as sines and cosines."""
    if not expr.has(sp.I):
        return expr
    return sp.expand(expr.replace(lambda e: isinstance(e, sp.exp) and e.has(sp.I), lambda e: e.rewrite(sp.cos)))


def derivative(sum_of: Terms, order: int = 1) -> Terms:
    """The distributional derivative: steps become Dirac masses."""
    for _ in range(order):
        sum_of = _collect([part for term in sum_of for part in _derivative(term)])
    return sum_of


def order_of_closure(sum_of: Terms) -> int | None:
    """How often to differentiate until no step and no erf is left; None if that never happens."""
    open_terms = [term for term in sum_of if not term.is_gaussian]
    if any(term.is_exponential for term in open_terms):
        return None
    return max((term.power + 1 for term in open_terms), default=0)


def _derivative(term: Term) -> list[Term]:
    m, k = term.power, term.coefficient
    if isinstance(term.factor, Delta):
        return [replace(term, factor=Delta(term.factor.at, term.factor.order + 1))]
    parts = [replace(term, power=m + 1, coefficient=2 * k * term.quadratic), replace(term, coefficient=k * term.linear)]
    if m:
        parts.append(replace(term, power=m - 1, coefficient=k * m))
    match term.factor:
        case Step(at):
            parts.append(Term(term.smooth(at), factor=Delta(at, 0)))
        case Erf(b, s):
            height = 2 * b / sp.sqrt(sp.pi) * sp.exp(-(s**2))
            parts.append(Term(k * height, m, term.quadratic - b**2, term.linear - 2 * b * s))
    return parts


def _collect(parts: list[Term]) -> Terms:
    """Add up terms that differ only in their coefficient; drop zeros."""
    sums: dict[Term, sp.Expr] = {}
    for part in parts:
        key = replace(part, coefficient=sp.S.One)
        sums[key] = sums.get(key, sp.S.Zero) + part.coefficient
    collected = ((key, sp.expand(value)) for key, value in sums.items())
    return tuple(replace(key, coefficient=value) for key, value in collected if value != 0)


def _smooth_terms(expr: sp.Expr, x: sp.Symbol) -> list[Term]:
    expr = expr.replace(sp.erfc, lambda a: 1 - sp.erf(a))
    waves = (sp.sin, sp.cos, sp.sinh, sp.cosh)
    expr = expr.replace(lambda node: isinstance(node, waves) and node.has(x), lambda node: node.rewrite(sp.exp))
    if expanded_size(expr) > MAX_TERMS:
        raise NoRule(f"a sum of more than {MAX_TERMS} terms", "a sum that can be read", "a numerical route")
    return [_parse(term, x) for term in sp.Add.make_args(sp.expand(expr))]


def _parse(term: sp.Expr, x: sp.Symbol) -> Term:
    result = Term(sp.S.One)
    for factor in sp.Mul.make_args(term):
        result = _times(result, factor, x)
    return result


def _times(term: Term, factor: sp.Expr, x: sp.Symbol) -> Term:
    if not factor.has(x):
        return replace(term, coefficient=term.coefficient * factor)
    if factor == x or (factor.is_Pow and factor.base == x and factor.exp.is_Integer and factor.exp > 0):
        return replace(term, power=term.power + int(sp.degree(factor, x)))
    if isinstance(factor, sp.exp) and factor.args[0].is_polynomial(x):
        return _times_exponential(term, sp.Poly(factor.args[0], x), factor)
    if isinstance(factor, sp.exp) or (factor.is_Pow and isinstance(factor.base, sp.exp)):
        raise _not_a_term(factor)
    if term.factor is None and isinstance(factor, sp.erf) and _is_affine(factor.args[0], x):
        return replace(term, factor=Erf(*sp.Poly(factor.args[0], x).all_coeffs()))
    raise _not_a_term(factor)


def _masses(part: sp.Expr, x: sp.Symbol) -> list[Term]:
    r"""$f\,\delta^{(j)}(x-a) = \sum_k(-1)^k\binom jk f^{(k)}(a)\,\delta^{(j-k)}(x-a)$."""
    deltas = [factor for factor in sp.Mul.make_args(part) if isinstance(factor, sp.DiracDelta)]
    if len(deltas) != 1 or not _is_affine(deltas[0].args[0], x):
        raise _not_a_term(part)
    f, order = part / deltas[0], int(deltas[0].args[1]) if len(deltas[0].args) > 1 else 0
    slope, shift = sp.Poly(deltas[0].args[0], x).all_coeffs()
    at = -shift / slope
    if f.has(*KINKED_HEADS) and (order or at in branches(f, x).points):
        raise _not_a_term(part)
    scale = 1 / (sp.Abs(slope) * slope**order)
    return [
        Term(scale * (-1) ** k * sp.binomial(order, k) * f.diff(x, k).subs(x, at), factor=Delta(at, order - k))
        for k in range(order + 1)
    ]


def _times_exponential(term: Term, exponent: sp.Poly, factor: sp.Expr) -> Term:
    if exponent.degree() > 2:
        raise _not_a_term(factor)
    x = exponent.gen
    quadratic, linear, constant = (exponent.coeff_monomial(x**k) for k in (2, 1, 0))
    return replace(
        term,
        coefficient=term.coefficient * sp.exp(constant),
        quadratic=term.quadratic + quadratic,
        linear=term.linear + linear,
    )


def _is_affine(expr: sp.Expr, x: sp.Symbol) -> bool:
    return expr.is_polynomial(x) and sp.degree(expr, x) == 1


def _not_a_term(factor: sp.Expr) -> NoRule:
    return NoRule(
        f"the factor {factor}",
        "sums of polynomials times exp(quadratic), with at most one step or erf",
        "the reference value (quadrature): it needs no closed form",
    )
