r"""Networks trained on the cross-entropy in the kernel regime: an equation for every network of the ensemble.

The loss is the mean over the n points of $-\sum_kY_k\log\mathrm{softmax}(f)_k$. The linear model
$f(z) = f_z + \Theta_{zx}\alpha$ moves by
$$\dot\alpha = -\eta\Big(\frac1n(\mathrm{softmax}(f_x + \Theta_{xx}\alpha) - Y) + \omega\alpha\Big)$$
or in steps of it, from $\alpha = 0$. The softmax is not linear: what is drawn at the start stays in the mean, which has
no closed form and is taken over drawn starts. Sums over the k outputs do not move where rows of Y sum to 1. Derived
here; the setting is that of Lee et al. 2019, arXiv 1902.06720.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.integrate import solve_ivp
from scipy.special import softmax

from symlimits.errors import DataError, DomainError, ResourceError
from symlimits.language.architecture import Serial
from symlimits.reading.real import as_real
from symlimits.theory.training.data import duration, points
from symlimits.theory.training.grams import Kernels
from symlimits.theory.training.spectrum import Training

Array = npt.NDArray[np.float64]
TOLERANCE = 1e-9  # relative, of the integration
LONGEST = 1e5  # of time, in units of the fastest motion
SUMS = 1e-9  # by which a row of targets may miss one
STEEPEST = 0.5  # of the softmax: the largest eigenvalue of diag(p) - pp'
MEMBERS = 64  # starts that a mean is taken over


@dataclass(frozen=True, eq=False, repr=False)
class CrossEntropyLaw:
    """Made by `trained_law(..., loss="xent")`; `training.entries` is n."""

    network: Serial
    X: Array
    Y: Array
    kernels: Kernels
    K: Array
    Theta: Array
    training: Training
    largest: float
    forced: bool = False

    def __repr__(self) -> str:
        n, k = self.Y.shape
        return f"CrossEntropyLaw({n} points, {k} outputs, critical_lr={self.critical_lr:.6g})"

    @property
    def critical_lr(self) -> float:
        r"""$2(1 + \mu)/(\lambda_{\max}/2n + \omega)$: below it no softmax lets descent diverge."""
        return self.training.critical_lr(STEEPEST * self.largest)

    def outputs(self, Z: Any, time: Any = None, steps: Any = None, start: Any = None) -> Array:
        """The outputs (m, k) at Z of one network, whose outputs at X and then at Z are `start` (n + m, k), or zero.

        Raises `DataError` for other shapes, `DomainError` for infinite time (outputs grow without end), and for steps
        of a rate above the critical one, `ResourceError` for a time too long to integrate.

        >>> import symlimits as sl
        >>> from symlimits import activations as act
        >>> net = sl.mlp(depth=1, activation=act.relu, w_var=2, b_var=0)
        >>> law = sl.trained_law(net, [[1.0], [-1.0]], [[1.0, 0.0], [0.0, 1.0]], loss="xent")
        >>> law.outputs([[1.0]], steps=10).round(4).tolist()
        [[0.6722, -0.6722]]
        """
        z = points(Z, self.X)
        n, k = self.Y.shape
        initial = np.zeros((n + len(z), k)) if start is None else as_real(start, "start")
        if initial.shape != (n + len(z), k):
            raise DataError(
                f"start of shape {initial.shape}", f"({n + len(z)}, {k}), finite", "outputs at X, then at Z"
            )
        return np.asarray(self._trained(z, initial[None], time, steps)[0])

    def mean(self, Z: Any, time: Any = None, steps: Any = None, members: int = MEMBERS, seed: int = 0) -> Array:
        """The mean outputs (m, k) at Z over `members` starts, drawn by `seed` in pairs of opposite sign.

        It has a standard error of the order of their spread over the root of the members. Arguments and errors as for
        `outputs`.

        >>> import symlimits as sl
        >>> from symlimits import activations as act
        >>> net = sl.mlp(depth=1, activation=act.relu, w_var=2, b_var=0)
        >>> law = sl.trained_law(net, [[1.0], [-1.0]], [[1.0, 0.0], [0.0, 1.0]], loss="xent")
        >>> law.mean([[1.0]], steps=10).shape
        (1, 2)
        """
        whole = isinstance(members, int) and not isinstance(members, bool)
        if not whole or members < 2 or members % 2:
            raise DomainError(f"members = {members!r:.40}", "an even number of starts", f"members={MEMBERS}")
        z = points(Z, self.X)
        values, vectors = np.linalg.eigh(self.kernels.prior(np.concatenate([self.X, z])))
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        shape = (members // 2, len(root), self.Y.shape[1])
        half = root @ np.random.default_rng(seed).standard_normal(shape)
        return np.asarray(self._trained(z, np.concatenate([half, -half]), time, steps).mean(axis=0))

    def _trained(self, z: Array, start: Array, time: Any, steps: Any) -> Array:
        """Outputs (members, m, k) of starts (members, n + m, k)."""
        asked = duration(time, steps)
        n = len(self.X)
        first = start[:, :n]
        alpha = self._descended(first, asked) if isinstance(asked, int) else self._flown(first, asked)
        return np.asarray(start[:, n:] + self.kernels(z, self.X)[1] @ alpha)

    def _push(self, first: Array, alpha: Array) -> Array:
        slope = softmax(first + self.Theta @ alpha, axis=-1) - self.Y
        return np.asarray(-self.training.lr * (slope / len(self.X) + self.training.weight_decay * alpha))

    def _descended(self, first: Array, steps: int) -> Array:
        if self.training.lr > self.critical_lr and not self.forced:
            given = f"steps of lr = {self.training.lr:.6g}, above the critical rate {self.critical_lr:.6g}"
            raise DomainError(given, f"lr below {self.critical_lr:.6g}", "a smaller lr, or forced=True")
        now = before = np.zeros_like(first)
        for _ in range(steps):
            now, before = now + self.training.momentum * (now - before) + self._push(first, now), now
        return now

    def _flown(self, first: Array, time: float) -> Array:
        fastest = 2 * (1 + self.training.momentum) * self.training.lr / self.critical_lr
        if time == np.inf:
            raise DomainError("infinite time of the cross-entropy", "a finite time", "time=100.0, or steps=100")
        if time * fastest > LONGEST:
            given = f"time = {time:.3g}, {time * fastest:.1e} times that of the fastest motion"
            raise ResourceError(given, f"at most {LONGEST:.0e} times", "a shorter time")
        size, friction = first.size, 1 - self.training.momentum
        second = bool(self.training.momentum)

        def rate(_: float, state: Array) -> Array:
            push = self._push(first, state[:size].reshape(first.shape)).ravel()
            return np.concatenate([state[size:], push - friction * state[size:]]) if second else push

        begin = np.zeros(size * (1 + second))
        found = solve_ivp(rate, (0.0, time), begin, method="DOP853", rtol=TOLERANCE, atol=TOLERANCE * 1e-3)
        return np.asarray(found.y[:size, -1].reshape(first.shape))


def check_targets(Y: Array) -> None:
    """Rows of Y are probabilities of two classes or more, or `DataError`."""
    if Y.shape[1] < 2 or Y.min() < 0 or np.abs(Y.sum(axis=1) - 1).max() > SUMS:
        given = f"Y of shape {Y.shape} for the cross-entropy"
        raise DataError(given, "rows of probabilities of two classes or more, that sum to 1", "np.eye(k)[labels]")
