r"""The shape of the mixing matrix of two outputs: the distance $\rho$, at finite width and in the limit.

$Q = e^G\,O\,\mathrm{diag}(e^\rho, e^{-\rho})\,O^\top$ with O uniform. The spherical function
$P_{-1/2+w}(\cosh\rho) = \frac1{2\pi}\int(\cosh\rho + \sinh\rho\cos\theta)^{-1/2+w}d\theta$ is the mean over O of
$(Q_{11}/\sqrt{\det Q})^{-1/2+w}$, and it is multiplicative over layers; with $Q_{11} = T_{11}^2$ and
$\det Q = T_{11}^2T_{22}^2$ for one layer, chi squares of N and N - 1 degrees of freedom,
$$h(w) = \mathbb E P_{-1/2+w}(\cosh\rho) = \prod_l \mathbb E\,(T_{11}^2)^{-1/4+w/2}\,\mathbb E\,(T_{22}^2)^{1/4-w/2},
  \qquad h(w) \to e^{\frac a2(w^2 - \frac14)}.$$
Its inversion, the Mehler-Fock transform, is a line integral and Abel's:
$$g(u) = \frac1{2\pi i}\int h(w)e^{wu}dw,\qquad
  p(\rho) = \sqrt2\,\sinh\rho\int_\rho^\infty\frac{-g'(u)\,du}{\sqrt{\cosh u - \cosh\rho}}.$$
With $u^2 = \rho^2 + s^2$ the integrand of Abel's integral is even and analytic in s: the trapezoid rule has all digits.
In the limit this is McKean's heat kernel of the hyperbolic plane (1970, J. Differential Geometry 4). Formulas:
derived here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.derivation.mellin import chi_square_factor, gamma_integrals, w
from symlimits.errors import DomainError
from symlimits.language.integral import LineIntegral
from symlimits.reading.contour_table import table
from symlimits.reading.line_kernel import Contour, contour, lowered
from symlimits.reading.real import as_real, plain
from symlimits.reading.spherical_kernel import log_sinhc

Array = npt.NDArray[np.float64]
STEP_WIDTHS, STEP_MOST = 0.4, 0.6  # steps of s and of u: in widths of the law, and at most
NEGLIGIBLE = 60.0  # in the logarithm, below the largest term: more than digits, since F may grow
LAST_TERM = 42.0  # below the first term, in the logarithm
MANY = 200  # values of u from which on a table is made first
NEAR = 1e-3  # u / width below which the slope of g is a series
INNER = 48  # nodes of Gauss and Legendre for the mean at fixed u
AGREEMENT = 1e-13  # of two steps, relative
HALVINGS = 5
TINY = 1e-300  # beside u + rho, where both vanish
LAST = 300.0  # u beyond which nothing is a float


@dataclass(frozen=True)
class Mean:
    """A value with an estimate of its error."""

    value: float
    error: float


@dataclass(frozen=True)
class Distance:
    r"""The law of $\rho$ for hidden `widths`, all at least 2, or in the limit with `ratio` (the other is None).

    >>> rho = Distance(None, sp.Integer(1))
    >>> bool(abs(rho.mean(np.cosh).value - np.exp(1.0)) < 1e-12)  # E P_1
    True
    """

    widths: tuple[int, ...] | None
    ratio: sp.Expr | None

    def __post_init__(self) -> None:
        if self.widths is not None and (not self.widths or min(self.widths) < 2):
            given = f"widths = {self.widths}: behind one unit both outputs are proportional, and rho is infinite"
            raise DomainError(given, "hidden layers of two units or more", "widths=(2, 2)")

    def transform(self, half: sp.Expr) -> sp.Expr:
        r"""h at w = 2 `half`, in Gamma functions, or in the limit an exponential.

        >>> Distance((5, 5), None).transform(w).subs(w, sp.Rational(1, 4))  # P_0 = 1
        1
        """
        if self.widths is None:
            return sp.exp(self.ratio * (4 * half**2 - sp.Rational(1, 4)) / 2)
        quarter, found = sp.Rational(1, 4), sp.S.One
        for N, count in sorted(Counter(self.widths).items()):
            first = gamma_integrals.rewrite(chi_square_factor(sp.Integer(N), w - quarter))
            second = gamma_integrals.rewrite(chi_square_factor(sp.Integer(N - 1), quarter - w))
            scale = (sp.Integer(N - 1) / N) ** (quarter - w)  # chi_square_factor divides by N - 1, the layer by N
            found *= (first * second * scale) ** count
        return found.subs(w, half)

    @property
    def _end(self) -> sp.Expr:
        """h is finite for |w/2| below this."""
        return sp.oo if self.widths is None else sp.Rational(2 * min(self.widths) - 1, 4)

    @cached_property
    def _slopes(self) -> tuple[Contour, Contour, Contour]:
        """-g'(u) as a contour in 2u, and -g''(0), -g''''(0) / 6."""
        polynomials = (-4 * w, -8 * w**2, -32 * w**4 / 6)
        heads = [LineIntegral(p * self.transform(w), w, (-self._end, self._end)) for p in polynomials]
        return tuple(contour(lowered(head), head) for head in heads)  # type: ignore[return-value]

    @cached_property
    def width(self) -> float:
        """The root of the mean of rho^2/2, nearly: sum 1/N or a."""
        if self.ratio is not None:
            return float(sp.sqrt(self.ratio))
        return float(np.sqrt(sum(1 / (N - 1) for N in self.widths or ())))

    def log_slope(self, u: Array) -> Array:
        """log(-g'(u)/u) at u >= 0."""
        if self.ratio is not None:
            a = float(self.ratio)
            return np.asarray(-a / 8 - u**2 / (2 * a) - 0.5 * np.log(2 * np.pi * a) - np.log(a))
        found = np.empty(u.shape)
        near = u < NEAR * min(self.width, 1.0)
        if near.any():
            second, fourth = (c(np.zeros(1)) for c in self._slopes[1:])
            at_zero, curve = (float(v.sign[0] * np.exp(v.log[0])) for v in (second, fourth))
            found[near] = np.log(at_zero + curve * u[near] ** 2)
        found[~near] = self._far(u[~near])
        return found

    def _far(self, u: Array) -> Array:
        def slope(u: Array) -> Array:
            return np.asarray(self._slopes[0](2 * u).log - np.log(u))

        made = table(slope, float(u.min()), float(u.max()), u.size) if u.size > MANY else None
        return slope(u) if made is None else made(u)

    # ------------------------------------------------------------------ density

    def log_kernel(self, rho: Any) -> Any:
        r"""log of $p(\rho)/\sinh\rho$, which is even in rho and finite at 0; broadcasts over rho >= 0."""
        r = _nonnegative(rho)
        step = min(STEP_WIDTHS * self.width, STEP_MOST)
        terms = [self._abel(r, np.zeros(r.shape)) - np.log(2.0)]
        while (terms[-1] > terms[0] - LAST_TERM).any():
            terms.append(self._abel(r, np.full(r.shape, step * len(terms))))
        return plain(np.log(2 * step) + np.logaddexp.reduce(terms, axis=0))

    def _abel(self, r: Array, s: Array) -> Array:
        """log of (-g'(u)/u) (2 (cosh u - cosh r)/s^2)^(-1/2) at u^2 = r^2 + s^2."""
        u = np.hypot(r, s)
        return np.asarray(self.log_slope(u) - 0.5 * (log_sinhc(0.5 * (u + r)) + log_sinhc(0.5 * s**2 / (u + r + TINY))))

    def log_pdf(self, rho: Any) -> Any:
        r"""The logarithm of the density of $\rho > 0$."""
        r = _nonnegative(rho)
        with np.errstate(divide="ignore"):
            return plain(self.log_kernel(r) + np.log(-np.expm1(-2 * r)) + r - np.log(2.0))

    def pdf(self, rho: Any) -> Any:
        r"""The density of $\rho \ge 0$.

        >>> round(Distance(None, sp.Integer(1)).pdf(1.0), 6)
        0.559167
        """
        return plain(np.exp(self.log_pdf(rho)))

    # ------------------------------------------------------------------ means

    def mean(self, function: Callable[[Array], Array]) -> Mean:
        r"""$\mathbb E F(\rho)$ of a smooth F of arrays, with an estimate of its error.

        $\int_0^\infty 4\sinh\tfrac u2(-g'(u))\int_0^1 F dy\,du$ with $\cosh\rho = 1 + (\cosh u - 1)(1 - y^2)$; inside,
        $\rho = u(1 - t^2)$, where y would have a boundary layer.
        """
        step, before = min(STEP_WIDTHS * self.width, STEP_MOST), np.nan
        for _ in range(HALVINGS):
            value = self._trapezoid(function, step)
            change = float(abs(value - before))
            if change <= AGREEMENT * abs(value):
                break
            before, step = value, 0.5 * step
        return Mean(value, change + AGREEMENT * abs(value))

    def _trapezoid(self, function: Callable[[Array], Array], step: float) -> float:
        total, largest, block, k = 0.0, 0.0, 64, 1  # the integrand vanishes at u = 0
        while True:
            u = step * np.arange(k, k + block, dtype=np.float64)
            terms = self._inner(function, u) * np.exp(self.log_slope(u)) * u
            total, largest = total + float(terms.sum()), max(largest, float(np.abs(terms).max()))
            if abs(terms[-1]) <= np.exp(-NEGLIGIBLE) * largest or u[-1] > LAST:
                return float(total * step)
            k += block

    def _inner(self, function: Callable[[Array], Array], u: Array) -> Array:
        r"""$\sqrt2\int_0^u F(\rho)\sinh\rho\,d\rho/\sqrt{\cosh u - \cosh\rho}$."""
        nodes, weights = np.polynomial.legendre.leggauss(INNER)
        t = 0.5 * (nodes + 1)
        rho = u[:, None] * (1 - t) * (1 + t)
        gap = 0.5 * u[:, None] * t**2
        root = np.exp(0.5 * (log_sinhc(0.5 * (u[:, None] + rho)) + log_sinhc(gap)))
        integrand = (
            function(rho) * np.sinh(rho) * 2 * u[:, None] / (root * np.sqrt(0.5 * u[:, None] * (u[:, None] + rho)))
        )
        return np.asarray((integrand * weights).sum(axis=1) * np.sqrt(0.5))


def _nonnegative(rho: Any) -> Array:
    values: Array = as_real(rho, "rho")
    if (values < 0).any():
        raise DomainError("a negative distance rho", "rho >= 0", "rho=1.0")
    return values
