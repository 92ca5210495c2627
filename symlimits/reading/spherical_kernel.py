r"""The compiled reading of a `SphericalIntegral`: Abel's integral of a Wronskian of two line integrals.

With $Q_{w-1/2}(\cosh\rho) = \int_\rho^\infty e^{-wu}\,du/\sqrt{2(\cosh u - \cosh\rho)}$ both line integrals part. Where
$h_2$ is a multiple of $h_1$, with $\varphi_j(X) = \frac1{2\pi i}\int h_j(\alpha)e^{-\alpha X}d\alpha$ and
$u^2 = \rho^2 + s^2$,
$$4\int_0^\infty
  \frac{\varphi_1'(G - u)\varphi_2(G + u) - \varphi_1(G - u)\varphi_2'(G + u)}
  {u\,\sqrt{2(\cosh u - \cosh\rho)/s^2}}\,ds,$$
positive since $\log\varphi$ is concave. The integrand is even and analytic in s: the trapezoid rule has all digits.
Everything is computed in logarithms. Derived here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp
from mpmath import mp

from symlimits.errors import DomainError, NoRule
from symlimits.language.integral import LineIntegral
from symlimits.language.spherical import SphericalIntegral
from symlimits.reading import line
from symlimits.reading.line_kernel import Contour, contour, lowered
from symlimits.reading.real import as_reals, plain

Array = npt.NDArray[np.float64]
FIRST_STEP, HALVINGS = 0.4, 4  # of s, in widths of the law
AGREEMENT = 1e-11  # of two steps: the next is far nearer
LAST_TERM = 36.0  # below the first term, in the logarithm
NEAR = 1e-4  # u below which the difference is a derivative
ROUNDING = 1e-14  # of the sums, relative: each term is right to about as much
MULTIPLE = 1e-25  # of h_2/h_1 at two places: as much as they may differ


@dataclass(frozen=True)
class SphericalSum:
    """The sum over s for one pair of functions, at any eigenvalues: `log(G, rho)`."""

    head: SphericalIntegral

    @cached_property
    def _contours(self) -> tuple[Contour, Contour, Contour]:
        """phi, phi' and phi'' of the first function, as functions of -X."""
        w = self.head.variable
        heads = [LineIntegral(p * self.head.first, w, self.head.strip) for p in (sp.S.One, -w, w**2)]
        return tuple(contour(lowered(one), one) for one in heads)  # type: ignore[return-value]

    @cached_property
    def _inside(self) -> sp.Expr:
        """A moderate place in the strip."""
        low, high = self.head.strip
        if low < 0 < high:
            return sp.S.Zero
        return (low + sp.Min(high, low + 1)) / 2 if low.is_finite else sp.Max(low, high - 1)

    @cached_property
    def log_ratio(self) -> float:
        """log h_2 - log h_1, which does not depend on the argument."""
        w, high = self.head.variable, self.head.strip[1]
        ratio = [
            (self.head.second.subs(w, at) / self.head.first.subs(w, at)).doit().evalf(40)
            for at in (self._inside, (self._inside + sp.Min(high, self._inside + 1)) / 2)
        ]
        if abs(ratio[1] / ratio[0] - 1) > MULTIPLE:
            raise NoRule("a spherical integral of unlike functions", "h_2 a multiple of h_1", "`.reference(...)`")
        return float(sp.log(ratio[0]))

    @cached_property
    def width(self) -> float:
        """Of the law of the eigenvalues' logarithms, nearly."""
        with mp.workdps(30):
            at = mp.mpmathify(self._inside.evalf(30))
            return float(mp.sqrt(0.5) / line.peak_width(line.function(self.head.first, self.head.variable), at))

    def log(self, G: Array, rho: Array) -> tuple[Array, Array]:
        """The logarithm at arrays (m,), and the change by the last halving of the step."""
        step = min(FIRST_STEP * self.width, FIRST_STEP)
        before = self._trapezoid(G, rho, step)
        for _ in range(HALVINGS):
            step *= 0.5
            found = self._trapezoid(G, rho, step)
            change = np.abs(found - before)
            if (change <= AGREEMENT).all():
                break
            before = found
        return np.log(4.0) + self.log_ratio + found, change

    def _trapezoid(self, G: Array, rho: Array, step: float) -> Array:
        terms = [self._term(G, rho, np.zeros(G.shape)) - np.log(2.0)]
        while (terms[-1] > terms[0] - LAST_TERM).any():
            terms.append(self._term(G, rho, np.full(G.shape, step * len(terms))))
        return np.asarray(np.log(step) + np.logaddexp.reduce(terms, axis=0))

    def _term(self, G: Array, rho: Array, s: Array) -> Array:
        u = np.hypot(rho, s)
        near = u < NEAR * self.width
        (left, left_slope), (right, right_slope) = self.phi(G - u), self.phi(G + u)
        fall = np.where(near, 1.0, left_slope - right_slope) / np.where(near, 1.0, u)
        if near.any():
            fall[near] = -2 * self._curvature(G[near])
        root = 0.5 * (log_sinhc(0.5 * (u + rho)) + log_sinhc(0.5 * s**2 / np.maximum(u + rho, 1e-300)))
        return np.asarray(left + right + np.log(fall) - root)

    def phi(self, x: Array) -> tuple[Array, Array]:
        """log phi, and its derivative."""
        value, slope = self._contours[0](-x), self._contours[1](-x)
        return value.log, slope.sign * np.exp(slope.log - value.log)

    def _curvature(self, x: Array) -> Array:
        """(log phi)''."""
        (log, slope), second = self.phi(x), self._contours[2](-x)
        return np.asarray(second.sign * np.exp(second.log - log) - slope**2)


