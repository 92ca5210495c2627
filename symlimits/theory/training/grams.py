"""The two kernels of training: of the outputs at the start and of what is trained, from one pass over the inputs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from symlimits.limits import Limit

Array = npt.NDArray[np.float64]
KEPT = 2**22  # entries of a kernel between test and training inputs: 32 MB


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
    recent: list[tuple[Array, tuple[Array, Array]]] = field(default_factory=list, compare=False, repr=False)

    def across(self, Z: Array, X: Array) -> tuple[Array, Array]:
        """Both Gram matrices (m, n) of Z and the training inputs X, kept until other Z are asked for.

        The mean and the covariance at the same inputs need the same kernels. Large ones are not kept.
        """
        for inputs, kernels in self.recent[:1]:
            if np.array_equal(inputs, Z):
                return kernels
        found = self(Z, X)
        self.recent[:] = [(Z.copy(), found)] if len(Z) * len(X) <= KEPT else []
        return found

    def __call__(self, X: npt.ArrayLike, Z: npt.ArrayLike | None = None) -> tuple[Array, Array]:
        """Both Gram matrices (n, m) of X (n, d) and Z (m, d), or X again."""
        if self.tangent is None:
            K = self.prior(X) if Z is None else self.prior(X, Z)
            return K, K
        K, Theta = self.tangent.compile().both(X, Z)
        return K, Theta
