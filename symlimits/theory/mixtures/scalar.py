r"""The output law of a deep linear network with one output or one input: a Gaussian with one random scale.

$s\,|\,q \sim N(0, qK)$ in n dimensions: n = P inputs of one output, K = K_0, or n = D outputs of one input, K = K_0 I.
With $r = s^\top K^{-1}s$, $M(u) = \mathbb E q^u$ and every integral over the line through the saddle,
$$p(s) = (2\pi)^{-n/2}|K|^{-1/2}\,\frac1{2\pi i}\int(r/2)^{-w}\Gamma(w)M(w - n/2)dw,\qquad
  \mathbb E e^{it\cdot s} = \frac1{2\pi i}\int(t^\top Kt/2)^{-w}\Gamma(w)M(-w)dw,$$
$$P(|s| > x) = \frac1{2\pi i}\int(x^2/2K)^{-w}\frac{\Gamma(w + 1/2)}{\sqrt\pi\,w}M(w)dw\quad(n = 1).$$
Mixture: Bassetti et al., arXiv 2406.03260; limit: Bassetti, Ladelli and Rotondo, arXiv 2411.15267; lines: derived here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, pi
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.chain import Derivation
from symlimits.errors import DataError, DomainError
from symlimits.finite.deep_linear import input_root
from symlimits.language.names import shown
from symlimits.limits import Limit
from symlimits.points import generator
from symlimits.reading.real import as_real, plain
from symlimits.theory.mixtures import lines, one_number, rate, scalar_moments
from symlimits.theory.mixtures.expansion import expanded_laplace
from symlimits.theory.mixtures.mixing import MixingLaw
from symlimits.theory.mixtures.network_law import NetworkLaw
from symlimits.theory.mixtures.scale_mixture import ScaleMixture
from symlimits.theory.mixtures.tail import Tail

Array = npt.NDArray[np.float64]
VANISHES = -746.0  # the logarithm of what is zero as a float


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
        K = self._scaled_covariance()
        return K if self.outputs == 1 else K[0, 0] * np.eye(self.outputs)

    @cached_property
    def _mixture(self) -> ScaleMixture:
        return ScaleMixture(self.mixing, self.dimension)

    # ------------------------------------------------------------------ density

    def log_pdf(self, s: Any) -> Any:
        """The logarithm of the density: infinite at s = 0 where the narrowest layer has at most n units.

        >>> from symlimits.theory.mixtures import output_law
        >>> round(output_law(widths=(3,)).log_pdf(0.7), 12), output_law(widths=(1,)).log_pdf(0.0)
        (-1.255574179316, inf)
        """
        return plain(self._log_pdf(s, -inf))

    def pdf(self, s: Any) -> Any:
        """The density of s; `DomainError` where it is finite and no float (see `log_pdf`).

        >>> from symlimits.theory.mixtures import output_law
        >>> abs(output_law(ratio=1).pdf(2.0) - 0.0284523283812997843) < 1e-16
        True
        """
        logs = self._log_pdf(s, VANISHES)
        if ((logs > 709) & (logs < inf)).any():
            raise DomainError("a density beyond the range of floats", "its logarithm", ".log_pdf(s)")
        return plain(np.exp(logs))

    def _log_pdf(self, s: Any, least: float) -> Array:
        """The logarithms of densities; those surely below `least` need no digits."""
        root, log_determinant = self._cholesky
        lengths, constant = _log_length(root, self._rows(s, "s")), self.dimension * np.log(2 * pi) + log_determinant
        return self._mixture.log_radial_at(2 * lengths - np.log(2), least + constant / 2) - constant / 2

    @cached_property
    def _cholesky(self) -> tuple[Array, float]:
        if self.mixing.atom:
            raise DomainError("the density of a law with an atom at zero", "the distribution function", ".cdf(s)")
        try:
            root: Array = np.linalg.cholesky(self.kernel).astype(np.float64)
        except np.linalg.LinAlgError:
            raise DomainError("a singular covariance", "one of full rank, for a density", ".cf(t)") from None
        return root, 2 * float(np.log(np.diagonal(root)).sum())

    # ------------------------------------------------------------------ characteristic function

    def cf(self, t: Any) -> Any:
        r"""$\mathbb E e^{it\cdot s}$, which is real; broadcasts.

        >>> from symlimits.theory.mixtures import output_law
        >>> abs(output_law(widths=(1,)).cf(1.0) - 2**-0.5) < 1e-15
        True
        """
        return plain(self._mixture.laplace(self._half_form(t)))

    def _half_form(self, t: Any) -> Array:
        """t K t / 2."""
        rows = self._rows(t, "t")
        return np.einsum("...i,ij,...j->...", rows, self.kernel, rows) / 2

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
        widths = self._widths("an expansion")
        return plain(expanded_laplace(widths, order, self.mixing.rectified, self._half_form(t)))

    def rate(self, corrections: int = 0) -> Limit:
        r"""How fast networks of depth aN approach this limit, as a claim: the power of N that the gap falls like.

        The gap is $|\varphi_N(t) - \varphi(t)|$, its mean over log t, with so many `corrections` in powers of 1/N.

        >>> from symlimits.theory.mixtures import output_law
        >>> output_law(ratio=1).rate().expr, output_law(ratio=1).rate(corrections=1).expr
        (-1, -2)
        """
        self._one_number("rate")
        return rate.rate(self.mixing, corrections)

    def leading_gap(self, order: int = 1) -> Derivation:
        r"""The coefficient before $N^{-k}$, k = `order`, in the characteristic function of networks of depth aN.

        A sum whose terms cancel where it changes sign: absolute errors are near 1e-14, relative ones are not.

        >>> from symlimits.theory.mixtures import output_law
        >>> coefficient, N = output_law(ratio=1).leading_gap()(1.0), 1000
        >>> gap = output_law(widths=(N,) * N).cf(1.0) - output_law(ratio=1).cf(1.0)
        >>> round(coefficient, 4), round(N * gap, 4)
        (-0.0199, -0.0199)
        """
        self._one_number("leading_gap")
        return rate.leading_gap(self.mixing, self.variance * self.covariance[0, 0], order)

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
        self._one_number("cdf")
        return plain(one_number.cdf(self._mixture, float(self.kernel[0, 0]), self._rows(s, "s")[..., 0]))

    def quantile(self, u: Any) -> Any:
        """The s with P(s' <= s) = u for one number, 0 < u < 1; zero inside an atom; broadcasts.

        >>> from symlimits.theory.mixtures import output_law
        >>> law = output_law(widths=(4, 4))
        >>> abs(law.cdf(law.quantile(1e-9)) / 1e-9 - 1) < 1e-12
        True
        """
        self._one_number("quantile")
        return plain(one_number.quantile(self._mixture, float(self.kernel[0, 0]), u))

    def _one_number(self, name: str) -> None:
        if self.dimension > 1:
            self._several(name)

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
        return scalar_moments.moment(self.mixing, self._exact, powers)

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
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise DomainError(f"cumulant({shown(k)})", "an integer, 1 or more", "cumulant(4)")
        return scalar_moments.cumulants([self.moment(j) for j in range(k + 1)])[k]

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
        return scalar_moments.correlation_of_squares(self.mixing, self._exact)

    # ------------------------------------------------------------------ draws

    def sample(self, size: int, seed: Any) -> Array:
        """Independent draws, exact in law: (size,), (size, P) or (size, D, 1).

        >>> from symlimits.theory.mixtures import output_law
        >>> output_law(ratio=1, outputs=3).sample(5, seed=0).shape
        (5, 3, 1)
        """
        rng = generator(size, seed, len(self.kernel))
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

    @property
    def tail(self) -> Tail:
        r"""The leading term of -log p(s) as s grows, with its lines (D = P = 1).

        $(L + 1)(s^2/2cK)^{1/(L+1)}$, $c = \prod_l 2/N_l$, at finite widths, Lambert's W in the limit. Raises `NoRule`
        without hidden layers, and for ReLU layers of finite width.

        >>> from symlimits.theory.mixtures import output_law
        >>> output_law(widths=(2,)).tail, output_law(ratio=1).tail.expr
        (Tail(-log p(s) ~ sqrt(2)*s), LambertW(s**2*exp(2))**2/4 + LambertW(s**2*exp(2))/2)
        """
        return Tail(self.density)

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


def _log_length(root: Array, rows: Array) -> Array:
    """log |root^-1 row| of every row, -inf of zero: neither squares nor quotients leave the range of floats."""
    size, scale = np.abs(rows).max(axis=-1, keepdims=True), np.abs(root).max()
    white = np.linalg.solve(root / scale, (rows / np.where(size > 0, size, 1.0))[..., None])[..., 0]
    with np.errstate(divide="ignore"):
        return np.log(size[..., 0]) + np.log(np.linalg.norm(white, axis=-1)) - np.log(scale)