def log_sinhc(x: Array) -> Array:
    """log(sinh(x)/x) at x >= 0."""
    small = x < 1e-4
    safe = np.where(small, 1.0, x)
    return np.where(small, x**2 / 6, safe + np.log(-np.expm1(-2 * safe)) - np.log(2 * safe))


@dataclass(frozen=True)
class SphericalKernel:
    """A compiled multiple of a spherical integral; it broadcasts over its arguments. `log` is of its logarithm."""

    expr: sp.Expr
    args: tuple[sp.Symbol, ...]

    @property
    def source(self) -> str:
        """The formula; the sum is `symlimits.reading.spherical_kernel`."""
        return str(self.expr)

    @cached_property
    def _parts(self) -> tuple[SphericalSum, Any, Any]:
        """The sum; logarithms of the front and of both eigenvalues, as functions of the arguments."""
        (head,) = self.expr.atoms(SphericalIntegral)
        front = sp.simplify(self.expr / head)
        if front.has(SphericalIntegral) or set(self.args) & (head.first.free_symbols | head.second.free_symbols):
            raise NoRule(f"the line {self.expr}", "one spherical integral in a product", "`.reference(...)`")
        logarithms = [sp.expand_log(sp.log(value), force=True) for value in (front, *head.eigenvalues)]
        return SphericalSum(head), *(sp.lambdify(self.args, part, "numpy") for part in (logarithms[0], logarithms[1:]))

    def log(self, *values: Any) -> tuple[Array, Array]:
        """The logarithm, and a bound of its error as two steps tell it."""
        numbers = np.broadcast_arrays(*as_reals(values, [s.name for s in self.args]))
        flat = [number.ravel() for number in numbers]
        total, front, logs = self._parts
        high, low = (np.broadcast_to(part, flat[0].shape) for part in logs(*flat))
        if not (high >= low).all():
            raise DomainError("eigenvalues in the wrong order", "the larger first", "arguments exchanged")
        found, change = total.log(0.5 * (high + low), 0.5 * (high - low))
        return (found + front(*flat)).reshape(numbers[0].shape), (change + ROUNDING).reshape(numbers[0].shape)

    def __call__(self, *values: Any) -> Any:
        return plain(np.exp(self.log(*values)[0]))

    def bounded(self, *values: Any) -> tuple[float, float, str]:
        """The value at a point, and an estimate of its error."""
        log, error = self.log(*(float(v) for v in values))
        value = float(np.exp(log))
        return value, value * float(error), "trapezoid rules on Abel's integral and on lines through saddles, compiled"

    def __getstate__(self) -> dict[str, Any]:
        return {"expr": self.expr, "args": self.args}
