"""A sum of line integrals as one: lines are shifted by integers until their Gaussian factors are the same."""

from __future__ import annotations

import sympy as sp

from symlimits.derivation.trace import Rule
from symlimits.language.integral import LineIntegral


def _centre(term: LineIntegral) -> sp.Expr | None:
    """The m of a factor $e^{a(w - m)^2}$: where the Gaussian of the integrand has its least value on the real axis."""
    w = term.variable
    exponent = sp.Add(*(f.exp for f in sp.Mul.make_args(term.integrand) if isinstance(f, sp.exp) and f.exp.has(w)))
    square = sp.Poly(sp.expand(exponent), w)
    return -square.nth(1) / (2 * square.nth(2)) if square.degree() == 2 else None


def _shifted(term: LineIntegral, by: sp.Expr) -> LineIntegral:
    """The same integral over w + by: what a Gamma function gains stands as a product of linear factors."""
    w, (low, high) = term.variable, term.strip
    moved = term.integrand.subs(w, w + by).replace(
        lambda node: isinstance(node, sp.gamma), lambda node: sp.expand_func(node)
    )
    return LineIntegral(moved, w, (low - by, high - by))


def _one_line(expr: sp.Expr) -> sp.Expr:
    """The sum, if every term is a line integral whose centre is an integer away from the first one's centre."""
    terms = sp.Add.make_args(expr)
    if len(terms) < 2 or not all(isinstance(term, LineIntegral) for term in terms):
        return expr
    centres = [m for m in map(_centre, terms) if m is not None]
    if len(centres) < len(terms) or not all((m - centres[0]).is_Integer for m in centres):
        return expr
    least = min(centres)
    moved = [_shifted(term, m - least) for term, m in zip(terms, centres, strict=True)]
    low, high = max(term.strip[0] for term in moved), min(term.strip[1] for term in moved)
    if not low < high:
        return expr
    w = moved[0].variable
    parts = [_split(term.integrand.xreplace({term.variable: w}), w) for term in moved]
    first = parts[0]
    polynomial = sp.Add(*(p * sp.exp(sp.expand(exponent - first[1])) for p, exponent in parts))
    if not polynomial.is_polynomial(w):
        return expr
    return LineIntegral(sp.factor(sp.expand(polynomial)) * moved[0].integrand / first[0], w, (low, high))


def _split(integrand: sp.Expr, w: sp.Symbol) -> tuple[sp.Expr, sp.Expr]:
    """What is a polynomial in w among the factors of an integrand, and the logarithm of the others."""
    factors = sp.Mul.make_args(integrand)
    polynomial = sp.Mul(*(f for f in factors if f.is_polynomial(w)))
    return polynomial, sp.expand_log(sp.log(sp.Mul(*(f for f in factors if not f.is_polynomial(w)))), force=True)


one_line = Rule(
    "one line",
    "Cauchy's theorem",
    "Inside the strip a line may be shifted: terms whose Gaussian factors differ by a shift share one line, and their"
    " Gamma functions differ by a polynomial.",
    _one_line,
)
