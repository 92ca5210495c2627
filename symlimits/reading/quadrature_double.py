"""Smooth expectations over a pair in float64: many of them stand inside an integral over the covariance.

The trapezoid rule in independent coordinates, all points at once. Good to about 14 digits, which is
what the nested lines of a derivation are compared to; single values use `quadrature`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from symlimits.errors import NoRule

DIGITS = 14
_REACH = 9.0  # the normal density is below 1e-17 beyond
_POINTS = (64, 96, 144, 216, 324, 486)


def pair_mean(integrand: sp.Expr, u: sp.Symbol, v: sp.Symbol, p: float, q: float, c: float) -> float:
    """E f(u, v) for analytic f of moderate growth; `NoRule` where two rules do not agree.

    >>> u, v = sp.symbols("u v", real=True)
    >>> round(pair_mean(u**2 * v**2, u, v, 1.0, 1.0, 0.5), 12)
    1.5
    """
    function = _function(integrand, u, v)
    last = None
    for n in _POINTS:
        value, size = _trapezoid(function, n, p, q, c)
        if last is not None and abs(value - last) <= 10.0 ** (1 - DIGITS) * size:
            return value
        last = value
    raise NoRule(f"float64 quadrature of {integrand}", f"{DIGITS} digits", "more digits: mpmath")


def _trapezoid(function: Callable[..., Any], n: int, p: float, q: float, c: float) -> tuple[float, float]:
    z, weights = _rule(n)
    root = np.sqrt(p)
    first = root * z[:, None]
    second = (c / root) * z[:, None] + np.sqrt(max(q - c * c / p, 0.0)) * z[None, :]
    with np.errstate(over="ignore", invalid="ignore"):
        terms = weights * function(first, second)
    return float(np.sum(terms)), float(np.sum(np.abs(terms)))


@lru_cache(maxsize=16)
def _rule(n: int) -> tuple[np.ndarray, np.ndarray]:
    z = _REACH * (2.0 * np.arange(n) + 1.0 - n) / n
    line = np.exp(-z * z / 2.0) * (2.0 * _REACH / n) / np.sqrt(2.0 * np.pi)
    return z, line[:, None] * line[None, :]


@lru_cache(maxsize=256)
def _function(integrand: sp.Expr, u: sp.Symbol, v: sp.Symbol) -> Callable[..., Any]:
    x, y = sp.Dummy("x"), sp.Dummy("y")
    return sp.lambdify((x, y), integrand.xreplace({u: x, v: y}), ["scipy", "numpy"], cse=True)
