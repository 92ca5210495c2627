r"""The output law of several outputs on several inputs: a Gaussian with a random matrix of covariances.

$S\,|\,Q \sim \mathcal{MN}(0, Q, K)$ (D x P), and by duality $S\,|\,Q' \sim \mathcal{MN}(0, I, R\,Q'R^\top)$ with
$K = RR^\top$ and Q' of size P x P, of the same law: the smaller matrix mixes. Draws and moments for any D and P;
densities and characteristic functions where it is 2 x 2 (`eigenvalues`).
Mixture: Bassetti et al., arXiv 2406.03260; limit: Bassetti, Ladelli and Rotondo, arXiv 2411.15267; closed forms:
derived here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import log, pi
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.chain import Derivation
from symlimits.errors import DataError, DomainError, NoRule
from symlimits.finite.deep_linear import RANK, DeepLinear, input_root
from symlimits.language.names import shown
from symlimits.limits import Limit
from symlimits.points import generator
from symlimits.reading.real import as_real, plain
from symlimits.theory.mixtures import matrix_lines
from symlimits.theory.mixtures.cumulants import Moments
from symlimits.theory.mixtures.determinant import Determinant
from symlimits.theory.mixtures.eigenvalues import Eigenvalues, log_density, log_density_of_rank_one, log_wave
from symlimits.theory.mixtures.mehler_fock import Distance
from symlimits.theory.mixtures.mixing import MixingLaw, needs_numbers
from symlimits.theory.mixtures.network_law import NetworkLaw
from symlimits.theory.mixtures.scalar import OutputLaw
from symlimits.theory.mixtures.triangular import limit_factors
from symlimits.theory.mixtures.two_outputs import eigenvalues

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class MatrixLaw(NetworkLaw):
    """The law of D outputs on P inputs, both at least two; made by `output_law`. S and T have shape (..., D, P)."""

    @property
    def smaller(self) -> int:
        """The size of the matrix that mixes."""
        return min(self.outputs, self.inputs)

    @cached_property
    def kernel(self) -> Array:
        """K (P, P), the variances of the layers in it."""
        return self._scaled_covariance()

    @property
    def limit(self) -> MatrixLaw:
        r"""The law of the proportional limit with $a = \sum_l 1/N_l$."""
        if not self.mixing.widths:
            raise DomainError(f"the limit of {self!r}", "a law of finite widths", "output_law(widths=...)")
        a = sp.Add(*(sp.Rational(1, N) for N in self.mixing.widths))
        return replace(self, mixing=MixingLaw(None, a))

    @property
    def determinant(self) -> Determinant:
        """The law of log det Q; `DomainError` for widths below the size of Q."""
        return Determinant(self.mixing, self.smaller)

    @property
    def distance(self) -> Distance:
        r"""The law of $\rho$, half the logarithm of the ratio of Q's eigenvalues, where Q is 2 x 2."""
        self._two_by_two("the distance rho")
        return Distance(self.mixing.widths, self.mixing.ratio)

    def _of_one_number(self, covariance: sp.ImmutableDenseMatrix) -> OutputLaw:
        return OutputLaw(self.mixing, 1, covariance, self.variance)

    # ------------------------------------------------------------------ density

    def log_pdf(self, s: Any) -> Any:
        """The logarithm of the density of S, where D or P is 2.

        Infinite at S of rank one where the narrowest layer has at most max(D, P) units, and at S = 0 where it has one
        unit more.

        >>> from symlimits.theory.mixtures import output_law
        >>> law = output_law(widths=(10, 10), outputs=2, covariance=[[1, 0], [0, 1]])
        >>> abs(law.log_pdf([[1.0, 0.2], [0.3, -1.0]]) - law.log_pdf([[1.0, 0.3], [0.2, -1.0]])) < 1e-12
        True
        """
        self._closed("the density")
        roots, vectors = self._spectrum
        if roots.min() <= 0:
            raise DomainError("a singular covariance", "one of full rank, for a density", ".cf(t)")
        white = self._rows(s, "s") @ (vectors / roots)
        return plain(self._each(white, self._log_density) - self.outputs * np.log(roots).sum())

    def pdf(self, s: Any) -> Any:
        """The density of S."""
        return plain(np.exp(self.log_pdf(s)))

    def cf(self, t: Any) -> Any:
        r"""$\mathbb E e^{i \operatorname{tr} T^\top S}$, which is real, where D or P is 2.

        >>> from symlimits.theory.mixtures import output_law
        >>> one, two = output_law(ratio=1), output_law(ratio=1, outputs=2, covariance=[[1, 0], [0, 1]])
        >>> abs(one.cf(0.7) - two.cf([[0.7, 0.0], [0.0, 0.0]])) < 1e-12  # of one entry of S
        True
        """
        self._closed("the characteristic function")
        roots, vectors = self._spectrum
        coloured = self._rows(t, "t") @ (vectors * roots)
        return plain(np.exp(self._each(coloured, self._log_wave)))

    def _each(self, rows: Array, function: Callable[[Array, Array], Array]) -> Array:
        """The function at the two eigenvalues of every point's Gram matrix."""
        other = rows.swapaxes(-1, -2)
        high, low = eigenvalues(rows @ other if self.outputs == 2 else other @ rows)
        return function(high.ravel(), np.maximum(low, 0.0).ravel()).reshape(high.shape)

    def _log_density(self, high: Array, low: Array) -> Array:
        many, found, full = max(self.outputs, self.inputs), np.empty(high.shape), low > 0
        found[full] = log_density(self._eigenvalues(many, False), high[full], low[full])
        line = ~full & (high > 0)
        found[line] = log_density_of_rank_one(self._eigenvalues(many, False), high[line])
        if (high == 0).any():  # at S = 0: E det Q^(-many/2)
            law, half = self.determinant, sp.Rational(-many, 2)
            found[high == 0] = law.scalar.log_moment(half) + float(law.shift * half) - many * log(2 * pi)
        return found

    def _log_wave(self, high: Array, low: Array) -> Array:
        """Of rank one it is that of one number."""
        found, full = np.empty(high.shape), low > 0
        found[full] = log_wave(self._eigenvalues(0, True), high[full], low[full])
        with np.errstate(divide="ignore"):
            one = OutputLaw(self.mixing, 1, sp.ImmutableDenseMatrix([[1]]))
            found[~full] = np.log(one.cf(np.sqrt(high[~full])))
        return found

    def _eigenvalues(self, inputs: int, wave: bool) -> Eigenvalues:
        return Eigenvalues(self.mixing.widths, self.mixing.ratio, inputs, wave)

    @cached_property
    def _spectrum(self) -> tuple[Array, Array]:
        """Square roots of the eigenvalues of K (rounding errors as zero), and its eigenvectors."""
        values, vectors = np.linalg.eigh(self.kernel)
        return np.sqrt(np.where(values > RANK * len(values) * values.max(), values, 0.0)), vectors

    def _closed(self, what: str) -> None:
        self._two_by_two(what)
        self._number()

    def _number(self) -> None:
        needs_numbers("values", set() if self.mixing.ratio is None else self.mixing.ratio.free_symbols)

    def _two_by_two(self, what: str) -> None:
        if self.smaller > 2:
            given = f"{what} of {self.outputs} outputs on {self.inputs} inputs"
            raise NoRule(given, "two outputs or two inputs, for which there is a closed form", "`.sample` or `.moment`")

    # ------------------------------------------------------------------ moments

    def moment(self, k: Any) -> sp.Expr:
        r"""$\mathbb E\prod S_{ij}^{k_{ij}}$, exact, for k (D, P) integers that sum to eight at most.

        >>> from symlimits.theory.mixtures import output_law
        >>> output_law(ratio="a", outputs=2, covariance=[[1, 0], [0, 1]]).moment([[2, 0], [0, 2]])
        exp(2*a)/3 + 2*exp(-a)/3
        """
        return self._moments.moment(self._entries(k))

    def cumulant(self, k: Any) -> sp.Expr:
        r"""The joint cumulant of the entries $S_{ij}$, each $k_{ij}$ times, exact; k as for `moment`, not all zero.

        >>> from symlimits.theory.mixtures import output_law
        >>> output_law(ratio="a", outputs=2, covariance=[[1, 0], [0, 1]]).cumulant([[2, 0], [0, 2]])
        exp(2*a)/3 - 1 + 2*exp(-a)/3
        """
        entries = self._entries(k)
        if not entries:
            raise DataError("a cumulant of no entry", "one entry or more", "cumulant([[2, 0], [0, 2]])")
        return self._moments.cumulant(entries)

    @property
    def kurtosis(self) -> sp.Expr:
        r"""The excess kurtosis of every entry, $\kappa_4/\kappa_2^2 = 3(\prod_l(1 + 2/N_l) - 1)$, exact.

        >>> from symlimits.theory.mixtures import output_law
        >>> output_law(ratio="a", outputs=2, covariance=[[1, 0], [0, 1]]).kurtosis
        3*exp(2*a) - 3
        """
        unit = Moments(sp.eye(1), self.mixing.widths or (), self.mixing.ratio)
        return unit.cumulant([(0, 0)] * 4)

    @property
    def correlation_of_squares(self) -> sp.Matrix:
        r"""The correlations of $S_{ix}^2$ and $S_{jz}^2$, exact: (DP, DP), entries in the order of rows of S.

        >>> from symlimits.theory.mixtures import output_law
        >>> law = output_law(ratio="a", outputs=2, covariance=[[1, 0], [0, 1]])
        >>> law.correlation_of_squares[0, 2]  # of two outputs on one input
        (exp(2*a) - 1)/(3*exp(2*a) - 1)
        """
        places = list(np.ndindex(self.outputs, self.inputs))
        known: dict[Any, sp.Expr] = {}
        for i, one in enumerate(places):
            for other in places[: i + 1]:
                kind = (one[0] == other[0], *sorted((one[1], other[1])))
                if kind not in known:
                    known[kind] = self._moments.correlation_of_squares(one, other)
                known[one, other] = known[other, one] = known[kind]
        return sp.Matrix(len(places), len(places), lambda i, j: known[places[i], places[j]])

    @cached_property
    def _moments(self) -> Moments:
        return Moments(sp.Matrix(self.variance * self.covariance), self.mixing.widths or (), self.mixing.ratio)

    def _entries(self, k: Any) -> list[tuple[int, int]]:
        """The entries that powers k (D, P) name, each as often as its power."""
        powers = np.asarray(k)
        if powers.shape != (self.outputs, self.inputs) or powers.dtype.kind not in "iu" or (powers < 0).any():
            raise DataError(
                f"powers {shown(k)}", f"({self.outputs}, {self.inputs}) integers, 0 or more", "one an entry"
            )
        return [(i, x) for (i, x), power in np.ndenumerate(powers) for _ in range(power)]

    # ------------------------------------------------------------------ derivations

    @property
    def characteristic(self) -> Limit:
        r"""The claim $\mathbb E e^{i\operatorname{tr}T^\top S} = \varphi(t, r)$ with its lines, where D or P is 2.

        t and rt, 0 < r < 1, are the singular values of $TK^{1/2}$: rotations of outputs and of whitened inputs leave
        the law. At finite width the experiment draws full random networks, every weight, for several input dimensions;
        in the limit triangular factors, exact in law at every width N, of networks of depth aN.

        >>> from symlimits.theory.mixtures import output_law
        >>> law = output_law(widths=(4, 4), outputs=2, covariance=[[1, 0], [0, 1]])
        >>> abs(law.characteristic(1.0, 0.5) - law.cf([[1.0, 0.0], [0.0, 0.5]])) < 1e-12
        True
        """
        self._two_by_two("the characteristic function")
        return matrix_lines.characteristic(self.mixing, self.outputs, self.kernel)

    @property
    def density(self) -> Derivation:
        r"""The density with its lines, D or P = 2; s and rs, 0 < r < 1, are the singular values of $SK^{-1/2}$."""
        self._two_by_two("the density")
        determinant = (self.variance * self.covariance).det()
        if determinant == 0:
            raise DomainError("a singular covariance", "one of full rank, for a density", ".characteristic")
        return matrix_lines.density(self.mixing, self.outputs, self.inputs, determinant)

    @property
    def eigenvalue_density(self) -> Derivation:
        r"""The density of Q's eigenvalues $e^{G \pm \rho}$ with its lines: of $(G, \rho)$ over $\sinh\rho$."""
        self._two_by_two("the density of eigenvalues")
        return matrix_lines.eigenvalue_density(self.mixing)

    # ------------------------------------------------------------------ draws

    def sample(self, size: int, seed: Any) -> Array:
        """Independent draws (size, D, P): exact in law at finite width, and in the limit where D or P is 2.

        In the limit with more of both a scheme of order two (see `triangular`).

        >>> from symlimits.theory.mixtures import output_law
        >>> output_law(ratio=1, outputs=3, covariance=[[1, 0], [0, 1]]).sample(5, seed=0).shape
        (5, 3, 2)
        """
        rng = generator(size, seed, len(self.kernel) * self.outputs)
        if self.mixing.widths is not None:
            return DeepLinear(self.mixing.widths, self.outputs, self.kernel).draws(size, rng)
        self._number()
        root, a = input_root(self.kernel), float(self.mixing.spread)
        if self.outputs <= len(root):
            M = limit_factors(self.outputs, a, size, rng)
            return np.asarray(M @ rng.standard_normal((size, self.outputs, len(root))) @ root)
        M = limit_factors(len(root), a, size, rng)
        return np.asarray(rng.standard_normal((size, self.outputs, len(root))) @ M.swapaxes(1, 2) @ root)

    def _rows(self, values: Any, name: str) -> Array:
        array: Array = as_real(values, name)
        if array.shape[-2:] != (self.outputs, self.inputs):
            raise DataError(
                f"{name} of shape {array.shape}", f"(..., {self.outputs}, {self.inputs})", "one matrix a point"
            )
        return array
