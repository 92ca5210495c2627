r"""The output law of a deep linear network with one output or one input: a Gaussian with one random scale.

$s\,|\,q \sim N(0, qK)$ in n dimensions: n = P inputs of one output, K = K_0, or n = D outputs of one input, K = K_0 I.
With $r = s^\top K^{-1}s$, $M(u) = \mathbb E q^u$ and every integral over the line through the saddle,
$$p(s) = (2\pi)^{-n/2}|K|^{-1/2}\,\frac1{2\pi i}\int(r/2)^{-w}\Gamma(w)M(w - n/2)dw,\qquad
  \mathbb E e^{it\cdot s} = \frac1{2\pi i}\int(t^\top Kt/2)^{-w}\Gamma(w)M(-w)dw,$$
$$P(|s| > x) = \frac1{2\pi i}\int(x^2/2K)^{-w}\frac{\Gamma(w + 1/2)}{\sqrt\pi\,w}M(w)dw\quad(n = 1).$$
Mixture: Bassetti et al., arXiv 2406.03260; limit: Bassetti, Ladelli and Rotondo, arXiv 2411.15267; lines: derived here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, pi
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.chain import Derivation
from symlimits.derivation.mellin import w
from symlimits.errors import DataError, DomainError, NoRule
from symlimits.finite.deep_linear import input_root
from symlimits.language.integral import LineIntegral
from symlimits.language.names import shown
from symlimits.limits import Limit
from symlimits.reading.contour_table import Table, table
from symlimits.reading.line_kernel import Contour, contour, lowered
from symlimits.reading.real import as_real, plain
from symlimits.theory.mixtures import lines
from symlimits.theory.mixtures.expansion import expanded_head
from symlimits.theory.mixtures.mixing import MixingLaw
from symlimits.theory.mixtures.network_law import NetworkLaw

Array = npt.NDArray[np.float64]
MANY = 200  # points from which on a table may be cheaper
FAR = 60.0  # of X, where q or s is 10^-13 or 10^13
ROUNDS = 200  # of Newton's iteration for quantiles, each bounded in size
CLOSE = 1e-15  # of the last step, relative


@dataclass(frozen=True, eq=False, repr=False)
class OutputLaw(NetworkLaw):
    """The law of one output on P inputs, or of D outputs on one input; made by `output_law`.

    s and t have shape (...,) for one number, (..., P) for one output, (..., D, 1) for several outputs.
    """

    @property
    def dimension(self) -> int:
        """n: the number of outputs times inputs, one of which is one."""
        return self.outputs * self.inputs

    @cached_property
    def kernel(self) -> Array:
        """K (n, n), the variances of the layers in it: the covariance of s."""
        K = np.array((self.variance * self.covariance).evalf(20).tolist(), dtype=np.float64)
        return K if self.outputs == 1 else K[0, 0] * np.eye(self.outputs)

    # ------------------------------------------------------------------ density

    def log_pdf(self, s: Any) -> Any:
        """The logarithm of the density: infinite at s = 0 where the narrowest layer has at most n units.

        >>> from symlimits.theory.mixtures import output_law
        >>> round(output_law(widths=(3,)).log_pdf(0.7), 12), output_law(widths=(1,)).log_pdf(0.0)
        (-1.255574179316, inf)
        """
        root, log_determinant = self._cholesky
        white = np.linalg.solve(root, self._rows(s, "s")[..., None])[..., 0]
        logs = self._log_radial(np.square(white).sum(axis=-1) / 2)
        return plain(logs - 0.5 * (self.dimension * np.log(2 * pi) + log_determinant))

    def pdf(self, s: Any) -> Any:
        """The density of s; `DomainError` where it is finite and no float (see `log_pdf`).

        >>> from symlimits.theory.mixtures import output_law
        >>> abs(output_law(ratio=1).pdf(2.0) - 0.0284523283812997843) < 1e-16
        True
        """
        logs = np.asarray(self.log_pdf(s))
        if ((logs > 709) & (logs < inf)).any():
            raise DomainError("a density beyond the range of floats", "its logarithm", ".log_pdf(s)")
        return plain(np.exp(logs))

    @cached_property
    def _cholesky(self) -> tuple[Array, float]:
        if self.mixing.atom:
            raise DomainError("the density of a law with an atom at zero", "the distribution function", ".cdf(s)")
        try:
            root: Array = np.linalg.cholesky(self.kernel).astype(np.float64)
        except np.linalg.LinAlgError:
            raise DomainError("a singular covariance", "one of full rank, for a density", ".cf(t)") from None
        return root, 2 * float(np.log(np.diagonal(root)).sum())

    def _log_radial(self, half: Array) -> Array:
        """log E[q^{-n/2} exp(-half/q)]."""
        if self.mixing.widths == ():
            return -half
        line = self._radial
        at_zero = self.mixing.log_moment(-self.dimension / 2)
        logs = np.full(half.shape, at_zero)
        inside = half > 0
        logs[inside] = _looked_up(lambda X: line(-X).log, np.log(half[inside]))
        return logs

    @cached_property
    def _radial(self) -> Contour:
        n = sp.Rational(self.dimension, 2)
        low = sp.Max(0, n + self.mixing.lowest) if self.mixing.lowest.is_finite else 0
        return _contour(sp.gamma(w) * self.mixing.mellin(w - n), (low, sp.oo))

    # ------------------------------------------------------------------ characteristic function

    def cf(self, t: Any) -> Any:
        r"""$\mathbb E e^{it\cdot s}$, which is real; broadcasts.

        >>> from symlimits.theory.mixtures import output_law
        >>> abs(output_law(widths=(1,)).cf(1.0) - 2**-0.5) < 1e-15
        True
        """
        rows = self._rows(t, "t")
        half = np.einsum("...i,ij,...j->...", rows, self.kernel, rows) / 2
        if self.mixing.widths == ():
            return plain(np.exp(-half))
        values = np.ones(half.shape)
        inside = half > 0
        values[inside] = self.mixing.atom + np.exp(_looked_up(lambda X: self._laplace(-X).log, np.log(half[inside])))
        return plain(values)

    @cached_property
    def _laplace(self) -> Contour:
        return _contour(sp.gamma(w) * self.mixing.mellin(-w), (0, -self.mixing.lowest))

    @property
    def limit(self) -> OutputLaw:
        r"""The law of the proportional limit with $a = \sum_l 1/N_l$, of which these widths are a case."""
        widths = self._widths("the limit")
        a = sp.Add(*(sp.Rational(1, N) for N in widths))
        return replace(self, mixing=MixingLaw(None, a, self.mixing.rectified))

    def expanded_cf(self, t: Any, order: int = 1) -> Any:
        """The characteristic function of the limit and its corrections up to `order` in 1/N; broadcasts.

        The error is that of the first order left out. An atom, exponentially small in the widths, is left out too.

        >>> from symlimits.theory.mixtures import output_law
        >>> law = output_law(widths=(50,) * 25)
        >>> [float(f"{abs(law.expanded_cf(1.0, order) - law.cf(1.0)):.0e}") for order in (0, 1, 2)]
        [0.0004, 9e-06, 2e-07]
        """
        rows = self._rows(t, "t")
        half = np.einsum("...i,ij,...j->...", rows, self.kernel, rows) / 2
        head = expanded_head(self._widths("an expansion"), order, self.mixing.rectified, sp.S.One)
        line = contour(lowered(head), head)
        values, inside = np.ones(half.shape), half > 0
        found = line(-np.log(half[inside]))
        values[inside] = found.sign * np.exp(found.log)
        return plain(values)

    def _widths(self, what: str) -> tuple[int, ...]:
        if not self.mixing.widths:
            raise DomainError(f"{what} of {self!r}", "a law of finite widths", "output_law(widths=...)")
        return self.mixing.widths

    # ------------------------------------------------------------------ distribution function

    def cdf(self, s: Any) -> Any:
        """P(s <= x) for one number (D = P = 1), with all digits in the lower tail; broadcasts.

        >>> from symlimits.theory.mixtures import output_law
        >>> law = output_law(ratio="1/2")
        >>> law.cdf(0.0), abs(law.cdf(1.0) + law.cdf(-1.0) - 1) < 1e-15
        (0.5, True)
        """
        x = np.asarray(self._rows(s, "s")[..., 0])
        above, below = self._tails(np.abs(x))
        inner = 0.5 * self.mixing.atom
        upper = np.where(np.exp(below) < 0.5, 0.5 + 0.5 * np.exp(below) + inner, 1.0 - 0.5 * np.exp(above))
        return plain(np.where(x < 0, 0.5 * np.exp(above), upper))

    def quantile(self, u: Any) -> Any:
        """The s with P(s' <= s) = u for one number, 0 < u < 1; zero inside an atom; broadcasts.

        >>> from symlimits.theory.mixtures import output_law
        >>> law = output_law(widths=(4, 4))
        >>> abs(law.cdf(law.quantile(1e-9)) / 1e-9 - 1) < 1e-12
        True
        """
        self._one_number("quantile")
        p = as_real(u, "u")
        if not ((p > 0) & (p < 1)).all():
            raise DomainError(f"u = {shown(u)}", "probabilities inside (0, 1)", "u=0.5 for the median")
        mass, tail = 1 - self.mixing.atom, 2 * np.minimum(p, 1 - p)
        lower = np.abs(2 * p - 1) - self.mixing.atom  # P(0 < |s| < x)
        inside = lower > 0
        sizes = np.zeros(p.shape)
        sizes[inside] = self._solved(tail[inside], lower[inside], mass)
        return plain(np.where(p < 0.5, -sizes, sizes))

    def _solved(self, tail: Array, lower: Array, mass: float) -> Array:
        """|s| with P(|s| > x) = tail, or P(0 < |s| < x) = lower, whichever is smaller: Newton's method in log x."""
        use_tail = tail < lower
        goal = np.log(np.where(use_tail, tail, lower))
        x = np.full(tail.shape, 0.5 * np.log(self.kernel[0, 0]))
        for _ in range(ROUNDS):
            above, below = self._tails(np.exp(x))
            logs = np.where(use_tail, above, below)
            slope = np.exp(np.log(2.0) + x + self._log_mass_density(np.exp(x)) - logs) * np.where(use_tail, -1.0, 1.0)
            step = np.clip((goal - logs) / slope, -2.0, 2.0)
            x = x + step
            if (np.abs(step) <= CLOSE * np.maximum(1.0, np.abs(x)) * 8).all():
                return np.exp(x)
        return np.exp(x)

    def _log_mass_density(self, x: Array) -> Array:
        """The logarithm of the density, of its continuous part where there is an atom."""
        K = float(self.kernel[0, 0])
        radial = -(x**2) / (2 * K) if self.mixing.widths == () else self._radial(np.log(2 * K) - 2 * np.log(x)).log
        return np.asarray(radial - 0.5 * np.log(2 * pi * K))

    def _tails(self, x: Array) -> tuple[Array, Array]:
        """log P(|s| > x) and log P(0 < |s| <= x) at x >= 0."""
        self._one_number("cdf")
        above = np.full(x.shape, np.log1p(-self.mixing.atom))
        below = np.full(x.shape, -inf)
        inside = x > 0
        X = 2 * np.log(x[inside]) - np.log(2 * float(self.kernel[0, 0]))
        above[inside] = _looked_up(lambda X: self._beyond[0](-X).log, X)
        below[inside] = _looked_up(lambda X: self._beyond[1](-X).log, X)
        return above, below

    @cached_property
    def _beyond(self) -> tuple[Contour, Contour]:
        integrand = sp.gamma(w + sp.S.Half) / (sp.sqrt(sp.pi) * w) * self.mixing.mellin(w)
        return _contour(integrand, (0, sp.oo)), _contour(integrand, (sp.Max(-sp.S.Half, self.mixing.lowest), 0))

    def _one_number(self, name: str) -> None:
        if self.dimension > 1:
            raise DomainError(f"{name} of {self.dimension} numbers", "one output of one input", "a marginal law")

    # ------------------------------------------------------------------ moments

    def moment(self, k: Any) -> sp.Expr:
        r"""$\mathbb E\prod_i s_i^{k_i}$, exact: an integer for one number, else n integers, outputs or inputs in turn.

        $\mathbb E s^{2k} = (2k - 1)!!\,K^k\,\mathbb E q^k$; the Gaussian part by Isserlis' theorem. Never by sampling,
        which fails silently for high moments.

        >>> from symlimits.theory.mixtures import output_law
        >>> output_law(widths=(5, 3, 4)).moment(4), output_law(ratio="a").moment(4)
        (21/2, 3*exp(2*a))
        """
        powers = tuple(k) if np.ndim(k) else (k,)
        known = len(powers) == self.dimension and all(isinstance(p, int | np.integer) and p >= 0 for p in powers)
        if not known:
            raise DomainError(f"moment({shown(k)})", f"{self.dimension} integers, 0 or more", "moment(2)")
        indices = [i for i, power in enumerate(powers) for _ in range(power)]
        return sp.simplify(_isserlis(indices, self._exact) * self.mixing.moment(len(indices) // 2))

    @property
    def _exact(self) -> sp.Matrix:
        K = self.variance * self.covariance
        return K if self.outputs == 1 else K[0, 0] * sp.eye(self.outputs)

    def cumulant(self, k: int) -> sp.Expr:
        """The k-th cumulant of s, exact, for one number.

        >>> from symlimits.theory.mixtures import output_law
        >>> output_law(widths=(2,)).cumulant(4)
        3
        """
        self._one_number("cumulant")
        moments = [self.moment(j) for j in range(k + 1)]
        found = [sp.S.Zero]
        for n in range(1, k + 1):
            known = (sp.binomial(n - 1, j - 1) * found[j] * moments[n - j] for j in range(1, n))
            found.append(sp.simplify(moments[n] - sp.Add(*known)))
        return found[k]

    @property
    def kurtosis(self) -> sp.Expr:
        r"""The excess kurtosis of any output, $\kappa_4/\kappa_2^2 = 3(\mathbb E q^2 - 1)$, exact.

        >>> from symlimits.theory.mixtures import output_law
        >>> output_law(widths=(4, 4)).kurtosis, output_law(ratio="a").kurtosis
        (15/4, 3*exp(2*a) - 3)
        """
        return sp.expand(3 * (self.mixing.moment(2) - 1))

    @property
    def correlation_of_squares(self) -> sp.Matrix:
        r"""The correlations of $s_i^2$ and $s_j^2$ (n, n), exact: with $p = \mathbb E q^2$ and the correlation c of the
        Gaussian, $(p - 1 + 2pc^2)/(3p - 1)$.

        >>> from symlimits.theory.mixtures import output_law
        >>> output_law(ratio="a", outputs=2).correlation_of_squares[0, 1]
        (exp(2*a) - 1)/(3*exp(2*a) - 1)
        """
        p, K = self.mixing.moment(2), self._exact
        return sp.Matrix(
            self.dimension,
            self.dimension,
            lambda i, j: sp.simplify((p - 1 + 2 * p * K[i, j] ** 2 / (K[i, i] * K[j, j])) / (3 * p - 1)),
        )

    # ------------------------------------------------------------------ draws

    def sample(self, size: int, seed: Any) -> Array:
        """Independent draws, exact in law: (size,), (size, P) or (size, D, 1).

        >>> from symlimits.theory.mixtures import output_law
        >>> output_law(ratio=1, outputs=3).sample(5, seed=0).shape
        (5, 3, 1)
        """
        rng = np.random.default_rng(seed)
        root = input_root(self.kernel)
        scales = np.sqrt(self.mixing.sample(size, rng))
        draws = scales[:, None] * (rng.standard_normal((size, len(root))) @ root)
        return draws[:, 0] if self.dimension == 1 else draws if self.outputs == 1 else draws[..., None]

    # ------------------------------------------------------------------ derivations

    @property
    def characteristic(self) -> Limit:
        r"""The claim $\mathbb E e^{its} = \dots$ with its lines, about full random networks (D = P = 1)."""
        self._one_number("characteristic")
        return lines.characteristic(self.mixing, self.variance * self.covariance[0, 0])

    @property
    def density(self) -> Derivation:
        """The density with its lines, as a function of s > 0 (D = P = 1)."""
        self._one_number("density")
        return lines.density(self.mixing, self.variance * self.covariance[0, 0])

    def _rows(self, values: Any, name: str) -> Array:
        """Points as rows (..., n); `DataError` for another shape."""
        array: Array = as_real(values, name)
        if self.dimension == 1 and self.outputs == 1:
            return array[..., None]
        wanted = (self.inputs,) if self.outputs == 1 else (self.outputs, 1)
        if array.shape[array.ndim - len(wanted) :] != wanted or array.ndim < len(wanted):
            raise DataError(
                f"{name} of shape {array.shape}", f"(..., {', '.join(map(str, wanted))})", "one row a point"
            )
        return array.reshape(*array.shape[: array.ndim - len(wanted)], -1)


def _contour(integrand: sp.Expr, strip: Sequence[Any]) -> Contour:
    if integrand.free_symbols - {w}:
        name = sorted(map(str, integrand.free_symbols - {w}))[0]
        raise NoRule(f"values with {name} free", "a number for it", f"output_law(ratio=1) in place of {name}")
    head = LineIntegral(integrand, w, strip)
    return contour(lowered(head), head)


def _looked_up(function: Callable[[Array], Array], X: Array) -> Array:
    """Values at X: one by one, or by a table where there are many; each value once where X is far out, and slow."""
    if X.size <= MANY:
        return function(X)
    found, near = np.empty(X.shape), np.abs(X) < FAR
    others, places = np.unique(X[~near], return_inverse=True)
    found[~near] = function(others)[places]
    inside = X[near]
    made: Table | None = None
    if inside.size > MANY:
        made = table(function, float(inside.min()), float(inside.max()), inside.size)
    found[near] = function(inside) if made is None else made(inside)
    return found


def _isserlis(indices: list[int], K: sp.Matrix) -> sp.Expr:
    """E of a product of Gaussian variables."""
    if not indices:
        return sp.S.One
    first, *rest = indices
    return sp.Add(*(K[first, other] * _isserlis(rest[:i] + rest[i + 1 :], K) for i, other in enumerate(rest)))
