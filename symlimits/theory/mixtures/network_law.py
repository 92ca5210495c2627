"""What every output law of a deep linear network is made of: layers that mix, outputs, inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.errors import DataError, DomainError
from symlimits.language.formula import exact
from symlimits.language.names import shown
from symlimits.theory.mixtures.bayes import posterior
from symlimits.theory.mixtures.mixing import MixingLaw, needs_numbers
from symlimits.theory.mixtures.posterior import Posterior
from symlimits.theory.mixtures.posterior_two import TwoOutputPosterior


@dataclass(frozen=True, eq=False, repr=False)
class NetworkLaw:
    """D outputs on the inputs of a covariance (P, P); `variance` is the product of those of the layers' weights."""

    mixing: MixingLaw
    outputs: int
    covariance: sp.ImmutableDenseMatrix
    variance: sp.Expr = sp.S.One

    def __repr__(self) -> str:
        of = f"ratio={self.mixing.ratio}" if self.mixing.widths is None else f"widths={shown(self.mixing.widths)}"
        return f"{type(self).__name__}({of}, outputs={self.outputs}, inputs={self.inputs})"

    @property
    def inputs(self) -> int:
        """The number P of inputs."""
        return int(self.covariance.shape[0])

    def _scaled_covariance(self) -> npt.NDArray[np.float64]:
        """The covariance (P, P), the variances of the layers in it, as floats; `NoRule` while a symbol is free."""
        scaled = self.variance * self.covariance
        needs_numbers("values", scaled.free_symbols)
        return np.array(scaled.evalf(20).tolist(), dtype=np.float64)

    def cdf(self, s: Any) -> Any:
        """Of one number alone: here `DomainError`."""
        self._several("cdf")

    def quantile(self, u: Any) -> Any:
        """Of one number alone: here `DomainError`."""
        self._several("quantile")

    def _several(self, name: str) -> NoReturn:
        advice = "`.functional(t)`, the law of one number"
        raise DomainError(f"{name} of {self.outputs * self.inputs} numbers", "one output of one input", advice)

    def functional(self, t: Any) -> NetworkLaw:
        r"""The law of one number $\operatorname{tr}T^\top S$, T of rank one: one output on one input, K becomes
        $\operatorname{tr}TKT^\top$. t has the shape of s; another rank mixes two scales or more (`DomainError`).

        So the claims of one number, `.characteristic` and `.density`, are had for every output and linear reading.

        >>> from symlimits.theory.mixtures import output_law
        >>> law = output_law(ratio=1, covariance=[[1, "1/2"], ["1/2", 2]])
        >>> one = law.functional([1, -1])
        >>> one.covariance[0, 0], abs(one.cf(0.3) - law.cf([0.3, -0.3])) < 1e-15
        (2, True)
        """
        T = _exact_matrix(t, (self.outputs, self.inputs))
        if T.rank() != 1:
            wanted = "one row, one column, or another matrix of rank one"
            raise DomainError(f"T of rank {T.rank()}", wanted, "`.characteristic`, or `.cf(t)`")
        return self._of_one_number(sp.ImmutableDenseMatrix([[(T * self.covariance * T.T).trace()]]))

    def _of_one_number(self, covariance: sp.ImmutableDenseMatrix) -> NetworkLaw:
        return replace(self, outputs=1, covariance=covariance)

    def posterior(self, K_train: Any, y: Any, noise_var: Any = 0.0) -> Posterior | TwoOutputPosterior:
        r"""The posterior given outputs y at P training inputs, with Gaussian noise of variance `noise_var` on each.

        K_train (P, P) is $XX^\top/N_0$ of these inputs: it stands in place of the law's own covariance, and the
        variances of the layers multiply it, K_cross and K_test alike. y is (P,), or (P, D) of D outputs. Raises
        `DataError` for shapes, `DomainError` for negative noise, a K_train that is no covariance, and y outside its
        range without noise, `NoRule` for ReLU networks and more than two outputs.

        >>> from symlimits.theory.mixtures import output_law
        >>> post = output_law(ratio=1).posterior([[1.0, 0.5], [0.5, 1.0]], [1.0, -1.0], noise_var=0.1)
        >>> post.mean([[0.8, 0.1]]).round(4), post.covariance([[0.8, 0.1]], [[1.0]]).round(4)
        (array([1.1317]), array([[0.5016]]))
        """
        return posterior(self.mixing, self.outputs, self.variance, K_train, y, noise_var)


def _exact_matrix(t: Any, shape: tuple[int, int]) -> sp.Matrix:
    """t as (D, P), exact; one output may be (P,), one input (D,), one number a scalar."""
    array = np.asarray(t, dtype=object)
    if array.size != shape[0] * shape[1] or (1 not in shape and array.shape != shape):
        raise DataError(f"t of shape {array.shape}", f"{shape[0]} outputs by {shape[1]} inputs", "one number an entry")
    return sp.Matrix(*shape, [exact(entry, "t") for entry in array.ravel().tolist()])
