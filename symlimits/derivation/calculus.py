r"""Constants, means and curves of series over powers of the width: the rules that the instructions of a program use.

The mean of a monomial is $\mathbb E m + n^{-1/2}G(m)$, with G linear, one random number of order one to a monomial: it
is the mean's own fluctuation by definition, so that means that are equal in the network are equal here, and
differences of them cancel. Derived here; the central limit theorem of programs: Yang, arXiv 1910.12478.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import factorial, inf

import numpy as np
import sympy as sp

from symlimits.derivation.adjoints import representative
from symlimits.derivation.coordinates import ONE, Coordinates
from symlimits.derivation.curves import Curve, Y
from symlimits.derivation.drawn_networks import Networks
from symlimits.derivation.generic_numbers import Array, Indeterminates, Number, rational
from symlimits.derivation.limit_means import LimitMeans
from symlimits.derivation.n_series import Level, Precision, Series, add, constant, product, total
from symlimits.derivation.tails_of_series import SeriesTails
from symlimits.errors import NoRule

HALF = Fraction(1, 2)
MOST = 50_000  # monomials: some minutes


class Coarse(Exception):
    """A value is known too coarsely for what comes next: nothing can be said at this precision."""


@dataclass
class Calculus:
    """`networks` give numbers on samples; without them there are residues alone."""

    coordinates: Coordinates
    precision: Precision
    unknown: Indeterminates
    parameters: Mapping[sp.Symbol, float]
    networks: Networks | None

    def __post_init__(self) -> None:
        self._expectation = LimitMeans(self.coordinates, self._unknown_mean)
        self.tails = SeriesTails(self.coordinates, self._expectation.limit)

    def number(self, value: sp.Expr) -> Number:
        """A number or a formula of parameters: exact if it is rational, else an indeterminate."""
        if isinstance(value, sp.Rational):
            return rational(value)
        seen = value.subs(self.parameters)
        if not (seen.is_real and seen.is_finite):
            raise NoRule(f"the coefficient {value}", "a real number, or positive parameters", "another formula")
        return Number(self.unknown(value), np.full((1, 1), float(seen)))

    def indeterminate(self, thing: Hashable, values: Array | None) -> Number:
        """A number that nobody knows."""
        return Number(self.unknown(thing), values)

    def times(self, one: Series, other: Series) -> Series:
        """The product of two series."""
        if len(self.coordinates.powers) > MOST:
            advice = "fewer steps or layers, or a point where fewer powers of n meet"
            raise NoRule("a width exponent of a long program", f"at most {MOST} monomials", advice)
        return product(one, other, self.coordinates.product, self.precision)

    def raised(self, base: Series, power: int) -> Series:
        """A power with a whole exponent."""
        found = constant(rational(1))
        for _ in range(power):
            found = self.times(found, base)
        return found

    # ---------------------------------------------------------------- means

    def mean(self, value: Series) -> Series:
        r"""$n^q\,\mathbb E Z_q + n^{q-1/2}\,G(Z_q)$ for each level; what was left out averages to itself at most."""
        levels: dict[Fraction, Level] = {}
        for q, level in value.levels.items():
            for monomial, number in level.items():
                if monomial == ONE:
                    add(levels.setdefault(q, {}), ONE, number)
                    continue
                same = representative(self.coordinates, monomial)
                expectation = self._expectation(same)
                add(levels.setdefault(q, {}), ONE, number * expectation)
                fluctuation = self._fluctuation(same, not expectation.residue)
                add(levels.setdefault(q - HALF, {}), ONE, number * fluctuation)
        found = Series({q: level for q, level in levels.items() if level}, value.remainder)
        return found.kept(self.precision.window)

    def _unknown_mean(self, monomial: int) -> Number:
        values = None if self.networks is None else self.networks.expectation(monomial)
        return self.indeterminate(("expectation", monomial), values)

    def _fluctuation(self, monomial: int, centred: bool) -> Number:
        values = None if self.networks is None else self.networks.fluctuation(monomial, centred)
        return self.indeterminate(("fluctuation", monomial), values)

    # --------------------------------------------------------------- curves

    def composed(self, curve: Curve, value: Series) -> Series:
        r"""Taylor's formula in all but the part of order one, $\sum_k\phi^{(k)}(Z_0)\,\delta^k/k!$."""
        if curve.kinked:
            return self._kinked(curve, value)
        if value.top > 0:
            given = f"a map of a vector of order n^({value.top})"
            raise NoRule(given, "bounded arguments of maps that are no polynomials", "exponents at which nothing grows")
        if value.remainder >= 0:
            raise Coarse
        around = value.levels.get(Fraction(0), {})
        step = Series({q: level for q, level in value.levels.items() if q < 0}, value.remainder)
        parts, power = [], constant(rational(1))
        for k in range(self.precision.order + 1):
            if k:
                power = self.times(power, step)
            factor = self._at(curve.derivative(k), around)
            part = factor if k == 0 else self.times(factor, power)
            parts.append(part.scaled(rational(sp.Rational(1, factorial(k)))))
            if not power.levels:
                break
        left_out = (self.precision.order + 1) * step.top
        return total([*parts, Series({}, max(left_out, value.remainder))]).kept(self.precision.window)

    def _kinked(self, curve: Curve, value: Series) -> Series:
        r"""A map with kinks of $s\,Z$, s a scalar of the sign of its leading term: what crosses a kink has no rule."""
        factor = self._factor(value)
        scaled = len(value.levels) > 1 or value.top not in (0, -inf)
        if scaled and (factor is None or curve.degree is None):
            shown = curve.head.xreplace({Y: sp.Symbol("x")})
            given = f"width exponents with the map {shown} of a sum of several powers of n"
            advice = "a smooth map: kinks change exponents, by the rule (s-1)/2 of sl.scaling.one_hidden_layer"
            raise NoRule(given, "a smooth map, or one vector inside", advice)
        if value.remainder > -inf:
            raise Coarse
        level = value.levels[Fraction(value.top)] if value.levels else {}
        found = self._at(curve, level)
        return found if factor is None else self.times(found, self.raised(factor, curve.degree or 0))

    def _factor(self, value: Series) -> Series | None:
        """Of a vector that is a scalar times its leading term, the scalar; None for another."""
        if not value.levels:
            return None
        lead = value.levels[Fraction(value.top)]
        some, leading = next(iter(lead.items()))
        inverse = self.unknown.power(leading, sp.S.NegativeOne)
        parts = []
        for q, level in value.levels.items():
            ratio = level.get(some, rational(0)) * inverse
            scaled = {monomial: (number * ratio).residue for monomial, number in lead.items()}
            if scaled != {monomial: number.residue for monomial, number in level.items()}:
                return None
            parts.append(constant(ratio).shifted(q))
        return total(parts)

    def powered(self, base: Series, exponent: sp.Rational) -> Series:
        r"""A scalar to a rational power: $(cn^q)^e\sum_k\binom ek(\delta/(cn^q))^k$ about its leading term."""
        if not base.levels:
            if base.size == -inf:
                raise NoRule("a quotient by zero", "a denominator that does not cancel", "another denominator")
            raise Coarse
        top, e = Fraction(base.top), Fraction(int(exponent.p), int(exponent.q))
        lead = base.levels[top][ONE]
        step = Series({q: level for q, level in base.levels.items() if q < top}, base.remainder)
        step = step.shifted(-top).scaled(self.unknown.power(lead, sp.S.NegativeOne))
        parts, raised = [], constant(rational(1))
        for k in range(self.precision.order + 1):
            if k:
                raised = self.times(raised, step)
            parts.append(raised.scaled(rational(sp.binomial(exponent, k))))
        left_out = (self.precision.order + 1) * step.top
        about_one = total([*parts, Series({}, max(left_out, step.remainder))]).kept(self.precision.window)
        return about_one.scaled(self.unknown.power(lead, exponent)).shifted(top * e)

    def _at(self, curve: Curve, around: Level) -> Series:
        """A curve of the part of order one: a vector, or a number where that part is one, or zero."""
        if any(monomial != ONE for monomial in around):
            return one_monomial(self.coordinates.bent(curve, around))
        if around:
            return constant(self._of_number(curve, around[ONE]))
        value = curve.at_zero()
        if value is not None:
            return constant(self.number(value)) if value != 0 else Series()
        return constant(self._of_number(curve, rational(0)))

    def _of_number(self, curve: Curve, number: Number) -> Number:
        values = None
        if number.values is not None:
            seed = 0 if self.networks is None else self.networks.seed
            values = np.asarray(curve.function(self.parameters, seed)(number.values))
        return self.indeterminate((curve, number.residue), values)


def one_monomial(monomial: int) -> Series:
    """A monomial of order one."""
    return Series({Fraction(0): {monomial: rational(1)}})
