r"""Exponents of width: max-plus numbers over affine forms, and the parity grade of what neurons add up.

A sum of powers $n^{l_1} + n^{l_2} + ...$ grows as $n^{\max(l_1, l_2, ...)}$ and a product adds exponents, so an
exponent is a set of affine forms of the exponents of hyperparameters, read as their maximum.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from operator import le

import sympy as sp

from symlimits.derivation.affine import Affine
from symlimits.derivation.corners import corners
from symlimits.derivation.polyhedra import Constraint, feasible
from symlimits.derivation.trace import Step, Trace
from symlimits.errors import DomainError
from symlimits.language.names import shown

HALF = Fraction(1, 2)

# Rules of derivations of exponents: name, source
GRADED = ("the graded calculus", "derived here; law of large numbers and central limit theorem")
BOUNDED = ("increments that stay bounded", "derived here; Golikov 2020, arXiv 2006.06574")
LARGEST = ("the largest term", "derived here; max-plus algebra, Baccelli et al. 1992")
EXPLANATIONS = {
    BOUNDED[0]: "Where the increments of the weights are bounded, terms that never exceed the others are left out.",
    LARGEST[0]: "In the region of the claim, terms that never exceed the others are left out.",
}


@dataclass(frozen=True)
class MaxPlus:
    r"""The maximum of affine forms; $-\infty$, the exponent of zero, is the empty one.

    `+` is the exponent of a sum (the maximum), `*` that of a product (the sum of forms).

    >>> s, t = Affine.variables(2)
    >>> a, b = MaxPlus.of(s), MaxPlus.of(t, 2 * t)
    >>> (a + b).at((1, 3)), (a * b).at((1, 3)), MaxPlus().at((1, 3))
    (Fraction(6, 1), Fraction(7, 1), None)
    """

    forms: frozenset[Affine] = frozenset()

    def __post_init__(self) -> None:
        if not isinstance(self.forms, frozenset) or not all(isinstance(form, Affine) for form in self.forms):
            raise DomainError(f"forms = {shown(self.forms)}", "a frozenset of affine forms", "MaxPlus.of(x, y)")

    @classmethod
    def of(cls, *forms: Affine) -> MaxPlus:
        """The maximum of these forms."""
        return cls(frozenset(forms))

    def __add__(self, other: MaxPlus) -> MaxPlus:
        return MaxPlus(self.forms | other.forms)

    def __mul__(self, other: MaxPlus) -> MaxPlus:
        return MaxPlus(frozenset(a + b for a in self.forms for b in other.forms))

    def __bool__(self) -> bool:
        return bool(self.forms)

    def shifted(self, form: Affine) -> MaxPlus:
        """The exponent of the product with one power of the width."""
        return MaxPlus(frozenset(form + other for other in self.forms))

    def power(self, exponent: Fraction | int) -> MaxPlus:
        r"""The exponent of $X^p$ for $p > 0$: each form times p."""
        return MaxPlus(frozenset(form * exponent for form in self.forms))

    def at(self, point: Sequence[Fraction | int]) -> Fraction | None:
        r"""The exponent at a point; None for $-\infty$."""
        return max((form(point) for form in self.forms), default=None)

    def expr(self, symbols: Sequence[sp.Symbol]) -> sp.Expr:
        """SymPy's `Max` of the forms, as they are."""
        args = sorted((form.expr(symbols) for form in self.forms), key=sp.default_sort_key)
        return sp.Max(*args, evaluate=False) if len(args) > 1 else args[0] if args else -sp.oo

    def pruned(self, region: Iterable[Constraint]) -> MaxPlus:
        """The forms that are the largest, alone, somewhere in the region: one of equal ones, none that is exceeded.

        >>> s, t = Affine.variables(2)
        >>> MaxPlus.of(s, 2 * s, t).pruned([Constraint(s, "<=")]) == MaxPlus.of(s, t)
        True
        """
        region = tuple(region)
        kept = _undominated(self.forms, region)
        for form in tuple(kept):
            others = [other for other in kept if other is not form]
            if others and _is_exceeded(form, others, region):
                kept = others
        return MaxPlus(frozenset(kept))

    def equals(self, other: MaxPlus, region: Iterable[Constraint]) -> bool:
        """Whether the two maxima agree at every point of the region.

        >>> s, t = Affine.variables(2)
        >>> MaxPlus.of(s, s - t).equals(MaxPlus.of(s), [Constraint(-t, "<=")])
        True
        """
        if not (self and other):
            return self == other
        region = tuple(region)
        pairs = ((self, other), (other, self))
        return all(_is_exceeded(form, b.forms, region) for a, b in pairs for form in a.forms - b.forms)


