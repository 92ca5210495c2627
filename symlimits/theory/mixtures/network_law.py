"""What every output law of a deep linear network is made of: layers that mix, outputs, inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from symlimits.language.names import shown
from symlimits.theory.mixtures.bayes import posterior
from symlimits.theory.mixtures.mixing import MixingLaw
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
