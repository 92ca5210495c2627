r"""The law of wide networks that were trained by gradient descent on the squared loss.

With $B = \Theta_{zx}\,g(\Theta_{xx})$, g the solved line of `statement` at the time that is asked for,
$$\mathbb E f(z) = BY,\qquad \mathrm{Cov}(f(z), f(w)) = K_{zw} - B_zK_{xw} - K_{zx}B_w^\top + B_zK_{xx}B_w^\top.$$
Each output has this covariance, and different outputs are independent. Source: Lee et al. 2019, arXiv 1902.06720.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.errors import DomainError
from symlimits.language.architecture import Serial
from symlimits.matrices import MatrixDerivation
from symlimits.memory import check_memory
from symlimits.theory.training.data import duration, points, time_kind
from symlimits.theory.training.grams import Kernels
from symlimits.theory.training.spectrum import Spectrum, Training
from symlimits.theory.training.statements import statement

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class TrainedLaw:
    """The Gaussian process of trained outputs; made by `trained_law`.

    `network` is what was trained; `X` (n, d), `Y` (n, k); `kernels` are those of the outputs at the start, `K` (n, n)
    at X, and of what is trained.
    """

    network: Serial
    X: Array
    Y: Array
    kernels: Kernels
    K: Array
    training: Training
    spectrum: Spectrum
    forced: bool = False

    def __repr__(self) -> str:
        n, k = self.Y.shape
        name = "NNGP" if self.last_layer else "NTK"
        return f"TrainedLaw({n} points, {k} outputs, {name}, critical_lr={self.critical_lr:.6g})"

    @property
    def last_layer(self) -> bool:
        """Whether only the last layer is trained."""
        return self.kernels.tangent is None

    @property
    def critical_lr(self) -> float:
        r"""The learning rate above which descent diverges, $2(1 + \mu)/(\lambda_{\max}/m + \omega)$, m = n k."""
        return self.training.critical_lr(float(self.spectrum.values[-1]))

    def mean(self, Z: Any, time: Any = None, steps: Any = None) -> Array:
        r"""$\mathbb E f(z)$ at test inputs Z (m, d) over networks trained for a `time` or for some `steps`: (m, k).

        `time` (zero or more, by default infinite) is that of the flow: t steps as lr goes to 0. Raises `DataError` for
        another Z, `DomainError` for negative times, for steps of a learning rate above the critical one, and for
        infinite time where the kernel is singular.

        >>> import symlimits as sl
        >>> from symlimits import activations as act
        >>> net = sl.mlp(depth=1, activation=act.relu, w_var=2, b_var=0)
        >>> law = sl.trained_law(net, [[1.0, 0.0], [0.0, 1.0]], [[1.0], [0.0]])
        >>> law.mean([[1.0, 0.0], [1.0, 1.0]]).round(4).tolist()
        [[1.0], [0.7843]]
        >>> law.mean([[1.0, 0.0]], steps=10).round(4).tolist()
        [[0.6464]]
        """
        g, vectors = self._filter(time, steps), self.spectrum.vectors
        coefficients = vectors @ (g[:, None] * (vectors.T @ self.Y))
        return np.asarray(self.kernels.across(self._tested(Z, "Z"), self.X)[1] @ coefficients)

    def covariance(self, Z: Any, W: Any = None, time: Any = None, steps: Any = None) -> Array:
        r"""$\mathrm{Cov}(f(z), f(w))$ of one output at test inputs Z (m, d) and W (l, d), by default Z again: (m, l).

        W may be the training inputs: what is left there at a finite time is correlated with what is seen elsewhere.
        Arguments and errors as for `mean`.

        >>> import symlimits as sl
        >>> from symlimits import activations as act
        >>> net = sl.mlp(depth=1, activation=act.relu, w_var=2, b_var=0)
        >>> law = sl.trained_law(net, [[1.0, 0.0], [0.0, 1.0]], [[1.0], [0.0]])
        >>> law.covariance([[1.0, 0.0], [1.0, 1.0]]).round(4).tolist()
        [[0.0, 0.0], [0.0, 0.2703]]
        """
        g = self._filter(time, steps)
        z = self._tested(Z, "Z")
        B, K_zx = self._transfer(z, g)
        moved = B @ self.K
        if W is None:
            half = 0.5 * ((moved - 2 * K_zx) @ B.T)  # the two cross terms are each other's transposes
            return np.asarray(self.kernels.prior(z) + half + half.T)
        w = self._tested(W, "W")
        B_w, K_wx = self._transfer(w, g)
        return np.asarray(self.kernels.prior(z, w) + (moved - K_zx) @ B_w.T - B @ K_wx.T)

    def derivation(self, quantity: str = "mean", time: Any = None, steps: Any = None) -> MatrixDerivation:
        r"""The lines that lead from gradient descent to the "mean", the "covariance" or the "outputs" of one network.

        In symbols: $\eta$ is the learning rate, $\mu$ the momentum, $\omega$ the weight decay, m = n k.

        >>> import symlimits as sl
        >>> from symlimits import activations as act
        >>> net = sl.mlp(depth=1, activation=act.relu, w_var=2, b_var=0)
        >>> law = sl.trained_law(net, [[1.0, 0.0], [0.0, 1.0]], [[1.0], [0.0]])
        >>> law.derivation("mean", steps=10).expr
        Theta_zx*[(1 - (-eta*lamda/m + 1)**t)/lamda at lamda = Theta_xx]*Y
        """
        kind = time_kind(duration(time, steps))
        momentum, decay = bool(self.training.momentum), bool(self.training.weight_decay)
        return statement(quantity, kind, momentum, decay, self.network.rated)

    def _tested(self, Z: Any, name: str) -> Array:
        rows = points(Z, self.X, name)
        needed = 8 * 6 * len(rows) * (len(self.X) + len(rows))
        check_memory(needed, f"the law at {len(rows)} test inputs", "fewer test inputs at a time")
        return rows

    def _filter(self, time: Any, steps: Any) -> Array:
        asked = duration(time, steps)
        if isinstance(asked, int) and self.training.lr > self.critical_lr and not self.forced:
            given = f"steps of lr = {self.training.lr:.6g}, above the critical rate {self.critical_lr:.6g}"
            wanted = f"lr below {self.critical_lr:.6g}: beyond it the steps diverge"
            raise DomainError(given, wanted, "a smaller lr, or forced=True")
        with np.errstate(over="ignore", invalid="ignore"):  # a forced rate: refused below where it leaves the floats
            found = self.spectrum.filter(self.training, asked)
        if not np.isfinite(found).all():
            raise DomainError(
                f"lr = {self.training.lr:.6g}, with which outputs overflow", "finite outputs", "fewer steps"
            )
        return found

    def _transfer(self, z: Array, g: Array) -> tuple[Array, Array]:
        r"""B (m, n), the outputs at z by the targets, and $K_{zx}$."""
        vectors = self.spectrum.vectors
        K, Theta = self.kernels.across(z, self.X)
        return np.asarray(((Theta @ vectors) * g) @ vectors.T), K
