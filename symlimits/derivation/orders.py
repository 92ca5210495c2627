r"""Width exponents of a program: the power of n in a value, exact and certified.

Each value is carried as $\sum_q n^q Z_q$ with exact rational q, and with a bound $n^r$ of what was left out. The
exponent is the leading q, certified if q > r; else the series are taken further. It is that of generic parameters.

A coefficient is zero if it cancels as a polynomial in parameters, fluctuations and expectations, these worked out by
the ladder of `limit_means.py`; it is not zero if it is told from zero on networks that are drawn. Where neither is
found there is no exponent. Derived here; the rules of programs: Yang, arXiv 2006.14548 and 2011.14522.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf

import numpy as np
import sympy as sp

from symlimits.derivation.calculus import Coarse
from symlimits.derivation.n_series import Precision, Series
from symlimits.derivation.program_series import ATTEMPTS, reading
from symlimits.errors import NoRule
from symlimits.language.tensor_program import Program

HALF = Fraction(1, 2)
PRECISIONS = (Precision(1, Fraction(0)), Precision(1, HALF), *(Precision(k, k * HALF) for k in range(2, 9)))


@dataclass(frozen=True)
class Exponent:
    """The power of n; certified, or an upper bound that the series of this order and window give."""

    value: sp.Expr
    certified: bool
    order: int
    window: sp.Rational


def exponent(program: Program, target: int, precisions: Sequence[Precision] = PRECISIONS) -> Exponent:
    r"""The width exponent of a scalar, or of the entries of a vector: its order as n grows.

    `target` is a place in the program. A zero has the exponent -oo. Covered are smooth maps of sums of order one,
    polynomials of all sums, and maps with kinks of a single vector, which nothing moves across the kink. Raises
    `NoRule` for other maps and for symbolic powers of n, where no precision decides, and where a coefficient neither
    cancels nor is told from zero.

    >>> from symlimits.language.tensor_program import Gaussian, Mean, Program
    >>> program = Program()
    >>> a, w = (program.symbols[program.append(Gaussian(name, sp.S.One))] for name in "aw")
    >>> exponent(program, program.append(Mean(a * sp.tanh(w)))).value
    -1/2
    """
    return exponents(program, [target], precisions)[0]


def exponents(program: Program, targets: Sequence[int], precisions: Sequence[Precision] = PRECISIONS) -> list[Exponent]:
    """The exponents of several targets: values that they share are worked out once for each precision."""
    found: dict[int, Exponent] = {}
    for precision in precisions:
        waiting = [target for target in targets if target not in found]
        if waiting:
            found |= _certified(program, waiting, precision)
    for target in targets:
        if target not in found:
            given = f"the width exponent of {program.symbols[target]}, Taylor's order {precisions[-1].order}"
            raise NoRule(given, "a leading power above what was left out", "more precisions, or another point")
    return [found[target] for target in targets]


def estimate(program: Program, target: int, precision: Precision) -> Exponent:
    """What one precision says: the leading power if it is certified, else a bound from above; without samples."""
    try:
        return _said(reading(program, [target], precision).series(target), precision)
    except Coarse:
        return Exponent(sp.oo, False, precision.order, _sympy(precision.window))


def _certified(program: Program, targets: Sequence[int], precision: Precision) -> dict[int, Exponent]:
    """Those that this precision decides, with a leading coefficient that is told from zero."""
    read, found = reading(program, targets, precision), {}
    for target in targets:
        try:
            found[target] = _said(read.series(target), precision)
        except Coarse:
            continue
    found = {target: what for target, what in found.items() if what.certified}
    open_ones = [target for target, what in found.items() if what.value != -sp.oo]
    for attempt in ATTEMPTS:
        if open_ones:
            sampled = reading(program, open_ones, precision, attempt)
            with np.errstate(all="ignore"):  # what overflows is not told from zero
                open_ones = [target for target in open_ones if not sampled.is_nonzero(target)]
    if open_ones:
        given = f"the coefficient of n^({found[open_ones[0]].value}) in {program.symbols[open_ones[0]]}"
        raise NoRule(given, "one that is zero by symmetry, or told from zero on samples", "other parameters or maps")
    return found


def _said(series: Series, precision: Precision) -> Exponent:
    certified = series.top > series.remainder or series.size == -inf
    value = series.top if certified else series.remainder
    return Exponent(_sympy(value), certified, precision.order, _sympy(precision.window))


def _sympy(value: Fraction | float) -> sp.Expr:
    return sp.Rational(value.numerator, value.denominator) if isinstance(value, Fraction) else sp.S.NegativeInfinity
