r"""Means of an activation in float64, over arrays of variances and correlations, each with a bound of its error.

Where the dual activation has a closed form its compiled code is used. Elsewhere the means over one variable are
Gauss-Legendre sums over panels that close in on zero, where activations bend at large variances, and on the kinks; and
those over two are Mehler's series $\sum_n a_n^2\rho^n$ of the Hermite coefficients (theory of the compiled kernels).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.certify.compiled import TOLERANCE
from symlimits.errors import DomainError
from symlimits.language.activation import Activation, x
from symlimits.reading.lower import in_finite_forms
from symlimits.theory.kernels import dual

Array = npt.NDArray[np.float64]
TERMS = 200  # of Mehler's series
REACH = 12.0  # standard deviations: the density beyond is below 1e-31
ENDS = np.concatenate([[0.0], np.geomspace(1e-4, 1.0, 9), np.arange(2.0, REACH + 1.0)])
NODES = (14, 20)  # a panel: their difference is the error
ROUNDING = 1e-14  # of sums of a few hundred terms


class Bounded(NamedTuple):
    """Values, and bounds of their errors."""

    value: Array
    error: Array


@dataclass(frozen=True)
class Moments:
    r"""$\mathbb E\phi(u)\phi(v)$ and $\mathbb E\phi'(u)\phi'(v)$ at equal variances q and correlation rho.

    >>> from symlimits import activations as act
    >>> means = Moments(act.erf), Moments(act.tanh)
    >>> [bool(m.mean(2.0, 0.5).error < 1e-11) for m in means]
    [True, True]
    >>> round(float(means[1].slope(1.0, 1.0).value), 12)  # E tanh'(z)^2
    0.464402902448
    """

    phi: Activation

    def mean(self, q: object, rho: object) -> Bounded:
        r"""$\mathbb E\phi(u)\phi(v)$ at arrays of variances and correlations."""
        return self._read(self.phi, q, rho, derivative=False)

    def slope(self, q: object, rho: object) -> Bounded:
        r"""$\mathbb E\phi'(u)\phi'(v)$."""
        return self._read(self._derivative, q, rho, derivative=True)

    def variance_slope(self, q: object) -> Bounded:
        r"""$\frac{d}{dq}\mathbb E\phi(u)^2 = \mathbb E(z^2 - 1)\phi(\sqrt qz)^2/2q$."""
        variances = np.asarray(q, dtype=np.float64)

        def one(variance: float) -> tuple[float, float]:
            return self._single(self.phi, lambda f, z: f**2 * (z**2 - 1) / (2 * variance), variance)

        return _along(one, variances)

    def squares(self, q: float) -> tuple[Array, float, float]:
        r"""The squares of the Hermite coefficients of $\phi(\sqrt qz)$, their sum without end, the error of sums.

        $\mathbb E\phi(u)\phi(v) = \sum_n a_n^2\rho^n$, of which there are 200.
        """
        return _squares(self.phi, float(q))

    @cached_property
    def _derivative(self) -> Activation:
        return self.phi.derivative()

    def _read(self, f: Activation, q: object, rho: object, derivative: bool) -> Bounded:
        variances, correlations = np.broadcast_arrays(np.asarray(q, np.float64), np.asarray(rho, np.float64))
        kernel = _closed(self.phi, derivative)
        if kernel is not None:
            with np.errstate(all="ignore"):
                value, size = (
                    _values(kernel, variances, variances * r) for r in (correlations, np.ones_like(variances))
                )
            return Bounded(value, TOLERANCE * np.abs(size))
        if np.all(correlations == 1.0):
            return _along(lambda variance: self._single(f, lambda values, z: values**2, variance), variances)
        flat = [self._series(f, *pair) for pair in zip(variances.ravel(), correlations.ravel(), strict=True)]
        value, error = (np.array(column).reshape(variances.shape) for column in zip(*flat, strict=True))
        return Bounded(value, error)

    def _single(self, f: Activation, weight: Callable[[Array, Array], Array], variance: float) -> tuple[float, float]:
        """The mean of a weight of f(sqrt(q) z) and z, and its error."""
        found, sizes = [], []
        for n in NODES:
            z, weights = _rule(n, _kinks(f, variance))
            with np.errstate(all="ignore"):
                terms = weights * weight(_function(f)(np.sqrt(variance) * z), z)
                found.append(float(terms.sum()))
                sizes.append(float(np.abs(terms).sum()))
        return found[1], abs(found[1] - found[0]) + ROUNDING * sizes[1]

    def _series(self, f: Activation, variance: float, rho: float) -> tuple[float, float]:
        """Mehler's series: its tail is at most that of the mean square, times a power of rho."""
        squares, whole, error = _squares(f, variance)
        powers = rho ** np.arange(TERMS)
        tail = max(whole - float(squares.sum()), 0.0) * abs(rho) ** TERMS
        return float(squares @ powers), tail + error


