"""Variances of weights and biases, as layers hold them."""

from __future__ import annotations

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.formula import exact


def variance(value: object, name: str) -> sp.Expr:
    """An exact variance; `DomainError` for a negative one.

    >>> variance("1/2", "w_var")
    1/2
    """
    result = exact(value, name)
    if result.is_negative:
        raise DomainError(f"{name} = {result}", "a variance, zero or larger", f"{name}={-result}")
    return result
