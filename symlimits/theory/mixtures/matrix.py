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

from symlimits.errors import DataError, DomainError, NoRule
from symlimits.finite.deep_linear import RANK, DeepLinear, input_root
from symlimits.language.names import shown
from symlimits.reading.real import as_real, plain
from symlimits.theory.mixtures.determinant import Determinant
from symlimits.theory.mixtures.eigenvalues import Eigenvalues, log_density, log_wave
from symlimits.theory.mixtures.mehler_fock import Distance
from symlimits.theory.mixtures.mixing import MixingLaw
from symlimits.theory.mixtures.moments import output_moment
from symlimits.theory.mixtures.network_law import NetworkLaw
from symlimits.theory.mixtures.scalar import OutputLaw
from symlimits.theory.mixtures.triangular import limit_factors
from symlimits.theory.mixtures.two_outputs import TwoOutputs, eigenvalues

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
        return np.array((self.variance * self.covariance).evalf(20).tolist(), dtype=np.float64)

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

    # ------------------------------------------------------------------ density

    def log_pdf(self, s: Any) -> Any:
        """The logarithm of the density of S, where D or P is 2.

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
        if not full.all() and self.mixing.widths is not None:
            raise DomainError("s of rank one", "points of full rank, at finite width", "`.limit`, or another point")
        for i in np.flatnonzero(~full):
            two = TwoOutputs(self.mixing.spread)
            found[i] = two.log_mean(float(high[i]), 0.0, -many, -1).log - many * log(2 * pi)
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
        names = sorted(map(str, self.mixing.ratio.free_symbols)) if self.mixing.ratio is not None else []
        if names:
            raise NoRule(
                f"values with {names[0]} free", "a number for it", f"output_law(ratio=1) in place of {names[0]}"
            )

    def _two_by_two(self, what: str) -> None:
        if self.smaller > 2:
            given = f"{what} of {self.outputs} outputs on {self.inputs} inputs"
            raise NoRule(given, "two outputs or two inputs, for which there is a closed form", "`.sample` or `.moment`")

    # ------------------------------------------------------------------ moments, draws

    def moment(self, k: Any) -> sp.Expr:
        r"""$\mathbb E\prod S_{ij}^{k_{ij}}$, exact, for k (D, P) integers that sum to eight at most.

        >>> from symlimits.theory.mixtures import output_law
        >>> output_law(ratio="a", outputs=2, covariance=[[1, 0], [0, 1]]).moment([[2, 0], [0, 2]])
        exp(2*a)/3 + 2*exp(-a)/3
        """
        powers = np.asarray(k)
        if powers.shape != (self.outputs, self.inputs) or powers.dtype.kind not in "iu" or (powers < 0).any():
            raise DataError(
                f"powers {shown(k)}", f"({self.outputs}, {self.inputs}) integers, 0 or more", "one an entry"
            )
        entries = [(i, x) for (i, x), power in np.ndenumerate(powers) for _ in range(power)]
        if not entries:
            return sp.S.One
        K = sp.Matrix(self.variance * self.covariance)
        widths = self.mixing.widths or ()
        return output_moment(entries, K, widths, self.mixing.ratio)

    def sample(self, size: int, seed: Any) -> Array:
        """Independent draws (size, D, P): exact in law at finite width, and in the limit where D or P is 2.

        In the limit with more of both a scheme of order two (see `triangular`).

        >>> from symlimits.theory.mixtures import output_law
        >>> output_law(ratio=1, outputs=3, covariance=[[1, 0], [0, 1]]).sample(5, seed=0).shape
        (5, 3, 2)
        """
        rng = np.random.default_rng(seed)
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
