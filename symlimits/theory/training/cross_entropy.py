r"""Networks trained on the cross-entropy in the kernel regime: an equation for every network of the ensemble.

The loss is the mean over the n points of $-\sum_kY_k\log\mathrm{softmax}(f)_k$. The linear model
$f(z) = f_z + \Theta_{zx}\alpha$ moves by
$$\dot\alpha = -\eta\Big(\frac1n(\mathrm{softmax}(f_x + \Theta_{xx}\alpha) - Y) + \omega\alpha\Big)$$
or in steps of it, from $\alpha = 0$. The softmax is not linear: what is drawn at the start stays in the mean, which has
no closed form and is taken over drawn starts. Sums over the k outputs do not move where rows of Y sum to 1. With
weight decay it ends at a rest point, at infinite time. Lines: `cross_entropy_lines`. Derived here; the setting is that
of Lee et al. 2019, arXiv 1902.06720.
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
from symlimits.matrices import MatrixDerivation
from symlimits.points import check_seed
from symlimits.reading.normal_points import normal_sources
from symlimits.reading.real import as_real
from symlimits.theory.training.cross_entropy_lines import cross_entropy_statement
from symlimits.theory.training.data import duration, points, time_kind
from symlimits.theory.training.grams import Kernels
from symlimits.theory.training.rest_point import rest_points
from symlimits.theory.training.spectrum import Training

Array = npt.NDArray[np.float64]
TOLERANCE = 1e-9  # relative, of the integration
LONGEST = 1e5  # of time, in units of the fastest motion
SUMS = 1e-9  # by which a row of targets may miss one
STEEPEST = 0.5  # of the softmax: the largest eigenvalue of diag(p) - pp'
MEMBERS = 64  # starts that a mean is taken over
MOST_SOURCES = 21_201  # dimensions of SciPy's Sobol points; beyond, starts are drawn


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
        r"""$2(1 + \mu)/(\lambda_{\max}/2n + \omega)$: no softmax is steeper than that of two equal classes.

        Below it descent without momentum never increases the loss, which is convex; with momentum it is what the
        steepest softmax, kept as it is, lets converge.
        """
        return self.training.critical_lr(STEEPEST * self.largest)

    def outputs(self, Z: Any, time: Any = None, steps: Any = None, start: Any = None) -> Array:
        """The outputs (m, k) at Z of one network, whose outputs at X and then at Z are `start` (n + m, k), or zero.

        At infinite time, the default, with weight decay: parameters are within 1e-9 (1 + size) of the minimum, of which
        the root of Theta(z, z) is seen. Raises `DataError` for other shapes, `DomainError` for infinite time without
        decay (outputs of data that can be separated grow without end), and for steps of a rate above the critical one,
        `ResourceError` for a time too long to integrate, and for a decay near rounding.

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
        alpha = self._coefficients(initial[None, :n], duration(time, steps))[0]
        return np.asarray(initial[n:] + self.kernels(z, self.X)[1] @ alpha)

    def mean(self, Z: Any, time: Any = None, steps: Any = None, members: int = MEMBERS, seed: int = 0) -> Array:
        """The mean outputs (m, k) at Z over `members` starts, a power of two, in pairs of opposite sign.

        The starts are scrambled Sobol points that `seed` fixes: the error falls nearly like one over the members.
        Arguments and errors as for `outputs`.

        >>> import symlimits as sl
        >>> from symlimits import activations as act
        >>> net = sl.mlp(depth=1, activation=act.relu, w_var=2, b_var=0)
        >>> law = sl.trained_law(net, [[1.0], [-1.0]], [[1.0, 0.0], [0.0, 1.0]], loss="xent")
        >>> law.mean([[1.0]], steps=10).shape
        (1, 2)
        """
        whole = isinstance(members, int) and not isinstance(members, bool)
        if not whole or members < 2 or members & (members - 1):
            raise DomainError(f"members = {members!r:.40}", "a number of starts that is a power of two", "members=64")
        check_seed(seed)
        z = points(Z, self.X)
        first = self._starts(members // 2, seed)
        alpha = self._coefficients(np.concatenate([first, -first]), duration(time, steps)).mean(axis=0)
        return np.asarray(self.kernels(z, self.X)[1] @ alpha)

    def derivation(self, quantity: str = "outputs", time: Any = None, steps: Any = None) -> MatrixDerivation:
        r"""The lines that lead from gradient descent to the "outputs" of one network, or to their "sums" over classes.

        In symbols: $\eta$ is the learning rate, $\mu$ the momentum, $\omega$ the weight decay, n the number of points.

        >>> import symlimits as sl
        >>> from symlimits import activations as act
        >>> net = sl.mlp(depth=1, activation=act.relu, w_var=2, b_var=0)
        >>> law = sl.trained_law(net, [[1.0], [-1.0]], [[1.0, 0.0], [0.0, 1.0]], loss="xent")
        >>> law.derivation("sums", time=1).expr
        f_z*e_k
        """
        kind = time_kind(duration(time, steps))
        momentum, decay = bool(self.training.momentum), bool(self.training.weight_decay)
        return cross_entropy_statement(quantity, kind, momentum, decay, self.network.rated)

    def _starts(self, count: int, seed: int) -> Array:
        """Outputs (count, n, k) at X of networks at the start, at scrambled Sobol points."""
        values, vectors = np.linalg.eigh(self.K)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        n, k = self.Y.shape
        if n * k <= MOST_SOURCES:
            return np.asarray(root @ normal_sources(n * k, count, seed).reshape(count, n, k))
        return np.asarray(root @ np.random.default_rng(seed).standard_normal((count, n, k)))

    def _coefficients(self, first: Array, asked: float | int) -> Array:
        r"""$\alpha$ (members, n, k) of networks whose outputs at X start at `first`."""
        if isinstance(asked, int):
            return self._descended(first, asked)
        return self._flown(first, asked) if asked < np.inf else self._ended(first)

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

    def _ended(self, first: Array) -> Array:
        if not self.training.weight_decay:
            given = "infinite time of the cross-entropy without weight decay"
            wanted = "a finite time: outputs of data that can be separated grow for ever"
            raise DomainError(given, wanted, "time=100.0, steps=100, or weight_decay=0.01")
        return rest_points(first, self.Y, self.Theta, self.training.weight_decay)


def check_targets(Y: Array) -> None:
    """Rows of Y are probabilities of two classes or more, or `DataError`."""
    if Y.shape[1] < 2 or Y.min() < 0 or np.abs(Y.sum(axis=1) - 1).max() > SUMS:
        given = f"Y of shape {Y.shape} for the cross-entropy"
        raise DataError(given, "rows of probabilities of two classes or more, that sum to 1", "np.eye(k)[labels]")