def _is_exceeded(form: Affine, others: Iterable[Affine], region: tuple[Constraint, ...]) -> bool:
    """Whether the form is nowhere in the region larger than all others."""
    above = [Constraint(other - form, "<") for other in others]
    return not feasible([*region, *above], form.dimension)


def _undominated(forms: Iterable[Affine], region: tuple[Constraint, ...]) -> list[Affine]:
    """The forms that no other one bounds at all corners and along all directions of the region, the longest first."""
    ordered = sorted(forms, key=_length)
    if len(ordered) < 2:
        return ordered
    common = lcm(*(c.denominator for form in ordered for c in (*form.coefficients, form.constant)))
    frame = corners(region, ordered[0].dimension)
    kept: list[tuple[Affine, tuple[int, ...]]] = []
    for form in ordered:
        values = frame.values(form * common)
        if any(all(map(le, values, others)) for _, others in kept):
            continue
        kept = [(known, others) for known, others in kept if not all(map(le, others, values))]
        kept.append((form, values))
    return [form for form, _ in reversed(kept)]


def _length(form: Affine) -> tuple[Fraction, Affine]:
    """Of forms that are equal in a region the longest goes first."""
    return sum(map(abs, form.coefficients), abs(form.constant)), form


ZERO = MaxPlus()


@dataclass(frozen=True)
class Graded:
    r"""What one neuron adds to a sum, by the parity in its output weight at the start.

    `even` and `odd` are the exponents of the two parts; the odd part has mean zero, since the weight is symmetric.
    `scattered` is the exponent of what has mean zero for another reason: a rare event of either sign.

    A product is even where both factors are even or both odd: $(e, o)(e', o') = (\max(e+e', o+o'), \max(e+o', o+e'))$.

    >>> s, = Affine.variables(1)
    >>> weight, step = Graded(odd=MaxPlus.of(0 * s)), Graded(odd=MaxPlus.of(s))
    >>> (weight * step).even.at((-1,)), (weight * step).odd.at((-1,))
    (Fraction(-1, 1), None)
    """

    even: MaxPlus = field(default=ZERO)
    odd: MaxPlus = field(default=ZERO)
    scattered: MaxPlus = field(default=ZERO)

    def __add__(self, other: Graded) -> Graded:
        return Graded(self.even + other.even, self.odd + other.odd, self.scattered + other.scattered)

    def __mul__(self, other: Graded) -> Graded:
        even = self.even * other.even + self.odd * other.odd + self.scattered * other.scattered
        odd = self.even * other.odd + self.odd * other.even
        mine, theirs = self.even + self.odd, other.even + other.odd
        return Graded(even, odd, self.scattered * theirs + mine * other.scattered)

    def shifted(self, form: Affine) -> Graded:
        """The product with one power of the width, the same for all neurons."""
        return Graded(self.even.shifted(form), self.odd.shifted(form), self.scattered.shifted(form))

    @property
    def size(self) -> MaxPlus:
        """The exponent of one neuron's value."""
        return self.even + self.odd + self.scattered

    def summed(self) -> MaxPlus:
        r"""The exponent of the sum over n neurons: $\max(e + 1, o + \frac12)$.

        The even part obeys the law of large numbers, what has mean zero the central limit theorem.
        """
        return MaxPlus(
            frozenset(form + 1 for form in self.even.forms)
            | frozenset(form + HALF for form in (self.odd + self.scattered).forms)
        )

    def pruned(self, region: Iterable[Constraint]) -> Graded:
        """Each part pruned on the region."""
        region = tuple(region)
        return Graded(self.even.pruned(region), self.odd.pruned(region), self.scattered.pruned(region))


def deviation_lines() -> Trace:
    """Of a mean over n neurons from its limit: deviations of order one with mean zero, and a bias of order 1/n."""
    neuron = Graded(even=MaxPlus.of(Affine((), Fraction(-1))), scattered=MaxPlus.of(Affine(())))
    mean = neuron.summed().shifted(Affine((), Fraction(-1)))
    return Step(mean.expr(()), *GRADED), Step(mean.pruned(()).expr(()), *LARGEST)
