"""The two kernels of training: of the outputs at the start and of what is trained, from one pass over the inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from symlimits.limits import Limit

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Kernels:
    """K, and $\\Theta$, which is K again if `tangent` is None: the last layer alone is trained.

    >>> from symlimits import activations as act, mlp
    >>> from symlimits.theory.kernels import nngp, ntk
    >>> net = mlp(depth=1, activation=act.relu, w_var=2, b_var=0)
    >>> [kernel.tolist() for kernel in Kernels(nngp(net), ntk(net))([[1.0]])]
    [[[2.0]], [[4.0]]]
    """

    prior: Limit
    tangent: Limit | None

    def __call__(self, X: npt.ArrayLike, Z: npt.ArrayLike | None = None) -> tuple[Array, Array]:
        """Both Gram matrices (n, m) of X (n, d) and Z (m, d), or X again."""
        if self.tangent is None:
            K = self.prior(X) if Z is None else self.prior(X, Z)
            return K, K
        K, Theta = self.tangent.compile().both(X, Z)
        return K, Theta
