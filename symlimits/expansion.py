r"""A line near the correlation one: a series in the gap $\delta = 1-\rho$, cut off, and what it leaves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import sympy as sp

from symlimits import certify as links
from symlimits.derivation.series import LARGEST_ORDER, RULE, SOURCE, PowerTerm, series_at_one
from symlimits.errors import DomainError, NoRule
from symlimits.language.domain import CORRELATION, Domain
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.formula import exact
from symlimits.language.names import shown
from symlimits.points import check_seed
from symlimits.reading.latex import latex
from symlimits.reading.latex_author import check_notation
from symlimits.words import spoken

GAPS = ("delta", "epsilon", "gap")  # names of the gap; a parameter may have taken the first


@dataclass(frozen=True)
class Expansion:
    r"""A function of the correlation rho near one: $\sum_k a_k\delta^k + O(\delta^m)$, $\delta = 1 - \rho \ge 0$.

    `expr` is the sum, in the symbol `gap`; `remainder` the first term it leaves out and `order` its
    exponent m (0 and oo for a polynomial, of which nothing is left out). Exponents are halves of integers:
    at a kink the series is Puiseux's. It is no line of a chain of equalities: it is not equal to `line`.
    """

    line: sp.Expr
    variable: sp.Symbol
    gap: sp.Symbol
    terms: tuple[PowerTerm, ...]
    omitted: PowerTerm | None
    domain: Domain
    name: str = r"R(\rho)"
    rule: str = RULE
    source: str = SOURCE

    @property
    def expr(self) -> sp.Expr:
        """The truncated series."""
        return sp.Add(*(coefficient * self.gap**power for power, coefficient in self.terms))

    @property
    def remainder(self) -> sp.Expr:
        """The first term that is left out: what follows it is smaller by a root of the gap at least."""
        return self.omitted[1] * self.gap ** self.omitted[0] if self.omitted else sp.S.Zero

    @property
    def order(self) -> sp.Expr:
        """The exponent of the remainder."""
        return self.omitted[0] if self.omitted else sp.oo

    def coefficient(self, power: object) -> sp.Expr:
        r"""The coefficient of $\delta^k$, k an integer or a half of one; `NoRule` beyond the first omitted term."""
        k = _power(power, "power")
        if k > self.order:
            raise NoRule(f"the power {k} of {self.gap}", f"a power up to {self.order}", f"at_one({k})")
        known = dict(self.terms if self.omitted is None else (*self.terms, self.omitted))
        return known.get(k, sp.S.Zero)

    def derivative(self, k: int = 1) -> sp.Expr:
        r"""The k-th derivative in rho at one, from below; oo where a half-integer power makes it diverge.

        For a correlation map R the first is $\chi_1$; a sign that is not known gives zoo.
        """
        if isinstance(k, bool) or not isinstance(k, int) or not 0 <= k <= LARGEST_ORDER:
            raise DomainError(f"k = {shown(k)}", f"an integer from 0 to {LARGEST_ORDER}", "derivative(1)")
        terms = self.terms if self.omitted is None else (*self.terms, self.omitted)
        for power, coefficient in terms:
            if power < k and not power.is_Integer:
                return _infinite(sp.S.NegativeOne**k * sp.ff(power, k) * coefficient)
        return sp.S.NegativeOne**k * sp.factorial(k) * self.coefficient(k)

    def latex(self, notation: Mapping[str, str] | None = None) -> str:
        r"""The series in LaTeX, for math mode: lowest powers first, then the order of what is left out.

        `notation` renames symbols: {"rho": "c"}. Raises `DomainError` for a name that is not in the series, and for
        LaTeX that would not stand alone.
        """
        check_notation(notation, {str(symbol) for symbol in (*self.line.free_symbols, self.variable, self.gap)})
        parts = [self._term(power, coefficient, notation) for power, coefficient in self.terms] or ["0"]
        formula = parts[0] + "".join(f" - {p[1:].lstrip()}" if p.startswith("-") else f" + {p}" for p in parts[1:])
        gap, rho = latex(self.gap, notation), latex(self.variable, notation)
        order = rf" + O\left({latex(self.gap**self.order, notation)}\right)" if self.omitted else ""
        return rf"{self.name} = {formula}{order}, \quad {gap} = 1 - {rho}"

    def _term(self, power: sp.Rational, coefficient: sp.Expr, notation: Mapping[str, str] | None) -> str:
        """The coefficient before the power."""
        if power == 0 or abs(coefficient) == 1:
            return latex(coefficient * self.gap**power, notation)
        factor = latex(coefficient, notation)
        if isinstance(coefficient, sp.Add):
            factor = rf"\left({factor}\right)"
        return rf"{factor} \, {latex(self.gap**power, notation)}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def __str__(self) -> str:
        order = f" + O({self.gap**self.order})" if self.omitted else ""
        terms = " + ".join(str(coefficient * self.gap**power) for power, coefficient in self.terms) or "0"
        return f"{spoken(self.name)} = {terms}{order}, {self.gap} = 1 - {self.variable}".replace("+ -", "- ")

    def explain(self) -> str:
        """The series in words, with the rule and its source."""
        left_out = f"Left out: {self.remainder}, and smaller terms." if self.omitted else "Nothing is left out."
        how = f"has, by {self.rule} ({self.source}), the series"
        return f"{spoken(self.name)} = {self.line}\n{how}\n    {self}\n{left_out}"

    def check(self, seed: int = 0) -> links.Link:
        """Hold the series against the line at gaps of 1e-6 to 1e-10: the order of what is left out, and its size."""
        check_seed(seed)
        return links.check_expansion(self.line, self.variable, self.expr, self.gap, self.remainder, self.domain, seed)


class EqualVariances(NamedTuple):
    """A dual activation as a function of the correlation: its line, its domain, and how it is written."""

    line: sp.Expr
    domain: Domain
    arguments: str


def equal_variances(
    definition: sp.Expr, line: sp.Expr, arguments: Sequence[sp.Symbol], domain: Domain, rho: sp.Symbol
) -> EqualVariances:
    """A dual activation T(p, q, c) at p = q and c = q rho; `NoRule` for anything else.

    A variance that has a value already is the one that the other takes.
    """
    if not isinstance(definition, GaussianExpectation) or len(definition.variables) != 2:
        wanted = "a sphere map or a dual activation, of the variances p and q"
        raise NoRule(f"{line} at rho = 1", wanted, "sl.nngp(net).on_sphere('q')")
    p, c, q = definition.covariance[0, 0], definition.covariance[0, 1], definition.covariance[1, 1]
    if c not in arguments:
        raise NoRule(f"{line} at rho = 1, with the covariance {c}", "a free covariance c", "bind the variances alone")
    if p != q and p not in arguments and q not in arguments:
        raise NoRule(f"{line} at rho = 1, with variances {p} and {q}", "equal variances", ".bind(p=1, q=1)")
    variance = q if p in arguments else p
    other = {p if p in arguments else q: variance} if p != q else {}
    line = line.subs({**other, c: variance * rho}, simultaneous=True)
    kept = {s: interval for s, interval in domain.ranges.items() if s in line.free_symbols}
    written = [latex(entry) for entry in (variance, variance, variance * rho)]
    return EqualVariances(line, Domain({**kept, rho: CORRELATION}), ", ".join(written))


def expand_at_one(line: sp.Expr, rho: sp.Symbol, domain: Domain, name: str, order: object) -> Expansion:
    """The expansion of a line in the gap of rho, terms up to and including the power `order`."""
    highest = _power(order, "order")
    taken = {symbol.name for symbol in line.free_symbols}
    gap = sp.Symbol(next(name for name in GAPS if name not in taken), nonnegative=True)
    terms, omitted = series_at_one(line, rho, highest)
    return Expansion(line, rho, gap, terms, omitted, domain, name)


def _power(value: object, name: str) -> sp.Rational:
    power = exact(value, name)
    if not power.is_Rational or not (2 * power).is_Integer or not 0 <= power <= LARGEST_ORDER:
        raise DomainError(f"{name} = {value}", f"a multiple of 1/2 from 0 to {LARGEST_ORDER}", f"{name}=2")
    return power


def _infinite(coefficient: sp.Expr) -> sp.Expr:
    if coefficient.is_nonnegative:
        return sp.oo
    return -sp.oo if coefficient.is_nonpositive else sp.zoo
