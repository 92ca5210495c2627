"""What `linearization` returns: runs of one network, the exponents of the gaps, and measured slopes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.errors import DomainError, NoRule
from symlimits.finite.deep_linear_experiments import frozen
from symlimits.finite.descent import LINEAR, Descent
from symlimits.finite.gaps import NETS, QUANTITIES, NetworkGaps
from symlimits.finite.linearized import required_bytes, trained_beside
from symlimits.finite.slopes import Slope, slope
from symlimits.finite.statistics import seed as generator
from symlimits.finite.threads import one_thread
from symlimits.language.architecture import Serial
from symlimits.language.names import shown
from symlimits.limits import Limit
from symlimits.memory import check_memory
from symlimits.points import check_seed
from symlimits.theory.linearization.claims import exponent_claim
from symlimits.theory.training.cross_entropy import CrossEntropyLaw
from symlimits.theory.training.data import word
from symlimits.theory.training.law import TrainedLaw

Array = npt.NDArray[np.float64]
STILL = 1e-12  # of the tangent kernel: rounding
SEEN = 9  # times at which a run looks at its kernel
MEASURED = ("linearized", "kernel_drift", "kernel", "movement")


@dataclass(frozen=True, eq=False, repr=False)
class LinearizedRun:
    r"""One network of some width over its training, beside its linearisation.

    `f` and `f_lin` are (steps + 1, n, k); `kernels` (len(times), n, k, n, k) is $\hat\Theta_t$ at the steps `times`;
    `movement` (steps + 1,) is $\|\theta_t - \theta_0\|$.
    """

    width: int
    seed: int
    f: Array
    f_lin: Array
    times: tuple[int, ...]
    kernels: Array
    movement: Array

    @property
    def gap(self) -> Array:
        r"""$\|f_t - f_t^{lin}\|$ over data and outputs, (steps + 1,)."""
        return np.sqrt(((self.f - self.f_lin) ** 2).sum(axis=(1, 2)))

    @property
    def kernel_drift(self) -> Array:
        r"""$\|\hat\Theta_t - \hat\Theta_{t_0}\|_F$ at the `times`, of which $t_0$ is the first."""
        return np.sqrt(((self.kernels - self.kernels[0]) ** 2).sum(axis=(1, 2, 3, 4)))

    def __repr__(self) -> str:
        steps, n, k = self.f.shape
        said = f"{steps - 1} steps, {n} points, {k} outputs, largest gap {self.gap.max():.3g}"
        return f"LinearizedRun(width {self.width}, seed {self.seed}, {said})"


@dataclass(frozen=True, eq=False, repr=False)
class Linearization:
    """Networks and their linearisations; made by `linearization`. `law` is that of infinitely wide ones."""

    net: Serial
    law: TrainedLaw | CrossEntropyLaw
    descent: Descent

    def __repr__(self) -> str:
        n, k = self.law.Y.shape
        how = f"{self.descent.optimizer}, {self.descent.loss}, {self.descent.steps} steps of {self.descent.lr:.6g}"
        return f"Linearization({n} points, {k} outputs, {how})"

    def run(self, width: int, seed: int = 0, times: Sequence[int] | None = None) -> LinearizedRun:
        """One network of some width, trained; `times` are steps at which its kernel is looked at, by default nine.

        Raises `DomainError` for a width, seed or time that is none, and where outputs overflow, `ResourceError` for a
        width whose parameters do not fit in memory.

        >>> import symlimits as sl
        >>> from symlimits import activations as act
        >>> net = sl.mlp(depth=2, activation=act.erf, w_var=2, b_var=0)
        >>> lin = sl.linearization(net, [[1.0], [-0.5]], [[1.0], [0.0]], lr=0.5, steps=8, optimizer="momentum")
        >>> lin.run(width=128, seed=1).kernels.shape
        (9, 2, 1, 2, 1)
        """
        _check_width(width)
        check_seed(seed)
        steps, (n, k) = self.descent.steps, self.law.Y.shape
        seen = tuple(np.unique(np.linspace(0, steps, SEEN).astype(int)).tolist()) if times is None else _times(
            times, steps
        )  # fmt: skip
        needed = required_bytes(self.net, self.law.X.shape[1], n, k, width, 1, steps) + 16 * len(seen) * (n * k) ** 2
        check_memory(needed, f"a network of width {width} and its linearisation", "a smaller width")
        rng = generator("linearization", width, 0, seed)
        with one_thread():
            found = trained_beside(self.net, self.law.X, self.law.Y, self.descent, width, 1, rng, seen)
        return LinearizedRun(width, seed, found.f[0], found.f_lin[0], seen, found.kernels[0], found.movement[0])

    @property
    def linearized(self) -> Limit:
        r"""Gap (a): the exponent of $\sup_t\|f_t - f_t^{lin}\|$, of the same start and kernel."""
        return exponent_claim(self.experiment("linearized"))

    @property
    def kernel_drift(self) -> Limit:
        r"""The exponent of $\|\hat\Theta_T - \hat\Theta_0\|_F$."""
        return exponent_claim(self.experiment("kernel_drift"))

    @property
    def kernel(self) -> Limit:
        r"""Gap (b): the exponent of the distance of linear models of $\hat\Theta_0$ and of $\Theta$, of one start."""
        return exponent_claim(self.experiment("kernel"))

    @property
    def ensemble_mean(self) -> Limit:
        """Gap (c): the exponent of the distance of the mean over networks from the mean of the law, for "mse"."""
        return exponent_claim(self.experiment("ensemble_mean"))

    @property
    def movement(self) -> Limit:
        r"""The exponent of $\|\theta_T - \theta_0\|$."""
        return exponent_claim(self.experiment("movement"))

    def slopes(
        self, widths: Sequence[int], nets: int = 16, seed: int = 0, quantities: Sequence[str] | None = None
    ) -> dict[str, Slope]:
        """Measured exponents with standard errors, for every optimiser: a figure, where no exponent is derived.

        Of "linearized", "kernel_drift" and "movement", and of "kernel" for optimisers that are linear in the gradients,
        or of `quantities`, "ensemble_mean" among them; `nets` networks (of that one, means over four times as many as
        the width), two or more, at each of three widths or more.

        >>> import symlimits as sl
        >>> from symlimits import activations as act
        >>> net = sl.mlp(depth=1, activation=act.erf, w_var=2, b_var=0)
        >>> lin = sl.linearization(net, [[1.0], [-0.5]], [[1.0], [0.0]], lr=0.1, steps=8, optimizer="adam")
        >>> round(lin.slopes((64, 256, 1024), nets=64)["linearized"].exponent, 1)
        -1.0
        """
        names = [name for name in MEASURED if name != "kernel" or self.descent.optimizer in LINEAR]
        if quantities is not None:
            names = list(quantities)
        return {name: slope(self.draws(name, widths, nets, seed), name) for name in names}

    def draws(self, quantity: str, widths: Sequence[int], nets: int = 16, seed: int = 0) -> dict[int, Array]:
        """The numbers that `slopes` are of: an array (nets,) for each width, which depends on nothing else."""
        word(quantity, "quantity", tuple(QUANTITIES))
        check_seed(seed)
        for width in widths:
            _check_width(width)
        if isinstance(nets, bool) or not isinstance(nets, int) or nets < 2:
            raise DomainError(f"nets = {shown(nets)}", "a number of networks, two or more", "nets=16")
        experiment = replace(self._gaps(quantity), nets=min(nets, NETS))
        for width in widths:
            check_memory(experiment.required_bytes(width), f"networks of width {width}", "smaller widths")
        with one_thread():
            return {width: _drawn(experiment, width, nets, seed) for width in widths}

    def experiment(self, quantity: str) -> NetworkGaps:
        """The networks of a quantity; `NoRule` where no exponent is derived, `DomainError` for what is zero always."""
        if self.descent.optimizer not in LINEAR:
            given = f"the exponent of {quantity} of networks trained by {self.descent.optimizer}"
            raise NoRule(given, "'sgd' or 'momentum', which are linear in the gradients", ".slopes(widths) measures it")
        self._check_moves(quantity)
        return self._gaps(quantity)

    def _check_moves(self, quantity: str) -> None:
        """Where hidden layers have no derivatives, Theta is K: networks are linear in what is trained, at any width."""
        K, Theta = (np.diagonal(kernel) for kernel in self.law.kernels(self.law.X))
        hidden = Theta if quantity == "movement" else Theta - K
        if not (hidden > STILL * Theta).any():
            what = "any parameter" if quantity == "movement" else "any layer but the last"
            given = f"the exponent of {quantity} of networks without derivatives by {what} at these data"
            wanted = "data at which they move: the quantity is zero"
            raise DomainError(given, wanted, "inputs other than zero, biases, an activation that is not constant")

    def _gaps(self, quantity: str) -> NetworkGaps:
        X, Y = frozen(self.law.X.tolist()), frozen(self.law.Y.tolist())
        return NetworkGaps(self.net, X, Y, self.descent, quantity, self._target(quantity))

    def _target(self, quantity: str) -> Any:
        if quantity == "kernel":
            return frozen(self.law.kernels(self.law.X)[1].tolist())
        if quantity != "ensemble_mean":
            return ()
        if isinstance(self.law, CrossEntropyLaw):
            given = "the mean of networks trained on the cross-entropy, which has no closed form"
            raise NoRule(given, "loss='mse'", "trained_law(..., loss='xent').mean, over drawn starts")
        return frozen(self.law.mean(self.law.X, steps=self.descent.steps).tolist())


def _drawn(experiment: NetworkGaps, width: int, nets: int, seed: int) -> Array:
    """Chunk after chunk, each with a seed of its own."""
    parts: list[Array] = []
    while sum(map(len, parts)) < nets:
        parts.append(experiment(width, generator(experiment.quantity, width, len(parts), seed)))
    return np.concatenate(parts)[:nets]


def _times(times: Sequence[int], steps: int) -> tuple[int, ...]:
    known = isinstance(times, Sequence | np.ndarray) and len(times) > 0
    whole = known and all(isinstance(t, int | np.integer) and not isinstance(t, bool) for t in times)
    if not whole or not all(0 <= t <= steps for t in times) or any(np.diff(np.asarray(times)) <= 0):
        raise DomainError(f"times = {shown(times)}", f"rising steps from 0 to {steps}", f"times=(0, {steps})")
    return tuple(map(int, times))


def _check_width(width: object) -> None:
    if isinstance(width, bool) or not isinstance(width, int) or width < 1:
        raise DomainError(f"width = {shown(width)}", "a positive integer", "width=512")
