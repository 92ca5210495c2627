"""Numbers at the door: exponents as exact rationals, with a remark for each that was a float; factors as floats."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np
import sympy as sp

from symlimits.derivation.affine import as_fraction
from symlimits.errors import DataError, DomainError, FormulaError
from symlimits.language.formula import exact
from symlimits.language.names import shown

Factor = float | str | sp.Expr  # a positive number, or exactly
DIGITS = 20  # more than a float holds


def rational(value: object, name: str) -> tuple[sp.Rational, tuple[str, ...]]:
    """The value as a rational, with a remark where it was a float: 0.1 is taken as 1/10.

    >>> rational(0.1, "a")
    (1/10, ('a = 0.1 is taken as 1/10',))
    >>> rational("-1/2", "a")
    (-1/2, ())
    """
    number = exact(value, name)
    if not isinstance(number, sp.Rational):
        raise DomainError(f"{name} = {shown(value)}", "a rational number", f"{name}='1/2'")
    inexact = isinstance(value, float | np.floating) and float(value) != int(value)
    return number, (f"{name} = {value} is taken as {number}",) if inexact else ()


def rationals(values: object, name: str, count: int) -> tuple[tuple[sp.Rational, ...], tuple[str, ...]]:
    """One rational for each of `count` layers; a single number is that of every layer.

    >>> rationals(1, "c", 3)
    ((1, 1, 1), ())
    """
    given = [values] * count if np.ndim(values) == 0 else list(values)  # type: ignore[call-overload, arg-type]
    if len(given) != count:
        wanted = f"one for each of {count} layers, the last of them the readout"
        raise DataError(f"{name} with {len(given)} exponents", wanted, f"{name}={['0'] * count}")
    if not isinstance(values, Sequence | np.ndarray) or isinstance(values, str):
        number, remarks = rational(values, name)
        return (number,) * count, remarks
    pairs = [rational(value, f"{name}[{place}]") for place, value in enumerate(given)]
    return tuple(number for number, _ in pairs), tuple(remark for _, remarks in pairs for remark in remarks)


def positive(value: object, name: str) -> float:
    """A positive number as a float: from a number, or from an exact string or expression without symbols.

    >>> positive("1/8", "rate"), positive(0.1, "rate"), positive("sqrt(4)", "sigma")
    (0.125, 0.1, 2.0)
    """
    try:
        number = exact(value, name)
        rounded = as_fraction(number) if number.is_Rational else number.evalf(DIGITS)
        found = float(rounded) if number.is_positive else 0.0
    except (FormulaError, OverflowError, TypeError):  # no number, too large, or a symbol that is declared positive
        found = 0.0
    if not 0 < found < inf:
        raise DomainError(f"{name} = {shown(value)}", "a positive number", f"{name}=0.1, or the exact {name}='1/10'")
    return found
