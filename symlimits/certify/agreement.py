"""When two stored values say the same: to the bit on one machine, within stated rounding between two.

Between machines sums are taken in another order. A float then agrees to `ROUNDING` of its size. Some numbers have a
scale of their own: a mean, that of its standard error, below which it is not known; what is standardised, 1; a p value
is held to its logarithm, since small ones differ in nothing else; the errors that a check has found are rounding
themselves, and are held to a tenth of what the check allows, as is the bound of a compiled value. The numbers in a
sentence agree to one unit in the last place that is printed, its words to the letter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from math import log
from typing import Any

from symlimits.certify.compiled import TOLERANCE

ROUNDING = 1e-9  # relative; sums of 10^5 draws differ by 1e-13 of their standard error from machine to machine
DIGITS = 1e-18  # relative, of a value with 20 digits or more
SLACK = 0.1  # of what a check allows: errors of a few ulps are not the same elsewhere
LEAST_P = 1e-300  # p values below are all the same: floats end here
FACTOR = 2.0  # of a radius, which is a bound

P_VALUES = frozenset({"p value", "control p value", "fit p value"})
STANDARDISED = frozenset({"residuals", "skewness", "log e value", "means", "distance"})  # of size one, or logarithms
OF_MEANS = frozenset({"mean", "estimate", "interval 95 %", "coefficients"})
CHECKED = {"error": SLACK * TOLERANCE, "error over tolerance": SLACK}  # the largest difference there may be
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def agree(name: str, first: Any, second: Any, error: float = 0.0, noise: float = 0.0) -> bool:
    """Whether two values called `name` are the same within rounding.

    `error` is the standard error beside them, `noise` the size of rounding errors that a sentence may speak of.

    >>> agree("p value", 1.0e-30, 1.1e-30), agree("estimate", 1e-12, 2e-12, error=0.01)
    (False, True)
    >>> agree("summary", "would detect 0.054", "would detect 0.055"), agree("summary", "1 line", "2 words")
    (True, False)
    """
    if type(first) is not type(second):
        return False
    if isinstance(first, float):
        return _numbers(name, first, second, error)
    if isinstance(first, str):
        return first == second or _texts(name, first, second, noise)
    return bool(first == second)


def _numbers(name: str, a: float, b: float, error: float) -> bool:
    if name in P_VALUES:
        x, y = (log(max(p, LEAST_P)) if p >= 0 else -p for p in (a, b))  # no p value is negative
        return abs(x - y) <= ROUNDING * max(1.0, abs(x))
    if name in CHECKED:
        return abs(a - b) <= CHECKED[name]
    if name == "radius":
        return abs(a - b) <= SLACK * TOLERANCE * error
    scale = 1.0 if name in STANDARDISED else error if name in OF_MEANS else 0.0
    return abs(a - b) <= ROUNDING * max(abs(a), abs(b), scale)


def _texts(name: str, first: str, second: str, noise: float) -> bool:
    """Sentences with the same words, and numbers that are the same as printed."""
    if _NUMBER.split(first) != _NUMBER.split(second):
        return False
    same = SPECIAL.get(name, _as_printed)
    if name not in SPECIAL and name not in SENTENCES:
        return False
    pairs = zip(_NUMBER.findall(first), _NUMBER.findall(second), strict=True)
    return all(same(Decimal(a), Decimal(b)) or abs(Decimal(a) - Decimal(b)) <= Decimal(noise) for a, b in pairs)


def _as_printed(a: Decimal, b: Decimal) -> bool:
    return abs(a - b) <= max(_last_place(a), _last_place(b))


def _last_place(number: Decimal) -> Decimal:
    """One unit in the last place of a number as it is printed; none for an integer, which is a count."""
    exponent = number.as_tuple().exponent
    return Decimal(0) if not isinstance(exponent, int) or exponent == 0 else Decimal(1).scaleb(exponent)


def _bound(a: Decimal, b: Decimal) -> bool:
    return max(a, b) <= Decimal(FACTOR) * min(a, b)


def _precise(a: Decimal, b: Decimal) -> bool:
    return abs(a - b) <= Decimal(DIGITS) * max(abs(a), abs(b))


SENTENCES = frozenset({"summary", "tails"})
SPECIAL: dict[str, Callable[[Decimal, Decimal], bool]] = {"midpoint": _precise, "radius": _bound}
