"""Variances and learning rates, as layers hold them."""

from __future__ import annotations

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.formula import exact


def nonnegative(value: object, name: str) -> sp.Expr:
    """An exact variance or rate; `DomainError` for a negative one.

    >>> nonnegative("1/2", "w_var")
    1/2
    """
    result = exact(value, name)
    if result.is_negative:
        what = "a variance" if name.endswith("var") else "a factor of the learning rate"
        raise DomainError(f"{name} = {result}", f"{what}, zero or larger", f"{name}={-result}")
    return result
