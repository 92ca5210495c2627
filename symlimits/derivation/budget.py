r"""What a closed form costs, estimated from the terms before any integral is done.

The cost of a derivation grows with the number of pairs of terms and with their powers; some of the formulas
that the rules reach in principle would take hours, and fill pages that nobody reads. The estimate depends on
the formula alone, never on the clock: a derivation has the same lines on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from symlimits.derivation.terms import Delta, Term, Terms
from symlimits.errors import NoRule
from symlimits.language.crossings import Crossing
from symlimits.language.measure import digits

# (work of f) x (work of g); 260 takes some seconds (measured on 60 formulas, tests/derivation/test_budget.py)
MAX_WORK = 260
MAX_DIGITS = 20  # of a number in an exponent or a slope
POLYNOMIAL, WAVE, SHIFTED = 0.1, 1.6, 2.5  # the work of a power, against that of a Gaussian factor


def check_work(f: Terms, g: Terms) -> None:
    """Raise `NoRule` where the Gaussian integrals of all pairs of terms would take longer than a reader waits."""
    if any(digits(number) > MAX_DIGITS for term in (*f, *g) for number in _inner_numbers(term)):
        given, wanted = f"constants of more than {MAX_DIGITS} digits", "numbers that are factored at once"
        raise NoRule(given, wanted, "the reference value (quadrature): it needs no closed form")
    estimate = sum(map(_work, f)) * sum(map(_work, g))
    if estimate > MAX_WORK:
        given = f"{len(f)} x {len(g)} terms with powers up to {max(term.power for term in (*f, *g))}"
        advice = "the reference value (quadrature): it needs no closed form"
        raise NoRule(f"an expectation of {given}", f"an estimated work of {MAX_WORK}, not {estimate:.0f}", advice)


def _inner_numbers(term: Term) -> Iterator[sp.Rational]:
    """The rational numbers in exponents, slopes and places: their squares are factored, and put under roots."""
    factor = term.factor
    inside = () if factor is None else tuple(value for value in vars(factor).values() if isinstance(value, sp.Expr))
    for expr in (term.quadratic, term.linear, *inside):
        yield from expr.atoms(sp.Rational)


def _work(term: Term) -> float:
    """The work of one term, in units of an exponential without a power."""
    if isinstance(term.factor, Delta):
        if term.factor.at.has(sp.CRootOf, Crossing):
            return float("inf")
        return 1.0 if term.factor.at == 0 else SHIFTED * (term.factor.order + 1)
    work = float(term.power + 1)
    if not term.is_exponential:
        return POLYNOMIAL * work
    return work * (WAVE if term.linear != 0 else 1) * (WAVE if term.linear != 0 and term.quadratic != 0 else 1)
