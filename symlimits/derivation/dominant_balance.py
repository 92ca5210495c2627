r"""Rules for algebraic decay: a map at its fixed point in powers of the distance, and the balance of leading terms.

Where the slope of a map is one, $x_{\ell+1} - x_\ell = -Ax_\ell^m$ and smaller terms. The ansatz
$x_\ell = C\ell^{-\beta}$ turns the left-hand side into $-\beta C\ell^{-\beta-1}$ and smaller terms: equal powers of
$\ell$ give $\beta$, equal constants C (Bender and Orszag 1978, chapter 5).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import sympy as sp

from symlimits.derivation.series import PowerTerm, series_at_one
from symlimits.derivation.trace import Rule
from symlimits.errors import NoRule
from symlimits.language.algebraic_decay import AlgebraicDecay

C, beta, l = sp.symbols("C beta ell", positive=True)
a, gamma = sp.symbols("a gamma", positive=True)
A = sp.Symbol("A", positive=True)
SOURCE = "Bender and Orszag 1978; derived here"


class Decay(NamedTuple):
    r"""$x_\ell \simeq C\ell^{-\beta}$."""

    constant: sp.Expr
    exponent: sp.Expr


def leading(expr: sp.Expr, x: sp.Symbol, order: int) -> tuple[PowerTerm, ...]:
    """The terms of an expression in powers of x up to an order, and the first beyond."""
    rho = sp.Dummy("rho", real=True)
    terms, omitted = series_at_one(expr.xreplace({x: 1 - rho}), rho, sp.Integer(order))
    return terms if omitted is None else (*terms, omitted)


def departure(image: sp.Expr, x: sp.Symbol) -> PowerTerm:
    """The power m and the coefficient -A of a map $x - Ax^m$; `NoRule` where its slope is not one, or nothing follows.

    >>> x = sp.Symbol("x", positive=True)
    >>> departure(sp.sin(x), x)
    (3, -1/6)
    """
    terms = leading(image, x, 1)
    for order in (2, 3, 4, 5):
        if len(terms) > 1 or image.is_polynomial(x):
            break
        terms = leading(image, x, order)
    if not terms or terms[0] != (1, 1):
        given = f"the map {image}, {terms[0][1] if terms else 0}*{x} at small {x}"
        raise NoRule(given, "a slope of one: any other is an exponential decay", "a point of the critical line")
    if len(terms) < 2:
        raise NoRule(f"the map {image}, the identity", "a map that moves what it is given", "another activation")
    return terms[1]


def balance(power: sp.Expr) -> Decay:
    r"""$\beta$ and C from $\frac{d}{d\ell}C\ell^{-\beta} = -A(C\ell^{-\beta})^m$, the leading terms; A is a symbol.

    >>> balance(sp.Integer(2))
    Decay(constant=1/A, exponent=1)
    """
    ansatz = C * l**-beta
    left, right = ansatz.diff(l), -A * ansatz**power
    (exponent,) = sp.solve(_degree(left) - _degree(right), beta)
    quotient = sp.powsimp((left / right).subs(beta, exponent), force=True)  # one, with the right constant
    scale = sp.simplify(quotient * C ** (power - 1))
    return Decay(scale ** (1 / (power - 1)), exponent)


def linear_balance(kappa: sp.Expr, source: sp.Expr) -> sp.Expr:
    r"""The constant a of $y_\ell \simeq a\ell$ where $y_{\ell+1} - y_\ell = s - \kappa y_\ell/\ell$ and smaller terms.

    >>> linear_balance(sp.Symbol("kappa", positive=True), sp.Integer(1))
    1/(kappa + 1)
    """
    ansatz = a * l**gamma
    left, lost = ansatz.diff(l), ansatz * kappa / l
    (exponent,) = sp.solve(_degree(left), gamma)  # that of the source, which is constant
    (found,) = sp.solve((left + lost).subs(gamma, exponent) - source, a)
    return found


def _degree(expr: sp.Expr) -> sp.Expr:
    """The power of the depth in a product."""
    return sp.simplify(l * expr.diff(l) / expr)


def _expanded(head: AlgebraicDecay) -> sp.Expr:
    x, before = head.variable, (head.integrand, head.image)
    power, coefficient = departure(head.image, x)
    observed_power, observed = leading(head.integrand, x, 0)[0]
    after = (observed * x**observed_power, x + coefficient * x**power)
    return head if after == before else AlgebraicDecay(after[0], x, after[1])


def _balanced(head: AlgebraicDecay) -> sp.Expr:
    x = head.variable
    departing_power, departing = departure(head.image, x)
    if departing.is_positive:
        raise NoRule(f"the map {head.image}, which adds at each step", "a map that takes away", "another fixed point")
    decay = balance(departing_power)
    power, coefficient = leading(head.integrand, x, 0)[0]
    if power * decay.exponent != 1:
        given = f"{x}**{power} where {x} falls like l**(-{decay.exponent})"
        raise NoRule(given, f"{x}**{1 / decay.exponent}, which falls like 1/l", "that power")
    return coefficient * sp.powdenest(decay.constant**power).subs(A, -departing)


def _on_limits(rewrite: Callable[[AlgebraicDecay], sp.Expr]) -> Callable[[sp.Expr], sp.Expr]:
    return lambda expr: expr.xreplace({head: rewrite(head) for head in expr.atoms(AlgebraicDecay)})


expansion = Rule(
    "expansion at the fixed point",
    "derived here: Puiseux series; Price 1958",
    "Only the leading terms of a map matter in the limit; kinks bring half-integer powers.",
    _on_limits(_expanded),
)
dominant_balance = Rule(
    "dominant balance",
    SOURCE,
    "A power of the depth, put into the map, solves it to leading order for one power and one constant.",
    _on_limits(_balanced),
)