@lru_cache(maxsize=64)
def _closed(phi: Activation, derivative: bool) -> Any:
    """The compiled dual activation, or that of the derivative, where there is a closed form."""
    limit = dual(phi)
    return (limit.dot() if derivative else limit).compile() if limit.has_closed_form else None


def _values(kernel: Any, q: Any, c: Any) -> Array:
    """Of compiled code at arrays of variances and covariances; infinite where floats do not hold them."""
    try:
        return np.asarray(kernel(q, q, c))
    except DomainError:
        if q.ndim == 0:
            return np.asarray(np.inf)
        return np.array([_values(kernel, *pair) for pair in zip(q.ravel(), c.ravel(), strict=True)]).reshape(q.shape)


@lru_cache(maxsize=4096)
def _squares(f: Activation, variance: float) -> tuple[Array, float, float]:
    """The squares of the Hermite coefficients, their sum without end, and the error of sums of them."""
    rows = []
    for n in NODES:
        z, weights = _rule(n, _kinks(f, variance))
        values = _function(f)(np.sqrt(variance) * z)
        rows.append(_hermite(n, _kinks(f, variance)) @ values)
        whole = float(weights @ values**2)
    error = float(np.abs(rows[1] ** 2 - rows[0] ** 2).sum()) + ROUNDING * whole
    return rows[1] ** 2, whole, error


@lru_cache(maxsize=8)
def _hermite(nodes: int, kinks: tuple[float, ...]) -> Array:
    """Orthonormal Hermite polynomials, times the weights of a rule, a row each."""
    z, weights = _rule(nodes, kinks)
    rows = [np.ones_like(z), z]
    for n in range(1, TERMS - 1):
        rows.append((z * rows[-1] - np.sqrt(n) * rows[-2]) / np.sqrt(n + 1))
    return np.array(rows) * weights


def _along(one: Callable[[float], tuple[float, float]], variances: Array) -> Bounded:
    pairs = [one(float(variance)) for variance in variances.ravel()]
    value, error = (np.array(column).reshape(variances.shape) for column in zip(*pairs, strict=True))
    return Bounded(value, error)


def _kinks(f: Activation, variance: float) -> tuple[float, ...]:
    return tuple(float(a) / float(np.sqrt(variance)) for a in f.kinks)


@lru_cache(maxsize=512)
def _rule(n: int, kinks: tuple[float, ...]) -> tuple[Array, Array]:
    """Nodes, and weights with the normal density."""
    inside = [a for a in kinks if abs(a) < REACH]
    ends = np.unique(
        np.concatenate([-ENDS, ENDS, *([a + s * ENDS for a in inside for s in (-1, 1)] if inside else [])])
    )
    ends = ends[np.abs(ends) <= REACH]
    nodes, weights = np.polynomial.legendre.leggauss(n)
    half, middle = np.diff(ends)[:, None] / 2, (ends[1:] + ends[:-1])[:, None] / 2
    z = (middle + half * nodes).ravel()
    return z, (half * weights).ravel() * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


@lru_cache(maxsize=64)
def _function(f: Activation) -> Callable[[Array], Array]:
    heads = {"log1pexp": lambda a: np.logaddexp(0.0, a)}
    compiled = sp.lambdify(x, in_finite_forms(f.expr), [heads, "scipy", "numpy"])
    return lambda values: np.asarray(compiled(values), dtype=np.float64) * np.ones_like(values)
