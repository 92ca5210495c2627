"""Gauss-Legendre and Gauss-Hermite rules at any precision."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from mpmath import mp, mpf

Rule = list[tuple[mpf, mpf]]  # nodes and weights


def nodes(panels: Iterable[tuple[mpf, mpf]], n: int) -> Rule:
    """Nodes and weights of the n-point Gauss-Legendre rule on each panel."""
    found = []
    for low, high in panels:
        half, middle = (high - low) / 2, (high + low) / 2
        found += [(middle + half * x, half * w) for x, w in _legendre(n, mp.prec)]
    return found


@lru_cache(maxsize=128)
def _legendre(n: int, precision: int) -> tuple[tuple[mpf, mpf], ...]:
    """Gauss-Legendre nodes and weights: Newton's method from double precision."""
    with mp.workprec(precision + 20):
        rule = []
        for start in np.polynomial.legendre.leggauss(n)[0]:
            x = mpf(float(start))
            for _ in range(max(2, int(mp.log(precision / 40, 2)) + 2)):
                value, slope = _legendre_value(n, x)
                x -= value / slope
            slope = _legendre_value(n, x)[1]
            rule.append((x, 2 / ((1 - x * x) * slope**2)))
    return tuple(rule)


def _legendre_value(n: int, x: mpf) -> tuple[mpf, mpf]:
    before, value = mpf(1), x
    for k in range(2, n + 1):
        before, value = value, ((2 * k - 1) * x * value - (k - 1) * before) / k
    return value, n * (x * value - before) / (x * x - 1)


def hermite_nodes(n: int) -> Rule:
    """Nodes and weights of the n-point Gauss rule for the standard normal density."""
    return list(_hermite(n, mp.prec))


@lru_cache(maxsize=128)
def _hermite(n: int, precision: int) -> tuple[tuple[mpf, mpf], ...]:
    with mp.workprec(precision + 20):
        rule = []
        for start in np.polynomial.hermite_e.hermegauss(n)[0]:
            x = mpf(float(start))
            for _ in range(max(2, int(mp.log(precision / 40, 2)) + 2)):
                value, before = _hermite_value(n, x)
                x -= value / (mp.sqrt(n) * before)
            rule.append((x, 1 / (n * _hermite_value(n, x)[1] ** 2)))
    return tuple(rule)


def _hermite_value(n: int, x: mpf) -> tuple[mpf, mpf]:
    """Orthonormal Hermite polynomials of degree n and n - 1."""
    before, value = mpf(0), mpf(1)
    for k in range(1, n + 1):
        before, value = value, (x * value - mp.sqrt(k - 1) * before) / mp.sqrt(k)
    return value, before
