"""What every output law of a deep linear network is made of: layers that mix, outputs, inputs."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from symlimits.language.names import shown
from symlimits.theory.mixtures.mixing import MixingLaw


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
