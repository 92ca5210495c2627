r"""What the laws of $s\,|\,q \sim N(0, qK)$ in n dimensions read of the law of q: one compiled line integral each.

With $M(u) = \mathbb E q^u$ and every integral over the line through the saddle,
$$\mathbb E\,q^{-n/2}e^{-z/q} = \frac1{2\pi i}\int z^{-w}\Gamma(w)M(w - n/2)dw,\qquad
  \mathbb E e^{-zq} = \frac1{2\pi i}\int z^{-w}\Gamma(w)M(-w)dw,$$
$$P(q\,\xi^2 > 2z) = \frac1{2\pi i}\int z^{-w}\frac{\Gamma(w + 1/2)}{\sqrt\pi\,w}M(w)dw,\qquad\xi\sim N(0, 1).$$
Derived here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.derivation.mellin import w
from symlimits.language.integral import LineIntegral
from symlimits.reading.contour_table import Table, table
from symlimits.reading.line_kernel import Contour, contour, lowered
from symlimits.theory.mixtures.mixing import MixingLaw, found, needs_numbers

Array = npt.NDArray[np.float64]
MANY = 200  # points from which on a table may be cheaper
NO_DIGIT = -40.0  # the logarithm of what is none beside one
FAR = 60.0  # of X = log z, where q or s is 10^-13 or 10^13


@dataclass(frozen=True)
class ScaleMixture:
    """The law of q, and the number n of dimensions that q scales.

    >>> mixture = ScaleMixture(MixingLaw((1,), None), 1)
    >>> float(mixture.laplace(np.array(1.5))) - 0.5 < 1e-15
    True
    """

    mixing: MixingLaw
    dimension: int

    @property
    def is_gaussian(self) -> bool:
        """Whether q is one: without a hidden layer."""
        return self.mixing.widths == ()

    def log_radial_at(self, X: Array, least: float = -inf) -> Array:
        """log E[q^{-n/2} exp(-z/q); q > 0] at z = exp(X), whose square root is a float where z is none.

        At z = 0, X = -inf, it is infinite where the narrowest layer has at most n units. What is surely below `least`
        needs no digits.
        """
        if self.is_gaussian:
            return -np.exp(X)
        line, inside = self.radial_line, self._beside_zero < X
        logs = np.full(X.shape, self.mixing.log_moment(-self.dimension / 2))
        logs[inside] = looked_up(lambda X: found(line, -X, least=least), X[inside])
        return logs

    @cached_property
    def _beside_zero(self) -> float:
        r"""The log z up to which $\mathbb E q^{-n/2}(1 - e^{-z/q}) \le z^d\,\mathbb E q^{-n/2-d}$ is no digit."""
        start, gap = -self.dimension / 2, -self.dimension / 2 - float(self.mixing.lowest)
        if gap <= 0:
            return -inf
        d = min(1.0, gap / 2)
        return (NO_DIGIT + self.mixing.log_moment(start) - self.mixing.log_moment(start - d)) / d

    def laplace(self, z: Array) -> Array:
        """E exp(-z q), an atom at q = 0 included."""
        if self.is_gaussian:
            return np.asarray(np.exp(-z))
        values, inside = np.ones(z.shape), z > np.exp(NO_DIGIT - self.mixing.log_moment(1.0))  # 1 - e^(-zq) <= zq
        continuous = looked_up(lambda X: _tail(self.laplace_line, X), np.log(z[inside]))
        values[inside] = np.minimum(self.mixing.atom + np.exp(continuous), 1.0)  # but for rounding
        return values

    def log_tails_at(self, X: Array) -> tuple[Array, Array]:
        """log P(q xi^2 > 2 z) and log P(0 < q xi^2 <= 2 z) for a Gaussian xi, at z = exp(X), X = -inf for z = 0."""
        above, below = np.full(X.shape, np.log1p(-self.mixing.atom)), np.full(X.shape, -inf)
        inside = np.isfinite(X)
        above[inside] = looked_up(lambda X: _tail(self.tail_lines[0], X), X[inside])
        below[inside] = looked_up(lambda X: _tail(self.tail_lines[1], X), X[inside])
        return above, below

    # ------------------------------------------------------------------ the lines, compiled

    @cached_property
    def radial_line(self) -> Contour:
        """Of `log_radial_at`."""
        n = sp.Rational(self.dimension, 2)
        low = sp.Max(0, n + self.mixing.lowest) if self.mixing.lowest.is_finite else 0
        return compiled_line(sp.gamma(w) * self.mixing.mellin(w - n), (low, sp.oo))

    @cached_property
    def laplace_line(self) -> Contour:
        """Of `laplace`."""
        return compiled_line(sp.gamma(w) * self.mixing.mellin(-w), (0, -self.mixing.lowest))

    @cached_property
    def tail_lines(self) -> tuple[Contour, Contour]:
        """Of `log_tails_at`: on both sides of the pole at zero, where the residue is the whole probability."""
        integrand = sp.gamma(w + sp.S.Half) / (sp.sqrt(sp.pi) * w) * self.mixing.mellin(w)
        below = (sp.Max(-sp.S.Half, self.mixing.lowest), 0)
        return compiled_line(integrand, (0, sp.oo)), compiled_line(integrand, below)


def compiled_line(integrand: sp.Expr, strip: Sequence[Any]) -> Contour:
    """The integrand over a line of the strip; `NoRule` while a symbol has no number."""
    needs_numbers("values", integrand.free_symbols - {w})
    head = LineIntegral(integrand, w, strip)
    return contour(lowered(head), head)


def _tail(line: Contour, X: Array) -> Array:
    """The logarithm of a value of at most one at z = exp(X): where it is small its digits are absolute."""
    return found(line, -X, inf)


def looked_up(function: Callable[[Array], Array], X: Array) -> Array:
    """Values at X: one by one, or by a table where there are many; each value once where X is far out, and slow."""
    if X.size <= MANY:
        return function(X)
    values, near = np.empty(X.shape), np.abs(X) < FAR
    others, places = np.unique(X[~near], return_inverse=True)
    values[~near] = function(others)[places]
    inside = X[near]
    made: Table | None = None
    if inside.size > MANY:
        made = table(function, float(inside.min()), float(inside.max()), inside.size)
    values[near] = function(inside) if made is None else made(inside)
    return values
